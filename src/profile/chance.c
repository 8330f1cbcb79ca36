/* Two shares and chance, see chance.h. */
#include "profile/chance.h"

#include <math.h>
#include <stdlib.h>

/* --- distributions ---------------------------------------------------------------------------- */

/* The continued fraction of the incomplete beta function, by Lentz's method; it converges in some
 * ten steps for x below (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    enum { STEPS_MAX = 10000 };
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double fraction = d;
    for (int i = 1; i <= STEPS_MAX; i++) {
        double twice = a + 2 * i, change = 1;
        for (int is_odd = 0; is_odd < 2; is_odd++) {
            double factor = is_odd ? -(a + i) * (a + b + i) * x / (twice * (twice + 1))
                                   : i * (b - i) * x / ((twice - 1) * twice);
            d = 1 + factor * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + factor / c;
            c = fabs(c) < tiny ? tiny : c;
            change = c * d;
            fraction *= change;
        }
        if (fabs(change - 1) < 1e-14)
            break;
    }
    return fraction;
}

/* The regularised incomplete beta function; a, b > 0. */
static double beta(double a, double b, double x)
{
    if (!(x > 0))
        return 0;
    if (!(x < 1))
        return 1;
    int sign;
    double front = exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) +
                       a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* How likely a normal variable is above z (>= 0); a Student's. */
static double normal_tail(double z)
{
    return erfc(z * M_SQRT1_2) / 2;
}

static double student_tail(double t, double freedom)
{
    if (isinf(freedom))
        return normal_tail(t);
    return beta(freedom / 2, .5, freedom / (freedom + t * t)) / 2;
}

/* What a normal variable is above in so many cases; 0 for a half and more. */
static double normal_quantile(double tail)
{
    double low = 0, high = 38; /* beyond that the tail is no double */
    if (!(tail < .5))
        return 0;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (normal_tail(middle) > tail)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/* --- one row ---------------------------------------------------------------------------------- */

/* From how likely it is that one side of two counts is as small. Counts are of a share, which may
 * be large: then they vary less, by its complement. */
static double chance_of_tail(double tail, double share, double freedom)
{
    double z = normal_quantile(tail) / sqrt(1 - share);
    return fmin(1, 2 * student_tail(z, freedom));
}

/* Welch's and Satterthwaite's, of a difference. */
static double freedom_of(const struct hop_share *before, const struct hop_share *after)
{
    double a = 1 / before->samples, b = 1 / after->samples;
    double by_freedom = a * a / before->freedom + b * b / after->freedom;
    return by_freedom > 0 ? fmax(HOP_FREEDOM_MIN, (a + b) * (a + b) / by_freedom) : INFINITY;
}

struct hop_chance hop_chance_of(const struct hop_share *before, const struct hop_share *after)
{
    double n = before->samples, m = after->samples;
    if (!(n > 0) || !(m > 0))
        return (struct hop_chance){1, 1, false};
    double x = n * before->share, y = m * after->share, share = (x + y) / (n + m);
    if (share > .5) { /* the rest is what is counted */
        x = n - x;
        y = m - y;
        share = 1 - share;
    }
    double count = x + y, part = n / (n + m), freedom = freedom_of(before, after);
    if (!(count > 0))
        return (struct hop_chance){1, 1, false};
    /* Of `count` the smaller side would get as few by chance. Counts need not be whole. */
    double tail = x * m < y * n ? beta(y, x + 1, 1 - part) : beta(x, y + 1, part);
    double least = exp(count * log(fmin(part, 1 - part)));
    return (struct hop_chance){chance_of_tail(tail, share, freedom),
                               chance_of_tail(least, share, freedom), false};
}

/* With fewer hits (in independent samples) a row's correlation is not known. */
static const double HITS_MIN = 10;

static void complete(struct hop_share *few, double few_time, const struct hop_share *many,
                     double many_time)
{
    if (few->samples * few->share >= HITS_MIN || !(many->share > 0) || many->share >= 1 ||
        !(few_time > 0) || !(many_time > 0))
        return;
    double samples = many->samples / many_time * few_time;
    if (samples < few->samples) {
        few->samples = samples;
        few->freedom = fmin(few->freedom, many->freedom);
    }
}

void hop_chance_complete(struct hop_share *before, double time_before, struct hop_share *after,
                         double time_after)
{
    const struct hop_share seen_before = *before;
    complete(before, time_before, after, time_after);
    complete(after, time_after, &seen_before, time_before);
}

struct hop_interval hop_chance_of_difference(const struct hop_share *before,
                                             const struct hop_share *after)
{
    struct hop_interval a = hop_interval_of_share(before->share, before->samples, before->freedom);
    struct hop_interval b = hop_interval_of_share(after->share, after->samples, after->freedom);
    double difference = after->share - before->share;
    return (struct hop_interval){
        fmax(-1, difference - hypot(after->share - b.low, a.high - before->share)),
        fmin(1, difference + hypot(b.high - after->share, before->share - a.low)),
    };
}

/* --- many rows -------------------------------------------------------------------------------- */

static int by_chance(const void *left, const void *right)
{
    const struct hop_chance *a = *(struct hop_chance *const *)left;
    const struct hop_chance *b = *(struct hop_chance *const *)right;
    return (a->chance > b->chance) - (a->chance < b->chance);
}

static int by_least(const void *left, const void *right)
{
    const struct hop_chance *a = *(struct hop_chance *const *)left;
    const struct hop_chance *b = *(struct hop_chance *const *)right;
    return (a->least > b->least) - (a->least < b->least);
}

bool hop_chance_judge(struct hop_chance *rows, size_t count, double level, size_t *telling)
{
    struct hop_chance **order = calloc(count + 1, sizeof(*order));
    if (!order)
        return false;
    for (size_t i = 0; i < count; i++)
        order[i] = &rows[i];
    if (count)
        qsort(order, count, sizeof(*order), by_least);
    /* The fewest comparisons such that no row beyond them could ever be named among as many. */
    size_t kept = 0, allowed = 1;
    for (;; allowed++) {
        while (kept < count && order[kept]->least <= level / (double)allowed)
            kept++;
        while (kept && order[kept - 1]->least > level / (double)allowed)
            kept--;
        if (kept <= allowed)
            break;
    }
    *telling = kept;
    if (kept)
        qsort(order, kept, sizeof(*order), by_chance);
    for (size_t i = 0; i < kept && order[i]->chance <= level / (double)(kept - i); i++)
        order[i]->has_moved = true;
    free(order);
    return true;
}

double hop_chance_detectable(double share, double samples_before, double samples_after,
                             double level, size_t telling)
{
    const double in_four_of_five = .8416;
    if (!(samples_before > 0) || !(samples_after > 0))
        return 1;
    double z = normal_quantile(level / (double)(telling ? telling : 1) / 2) + in_four_of_five;
    return fmin(1, z * sqrt(share * (1 - share) * (1 / samples_before + 1 / samples_after)));
}
