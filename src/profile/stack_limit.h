/* How much of deep stacks is written by formats that write each one whole, though others share most
 * of it (pprof, collapsed, speedscope): a recursion of 10^5 frames would make gigabytes of them. */
#ifndef HOP_PROFILE_STACK_LIMIT_H
#define HOP_PROFILE_STACK_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/* All stacks together have at most HOP_STACK_FRAMES_MAX frames, but each at least its
 * HOP_STACK_FRAMES_MIN innermost. */
enum { HOP_STACK_FRAMES_MAX = 1 << 22, HOP_STACK_FRAMES_MIN = 128 };

/* The outermost frame of a stack whose own outer ones are left out. */
#define HOP_STACK_LEFT_OUT "[outer frames left out]"

/* The stacks that are written. */
struct hop_stack_sizes {
    size_t stacks, deepest;
    uint64_t frames; /* of all */
};

static inline void hop_stack_sizes_add(struct hop_stack_sizes *sizes, size_t depth)
{
    sizes->stacks++;
    sizes->frames += depth;
    sizes->deepest = depth > sizes->deepest ? depth : sizes->deepest;
}

/* So many of each stack's innermost frames are written: all, if it is not less than the deepest. */
static inline size_t hop_stack_limit(const struct hop_stack_sizes *sizes)
{
    if (sizes->frames <= HOP_STACK_FRAMES_MAX)
        return sizes->deepest;
    size_t each = HOP_STACK_FRAMES_MAX / sizes->stacks;
    return each > HOP_STACK_FRAMES_MIN ? each : HOP_STACK_FRAMES_MIN;
}

#endif
