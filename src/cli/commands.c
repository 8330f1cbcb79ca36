/* The table of commands: a new one is one file and one row in command.h. */
#include "cli/command.h"

#include <string.h>

#define ROW(name) &hop_cli_##name,
static const struct hop_cli_command *const commands[] = {HOP_CLI_COMMANDS(ROW) NULL};
#undef ROW

const struct hop_cli_command *const *hop_cli_commands(void)
{
    return commands;
}

const struct hop_cli_command *hop_cli_find_command(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}
