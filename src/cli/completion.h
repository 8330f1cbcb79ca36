/* What completions for all shells ask of the rows of commands and options. */
#ifndef HOP_CLI_COMPLETION_H
#define HOP_CLI_COMPLETION_H

#include "cli/command.h"

/* What a word may be. */
enum hop_cli_word {
    HOP_CLI_WORD_NONE,    /* it takes no value */
    HOP_CLI_WORD_CHOICE,  /* one of the option's choices */
    HOP_CLI_WORD_FILE,    /* a file */
    HOP_CLI_WORD_PID,     /* a process */
    HOP_CLI_WORD_PROGRAM, /* a program and then its words */
    HOP_CLI_WORD_ANY,     /* nothing that could be foretold */
};

enum hop_cli_word hop_cli_value_of(const struct hop_cli_option *option);

/* What stands behind a command's options. */
enum hop_cli_word hop_cli_words_of(const struct hop_cli_command *command);

/* The help's first words, for a list: cut at a colon, semicolon or parenthesis; without what a
 * shell's quotes would end at. */
void hop_cli_brief_help(const struct hop_cli_option *option, char *brief, size_t size);

/* As one word of any shell, behind `prefix`, which needs no quotes. */
void hop_cli_print_quoted(FILE *stream, const char *prefix, const char *text);

/* A loop over all options of a command. */
#define HOP_CLI_EACH_OPTION(row, command)                                                          \
    for (const struct hop_cli_group *const *group_ = (command)->groups; *group_; group_++)         \
        for (const struct hop_cli_option *row = (*group_)->options; row->name; row++)

#endif
