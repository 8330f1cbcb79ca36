/* One look: frames in fake memory, of every layout, of a kernel thread that is a real one, asleep,
 * spinning, woken in the midst of the look, or gone. */
#include "base/clock.h"
#include "sample/tick.h"
#include "sample/way.h"
#include "support/children.h"
#include "support/fake_program.h"
#include "support/layouts.h"
#include "support/system_calls.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fake_program program;
static struct hop_python python;
static struct hop_process process;
static struct hop_sampler *sampler;
static struct hop_roster_entry entry;
static struct hop_look look;
static int pid;

static void end_fakes(void)
{
    if (!sampler)
        return;
    hop_task_deinit(&entry.task);
    hop_identifier_deinit(&sampler->identifier);
    hop_walker_deinit(&sampler->walker);
    hop_code_table_deinit(&sampler->codes);
    free(sampler);
    sampler = NULL;
    fake_program_end(&program);
}

/* Stands for CPython's thread: runs a little at every signal. */
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

static void spin(void *unused)
{
    (void)unused;
    signal(SIGUSR1, on_signal);
    child_is_ready();
    for (volatile unsigned i = 0;; i++)
        continue;
}

/* One that is about to sleep is said to sleep while it is on a CPU still. This file waits until it
 * is off. */
static bool is_on_a_cpu(void)
{
    char text[128];
    return hop_process_read_file(&process, "syscall", text, sizeof text) > 0 &&
           !strncmp(text, "running", 7);
}

static void await_state(char wanted)
{
    char state = 0;
    int processor;
    while (state != wanted || (wanted != 'R' && is_on_a_cpu())) {
        cr_assert(hop_task_where(&entry.task, &state, &processor));
        sched_yield();
    }
}

static void begin(child_body_fn *body)
{
    struct hop_error err;
    pid = child_start(body, NULL);
    cr_assert_eq(hop_process_open(pid, &process, &err), HOP_OK);
}

static void tear_down(void)
{
    end_fakes();
    hop_process_close(&process);
    child_end(pid);
}

TestSuite(look, .fini = tear_down, .timeout = 240);

/* Two calls deep, in a code object each. */
static void start(int minor)
{
    end_fakes();
    fake_program_start(&program, minor);
    layout_of_version(&python.layout, minor, layout_usual_micro(minor));
    sampler = calloc(1, sizeof *sampler);
    struct hop_reader *reader = &program.reader.base;
    sampler->process = &process;
    sampler->python = &python;
    sampler->reader = reader;
    sampler->cpu = sched_getcpu();
    sampler->watch =
        (struct hop_watch){.process = &process, .python = &python, .reader = reader, .mem_fd = -1};
    cr_assert(hop_walker_init(&sampler->walker, reader, &python.layout));
    cr_assert(hop_code_table_init(&sampler->codes, &python.layout, reader));
    cr_assert(hop_identifier_init(&sampler->identifier, &sampler->codes, sampler->codes.reader));
    entry = (struct hop_roster_entry){
        .state = {.addr = program.thread.addr, .pthread = 1, .native_id = minor >= 11 ? 1 : 0}};
    hop_task_init(&entry.task, &process, pid);
    fake_program_call(&program, fake_program_code(&program, 0, "outer"), program.starts[1]);
    fake_program_call(&program, fake_program_code(&program, 0, "inner"), program.starts[2]);
}

#define FOR_EACH_VERSION                                                                           \
    for (int minor = LAYOUT_MINOR_FIRST; minor <= LAYOUT_MINOR_LAST && (start(minor), true);       \
         minor++)

enum clock { SCHEDSTAT, PERF_TIMES, SWITCHES, CLOCKS };

/* Lets the thread be proved by that clock. False: it is not to be had here. */
static bool use_clock(enum clock clock)
{
    struct hop_switch last;
    if (clock == SCHEDSTAT)
        return true;
    bool are_fine = clock == PERF_TIMES;
    for (int tries = 0; tries < 10 && !are_fine; tries++)
        are_fine = hop_switches_are_fine(); /* it may be disturbed */
    if (!are_fine || !hop_task_open_perf(&entry.task))
        return false;
    if (clock == PERF_TIMES)
        hop_perf_event_forget_switches(&entry.task.perf);
    else
        while (!hop_perf_event_last_switch(&entry.task.perf, &last)) {
            kill(pid, SIGUSR1); /* there is no record before it ran */
            usleep(1000);
        }
    return true;
}

#define FOR_EACH_VERSION_AND_CLOCK                                                                 \
    FOR_EACH_VERSION                                                                               \
    for (enum clock clock = 0; clock < CLOCKS && (start(minor), use_clock(clock)); clock++)

static enum hop_look_result look_now(bool wants_sleeping, bool wants_still)
{
    look = (struct hop_look){.wants_sleeping = wants_sleeping, .wants_still = wants_still};
    return hop_way_cpu.look(sampler, &entry, &look);
}

static void expect(enum hop_look_result result)
{
    enum hop_look_result found = look_now(true, true);
    cr_assert_eq(found, result, "3.%d: %d, not %d; refusal %d", python.layout.minor, (int)found,
                 (int)result, (int)look.refusal);
}

static void expect_stack(void)
{
    assert_stack_of(&program.thread, &sampler->walker.stack);
    cr_assert_str_eq(sampler->codes.codes[sampler->identifier.frames[0].code]->name, "inner");
    cr_assert_str_eq(sampler->codes.codes[sampler->identifier.frames[1].code]->name, "outer");
}

Test(look, takes_one_that_sleeps_if_that_is_wanted)
{
    begin(wake_at_signals);
    FOR_EACH_VERSION
    {
        await_state('S');
        cr_assert_eq(look_now(false, true), HOP_LOOK_ASLEEP);
        cr_assert_eq(program.reader.calls, 0);
        expect(HOP_LOOK_TAKEN);
        expect_stack();
        cr_assert_eq(look.state, 'S');
        /* It has not run since: nothing is read. */
        uint64_t calls = program.reader.calls;
        for (int i = 0; i < 10; i++) {
            expect(HOP_LOOK_SAME);
            cr_assert_eq(look.state, 'S');
            cr_assert_eq(look_now(false, true), HOP_LOOK_ASLEEP);
        }
        cr_assert_eq(program.reader.calls, calls);
        /* That it slept then says nothing of now. */
        kill(pid, SIGSTOP);
        await_state('T');
        expect(HOP_LOOK_TAKEN);
        cr_assert_eq(look.state, 'T');
        kill(pid, SIGCONT);
    }
}

static void wake(void)
{
    struct hop_standstill before;
    cr_assert(hop_standstill_read(&entry.task, &before));
    kill(pid, SIGUSR1);
    while (hop_standstill_holds(&entry.task, &before))
        sched_yield();
    await_state('S');
}

Test(look, looks_again_at_one_that_ran)
{
    begin(wake_at_signals);
    FOR_EACH_VERSION_AND_CLOCK
    {
        await_state('S');
        expect(HOP_LOOK_TAKEN);
        fake_frame_pop(&program.thread);
        fake_program_call(&program, program.thread.frames[1].raw.code_addr, program.starts[0]);
        wake();
        expect(HOP_LOOK_TAKEN);
        assert_stack_of(&program.thread, &sampler->walker.stack);
    }
}

/* A reader during whose n-th call the thread runs: whatever was read before or after it, the look
 * is refused and nothing is learnt of it. */
static uint64_t wakes_at, calls;

static size_t fill_and_wake(struct hop_reader *base, const struct hop_span *spans, size_t count)
{
    (void)base;
    if (++calls == wakes_at)
        wake();
    return program.reader.base.fill(&program.reader.base, spans, count);
}

Test(look, refuses_what_moved_whenever_it_did)
{
    begin(wake_at_signals);
    FOR_EACH_VERSION_AND_CLOCK
    {
        struct hop_reader waking = {.fill = fill_and_wake};
        await_state('S');
        sampler->walker.reader = sampler->codes.reader = &waking;
        for (wakes_at = 1;; wakes_at++) {
            calls = 0;
            size_t known = sampler->codes.count;
            enum hop_look_result result = look_now(true, true);
            if (calls < wakes_at) {
                cr_assert_eq(result, HOP_LOOK_TAKEN);
                break;
            }
            cr_assert_eq(result, HOP_LOOK_REFUSED);
            cr_assert_eq(look.refusal, HOP_REFUSED_MOVED);
            cr_assert_eq(sampler->codes.count, known);
            cr_assert_not(entry.was_taken);
        }
        cr_assert_gt(wakes_at, 10);
        expect_stack();
        cr_assert_eq(sampler->codes.count, 2);
    }
}

Test(look, says_why_it_refuses)
{
    begin(wake_at_signals);
    FOR_EACH_VERSION_AND_CLOCK
    {
        await_state('S');
        uint64_t inner = program.thread.frames[2].raw.frame_addr;
        uint64_t outer = program.thread.frames[1].raw.frame_addr;
        fake_frame_link(&program.thread, inner, 4096);
        expect(HOP_LOOK_REFUSED);
        cr_assert_eq(look.refusal, HOP_REFUSED_UNREADABLE);
        fake_frame_link(&program.thread, inner, outer);
        uint8_t *opcode = fake_program_opcode(&program, program.thread.frames[2].raw.code_addr,
                                              program.starts[2]);
        uint8_t right = *opcode;
        expect(HOP_LOOK_TAKEN);
        wake();
        *opcode = 0;
        expect(HOP_LOOK_REFUSED);
        cr_assert_eq(look.refusal, HOP_REFUSED_BAD_OPCODE);
        *opcode = right;
        wake();
        expect(HOP_LOOK_TAKEN);
        cr_assert_eq(look.refusal, HOP_TAKEN);
        while (program.thread.depth > 1)
            fake_frame_pop(&program.thread);
        wake();
        expect(HOP_LOOK_FRAMELESS);
    }
}

/* Up to 3.12 the thread state of a sub-interpreter may be run by another thread than it says. */
Test(look, a_sub_interpreter_may_be_run_by_another_thread)
{
    begin(wake_at_signals);
    FOR_EACH_VERSION_AND_CLOCK
    {
        await_state('S');
        entry.state.interpreter_id = 1;
        sampler->roster.interpreters[0] =
            (struct hop_interpreter){.addr = program.interpreter_addr, .id = 1};
        sampler->roster.interpreter_count = 1;
        expect(HOP_LOOK_TAKEN);
        expect(minor >= 13 ? HOP_LOOK_SAME : HOP_LOOK_TAKEN);
        fake_gil_set(&program.runtime, program.interpreter_addr, 1, program.thread.addr);
        python.runtime_addr = program.runtime.addr;
        wake();
        if (minor >= 13) {
            expect(HOP_LOOK_TAKEN);
        } else {
            expect(HOP_LOOK_REFUSED);
            cr_assert_eq(look.refusal, HOP_REFUSED_NOT_ITS_THREAD);
        }
        python.runtime_addr = 0;
    }
}

/* The state was freed, and another thread's was made at its address. */
Test(look, a_thread_state_may_be_another_threads_by_now)
{
    begin(wake_at_signals);
    FOR_EACH_VERSION_AND_CLOCK
    {
        await_state('S');
        const struct hop_layout *layout = &python.layout;
        int32_t offset = minor >= 11 ? layout->thread_native_id : layout->thread_id;
        uint8_t *id = fake_memory_at(&program.memory, entry.state.addr + (uint64_t)offset, 8);
        sampler->refresh_due_ns = UINT64_MAX;
        expect(HOP_LOOK_TAKEN);
        wake();
        cr_assert_eq(sampler->refresh_due_ns, UINT64_MAX);
        *id = 2;
        expect(HOP_LOOK_REFUSED);
        cr_assert_eq(look.refusal, HOP_REFUSED_NOT_ITS_THREAD);
        cr_assert_eq(sampler->refresh_due_ns, 0); /* the list is out of date */
        *id = 1;
        expect(HOP_LOOK_TAKEN);
    }
}

/* Its perf event is still there, and its time stands still. From 3.11 on the state tells whose it
 * is.
 */
Test(look, up_to_3_10_asks_whether_one_with_a_perf_event_still_exists)
{
    begin(wake_at_signals);
    FOR_EACH_VERSION
    {
        if (minor > 10)
            continue;
        hop_process_close(&process);
        child_end(pid);
        begin(wake_at_signals);
        hop_task_deinit(&entry.task);
        hop_task_init(&entry.task, &process, pid);
        if (!use_clock(PERF_TIMES))
            cr_skip_test("perf events are not to be had here");
        await_state('S');
        expect(HOP_LOOK_TAKEN);
        entry.was_taken = false;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        expect(HOP_LOOK_GONE);
        cr_assert_not(entry.was_taken);
    }
}

static void pin(int whom, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    cr_assert_eq(sched_setaffinity(whom, sizeof set, &set), 0);
}

/* It is not told when the thread got the CPU while it was read. */
static struct hop_switch last_switch(void)
{
    struct hop_switch last;
    int tries = 0;
    while (!hop_perf_event_last_switch(&entry.task.perf, &last))
        cr_assert_lt(++tries, 1000);
    return last;
}

/* Whether the looker came to its CPU in the midst of the tick. */
static bool has_hopped;

/* A look in cpu mode at a tick that was due, and that began, so long after the thread's last
 * switch. It is made again where the thread got the CPU in between. */
static enum hop_look_result look_after_switch(uint64_t due_after_ns, uint64_t began_after_ns)
{
    struct hop_look_start found;
    struct hop_switch last;
    enum hop_look_result result;
    look = (struct hop_look){.wants_sleeping = true, .wants_still = look.wants_still};
    do {
        last = last_switch();
        sampler->deadlines.due_ns = last.ns + due_after_ns;
        sampler->on_cpu_since_ns = last.ns + began_after_ns;
        sampler->deadlines.woke_ns = has_hopped ? last.ns : sampler->on_cpu_since_ns;
        result = hop_look_find(sampler, &entry, &look, &found);
    } while (last_switch().number != last.number);
    return result;
}

/* Where it lost its CPU before the instant, or to another program, it did not spend that time. */
Test(look, leaves_out_one_that_waited_for_its_cpu_at_the_instant)
{
    const uint64_t us = 1000, ms = 1000 * us;
    int cpu = sched_getcpu();
    pin(0, cpu);
    begin(spin);
    FOR_EACH_VERSION
    {
        look.wants_still = false;
        if (!use_clock(SWITCHES))
            cr_skip_test("records of switches are not to be had here");
        sampler->cpu = cpu;
        cr_assert_eq(look_after_switch(0, us), HOP_LOOK_TAKEN);
        cr_assert_eq(look_after_switch(ms, us), HOP_LOOK_STILL);
        cr_assert_eq(look.state, 'R');
        /* Another ran before us; here, or where it waits. */
        cr_assert_eq(look_after_switch(0, ms), HOP_LOOK_STILL);
        sampler->cpu = cpu + 1;
        cr_assert_eq(look_after_switch(0, us), HOP_LOOK_STILL);
        /* Less of that is believed where we have come in the midst of a tick. */
        sampler->cpu = cpu;
        for (int i = 0; i < 2; i++) {
            has_hopped = i;
            sampler->switch_ns = us;
            cr_assert_eq(look_after_switch(0, 40 * us), HOP_LOOK_TAKEN);
            cr_assert_eq(look_after_switch(0, 80 * us), i ? HOP_LOOK_STILL : HOP_LOOK_TAKEN);
            cr_assert_eq(look_after_switch(0, 120 * us), HOP_LOOK_STILL);
        }
        has_hopped = false;
        /* Where a switch takes longer than elsewhere, what is long is longer. */
        sampler->cpu = cpu;
        sampler->switch_ns = 30 * us;
        cr_assert_eq(look_after_switch(0, 60 * us), HOP_LOOK_TAKEN);
        cr_assert_eq(look_after_switch(0, 600 * us), HOP_LOOK_STILL);
        look.wants_still = true;
        cr_assert_eq(look_after_switch(0, 600 * us), HOP_LOOK_TAKEN);
    }
}

/* What was the least once need not stay it: a switch may come to take longer, and a look that came
 * into the middle of one tells nothing. */
Test(look, learns_anew_how_long_a_switch_takes)
{
    const uint64_t us = 1000, ms = 1000 * us;
    enum { LOOKS_MAX = 1000 };
    int cpu = sched_getcpu(), left_out = 0;
    pin(0, cpu);
    begin(spin);
    start(LAYOUT_MINOR_LAST);
    if (!use_clock(SWITCHES))
        cr_skip_test("records of switches are not to be had here");
    sampler->cpu = cpu;
    sampler->switch_ns = 0;
    look.wants_still = false;
    cr_assert_eq(look_after_switch(0, us), HOP_LOOK_TAKEN);
    while (look_after_switch(0, 200 * us) == HOP_LOOK_STILL && left_out < LOOKS_MAX)
        left_out++;
    cr_assert_gt(left_out, 50);
    cr_assert_lt(left_out, LOOKS_MAX);
    cr_assert_eq(look_after_switch(0, us), HOP_LOOK_TAKEN);
    cr_assert_eq(look_after_switch(0, 200 * us), HOP_LOOK_STILL);
    /* Another's slice of time is none, however often; nor does a wait from before the instant tell
     * anything of it, nor a switch after it. */
    for (int i = 0; i < LOOKS_MAX; i++) {
        cr_assert_eq(look_after_switch(0, ms), HOP_LOOK_STILL);
        cr_assert_eq(look_after_switch(150 * us, 200 * us), HOP_LOOK_STILL);
    }
    cr_assert_eq(look_after_switch(0, 200 * us), HOP_LOOK_STILL);
    cr_assert_eq(look_after_switch(0, 0), HOP_LOOK_TAKEN);
    cr_assert_eq(look_after_switch(0, 200 * us), HOP_LOOK_STILL);
}

/* On each CPU that a tick comes to, what was taken off it for us was so when we came there. */
Test(look, each_part_of_a_tick_has_its_own_beginning)
{
    begin(wake_at_signals);
    start(LAYOUT_MINOR_LAST);
    sampler->pending_count = 0;
    uint64_t before_ns = hop_now_ns();
    cr_assert_eq(hop_tick_continue(sampler), HOP_CREW_DONE);
    cr_assert_geq(sampler->on_cpu_since_ns, before_ns);
    cr_assert_leq(sampler->on_cpu_since_ns, hop_now_ns());
}

/* Nothing is asked of the kernel where its record tells all: it is read wherever it waits. */
Test(look, asks_nothing_about_one_whose_switches_are_on_record)
{
    pin(0, sched_getcpu());
    begin(wake_at_signals);
    FOR_EACH_VERSION
    {
        if (!use_clock(SWITCHES))
            cr_skip_test("records of switches are not to be had here");
        await_state('S');
        sampler->cpu = sched_getcpu() + 1;
        size_t calls_before = system_calls_made();
        expect(HOP_LOOK_TAKEN);
        cr_assert_eq(look.state, 'S');
        expect_stack();
        cr_assert_eq(look_now(false, true), HOP_LOOK_ASLEEP);
        expect(HOP_LOOK_SAME);
        cr_assert_eq(system_calls_made(), calls_before);
    }
}

/* What was read early is not looked at when the thread has run since. */
Test(look, what_was_read_early_may_be_void_by_now)
{
    begin(wake_at_signals);
    FOR_EACH_VERSION
    {
        if (!use_clock(SWITCHES))
            cr_skip_test("records of switches are not to be had here");
        await_state('S');
        cr_assert(hop_standstill_read(&entry.task, &sampler->early.before));
        sampler->early.entry = &entry;
        wake();
        expect(HOP_LOOK_TAKEN);
        expect_stack();
    }
}

/* From its own CPU it is seen standing still, or refused as having moved. */
Test(look, takes_one_that_spins_from_its_cpu_only)
{
    int cpu = sched_getcpu();
    pin(0, cpu);
    begin(spin);
    FOR_EACH_VERSION_AND_CLOCK
    {
        int taken = 0;
        if (clock == SCHEDSTAT) { /* the others prove it wherever it is */
            sampler->cpu = cpu + 1;
            cr_assert_eq(look_now(true, true), HOP_LOOK_ELSEWHERE);
            cr_assert_eq(look.processor, cpu);
            cr_assert_eq(program.reader.calls, 0);
        }
        sampler->cpu = cpu;
        for (int i = 0; i < 200; i++) {
            usleep(100);
            enum hop_look_result result = look_now(i % 2, false);
            if (result == HOP_LOOK_TAKEN) {
                taken++;
                cr_assert_eq(look.state, 'R');
                expect_stack();
                /* At once, we are still here: it has not run. Unless we were not. */
                result = look_now(false, true);
                cr_assert(result == HOP_LOOK_SAME || result == HOP_LOOK_TAKEN ||
                          (result == HOP_LOOK_REFUSED && look.refusal == HOP_REFUSED_MOVED));
            } else if (result == HOP_LOOK_REFUSED) {
                cr_assert_eq(look.refusal, HOP_REFUSED_MOVED);
            } else {
                cr_assert_eq(result, HOP_LOOK_STILL); /* it got no turn */
            }
        }
        cr_assert_gt(taken, 0, "3.%d: none taken", minor);
    }
}

/* What was not understood is refused once, not at each instant at which it stands there still. */
Test(look, refuses_one_that_waits_for_a_cpu_once)
{
    int cpu = sched_getcpu();
    pin(0, cpu);
    begin(spin);
    FOR_EACH_VERSION_AND_CLOCK
    {
        int refused = 0, still = 0;
        sampler->cpu = cpu;
        fake_frame_link(&program.thread, program.thread.frames[2].raw.frame_addr, 4096);
        for (int i = 0; i < 200; i++) {
            usleep(100);
            if (look_now(false, false) != HOP_LOOK_REFUSED || look.refusal == HOP_REFUSED_MOVED)
                continue;
            refused++;
            still += look_now(false, false) == HOP_LOOK_STILL;
            cr_assert_eq(look_now(true, true), HOP_LOOK_REFUSED);
        }
        cr_assert_gt(refused, 0, "3.%d", minor);
        cr_assert_gt(still, 0, "3.%d", minor);
    }
}

/* For how long it has waited for a CPU. */
static unsigned long long time_waited_ns(void)
{
    char text[72];
    unsigned long long ns = 0;
    cr_assert_gt(hop_process_read_file(&process, "schedstat", text, sizeof text), 0);
    cr_assert_eq(sscanf(text, "%*u %llu", &ns), 1);
    return ns;
}

/* The time is added when it gets a CPU. */
static void await_more_waited_than(unsigned long long ns)
{
    uint64_t until_ns = hop_now_ns() + UINT64_C(10) * 1000 * 1000 * 1000;
    while (time_waited_ns() == ns) {
        cr_assert_lt(hop_now_ns(), until_ns, "it was taken, and did not wait");
        sched_yield();
    }
}

/* One that runs on another CPU all the while is never taken. */
Test(look, never_takes_one_that_runs_on_another_cpu)
{
    cpu_set_t set;
    int ours = sched_getcpu(), theirs = -1;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set) && cpu != ours)
            theirs = cpu;
    if (theirs < 0)
        cr_skip_test("this machine lets us use one CPU");
    begin(spin);
    pin(pid, theirs);
    pin(0, ours);
    FOR_EACH_VERSION_AND_CLOCK
    {
        for (int i = 0; i < 200; i++) {
            unsigned long long waited_ns = time_waited_ns();
            enum hop_look_result result = look_now(true, true);
            if (result == HOP_LOOK_ELSEWHERE)
                cr_assert_eq(look.processor, theirs);
            else if (result == HOP_LOOK_REFUSED)
                cr_assert_eq(look.refusal, HOP_REFUSED_MOVED);
            else /* it waited for that CPU, for others want it too, and stood still */
                await_more_waited_than(waited_ns);
        }
    }
}

Test(look, tells_when_it_is_gone)
{
    begin(wake_at_signals);
    FOR_EACH_VERSION_AND_CLOCK
    {
        hop_process_close(&process);
        child_end(pid);
        begin(wake_at_signals);
        hop_task_deinit(&entry.task);
        hop_task_init(&entry.task, &process, pid);
        cr_assert(use_clock(clock));
        await_state('S');
        expect(HOP_LOOK_TAKEN);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        /* The last that is on record is that it was put on a CPU: it is found out there. */
        if (look_now(true, true) == HOP_LOOK_ELSEWHERE)
            sampler->cpu = look.processor;
        expect(HOP_LOOK_GONE);
    }
}
