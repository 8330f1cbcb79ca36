/* Walks one thread's frames, innermost first, from its thread state. The thread should stand still:
 * the walk checks what it reads, but whether the pieces belong together is proved by the caller. */
#ifndef HOP_PY_WALK_H
#define HOP_PY_WALK_H

#include "mem/object_pages.h"
#include "py/stack.h"

/* The memory of the stack that is copied at once, at most: CPython's chunks are 16 KiB
 * (DATA_STACK_CHUNK_SIZE), larger where one frame needs it. */
enum { HOP_WINDOW_BYTES = 16 << 10 };

/* Reusable storage of walks, and what the last one teaches the next: where the thread's frames
 * were. A wrong guess costs a read, never an answer. */
struct hop_walker {
    struct hop_reader *reader;
    const struct hop_layout *layout;
    struct hop_raw_stack stack; /* the last walk's result */
    /* Whose the thread state said that it is, when its stack was read. */
    bool has_ids;                /* it could be read */
    uint64_t pthread, native_id; /* see struct hop_thread_state */
    int32_t thread_from;         /* the part of PyThreadState that is read: [from, from + bytes) */
    size_t thread_bytes;
    size_t frame_bytes; /* the part of a frame that is read, from its start */
    /* The guess. */
    uint64_t guess_thread_addr;
    uint64_t guess_cframe_addr;
    uint64_t guess_window_addr;
    size_t guess_window_bytes;
    uint64_t guess_frame_addr;            /* 3.8–3.10: of the innermost frame object */
    struct hop_object_pages object_pages; /* 3.8–3.10 */
    /* The copied stack memory. */
    uint64_t window_addr;
    size_t window_bytes;
    uint8_t *window;       /* HOP_WINDOW_BYTES */
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

/* Fills walker->stack. HOP_TAKEN with depth 0: the thread has no Python frame now. Entry frames of
 * the C stack are left out. */
enum hop_refusal hop_walk(struct hop_walker *walker, uint64_t thread_addr);

#endif
