/* Texts by number, each once: the string table of a file that is being written. */
#ifndef HOP_BASE_STRINGS_H
#define HOP_BASE_STRINGS_H

#include "base/arena.h"
#include "base/id_table.h"

struct hop_strings {
    struct hop_arena arena;
    struct hop_id_table by_hash;
    char **texts; /* number 0 is "" */
    size_t count, capacity;
    bool has_failed; /* out of memory */
};

/* False: out of memory; hop_strings_deinit is allowed all the same. */
bool hop_strings_init(struct hop_strings *strings);
void hop_strings_deinit(struct hop_strings *strings);

/* The number of `text` (copied; NULL is ""), made valid UTF-8 where it is not: then as a terminal
 * would be shown it. Out of memory: 0, and has_failed. */
uint32_t hop_strings_add(struct hop_strings *strings, const char *text);

#endif
