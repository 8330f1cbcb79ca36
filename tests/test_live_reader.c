/* The live reader on this very process: where spans go, side by side or apart, and where it stops.
 */
#include "mem/reader.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SPANS = 300, PAGE = 4096 };

static struct hop_live_reader live;
static uint8_t source[SPANS * 8], room[SPANS * 16];

static void begin(void)
{
    hop_live_reader_init(&live, getpid());
    for (size_t i = 0; i < sizeof source; i++)
        source[i] = (uint8_t)(i * 7 + i / 251);
    memset(room, 0xee, sizeof room);
}

TestSuite(live_reader, .init = begin);

/* More spans than one call takes, of 1 to 8 bytes each, backwards through the source. Every
 * `run`th leaves a byte free before it, the others go side by side. */
static void fill_with_gaps(size_t run)
{
    struct hop_span spans[SPANS];
    uint8_t *into = room;
    for (size_t i = 0; i < SPANS; i++) {
        size_t size = 1 + i % 8;
        into += i % run == 0;
        spans[i] = (struct hop_span){(uint64_t)(uintptr_t)&source[(SPANS - 1 - i) * 8], size, into};
        into += size;
    }
    cr_assert_eq(hop_reader_fill(&live.base, spans, SPANS), SPANS);
    for (size_t i = 0; i < SPANS; i++) {
        const uint8_t *got = spans[i].into;
        cr_assert_eq(memcmp(got, &source[(SPANS - 1 - i) * 8], spans[i].size), 0);
        if (i % run == 0)
            cr_assert_eq(got[-1], 0xee, "what lies between is left alone");
    }
    cr_assert_eq(*into, 0xee);
}

Test(live_reader, spans_side_by_side_and_apart_get_their_own_bytes)
{
    for (size_t run = 1; run <= 7; run++) {
        begin();
        fill_with_gaps(run);
    }
    begin();
    fill_with_gaps(SPANS);
}

/* One that is not there, or not wholly, ends it: those before are filled, wherever they go. */
Test(live_reader, it_stops_at_the_first_that_is_gone)
{
    uint8_t *pages =
        mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(pages, MAP_FAILED);
    memset(pages, 0x55, PAGE);
    cr_assert_eq(munmap(pages + PAGE, PAGE), 0);
    const uint64_t bad[] = {(uint64_t)(uintptr_t)(pages + PAGE),
                            (uint64_t)(uintptr_t)(pages + PAGE - 4), 8};
    for (size_t kind = 0; kind < sizeof bad / sizeof bad[0]; kind++)
        for (size_t at = 0; at < SPANS; at += at < 10 ? 1 : 59) {
            struct hop_span spans[SPANS];
            for (size_t i = 0; i < SPANS; i++)
                spans[i] = (struct hop_span){
                    i == at ? bad[kind] : (uint64_t)(uintptr_t)&source[i * 8], 8, room + i * 8};
            memset(room, 0, sizeof room);
            cr_assert_eq(hop_reader_fill(&live.base, spans, SPANS), at);
            cr_assert_eq(memcmp(room, source, at * 8), 0);
        }
}
