/* A perf event of one kernel thread, which counts nothing (a dummy event), for two things that it
 * tells besides (perf_event_open(2)):
 *
 * - when the thread was put on a CPU and taken off, as the kernel writes it down
 *   (PERF_RECORD_SWITCH, since Linux 4.3) in memory that we have mapped for reading: to read it
 *   costs no call. The record of its going off is written before it goes, the other one before it
 *   executes anything again (kernel/events/core.c: perf_event_switch, from __perf_event_task_
 *   sched_out and _in).
 * - for how long it has run. A reading asks the CPU that the thread is on, if any (perf_event_read
 *   sends to event->oncpu; PERF_COUNT_SW_DUMMY since 3.12).
 *
 * perf_event_paranoid, a capability or a sandbox may forbid all of it, and there is a limit to what
 * a user may have mapped (perf_event_mlock_kb). */
#ifndef HOP_SAMPLE_PERF_EVENT_H
#define HOP_SAMPLE_PERF_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct perf_event_mmap_page;

struct hop_perf_event {
    int fd;                                      /* -1: none */
    const struct perf_event_mmap_page *switches; /* its records; NULL: none */
    bool began_asleep;                           /* so that it is asleep while there are none */
};

#define HOP_NO_PERF_EVENT ((struct hop_perf_event){.fd = -1})

/* Opens it for the thread; 0: for the calling one. False: it is not to be had. */
bool hop_perf_event_open(struct hop_perf_event *event, int tid);
void hop_perf_event_close(struct hop_perf_event *event);

/* Maps the records of an event that is open; does nothing where there are none to be had. */
void hop_perf_event_map_switches(struct hop_perf_event *event);
void hop_perf_event_forget_switches(struct hop_perf_event *event);

struct hop_switch {
    uint64_t number; /* grows with each: as long as it is the same there was no other */
    uint64_t ns;     /* of CLOCK_MONOTONIC */
    int cpu;
    bool is_out;          /* it was taken off that CPU, */
    bool wanted_to_go_on; /* runnable: for another to run (the flag since 4.17) */
};

/* The thread sleeps, as its stat says: see whether it is off its CPU, and no switch is on record
 * yet. From then on that there is none tells as much as one that took it off. */
void hop_perf_event_note_asleep(struct hop_perf_event *event);

/* False: not known, or just changing. */
bool hop_perf_event_last_switch(const struct hop_perf_event *event, struct hop_switch *last);

/* How many there were; 0 where they are not recorded. */
uint64_t hop_perf_event_switches(const struct hop_perf_event *event);

/* What a read of the event gives, by its read_format. */
struct hop_perf_times {
    uint64_t count, enabled_ns, running_ns;
};

/* False: there is no event. */
bool hop_perf_event_times(const struct hop_perf_event *event, struct hop_perf_times *times);

/* Whether this kernel records switches, all that we ask of them, and with the time that our clock
 * shows: not where we are in a time namespace (time_namespaces(7)). */
bool hop_switches_are_fine(void);

/* Whether the times go on from one reading to the next while we run: on a machine whose TSC can't
 * be used they may step with the timer. */
bool hop_perf_clock_is_fine(void);

#endif
