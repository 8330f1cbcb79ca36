/* The shares that a report shows, each with its 95 % interval. A report says which instructions it
 * joins to one row and which are the whole; this sees, in the record of when the samples were, how
 * much such a share would vary if the same program were sampled again for as long. */
#ifndef HOP_PROFILE_SHARES_H
#define HOP_PROFILE_SHARES_H

#include "profile/profile.h"

struct hop_share {
    double share, low, high; /* 0 … 1 */
    double samples;          /* so many independent ones would tell as much; 0: nothing is known */
    double freedom;          /* of how many independent numbers that was estimated, or INFINITY */
};

/* What a row counts. */
struct hop_hits {
    uint64_t samples, ns;
};

/* One for all tables of a report. The profile has to outlive it. */
struct hop_shares {
    const struct hop_profile *profile;
    size_t part_count;                /* 1, or the number of profiles that were merged */
    struct hop_trace_record *records; /* the profile's, by thread, then part, then their order */
    size_t *first_of; /* by thread and part: the first record; one more: their number */
};

/* False: out of memory. */
bool hop_shares_init(struct hop_shares *shares, const struct hop_profile *profile);
void hop_shares_deinit(struct hop_shares *shares);

/* Instead of a group's number: the instruction is no part of the whole. Instead of a thread's: all
 * threads. */
#define HOP_NO_GROUP    UINT32_MAX
#define HOP_ALL_THREADS UINT32_MAX

/* group_of[i] is the group (0 … group_count - 1) of instruction i of the profile; hits[g] what the
 * profile (or its thread number `thread`) counts in group g. Fills result[g] with the share of
 * group g in all groups: of time where samples stand for different times, else of samples. False:
 * out of memory. */
bool hop_shares_find(const struct hop_shares *shares, uint32_t thread, const uint32_t *group_of,
                     const struct hop_hits *hits, size_t group_count, struct hop_share *result);

/* Groups that have instructions in common: such as all stacks that pass through a function. All
 * arrays are by instruction. */
struct hop_overlap {
    const uint32_t *group_of; /* one of its groups, or HOP_NO_GROUP */
    const uint32_t *next_of;  /* an instruction of which all groups are this one's, too, and none of
                                 them its own; HOP_NO_NEXT */
    const bool *is_counted;   /* it is a part of the whole */
};

#define HOP_NO_NEXT UINT32_MAX

/* The same for groups that overlap, in all threads; `whole` is what the profile counts in all
 * together. Takes memory in proportion to the records times their groups. */
bool hop_shares_find_overlapping(const struct hop_shares *shares, const struct hop_overlap *overlap,
                                 const struct hop_hits *hits, size_t group_count,
                                 const struct hop_hits *whole, struct hop_share *result);

#endif
