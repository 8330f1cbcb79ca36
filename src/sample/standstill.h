/* One kernel thread, and the proof that it stood still between two instants. There are three clocks
 * that only go on while the thread does:
 *
 * - its schedstat: how long it has run and how many times it was put on a CPU. While these do not
 *   change, and it is not on a CPU at the start, it has not executed one instruction. A thread that
 *   is on another CPU has an old figure there (the run time is brought up to date at scheduler
 *   ticks), so the proof needs in addition that the thread sleeps, or that it is runnable on the
 *   CPU which we ourselves occupy: its stat. (kernel/sched/stats.h: sched_info_arrive counts before
 *   the switch; fs/proc/base.c: proc_pid_schedstat. Since 2.6; needs CONFIG_SCHED_INFO.)
 * - the time that a perf event of the thread was running: as it asks the CPU that the thread is on,
 *   two equal readings are a proof by themselves.
 * - the record of its switches, of the same event. While the last one is that it was taken off its
 *   CPU it has not run, wherever it waits or sleeps; and that costs no call. It tells as well
 *   whether it sleeps, and that it has not ended: to end, even by SIGKILL, a thread has to run.
 *
 * Whichever is there and cheapest is read. Where perf events are forbidden schedstat does. */
#ifndef HOP_SAMPLE_STANDSTILL_H
#define HOP_SAMPLE_STANDSTILL_H

#include "proc/process.h"
#include "sample/perf_event.h"

#include <string.h>

struct hop_task {
    const struct hop_process *process;
    int tid;
    int schedstat_fd; /* -1: opened at each use (we may have fewer descriptors than it has threads)
                       */
    int stat_fd;
    struct hop_perf_event perf;
};

enum hop_clock { HOP_CLOCK_SCHEDSTAT, HOP_CLOCK_PERF_TIMES, HOP_CLOCK_SWITCHES };

/* A reading of one of the clocks: the text of schedstat (run time, time waited to run, times run),
 * the perf event's times, or the number of the last switch, which took it off its CPU. */
struct hop_standstill {
    uint8_t clock; /* enum hop_clock */
    uint8_t length;
    char text[70];
};

void hop_task_init(struct hop_task *task, const struct hop_process *process, int tid);
void hop_task_deinit(struct hop_task *task);

/* Changes to the clocks of a perf event, for a thread that is looked at often; readings from before
 * prove nothing any more. False: it is not to be had, nothing has changed. */
bool hop_task_open_perf(struct hop_task *task);

static inline bool hop_task_has_perf(const struct hop_task *task)
{
    return task->perf.fd >= 0;
}

/* How long the thread has run, and how many times, by its schedstat and by its perf event. */
struct hop_task_times {
    uint64_t run_ns, perf_ns;
    uint64_t runs, switches;
    bool are_recorded; /* the switches */
};

/* False: it runs just now, is gone, or has no perf event. */
bool hop_task_times(struct hop_task *task, struct hop_task_times *now);

/* False: a clock of its perf event stood still, or nearly so, while the thread ran. */
bool hop_task_times_agree(const struct hop_task_times *before, const struct hop_task_times *after);

/* Whether it ran for long enough between the two that the clocks can be told to disagree. */
bool hop_task_times_are_telling(const struct hop_task_times *before,
                                const struct hop_task_times *after);

/* The proof's first half. False: the thread is gone. */
bool hop_standstill_read(struct hop_task *task, struct hop_standstill *now);

static inline bool hop_standstill_is_same(const struct hop_standstill *a,
                                          const struct hop_standstill *b)
{
    return a->clock == b->clock && a->length == b->length && !memcmp(a->text, b->text, a->length);
}

/* Whether it is a reading of the record of switches, and this is the switch. */
static inline bool hop_standstill_is_of(const struct hop_standstill *standstill,
                                        const struct hop_switch *last)
{
    return standstill->clock == HOP_CLOCK_SWITCHES && last->is_out &&
           !memcmp(standstill->text, &last->number, sizeof last->number);
}

/* The proof's second half: it has not run since `before`. False also when it is gone. */
bool hop_standstill_holds(struct hop_task *task, const struct hop_standstill *before);

/* A perf event outlives its thread. */
bool hop_task_exists(const struct hop_task *task);

/* For how long in all it has waited for a CPU, runnable: of a reading of schedstat. */
uint64_t hop_standstill_waited_ns(const struct hop_standstill *standstill);

/* State letter and processor. False: the thread is gone. */
bool hop_task_where(struct hop_task *task, char *state, int *processor);

/* Whether this kernel keeps the figures at all (they would be all zero without CONFIG_SCHED_INFO).
 */
bool hop_standstill_is_provable(const struct hop_process *process);

#endif
