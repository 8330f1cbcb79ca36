/* Timer interrupts, and the records that a program of ours in the kernel makes of the threads of
 * one process that they fall on (interrupt_program.c).
 *
 * Each CPU has a perf event, a clock that interrupts whatever runs there after each period
 * (PERF_COUNT_SW_CPU_CLOCK); what is not the target's is left at once. So a thread is seen as often
 * as it has run, be that for a microsecond at a time. A clock of each thread's own would disturb
 * nobody else, but its first period begins when the thread does: one that ends before that would
 * never be seen. When we end, however we do, the kernel closes the events, and nothing remains. It
 * takes CAP_BPF and CAP_PERFMON, or to be root. */
#ifndef HOP_SAMPLE_INTERRUPT_H
#define HOP_SAMPLE_INTERRUPT_H

#include "base/id_table.h"
#include "proc/process.h"
#include "sample/interrupt_program.h"
#include "sample/interrupt_record.h"

/* So many periods are alike at the least: to draw another ends the one under way. */
enum { HOP_INTERRUPTS_ALIKE = 16 };

struct hop_interrupts {
    const struct hop_process *process;
    struct hop_interrupt_plan plan;
    int program;
    struct hop_interrupt_shared *shared;
    /* The records: where we are, where the kernel is, and all of them, with the first ones once
     * more behind the last, so that none is in two pieces. */
    uint64_t *read_to;
    const uint64_t *written_to;
    uint64_t taken_to; /* behind the record given out last */
    int wakeups, exit; /* an epoll descriptor, and a pidfd in it */
    const uint8_t *ring;
    int *events; /* [cpu_count], by CPU; -1: it is offline */
    bool is_on;
    size_t cpu_count;
    size_t online;               /* of these */
    uint64_t random_state;       /* not 0 */
    uint64_t mean_ns, period_ns; /* of periods, and the one in force */
    uint64_t drawn_ns;           /* when it was drawn */
};

/* So that it may be opened, or closed. `seed`, not 0, is of the jitter. */
void hop_interrupts_init(struct hop_interrupts *interrupts, const struct hop_process *process,
                         uint64_t seed);

/* Whether this kernel and we may: else *why tells, for who asked for it. The plan is for a layout
 * that hop_interrupt_can says yes to, and its maps are not filled yet. */
bool hop_interrupts_open(struct hop_interrupts *interrupts, const struct hop_interrupt_plan *plan,
                         const char **why);
void hop_interrupts_close(struct hop_interrupts *interrupts);

/* Makes a clock for each CPU that interrupts it, while they are on, after periods of this length on
 * the average. May be called again: for another length, or where CPUs have come online. False: the
 * kernel does not let us, errno tells, and all is as it was. */
bool hop_interrupts_begin(struct hop_interrupts *interrupts, uint64_t mean_ns);

/* On, which they are not at first, or off for a while. */
void hop_interrupts_turn(struct hop_interrupts *interrupts, bool is_on);

/* Now and then draws another period, so that the interrupts do not keep step with a program that
 * repeats itself. */
void hop_interrupts_jitter(struct hop_interrupts *interrupts, uint64_t now_ns);

/* What is known of a thread (0: it has no thread state), of a code object, and of where these are
 * counted: interrupts have to know it too. */
void hop_interrupts_know_thread(struct hop_interrupts *interrupts, int tid, uint64_t addr);
void hop_interrupts_know_counter(struct hop_interrupts *interrupts, uint64_t addr);
void hop_interrupts_know_code(struct hop_interrupts *interrupts, uint64_t identity);
void hop_interrupts_forget_code(struct hop_interrupts *interrupts, uint64_t identity);
void hop_interrupts_know_code_type(struct hop_interrupts *interrupts, uint64_t addr);

/* Waits until there is something that should be looked at soon, or half of the room for records is
 * used, or the process has ended, or the time is over, or a signal has come. */
void hop_interrupts_wait(struct hop_interrupts *interrupts, uint64_t until_ns);

/* The next record of those before `until`, which is what hop_interrupts_written said, or NULL;
 * valid until the next one is asked for. */
const struct hop_interrupt_record *hop_interrupts_next(struct hop_interrupts *interrupts,
                                                       uint64_t until);
uint64_t hop_interrupts_written(const struct hop_interrupts *interrupts);

/* Records for which there was no room, up to now. */
uint64_t hop_interrupts_lost(const struct hop_interrupts *interrupts);

#endif
