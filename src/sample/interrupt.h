/* Timer interrupts of a process' threads, and the records that a program of ours in the kernel
 * makes of each (interrupt_program.c).
 *
 * Each kernel thread has a perf event of its own, a clock that goes on while the thread is on a CPU
 * (PERF_COUNT_SW_CPU_CLOCK) and interrupts it there after each period. A thread that is born later
 * inherits it, and so is seen from its first instant on. When we end, however we do, the kernel
 * closes the events, and nothing remains. It takes CAP_BPF and CAP_PERFMON, or to be root. */
#ifndef HOP_SAMPLE_INTERRUPT_H
#define HOP_SAMPLE_INTERRUPT_H

#include "base/id_table.h"
#include "proc/process.h"
#include "sample/interrupt_program.h"
#include "sample/interrupt_record.h"

/* The period is changed after so many records at the earliest: to change it ends the one under way.
 */
enum { HOP_INTERRUPTS_A_PERIOD = 16 };

struct hop_interrupt_event {
    int tid, fd;
    uint64_t period_ns;
};

struct hop_interrupts {
    const struct hop_process *process;
    struct hop_interrupt_plan plan;
    int program;
    struct hop_interrupt_shared *shared;
    /* The records: where we are, where the kernel is, and all of them twice in succession, so that
     * none is in two pieces. */
    uint64_t *read_to;
    const uint64_t *written_to;
    uint64_t taken_to; /* behind the record given out last */
    int wakeups;       /* an epoll descriptor */
    const uint8_t *ring;
    struct hop_interrupt_event *events;
    size_t event_count, event_capacity;
    struct hop_id_table event_of; /* by tid */
    int *tids;                    /* [HOP_THREADS_MAX] */
    uint64_t random_state;        /* not 0 */
    uint64_t mean_ns;             /* of periods, which are of CPU time */
    uint64_t period_ns;           /* the one in force, of all threads */
    uint64_t records;             /* since it was drawn */
};

/* So that it may be opened, or closed. `seed`, not 0, is of the jitter. */
void hop_interrupts_init(struct hop_interrupts *interrupts, const struct hop_process *process,
                         uint64_t seed);

/* Whether this kernel and we may: else *why tells, for who asked for it. Of the plan the maps are
 * not filled yet. */
bool hop_interrupts_open(struct hop_interrupts *interrupts, const struct hop_interrupt_plan *plan,
                         const char **why);
void hop_interrupts_close(struct hop_interrupts *interrupts);

/* From now on all threads are interrupted, and those that they start. The periods are of the length
 * given on the average. May be called again: threads that had inherited their events then have
 * their own. False: the kernel does not let us, errno tells. */
bool hop_interrupts_begin(struct hop_interrupts *interrupts, uint64_t mean_ns);

/* What is known of a thread (0: it has no thread state), of a code object, and of where these are
 * counted: interrupts have to know it too. */
void hop_interrupts_know_thread(struct hop_interrupts *interrupts, int tid, uint64_t addr);
void hop_interrupts_know_counter(struct hop_interrupts *interrupts, uint64_t addr);
void hop_interrupts_know_code(struct hop_interrupts *interrupts, uint64_t identity);

/* Waits until there is something that should be looked at soon, or half of the room for records is
 * used, or the time is over, or a signal has come. */
void hop_interrupts_wait(struct hop_interrupts *interrupts, uint64_t until_ns);

/* The next record, or NULL; valid until the next one is asked for. */
const struct hop_interrupt_record *hop_interrupts_next(struct hop_interrupts *interrupts);

/* Now and then draws another period, so that the interrupts do not keep step with a program that
 * repeats itself. It is one for all threads, or their shares would depend on it. */
void hop_interrupts_jitter(struct hop_interrupts *interrupts);

/* A record of that thread was seen: from now on it has the period in force. */
void hop_interrupts_note(struct hop_interrupts *interrupts, int tid);

/* Records for which there was no room, up to now. */
uint64_t hop_interrupts_lost(const struct hop_interrupts *interrupts);

#endif
