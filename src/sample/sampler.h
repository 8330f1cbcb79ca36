/* The sampler: at jittered instants it looks at the threads of a target, each from the CPU the
 * thread runs on, and gives every stack that it could prove to its sink. It knows deadlines,
 * threads and the checks that a sample is real; names and formats are others'. */
#ifndef HOP_SAMPLE_SAMPLER_H
#define HOP_SAMPLE_SAMPLER_H

#include "mem/prefetch.h"
#include "mem/timed.h"
#include "py/walk.h"
#include "sample/crew.h"
#include "sample/deadline.h"
#include "sample/identify.h"
#include "sample/perf_clock.h"
#include "sample/roster.h"
#include "sample/turns.h"
#include "sample/watch.h"

#include <pthread.h>

/* Where proved stacks go. */
struct hop_sink {
    void *context;
    /* One stack, innermost first, depth ≥ 1, seen at tick number `tick`; it stands for `weight_ns`.
     * Its `same` outermost frames are those of the stack that was added before. *place is what
     * names it to `again`. False: there was no room to count it. */
    bool (*add)(void *context, uint32_t thread, const struct hop_step *frames, size_t depth,
                size_t same, uint64_t tick, uint64_t weight_ns, uint32_t *place);
    /* A stack that was added before, once more at each of the `count` ticks up to `tick`, each time
     * standing for `weight_ns`. */
    void (*again)(void *context, uint32_t place, uint64_t count, uint64_t tick, uint64_t weight_ns);
};

struct hop_sampler_plan {
    double rate_hz;
    uint64_t duration_ns; /* 0: no end */
    enum hop_mode mode;
    enum hop_read read;
    bool opens_live;                   /* see hop_sample_options */
    uint64_t seed;                     /* not 0 */
    const volatile sig_atomic_t *stop; /* may be NULL */
    struct hop_sink sink;
    /* Held whenever the sampler changes what it or its sink holds, never while it waits: whoever
     * has it may read both. NULL: nobody does. */
    pthread_mutex_t *gate;
};

struct hop_sampler_counts {
    uint64_t ticks;   /* instants at which it looked */
    uint64_t missed;  /* deadlines that were over when it could look again */
    uint64_t samples; /* stacks given to the sink */
    uint64_t idle;    /* threads left out at an instant, for they slept or waited */
    uint64_t refused[HOP_REFUSAL_COUNT];
    uint64_t started_ns, ended_ns;
    uint64_t hops;             /* changes of CPU within a tick */
    uint64_t live_samples;     /* of the samples: taken live, on a CPU that we may not use */
    uint64_t unproved_samples; /* those, at most, that a clock proved which stood still */
    uint64_t opening_ns;       /* read live at the start: for how long, instants, samples */
    uint64_t opening_ticks, opening_samples;
    uint64_t longest_stop_ns; /* way stop: how long a thread was held at most */
    uint64_t syscall_stops;   /* way stop: samples whose stop fell on the exit of a system call */
};

struct hop_sampler {
    const struct hop_process *process;
    const struct hop_python *python;
    struct hop_reader *reader;
    struct hop_timed_reader timed; /* in front of it: a way may set a deadline */
    struct hop_prefetch prefetch;  /* in front of that, for what is read at every tick */
    struct hop_roster roster;
    struct hop_turns turns;
    struct hop_code_table codes;
    struct hop_walker walker;
    struct hop_identifier identifier;
    struct hop_watch watch;
    struct hop_deadlines deadlines;
    uint64_t paused_at_ns;
    struct hop_crew *crew;
    struct hop_perf_clocks perf_clocks;
    struct hop_sampler_plan plan;
    const struct hop_way *way;            /* that of the plan */
    void *way_state;                      /* what the way keeps between its open() and close() */
    struct hop_interrupt_way *interrupts; /* being made ready, or NULL */
    struct hop_sampler_counts counts;
    enum hop_ending ending;
    uint64_t added_stacks; /* identifier.stacks when the last one was added to the sink */
    uint32_t added_thread;
    uint64_t sample_ns; /* what a sample taken now stands for: the period in force */
    uint64_t passed_ns; /* what one at each tick up to now would stand for */
    /* The tick under way. */
    int cpu;                  /* on which we run; -1: anywhere */
    uint64_t on_cpu_since_ns; /* when the looker there began its part of the tick */
    uint64_t switch_ns; /* the least time, of late, from a thread's last switch to that; 0: none
                           yet */
    bool is_mid_tick;
    bool is_changing;  /* of the way: the run goes on */
    uint64_t over_ns;  /* when the run was found to be over; 0: not yet */
    int renewals_left; /* in this tick: of the roster */
    /* In this tick: a thread that has run was taken; one had not got to its CPU since the last. */
    bool has_run, is_too_soon;
    uint64_t too_soon_tick; /* the last one; and how often we had left the CPU by then */
    long switches_away;
    bool is_opening;
    uint64_t last_woke_ns; /* in the opening: when the last tick began */
    int hops_left;
    int home_cpu; /* where the GIL's holder ran last: the place to wait for the next tick */
    uint64_t refresh_due_ns; /* when all threads are to be listed anew; 0: now */
    bool has_ended_threads;  /* some were found to be gone */
    uint64_t gil_due_ns;     /* when to ask again who holds the GIL */
    uint64_t bottom_due_ns;  /* live: when to read anew where stacks end */
    size_t instants;         /* live: how many one call may read at the most */
    size_t good_ticks;       /* live: that needed one call each */
    uint64_t reads_before;   /* live: walker.reads at the last tick */
    uint64_t proved_looks;   /* way cpu */
    uint64_t program_due_ns; /* when to ask again whether it still is the same program */
    /* The thread that is expected to hold the GIL: the first half of its proof is read before the
     * memory that is prefetched for it. */
    struct {
        uint64_t expected_addr; /* thread state; 0: none */
        struct hop_roster_entry *entry;
        struct hop_standstill before;
    } early;
    uint32_t *pending; /* indices of roster entries to be looked at in this tick, on other CPUs */
    size_t pending_count;
};

/* HOP_ERR_UNSUPPORTED where the kernel keeps no schedstat. References are kept. */
enum hop_status hop_sampler_init(struct hop_sampler *sampler, const struct hop_process *process,
                                 const struct hop_python *python, struct hop_reader *reader,
                                 struct hop_error *err);
void hop_sampler_deinit(struct hop_sampler *sampler);

/* Samples by the plan until its end, the target's end, or *stop; sampler->counts and ->ending tell.
 */
enum hop_status hop_sampler_run(struct hop_sampler *sampler, const struct hop_sampler_plan *plan,
                                struct hop_error *err);

/* Around whatever changes what the sampler or its sink holds: see the plan's gate. */
void hop_sampler_hold(const struct hop_sampler *sampler);
void hop_sampler_release(const struct hop_sampler *sampler);

/* With the gate held: nothing is looked at by itself until it is resumed. */
void hop_sampler_pause(struct hop_sampler *sampler);
void hop_sampler_resume(struct hop_sampler *sampler);

/* One thread's stack now, whatever it does, tried until `deadline_ns` (for `dump`): the result is
 * in sampler->walker.stack and ->identifier.frames. *state is its kernel state. */
enum hop_refusal hop_sampler_look_once(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                       uint64_t deadline_ns, char *state);

#endif
