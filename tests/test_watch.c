/* What the whole target does: who holds a GIL and what was born, in fake memory of every layout;
 * whether the program is still there, asked of processes that exit, exec and are killed. */
#include "sample/watch.h"
#include "support/children.h"
#include "support/fake_runtime.h"
#include "support/layouts.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct hop_python python;
static struct fake_memory memory;
static struct fake_reader reader;
static struct fake_runtime runtime;
static struct hop_process process;
static struct hop_roster roster;
static struct hop_watch watch;
static struct hop_error err;

static void end_fakes(void)
{
    hop_watch_deinit(&watch);
    hop_roster_deinit(&roster);
    fake_memory_deinit(&memory);
}

static void set_up(void)
{
    watch.mem_fd = -1;
    cr_assert_eq(hop_process_open(getpid(), &process, &err), HOP_OK);
}

static void tear_down(void)
{
    end_fakes();
    hop_process_close(&process);
}

TestSuite(watch, .init = set_up, .fini = tear_down);

static void start(int minor)
{
    end_fakes();
    layout_of_version(&python.layout, minor, layout_usual_micro(minor));
    fake_memory_init(&memory);
    fake_reader_init(&reader, &memory);
    fake_runtime_init(&runtime, &memory, &python.layout);
    python.runtime_addr = runtime.addr;
    cr_assert(hop_roster_init(&roster, &process, &python, &reader.base));
    cr_assert_eq(hop_watch_init(&watch, &process, &python, &reader.base, &err), HOP_OK);
}

#define FOR_EACH_VERSION                                                                           \
    for (int minor = LAYOUT_MINOR_FIRST; minor <= LAYOUT_MINOR_LAST && (start(minor), true);       \
         minor++)

static uint64_t thread_add(uint64_t interpreter_addr)
{
    struct fake_thread thread;
    uint64_t pthread_addr = fake_memory_alloc(&memory, NULL, 1024);
    fake_memory_put_u32(&memory, pthread_addr + 0x2d0, (uint32_t)getpid());
    fake_thread_init(&thread, &runtime, interpreter_addr, pthread_addr, (uint64_t)getpid());
    return thread.addr;
}

static void expect_gils(size_t holders, bool has_changed)
{
    bool changed = false;
    hop_watch_gils(&watch, &roster, &changed);
    cr_assert_eq(watch.holder_count, holders, "3.%d: %zu holders", python.layout.minor,
                 watch.holder_count);
    cr_assert_eq(changed, has_changed, "3.%d", python.layout.minor);
}

Test(watch, knows_who_holds_a_gil)
{
    FOR_EACH_VERSION
    {
        uint64_t first = fake_interpreter_add(&runtime, 0), state = thread_add(first);
        cr_assert(hop_roster_refresh(&roster));
        expect_gils(0, false);
        cr_assert_not(hop_watch_holds_gil(&watch, state));
        fake_gil_set(&runtime, first, 1, state);
        expect_gils(1, false);
        cr_assert(hop_watch_holds_gil(&watch, state));
        cr_assert_not(hop_watch_holds_gil(&watch, state + 8));
        /* The last holder is remembered; the GIL is free, or was never made (-1). */
        fake_gil_set(&runtime, first, 0, state);
        expect_gils(0, false);
        fake_gil_set(&runtime, first, UINT32_MAX, state);
        expect_gils(0, false);
        fake_gil_set(&runtime, first, 1, 0);
        expect_gils(0, false);
        cr_assert_not(hop_watch_holds_gil(&watch, 0));
    }
}

Test(watch, interpreters_have_one_gil_or_one_each)
{
    FOR_EACH_VERSION
    {
        uint64_t addrs[3], states[3];
        for (uint64_t i = 0; i < 3; i++) {
            addrs[i] = fake_interpreter_add(&runtime, i);
            states[i] = thread_add(addrs[i]);
        }
        cr_assert(hop_roster_refresh(&roster));
        fake_gil_set(&runtime, addrs[0], 1, states[0]);
        fake_gil_set(&runtime, addrs[2], 1, states[2]);
        expect_gils(minor < 12 ? 1 : 2, false);
        cr_assert_eq(hop_watch_holds_gil(&watch, states[0]), minor >= 12);
        cr_assert(hop_watch_holds_gil(&watch, states[2]));
        cr_assert_not(hop_watch_holds_gil(&watch, states[1]));
    }
}

Test(watch, births_and_what_is_unreadable_are_changes)
{
    FOR_EACH_VERSION
    {
        uint64_t first = fake_interpreter_add(&runtime, 0);
        uint64_t second = fake_interpreter_add(&runtime, 1);
        thread_add(first);
        thread_add(second);
        cr_assert(hop_roster_refresh(&roster));
        expect_gils(0, false);
        thread_add(first);
        expect_gils(0, true);
        cr_assert(hop_roster_refresh(&roster));
        expect_gils(0, false);
        /* From 3.12 on what is asked of an interpreter is read in one piece. */
        for (uint64_t n = 1; n <= (minor < 12 ? 6 : 2); n++) {
            fake_reader_init(&reader, &memory);
            reader.fails_at = n;
            expect_gils(0, true);
            cr_assert_geq(reader.reads, n);
        }
        expect_gils(0, false);
        fake_memory_unmap(&memory, second);
        expect_gils(0, true);
    }
}

/* One kernel thread with states in two interpreters runs in the one whose GIL it holds. */
Test(watch, a_thread_is_in_one_interpreter_at_a_time)
{
    FOR_EACH_VERSION
    {
        uint64_t first = fake_interpreter_add(&runtime, 0), in_first = thread_add(first);
        cr_assert(hop_roster_refresh(&roster));
        fake_gil_set(&runtime, first, 1, in_first);
        expect_gils(1, false);
        hop_watch_mark_left(&watch, &roster);
        cr_assert_not(hop_roster_find(&roster, in_first)->is_left);

        uint64_t second = fake_interpreter_add(&runtime, 1), in_second = thread_add(second);
        cr_assert(hop_roster_refresh(&roster));
        fake_gil_set(&runtime, first, 0, in_first);
        fake_gil_set(&runtime, second, 1, in_second);
        expect_gils(1, false);
        hop_watch_mark_left(&watch, &roster);
        cr_assert(hop_roster_find(&roster, in_first)->is_left);
        cr_assert_not(hop_roster_find(&roster, in_second)->is_left);
        /* Nobody holds one: it is where it was last. */
        fake_gil_set(&runtime, second, 0, in_second);
        expect_gils(0, false);
        hop_watch_mark_left(&watch, &roster);
        cr_assert(hop_roster_find(&roster, in_first)->is_left);
        /* Back again. */
        fake_gil_set(&runtime, first, 1, in_first);
        expect_gils(1, false);
        hop_watch_mark_left(&watch, &roster);
        cr_assert_not(hop_roster_find(&roster, in_first)->is_left);
        cr_assert(hop_roster_find(&roster, in_second)->is_left);
    }
}

/* --- the program ----------------------------------------------------------------------------- */

/* In our memory and, at the same address, in that of a fork: what stands for the head of a list of
 * interpreters. */
static volatile uint64_t head = 1;
static int orders[2], answers[2];

static char await_order(void)
{
    char order = 0;
    child_is_ready();
    while (read(orders[0], &order, 1) == 1 && order == '+') {
        head++;
        cr_assert_eq(write(answers[1], "", 1), 1);
    }
    return order;
}

/* What takes the kernel a while to clear up. */
static void fill_memory(void)
{
    const size_t bytes = (size_t)64 << 20;
    void *much = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (much != MAP_FAILED)
        memset(much, 1, bytes);
}

static void obey(void *unused)
{
    char *words[] = {"sleep", "1000", NULL};
    (void)unused;
    switch (await_order()) {
    case 'e':
        execvp(words[0], words);
        _exit(70);
    case 'x':
        fill_memory();
        _exit(3);
    default:
        raise(SIGKILL);
    }
}

static int obedient_start(void)
{
    cr_assert_eq(pipe2(orders, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(answers, O_CLOEXEC), 0);
    int pid = child_start(obey, NULL);
    hop_process_close(&process);
    cr_assert_eq(hop_process_open(pid, &process, &err), HOP_OK);
    start(13);
    python.runtime_addr =
        (uint64_t)(uintptr_t)&head - (uint64_t)python.layout.runtime_interpreters_head;
    return pid;
}

static void order(char what)
{
    cr_assert_eq(write(orders[1], &what, 1), 1);
}

static bool is_there(bool *has_changed, enum hop_ending *ending)
{
    *has_changed = false;
    return hop_watch_program(&watch, has_changed, ending);
}

Test(watch, notices_new_interpreters)
{
    bool has_changed;
    enum hop_ending ending = HOP_ENDED_STOPPED;
    char byte;
    int pid = obedient_start();
    cr_assert(is_there(&has_changed, &ending) && has_changed); /* the first time */
    for (int i = 0; i < 3; i++) {
        cr_assert(is_there(&has_changed, &ending) && !has_changed);
        order('+');
        cr_assert_eq(read(answers[0], &byte, 1), 1);
        cr_assert(is_there(&has_changed, &ending) && has_changed);
    }
    cr_assert_eq(ending, HOP_ENDED_STOPPED, "not touched");
    child_end(pid);
}

/* Until the program is another one, or none. Never at rest, to see it in the midst of its end. */
static enum hop_ending ending_after(char what)
{
    bool has_changed;
    enum hop_ending ending = HOP_ENDED_STOPPED;
    cr_assert(is_there(&has_changed, &ending));
    order(what);
    while (is_there(&has_changed, &ending))
        sched_yield();
    /* Asked again it says the same. */
    enum hop_ending again = HOP_ENDED_STOPPED;
    cr_assert_not(is_there(&has_changed, &again));
    cr_assert_eq(again, ending);
    return ending;
}

Test(watch, exec_is_not_exit, .timeout = 240)
{
    for (int i = 0; i < 20; i++) {
        int pid = obedient_start();
        cr_assert_eq(ending_after('e'), HOP_ENDED_EXEC);
        child_end(pid);
    }
}

Test(watch, exit_is_not_exec, .timeout = 240)
{
    for (int i = 0; i < 10; i++) {
        int pid = obedient_start();
        cr_assert_eq(ending_after(i % 2 ? 'x' : 'k'), HOP_ENDED_EXITED); /* a zombie now */
        waitpid(pid, NULL, 0);
        bool has_changed;
        enum hop_ending ending = HOP_ENDED_STOPPED;
        cr_assert_not(is_there(&has_changed, &ending));
        cr_assert_eq(ending, HOP_ENDED_EXITED);
    }
}

Test(watch, says_why_it_may_not_read)
{
    int pid = obedient_start();
    hop_watch_deinit(&watch);
    if (!become_nobody())
        cr_skip_test("needs root to have a process that is not ours");
    cr_assert_eq(hop_watch_init(&watch, &process, &python, &reader.base, &err), HOP_ERR_PERMISSION);
    cr_assert(err.message[0] && err.remedy[0]);
    order('x');
    (void)pid;
}
