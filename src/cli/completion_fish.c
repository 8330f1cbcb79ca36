/* Completion for fish. */
#include "cli/completion.h"

/* In single quotes; ours hold none. */
static void print_option(FILE *stream, const struct hop_cli_command *command,
                         const struct hop_cli_option *option)
{
    char brief[200];
    hop_cli_brief_help(option, brief, sizeof brief);
    fprintf(stream, "complete -c heavyops -n '__heavyops_is %s' ", command->name);
    if (option->letter)
        fprintf(stream, "-s %c ", option->letter);
    fprintf(stream, "-l %s -d '%s'", option->name, brief);
    switch (hop_cli_value_of(option)) {
    case HOP_CLI_WORD_NONE:
        break;
    case HOP_CLI_WORD_CHOICE:
        fputs(" -x -a '", stream);
        for (size_t i = 0; option->choice(i); i++)
            fprintf(stream, "%s%s", i ? " " : "", option->choice(i));
        fputc('\'', stream);
        break;
    case HOP_CLI_WORD_FILE:
        fputs(" -r -F", stream);
        break;
    case HOP_CLI_WORD_PID:
        fputs(" -x -a '(__fish_complete_pids)'", stream);
        break;
    case HOP_CLI_WORD_PROGRAM:
    case HOP_CLI_WORD_ANY:
        fputs(" -x", stream);
        break;
    }
    fputc('\n', stream);
}

static void print_words(FILE *stream, const struct hop_cli_command *command)
{
    static const char *const words[] = {
        [HOP_CLI_WORD_NONE] = "-f",
        [HOP_CLI_WORD_CHOICE] = "-f",
        [HOP_CLI_WORD_FILE] = "-F",
        [HOP_CLI_WORD_PID] = "-f -a '(__fish_complete_pids)'",
        [HOP_CLI_WORD_PROGRAM] = "-f -a '(__fish_complete_subcommand --fcs-skip=2)' -d program",
        [HOP_CLI_WORD_ANY] = "-f"};
    fprintf(stream, "complete -c heavyops -n '__heavyops_is %s' %s\n", command->name,
            words[hop_cli_words_of(command)]);
}

void hop_cli_print_completion_fish(FILE *stream)
{
    fputs(
        "# Completion of heavyops for fish; 'heavyops help --completion fish' prints it.\n\n"
        "function __heavyops_is -d 'Whether this command of heavyops is given; none: no command'\n"
        "    set -l words (commandline -poc)\n"
        "    test \"$words[2]\" = \"$argv[1]\"\n"
        "end\n\n",
        stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++) {
        fprintf(stream, "complete -c heavyops -n '__heavyops_is \"\"' -a %s -d ", (*command)->name);
        hop_cli_print_quoted(stream, "", (*command)->summary);
        fputc('\n', stream);
    }
    fputs("complete -c heavyops -n '__heavyops_is \"\"' -a help -d 'explain a command'\n"
          "complete -c heavyops -n '__heavyops_is \"\"' -s h -l help -d 'show help'\n"
          "complete -c heavyops -n '__heavyops_is \"\"' -s V -l version -d 'show the version'\n"
          "complete -c heavyops -n '__heavyops_is help' -f -a '",
          stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        fprintf(stream, "%s%s", command == hop_cli_commands() ? "" : " ", (*command)->name);
    fputs("'\n", stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++) {
        print_words(stream, *command);
        HOP_CLI_EACH_OPTION(row, *command)
        print_option(stream, *command, row);
    }
}
