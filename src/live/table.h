/* The rows of the live screen: a profile's instructions joined by what a view is of, with their
 * shares of all, of the last interval, and of the intervals before. */
#ifndef HOP_LIVE_TABLE_H
#define HOP_LIVE_TABLE_H

#include "live/history.h"
#include "profile/shares.h"

enum hop_live_view {
    HOP_LIVE_INSTRUCTIONS, /* by location and opcode */
    HOP_LIVE_OPCODES,
    HOP_LIVE_LINES,
    HOP_LIVE_FUNCTIONS,
    HOP_LIVE_THREADS,
    HOP_LIVE_VIEW_COUNT,
};

enum hop_live_order { HOP_LIVE_BY_SHARE, HOP_LIVE_BY_NOW, HOP_LIVE_BY_TOTAL, HOP_LIVE_BY_NAME };

struct hop_live_row {
    uint64_t key;         /* the same in the next look's table; of no other row, but by chance */
    uint32_t instruction; /* the one with most hits of those joined */
    const char *opcode;   /* as shown */
    uint32_t thread;      /* in the view of threads: index of profile->threads */
    uint32_t group;       /* number of the row before any sorting */
    struct hop_hits hits;
    struct hop_share share;
    double total; /* 0 … 1: of the samples, those that have it anywhere on their stack */
    double now;   /* 0 … 1: share in the last interval; negative: nothing was sampled then */
    /* Another row is of the same line, function and opcode; of the same column, too; of all that
     * the source can tell. */
    bool needs_column, needs_end, needs_offset;
};

struct hop_live_table {
    enum hop_live_view view;
    struct hop_live_row *rows;
    size_t count, group_count;
    struct hop_hits hits;
    uint32_t *group_of_node; /* by node of the profile: the row its samples count for, or
                                HOP_NO_GROUP */
    size_t node_count;
    const char **short_files;
};

/* `options` say which instructions and files there are rows of. False: out of memory. To be given
 * to _deinit only if true. The profile has to outlive it. */
bool hop_live_table_init(struct hop_live_table *table, enum hop_live_view view,
                         const struct hop_profile *profile, const struct hop_live_history *history,
                         const struct hop_report_options *options);
void hop_live_table_deinit(struct hop_live_table *table);

void hop_live_table_sort(struct hop_live_table *table, const struct hop_profile *profile,
                         enum hop_live_order order);

/* Which rows there are of `text` (case ignored) in what they are called; all, if it is empty. Moves
 * them to the front and returns their number. */
size_t hop_live_table_filter(struct hop_live_table *table, const struct hop_profile *profile,
                             const char *text);

/* What a row is called, raw; at most `size` bytes. */
void hop_live_table_name(const struct hop_live_table *table, const struct hop_profile *profile,
                         const struct hop_live_row *row, char *name, size_t size);

/* Of `row_count` rows from number `first` on: fills shares[i * count + j] with the share of row
 * first + i in interval j of the last `count`, the oldest first; negative where nothing was sampled
 * or there was no such interval. False: out of memory. */
bool hop_live_table_trends(const struct hop_live_table *table,
                           const struct hop_live_history *history, size_t first, size_t row_count,
                           size_t count, double *shares);

#endif
