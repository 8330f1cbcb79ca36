/* What is read ahead: what was wanted before is there with the first call, for one instant or for
 * several, each as it was then; what is not wanted any more is given up. */
#include "mem/ahead.h"
#include "support/fake_memory.h"

#include <criterion/criterion.h>

static struct fake_memory memory, after;
static struct fake_reader source;
static struct hop_ahead ahead;
static uint64_t first_addr, a_addr, b_addr;

enum { FIRST_BYTES = 32, PAGE_BYTES = 4096 };

static void start(void)
{
    fake_memory_init(&memory);
    first_addr = fake_memory_alloc(&memory, NULL, FIRST_BYTES);
    a_addr = fake_memory_alloc(&memory, NULL, PAGE_BYTES);
    b_addr = fake_memory_alloc(&memory, NULL, PAGE_BYTES);
    fake_reader_init(&source, &memory);
    cr_assert(hop_ahead_init(&ahead, &source.base));
}

static void finish(void)
{
    hop_ahead_deinit(&ahead);
    fake_memory_deinit(&memory);
    fake_memory_deinit(&after);
}

TestSuite(ahead, .init = start, .fini = finish);

static bool open_round(size_t copies)
{
    return hop_ahead_open(&ahead, first_addr, FIRST_BYTES, copies);
}

/* The byte at `addr`, as one of `size` that are in hand; or -1. */
static int byte_at(uint64_t addr, size_t size)
{
    const struct hop_ahead_span *span = hop_ahead_find(&ahead, addr, size);
    return span ? hop_ahead_bytes(&ahead, span)[addr - span->addr] : -1;
}

static void write_all(struct fake_memory *to, uint8_t value)
{
    *fake_memory_at(to, first_addr, 1) = value;
    *fake_memory_at(to, a_addr, 1) = value;
    *fake_memory_at(to, b_addr + 100, 1) = value;
}

static void want_both(void)
{
    hop_ahead_want(&ahead, a_addr, 64, 0);
    hop_ahead_want(&ahead, b_addr, 200, 0);
}

Test(ahead, what_was_wanted_is_there_with_the_first_call)
{
    write_all(&memory, 1);
    cr_assert(open_round(1));
    cr_assert_eq(byte_at(first_addr, FIRST_BYTES), 1);
    cr_assert_eq(byte_at(a_addr, 64), -1);
    cr_assert_eq(hop_ahead_first_addr(&ahead), 0);
    want_both();
    for (uint8_t value = 2; value < 5; value++) {
        uint64_t calls = source.calls;
        write_all(&memory, value);
        cr_assert(open_round(1));
        cr_assert_eq(source.calls, calls + 1);
        cr_assert_eq(byte_at(first_addr, FIRST_BYTES), value);
        cr_assert_eq(byte_at(a_addr, 64), value);
        cr_assert_eq(byte_at(b_addr + 100, 100), value);
        cr_assert_eq(byte_at(b_addr + 100, 101), -1, "no more than was wanted");
        cr_assert_eq(hop_ahead_first_addr(&ahead), a_addr);
        cr_assert_eq(source.calls, calls + 1);
    }
    cr_assert_eq(ahead.calls, source.calls);
}

/* Three instants, between which the memory changes: after each of the reads of the call by turns.
 */
Test(ahead, each_copy_is_of_an_instant_of_its_own)
{
    enum { SPANS = 3, COPIES = 3 };
    cr_assert(open_round(1));
    want_both();
    write_all(&memory, 1);
    fake_memory_copy(&after, &memory);
    write_all(&after, 2);
    for (uint64_t before = 0; before <= SPANS * COPIES; before++) {
        uint64_t calls = source.calls;
        source.after = &after;
        source.swaps_at = source.reads + 1 + before;
        for (uint64_t copy = 0; copy < COPIES; copy++) {
            cr_assert(open_round(COPIES));
            cr_assert_eq(source.calls, calls + 1);
            cr_assert_eq(hop_ahead_left(&ahead), COPIES - 1 - copy);
            /* `a` is read first, then the first span, then `b`. */
            uint64_t done = copy * SPANS;
            cr_assert_eq(byte_at(a_addr, 64), before > done ? 1 : 2);
            cr_assert_eq(byte_at(first_addr, FIRST_BYTES), before > done + 1 ? 1 : 2);
            cr_assert_eq(byte_at(b_addr + 100, 1), before > done + 2 ? 1 : 2);
        }
        source.swaps_at = 0;
    }
}

Test(ahead, what_is_in_hand_can_be_dropped)
{
    cr_assert(open_round(1));
    want_both();
    write_all(&memory, 1);
    cr_assert(open_round(4));
    write_all(&memory, 2);
    cr_assert(open_round(4));
    cr_assert_eq(byte_at(a_addr, 1), 1);
    hop_ahead_drop(&ahead);
    cr_assert_eq(hop_ahead_left(&ahead), 0);
    cr_assert_eq(byte_at(a_addr, 1), -1);
    cr_assert(open_round(1));
    cr_assert_eq(byte_at(a_addr, 1), 2);
}

/* Of another thread: nothing of it is known, and what is in hand is not its. */
Test(ahead, who_begins_elsewhere_begins_anew)
{
    write_all(&memory, 1);
    cr_assert(open_round(1));
    want_both();
    cr_assert(open_round(4));
    cr_assert(hop_ahead_open(&ahead, b_addr, 8, 1));
    cr_assert_eq(byte_at(b_addr, 8), 0);
    cr_assert_eq(byte_at(first_addr, FIRST_BYTES), -1);
    cr_assert_eq(byte_at(a_addr, 64), -1);
    cr_assert_eq(hop_ahead_left(&ahead), 0);
}

Test(ahead, a_span_that_is_gone_is_given_up)
{
    for (size_t copies = 1; copies < 4; copies++) {
        write_all(&memory, 1);
        cr_assert(open_round(1));
        want_both();
        uint64_t gone_addr = fake_memory_alloc(&memory, NULL, 64);
        hop_ahead_want(&ahead, gone_addr, 64, 0);
        hop_ahead_want(&ahead, gone_addr + 4096, 64, 0); /* never was there */
        cr_assert(open_round(copies));
        cr_assert_eq(byte_at(gone_addr, 64), 0);
        fake_memory_unmap(&memory, gone_addr);
        for (int round = 0; round < 4; round++) {
            hop_ahead_drop(&ahead);
            cr_assert(open_round(copies));
            cr_assert_eq(byte_at(gone_addr, 64), -1);
            cr_assert_eq(byte_at(a_addr, 64), 1);
            cr_assert_eq(byte_at(b_addr + 100, 1), 1);
        }
        cr_assert_eq(ahead.count, 3);
        hop_ahead_drop(&ahead);
    }
    /* The one that is read before the first, and that one itself. */
    fake_memory_unmap(&memory, a_addr);
    cr_assert(open_round(1));
    cr_assert_eq(byte_at(first_addr, FIRST_BYTES), 1);
    cr_assert(open_round(1));
    cr_assert_eq(byte_at(b_addr + 100, 1), 1);
    fake_memory_unmap(&memory, first_addr);
    cr_assert_not(open_round(1));
    cr_assert_not(open_round(3));
}

/* A span is lengthened by what is wanted behind it, with some bytes to spare; the end that is not
 * wanted for long is given up, and at last all of it. */
Test(ahead, spans_grow_and_shrink_as_they_are_wanted)
{
    cr_assert(open_round(1));
    hop_ahead_want(&ahead, a_addr, 100, 0);
    cr_assert(open_round(1));
    cr_assert_neq(byte_at(a_addr, 100), -1);
    hop_ahead_want(&ahead, a_addr + 90, 60, 50);
    cr_assert_eq(ahead.count, 2);
    cr_assert_eq(byte_at(a_addr, 105), -1, "not before it is read, but for whole words");
    cr_assert(open_round(1));
    cr_assert_neq(byte_at(a_addr, 200), -1);
    for (int round = 0; round < 200; round++) {
        cr_assert(open_round(1));
        cr_assert_neq(byte_at(a_addr, 70), -1);
        hop_ahead_use(&ahead, a_addr + 80);
    }
    cr_assert_neq(byte_at(a_addr, 80), -1);
    cr_assert_eq(byte_at(a_addr, 81), -1);
    for (int round = 0; round < 20; round++)
        cr_assert(open_round(1));
    cr_assert_eq(ahead.count, 1);
}

/* More than there is room for: the first are read, all others are not in hand. */
Test(ahead, there_is_room_for_so_much_and_no_more)
{
    enum { MANY = HOP_AHEAD_SPANS + 50, BYTES = 60 << 10 };
    uint64_t addrs[MANY];
    cr_assert(open_round(1));
    for (size_t i = 0; i < MANY; i++) {
        addrs[i] = fake_memory_alloc(&memory, NULL, BYTES);
        *fake_memory_at(&memory, addrs[i] + BYTES - 1, 1) = (uint8_t)(i % 251);
        hop_ahead_want(&ahead, addrs[i], i < MANY / 2 ? BYTES : 8, 0);
    }
    for (size_t copies = 1; copies < 20; copies += 6) {
        hop_ahead_drop(&ahead);
        cr_assert(open_round(copies));
        cr_assert_eq(hop_ahead_left(&ahead), 0, "so large a copy is read once");
        size_t held = 0;
        for (size_t i = 0; i < MANY / 2; i++) {
            int byte = byte_at(addrs[i] + BYTES - 1, 1);
            cr_assert(byte == -1 || byte == (int)(i % 251));
            held += byte != -1;
        }
        cr_assert_eq(held, HOP_AHEAD_BYTES / BYTES);
    }
}
