/* The start of a program that `record` runs, read live and as often as can be: one that lasts for
 * milliseconds is over before the plan's rate has had its second instant. That takes a CPU of its
 * own, and is done only while there is one to spare. */
#ifndef HOP_SAMPLE_OPENING_H
#define HOP_SAMPLE_OPENING_H

#include "sample/sampler.h"

#include <sched.h>

struct hop_opening {
    const struct hop_sampler *sampler;
    uint64_t check_due_ns;
    int busy_checks;    /* in succession */
    cpu_set_t affinity; /* of the calling thread, before */
    bool has_affinity;
};

/* False: there is no CPU to spare. Otherwise the calling thread keeps off the target's CPU until
 * hop_opening_end. */
bool hop_opening_begin(struct hop_opening *opening, const struct hop_sampler *sampler);
void hop_opening_end(struct hop_opening *opening);

/* To be asked at each tick, with its time: whether there still is a CPU to spare. */
bool hop_opening_goes_on(struct hop_opening *opening, uint64_t now_ns);

#endif
