/* Prints help from the rows of commands and options. */
#include "cli/command.h"

#include <string.h>

enum {
    WIDTH = 80,         /* of the narrowest terminal in use */
    OPTION_COLUMN = 28, /* where the words on an option begin */
};

/* Words from `column` on, broken at blanks before the terminal's edge; `column` is where we are. */
static void print_wrapped(FILE *stream, const char *text, int indent)
{
    int column = indent;
    while (*text) {
        int length = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + length > WIDTH) {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', stream);
            column++;
        }
        fprintf(stream, "%.*s", length, text);
        column += length;
        text += length;
        if (*text == '\n') {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
        }
        text += *text != '\0';
    }
    fputc('\n', stream);
}

static void print_option(FILE *stream, const struct hop_cli_option *option)
{
    char left[64];
    if (option->letter)
        snprintf(left, sizeof left, "  -%c, --%s %s", option->letter, option->name,
                 option->argument ? option->argument : "");
    else
        snprintf(left, sizeof left, "      --%s %s", option->name,
                 option->argument ? option->argument : "");
    fprintf(stream, "%-*s", OPTION_COLUMN - 1, left);
    if (strlen(left) >= OPTION_COLUMN)
        fprintf(stream, "\n%*s", OPTION_COLUMN, "");
    else
        fputc(' ', stream);
    char help[1024];
    size_t used = (size_t)snprintf(help, sizeof help, "%s", option->help);
    for (size_t i = 0; option->lists_choices && option->choice(i) && used < sizeof help; i++)
        used += (size_t)snprintf(help + used, sizeof help - used, "%s%s", i ? ", " : ": ",
                                 option->choice(i));
    print_wrapped(stream, help, OPTION_COLUMN);
}

static void print_examples(FILE *stream, const struct hop_cli_example *examples)
{
    fputs("\nExamples\n", stream);
    for (; examples->line; examples++)
        fprintf(stream, "  %s\n      %s\n", examples->line, examples->help);
}

const struct hop_cli_example hop_cli_examples[] = {
    {"heavyops app.py arg", "runs the script and reports when it ends"},
    {"heavyops attach --pid 1234 -d 30", "looks at a running process for half a minute"},
    {"heavyops attach 1234 -i all", "where the time goes, over all instructions"},
    {0},
};

const struct hop_cli_exit_code hop_cli_exit_codes[] = {
    {HOP_EXIT_OK, "all went well"},
    {HOP_EXIT_FAILED, "something else failed: the output could not be written, no memory"},
    {HOP_EXIT_USAGE, "a wrong option, value or name"},
    {HOP_EXIT_CANNOT_ATTACH, "cannot attach: no such process, no permission, not a Python"},
    {HOP_EXIT_UNSUPPORTED, "a Python that this build of heavyops cannot read"},
    {HOP_EXIT_NOTHING, "attached, but nothing could be sampled"},
    {HOP_EXIT_GREW, "diff --fail-above: something grew by more than that, beyond chance"},
    {HOP_EXIT_BAD_PROFILE, "a file that is no profile of heavyops, or a broken one"},
    {0},
};

const char hop_cli_exit_of_program[] =
    "record ends with the program's own status: 128 + N when signal N killed it, 126 "
    "when it could not be started, 127 when there is no such program.";

const char *const hop_cli_synopses[] = {
    "COMMAND [OPTION...] ...",
    "[OPTION...] SCRIPT.py ...   like: record -- python3 SCRIPT.py ...",
    NULL,
};

const char hop_cli_summary[] = "which bytecode instructions a running CPython spends its time in";
const char hop_cli_description[] =
    "heavyops says which bytecode instructions a running CPython spends its time in.";

static void print_exit_codes(FILE *stream)
{
    fputs("\nExit codes\n", stream);
    for (const struct hop_cli_exit_code *row = hop_cli_exit_codes; row->help; row++)
        fprintf(stream, "  %d   %s\n", row->code, row->help);
    fputs("  ", stream);
    print_wrapped(stream, hop_cli_exit_of_program, 2);
}

void hop_cli_print_help(FILE *stream)
{
    fprintf(stream, "%s\n\n", hop_cli_description);
    for (size_t i = 0; hop_cli_synopses[i]; i++)
        fprintf(stream, "  heavyops %s\n", hop_cli_synopses[i]);
    fputs("\nCommands\n", stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        fprintf(stream, "  %-9s %s\n", (*command)->name, (*command)->summary);
    print_examples(stream, hop_cli_examples);
    print_exit_codes(stream);
    fprintf(stream,
            "\nCPython %s can be read.\n"
            "'heavyops COMMAND --help' tells the rest; 'heavyops --version' prints %s.\n",
            hop_supported_pythons(), hop_version());
}

void hop_cli_print_command_help(const struct hop_cli_command *command, FILE *stream)
{
    fprintf(stream, "heavyops %s %s\n\n", command->name, command->synopsis);
    print_wrapped(stream, command->description, 0);
    for (const struct hop_cli_group *const *group = command->groups; *group; group++) {
        fprintf(stream, "\n%s\n", (*group)->title);
        for (const struct hop_cli_option *row = (*group)->options; row->name; row++)
            print_option(stream, row);
    }
    print_examples(stream, command->examples);
    print_exit_codes(stream);
}
