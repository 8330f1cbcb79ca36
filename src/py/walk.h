/* Walks one thread's frames, innermost first, from its thread state. The thread should stand still:
 * the walk checks what it reads, but whether the pieces belong together is proved by the caller. */
#ifndef HOP_PY_WALK_H
#define HOP_PY_WALK_H

#include "mem/ahead.h"
#include "mem/object_pages.h"
#include "py/trail.h"

/* The memory of the stack that is copied at once where it was not foreseen, at most: CPython's
 * chunks are 16 KiB (DATA_STACK_CHUNK_SIZE), larger where one frame needs it. */
enum { HOP_WINDOW_BYTES = 16 << 10 };

/* Copied memory of the target. */
struct hop_walker_region {
    uint64_t addr;
    size_t bytes;
    const uint8_t *at;
};

/* Reusable storage of walks, and what the last one teaches the next: where the thread's frames
 * were. A wrong guess costs a read, never an answer. */
struct hop_walker {
    struct hop_reader *reader;
    const struct hop_layout *layout;
    struct hop_raw_stack stack; /* the last walk's result */
    struct hop_trail trail;     /* which it was found by */
    /* Whose the thread state said that it is, when its stack was read. */
    bool has_ids;                /* it could be read */
    uint64_t pthread, native_id; /* see struct hop_thread_state */
    int32_t thread_from;         /* the part of PyThreadState that is read: [from, from + bytes) */
    size_t thread_bytes;
    size_t frame_bytes; /* the part of a frame that is read, from its start */
    /* 3.11 and later: the thread state, the stack's chunks and what else the last walks needed. */
    struct hop_ahead ahead;
    /* How many instants a walk may read at once, where none is in hand: the walks that follow, of
     * the same thread, are of those. What they need besides is not to be had any more: refused as
     * moved. */
    size_t instants;
    bool is_late;                         /* this walk needed it */
    bool was_late;                        /* some walk did; cleared by who sets `instants` */
    uint64_t guess_frame_addr;            /* 3.8–3.10: of the innermost frame object */
    struct hop_object_pages object_pages; /* 3.8–3.10 */
    /* The copied memory in use, and the one that was read during this walk. */
    struct hop_walker_region region, window;
    uint8_t *window_bytes; /* [HOP_WINDOW_BYTES] */
    bool went_in_a_circle; /* 3.11 on: the last walk, and so came to no bottom */
    /* The entry frame on which the last walk ended, from 3.12 on; and whether it may be taken to be
     * that still where a walk comes to it again: a read less for who proves nothing anyway. */
    uint64_t bottom_addr;
    bool believes_bottom;
    uint64_t reads; /* calls of the reader, for the statistics */
};

/* False: out of memory. */
bool hop_walker_init(struct hop_walker *walker, struct hop_reader *reader,
                     const struct hop_layout *layout);
void hop_walker_deinit(struct hop_walker *walker);

/* Where the memory is likely to begin that the next walk of the same thread wants first: of its
 * innermost frame. 0: not known. */
uint64_t hop_walker_guess_addr(const struct hop_walker *walker);

/* How many of the instants that were read for the last walk its successors have yet to come to. */
static inline size_t hop_walker_instants_left(const struct hop_walker *walker)
{
    return hop_ahead_left(&walker->ahead);
}

/* They are of no use: the next walk reads anew. */
static inline void hop_walker_drop_instants(struct hop_walker *walker)
{
    if (hop_walker_instants_left(walker))
        hop_ahead_drop(&walker->ahead);
}

/* Fills walker->stack. HOP_TAKEN with depth 0: the thread has no Python frame now. Entry frames of
 * the C stack are left out. */
enum hop_refusal hop_walk(struct hop_walker *walker, uint64_t thread_addr);

#endif
