/* Lookers: each on its CPU, one at a time, as often as wanted. */
#include "sample/crew.h"
#include "support/children.h"
#include "support/offline.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CPUS_MAX = 1024 };

static struct hop_crew *crew;
static struct hop_error err;
static int cpus[CPUS_MAX]; /* those we may use */
static int cpu_count;

static void set_up(void)
{
    cpu_set_t set;
    cpu_count = 0;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    for (int cpu = 0; cpu < CPUS_MAX; cpu++)
        if (CPU_ISSET(cpu, &set))
            cpus[cpu_count++] = cpu;
    cr_assert_eq(hop_crew_create(&crew, &err), HOP_OK);
}

static void tear_down(void)
{
    hop_crew_destroy(crew);
}

TestSuite(crew, .init = set_up, .fini = tear_down);

/* What the steps of one run saw. */
struct seen {
    atomic_int inside;
    int steps;          /* not atomic: what one wrote the next one sees */
    int tids[CPUS_MAX]; /* the looker of each CPU */
    int steps_on[CPUS_MAX];
    int steps_wanted;
    bool is_wrong;
    pid_t caller;
};

static int note(struct seen *seen, int cpu)
{
    int tid = gettid();
    if (atomic_fetch_add(&seen->inside, 1) != 0 || sched_getcpu() != cpu || tid == seen->caller ||
        (seen->tids[cpu] && seen->tids[cpu] != tid))
        seen->is_wrong = true;
    seen->tids[cpu] = tid;
    seen->steps_on[cpu]++;
    seen->steps++;
    return tid;
}

/* The turn goes round; every third time it stays. */
static int go_round(void *context, int cpu)
{
    struct seen *seen = context;
    note(seen, cpu);
    int at = 0, next = cpu;
    while (cpus[at] != cpu)
        at++;
    if (seen->steps % 3)
        next = cpus[(at + 1) % cpu_count];
    if (seen->steps == seen->steps_wanted)
        next = HOP_CREW_DONE;
    atomic_fetch_sub(&seen->inside, 1);
    return next;
}

static void run(struct seen *seen, int cpu, int steps)
{
    *seen = (struct seen){.steps_wanted = steps, .caller = gettid()};
    cr_assert_eq(hop_crew_run(crew, cpu, go_round, seen, &err), HOP_OK);
    cr_assert_eq(seen->steps, steps);
    cr_assert_eq(seen->inside, 0);
    cr_assert_not(seen->is_wrong, "a step on another CPU, or in two threads at once");
}

Test(crew, steps_go_round_all_cpus_one_at_a_time)
{
    static struct seen seen, again;
    run(&seen, cpus[0], 300 * cpu_count);
    for (int i = 0; i < cpu_count; i++)
        cr_assert_gt(seen.steps_on[cpus[i]], 0, "never on CPU %d", cpus[i]);
    /* Again, from another one: by the same threads. */
    run(&again, cpus[cpu_count - 1], 300 * cpu_count);
    for (int i = 0; i < cpu_count; i++)
        cr_assert_eq(again.tids[cpus[i]], seen.tids[cpus[i]]);
}

/* The kernel ends the pinning of a thread whose CPU was gone for a while. */
static int go_astray(void *context, int cpu)
{
    struct seen *seen = context;
    cpu_set_t other;
    note(seen, cpu);
    CPU_ZERO(&other);
    CPU_SET(cpus[cpu == cpus[0]], &other);
    seen->is_wrong |= sched_setaffinity(0, sizeof other, &other) != 0;
    atomic_fetch_sub(&seen->inside, 1);
    return seen->steps == seen->steps_wanted ? HOP_CREW_DONE : cpu;
}

Test(crew, a_looker_that_was_moved_goes_back)
{
    static struct seen seen;
    if (cpu_count < 2)
        cr_skip_test("one CPU");
    seen = (struct seen){.steps_wanted = 20, .caller = gettid()};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hop_crew_run(crew, cpus[i], go_astray, &seen, &err), HOP_OK);
        cr_assert_eq(seen.steps_on[cpus[i]], 20);
        cr_assert_not(seen.is_wrong, "a step on another CPU");
        seen.steps = 0;
    }
}

Test(crew, begins_where_it_is_told)
{
    static struct seen seen;
    for (int i = cpu_count - 1; i >= 0; i--) {
        run(&seen, cpus[i], 1);
        cr_assert_eq(seen.steps_on[cpus[i]], 1);
    }
}

/* A CPU that is not ours ends the turn rather than hangs. */
static int go_nowhere(void *context, int cpu)
{
    static const int nowhere[] = {CPUS_MAX * 100, -7, 4711};
    int *steps = context;
    (void)cpu;
    return nowhere[(*steps)++];
}

Test(crew, a_cpu_that_is_not_ours_ends_it)
{
    int steps = 0;
    cr_assert_not(hop_crew_has_cpu(crew, -1));
    cr_assert_not(hop_crew_has_cpu(crew, CPUS_MAX * 100));
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(hop_crew_run(crew, cpus[0], go_nowhere, &steps, &err), HOP_OK);
        cr_assert_eq(steps, i + 1);
    }
}

/* --- a CPU that goes offline ------------------------------------------------------------------ */

static int go_to_first(void *context, int cpu)
{
    struct seen *seen = context;
    note(seen, cpu);
    atomic_fetch_sub(&seen->inside, 1);
    return seen->steps == 3 ? HOP_CREW_DONE : cpus[0];
}

Test(crew, a_cpu_that_has_gone_offline_is_one_we_may_not_use)
{
    static struct seen seen;
    if (cpu_count < 2)
        cr_skip_test("there is one CPU only");
    seen.caller = gettid();
    take_offline(cpus[0]);
    cr_assert_eq(hop_crew_run(crew, cpus[0], go_to_first, &seen, &err), HOP_OK, "%s", err.message);
    cr_assert_not(seen.is_wrong);
    cr_assert_eq(seen.steps, 1, "on another one, from which there is no way to that one");
    cr_assert_eq(seen.steps_on[cpus[0]], 0);
    cr_assert_not(hop_crew_has_cpu(crew, cpus[0]));
    cr_assert(hop_crew_has_cpu(crew, cpus[1]));
    cr_assert_eq(hop_crew_cpu_count(crew), cpu_count - 1);
}

Test(crew, without_any_cpu_it_says_so)
{
    static struct seen seen;
    cpu_set_t one;
    struct hop_crew *small;
    CPU_ZERO(&one);
    CPU_SET(cpus[0], &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(hop_crew_create(&small, &err), HOP_OK);
    take_offline(cpus[0]);
    cr_assert_neq(hop_crew_run(small, cpus[0], go_to_first, &seen, &err), HOP_OK);
    cr_assert_neq(hop_crew_run(small, -1, go_to_first, &seen, &err), HOP_OK);
    cr_assert_eq(seen.steps, 0);
    hop_crew_destroy(small);
}

/* --- errands ---------------------------------------------------------------------------------- */

struct errands {
    int wanted, done, done_by; /* not atomic: what an errand wrote is to be seen after it */
    bool is_wrong;
};

static void run_errand(void *context)
{
    struct errands *errands = context;
    errands->done++;
    errands->done_by = gettid();
}

/* One after the other; the last one as the run ends, and it is done all the same. */
static int send_errands(void *context, int cpu)
{
    struct errands *errands = context;
    if (hop_crew_is_on_errand(crew))
        return cpu;
    bool is_last = errands->done >= errands->wanted - 1;
    errands->is_wrong |= !hop_crew_send(crew, run_errand, errands);
    return is_last ? HOP_CREW_DONE : cpu;
}

Test(crew, errands_are_done_by_who_waits)
{
    for (int i = 0; i < 20; i++) {
        struct errands errands = {.wanted = 1 + i % 5};
        cr_assert_eq(hop_crew_run(crew, cpus[i % cpu_count], send_errands, &errands, &err), HOP_OK);
        cr_assert_eq(errands.done, errands.wanted);
        cr_assert_eq(errands.done_by, gettid());
        cr_assert_not(errands.is_wrong);
        cr_assert_not(hop_crew_is_on_errand(crew));
    }
}

static void use_only(int whom, int cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    cr_assert_eq(sched_setaffinity(whom, sizeof one, &one), 0);
}

Test(crew, may_use_what_the_caller_may_use)
{
    for (int cpu = 0, at = 0; cpu < CPUS_MAX; cpu++) {
        bool is_ours = at < cpu_count && cpus[at] == cpu;
        cr_assert_eq(hop_crew_has_cpu(crew, cpu), is_ours);
        at += is_ours;
    }
    /* One CPU only. */
    use_only(0, cpus[cpu_count - 1]);
    hop_crew_destroy(crew);
    cr_assert_eq(hop_crew_create(&crew, &err), HOP_OK);
    for (int i = 0; i < cpu_count; i++)
        cr_assert_eq(hop_crew_has_cpu(crew, cpus[i]), i == cpu_count - 1);
}

/* Where it ran last; any of ours where that is none of ours, or it is gone. */
Test(crew, the_cpu_of_a_process_is_one_of_ours)
{
    int first = cpus[0], last = cpus[cpu_count - 1];
    struct hop_process process;
    int pid = child_start(child_idle, NULL);
    cr_assert_eq(hop_process_open(pid, &process, &err), HOP_OK);
    use_only(pid, last);
    /* Where it is told to be it is when it has run there. */
    kill(pid, SIGSTOP);
    while (!hop_process_is_stopped(&process))
        sched_yield();
    cr_assert_eq(hop_crew_cpu_of(crew, &process), last);
    use_only(0, first);
    hop_crew_destroy(crew);
    cr_assert_eq(hop_crew_create(&crew, &err), HOP_OK);
    cr_assert_eq(hop_crew_cpu_of(crew, &process), first);
    child_end(pid);
    cr_assert_eq(hop_crew_cpu_of(crew, &process), first);
    hop_process_close(&process);
}

Test(crew, may_be_unused)
{
    hop_crew_destroy(NULL);
    hop_crew_destroy(crew);
    cr_assert_eq(hop_crew_create(&crew, &err), HOP_OK);
}

static int note_thread(void *context, int cpu)
{
    (void)cpu;
    sigset_t *mask = context;
    pthread_sigmask(SIG_BLOCK, NULL, mask);
    return HOP_CREW_DONE;
}

/* A program's handlers run in its own threads; and the caller's mask is as it was. */
Test(crew, lookers_take_no_signals)
{
    sigset_t mask, before, after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    cr_assert_eq(hop_crew_run(crew, cpus[0], note_thread, &mask, &err), HOP_OK);
    for (int signal = 1; signal < SIGRTMAX; signal++) {
        /* Those that cannot be blocked, or that are libc's. */
        bool is_fixed =
            signal == SIGKILL || signal == SIGSTOP || (signal >= 32 && signal < SIGRTMIN);
        /* A thread's own crash is handled by itself, or not at all. */
        bool is_crash = signal == SIGSEGV || signal == SIGBUS || signal == SIGILL ||
                        signal == SIGFPE || signal == SIGABRT || signal == SIGSYS;
        if (!is_fixed)
            cr_assert_eq(sigismember(&mask, signal), !is_crash, "signal %d", signal);
    }
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int signal = 1; signal < SIGRTMAX; signal++)
        cr_assert_eq(sigismember(&before, signal), sigismember(&after, signal));
}

static int note_slack(void *context, int cpu)
{
    (void)cpu;
    *(int *)context = prctl(PR_GET_TIMERSLACK);
    return HOP_CREW_DONE;
}

Test(crew, timers_of_lookers_are_prompt)
{
    int slack_ns = 0;
    cr_assert_eq(hop_crew_run(crew, cpus[0], note_slack, &slack_ns, &err), HOP_OK);
    cr_assert_leq(slack_ns, 1); /* 0 for a real-time thread */
    cr_assert_gt(prctl(PR_GET_TIMERSLACK), 1, "ours is as it was");
}

/* --- retiring -------------------------------------------------------------------------------- */

struct retiring {
    int tids[100];
    int steps, steps_wanted;
    bool ends_retiring;
    bool is_wrong;
};

/* Each step is another thread's; the one before is gone by then, or about to be. */
static int retire_each_time(void *context, int cpu)
{
    struct retiring *retiring = context;
    retiring->is_wrong |= sched_getcpu() != cpu;
    retiring->tids[retiring->steps++] = gettid();
    bool is_last = retiring->steps == retiring->steps_wanted;
    if (!is_last || retiring->ends_retiring)
        hop_crew_retire(crew, cpu);
    if (is_last)
        return HOP_CREW_DONE;
    return cpus[retiring->steps % 3 ? 0 : cpu_count - 1];
}

Test(crew, a_looker_that_retires_is_replaced)
{
    for (int round = 0; round < 4; round++) {
        struct retiring retiring = {.steps_wanted = 20 + round, .ends_retiring = round % 2};
        cr_assert_eq(hop_crew_run(crew, cpus[0], retire_each_time, &retiring, &err), HOP_OK);
        cr_assert_eq(retiring.steps, retiring.steps_wanted);
        cr_assert_not(retiring.is_wrong);
        for (int i = 1; i < retiring.steps; i++)
            cr_assert_neq(retiring.tids[i], retiring.tids[i - 1]);
        struct seen seen;
        run(&seen, cpus[0], 10);
        cr_assert_not(seen.is_wrong);
    }
}
