/* The statistics of shares, against figures that are known otherwise; how they hold together is
 * test_coverage.c's. */
#include "profile/interval.h"

#include <criterion/criterion.h>
#include <math.h>

static void assert_near(double value, double wanted, double tolerance)
{
    cr_assert(fabs(value - wanted) <= tolerance, "%.6f is not %.6f", value, wanted);
}

static void assert_interval(double share, double samples, double low, double high)
{
    struct hop_interval interval = hop_interval_of_share(share, samples, INFINITY);
    assert_near(interval.low, low, 5e-5);
    assert_near(interval.high, high, 5e-5);
}

/* Wilson's score interval, as R. G. Newcombe tabulates it (Statistics in Medicine 17, 1998). */
Test(interval, is_wilsons)
{
    assert_interval(81. / 263, 263, .2553, .3662);
    assert_interval(15. / 148, 148, .0624, .1605);
    assert_interval(0. / 20, 20, 0, .1611);
    assert_interval(1. / 29, 29, .0061, .1718);
}

Test(interval, is_sane_at_its_ends)
{
    const double counts[] = {0, 1e-9, .5, 1, 10, 1e18, INFINITY};
    const double shares[] = {0, 1e-12, .3, 1 - 1e-12, 1};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t j = 0; j < sizeof shares / sizeof *shares; j++)
            for (double freedom = 0; freedom < 3; freedom++) {
                struct hop_interval at = hop_interval_of_share(shares[j], counts[i], freedom);
                cr_assert(at.low >= 0 && at.high <= 1, "%g of %g", shares[j], counts[i]);
                cr_assert(at.low <= shares[j] && shares[j] <= at.high, "%g of %g", shares[j],
                          counts[i]);
            }
    struct hop_interval none = hop_interval_of_share(.5, 0, INFINITY);
    cr_assert(none.low == 0 && none.high == 1);
    none = hop_interval_of_share(.5, NAN, INFINITY);
    cr_assert(none.low == 0 && none.high == 1);
    cr_assert_eq(hop_interval_of_share(1, 100, INFINITY).high, 1);
    cr_assert_eq(hop_interval_of_share(0, 100, INFINITY).low, 0);
}

/* From tables of Student's distribution. */
Test(interval, knows_student)
{
    assert_near(hop_interval_student(5), 2.571, .004);
    assert_near(hop_interval_student(10), 2.228, .001);
    assert_near(hop_interval_student(30), 2.042, .001);
    assert_near(hop_interval_student(1e9), 1.960, .001);
    assert_near(hop_interval_student(0), hop_interval_student(5), 0);
}

Test(interval, counts_samples_of_different_weight)
{
    assert_near(hop_interval_effective(100, 100), 100, 0);        /* a hundred of one */
    assert_near(hop_interval_effective(20, 10 + 10 * 1.), 20, 0); /* the same, of two kinds */
    assert_near(hop_interval_effective(110, 10 + 1e4 / 1), 1.2088, 1e-4); /* one is nearly all */
    assert_near(hop_interval_effective(0, 0), 0, 0);
}

static struct hop_spread_level level(double blocks, double squares, double correlation)
{
    return (struct hop_spread_level){blocks, squares, squares * correlation};
}

Test(interval, spreads_with_correlation)
{
    struct hop_spread spread;
    struct hop_spread_level first = level(1e6, 1000, 0);
    hop_spread_begin(&spread, &first, 1);
    assert_near(spread.variance, 1000, .01);
    first = level(1e6, 1000, -.5); /* less than of independent samples is not believed */
    hop_spread_begin(&spread, &first, 1);
    assert_near(spread.variance, 1000, .01);
    first = level(1e6, 1000, .5);
    hop_spread_begin(&spread, &first, 1);
    assert_near(spread.variance, 3000, 1);
    first = level(1e6, 0, 0); /* nothing varied: one sample more or less */
    hop_spread_begin(&spread, &first, 7);
    assert_near(spread.variance, 49, 0);
    first = level(100, 1000, 1); /* one stay */
    hop_spread_begin(&spread, &first, 1);
    cr_assert(isfinite(spread.variance) && spread.variance > 1000 * 1000.);
}

Test(interval, believes_longer_blocks_beyond_chance)
{
    struct hop_spread spread;
    struct hop_spread_level first = level(1024, 1000, -.001), next;
    hop_spread_begin(&spread, &first, 1);
    next = level(32, 1400, 0); /* less than two deviations, of a quarter each, above */
    hop_spread_go_on(&spread, &next);
    assert_near(spread.variance, 1000, 1);
    cr_assert_not(spread.is_beyond);
    next = level(32, 2000, -.1);
    hop_spread_go_on(&spread, &next);
    assert_near(spread.variance, 2000 * 32 / 31., 1);
    assert_near(spread.freedom, 31, 0);
    next = level(16, 1000, -.1); /* longer ones that vary less take nothing back */
    hop_spread_go_on(&spread, &next);
    assert_near(spread.variance, 2000 * 32 / 31., 1);
    next = level(HOP_SPREAD_BLOCKS_MIN - 1, 1e9, 0); /* too few to tell anything */
    hop_spread_go_on(&spread, &next);
    assert_near(spread.variance, 2000 * 32 / 31., 1);
}
