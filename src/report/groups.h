/* The table of --group: a profile's instructions joined by one of the groupings of totals.h. */
#ifndef HOP_REPORT_GROUPS_H
#define HOP_REPORT_GROUPS_H

#include "report/totals.h"

#include <stdio.h>

/* The grouping the options ask for, or `otherwise`; HOP_ERR_USAGE for an unknown name. */
enum hop_status hop_groups_choose(const struct hop_report_options *options,
                                  enum hop_grouping otherwise, enum hop_grouping *by,
                                  struct hop_error *err);

/* Whether "with all that it called" means something for its rows. */
bool hop_groups_have_total(enum hop_grouping by);

/* The same rows for programs: "grouped_by" and "groups" of a JSON document that goes on, or a whole
 * file of comma-separated values. False: out of memory. */
bool hop_groups_print_json(const struct hop_profile *profile,
                           const struct hop_report_options *options, enum hop_grouping by,
                           FILE *stream);
bool hop_groups_print_csv(const struct hop_profile *profile,
                          const struct hop_report_options *options, enum hop_grouping by,
                          FILE *stream);

/* The table alone. */
enum hop_status hop_groups_print(const struct hop_profile *profile,
                                 const struct hop_report_options *options, enum hop_grouping by,
                                 FILE *stream, struct hop_error *err);

#endif
