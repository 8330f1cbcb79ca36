/* The table of commands: a new one is one file and one row here. */
#include "cli/command.h"

#include <string.h>

static const struct hop_cli_command *const commands[] = {
    &hop_cli_attach, &hop_cli_record, &hop_cli_top, &hop_cli_dump, &hop_cli_info, NULL,
};

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
