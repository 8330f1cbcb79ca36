/* A bump allocator over a list of calloc'ed blocks; what is stored in them is the owner's affair.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Large enough that a profile of a few thousand names takes a handful of blocks, small enough
 * that an arena of a few strings costs nothing. */
enum { BLOCK_BYTES = 32 * 1024 };

struct hop_arena_block {
    struct hop_arena_block *next;
    size_t size; /* of bytes[] */
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

void hop_arena_init(struct hop_arena *arena, size_t limit_bytes)
{
    *arena = (struct hop_arena){.limit_bytes = limit_bytes};
}

void hop_arena_deinit(struct hop_arena *arena)
{
    for (struct hop_arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
    arena->used_bytes = 0;
}

static struct hop_arena_block *add_block(struct hop_arena *arena, size_t wanted)
{
    size_t size = wanted > BLOCK_BYTES ? wanted : BLOCK_BYTES;
    struct hop_arena_block *block = calloc(1, sizeof *block + size);
    if (!block)
        return NULL;
    block->size = size;
    /* A block made for one large piece is full at once: the one in use stays in front. */
    if (wanted > BLOCK_BYTES && arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *hop_arena_alloc(struct hop_arena *arena, size_t size)
{
    const size_t alignment = alignof(max_align_t);
    if (size > SIZE_MAX / 2) /* rounding and the block's header must not wrap */
        return NULL;
    /* A piece of no bytes still gets an address of its own. */
    size_t rounded = ((size ? size : 1) + alignment - 1) & ~(alignment - 1);
    if (rounded > arena->limit_bytes || arena->used_bytes > arena->limit_bytes - rounded)
        return NULL;
    struct hop_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < rounded)
        block = add_block(arena, rounded);
    if (!block)
        return NULL;
    void *piece = block->bytes + block->used;
    block->used += rounded;
    arena->used_bytes += rounded;
    return piece;
}

void *hop_arena_copy(struct hop_arena *arena, const void *bytes, size_t size)
{
    void *copy = hop_arena_alloc(arena, size);
    if (copy && size)
        memcpy(copy, bytes, size);
    return copy;
}

char *hop_arena_string(struct hop_arena *arena, const char *text, size_t length)
{
    if (length >= SIZE_MAX / 2)
        return NULL;
    char *copy = hop_arena_alloc(arena, length + 1);
    if (copy && length)
        memcpy(copy, text, length);
    return copy; /* the arena's zero is the NUL */
}

char *hop_arena_printf(struct hop_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return NULL;
    char *text = hop_arena_alloc(arena, (size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}
