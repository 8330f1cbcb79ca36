/* How far a share may be off that was seen in a number of samples: the statistics of it, as
 * functions of numbers alone. What the samples are is the caller's.
 *
 * Sources: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
 * JASA 22 (1927); L. Kish, "Survey Sampling" (1965), for samples of different weights and for
 * ratios; M. S. Bartlett (1946) and M. G. Kendall (1954), for the first autocorrelation of a
 * series; H. Flyvbjerg and H. G. Petersen, "Error estimates on averages of correlated data", J.
 * Chem. Phys. 91 (1989), for series that are correlated in ways not known. */
#ifndef HOP_PROFILE_INTERVAL_H
#define HOP_PROFILE_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>

struct hop_interval {
    double low, high; /* 0 … 1 */
};

/* Wilson's 95 % interval of a share (0 … 1) seen in `samples` independent samples, which may be no
 * whole number. Where that number is itself estimated, `freedom` says of how many independent
 * numbers; INFINITY: it is known. No samples: 0 … 1. */
struct hop_interval hop_interval_of_share(double share, double samples, double freedom);

/* As many samples of one weight tell as much as those whose weights have this sum and this sum of
 * squares. */
double hop_interval_effective(double sum, double sum_of_squares);

/* The bound that a Student variable of so much freedom is within in 95 %. Below HOP_FREEDOM_MIN it
 * is that of HOP_FREEDOM_MIN: of what was seen once or twice, as programs do when they start,
 * Student's bound says nothing at all, and Wilson's interval is wide enough. */
enum { HOP_FREEDOM_MIN = 5 };
double hop_interval_student(double freedom);

/* The variance of a series' sum, when its members may be correlated, estimated level by level: the
 * series as it is; the sums of two neighbours; of four; …
 *
 * The first level alone tells the whole where the series is a Markov chain's: the correlation falls
 * by the same factor with each step, and the factor is seen from one member to the next. A program
 * in phases, within which it does this and that, is not: neighbours are hardly correlated, and yet
 * all members of a phase are alike. Then sums of longer and longer blocks vary more and more above
 * what the first level foretold. From the first block length on at which that is hardly chance, the
 * blocks are taken as what is correlated with its neighbours, and longer ones where they vary still
 * more.
 *
 * A few stays, of a program that is always long where it is, tell little: with fewer than some ten
 * of a row the interval may be too narrow. */
struct hop_spread {
    double variance;
    double freedom; /* of how many independent numbers that was estimated */
    bool is_beyond; /* the first level does not tell the whole */
};

/* One level: blocks that are not empty, the sum of their squares, the sum of the products of
 * neighbours. The series' mean has been subtracted. */
struct hop_spread_level {
    double blocks, squares, products;
};

/* `unit` is the size of one sample in the series. */
void hop_spread_begin(struct hop_spread *spread, const struct hop_spread_level *level, double unit);

/* The next level, of blocks twice as long. */
void hop_spread_go_on(struct hop_spread *spread, const struct hop_spread_level *level);

/* With fewer blocks a level tells nothing. */
enum { HOP_SPREAD_BLOCKS_MIN = 16 };

#endif
