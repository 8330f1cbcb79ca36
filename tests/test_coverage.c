/* That a 95 % interval holds the true share in 93 to 97 of 100 trials: simulated programs are
 * sampled into a real tally, a real profile is made of it, and its shares are asked for. */
#include "support/simulation.h"

#include <criterion/criterion.h>

enum { TRIALS = 1000, ROWS_MAX = SIMULATED_ROWS };

static void try_out(const struct simulated_program *program)
{
    double truth[ROWS_MAX];
    size_t covered[ROWS_MAX] = {0};
    simulated_truth(program, truth);
    simulation_seed(1);
    for (size_t trial = 0; trial < TRIALS; trial++) {
        struct hop_profile *profile = simulated_profile(program);
        struct hop_share shares[ROWS_MAX];
        shares_of_rows(profile, shares);
        for (size_t i = 0; i < ROWS_MAX; i++) {
            cr_assert(shares[i].low <= shares[i].share && shares[i].share <= shares[i].high);
            covered[i] += shares[i].low <= truth[i] && truth[i] <= shares[i].high;
        }
        hop_profile_destroy(profile);
    }
    for (size_t i = 0; i < ROWS_MAX; i++) {
        double percent = (double)covered[i] * 100 / TRIALS;
        cr_expect(percent >= 93 && percent <= 97, "a share of %.2f%%: %.1f%% of the trials",
                  truth[i] * 100, percent);
    }
}

#define RARE                                                                                       \
    {                                                                                              \
        .005, .01, .03, .1, .25, .005, .01                                                         \
    } /* … .59 */
#define COMMON                                                                                     \
    {                                                                                              \
        .05, .05, .1, .1, .05, .05, .1                                                             \
    } /* … .5 */

/* --- each sample on its own ------------------------------------------------------------------- */

Test(coverage, of_few_independent_samples)
{
    try_out(&(struct simulated_program){COMMON, .samples = 200, .stay = 1});
}

Test(coverage, of_independent_samples)
{
    try_out(&(struct simulated_program){RARE, .samples = 2500, .stay = 1});
}

Test(coverage, of_samples_of_different_weight)
{
    try_out(&(struct simulated_program){RARE, .samples = 4000, .stay = 1, .heavy = .5});
}

/* --- a program that stays where it is for a while --------------------------------------------- */

Test(coverage, of_short_stays)
{
    try_out(&(struct simulated_program){RARE, .samples = 5000, .stay = 2});
}

Test(coverage, of_stays_of_ten_samples)
{
    try_out(&(struct simulated_program){COMMON, .samples = 4000, .stay = 10});
}

Test(coverage, of_stays_of_fifty_samples)
{
    try_out(&(struct simulated_program){COMMON, .samples = 12000, .stay = 50});
}

Test(coverage, of_stays_and_weights)
{
    try_out(&(struct simulated_program){COMMON, .samples = 4000, .stay = 5, .heavy = .7});
}

/* Within a phase the samples are independent, so that neighbours tell little of it. */
Test(coverage, of_phases)
{
    try_out(&(struct simulated_program){COMMON, .samples = 12000, .stay = 1, .phase = 50});
}

/* --- several threads at each tick ---------------------------------------------------------------
 */

Test(coverage, of_threads_of_which_most_sleep)
{
    try_out(&(struct simulated_program){COMMON, .samples = 1500, .stay = 1, .threads = 6,
                                        .sleepers = 4});
}

Test(coverage, of_threads_that_stay)
{
    try_out(&(struct simulated_program){COMMON, .samples = 2500, .stay = 10, .threads = 5,
                                        .sleepers = 2});
}

/* --- what is seen once --------------------------------------------------------------------------
 */

/* A few light samples among heavy ones, in one go, as of a program's start: their share may be some
 * times what it seems, but not the whole. */
Test(coverage, of_a_start_is_no_guess_at_all)
{
    struct hop_tally *tally = hop_tally_create_limited(1 << 12);
    struct hop_share shares[ROWS_MAX];
    for (uint64_t tick = 1; tick <= 3000; tick++) {
        bool is_start = tick <= 1000;
        uint32_t row = tick == 500 ? 1 : tick > 30 && tick <= 60 ? 2 : is_start ? 3 : 4;
        simulated_take(tally, 0, row, 1, tick, is_start ? 80000 : 1000000);
    }
    struct hop_profile *profile = profile_of_tally(tally);
    shares_of_rows(profile, shares);
    double once = 8e4 / 2.08e9, stay = 30 * once;
    cr_assert_float_eq(shares[1].share, once, 1e-12);
    cr_assert(shares[1].low > once / 20 && shares[1].high < once * 10, "%g to %g of %g",
              shares[1].low, shares[1].high, once);
    cr_assert_float_eq(shares[2].share, stay, 1e-12);
    cr_assert(shares[2].low > stay / 40 && shares[2].high < stay * 20, "%g to %g of %g",
              shares[2].low, shares[2].high, stay);
    hop_profile_destroy(profile);
    hop_tally_destroy(tally);
}
