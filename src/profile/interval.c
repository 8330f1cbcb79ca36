/* The statistics of shares, see interval.h. */
#include "profile/interval.h"

#include <math.h>

/* What a normal variable is within in 95 %. */
static const double NORMAL_95 = 1.959963984540054;

double hop_interval_student(double freedom)
{
    /* Cornish and Fisher's expansion around the normal's; within 0.2 % from 5 degrees on. */
    double z = NORMAL_95, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    if (freedom < HOP_FREEDOM_MIN)
        freedom = HOP_FREEDOM_MIN;
    return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom * freedom * freedom);
}

struct hop_interval hop_interval_of_share(double share, double samples, double freedom)
{
    if (!(samples > 0))
        return (struct hop_interval){0, 1};
    double z = isinf(freedom) ? NORMAL_95 : hop_interval_student(freedom);
    double squared = z * z / samples;
    double middle = (share + squared / 2) / (1 + squared);
    double half = sqrt(squared * (share * (1 - share) + squared / 4)) / (1 + squared);
    struct hop_interval interval = {middle - half, middle + half};
    /* What was seen is possible, whatever the rounding. */
    interval.low = share <= 0 || interval.low < 0 ? 0 : fmin(interval.low, share);
    interval.high = share >= 1 || interval.high > 1 ? 1 : fmax(interval.high, share);
    return interval;
}

double hop_interval_effective(double sum, double sum_of_squares)
{
    return sum_of_squares > 0 ? sum * sum / sum_of_squares : 0;
}

/* --- correlated series ----------------------------------------------------------------------- */

/* How far above what was foretold a variance of so many blocks may come by chance: its relative
 * standard deviation is sqrt(2 / blocks), and so many of them are seldom exceeded. More would miss
 * phases of which the run has had few. Once the first level is known to fail, longer blocks need
 * less to be believed. Both by trial (tests/test_coverage.c). */
static const double CHANCE_DEVIATIONS = 2.2, LATER_DEVIATIONS = .5;

/* Correlation that no estimate can tell from 1. */
static const double CORRELATION_MAX = .9999;

/* Of neighbours. Less than none is not believed: what looks like a regular alternation may be one
 * between the program and the instants of looking. */
static double correlation_of(const struct hop_spread_level *level)
{
    if (!(level->squares > 0))
        return 0;
    double correlation = level->products / level->squares;
    correlation += (1 + 3 * correlation) / level->blocks; /* Kendall: it is seen too small */
    return fmin(fmax(correlation, 0), CORRELATION_MAX);
}

void hop_spread_begin(struct hop_spread *spread, const struct hop_spread_level *level, double unit)
{
    double correlation = correlation_of(level), unit_squared = unit * unit;
    *spread = (struct hop_spread){
        .variance = level->squares * (1 + correlation) / (1 - correlation),
        .freedom = INFINITY,
    };
    /* The factor is known from as many stays as there were. That one and a half times their number
     * is the freedom is by trial (tests/test_coverage.c). */
    if (correlation > 0 && unit > 0)
        spread->freedom = 1.5 * level->squares / unit_squared * (1 - correlation) / correlation;
    if (spread->variance < unit_squared) /* one sample more or less is always possible */
        spread->variance = unit_squared;
}

void hop_spread_go_on(struct hop_spread *spread, const struct hop_spread_level *level)
{
    double blocks = level->blocks;
    if (blocks < HOP_SPREAD_BLOCKS_MIN)
        return;
    double variance = level->squares * blocks / (blocks - 1);
    double deviations = spread->is_beyond ? LATER_DEVIATIONS : CHANCE_DEVIATIONS;
    if (variance <= spread->variance * (1 + deviations * sqrt(2 / blocks)))
        return;
    double correlation = correlation_of(level);
    variance *= (1 + correlation) / (1 - correlation);
    spread->freedom = (blocks - 1) * (1 - correlation * correlation);
    spread->variance = variance;
    spread->is_beyond = true;
}
