/* Man pages, made of the same rows as --help. */
#include "cli/command.h"

#include <ctype.h>
#include <string.h>

/* The code point of the UTF-8 sequence at *text, which is moved past it; our own strings are well
 * formed. */
static unsigned next_character(const char **text)
{
    unsigned char first = (unsigned char)*(*text)++;
    unsigned value = first < 0x80 ? first : first < 0xe0 ? first & 0x1f : first & 0x0f;
    while (((unsigned char)**text & 0xc0) == 0x80)
        value = value << 6 | ((unsigned char)*(*text)++ & 0x3f);
    return value;
}

/* Text that is only text: characters that roff would read as requests, or typeset as others. */
static void print_text(FILE *stream, const char *text)
{
    while (*text) {
        unsigned character = next_character(&text);
        if (character == '\\')
            fputs("\\e", stream);
        else if (character == '-')
            fputs("\\-", stream);
        else if (character == '\'')
            fputs("\\(aq", stream);
        else if (character == '`')
            fputs("\\(ga", stream);
        else if (character == '^')
            fputs("\\(ha", stream);
        else if (character == '~')
            fputs("\\(ti", stream);
        else if (character == '.')
            fputs("\\&.", stream); /* one at the start of a line begins a request */
        else if (character < 0x80)
            fputc((int)character, stream);
        else
            fprintf(stream, "\\[u%04X]", character);
    }
}

static void print_line(FILE *stream, const char *text)
{
    print_text(stream, text);
    fputc('\n', stream);
}

/* Paragraphs, which newlines divide. */
static void print_paragraphs(FILE *stream, const char *text)
{
    char line[2048];
    while (*text) {
        size_t length = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        print_line(stream, line);
        text += length;
        if (*text && *++text)
            fputs(".PP\n", stream);
    }
}

/* Synopses: words in capitals are for the reader to replace. */
static void print_synopsis(FILE *stream, const char *text)
{
    while (*text) {
        size_t length = 0;
        char word[64];
        while (isupper((unsigned char)text[length]) || (length && text[length] == '_'))
            length++;
        if (length > 1 && length < sizeof word) {
            snprintf(word, sizeof word, "%.*s", (int)length, text);
            fprintf(stream, "\\fI%s\\fR", word);
            text += length;
            continue;
        }
        snprintf(word, sizeof word, "%.*s", length ? (int)length : 1, text);
        print_text(stream, word);
        text += strlen(word);
    }
    fputc('\n', stream);
}

static void print_option(FILE *stream, const struct hop_cli_option *option)
{
    fputs(".TP\n", stream);
    if (option->letter)
        fprintf(stream, "\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", stream);
    print_text(stream, option->name);
    fputs("\\fR", stream);
    if (option->argument) {
        fputs(" \\fI", stream);
        print_text(stream, option->argument);
        fputs("\\fR", stream);
    }
    fputc('\n', stream);
    print_line(stream, option->help);
    if (option->choice) {
        fputs(".br\nOne of:", stream);
        for (size_t i = 0; option->choice(i); i++) {
            fputs(i ? ", " : " ", stream);
            print_text(stream, option->choice(i));
        }
        fputs("\\&.\n", stream);
    }
}

static void print_examples(FILE *stream, const struct hop_cli_example *examples)
{
    fputs(".SH EXAMPLES\n", stream);
    for (; examples->line; examples++) {
        fputs(".TP\n\\fB", stream);
        print_text(stream, examples->line);
        fputs("\\fR\n", stream);
        print_line(stream, examples->help);
    }
}

static void print_exit_codes(FILE *stream)
{
    fputs(".SH EXIT STATUS\n", stream);
    for (const struct hop_cli_exit_code *row = hop_cli_exit_codes; row->help; row++) {
        fprintf(stream, ".TP\n%d\n", row->code);
        print_line(stream, row->help);
    }
    fputs(".PP\n", stream);
    print_paragraphs(stream, hop_cli_exit_of_program);
}

static void print_see_also(FILE *stream, const struct hop_cli_command *but)
{
    fputs(".SH SEE ALSO\n", stream);
    if (but)
        fputs(".BR heavyops (1)", stream);
    for (const struct hop_cli_command *const *row = hop_cli_commands(); *row; row++) {
        if (*row == but)
            continue;
        if (but || row != hop_cli_commands())
            fputs(",\n", stream);
        fprintf(stream, ".BR heavyops\\-%s (1)", (*row)->name);
    }
    fputc('\n', stream);
}

void hop_cli_print_man(FILE *stream)
{
    fprintf(stream, ".TH HEAVYOPS 1 \"\" \"heavyops %s\" \"User Commands\"\n", hop_version());
    fputs(".SH NAME\nheavyops \\- ", stream);
    print_line(stream, hop_cli_summary);
    fputs(".SH SYNOPSIS\n", stream);
    for (size_t i = 0; hop_cli_synopses[i]; i++) {
        if (i)
            fputs(".br\n", stream);
        fputs(".B heavyops\n", stream);
        print_synopsis(stream, hop_cli_synopses[i]);
    }
    fputs(".SH DESCRIPTION\n", stream);
    print_paragraphs(stream, hop_cli_description);
    fputs(".PP\nCPython ", stream);
    print_text(stream, hop_supported_pythons());
    fputs(" can be read\\&.\n.SH COMMANDS\n", stream);
    for (const struct hop_cli_command *const *row = hop_cli_commands(); *row; row++) {
        fprintf(stream, ".TP\n.BR heavyops\\-%s (1)\n", (*row)->name);
        print_line(stream, (*row)->summary);
    }
    print_examples(stream, hop_cli_examples);
    print_exit_codes(stream);
    print_see_also(stream, NULL);
}

void hop_cli_print_command_man(const struct hop_cli_command *command, FILE *stream)
{
    fputs(".TH HEAVYOPS\\-", stream);
    for (const char *at = command->name; *at; at++)
        fputc(toupper((unsigned char)*at), stream);
    fprintf(stream, " 1 \"\" \"heavyops %s\" \"User Commands\"\n", hop_version());
    fprintf(stream, ".SH NAME\nheavyops\\-%s \\- ", command->name);
    print_line(stream, command->summary);
    fprintf(stream, ".SH SYNOPSIS\n.B heavyops %s\n", command->name);
    print_synopsis(stream, command->synopsis);
    fputs(".SH DESCRIPTION\n", stream);
    print_paragraphs(stream, command->description);
    fputs(".SH OPTIONS\n", stream);
    for (const struct hop_cli_group *const *group = command->groups; *group; group++) {
        fputs(".SS ", stream);
        print_line(stream, (*group)->title);
        for (const struct hop_cli_option *row = (*group)->options; row->name; row++)
            print_option(stream, row);
    }
    print_examples(stream, command->examples);
    print_exit_codes(stream);
    print_see_also(stream, command);
}
