/* One look at one thread: what it is asked, and what may come of it. */
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

/* Reads the thread's stack and names its frames, for ways that have brought it to stand still:
 * walker.stack, identifier.frames. Code objects and names learnt are kept only when the way says
 * afterwards, by hop_look_keep, that what was read was true. */
enum hop_refusal hop_look_read(struct hop_sampler *sampler, const struct hop_roster_entry *entry);
void hop_look_keep(struct hop_sampler *sampler);
void hop_look_drop(struct hop_sampler *sampler, size_t known_codes);

#endif
