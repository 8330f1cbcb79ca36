/* Which threads have their turn in a tick. Those that hold a GIL first, then those seen awake, each
 * time; sleeping ones in rotation, for to know that a thread sleeps on costs a look at one of its
 * clocks, and there may be thousands. One that wakes up is seen at once when it takes the GIL, at
 * its next turn when it only works without it. */
#ifndef HOP_SAMPLE_TURNS_H
#define HOP_SAMPLE_TURNS_H

#include "sample/roster.h"
#include "sample/watch.h"

struct hop_turns {
    uint32_t *awake; /* [HOP_THREADS_MAX] indices of roster entries, those marked is_awake_listed */
    size_t awake_count;
    size_t cursor; /* the entry from which on sleeping threads have their turn */
    uint64_t last_ns;
    uint64_t credit_ns;
    /* The tick under way. */
    uint32_t *now; /* [HOP_THREADS_MAX] who has a turn */
    size_t count;
};

/* False: out of memory. */
bool hop_turns_init(struct hop_turns *turns);
void hop_turns_deinit(struct hop_turns *turns);

/* The roster was refreshed: indices are void. All threads count as awake until looked at. */
void hop_turns_renew(struct hop_turns *turns, struct hop_roster *roster);

/* The entry was looked at: if it was asleep and no longer is, it has its turn in each tick. */
void hop_turns_note(struct hop_turns *turns, struct hop_roster *roster, size_t index);

/* Fills turns->now for the tick of that number, which began at `now_ns`. */
void hop_turns_plan(struct hop_turns *turns, struct hop_roster *roster,
                    const struct hop_watch *watch, uint64_t tick, uint64_t now_ns);

#endif
