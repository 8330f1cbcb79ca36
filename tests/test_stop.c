/* Stopping threads: they stand still and go on, whatever they are sent or do meanwhile; and
 * `--read stop` on real Pythons, which must not notice. */
#include "proc/stop.h"
#include "support/children.h"
#include "support/programs.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child tells us all the while. */
static struct shared {
    volatile unsigned long count;
    volatile unsigned signals;
    volatile bool may_end;
} * shared;

static struct hop_process process;
static struct hop_stopper *stopper;
static struct hop_error err;
static int pid;

static void set_up(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
}

static void tear_down(void)
{
    hop_stopper_destroy(stopper);
    hop_process_close(&process);
    if (pid)
        child_end(pid);
}

TestSuite(stop, .init = set_up, .fini = tear_down, .timeout = 240);

static void begin(child_body_fn *body)
{
    pid = child_start(body, NULL);
    cr_assert_eq(hop_process_open(pid, &process, &err), HOP_OK);
    cr_assert_eq(hop_stopper_create(&process, &stopper, &err), HOP_OK, "%s", err.message);
}

static void spin(void *unused)
{
    (void)unused;
    child_is_ready();
    for (;;)
        shared->count++;
}

static char state_of(void)
{
    struct hop_task_stat stat;
    return hop_task_stat_read(process.dir_fd, &stat) ? stat.state : 'X';
}

/* A loser has to end, so each stop is asked for by a thread of its own. */
struct attempt {
    int tid;
    enum hop_stop result;
    bool was_let_go;
    bool was_at_syscall_exit;
    void (*while_held)(void);
};

static void *stop_once(void *argument)
{
    struct attempt *attempt = argument;
    struct hop_held held;
    attempt->result = hop_stop(stopper, attempt->tid, &held);
    if (attempt->result != HOP_STOP_HELD)
        return NULL;
    attempt->was_at_syscall_exit = held.is_at_syscall_exit;
    if (attempt->while_held)
        attempt->while_held();
    attempt->was_let_go = hop_stop_let_go(&held);
    return NULL;
}

static struct attempt stop_thread(int tid, void (*while_held)(void))
{
    struct attempt attempt = {.tid = tid, .while_held = while_held};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, stop_once, &attempt), 0);
    pthread_join(thread, NULL);
    while (hop_process_tracer(&process)) /* the thread is joined a moment before its end */
        sched_yield();
    return attempt;
}

/* One that is there and may be held: again when it got no CPU in all the time. */
static struct attempt hold(void (*while_held)(void))
{
    struct attempt attempt;
    do
        attempt = stop_thread(pid, while_held);
    while (attempt.result == HOP_STOP_LOST);
    cr_assert_eq(attempt.result, HOP_STOP_HELD, "%d", (int)attempt.result);
    return attempt;
}

static void expect_progress(void)
{
    unsigned long before = shared->count;
    while (shared->count == before)
        sched_yield();
}

static void expect_standstill(void)
{
    unsigned long before = shared->count;
    cr_assert_eq(state_of(), 't');
    usleep(1000);
    cr_assert_eq(shared->count, before);
}

Test(stop, holds_a_thread_and_lets_it_go)
{
    begin(spin);
    for (int i = 0; i < 200; i++) {
        expect_progress();
        struct attempt attempt = hold(expect_standstill);
        cr_assert(attempt.was_let_go);
        cr_assert_not(attempt.was_at_syscall_exit);
        cr_assert_eq(state_of(), 'R');
    }
    expect_progress();
}

static void ask_the_kernel(void *unused)
{
    (void)unused;
    child_is_ready();
    for (;; shared->count++)
        getppid();
}

Test(stop, tells_the_exit_of_a_system_call)
{
    int exits = 0;
    begin(ask_the_kernel);
    for (int i = 0; i < 200; i++) {
        exits += hold(NULL).was_at_syscall_exit;
    }
    cr_assert_gt(exits, 20, "%d of 200", exits);
}

/* --- signals --------------------------------------------------------------------------------- */

static void count_signal(int number)
{
    (void)number;
    shared->signals++;
}

static void count_signals(void *unused)
{
    struct sigaction action = {.sa_handler = count_signal};
    (void)unused;
    sigaction(SIGRTMIN, &action, NULL);
    spin(NULL);
}

static void *send_signals(void *number)
{
    for (int i = 0; i < 1000; i++) {
        while (sigqueue(pid, *(int *)number, (union sigval){0}))
            cr_assert_eq(errno, EAGAIN);
        usleep(50);
    }
    return NULL;
}

/* Those of real time are queued, so each counts. */
Test(stop, no_signal_is_lost)
{
    int number = SIGRTMIN, held = 0, carried = 0;
    pthread_t sender;
    begin(count_signals);
    cr_assert_eq(pthread_create(&sender, NULL, send_signals, &number), 0);
    while (shared->signals < 1000) {
        struct hop_held hold;
        cr_assert_eq(hop_stop(stopper, pid, &hold), HOP_STOP_HELD, "after %u signals",
                     shared->signals);
        held++;
        carried += hold.signal == number;
        cr_assert(hop_stop_let_go(&hold));
    }
    pthread_join(sender, NULL);
    cr_log_info("%d stops, %d of them with a signal", held, carried);
    cr_assert_gt(held, 100);
    cr_assert_eq(shared->signals, 1000);
    expect_progress();
}

/* As hop_stop finds it where the signal comes between its two requests. */
Test(stop, a_signal_that_was_in_the_way_is_taken)
{
    int status;
    begin(count_signals);
    for (unsigned i = 1; i <= 20; i++) {
        struct hop_held held = {.tid = pid, .signal = SIGRTMIN};
        cr_assert_eq(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
        cr_assert_eq(sigqueue(pid, SIGRTMIN, (union sigval){0}), 0);
        cr_assert_eq(waitpid(pid, &status, __WALL), pid);
        cr_assert(WIFSTOPPED(status) && status >> 8 == SIGRTMIN);
        cr_assert(hop_stop_let_go(&held));
        expect_progress();
        while (shared->signals < i)
            sched_yield();
        cr_assert_eq(shared->signals, i);
    }
}

Test(stop, a_stopped_process_stays_stopped)
{
    int status;
    begin(spin);
    for (int i = 0; i < 100; i++) {
        kill(pid, SIGSTOP);
        if (i % 2)
            cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
        cr_assert(hold(NULL).was_let_go);
        while (state_of() != 'T')
            sched_yield();
        kill(pid, SIGCONT);
        expect_progress();
    }
}

/* --- those that cannot be stopped ------------------------------------------------------------ */

static void trace(void *unused)
{
    (void)unused;
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
        _exit(70);
    child_idle(NULL);
}

Test(stop, one_that_is_traced_is_left_alone)
{
    char number[16];
    begin(spin);
    int tracer = child_start(trace, NULL);
    struct hop_stopper *another = NULL;
    cr_assert_eq(hop_stopper_create(&process, &another, &err), HOP_ERR_PERMISSION);
    snprintf(number, sizeof number, "%d", tracer);
    assert_says(err.message, number);
    assert_says(err.remedy, "--read cpu");
    struct hop_held held;
    cr_assert_eq(hop_stop(stopper, pid, &held), HOP_STOP_DENIED);
    child_end(tracer);
    hold(NULL);
    expect_progress();
}

/* vfork() waits as one waits for a disk: no signal ends it, but its child's end. */
static void wait_for_a_child(void *unused)
{
    (void)unused;
    child_is_ready();
    pid_t parent = getpid();
    if (vfork() == 0) {
        while (!shared->may_end && getppid() == parent)
            usleep(1000);
        _exit(0);
    }
    for (;;)
        shared->count++;
}

Test(stop, what_does_not_stop_is_let_go)
{
    begin(wait_for_a_child);
    while (state_of() != 'D')
        sched_yield();
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(stop_thread(pid, NULL).result, HOP_STOP_LOST);
        cr_assert_eq(hop_process_tracer(&process), 0);
        cr_assert_eq(state_of(), 'D');
    }
    shared->may_end = true;
    expect_progress();
    hold(NULL);
    expect_progress();
}

static void kill_it(void)
{
    kill(pid, SIGKILL);
    while (state_of() != 'Z')
        sched_yield();
}

Test(stop, one_that_is_killed_while_it_is_held)
{
    int status;
    begin(spin);
    cr_assert_not(hold(kill_it).was_let_go);
    /* Its end is its parent's to hear of. */
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    cr_assert_eq(stop_thread(pid, NULL).result, HOP_STOP_GONE);
    cr_assert_eq(hop_stopper_create(&process, &(struct hop_stopper *){NULL}, &err), HOP_ERR_GONE);
    pid = 0;
}

/* Its end is the parent's to hear of, also where it is what a stop waited for. */
Test(stop, one_that_is_killed_before_it_stops)
{
    int status;
    pthread_t thread;
    begin(wait_for_a_child);
    struct attempt attempt = {.tid = pid};
    while (state_of() != 'D')
        sched_yield();
    cr_assert_eq(pthread_create(&thread, NULL, stop_once, &attempt), 0);
    while (!hop_process_tracer(&process))
        sched_yield();
    kill(pid, SIGKILL);
    pthread_join(thread, NULL);
    cr_assert_eq(attempt.result, HOP_STOP_LOST);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    pid = 0;
}

static void *live_briefly(void *unused)
{
    for (int i = 0; i < 20000; i++)
        shared->count++;
    return unused;
}

static void bear_threads(void *unused)
{
    pthread_t threads[4];
    (void)unused;
    child_is_ready();
    for (;;) {
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, live_briefly, NULL);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
}

Test(stop, threads_may_end_at_any_time)
{
    int results[4] = {0}, tids[16];
    begin(bear_threads);
    while (results[HOP_STOP_HELD] < 300) {
        ssize_t count = hop_process_threads(&process, tids, 16, NULL);
        for (ssize_t i = 1; i < count; i++) {
            struct attempt attempt = stop_thread(tids[i], NULL);
            results[attempt.result]++;
            cr_assert(attempt.result != HOP_STOP_HELD || attempt.was_let_go);
        }
    }
    cr_log_info("held %d, denied %d, gone %d, lost %d", results[0], results[1], results[2],
                results[3]);
    expect_progress();
}

static void execute_again_and_again(void *unused)
{
    static char script[] = "test $1 -gt 0 && exec sh -c \"$0\" \"$0\" $(($1-1)); exit 7";
    char *words[] = {"sh", "-c", script, script, "300", NULL};
    (void)unused;
    child_is_ready();
    while (!shared->may_end)
        continue;
    execvp(words[0], words);
    _exit(70);
}

/* An exec is not in the way of a stop, nor a stop of an exec; and the end is passed on. */
Test(stop, it_may_execute_and_exit_at_any_time)
{
    int status = 0, results[4] = {0};
    begin(execute_again_and_again);
    shared->may_end = true;
    while (waitpid(pid, &status, WNOHANG) == 0)
        results[stop_thread(pid, NULL).result]++;
    cr_log_info("held %d, denied %d, gone %d, lost %d", results[0], results[1], results[2],
                results[3]);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    cr_assert_gt(results[HOP_STOP_HELD], 10);
    pid = 0;
}

/* --- by the command -------------------------------------------------------------------------- */

static struct run run;
static struct target target;

static void attach(int whom, const char *duration)
{
    run_heavyops(&run, NULL, "attach", "--read", "stop", "-i", "all", "-r", "5000", "-d", duration,
                 pid_word(whom), NULL);
}

static void expect_untouched(int whom)
{
    cr_assert_eq(hop_process_open(whom, &process, &err), HOP_OK);
    cr_assert_eq(hop_process_tracer(&process), 0);
    cr_assert_eq(state_of(), 'R');
    hop_process_close(&process);
}

Test(stop, leaves_a_python_as_it_was)
{
    static const char *const no_words[] = {NULL};
    struct python python;
    python_choose(&python, 8);
    spin_start(&target, &python, no_words);
    attach(target.pid, "0.5");
    assert_reports(&run, ", stop)");
    assert_says(run.out, " spin ");
    expect_untouched(target.pid);
    int tracer_of = pid;
    pid = target.pid;
    int tracer = child_start(trace, NULL);
    pid = tracer_of;
    attach(target.pid, "0.5");
    assert_refuses(&run, 3, "it is traced already", "--read cpu");
    child_end(tracer);
    expect_untouched(target.pid);
    target_kill(&target);
}

Test(stop, threads_of_a_python_may_come_and_go)
{
    struct python python;
    char line[16];
    python_choose(&python, 8);
    target_start(&target, &python, NULL, "restless.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, target.out));
    attach(target.pid, "1");
    assert_reports(&run, ", stop)");
    assert_says(run.out, " down ");
    cr_assert_eq(waitpid(target.pid, NULL, WNOHANG), 0, "it has ended");
    target_kill(&target);
}

/* `make soak` does it a thousand times. */
Test(stop, killing_heavyops_changes_nothing)
{
    struct python python;
    python_choose(&python, 8);
    const char *const words[] = {python.command,   HOP_TEST_ROOT "/tests/soak/soak.py",
                                 "--kills=17",     "--seconds=0",
                                 HOP_TEST_COMMAND, NULL};
    run_start(&run, NULL, words);
    run_wait(&run);
    cr_assert_eq(run.code, 0, "%s%s", run.out, run.err);
    assert_says(run.out, "--read stop: killed 17 times; the target runs on, unchanged");
}

Test(stop, record_passes_the_status_on)
{
    struct python python;
    python_choose(&python, 8);
    run_heavyops(&run, NULL, "record", "--read", "stop", "-r", "5000", "-i", "all", "--",
                 python.command, "-c",
                 "import os\n"
                 "for i in range(3000000): pass\n"
                 "os._exit(7)",
                 NULL);
    cr_assert_eq(run.code, 7, "%d: %s", run.code, run.err);
    assert_says(run.err, "ended: the process exited");
    run_heavyops(&run, NULL, "record", "--read", "stop", "-r", "5000", "-i", "all", "--",
                 python.command, "-c",
                 "import os\n"
                 "for i in range(3000000): pass\n"
                 "os.execvp('sh', ['sh', '-c', 'sleep 0.2; exit 5'])",
                 NULL);
    cr_assert_eq(run.code, 5, "%d: %s", run.code, run.err);
    assert_says(run.err, "ended: the process became another program (exec)");
}
