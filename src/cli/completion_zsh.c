/* Completion for zsh, by _arguments. */
#include "cli/completion.h"

static void print_value(FILE *stream, const struct hop_cli_option *option)
{
    enum hop_cli_word value = hop_cli_value_of(option);
    if (value == HOP_CLI_WORD_NONE)
        return;
    fprintf(stream, ":%s:", option->argument);
    if (value == HOP_CLI_WORD_FILE)
        fputs("_files", stream);
    if (value == HOP_CLI_WORD_PID)
        fputs("_pids", stream);
    if (value == HOP_CLI_WORD_CHOICE) {
        for (size_t i = 0; option->choice(i); i++)
            fprintf(stream, "%s%s", i ? " " : "(", option->choice(i));
        fputc(')', stream);
    }
}

static void print_option(FILE *stream, const struct hop_cli_option *option)
{
    char brief[200];
    const char *takes = option->argument ? "=" : "";
    hop_cli_brief_help(option, brief, sizeof brief);
    fputs("        ", stream);
    /* One that was given is not offered again, unless it may be repeated. */
    if (option->letter && !option->is_repeatable)
        fprintf(stream, "'(-%c --%s)'", option->letter, option->name);
    else if (option->is_repeatable)
        fputs("'*'", stream);
    if (option->letter)
        fprintf(stream, "{-%c,--%s%s}'[%s]", option->letter, option->name, takes, brief);
    else
        fprintf(stream, "'--%s%s[%s]", option->name, takes, brief);
    print_value(stream, option);
    fputs("' \\\n", stream);
}

static void print_command(FILE *stream, const struct hop_cli_command *command)
{
    static const char *const words[] = {
        [HOP_CLI_WORD_NONE] = "",
        [HOP_CLI_WORD_CHOICE] = "",
        [HOP_CLI_WORD_FILE] = "'*:file:_files'",
        [HOP_CLI_WORD_PID] = "'*:process:_pids'",
        [HOP_CLI_WORD_PROGRAM] = "'(-)1:program:_command_names -e' '*::argument:_normal'",
        [HOP_CLI_WORD_ANY] = "'*:word: '"};
    fprintf(stream, "_heavyops_%s() {\n    _arguments -s -S \\\n", command->name);
    HOP_CLI_EACH_OPTION(row, command)
    print_option(stream, row);
    fprintf(stream, "        %s\n}\n\n", words[hop_cli_words_of(command)]);
}

void hop_cli_print_completion_zsh(FILE *stream)
{
    fputs("#compdef heavyops\n"
          "# Completion of heavyops for zsh; 'heavyops help --completion zsh' prints it.\n\n",
          stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        print_command(stream, *command);
    fputs("_heavyops_commands() {\n"
          "    local -a commands=(\n",
          stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++) {
        char name[64];
        snprintf(name, sizeof name, "%s:", (*command)->name);
        fputs("        ", stream);
        hop_cli_print_quoted(stream, name, (*command)->summary);
        fputc('\n', stream);
    }
    fputs("        'help:explain a command'\n"
          "    )\n"
          "    _describe -t commands command commands\n"
          "}\n\n"
          "_heavyops() {\n"
          "    local curcontext=$curcontext state line\n"
          "    _arguments -C \\\n"
          "        '(- *)'{-h,--help}'[show help]' \\\n"
          "        '(- *)'{-V,--version}'[show the version]' \\\n"
          "        '1: :->command' '*:: :->words'\n"
          "    case $state in\n"
          "        command)\n"
          "            _alternative 'commands:command:_heavyops_commands' \\\n"
          "                'scripts:script:_files -g \"*.py\"' ;;\n"
          "        words)\n"
          "            curcontext=${curcontext%:*:*}:heavyops-$words[1]:\n"
          "            if [[ $words[1] == help ]]; then\n"
          "                _arguments '1: :_heavyops_commands'\n"
          "            elif (( $+functions[_heavyops_$words[1]] )); then\n"
          "                _heavyops_$words[1]\n"
          "            else\n"
          "                _files\n"
          "            fi ;;\n"
          "    esac\n"
          "}\n\n"
          "_heavyops \"$@\"\n",
          stream);
}
