/* Whether two shares differ by more than chance, and by how much: the statistics of comparing two
 * profiles, as functions of numbers alone.
 *
 * Sources: R. A. Fisher, "Statistical Methods for Research Workers" (1925), for two counts given
 * their sum; R. G. Newcombe, "Interval estimation for the difference between independent
 * proportions", Statistics in Medicine 17 (1998); S. Holm, "A simple sequentially rejective
 * multiple test procedure", Scand. J. Statistics 6 (1979); R. E. Tarone, "A modified Bonferroni
 * method for discrete data", Biometrics 46 (1990). */
#ifndef HOP_PROFILE_CHANCE_H
#define HOP_PROFILE_CHANCE_H

#include "profile/interval.h"
#include "profile/shares.h"

struct hop_chance {
    double chance; /* how likely two samples of the same program differ by as much, 0 … 1 */
    double least;  /* the smallest that could have come out, of rows that were seen as often */
    bool has_moved;
};

/* Of one row in two profiles. Fills all but has_moved. */
struct hop_chance hop_chance_of(const struct hop_share *before, const struct hop_share *after);

/* A row that one profile has not, or hardly, shows nothing there of how its samples hang together
 * in time. Then it is taken to do so as in the other profile: as much is known of it in the same
 * time. `time` in any unit, the same for both. */
void hop_chance_complete(struct hop_share *before, double time_before, struct hop_share *after,
                         double time_after);

/* The 95 % interval of after - before. */
struct hop_interval hop_chance_of_difference(const struct hop_share *before,
                                             const struct hop_share *after);

/* Finds which of `count` rows have moved, such that in 1 - level of all comparisons not a single
 * row is named that has not: Holm's procedure, which holds however rows depend on each other
 * (shares of one whole do), among the rows that were seen often enough to be named at all (Tarone).
 * Their number is returned in *telling. False: out of memory. */
bool hop_chance_judge(struct hop_chance *rows, size_t count, double level, size_t *telling);

/* The difference at which a row of this share is named in 4 of 5 comparisons, when `telling` rows
 * are and so many independent samples tell of it before and after. */
double hop_chance_detectable(double share, double samples_before, double samples_after,
                             double level, size_t telling);

#endif
