/* How late ticks began: a histogram of bounded size, whose steps are a small part of what they
 * count. */
#ifndef HOP_SAMPLE_LATENESS_H
#define HOP_SAMPLE_LATENESS_H

#include <stdint.h>

/* Each doubling has so many steps: a percentile is told to 1/16 of itself. */
enum { HOP_LATENESS_STEPS = 16, HOP_LATENESS_BUCKETS = 60 * HOP_LATENESS_STEPS + 16 };

struct hop_lateness {
    uint64_t count, max_ns;
    uint32_t in_bucket[HOP_LATENESS_BUCKETS];
};

void hop_lateness_add(struct hop_lateness *lateness, uint64_t late_ns);

/* What a part (0 … 1) of all was not later than, rounded up to its step; 0 when there is none. */
uint64_t hop_lateness_percentile(const struct hop_lateness *lateness, double part);

#endif
