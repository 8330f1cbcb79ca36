/* The list of Python threads: thread states in fake memory, of every layout, matched with kernel
 * threads that are this test's own. */
#include "sample/roster.h"
#include "support/children.h"
#include "support/fake_runtime.h"
#include "support/layouts.h"
#include "support/programs.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A kernel thread of ours that waits, and what stands for its struct pthread. */
struct ours {
    pthread_t thread;
    sem_t told, end;
    int tid;
    uint64_t pthread_addr;
};

enum { TID_AT = 0x2d0, PTHREAD_BYTES = 2304 };

static struct hop_python python;
static struct fake_memory memory;
static struct fake_reader reader;
static struct fake_runtime runtime;
static struct hop_process process;
static struct hop_roster roster;
static struct hop_error err;
static struct ours ours[12];
static uint64_t interpreter_addr;

static void end_fakes(void)
{
    hop_roster_deinit(&roster);
    fake_memory_deinit(&memory);
}

static void set_up(void)
{
    cr_assert_eq(hop_process_open(getpid(), &process, &err), HOP_OK);
}

static void tear_down(void)
{
    end_fakes();
    hop_process_close(&process);
}

TestSuite(roster, .init = set_up, .fini = tear_down);

static void start(int minor)
{
    end_fakes();
    layout_of_version(&python.layout, minor, layout_usual_micro(minor));
    fake_memory_init(&memory);
    fake_reader_init(&reader, &memory);
    fake_runtime_init(&runtime, &memory, &python.layout);
    python.runtime_addr = runtime.addr;
    interpreter_addr = fake_interpreter_add(&runtime, 0);
    cr_assert(hop_roster_init(&roster, &process, &python, &reader.base));
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        ours[i].pthread_addr = 0;
}

#define FOR_EACH_VERSION                                                                           \
    for (int minor = LAYOUT_MINOR_FIRST; minor <= LAYOUT_MINOR_LAST && (start(minor), true);       \
         minor++)

static void *wait_for_end(void *argument)
{
    struct ours *it = argument;
    char name[16];
    it->tid = gettid();
    snprintf(name, sizeof name, "ours-%d", (int)(it - ours));
    pthread_setname_np(pthread_self(), name);
    sem_post(&it->told);
    sem_wait(&it->end);
    return NULL;
}

static void thread_start(struct ours *it)
{
    sem_init(&it->told, 0, 0);
    sem_init(&it->end, 0, 0);
    cr_assert_eq(pthread_create(&it->thread, NULL, wait_for_end, it), 0);
    sem_wait(&it->told);
}

/* Until the kernel has no such thread any more: it may outlive the join for a moment. */
static void thread_end(struct ours *it)
{
    char path[64];
    sem_post(&it->end);
    pthread_join(it->thread, NULL);
    snprintf(path, sizeof path, "/proc/self/task/%d", it->tid);
    while (access(path, F_OK) == 0)
        sched_yield();
}

static void threads_start(size_t count)
{
    for (size_t i = 0; i < count; i++)
        thread_start(&ours[i]);
}

/* The thread state of a kernel thread; its address. */
static uint64_t state_add_tid(uint64_t interpreter, struct ours *it, int tid)
{
    struct fake_thread thread;
    if (!it->pthread_addr) {
        it->pthread_addr = fake_memory_alloc(&memory, NULL, PTHREAD_BYTES);
        fake_memory_put_u32(&memory, it->pthread_addr + TID_AT, (uint32_t)tid);
    }
    fake_thread_init(&thread, &runtime, interpreter, it->pthread_addr, (uint64_t)tid);
    return thread.addr;
}

static uint64_t state_add(uint64_t interpreter, struct ours *it)
{
    return state_add_tid(interpreter, it, it->tid);
}

/* Makes it that of another kernel thread. */
static void state_give(uint64_t state, const struct ours *to)
{
    fake_memory_put_u64(&memory, state + (uint64_t)python.layout.thread_id, to->pthread_addr);
    if (python.layout.thread_native_id != HOP_ABSENT)
        fake_memory_put_u64(&memory, state + (uint64_t)python.layout.thread_native_id,
                            (uint64_t)to->tid);
}

/* Unlinks the newest but `nth` thread state. */
static void state_remove(uint64_t interpreter, size_t nth)
{
    uint64_t link = interpreter + (uint64_t)python.layout.interp_threads_head, next;
    while (nth--)
        link = hop_u64(fake_memory_at(&memory, link, 8)) + (uint64_t)python.layout.thread_next;
    next = hop_u64(fake_memory_at(&memory, link, 8)) + (uint64_t)python.layout.thread_next;
    fake_memory_put_u64(&memory, link, hop_u64(fake_memory_at(&memory, next, 8)));
}

static void refresh(size_t expected)
{
    cr_assert(hop_roster_refresh(&roster));
    cr_assert_eq(roster.count, expected, "3.%d: %zu threads, not %zu", python.layout.minor,
                 roster.count, expected);
}

static struct hop_roster_entry *entry_of(uint64_t state_addr, int tid)
{
    struct hop_roster_entry *entry = hop_roster_find(&roster, state_addr);
    cr_assert(entry, "3.%d: not listed", python.layout.minor);
    cr_assert_eq(entry->task.tid, tid, "3.%d: tid %d, not %d", python.layout.minor, entry->task.tid,
                 tid);
    cr_assert_eq(roster.seen[entry->index].tid, tid);
    return entry;
}

Test(roster, finds_the_kernel_thread_of_each_state)
{
    threads_start(10);
    FOR_EACH_VERSION
    {
        uint64_t states[10], sub_addr = fake_interpreter_add(&runtime, 7);
        refresh(0);
        for (size_t i = 0; i < 10; i++)
            states[i] = state_add(i == 4 ? sub_addr : interpreter_addr, &ours[i]);
        for (int round = 0; round < 3; round++) {
            refresh(10);
            for (size_t i = 0; i < 10; i++) {
                char name[16];
                const struct hop_roster_entry *entry = entry_of(states[i], ours[i].tid);
                snprintf(name, sizeof name, "ours-%zu", i);
                cr_assert_str_eq(roster.seen[entry->index].name, name);
                cr_assert_eq(roster.seen[entry->index].interpreter_id, i == 4 ? 7 : 0);
            }
            cr_assert_eq(roster.seen_count, 10);
        }
        cr_assert_null(hop_roster_find(&roster, 4711));
    }
}

Test(roster, keeps_what_it_knows_of_those_that_stay)
{
    threads_start(4);
    FOR_EACH_VERSION
    {
        uint64_t states[4];
        for (size_t i = 0; i < 3; i++)
            states[i] = state_add(interpreter_addr, &ours[i]);
        refresh(3);
        for (size_t i = 0; i < 3; i++) {
            struct hop_roster_entry *entry = entry_of(states[i], ours[i].tid);
            entry->was_taken = true;
            entry->place = (uint32_t)(100 + i);
        }
        uint32_t index = entry_of(states[2], ours[2].tid)->index;
        state_remove(interpreter_addr, 1); /* the middle one */
        states[3] = state_add(interpreter_addr, &ours[3]);
        refresh(3);
        cr_assert_null(hop_roster_find(&roster, states[1]));
        for (size_t i = 0; i < 4; i += i ? 1 : 2) {
            struct hop_roster_entry *entry = entry_of(states[i], ours[i].tid);
            cr_assert_eq(entry->was_taken, i < 3);
            cr_assert_eq(entry->place, i < 3 ? 100 + i : 0);
        }
        cr_assert_eq(entry_of(states[2], ours[2].tid)->index, index);
        /* A place in tallies is given out once. */
        cr_assert_eq(entry_of(states[3], ours[3].tid)->index, 3);
        cr_assert_eq(roster.seen_count, 4);
    }
}

/* Its state is freed and given to another thread. */
Test(roster, a_state_of_another_thread_is_another_entry)
{
    threads_start(2);
    FOR_EACH_VERSION
    {
        uint64_t state = state_add(interpreter_addr, &ours[0]);
        state_add(interpreter_addr, &ours[1]);
        refresh(2);
        entry_of(state, ours[0].tid)->was_taken = true;
        state_remove(interpreter_addr, 0);
        state_give(state, &ours[1]);
        refresh(1);
        cr_assert_not(entry_of(state, ours[1].tid)->was_taken);
        cr_assert_eq(roster.seen_count, 3);
    }
}

Test(roster, drops_threads_that_have_ended)
{
    FOR_EACH_VERSION
    {
        threads_start(2);
        uint64_t first = state_add(interpreter_addr, &ours[0]);
        uint64_t second = state_add(interpreter_addr, &ours[1]);
        refresh(2);
        thread_end(&ours[1]);
        fake_memory_put_u32(&memory, ours[1].pthread_addr + TID_AT, 0); /* as the kernel does */
        refresh(1);
        entry_of(first, ours[0].tid);
        /* And does not take them up again; nor one that never was. */
        refresh(1);
        cr_assert_null(hop_roster_find(&roster, second));
        /* A thread that is born: first there is a state, then its kernel thread. */
        uint64_t third = state_add_tid(interpreter_addr, &ours[2], 0);
        refresh(1);
        thread_start(&ours[2]);
        fake_memory_put_u32(&memory, ours[2].pthread_addr + TID_AT, (uint32_t)ours[2].tid);
        if (python.layout.thread_native_id != HOP_ABSENT)
            fake_memory_put_u64(&memory, third + (uint64_t)python.layout.thread_native_id,
                                (uint64_t)ours[2].tid);
        refresh(2);
        entry_of(third, ours[2].tid);
        thread_end(&ours[0]);
        thread_end(&ours[2]);
        refresh(0);
    }
}

static void add_born(bool is_whole, size_t expected)
{
    cr_assert_eq(hop_roster_add_born(&roster), is_whole, "3.%d", python.layout.minor);
    cr_assert_eq(roster.count, expected, "3.%d: %zu threads, not %zu", python.layout.minor,
                 roster.count, expected);
}

/* Without reading anything of those that are known. */
Test(roster, takes_up_those_that_were_born)
{
    threads_start(10);
    FOR_EACH_VERSION
    {
        uint64_t states[10];
        for (size_t i = 0; i < 6; i++)
            states[i] = state_add(interpreter_addr, &ours[i]);
        refresh(6);
        uint64_t calls = reader.calls;
        add_born(true, 6);
        cr_assert_leq(reader.calls - calls, 2, "3.%d", minor); /* the list's head, the newest */
        for (size_t i = 6; i < 9; i++)
            states[i] = state_add(interpreter_addr, &ours[i]);
        add_born(true, 9);
        for (size_t i = 0; i < 9; i++)
            entry_of(states[i], ours[i].tid);
        cr_assert_eq(roster.seen_count, 9);
        cr_assert_eq(roster.interpreters[0].threads_head_addr, states[8]);
        /* The newest has ended, and is not asked for again; then another has its place. */
        state_remove(interpreter_addr, 0);
        add_born(true, 9);
        struct hop_roster_entry *gone = entry_of(states[8], ours[8].tid);
        gone->is_gone = true;
        cr_assert_null(hop_roster_find(&roster, states[8]));
        states[9] = state_add(interpreter_addr, &ours[9]);
        add_born(true, 10);
        entry_of(states[9], ours[9].tid);
        refresh(9);
        add_born(true, 9);
    }
}

/* Up to 3.11 it has the ids of the thread that makes it for a moment. */
Test(roster, one_that_is_being_born_is_left_for_the_next_time)
{
    threads_start(2);
    FOR_EACH_VERSION
    {
        struct ours maker = ours[0];
        state_add(interpreter_addr, &ours[0]);
        refresh(1);
        maker.pthread_addr = ours[0].pthread_addr;
        uint64_t state = state_add(interpreter_addr, &maker);
        add_born(true, 1);
        cr_assert_neq(roster.interpreters[0].threads_head_addr, state); /* to be asked again */
        ours[1].pthread_addr = fake_memory_alloc(&memory, NULL, PTHREAD_BYTES);
        fake_memory_put_u32(&memory, ours[1].pthread_addr + TID_AT, (uint32_t)ours[1].tid);
        state_give(state, &ours[1]);
        add_born(true, 2);
        entry_of(state, ours[1].tid);
        cr_assert_eq(roster.interpreters[0].threads_head_addr, state);
    }
}

/* Then all are to be listed anew. */
Test(roster, more_births_than_can_be_followed_are_told)
{
    threads_start(1);
    FOR_EACH_VERSION
    {
        state_add(interpreter_addr, &ours[0]);
        refresh(1);
        struct ours none = {.tid = 0};
        for (int i = 0; i < 100; i++)
            state_add(interpreter_addr, &none);
        add_born(false, 1);
        refresh(1);
    }
}

/* More states than threads are known by: the lists grow. */
Test(roster, has_room_for_many)
{
    threads_start(3);
    FOR_EACH_VERSION
    {
        for (size_t i = 0; i < 300; i++)
            state_add(interpreter_addr, &ours[i % 3]);
        refresh(300);
        refresh(300);
        cr_assert_eq(roster.seen_count, 300);
    }
}

/* --- 3.8–3.10: where libc keeps the tid ------------------------------------------------------ */

static void put_word(struct ours *it, uint64_t offset, int value)
{
    fake_memory_put_u32(&memory, it->pthread_addr + offset, (uint32_t)value);
}

Test(roster, a_number_that_looks_like_a_tid_is_none)
{
    threads_start(3);
    for (int minor = 8; minor <= 10; minor++) {
        /* One thread to go by, and in its struct pthread an id of another one. */
        start(minor);
        uint64_t state = state_add(interpreter_addr, &ours[0]);
        put_word(&ours[0], 0x18, getpid());
        refresh(1);
        entry_of(state, ours[0].tid);
        cr_assert_eq(roster.pthread_tid_offset, TID_AT);

        /* The same number in all; and numbers that no thread has. */
        start(minor);
        uint64_t states[3];
        for (size_t i = 0; i < 3; i++) {
            states[i] = state_add(interpreter_addr, &ours[i]);
            put_word(&ours[i], 0x30, getpid());
            put_word(&ours[i], 0x38, ours[i].tid + 100000000);
        }
        refresh(3);
        for (size_t i = 0; i < 3; i++)
            entry_of(states[i], ours[i].tid);
    }
}

/* Another libc than those known. */
Test(roster, the_tid_is_found_where_ever_it_is)
{
    threads_start(3);
    for (int minor = 8; minor <= 10; minor++) {
        for (uint64_t offset = 0; offset < 1024; offset += 124) {
            start(minor);
            uint64_t states[3];
            for (size_t i = 0; i < 3; i++) {
                states[i] = state_add_tid(interpreter_addr, &ours[i], 77777777);
                put_word(&ours[i], offset, ours[i].tid);
                put_word(&ours[i], 0x20, getpid()); /* the same in all */
                put_word(&ours[i], 0x30, getpid());
            }
            refresh(3);
            for (size_t i = 0; i < 3; i++)
                entry_of(states[i], ours[i].tid);
            cr_assert_eq(roster.pthread_tid_offset, (int32_t)offset);
        }
        /* Where it is nowhere, no thread is given a wrong one. */
        start(minor);
        state_add_tid(interpreter_addr, &ours[0], 77777777);
        refresh(0);
    }
}

/* States that say nothing of where it is do not stand in the way. */
Test(roster, states_of_no_thread_hide_no_other)
{
    threads_start(3);
    for (int minor = 8; minor <= 10; minor++) {
        start(minor);
        uint64_t first = state_add(interpreter_addr, &ours[0]);
        uint64_t second = state_add(interpreter_addr, &ours[1]);
        state_add_tid(interpreter_addr, &ours[5], 0); /* has ended */
        ours[6].pthread_addr = 4096;                  /* its stack is gone */
        state_add_tid(interpreter_addr, &ours[6], 1);
        uint64_t born = state_add(interpreter_addr, &ours[1]); /* is still its maker's */
        refresh(3);
        entry_of(first, ours[0].tid);
        entry_of(second, ours[1].tid);
        entry_of(born, ours[1].tid);
    }
}

/* --- a PID namespace of its own -------------------------------------------------------------- */

static void *wait_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void idle_in_a_namespace(void *unused)
{
    if (unshare(CLONE_NEWPID))
        _exit(1); /* never ready: see below */
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getpid() == 1 && !pthread_create(&thread, NULL, wait_for_ever, NULL))
            child_idle(unused);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}

Test(roster, tids_are_those_of_our_namespace)
{
    if (geteuid() != 0)
        cr_skip_test("only root may make a PID namespace");
    int child = child_start(idle_in_a_namespace, NULL), tids[4];
    hop_process_close(&process);
    cr_assert_eq(hop_process_open(only_child_of(child), &process, &err), HOP_OK);
    cr_assert_eq(process.ns_pid, 1);
    cr_assert_eq(hop_process_threads(&process, tids, 4, NULL), 2);
    FOR_EACH_VERSION
    {
        /* As they know themselves. */
        uint64_t first = state_add_tid(interpreter_addr, &ours[0], 1);
        uint64_t second =
            state_add_tid(interpreter_addr, &ours[1], hop_process_ns_tid(&process, tids[1]));
        cr_assert_lt(hop_process_ns_tid(&process, tids[1]), 10);
        refresh(2);
        entry_of(first, process.pid);
        entry_of(second, tids[1]);
        /* A tid that another thread had before. */
        roster.count = 0;
        cr_assert(hop_id_table_put(&roster.ns_tids, (uint64_t)process.pid, 7));
        cr_assert(hop_id_table_put(&roster.ns_tids, (uint64_t)tids[1], 1));
        refresh(2);
        entry_of(first, process.pid);
        entry_of(second, tids[1]);
    }
    child_end(child);
}
