/* Completion for bash, by itself: what the package bash-completion has is used where it is there.
 */
#include "cli/completion.h"

static void print_names(FILE *stream, const struct hop_cli_command *command)
{
    const char *blank = "";
    HOP_CLI_EACH_OPTION(row, command)
    {
        if (row->letter)
            fprintf(stream, "%s-%c", blank, row->letter);
        fprintf(stream, "%s--%s", row->letter ? " " : blank, row->name);
        blank = " ";
    }
}

/* "attach:-p|attach:--pid) kind=pid ;;" */
static void print_value(FILE *stream, const struct hop_cli_command *command,
                        const struct hop_cli_option *option)
{
    enum hop_cli_word value = hop_cli_value_of(option);
    if (value == HOP_CLI_WORD_NONE)
        return;
    fputs("        ", stream);
    if (option->letter)
        fprintf(stream, "%s:-%c|", command->name, option->letter);
    fprintf(stream, "%s:--%s) kind=", command->name, option->name);
    if (value == HOP_CLI_WORD_CHOICE) {
        fputs("'words", stream);
        for (size_t i = 0; option->choice(i); i++)
            fprintf(stream, " %s", option->choice(i));
        fputc('\'', stream);
    } else {
        fputs(value == HOP_CLI_WORD_FILE  ? "files"
              : value == HOP_CLI_WORD_PID ? "pids"
                                          : "any",
              stream);
    }
    fputs(" ;;\n", stream);
}

void hop_cli_print_completion_bash(FILE *stream)
{
    static const char *const kinds[] = {
        [HOP_CLI_WORD_NONE] = "any",        [HOP_CLI_WORD_CHOICE] = "any",
        [HOP_CLI_WORD_FILE] = "files",      [HOP_CLI_WORD_PID] = "pids",
        [HOP_CLI_WORD_PROGRAM] = "program", [HOP_CLI_WORD_ANY] = "any"};
    fputs("# Completion of heavyops for bash; 'heavyops help --completion bash' prints it.\n\n"
          "# Of the command $1 the kind of value that its option $2 takes, into `kind`.\n"
          "_heavyops_value() {\n"
          "    kind=\n"
          "    case $1:$2 in\n",
          stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        HOP_CLI_EACH_OPTION(row, *command)
    print_value(stream, *command, row);
    fputs("    esac\n"
          "}\n\n"
          "# Of the command $1 its options and what stands behind them, into `options`, `kind`.\n"
          "_heavyops_command() {\n"
          "    case $1 in\n",
          stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++) {
        fprintf(stream, "        %s) kind=%s options='", (*command)->name,
                kinds[hop_cli_words_of(*command)]);
        print_names(stream, *command);
        fputs("' ;;\n", stream);
    }
    fputs("    esac\n"
          "}\n\n"
          "# Puts what $1 (a kind) can be and begins with $2 into COMPREPLY.\n"
          "_heavyops_reply() {\n"
          "    local IFS=$'\\n'\n"
          "    case $1 in\n"
          "        words*) COMPREPLY=($(IFS=' '; compgen -W \"${1#words }\" -- \"$2\")) ;;\n"
          "        files) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$2\")) ;;\n"
          "        pids) COMPREPLY=($(IFS=' '; compgen -W \"$(cd /proc && echo [0-9]*)\" -- "
          "\"$2\")) ;;\n"
          "    esac\n"
          "}\n\n"
          "_heavyops() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} command= kind= options= i word\n"
          "    COMPREPLY=()\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        word=${COMP_WORDS[i]}\n"
          "        if [[ -z $command ]]; then\n"
          "            command=$word\n"
          "            continue\n"
          "        fi\n"
          "        _heavyops_command \"$command\"\n"
          "        if [[ $word == -- || $word != -* ]] && [[ $kind == program ]]; then\n"
          "            [[ $word == -- ]] && ((i++))\n"
          "            if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then\n"
          "                _command_offset \"$i\"\n"
          "            elif ((i < COMP_CWORD)); then\n"
          "                _heavyops_reply files \"$cur\"\n"
          "            else\n"
          "                COMPREPLY=($(compgen -c -- \"$cur\"))\n"
          "            fi\n"
          "            return\n"
          "        fi\n"
          "        if [[ $word == -* ]]; then\n"
          "            _heavyops_value \"$command\" \"$word\"\n"
          "            [[ -z $kind ]] && continue\n"
          "            ((i++)) # its value is the next word, behind a = if there is one\n"
          "            if [[ $i -lt $COMP_CWORD && ${COMP_WORDS[i]} == = ]]; then\n"
          "                ((i++))\n"
          "            fi\n"
          "            if ((i >= COMP_CWORD)); then\n"
          "                [[ $cur == = ]] && cur=\n"
          "                _heavyops_reply \"$kind\" \"$cur\"\n"
          "                return\n"
          "            fi\n"
          "        fi\n"
          "    done\n"
          "    if [[ -z $command ]]; then\n"
          "        _heavyops_reply 'words",
          stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        fprintf(stream, " %s", (*command)->name);
    fputs(" help --help --version' \"$cur\"\n"
          "        if [[ $cur != -* ]]; then\n"
          "            local IFS=$'\\n'\n"
          "            compopt -o filenames\n"
          "            COMPREPLY+=($(compgen -f -X '!*.py' -- \"$cur\"; compgen -d -- \"$cur\"))\n"
          "        fi\n"
          "    elif [[ $command == help ]]; then\n"
          "        _heavyops_reply 'words",
          stream);
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        fprintf(stream, " %s", (*command)->name);
    fputs("' \"$cur\"\n"
          "    else\n"
          "        _heavyops_command \"$command\"\n"
          "        if [[ $cur == -* ]]; then\n"
          "            _heavyops_reply \"words $options\" \"$cur\"\n"
          "        elif [[ $kind == program ]]; then\n"
          "            COMPREPLY=($(compgen -c -- \"$cur\"))\n"
          "        else\n"
          "            _heavyops_reply \"${kind:-files}\" \"$cur\"\n"
          "        fi\n"
          "    fi\n"
          "}\n\n"
          "complete -F _heavyops heavyops\n",
          stream);
}
