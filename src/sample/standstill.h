/* One kernel thread, and the proof that it stood still between two instants. There are two clocks
 * that only run while the thread does:
 *
 * - its schedstat: how long it has run and how many times it was put on a CPU. While these do not
 *   change, and it is not on a CPU at the start, it has not executed one instruction. A thread that
 *   is on another CPU has an old figure there (the run time is brought up to date at scheduler
 *   ticks), so the proof needs in addition that the thread sleeps, or that it is runnable on the
 * CPU which we ourselves occupy: its stat. (kernel/sched/stats.h: sched_info_arrive counts before
 * the switch; fs/proc/base.c: proc_pid_schedstat. Since 2.6; needs CONFIG_SCHED_INFO.)
 * - the time that a perf event of the thread was running. It counts nothing (a dummy event), but
 *   reading it asks the CPU that the thread is on, if any, so that two equal readings are a proof
 *   by themselves, and at less cost. (kernel/events/core.c: perf_event_read sends to
 *   event->oncpu; PERF_COUNT_SW_DUMMY since 3.12.) Where perf_event_paranoid, a capability or a
 *   sandbox forbids it, schedstat does. */
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
    int perf_fd;                                 /* -1: none */
    const struct perf_event_mmap_page *switches; /* its perf event's records; NULL: none */
};

/* The bytes of one of the clocks: the text of schedstat (run time, time waited to run, times run),
 * or the perf event's times. */
struct hop_standstill {
    uint8_t length;
    char text[71];
};

void hop_task_init(struct hop_task *task, const struct hop_process *process, int tid);
void hop_task_deinit(struct hop_task *task);

/* Changes to the clock of a perf event, for a thread that is looked at often; readings from before
 * prove nothing any more. False: it is not to be had, nothing has changed. */
bool hop_task_open_perf(struct hop_task *task);
void hop_task_close_perf(struct hop_task *task);

/* When the thread was last put on a CPU, or taken off, as its perf event has recorded it
 * (PERF_RECORD_SWITCH of perf_event_open(2), since Linux 4.3; the record lies in our memory and
 * costs no call). */
struct hop_switch {
    uint64_t ns;          /* of CLOCK_MONOTONIC */
    bool is_out;          /* it was taken off its CPU, */
    bool wanted_to_go_on; /* runnable: for another to run (the flag since 4.17) */
};

/* False: not known, or just changing. */
bool hop_task_last_switch(const struct hop_task *task, struct hop_switch *last);

/* Whether this kernel records switches, with the time that our clock shows: not where we are in a
 * time namespace (time_namespaces(7)). */
bool hop_switches_are_fine(void);
void hop_task_forget_switches(struct hop_task *task);

/* Whether the clock of perf events goes on from one reading to the next while we run: on a machine
 * whose TSC can't be used it may step with the timer, and equal readings would prove nothing. */
bool hop_perf_clock_is_fine(void);

/* How long the thread has run, by both clocks. */
struct hop_task_times {
    uint64_t run_ns, perf_ns;
};

/* False: it is gone, or has no perf event. */
bool hop_task_times(struct hop_task *task, struct hop_task_times *now);

/* False: its perf event's clock stood still, or nearly so, while the thread ran. */
bool hop_task_times_agree(const struct hop_task_times *before, const struct hop_task_times *after);

/* Whether it ran for long enough between the two that the clocks can be told to disagree. */
bool hop_task_times_are_telling(const struct hop_task_times *before,
                                const struct hop_task_times *after);

/* Whether equal readings are a proof wherever the thread is. */
static inline bool hop_task_is_provable_anywhere(const struct hop_task *task)
{
    return task->perf_fd >= 0;
}

/* The proof's first half. False: the thread is gone. */
bool hop_standstill_read(struct hop_task *task, struct hop_standstill *now);

static inline bool hop_standstill_is_same(const struct hop_standstill *a,
                                          const struct hop_standstill *b)
{
    return a->length == b->length && !memcmp(a->text, b->text, a->length);
}

/* The proof's second half: it has not run since `before`. False also when it is gone. */
bool hop_standstill_holds(struct hop_task *task, const struct hop_standstill *before);

/* A perf event outlives its thread. */
bool hop_task_exists(const struct hop_task *task);

/* For how long in all it has waited for a CPU, runnable. */
uint64_t hop_standstill_waited_ns(const struct hop_standstill *standstill);

/* State letter and processor. False: the thread is gone. */
bool hop_task_where(struct hop_task *task, char *state, int *processor);

/* Whether this kernel keeps the figures at all (they would be all zero without CONFIG_SCHED_INFO).
 */
bool hop_standstill_is_provable(const struct hop_process *process);

#endif
