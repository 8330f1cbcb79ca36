/* What the text of a profile and the text of a snapshot have in common. */
#ifndef HOP_REPORT_TEXT_PARTS_H
#define HOP_REPORT_TEXT_PARTS_H

#include "profile/profile.h"
#include "profile/snapshot.h"

#include <stdio.h>

/* "pid 1234, Python 3.13.0: python3 app.py"; an overlong command line is cut. pid 0: several. */
void hop_text_print_target(FILE *stream, int pid, const char *python, const char *command_line);

/* Foreign text, escaped; "?" where there is none. */
void hop_text_print_name(FILE *stream, const char *name);

/* All that the text report says of the sampling, up to its tables. */
void hop_text_print_heading(FILE *stream, const struct hop_profile *profile);

enum hop_status hop_text_write_snapshot(const struct hop_snapshot *snapshot, FILE *stream,
                                        struct hop_error *err);

#endif
