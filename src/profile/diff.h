/* Two profiles compared: what has moved beyond chance. Plain data, for reports. */
#ifndef HOP_PROFILE_DIFF_H
#define HOP_PROFILE_DIFF_H

#include "profile/chance.h"
#include "profile/diff_functions.h"

enum hop_diff_by { HOP_BY_INSTRUCTION, HOP_BY_LINE, HOP_BY_FUNCTION, HOP_BY_COUNT };

struct hop_diff_row {
    const struct hop_instruction *before, *after; /* one of those joined; NULL: none was seen */
    const struct hop_diff_function *function;
    struct hop_hits hits_before, hits_after;
    struct hop_share share_before, share_after; /* of all hits */
    double difference;                          /* after - before, 0 … 1 is 0 to 100 points */
    struct hop_interval interval;               /* of it, 95 % for this row alone */
    struct hop_chance chance;
};

struct hop_diff_table {
    enum hop_diff_by by;
    struct hop_diff_row *rows; /* the largest difference first, up or down */
    size_t count;              /* rows compared */
    size_t moved;
    size_t telling; /* seen often enough to be named at all */
    /* The change that a row of HOP_DIFF_TYPICAL_SHARE shows in 4 of 5 comparisons; 1: none. */
    double detectable;
};

#define HOP_DIFF_TYPICAL_SHARE .1

/* In this part of comparisons of a program with itself at most, any row of any table is named. */
#define HOP_DIFF_LEVEL .05

struct hop_diff {
    const struct hop_profile *before, *after;
    struct hop_diff_functions functions;
    struct hop_diff_table tables[HOP_BY_COUNT];
    size_t table_count;
};

/* Compares by all `tables` (bits 1 << HOP_BY_…). What is compared may be narrowed: by_instruction
 * of either profile, NULL: all; shares are of all hits nevertheless. The profiles have to outlive
 * it. False: out of memory. */
bool hop_diff_init(struct hop_diff *diff, const struct hop_profile *before,
                   const struct hop_profile *after, unsigned tables, const bool *is_wanted_before,
                   const bool *is_wanted_after);
void hop_diff_deinit(struct hop_diff *diff);

/* Whether a row grew beyond chance and by more than `share`. */
bool hop_diff_exceeds(const struct hop_diff *diff, double share);

#endif
