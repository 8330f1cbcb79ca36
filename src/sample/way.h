/* A way to look: how a thread is brought to where its memory may be read, and what proves that what
 * was read was true. Everything before (when, which threads) and behind (counting) is the same for
 * all. One file a way, one row in ways.c. */
#ifndef HOP_SAMPLE_WAY_H
#define HOP_SAMPLE_WAY_H

#include "sample/look.h"

struct hop_way {
    const char *name;  /* in reports and JSON: "same CPU" */
    const char *words; /* what that means for who reads the report */
    /* Ticks are run by lookers, each pinned to its CPU (sample/crew.h), and a thread that runs on
     * another CPU is left to the looker there. Otherwise by the thread that called
     * hop_sampler_run, wherever the kernel puts it. */
    bool is_pinned;
    /* Ticks take the target's CPU or hold it: see hop_deadlines.rest_divisor. */
    unsigned rest_divisor;
    /* How long it is believed who holds the GIL; 0: asked at each tick. */
    uint64_t gil_ns;
    /* What a way needs for the length of a run, and its end. NULL: nothing. */
    enum hop_status (*open)(struct hop_sampler *sampler, struct hop_error *err);
    void (*close)(struct hop_sampler *sampler);
    /* The whole run, for a way that has no ticks. False: it is not over, but the way can't go on.
     * NULL: it has ticks. */
    bool (*run)(struct hop_sampler *sampler);
    /* Nothing is to be looked at for a while, and is again after that: for a way that looks without
     * being asked to. With the gate held. NULL: nothing. */
    void (*pause)(struct hop_sampler *sampler);
    void (*resume)(struct hop_sampler *sampler, uint64_t paused_ns);
    /* Around the looks of one tick, with the roster up to date. NULL: nothing. */
    void (*begin)(struct hop_sampler *sampler);
    void (*end)(struct hop_sampler *sampler);
    enum hop_look_result (*look)(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                 struct hop_look *look);
};

extern const struct hop_way hop_way_cpu, hop_way_live, hop_way_stop, hop_way_interrupt;

/* Interrupts take the kernel some milliseconds to make ready: meanwhile it is looked otherwise.
 * Called in succession: before the run (nothing follows where they are out of the question), by
 * each step of a crew, until it says so; then the way may be entered. */
void hop_interrupts_prepare(struct hop_sampler *sampler);
bool hop_interrupts_are_ready(struct hop_sampler *sampler);
void hop_interrupts_drop(struct hop_sampler *sampler);

/* The way of that number. */
const struct hop_way *hop_way_of(enum hop_read read);

#endif
