/* Memory that is given back all at once: for what lives as long as its owner (names, kept bytecode,
 * rows of a profile). Allocation is the only thing that fails; a limit bounds hostile growth. */
#ifndef HOP_BASE_ARENA_H
#define HOP_BASE_ARENA_H

#include <stddef.h>

struct hop_arena_block;

struct hop_arena {
    struct hop_arena_block *blocks;
    size_t used_bytes;  /* handed out, rounded up to the alignment */
    size_t limit_bytes; /* hop_arena_alloc returns NULL beyond it */
};

void hop_arena_init(struct hop_arena *arena, size_t limit_bytes);
void hop_arena_deinit(struct hop_arena *arena);

/* Zeroed, aligned for any type; NULL when out of memory or past the limit. */
void *hop_arena_alloc(struct hop_arena *arena, size_t size);
void *hop_arena_copy(struct hop_arena *arena, const void *bytes, size_t size);
/* The `length` bytes at `text`, NUL added; a NUL among them ends the string for who reads it. */
char *hop_arena_string(struct hop_arena *arena, const char *text, size_t length);
char *hop_arena_printf(struct hop_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
