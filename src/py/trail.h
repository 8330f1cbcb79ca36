/* The frames of a walk, put down as they are found, beside those of the walk before: consecutive
 * stacks of a thread differ in few of their innermost frames, and whoever works on them should not
 * have to look at the others. It compares what was read; it takes nothing for granted. */
#ifndef HOP_PY_TRAIL_H
#define HOP_PY_TRAIL_H

#include "py/stack.h"

/* The last stack lies at the end of `all`, its outermost frame last. As long as a walk meets its
 * frames one after the other, at the same addresses, they are checked and, where they have changed,
 * overwritten where they are: a run. What is met else is put into `fresh`. */
struct hop_trail {
    struct hop_raw_frame *all;   /* [HOP_DEPTH_MAX] */
    struct hop_raw_frame *fresh; /* [HOP_DEPTH_MAX], innermost first */
    size_t fresh_count;
    bool is_in_run;
    size_t run;        /* where in `all` the run began */
    size_t next;       /* of the last stack: the first that has not been met */
    size_t limit;      /* where the run has to end at the latest */
    size_t changed;    /* behind the outermost of the run that is not what it was */
    size_t seeks_left; /* frames that may yet be looked at to find where a run begins */
};

/* False: out of memory. */
bool hop_trail_init(struct hop_trail *trail);
void hop_trail_deinit(struct hop_trail *trail);

/* Begins a walk; `last` is what the walk before gave. */
void hop_trail_begin(struct hop_trail *trail, const struct hop_raw_stack *last);

/* The frame of the last stack that is at `addr` and continues the run, or NULL. */
static inline struct hop_raw_frame *hop_trail_expect(const struct hop_trail *trail, uint64_t addr)
{
    return trail->is_in_run && trail->next < trail->limit &&
                   trail->all[trail->next].frame_addr == addr
               ? &trail->all[trail->next]
               : NULL;
}

/* The walk met the frame. False: there is no room for one more. */
bool hop_trail_add(struct hop_trail *trail, const struct hop_raw_frame *frame);

/* How many it met. */
static inline size_t hop_trail_depth(const struct hop_trail *trail)
{
    return trail->fresh_count + (trail->is_in_run ? trail->next - trail->run : 0);
}

/* The last one of these; there is one. */
static inline const struct hop_raw_frame *hop_trail_outermost(const struct hop_trail *trail)
{
    return trail->is_in_run ? &trail->all[trail->next - 1] : &trail->fresh[trail->fresh_count - 1];
}

/* The walk is over: fills *stack, which is the next one of its series. */
void hop_trail_end(struct hop_trail *trail, struct hop_raw_stack *stack);

#endif
