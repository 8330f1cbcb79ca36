/* Lists of interpreters and thread states in fake memory, of every layout, sound ones and others.
 */
#include "py/threads.h"
#include "support/fake_runtime.h"
#include "support/layouts.h"

#include <criterion/criterion.h>

enum { ROOM = 16 };

static struct hop_layout layout;
static struct fake_memory memory;
static struct fake_reader reader;
static struct fake_runtime runtime;
static struct hop_interpreter interpreters[ROOM];
static struct hop_thread_state states[ROOM];

static void tear_down(void)
{
    fake_memory_deinit(&memory);
}

static void start(int minor)
{
    tear_down();
    layout_of_version(&layout, minor, layout_usual_micro(minor));
    fake_memory_init(&memory);
    fake_reader_init(&reader, &memory);
    fake_runtime_init(&runtime, &memory, &layout);
}

TestSuite(threads, .fini = tear_down);

#define FOR_EACH_VERSION                                                                           \
    for (int minor = LAYOUT_MINOR_FIRST; minor <= LAYOUT_MINOR_LAST && (start(minor), true);       \
         minor++)

static size_t list_interpreters(size_t capacity)
{
    return hop_interpreters_list(&reader.base, &layout, runtime.addr, interpreters, capacity);
}

static size_t list_states(const struct hop_interpreter *interpreter, size_t capacity)
{
    return hop_thread_states_list(&reader.base, &layout, interpreter, states, capacity);
}

static uint64_t add_thread(uint64_t interpreter_addr, uint64_t number)
{
    struct fake_thread thread;
    fake_thread_init(&thread, &runtime, interpreter_addr, 0x7f0000000000 + number, number);
    return thread.addr;
}

Test(threads, interpreters_are_listed_newest_first)
{
    FOR_EACH_VERSION
    {
        uint64_t addrs[5];
        cr_assert_eq(list_interpreters(ROOM), 0);
        for (uint64_t i = 0; i < 5; i++) {
            addrs[i] = fake_interpreter_add(&runtime, i);
            cr_assert_eq(list_interpreters(ROOM), i + 1);
        }
        uint64_t thread = add_thread(addrs[3], 1);
        cr_assert_eq(list_interpreters(ROOM), 5);
        for (uint64_t i = 0; i < 5; i++) {
            cr_assert_eq(interpreters[i].addr, addrs[4 - i]);
            cr_assert_eq(interpreters[i].id, 4 - i);
            cr_assert_eq(interpreters[i].threads_head_addr, i == 1 ? thread : 0);
        }
        cr_assert_eq(list_interpreters(3), 3);
        cr_assert_eq(list_interpreters(0), 0);
    }
}

Test(threads, thread_states_are_listed_newest_first)
{
    FOR_EACH_VERSION
    {
        uint64_t addrs[5];
        uint64_t main_addr = fake_interpreter_add(&runtime, 0);
        uint64_t sub_addr = fake_interpreter_add(&runtime, 7);
        uint64_t in_sub = add_thread(sub_addr, 99);
        for (uint64_t i = 0; i < 5; i++)
            addrs[i] = add_thread(main_addr, 100 + i);
        cr_assert_eq(list_interpreters(ROOM), 2);
        cr_assert_eq(list_states(&interpreters[1], ROOM), 5);
        for (uint64_t i = 0; i < 5; i++) {
            cr_assert_eq(states[i].addr, addrs[4 - i]);
            cr_assert_eq(states[i].interpreter_id, 0);
            cr_assert_eq(states[i].pthread, 0x7f0000000000 + 104 - i);
            /* CPython keeps it from 3.11 on. */
            cr_assert_eq(states[i].native_id, minor >= 11 ? 104 - i : 0);
        }
        cr_assert_eq(list_states(&interpreters[1], 2), 2);
        cr_assert_eq(list_states(&interpreters[0], ROOM), 1);
        cr_assert_eq(states[0].addr, in_sub);
        cr_assert_eq(states[0].interpreter_id, 7);
    }
}

/* A thread state that was freed, and given to another interpreter, while the list was read. */
Test(threads, a_state_that_is_not_the_interpreters_ends_its_list)
{
    FOR_EACH_VERSION
    {
        uint64_t addr = fake_interpreter_add(&runtime, 0), other_addr, stray = 0;
        for (uint64_t i = 0; i < 5; i++) {
            uint64_t state = add_thread(addr, i);
            if (i == 2)
                stray = state;
        }
        other_addr = fake_interpreter_add(&runtime, 1);
        list_interpreters(ROOM);
        fake_memory_put_u64(&memory, stray + (uint64_t)layout.thread_interp, other_addr);
        cr_assert_eq(list_states(&interpreters[1], ROOM), 2);
        fake_memory_unmap(&memory, states[1].addr);
        cr_assert_eq(list_states(&interpreters[1], ROOM), 1);
    }
}

Test(threads, circles_and_dead_ends_end)
{
    FOR_EACH_VERSION
    {
        uint64_t addr = fake_interpreter_add(&runtime, 0);
        uint64_t state = add_thread(addr, 1);
        list_interpreters(ROOM);
        fake_memory_put_u64(&memory, state + (uint64_t)layout.thread_next, state);
        fake_memory_put_u64(&memory, addr + (uint64_t)layout.interp_next, addr);
        cr_assert_eq(list_states(&interpreters[0], ROOM), ROOM);
        cr_assert_eq(list_interpreters(ROOM), ROOM);
        const uint64_t nowhere[] = {8, 4096, UINT64_MAX, UINT64_MAX - 64};
        for (size_t i = 0; i < 4; i++) {
            fake_memory_put_u64(&memory, state + (uint64_t)layout.thread_next, nowhere[i]);
            fake_memory_put_u64(&memory, addr + (uint64_t)layout.interp_next, nowhere[i]);
            cr_assert_eq(list_states(&interpreters[0], ROOM), 1);
            cr_assert_eq(list_interpreters(ROOM), 1);
        }
        runtime.addr = 4096;
        cr_assert_eq(list_interpreters(ROOM), 0);
    }
}

Test(threads, each_read_may_fail)
{
    FOR_EACH_VERSION
    {
        uint64_t addr = 0;
        for (uint64_t i = 0; i < 3; i++)
            addr = fake_interpreter_add(&runtime, i);
        for (uint64_t i = 0; i < 3; i++)
            add_thread(addr, i);
        list_interpreters(ROOM);
        struct hop_interpreter newest = interpreters[0];
        /* What was wholly read before is told, nothing else. */
        for (uint64_t n = 1; n <= 1 + 3 * 3; n++) {
            fake_reader_init(&reader, &memory);
            reader.fails_at = n;
            cr_assert_eq(list_interpreters(ROOM), n < 2 ? 0 : (n - 2) / 3);
        }
        for (uint64_t n = 1; n <= 3; n++) {
            fake_reader_init(&reader, &memory);
            reader.fails_at = n;
            cr_assert_eq(list_states(&newest, ROOM), n - 1);
        }
        cr_assert_eq(list_states(&newest, ROOM), 3);
        cr_assert_eq(list_interpreters(ROOM), 3);
    }
}

Test(threads, the_gil_is_one_for_all_or_one_each)
{
    FOR_EACH_VERSION
    {
        fake_interpreter_add(&runtime, 0);
        fake_interpreter_add(&runtime, 1);
        list_interpreters(ROOM);
        struct hop_gil first = hop_gil_of(&layout, runtime.addr, &interpreters[1]);
        struct hop_gil second = hop_gil_of(&layout, runtime.addr, &interpreters[0]);
        cr_assert_eq(first.locked_addr == second.locked_addr, minor < 12);
        fake_gil_set(&runtime, interpreters[1].addr, 1, 0x1234);
        cr_assert_eq(hop_u32(fake_memory_at(&memory, first.locked_addr, 4)), 1);
        cr_assert_eq(hop_u64(fake_memory_at(&memory, first.holder_addr, 8)), 0x1234);
        cr_assert_eq(hop_u64(fake_memory_at(&memory, second.holder_addr, 8)),
                     minor < 12 ? 0x1234 : 0);
    }
}
