/* The reader that learns what is read at every round: it shows what the source would have shown at
 * the round's start, with fewer calls, and nothing of it afterwards. */
#include "mem/prefetch.h"
#include "support/fake_memory.h"

#include <criterion/criterion.h>

static struct fake_memory memory;
static struct fake_reader source;
static struct hop_prefetch prefetch;
static uint64_t a_addr, b_addr, c_addr;

static void start(void)
{
    fake_memory_init(&memory);
    a_addr = fake_memory_alloc(&memory, "aaaaaaaaaaaaaaaa", 16);
    b_addr = fake_memory_alloc(&memory, "bbbbbbbbbbbbbbbb", 16);
    c_addr = fake_memory_alloc(&memory, NULL, 16 << 10);
    fake_reader_init(&source, &memory);
    cr_assert(hop_prefetch_init(&prefetch, &source.base));
}

static void finish(void)
{
    hop_prefetch_deinit(&prefetch);
    fake_memory_deinit(&memory);
}

TestSuite(prefetch, .init = start, .fini = finish);

static char byte_at(uint64_t addr, size_t size)
{
    char bytes[16];
    return hop_read(&prefetch.base, addr, bytes, size) ? bytes[0] : '?';
}

Test(prefetch, what_is_read_each_round_is_read_at_once)
{
    for (int round = 0; round < 3; round++) {
        uint64_t before = source.calls;
        hop_prefetch_open(&prefetch, 0);
        cr_assert_eq(byte_at(a_addr, 8), 'a');
        cr_assert_eq(byte_at(b_addr + 4, 8), 'b');
        hop_prefetch_close(&prefetch);
        cr_assert_eq(source.calls - before, round ? 1 : 2);
    }
    cr_assert_eq(prefetch.calls, source.calls);
}

Test(prefetch, a_round_shows_its_start_and_no_other_moment)
{
    hop_prefetch_open(&prefetch, 0);
    byte_at(a_addr, 16);
    hop_prefetch_open(&prefetch, 0);
    *fake_memory_at(&memory, a_addr, 1) = 'A';
    *fake_memory_at(&memory, b_addr, 1) = 'B';
    cr_assert_eq(byte_at(a_addr, 16), 'a');
    cr_assert_eq(byte_at(b_addr, 16), 'B', "not known before: read when asked for");
    hop_prefetch_close(&prefetch);
    cr_assert_eq(byte_at(a_addr, 16), 'A');
    hop_prefetch_open(&prefetch, 0);
    cr_assert_eq(byte_at(a_addr, 16), 'A');
}

Test(prefetch, parts_are_served_and_more_is_read)
{
    hop_prefetch_open(&prefetch, 0);
    byte_at(a_addr, 8);
    hop_prefetch_open(&prefetch, 0);
    uint64_t before = source.calls;
    cr_assert_eq(byte_at(a_addr + 3, 5), 'a');
    cr_assert_eq(source.calls, before);
    cr_assert_eq(byte_at(a_addr, 12), 'a');
    cr_assert_eq(source.calls, before + 1);
    cr_assert_eq(byte_at(a_addr + 7, 2), 'a', "it ends outside");
    cr_assert_eq(source.calls, before + 2);
    hop_prefetch_open(&prefetch, 0); /* the longer span took the shorter one's place */
    before = source.calls;
    cr_assert_eq(byte_at(a_addr, 12), 'a');
    cr_assert_eq(source.calls, before);
}

Test(prefetch, the_first_touch_is_where_it_was_asked_for)
{
    hop_prefetch_open(&prefetch, 0);
    byte_at(a_addr, 8);
    byte_at(b_addr, 8);
    byte_at(c_addr, 8);
    /* Only the first span of the next call can be read: it must be the one named. */
    source.fails_at = source.reads + 2;
    hop_prefetch_open(&prefetch, c_addr);
    source.fails_at = 0;
    uint64_t before = source.calls;
    cr_assert_eq(byte_at(c_addr, 8), 0);
    cr_assert_eq(source.calls, before);
    cr_assert_eq(byte_at(a_addr, 8), 'a');
    cr_assert_eq(source.calls, before + 1);
}

Test(prefetch, memory_that_is_gone_costs_a_call_and_no_truth)
{
    hop_prefetch_open(&prefetch, 0);
    byte_at(a_addr, 8);
    byte_at(b_addr, 8);
    fake_memory_unmap(&memory, a_addr);
    for (int round = 0; round < 3; round++) {
        hop_prefetch_open(&prefetch, 0);
        cr_assert_eq(byte_at(a_addr, 8), '?');
        cr_assert_eq(byte_at(b_addr, 8), 'b');
    }
}

Test(prefetch, spans_are_filled_in_order)
{
    char first[4], second[4], third[4];
    struct hop_span spans[] = {{a_addr, 4, first}, {c_addr - 64, 4, second}, {b_addr, 4, third}};
    hop_prefetch_open(&prefetch, 0);
    cr_assert_eq(hop_reader_fill(&prefetch.base, spans, 3), 1, "the second is nowhere");
    hop_prefetch_open(&prefetch, 0);
    byte_at(b_addr, 4);
    cr_assert_eq(hop_reader_fill(&prefetch.base, spans, 3), 1);
    spans[1].addr = c_addr;
    hop_prefetch_open(&prefetch, 0);
    cr_assert_eq(hop_reader_fill(&prefetch.base, spans, 3), 3);
    cr_assert_eq(third[0], 'b');
}

Test(prefetch, what_is_not_asked_for_is_forgotten)
{
    for (uint64_t i = 0; i < 4 * HOP_PREFETCH_SPANS; i++) {
        hop_prefetch_open(&prefetch, 0);
        cr_assert_eq(byte_at(c_addr + 8 * i, 8), 0);
    }
    cr_assert_leq(prefetch.count, 16);
    hop_prefetch_open(&prefetch, 0);
    for (uint64_t i = 0; i < 4 * HOP_PREFETCH_SPANS; i++)
        cr_assert_eq(byte_at(c_addr + 8 * i, 8), 0);
    cr_assert_eq(prefetch.count, HOP_PREFETCH_SPANS);
    static uint8_t large[20 << 10];
    cr_assert_not(hop_read(&prefetch.base, c_addr, large, sizeof large));
}

Test(prefetch, closed_it_is_the_source)
{
    for (int i = 0; i < 3; i++)
        cr_assert_eq(byte_at(a_addr, 8), 'a');
    cr_assert_eq(source.calls, 3);
    cr_assert_eq(prefetch.count, 0);
}
