/* Answers for the rows of commands and options, see completion.h. */
#include "cli/completion.h"

#include <ctype.h>
#include <string.h>

enum hop_cli_word hop_cli_value_of(const struct hop_cli_option *option)
{
    if (!option->argument)
        return HOP_CLI_WORD_NONE;
    if (option->choice)
        return HOP_CLI_WORD_CHOICE;
    if (strcmp(option->argument, "FILE") == 0)
        return HOP_CLI_WORD_FILE;
    if (strcmp(option->argument, "PID") == 0)
        return HOP_CLI_WORD_PID;
    return HOP_CLI_WORD_ANY;
}

enum hop_cli_word hop_cli_words_of(const struct hop_cli_command *command)
{
    if (command->takes_program)
        return HOP_CLI_WORD_PROGRAM;
    HOP_CLI_EACH_OPTION(row, command)
    if (strcmp(row->name, "pid") == 0)
        return HOP_CLI_WORD_PID;
    return strstr(command->synopsis, "FILE") ? HOP_CLI_WORD_FILE : HOP_CLI_WORD_ANY;
}

void hop_cli_brief_help(const struct hop_cli_option *option, char *brief, size_t size)
{
    size_t length = strcspn(option->help, ":;(");
    while (length && option->help[length - 1] == ' ')
        length--;
    if (option->choice) /* their help explains the choices one by one */
        snprintf(brief, size, "which %s", option->argument);
    else
        snprintf(brief, size, "%.*s", (int)length, option->help);
    for (char *at = brief; *at; at++) {
        if (strchr("'\"[]\\$`", *at))
            *at = ' ';
        else if (option->choice)
            *at = (char)tolower((unsigned char)*at);
    }
}

void hop_cli_print_quoted(FILE *stream, const char *prefix, const char *text)
{
    fprintf(stream, "'%s", prefix);
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stream);
        else
            fputc(*text, stream);
    }
    fputc('\'', stream);
}
