/* Which threads get the clock of a perf event (sample/standstill.h): those looked at often. The
 * first one on a machine takes the kernel milliseconds (perf_event_open waits for a grace period of
 * RCU), in which no instant is to be missed, so they are opened by the thread that waits for the
 * lookers. Clocks are compared with schedstat, and given up where they do not run with it. */
#ifndef HOP_SAMPLE_PERF_CLOCK_H
#define HOP_SAMPLE_PERF_CLOCK_H

#include "sample/crew.h"
#include "sample/roster.h"

struct hop_perf_clocks {
    bool is_given_up;   /* perf events are not to be had, or no clock */
    bool is_fine;       /* written by the errand: they are to be had, and the clock goes on */
    bool has_switches;  /* the same, of the record of switches */
    bool is_under_way;  /* one is being opened, or waits to be taken over */
    uint32_t for_index; /* of hop_roster.seen: whose it is */
    struct hop_task task;
    uint64_t compare_due_ns;
    size_t compare_next;     /* of the entries: where to go on comparing */
    bool is_in_use;          /* a thread was given one */
    uint64_t agreed_samples; /* how many there were when the clocks agreed last */
};

/* Between two looks of a run by the crew: after a proved sample of a thread. */
void hop_perf_clocks_consider(struct hop_perf_clocks *clocks, struct hop_crew *crew,
                              const struct hop_roster *roster, struct hop_roster_entry *entry);

/* At the start of a tick, after `samples` were taken: gives the thread the clock that was opened
 * for it. Returns 0, or once, when the clocks were found to stand still, how many of the samples
 * they may have been wrong about: from then on schedstat proves. */
uint64_t hop_perf_clocks_collect(struct hop_perf_clocks *clocks, const struct hop_crew *crew,
                                 struct hop_roster *roster, uint64_t now_ns, uint64_t samples);

/* After the run. */
void hop_perf_clocks_end(struct hop_perf_clocks *clocks);

#endif
