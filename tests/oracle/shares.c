/* Shares with intervals; see the header. */
#include "oracle/shares.h"

#include <math.h>

struct oracle_estimate oracle_estimate(const struct oracle_round *rounds, size_t count)
{
    struct oracle_estimate estimate = {.share = NAN, .error = NAN, .freedom = 1};
    uint64_t part = 0;
    double squares = 0, seen = 0;
    for (size_t i = 0; i < count; i++) {
        part += rounds[i].part;
        estimate.whole += rounds[i].whole;
        seen += rounds[i].whole > 0;
    }
    if (!estimate.whole)
        return estimate;
    double whole = (double)estimate.whole, share = (double)part / whole;
    for (size_t i = 0; i < count; i++) {
        double off = (double)rounds[i].part - share * (double)rounds[i].whole;
        squares += off * off;
    }
    /* The variance of a ratio of two sums over `seen` rounds. A share of 0 or 1 is never certain.
     */
    double between = seen > 1 ? squares * seen / (seen - 1) / (whole * whole) : 0;
    double smoothed = ((double)part + 1) / (whole + 2);
    double binomial = smoothed * (1 - smoothed) / whole;
    estimate.share = share;
    estimate.error = sqrt(fmax(between, binomial));
    estimate.freedom = seen > 2 ? (int)seen - 1 : 1;
    return estimate;
}

/* The quantile of the normal distribution, by halving: it is asked for a few hundred times. */
static double normal_quantile(double alpha)
{
    double low = 0, high = 40;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (erfc(middle / sqrt(2)) > alpha)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Fisher's expansion around the normal quantile; good to a percent from 8 degrees of freedom on,
 * which the rounds give. */
double oracle_quantile(double alpha, int freedom)
{
    double x = normal_quantile(alpha), v = freedom, xx = x * x;
    return x + x * (xx + 1) / (4 * v) + x * (5 * xx * xx + 16 * xx + 3) / (96 * v * v) +
           x * (3 * xx * xx * xx + 19 * xx * xx + 17 * xx - 15) / (384 * v * v * v);
}
