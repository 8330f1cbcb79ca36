/* When to look next: a random instant of each period, so that no periodic program is in step with
 * the sampler. It knows nothing of what is looked at. */
#ifndef HOP_SAMPLE_DEADLINE_H
#define HOP_SAMPLE_DEADLINE_H

#include "base/status.h"
#include "sample/lateness.h"

struct hop_deadlines {
    uint64_t period_ns;
    uint64_t end_ns;         /* UINT64_MAX: none */
    uint64_t next_period_ns; /* where the first one begins that has neither had its tick nor been
                                missed */
    uint64_t due_ns;         /* the instant that the last tick was to be at */
    uint64_t woke_ns;        /* when the last tick began; 0: there was none */
    /* Ticks take the target's time: between two it is left at least a part of what the last one
     * took. 1: all of that, half of its time; 4: a quarter; 0: they take none. */
    unsigned rest_divisor;
    /* And this much at the least: what it takes until it runs, which only looks tell. */
    uint64_t least_rest_ns;
    bool may_spin;         /* short waits are waited for awake */
    uint64_t random_state; /* not 0 */
    uint64_t passed;       /* periods that began since the last tick did, 1 at the least */
    uint64_t missed;       /* periods left out, for they were over when we could look again */
    struct hop_lateness lateness;      /* of ticks, after their deadlines */
    const volatile sig_atomic_t *stop; /* may be NULL */
};

enum hop_wait { HOP_WAIT_REACHED, HOP_WAIT_ENDED, HOP_WAIT_STOPPED };

/* From `now_ns` on, `rate_hz` times a second for `duration_ns` (0: no end). */
void hop_deadlines_init(struct hop_deadlines *deadlines, uint64_t now_ns, double rate_hz,
                        uint64_t duration_ns, uint64_t seed, const volatile sig_atomic_t *stop);

/* Sleeps until the next deadline. Those that are over are left out, so that no delay piles up, and
 * counted: when it says that the end is reached, every period up to then was a tick or is missed.
 */
enum hop_wait hop_deadlines_wait(struct hop_deadlines *deadlines);

/* One more instant was looked at in the tick under way: it is the next period's. */
void hop_deadlines_take(struct hop_deadlines *deadlines);

/* Whether the rest before the tick under way was long enough for the CPU to change hands, where
 * that is known. As long as it is not, rests get longer. */
void hop_deadlines_note_rest(struct hop_deadlines *deadlines, bool was_enough);

#endif
