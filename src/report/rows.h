/* The rows of the text report: the tracked instructions, joined over the opcodes they had in memory
 * while they were specialised, named so that no two rows look alike. */
#ifndef HOP_REPORT_ROWS_H
#define HOP_REPORT_ROWS_H

#include "profile/profile.h"

struct hop_row {
    const struct hop_instruction *instruction; /* one of those joined */
    const char *name;                          /* of the opcode, as shown */
    const char *file;                          /* as short as may be */
    const char *function;                      /* the last part of the qualified name */
    uint64_t hits;
    /* What has to be shown because another row is the same otherwise. */
    bool needs_column, needs_end, needs_offset, needs_qualified_name;
};

struct hop_rows {
    struct hop_row *rows; /* most hits first */
    size_t count;
    uint64_t hits; /* of all rows */
};

/* Which hits to make rows of: `hits` as hop_profile_hits_by_thread gives them, for one thread, or
 * NULL for those of the whole profile. `short_files` as hop_short_file_names fills it. False: out
 * of memory. */
bool hop_rows_init(struct hop_rows *rows, const struct hop_profile *profile,
                   const struct hop_report_options *options, const char *const *short_files,
                   const struct hop_thread_hits *hits, size_t hit_count);
void hop_rows_deinit(struct hop_rows *rows);

/* Joins `rows` by the shown name of the opcode, into *by_name (of which only `name` and `hits` are
 * filled). False: out of memory. */
bool hop_rows_by_name(const struct hop_rows *rows, struct hop_rows *by_name);

/* For each instruction of `profile` the shortest end of its file's path, cut at a '/', that is no
 * other file's; an array to be given to free(), of pointers into the profile. NULL: out of memory.
 */
const char **hop_short_file_names(const struct hop_profile *profile);

#endif
