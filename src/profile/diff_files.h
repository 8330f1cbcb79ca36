/* Which file of one profile is which of another one. */
#ifndef HOP_PROFILE_DIFF_FILES_H
#define HOP_PROFILE_DIFF_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hop_diff_file {
    const char *path;
    const char *const *names; /* the qualified names of its functions, sorted */
    size_t name_count;
    uint32_t match; /* index of the other profile's files, or HOP_DIFF_NO_MATCH */
};

#define HOP_DIFF_NO_MATCH UINT32_MAX

/* Fills `match` of both. False: out of memory. */
bool hop_diff_files_match(struct hop_diff_file *before, size_t before_count,
                          struct hop_diff_file *after, size_t after_count);

#endif
