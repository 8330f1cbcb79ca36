/* The rows of the text report: the tracked instructions, joined over the opcodes they had in memory
 * while they were specialised, named so that no two rows look alike. */
#ifndef HOP_REPORT_ROWS_H
#define HOP_REPORT_ROWS_H

#include "profile/shares.h"

struct hop_row {
    const struct hop_instruction *instruction; /* one of those joined */
    const char *name;                          /* of the opcode, as shown */
    const char *file;                          /* as short as may be */
    const char *function;                      /* the last part of the qualified name */
    uint32_t group; /* what `group_of` of its rows says of the row's instructions */
    struct hop_hits hits;
    struct hop_share share; /* of all rows */
    /* What has to be shown because another row is the same otherwise. */
    bool needs_column, needs_end, needs_offset, needs_qualified_name;
};

struct hop_rows {
    struct hop_row *rows; /* most hits first */
    size_t count;
    struct hop_hits hits; /* of all rows */
    uint32_t *group_of;   /* by instruction of the profile: its row's `group`, or HOP_NO_GROUP */
    uint32_t thread;      /* whose hits these are, or HOP_ALL_THREADS */
};

/* Which hits to make rows of: `hits` as hop_profile_hits_by_thread gives them, for one thread, or
 * NULL for those of the whole profile. `short_files` as hop_short_file_names fills it. False: out
 * of memory. */
bool hop_rows_init(struct hop_rows *rows, const struct hop_shares *shares,
                   const struct hop_report_options *options, const char *const *short_files,
                   const struct hop_thread_hits *hits, size_t hit_count);
void hop_rows_deinit(struct hop_rows *rows);

/* Joins `rows` by the shown name of the opcode, into *by_name (of which only `name`, `hits` and
 * `share` are filled). False: out of memory. */
bool hop_rows_by_name(const struct hop_rows *rows, const struct hop_shares *shares,
                      struct hop_rows *by_name);

/* The share of all rows in `whole`, what the profile or its thread counts. False: out of memory. */
bool hop_rows_share_of_all(const struct hop_rows *rows, const struct hop_shares *shares,
                           const struct hop_hits *whole, struct hop_share *share);

/* For each instruction of `profile` the shortest end of its file's path, cut at a '/', that is no
 * other file's; an array to be given to free(), of pointers into the profile. NULL: out of memory.
 */
const char **hop_short_file_names(const struct hop_profile *profile);

#endif
