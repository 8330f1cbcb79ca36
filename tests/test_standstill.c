/* The proof that a thread stood still: it holds for one that sleeps or is stopped, and for no
 * other.
 */
#include "base/clock.h"
#include "sample/standstill.h"
#include "support/children.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a test looks: a busy machine may not let a spinning child run at once. */
static const uint64_t PATIENCE_NS = UINT64_C(20) * 1000 * 1000 * 1000;

static struct hop_process process;
static struct hop_task task;
static int pid;

static void open_child(void)
{
    struct hop_error err;
    cr_assert_eq(hop_process_open(pid, &process, &err), HOP_OK);
    hop_task_init(&task, &process, pid);
}

static void begin(child_body_fn *body)
{
    pid = child_start(body, NULL);
    open_child();
}

static void tear_down(void)
{
    hop_task_deinit(&task);
    hop_process_close(&process);
    child_end(pid);
}

TestSuite(standstill, .fini = tear_down);

static void spin(void *unused)
{
    (void)unused;
    child_is_ready();
    for (volatile unsigned i = 0;; i++)
        continue;
}

/* Runs a little at every signal. */
static void on_signal(int number)
{
    (void)number;
}

static void wake_at_signals(void *unused)
{
    (void)unused;
    signal(SIGUSR1, on_signal);
    child_is_ready();
    for (;;)
        pause();
}

static void await_state(char wanted)
{
    char state = 0;
    int processor;
    uint64_t until_ns = hop_now_ns() + PATIENCE_NS;
    while (state != wanted && hop_now_ns() < until_ns) {
        cr_assert(hop_task_where(&task, &state, &processor));
        usleep(1000);
    }
    cr_assert_eq(state, wanted, "it is %c, not %c", state, wanted);
}

Test(standstill, holds_for_one_that_sleeps)
{
    struct hop_standstill before, now;
    begin(child_idle);
    await_state('S');
    cr_assert(hop_standstill_read(&task, &before));
    char text[sizeof before.text];
    ssize_t size = hop_process_read_file(&process, "schedstat", text, sizeof text);
    cr_assert_eq(before.length, size); /* all three figures */
    cr_assert_arr_eq(before.text, text, (size_t)size);
    for (int i = 0; i < 100; i++) {
        cr_assert(hop_standstill_holds(&task, &before));
        cr_assert(hop_standstill_read(&task, &now));
        cr_assert(hop_standstill_is_same(&before, &now));
    }
}

/* How often it was put on a CPU. */
static unsigned long long times_run(void)
{
    char path[64];
    unsigned long long times = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    FILE *file = fopen(path, "re");
    cr_assert(file && fscanf(file, "%*u %*u %llu", &times) == 1);
    fclose(file);
    return times;
}

/* One of wake_at_signals; it has run when this returns. That it is put on a CPU is counted before
 * it executes anything. */
static void wake(void)
{
    unsigned long long times = times_run();
    kill(pid, SIGUSR1);
    while (times_run() == times)
        sched_yield();
    await_state('S');
}

/* A moment on a CPU is enough, however short. */
Test(standstill, does_not_hold_for_one_that_ran)
{
    begin(wake_at_signals);
    for (int i = 0; i < 50; i++) {
        struct hop_standstill before;
        await_state('S');
        cr_assert(hop_standstill_read(&task, &before));
        cr_assert(hop_standstill_holds(&task, &before));
        wake();
        cr_assert_not(hop_standstill_holds(&task, &before));
    }
}

Test(standstill, does_not_hold_for_one_that_spins)
{
    struct hop_standstill before;
    begin(spin);
    for (int i = 0; i < 5; i++) {
        cr_assert(hop_standstill_read(&task, &before));
        uint64_t until_ns = hop_now_ns() + PATIENCE_NS;
        while (hop_standstill_holds(&task, &before) && hop_now_ns() < until_ns)
            sched_yield();
        cr_assert_not(hop_standstill_holds(&task, &before));
    }
}

static void pin(int whom, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    cr_assert_eq(sched_setaffinity(whom, sizeof set, &set), 0);
}

/* What a look relies on: while we ourselves are on its CPU, a spinning thread stands still; and it
 * is said to be runnable there. Where we were put off the CPU meanwhile, the proof does not hold.
 */
Test(standstill, holds_for_one_that_spins_as_long_as_we_are_on_its_cpu)
{
    enum { LOOKS = 2000 };
    int held = 0, off = 0;
    begin(spin);
    int cpu = sched_getcpu();
    pin(0, cpu);
    pin(pid, cpu);
    cr_assert_eq(hop_standstill_is_provable(&process), true);
    for (int i = 0; i < LOOKS; i++) {
        struct rusage begun, ended;
        struct hop_standstill before;
        char state;
        int processor;
        usleep(100);
        getrusage(RUSAGE_SELF, &begun);
        cr_assert(hop_standstill_read(&task, &before));
        cr_assert(hop_task_where(&task, &state, &processor));
        cr_assert_eq(state, 'R');
        cr_assert_eq(processor, cpu);
        bool holds = hop_standstill_holds(&task, &before);
        getrusage(RUSAGE_SELF, &ended);
        bool was_off = begun.ru_nivcsw != ended.ru_nivcsw || begun.ru_nvcsw != ended.ru_nvcsw;
        cr_assert(holds || was_off, "it ran while we did");
        held += holds, off += was_off;
    }
    cr_assert_gt(held, LOOKS / 2);
}

Test(standstill, does_not_hold_for_one_that_is_gone)
{
    struct hop_standstill before, now;
    char state;
    int processor;
    begin(child_idle);
    cr_assert(hop_standstill_read(&task, &before));
    cr_assert(hop_task_where(&task, &state, &processor));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_assert_not(hop_standstill_holds(&task, &before));
    cr_assert_not(hop_standstill_read(&task, &now));
    cr_assert_not(hop_task_where(&task, &state, &processor));
    hop_task_deinit(&task);
    /* And for one that never was. */
    hop_task_init(&task, &process, pid);
    cr_assert_not(hop_standstill_read(&task, &now));
    cr_assert_not(hop_task_where(&task, &state, &processor));
}

static int open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

Test(standstill, works_without_descriptors_of_its_own)
{
    struct hop_standstill before;
    char state;
    int processor, fds = open_fds();
    begin(child_idle);
    await_state('S');
    hop_task_deinit(&task);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    int kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert_geq(kept, 0);
    limit.rlim_cur = (rlim_t)kept;
    setrlimit(RLIMIT_NOFILE, &limit);
    hop_task_init(&task, &process, pid); /* gets none */
    cr_assert_lt(task.schedstat_fd, 0);
    limit.rlim_cur = (rlim_t)kept + 1;
    setrlimit(RLIMIT_NOFILE, &limit);
    close(kept); /* one, for a moment each */
    cr_assert(hop_standstill_read(&task, &before));
    cr_assert(hop_standstill_holds(&task, &before));
    cr_assert(hop_task_where(&task, &state, &processor));
    cr_assert_eq(state, 'S');
    hop_task_deinit(&task);
    hop_process_close(&process);
    cr_assert_leq(open_fds(), fds + 1); /* the child's lifeline */
    open_child();
}

/* comm may hold what looks like the rest of stat. */
static void idle_under_a_strange_name(void *unused)
{
    prctl(PR_SET_NAME, "a) R 1 (b\n) Z (");
    child_idle(unused);
}

Test(standstill, no_name_deceives_it)
{
    begin(idle_under_a_strange_name);
    await_state('S');
    char state;
    int processor = -1, cpu = sched_getcpu();
    pin(pid, cpu);
    kill(pid, SIGSTOP);
    await_state('T');
    cr_assert(hop_task_where(&task, &state, &processor));
    cr_assert_eq(processor, cpu);
}

/* --- the clock of perf events ------------------------------------------------------------------
 */

Test(perf_clock, one_that_stands_still_is_noticed)
{
    const uint64_t s = 1000 * 1000 * 1000;
    const struct hop_task_times before = {
        .run_ns = 5 * s, .perf_ns = 3 * s, .runs = 70, .are_recorded = true};
    const uint64_t none = UINT64_MAX; /* they are not recorded any more */
    const struct {
        uint64_t ran_ns, perf_ran_ns, runs, switches;
        bool agree;
    } cases[] = {
        {s, s, 9, 18, true},
        {s, s * 9 / 10, 9, 18, true},
        {s, 2 * s, 9, 18, true},
        {s, s / 3, 9, 18, true /* the switches took the rest, by their records */},
        {s, s / 20, 9, 18, false},
        {s, 0, 9, 18, false},
        {s / 5, 0, 9, 18, false},
        {0, 0, 0, 0, true},
        {s / 1000, 0, 9, 0, true /* too little to tell */},
        {s, s, 0, 0, true /* it was on its CPU all the while */},
        {s, s, 1, 0, true},
        {s, s, 9, 16, true},
        {s, s, 9, 8, false},
        {s, s, 9, 0, false},
        {s, s, 9, none, true},
        {s, s * 2 / 3, 9, none, true},
        {s, s / 3, 9, none, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hop_task_times after = {.run_ns = before.run_ns + cases[i].ran_ns,
                                       .perf_ns = before.perf_ns + cases[i].perf_ran_ns,
                                       .runs = before.runs + cases[i].runs,
                                       .switches = cases[i].switches,
                                       .are_recorded = cases[i].switches != none};
        cr_assert_eq(hop_task_times_agree(&before, &after), cases[i].agree, "case %zu", i);
    }
}

static void pin_us(void)
{
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(sched_getcpu(), &here);
    cr_assert_eq(sched_setaffinity(0, sizeof here, &here), 0);
}

/* It is not told when the thread got a CPU while it was read. */
static struct hop_switch last_switch(const struct hop_task *of)
{
    struct hop_switch last;
    int tries = 0;
    while (!hop_perf_event_last_switch(&of->perf, &last))
        cr_assert_lt(++tries, 1000);
    return last;
}

/* Once it stands still, which it does while we are on its CPU. */
static void times_of(struct hop_task_times *times)
{
    uint64_t until_ns = hop_now_ns() + PATIENCE_NS;
    while (!hop_task_times(&task, times)) {
        cr_assert_lt(hop_now_ns(), until_ns);
        usleep(1000);
    }
}

Test(standstill, the_perf_clock_of_one_that_spins_agrees_with_its_run_time)
{
    struct hop_task_times first, now;
    pin_us();
    begin(spin);
    if (!hop_task_open_perf(&task))
        cr_skip_test("perf events are not to be had here");
    cr_assert(hop_perf_clock_is_fine());
    times_of(&first);
    do {
        usleep(10 * 1000);
        times_of(&now);
    } while (now.run_ns - first.run_ns < 200 * 1000 * 1000);
    cr_assert(hop_task_times_agree(&first, &now), "ran %llu ns, perf %llu ns",
              (unsigned long long)(now.run_ns - first.run_ns),
              (unsigned long long)(now.perf_ns - first.perf_ns));
    now.perf_ns = first.perf_ns;
    cr_assert_not(hop_task_times_agree(&first, &now));
}

/* One that may only run where we do is off its CPU whenever we are on it. */
Test(standstill, the_last_switch_is_on_record)
{
    struct hop_switch last;
    int status;
    pin_us();
    begin(spin);
    cr_assert_not(hop_perf_event_last_switch(&task.perf, &last), "there is no record yet");
    if (!hop_task_open_perf(&task) || !hop_switches_are_fine())
        cr_skip_test("records of switches are not to be had here");
    uint64_t before_ns = hop_now_ns();
    do
        usleep(1000);
    while (!hop_perf_event_last_switch(&task.perf, &last) || last.ns < before_ns);
    cr_assert(last.is_out && last.wanted_to_go_on);
    cr_assert_leq(last.ns, hop_now_ns());
    /* For so long that the records went round in their page, and one lay across its end. */
    for (int i = 0; i < 600; i++) {
        usleep(100);
        last = last_switch(&task);
        cr_assert(last.is_out && last.wanted_to_go_on);
        cr_assert_eq(last.cpu, sched_getcpu());
    }
    kill(pid, SIGSTOP);
    cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
    last = last_switch(&task);
    cr_assert(last.is_out && !last.wanted_to_go_on);
    hop_perf_event_forget_switches(&task.perf);
    cr_assert_not(hop_perf_event_last_switch(&task.perf, &last));
}

/* Of one that runs the last is that it was put on a CPU: that stays so, and proves nothing. */
Test(standstill, one_that_runs_is_not_proved_by_its_record)
{
    struct hop_process our_process;
    struct hop_task ours;
    struct hop_error err;
    struct hop_standstill now;
    struct hop_switch last;
    begin(wake_at_signals);
    cr_assert_eq(hop_process_open(getpid(), &our_process, &err), HOP_OK);
    hop_task_init(&ours, &our_process, gettid());
    bool has_records = hop_switches_are_fine() && hop_task_open_perf(&ours);
    for (int i = 0; i < 100 && has_records; i++) {
        usleep(100);
        last = last_switch(&ours);
        cr_assert_not(last.is_out);
        cr_assert(hop_standstill_read(&ours, &now));
        cr_assert_eq(now.clock, HOP_CLOCK_PERF_TIMES);
        cr_assert_not(hop_standstill_is_of(&now, &last));
    }
    hop_task_deinit(&ours);
    hop_process_close(&our_process);
    if (!has_records)
        cr_skip_test("records of switches are not to be had here");
}

/* By the record of its switches, which is read in no time: while we are on its CPU, and not when it
 * ran in between. */
Test(standstill, the_record_of_switches_is_a_proof)
{
    struct hop_standstill before, now;
    struct hop_switch last;
    int held = 0;
    pin_us();
    begin(spin);
    if (!hop_switches_are_fine() || !hop_task_open_perf(&task))
        cr_skip_test("records of switches are not to be had here");
    do
        usleep(1000);
    while (!hop_perf_event_last_switch(&task.perf, &last));
    for (int i = 0; i < 300; i++) {
        struct rusage begun, ended;
        getrusage(RUSAGE_SELF, &begun);
        cr_assert(hop_standstill_read(&task, &before));
        cr_assert_eq(before.clock, HOP_CLOCK_SWITCHES);
        bool holds = hop_standstill_holds(&task, &before);
        getrusage(RUSAGE_SELF, &ended);
        cr_assert(holds || begun.ru_nivcsw != ended.ru_nivcsw, "it ran while we did");
        held += holds;
        unsigned long long times = times_run();
        while (times_run() == times)
            usleep(10);
        cr_assert_not(hop_standstill_holds(&task, &before));
        cr_assert(hop_standstill_read(&task, &now));
        cr_assert_not(hop_standstill_is_same(&now, &before));
    }
    cr_assert_gt(held, 150);
}

static bool is_proved_by_switches(void)
{
    struct hop_standstill now;
    return hop_standstill_read(&task, &now) && now.clock == HOP_CLOCK_SWITCHES;
}

/* It may sleep for as long as we look. */
Test(standstill, one_that_sleeps_needs_no_record)
{
    struct hop_standstill before;
    begin(wake_at_signals);
    if (!hop_switches_are_fine() || !hop_task_open_perf(&task))
        cr_skip_test("records of switches are not to be had here");
    await_state('S');
    while (!is_proved_by_switches()) { /* it was on its CPU still, or has a record since */
        hop_perf_event_note_asleep(&task.perf);
        sched_yield();
    }
    cr_assert(hop_standstill_read(&task, &before));
    for (int i = 0; i < 100; i++)
        cr_assert(hop_standstill_holds(&task, &before));
    wake();
    cr_assert_not(hop_standstill_holds(&task, &before));
}

/* Where one that runs is taken for one that sleeps, its time goes on. */
Test(standstill, one_that_runs_is_not_noted_as_asleep)
{
    struct hop_perf_times first, second;
    struct hop_switch last;
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    if (CPU_COUNT(&set) < 2)
        cr_skip_test("this machine lets us use one CPU");
    begin(spin);
    if (!hop_switches_are_fine())
        cr_skip_test("records of switches are not to be had here");
    for (int i = 0; i < 100; i++) {
        cr_assert(hop_task_open_perf(&task)); /* there is no record yet */
        hop_perf_event_note_asleep(&task.perf);
        /* If it is, it waits for its CPU: its time stands still as long as there is no record. */
        if (task.perf.began_asleep && hop_perf_event_times(&task.perf, &first) &&
            hop_perf_event_times(&task.perf, &second) &&
            hop_perf_event_last_switch(&task.perf, &last) && last.number == 0)
            cr_assert_eq(first.running_ns, second.running_ns, "it runs");
        hop_perf_event_close(&task.perf);
    }
}

Test(standstill, tells_how_long_one_waited_for_a_cpu)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"12 345 6\n", 345},  {"0 0 0\n", 0}, {"1 18446744073709551615 2\n", UINT64_MAX},
        {"98765432109 7", 7}, {"12", 0},      {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hop_standstill standstill = {.length = (uint8_t)strlen(cases[i].text)};
        memset(standstill.text, '9', sizeof standstill.text); /* what stood there before */
        memcpy(standstill.text, cases[i].text, standstill.length);
        cr_assert_eq(hop_standstill_waited_ns(&standstill), cases[i].ns, "%s", cases[i].text);
    }
    begin(spin);
    struct hop_standstill now;
    unsigned long long waited_ns = 0;
    cr_assert(hop_standstill_read(&task, &now));
    cr_assert_eq(sscanf(now.text, "%*u %llu", &waited_ns), 1);
    cr_assert_eq(hop_standstill_waited_ns(&now), waited_ns);
}
