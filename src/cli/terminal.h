/* What the command does with terminals. */
#ifndef HOP_CLI_TERMINAL_H
#define HOP_CLI_TERMINAL_H

#include "heavyops.h"

struct hop_cli_settings;

/* Whether what is written to `fd` is to be coloured; -1: to a terminal. By --color; else by
 * NO_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM, and whether it is a terminal. */
bool hop_cli_wants_colour(const struct hop_cli_settings *settings, int fd);

/* What the live screen is asked for: `rate_hz` where no rate was. Sets the locale, and sees to it
 * that the terminal is given back however we are killed. */
void hop_cli_live_options(const struct hop_cli_settings *settings, double rate_hz,
                          struct hop_top_options *options);

#endif
