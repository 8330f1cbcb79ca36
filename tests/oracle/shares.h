/* Shares with intervals, from samples taken in rounds. Samples of one round may be correlated (a
 * thread that holds the GIL for 5 ms is seen many times); rounds are long enough to be taken as
 * independent. */
#ifndef ORACLE_SHARES_H
#define ORACLE_SHARES_H

#include <stddef.h>
#include <stdint.h>

/* A part and the whole it belongs to, in one round. */
struct oracle_round {
    uint64_t part, whole;
};

struct oracle_estimate {
    uint64_t whole;
    double share; /* 0 to 1; NAN when nothing was seen */
    double error; /* standard error: of the binomial distribution or from round to round, whichever
                     is greater */
    int freedom;  /* degrees of freedom of the error */
};

struct oracle_estimate oracle_estimate(const struct oracle_round *rounds, size_t count);

/* The half width, in standard errors, of the interval that misses the truth with probability
 * `alpha`: Student's t. */
double oracle_quantile(double alpha, int freedom);

#endif
