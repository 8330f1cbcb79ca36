/* The histogram of lateness, see lateness.h. */
#include "sample/lateness.h"

/* Below HOP_LATENESS_STEPS each number has a bucket; from there on the bits below the five highest
 * are of no account. */
static unsigned bucket_of(uint64_t late_ns)
{
    if (late_ns < HOP_LATENESS_STEPS)
        return (unsigned)late_ns;
    unsigned shift = 63 - (unsigned)__builtin_clzll(late_ns) - 4;
    return (shift << 4) + (unsigned)(late_ns >> shift);
}

static uint64_t last_of(unsigned bucket)
{
    if (bucket < 2 * HOP_LATENESS_STEPS)
        return bucket;
    unsigned shift = (bucket >> 4) - 1;
    uint64_t first = (uint64_t)(bucket - (shift << 4)) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

void hop_lateness_add(struct hop_lateness *lateness, uint64_t late_ns)
{
    lateness->count++;
    lateness->in_bucket[bucket_of(late_ns)]++;
    if (late_ns > lateness->max_ns)
        lateness->max_ns = late_ns;
}

uint64_t hop_lateness_percentile(const struct hop_lateness *lateness, double part)
{
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < HOP_LATENESS_BUCKETS; bucket++) {
        seen += lateness->in_bucket[bucket];
        if (seen && (double)seen >= part * (double)lateness->count)
            return last_of(bucket) < lateness->max_ns ? last_of(bucket) : lateness->max_ns;
    }
    return lateness->max_ns;
}
