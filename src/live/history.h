/* What the last looks at a profile found that the looks before had not: the samples of each
 * interval, by node, for columns that tell of now and for sparklines of whatever rows a view has.
 */
#ifndef HOP_LIVE_HISTORY_H
#define HOP_LIVE_HISTORY_H

#include "profile/profile.h"

/* The widest sparkline; two minutes at a look a second. */
enum { HOP_LIVE_MOMENTS_MAX = 120 };

/* The samples of one interval that end in one node. */
struct hop_live_change {
    uint32_t node;
    double weight; /* samples, or ns where samples stand for different times */
};

struct hop_live_moment {
    struct hop_live_change *changes;
    size_t count, room;
};

struct hop_live_history {
    struct hop_live_moment moments[HOP_LIVE_MOMENTS_MAX]; /* a ring */
    size_t newest, count;
    uint64_t *self, *self_ns; /* by node, as of the last look */
    size_t node_count, node_room;
};

void hop_live_history_init(struct hop_live_history *history);
void hop_live_history_deinit(struct hop_live_history *history);

/* One more look at the same run. False: out of memory. */
bool hop_live_history_add(struct hop_live_history *history, const struct hop_profile *profile);

/* The run is counted from nothing again. */
void hop_live_history_clear(struct hop_live_history *history);

/* The moment `age` looks ago (0: the newest), age < count. */
const struct hop_live_moment *hop_live_history_at(const struct hop_live_history *history,
                                                  size_t age);

#endif
