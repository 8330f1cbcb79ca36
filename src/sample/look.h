/* One look at one thread: the proof's first half, the read, the second half. It has to run on the
 * CPU of a thread that is runnable. */
#ifndef HOP_SAMPLE_LOOK_H
#define HOP_SAMPLE_LOOK_H

#include "sample/sampler.h"

enum hop_look_result {
    HOP_LOOK_TAKEN,   /* walker.stack and identifier.frames hold a proved stack, depth ≥ 1 */
    HOP_LOOK_SAME,    /* it has not run since its last sample: that one holds, nothing was read */
    HOP_LOOK_REFUSED, /* see look->refusal */
    HOP_LOOK_ASLEEP,  /* it sleeps or waits, and was not wanted then */
    HOP_LOOK_STILL,   /* runnable, but it has not run since its last sample, and was not wanted then
                       */
    HOP_LOOK_ELSEWHERE, /* runnable on look->processor */
    HOP_LOOK_FRAMELESS, /* proved to have no Python frame */
    HOP_LOOK_GONE,      /* the thread has ended */
};

struct hop_look {
    bool wants_sleeping; /* in: a sleeping thread is read as well */
    bool wants_still;    /* in: so is a runnable one that has not run since its last sample */
    char state;          /* out: of stat; 'S' also for what is known to sleep on */
    int processor;       /* out: only where the thread was runnable */
    enum hop_refusal refusal;
};

enum hop_look_result hop_look(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                              struct hop_look *look);

#endif
