/* Objects of a chain that are read by the page: the bytes are those of the round's start or of now,
 * and most of a chain is found without a call, also where its objects are elsewhere in the same
 * pages. */
#include "mem/object_pages.h"
#include "support/fake_memory.h"

#include <criterion/criterion.h>

enum { PAGE = 4096, OBJECT = 100, ASKER = 4711 };

static struct fake_memory memory;
static struct fake_reader source;
static struct hop_object_pages pages;
static uint64_t heap_addr, state_addr;
static const size_t HEAP_PAGES = 1200;

static void start(void)
{
    fake_memory_init(&memory);
    heap_addr = fake_memory_alloc_pages(&memory, HEAP_PAGES * PAGE);
    state_addr = fake_memory_alloc(&memory, "state...", 8);
    fake_reader_init(&source, &memory);
    cr_assert(hop_object_pages_init(&pages, &source.base));
}

static void finish(void)
{
    hop_object_pages_deinit(&pages);
    fake_memory_deinit(&memory);
}

TestSuite(object_pages, .init = start, .fini = finish);

/* Objects that can be told from each other, each written where it is. */
static uint64_t put(size_t page, size_t at)
{
    uint64_t addr = heap_addr + page * PAGE + at;
    for (size_t i = 0; i < OBJECT; i++)
        *fake_memory_at(&memory, addr + i, 1) = (uint8_t)(page * 31 + at * 7 + i);
    return addr;
}

static void open_round_of(uint64_t asker)
{
    char state[8];
    const struct hop_span first = {state_addr, sizeof state, state};
    cr_assert(hop_object_pages_open(&pages, asker, &first));
    cr_assert_arr_eq(state, "state...", sizeof state);
}

static void expect(uint64_t addr)
{
    const uint8_t *bytes = hop_object_pages_find(&pages, addr, OBJECT);
    cr_assert_not_null(bytes);
    cr_assert_arr_eq(bytes, fake_memory_at(&memory, addr, OBJECT), OBJECT);
}

static uint64_t calls_since(uint64_t *before)
{
    uint64_t calls = source.calls - *before;
    *before = source.calls;
    cr_assert_eq(source.calls, pages.calls);
    return calls;
}

Test(object_pages, what_was_asked_for_is_read_at_once)
{
    const uint64_t addrs[] = {put(3, 0), put(3, 900), put(90, 4000), put(7, 50), put(8, 4)};
    const size_t count = sizeof addrs / sizeof addrs[0];
    uint64_t before = 0;
    for (int round = 0; round < 4; round++) {
        open_round_of(ASKER);
        for (size_t i = 0; i < count; i++)
            expect(addrs[i]);
        cr_assert_eq(calls_since(&before), round ? 1 : 1 + count);
    }
    /* Next to each other, but too far apart to be read along: 7 and 8. Spans cost most. */
    source.reads = 0;
    open_round_of(ASKER);
    cr_assert_eq(source.reads, 1 + 4);
    put(8, 4);
}

Test(object_pages, objects_that_move_about_in_their_pages_are_found)
{
    uint64_t before = 0;
    for (size_t page = 0; page < 100; page++)
        for (size_t at = 0; at + 400 < PAGE; at += 400)
            put(page, at);
    for (size_t round = 0; round < 6; round++) {
        open_round_of(ASKER);
        for (size_t page = 0; page < 100; page++)
            for (size_t i = 0; i < 5; i++)
                expect(heap_addr + page * PAGE + (i * 7 + round * 3 + page) % 10 * 400);
        /* The first time by pages; after that what is found at the edge of a part is new. */
        cr_assert_leq(calls_since(&before), round ? 101 : 110);
    }
    open_round_of(ASKER);
    cr_assert_eq(source.calls - before, 1);
}

Test(object_pages, an_object_across_the_end_of_a_page_is_read_whole)
{
    const uint64_t across[] = {put(5, PAGE - 60), put(6, PAGE - 1), put(8, PAGE - OBJECT + 1)};
    const uint64_t inside = put(9, 700);
    uint64_t before = 0;
    for (int round = 0; round < 3; round++) {
        open_round_of(ASKER);
        for (size_t i = 0; i < 3; i++)
            expect(across[i]);
        expect(inside);
        cr_assert_eq(calls_since(&before), round ? 1 : 5);
    }
    /* The next object begins in the page where the one before ends, within what it was read with.
     */
    const uint64_t next = put(6, 40);
    open_round_of(ASKER);
    expect(next);
    open_round_of(ASKER);
    before = source.calls;
    expect(across[0]);
    expect(next);
    expect(across[1]);
    cr_assert_eq(source.calls, before);
}

Test(object_pages, are_a_reader_of_objects)
{
    const uint64_t a = put(2, 50), b = put(30, 4000);
    uint8_t bytes[2][OBJECT];
    for (int round = 0; round < 2; round++) {
        const struct hop_span spans[] = {
            {a, OBJECT, bytes[0]}, {b, OBJECT, bytes[1]}, {7, OBJECT, bytes[0]}};
        open_round_of(ASKER);
        source.calls = 0;
        cr_assert_eq(hop_reader_fill(&pages.base, spans, 2), 2);
        cr_assert_eq(source.calls, round ? 0 : 2);
        cr_assert_arr_eq(bytes[0], fake_memory_at(&memory, a, OBJECT), OBJECT);
        cr_assert_arr_eq(bytes[1], fake_memory_at(&memory, b, OBJECT), OBJECT);
        cr_assert_eq(hop_reader_fill(&pages.base, spans, 3), 2);
    }
}

Test(object_pages, a_round_shows_its_start)
{
    const uint64_t known = put(1, 0), unknown = put(2, 0);
    open_round_of(ASKER);
    expect(known);
    open_round_of(ASKER);
    uint8_t was = *fake_memory_at(&memory, known, 1);
    ++*fake_memory_at(&memory, known, 1);
    ++*fake_memory_at(&memory, unknown, 1);
    cr_assert_eq(*hop_object_pages_find(&pages, known, OBJECT), was);
    expect(unknown);
    open_round_of(ASKER);
    expect(known);
}

Test(object_pages, pages_that_are_gone_are_given_up)
{
    const uint64_t other = fake_memory_alloc_pages(&memory, PAGE);
    const uint64_t here = put(1, 0), there = put(700, 0);
    uint64_t before = 0;
    for (int is_there = 1; is_there >= 0; is_there--) {
        if (!is_there)
            fake_memory_unmap(&memory, other);
        for (int round = 0; round < 3; round++) {
            open_round_of(ASKER);
            if (is_there)
                expect(other + 8);
            expect(here);
            expect(there);
            uint64_t calls = calls_since(&before);
            /* One more to read what was behind it. */
            cr_assert_leq(calls, round ? 1 : is_there ? 4 : 2);
        }
    }
    cr_assert_null(hop_object_pages_find(&pages, other + 8, OBJECT));
    fake_memory_unmap(&memory, state_addr);
    char state[8];
    cr_assert_not(
        hop_object_pages_open(&pages, ASKER, &(struct hop_span){state_addr, sizeof state, state}));
    expect(here);
}

Test(object_pages, each_asker_gets_its_own)
{
    const uint64_t mine = put(1, 0), yours = put(40, 0);
    open_round_of(1);
    expect(mine);
    open_round_of(2);
    expect(yours);
    source.reads = 0;
    open_round_of(1);
    cr_assert_eq(source.reads, 2, "the first span and mine");
    expect(mine);
    cr_assert_eq(source.reads, 2);
}

Test(object_pages, what_is_not_asked_for_any_more_is_given_up)
{
    const uint64_t old = put(1, 0), kept = put(40, 0);
    open_round_of(ASKER);
    expect(old);
    for (int round = 0; round < 70; round++) {
        open_round_of(ASKER);
        expect(kept);
    }
    source.reads = 0;
    open_round_of(ASKER);
    cr_assert_eq(source.reads, 2);
    cr_assert_eq(pages.count, 1);
}

/* More pages than are remembered: right all the same, and a call for a page, not for an object. */
Test(object_pages, there_may_be_more_than_are_remembered)
{
    for (size_t page = 0; page < HEAP_PAGES; page++)
        for (size_t i = 0; i < 10; i++)
            put(page, i * 400);
    uint64_t before = 0;
    for (int round = 0; round < 3; round++) {
        open_round_of(ASKER);
        for (size_t page = HEAP_PAGES; page-- > 0;)
            for (size_t i = 0; i < 10; i++)
                expect(heap_addr + page * PAGE + i * 400);
        size_t unknown = HEAP_PAGES - (round ? HOP_OBJECT_PAGES_MAX : 0);
        cr_assert_leq(calls_since(&before), unknown + 10);
        cr_assert_eq(pages.count, HOP_OBJECT_PAGES_MAX);
    }
}
