/* A reader with a deadline: before it and without one it is the reader behind; after it, nothing.
 */
#include "base/clock.h"
#include "mem/timed.h"

#include <criterion/criterion.h>
#include <unistd.h>

Test(timed, reads_until_its_deadline)
{
    static const uint64_t numbers[2] = {17, 18};
    struct hop_live_reader live;
    struct hop_timed_reader timed;
    uint64_t found[2] = {0};
    struct hop_span spans[] = {
        {(uint64_t)(uintptr_t)&numbers[0], 8, &found[0]},
        {(uint64_t)(uintptr_t)&numbers[1], 8, &found[1]},
        {1, 8, &found[0]},
    };
    hop_live_reader_init(&live, getpid());
    hop_timed_reader_init(&timed, &live.base);
    cr_assert_eq(hop_reader_fill(&timed.base, spans, 3), 2);
    cr_assert(found[0] == 17 && found[1] == 18);
    timed.deadline_ns = hop_now_ns() + UINT64_C(3600) * 1000000000;
    cr_assert_eq(hop_reader_fill(&timed.base, spans, 2), 2);
    cr_assert_not(timed.is_late);
    timed.deadline_ns = hop_now_ns();
    cr_assert_eq(hop_reader_fill(&timed.base, spans, 2), 0);
    cr_assert(timed.is_late);
    timed.deadline_ns = 0;
    cr_assert_eq(hop_reader_fill(&timed.base, spans, 2), 2);
    cr_assert(timed.is_late, "cleared by who sets it");
}
