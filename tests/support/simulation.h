/* Simulated programs, sampled into a real tally of which a real profile is made: for tests of what
 * intervals and comparisons promise, which needs many runs of which the truth is known. */
#ifndef TEST_SIMULATION_H
#define TEST_SIMULATION_H

#include "profile/shares.h"
#include "profile/tally.h"

enum { SIMULATED_ROWS = 8, SIMULATED_THREADS_MAX = 16 };

struct simulated_program {
    double shares[SIMULATED_ROWS]; /* of a row at a step; the last one has the rest */
    size_t samples;
    double stay;  /* mean samples on a row before another one is picked; 1: each on its own */
    double phase; /* mean samples of a phase, in which only one half of the rows is; 0: none */
    double heavy; /* this part of the samples, at the end, stands for ten times as long */
    size_t threads, sleepers; /* wall mode: so many, and so many of them sleep in row 0 */
    size_t period;            /* a sample stands for so many tenths of a millisecond; 0: one */
};

/* Each test runs in a process of its own; all random numbers are of this seed. */
void simulation_seed(uint64_t seed);

/* One run. Row r is an instruction of function "f<r>", of first line r, and has two specialised
 * forms, called from two places. The caller destroys the profile. */
struct hop_profile *simulated_profile(const struct simulated_program *program);

/* What simulated_profile does: adds to a tally, and makes a profile of it. */
void simulated_take(struct hop_tally *tally, uint32_t thread, uint32_t row, uint64_t count,
                    uint64_t tick, uint64_t weight_ns);
struct hop_profile *profile_of_tally(const struct hop_tally *tally);

/* The true shares of the rows, and those that a profile shows. */
void simulated_truth(const struct simulated_program *program, double *truth);
void shares_of_rows(const struct hop_profile *profile, struct hop_share *result);

#endif
