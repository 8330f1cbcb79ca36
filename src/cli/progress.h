/* Sampling with a word on how it goes. */
#ifndef HOP_CLI_PROGRESS_H
#define HOP_CLI_PROGRESS_H

#include "heavyops.h"

struct hop_cli_settings;

/* As hop_sample; Ctrl-Z suspends us between two looks. If `shows_progress`, a line on standard
 * error tells how far it is, where that is a terminal that can erase it again, -q was not given,
 * and we are in the foreground. */
enum hop_status hop_cli_sample(const struct hop_cli_settings *settings, struct hop_target *target,
                               const struct hop_sample_options *options, bool shows_progress,
                               struct hop_profile **profile, struct hop_error *err);

#endif
