/* How a comparison of two profiles is written: what its formats have in common. */
#ifndef HOP_REPORT_DIFF_H
#define HOP_REPORT_DIFF_H

#include "profile/diff.h"

struct hop_diff_view {
    const struct hop_diff *diff;
    const struct hop_diff_options *options;
    /* By instruction of either profile, as hop_short_file_names makes them. */
    const char **files_before, **files_after;
    bool is_exceeded;
};

/* "instruction", "line", "function". */
const char *hop_diff_by_name(enum hop_diff_by by);

/* The row's instruction as it is now; as it was, if it is no more. */
const struct hop_instruction *hop_diff_newest(const struct hop_diff_row *row);

/* Whether the row is shown at all. */
bool hop_diff_is_shown(const struct hop_diff_view *view, const struct hop_diff_row *row);

/* "new": no instruction of its function was seen before; "gone": none was after; "changed". */
const char *hop_diff_kind(const struct hop_diff_row *row);

/* False: out of memory. */
bool hop_diff_write_text(const struct hop_diff_view *view, FILE *stream);
bool hop_diff_write_json(const struct hop_diff_view *view, FILE *stream);
bool hop_diff_write_csv(const struct hop_diff_view *view, FILE *stream);

#endif
