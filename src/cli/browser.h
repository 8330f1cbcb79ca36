/* A report that is opened in a browser. */
#ifndef HOP_CLI_BROWSER_H
#define HOP_CLI_BROWSER_H

#include "heavyops.h"

struct hop_cli_settings;

/* Makes the report an HTML page, in a new folder that is ours alone where -o names no place. False:
 * it cannot be done, which has been said. */
bool hop_cli_browser_prepare(struct hop_cli_settings *settings);

/* Opens the page that was written there; says where it is, and if there is no browser. */
void hop_cli_browser_open(const struct hop_cli_settings *settings);

/* Removes the folder if there is no page in it: the run has failed. */
void hop_cli_browser_clean_up(const struct hop_cli_settings *settings);

#endif
