/* Comparisons of profiles: a program compared with itself shows nothing, a change is found, and
 * what is the same is known in spite of edits and of another Python. */
#include "profile/diff.h"

#include "support/profiles.h"
#include "support/simulation.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_TABLES = 1 << HOP_BY_INSTRUCTION | 1 << HOP_BY_LINE | 1 << HOP_BY_FUNCTION };

static size_t moved_rows(const struct hop_profile *before, const struct hop_profile *after)
{
    struct hop_diff diff;
    size_t moved = 0;
    cr_assert(hop_diff_init(&diff, before, after, ALL_TABLES, NULL, NULL));
    for (size_t i = 0; i < diff.table_count; i++)
        moved += diff.tables[i].moved;
    hop_diff_deinit(&diff);
    return moved;
}

/* --- chance alone ----------------------------------------------------------------------------- */

enum { PAIRS = 400 };

/* In so many of 400 comparisons one in twenty may show something by chance in 999 of 1000 tests
 * (the binomial distribution's quantile). */
enum { SHOWN_MAX = 34 };

static void expect_nothing(const struct simulated_program *before,
                           const struct simulated_program *after)
{
    size_t shown = 0;
    simulation_seed(1);
    for (size_t i = 0; i < PAIRS; i++) {
        struct hop_profile *a = simulated_profile(before), *b = simulated_profile(after);
        shown += moved_rows(a, b) > 0;
        hop_profile_destroy(a);
        hop_profile_destroy(b);
    }
    cr_log_info("%zu of %d pairs", shown, PAIRS);
    cr_expect(shown <= SHOWN_MAX, "%zu of %d pairs show a row", shown, PAIRS);
}

#define RARE                                                                                       \
    {                                                                                              \
        .005, .01, .03, .1, .25, .005, .01                                                         \
    } /* … .59 */
#define COMMON                                                                                     \
    {                                                                                              \
        .05, .05, .1, .1, .05, .05, .1                                                             \
    } /* … .5 */

Test(diff, independent_samples_show_nothing)
{
    const struct simulated_program program = {RARE, .samples = 2000, .stay = 1};
    expect_nothing(&program, &program);
}

Test(diff, few_samples_show_nothing)
{
    const struct simulated_program program = {RARE, .samples = 60, .stay = 1};
    expect_nothing(&program, &program);
}

Test(diff, stays_show_nothing)
{
    const struct simulated_program program = {COMMON, .samples = 3000, .stay = 20};
    expect_nothing(&program, &program);
}

Test(diff, phases_show_nothing)
{
    const struct simulated_program program = {COMMON, .samples = 6000, .stay = 1, .phase = 50};
    expect_nothing(&program, &program);
}

Test(diff, runs_of_different_length_show_nothing)
{
    const struct simulated_program before = {RARE, .samples = 400, .stay = 5};
    const struct simulated_program after = {RARE, .samples = 4000, .stay = 5};
    expect_nothing(&before, &after);
}

/* Ten times as often, and so ten times as many samples a stay. */
Test(diff, runs_of_different_rate_show_nothing)
{
    const struct simulated_program before = {RARE, .samples = 400, .stay = 2, .period = 10};
    const struct simulated_program after = {RARE, .samples = 4000, .stay = 20};
    expect_nothing(&before, &after);
}

Test(diff, weights_show_nothing)
{
    const struct simulated_program program = {RARE, .samples = 3000, .stay = 3, .heavy = .5};
    expect_nothing(&program, &program);
}

Test(diff, threads_show_nothing)
{
    const struct simulated_program program = {COMMON, .samples = 800, .stay = 5, .threads = 5,
                                              .sleepers = 3};
    expect_nothing(&program, &program);
}

/* --- a change --------------------------------------------------------------------------------- */

Test(diff, a_change_is_found)
{
    const struct simulated_program before = {RARE, .samples = 6000, .stay = 3};
    const struct simulated_program after = {
        {.005, .01, .08, .1, .25, .005, .01}, .samples = 6000, .stay = 3};
    size_t found = 0;
    simulation_seed(1);
    for (size_t i = 0; i < 20; i++) {
        struct hop_profile *a = simulated_profile(&before), *b = simulated_profile(&after);
        struct hop_diff diff;
        cr_assert(hop_diff_init(&diff, a, b, 1 << HOP_BY_FUNCTION, NULL, NULL));
        for (size_t j = 0; j < diff.tables[0].count; j++) {
            const struct hop_diff_row *row = &diff.tables[0].rows[j];
            if (!row->after || strcmp(row->after->function, "f2") != 0 || !row->chance.has_moved)
                continue;
            found++;
            cr_assert_float_eq(row->difference, .05, .04);
            cr_assert(row->interval.low > 0 && row->interval.high < .15);
        }
        hop_diff_deinit(&diff);
        hop_profile_destroy(a);
        hop_profile_destroy(b);
    }
    cr_assert(found >= 18, "in %zu of 20", found);
}
