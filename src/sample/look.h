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
    bool is_unmoved;     /* out: it is runnable and has not run since its last sample */
    enum hop_refusal refusal;
};

/* At the start of a tick: reads all at once that the look at the thread expected to hold the GIL is
 * likely to need, after the first half of its proof where `wants_proof`. Nothing is done when no
 * thread is expected. */
void hop_look_early(struct hop_sampler *sampler, bool wants_proof);

/* Whether what was read early is of this thread, and *before its proof. If not, memory is read anew
 * from now on. */
bool hop_look_was_early(struct hop_sampler *sampler, const struct hop_roster_entry *entry,
                        struct hop_standstill *before);

/* Reads the thread's stack and names its frames, for ways that have brought it to stand still:
 * walker.stack, identifier.frames. Code objects and names learnt are kept only when the way says
 * afterwards, by hop_look_keep, that what was read was true. */
enum hop_refusal hop_look_read(struct hop_sampler *sampler, const struct hop_roster_entry *entry);
void hop_look_keep(struct hop_sampler *sampler);
void hop_look_drop(struct hop_sampler *sampler, size_t known_codes);

/* What a look finds out first. */
struct hop_look_start {
    struct hop_standstill before;
    bool is_asleep;   /* else it is runnable, on look->processor */
    bool is_anywhere; /* or it runs elsewhere: its proof will tell */
    bool is_certain;  /* that the thread state is run by the kernel thread that it names */
};

/* For ways that read one thread at a time, on its own CPU (sampler->cpu): HOP_LOOK_TAKEN: it is to
 * be read, and sleeps or was runnable on that CPU a moment ago; HOP_LOOK_ELSEWHERE with
 * look->processor; otherwise what comes of the look. */
enum hop_look_result hop_look_find(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                   struct hop_look *look, struct hop_look_start *start);

/* Reads one that stands still by itself, with the proof that it did. */
enum hop_look_result hop_look_prove(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                    struct hop_look *look, const struct hop_look_start *start);

/* Whether another kernel thread may run this thread state just now. */
bool hop_look_is_anothers(struct hop_sampler *sampler, const struct hop_roster_entry *entry,
                          const struct hop_look_start *start);

/* The end of a look that read something true, or was refused: `taken_at` is the thread's schedstat
 * while it stood still. */
enum hop_look_result hop_look_finish(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                     const struct hop_look *look,
                                     const struct hop_standstill *taken_at);

#endif
