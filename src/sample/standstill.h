/* One kernel thread, and the proof that it stood still between two instants: the kernel counts in
 * its schedstat how long it has run and how many times it was put on a CPU. While these do not
 * change, and it is not on a CPU at the start, it has not executed one instruction.
 *
 * A thread that is on another CPU has an old figure in schedstat (the run time is brought up to
 * date at scheduler ticks), so the proof needs in addition that the thread sleeps, or that it is
 * runnable on the CPU which we ourselves occupy. (kernel/sched/stats.h: sched_info_arrive counts
 * before the switch; fs/proc/base.c: proc_pid_schedstat. Since 2.6; needs CONFIG_SCHED_INFO.) */
#ifndef HOP_SAMPLE_STANDSTILL_H
#define HOP_SAMPLE_STANDSTILL_H

#include "proc/process.h"

#include <string.h>

struct hop_task {
    const struct hop_process *process;
    int tid;
    int schedstat_fd; /* -1: opened at each use (we may have fewer descriptors than it has threads)
                       */
    int stat_fd;
};

/* The text of schedstat: run time, time waited to run, times run. */
struct hop_standstill {
    uint8_t length;
    char text[71];
};

void hop_task_init(struct hop_task *task, const struct hop_process *process, int tid);
void hop_task_deinit(struct hop_task *task);

/* The proof's first half. False: the thread is gone. */
bool hop_standstill_read(struct hop_task *task, struct hop_standstill *now);

static inline bool hop_standstill_is_same(const struct hop_standstill *a,
                                          const struct hop_standstill *b)
{
    return a->length == b->length && !memcmp(a->text, b->text, a->length);
}

/* The proof's second half: it has not run since `before`. False also when it is gone. */
bool hop_standstill_holds(struct hop_task *task, const struct hop_standstill *before);

/* State letter and processor. False: the thread is gone. */
bool hop_task_where(struct hop_task *task, char *state, int *processor);

/* Whether this kernel keeps the figures at all (they would be all zero without CONFIG_SCHED_INFO).
 */
bool hop_standstill_is_provable(const struct hop_process *process);

#endif
