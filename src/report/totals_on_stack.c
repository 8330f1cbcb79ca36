/* The shares of what rows have with all that they called, see totals.h. A sample belongs to each
 * row that is on its stack; all rows are found in one walk over the record, or a few. */
#include "report/totals.h"

#include <stdlib.h>

/* Which rows' totals are found at once: their cells in the record take so much memory at the most,
 * unless a single row has more. */
enum { CELLS_MAX = 1 << 21 };

/* By row: how many of the records it has on their stack. */
static void count_cells(const struct hop_totals *totals, const uint32_t *row_of, size_t *cells)
{
    const struct hop_profile *profile = totals->profile;
    for (size_t i = 0; i < profile->record_count; i++) {
        uint32_t node = profile->records[i].node;
        if (!totals->is_counted[node])
            continue;
        for (uint32_t at = totals->outermost_of[node]; at != HOP_NO_NEXT;
             at = totals->outermost_of[profile->nodes[at].parent])
            if (row_of[totals->group_of[at]] != HOP_NO_GROUP)
                cells[row_of[totals->group_of[at]]]++;
    }
}

/* Only what is outermost is of its group, so that each group is met once on a path; the way up goes
 * from one outermost node to the next. */
static bool find_some_totals(const struct hop_totals *totals, const uint32_t *row_of, size_t first,
                             size_t end, uint32_t *group_of, uint32_t *next_of,
                             struct hop_share *shares)
{
    const struct hop_profile *profile = totals->profile;
    struct hop_hits *hits = calloc(end - first + 1, sizeof *hits);
    if (!hits)
        return false;
    for (size_t i = first; i < end; i++)
        hits[i - first] = totals->rows[i].total;
    for (size_t i = 0; i < profile->node_count; i++) {
        group_of[i] = HOP_NO_GROUP;
        next_of[i] = HOP_NO_NEXT;
        if (profile->nodes[i].parent == i)
            continue;
        uint32_t row = row_of[totals->group_of[i]];
        if (totals->outermost_of[i] == i && row >= first && row < end)
            group_of[i] = (uint32_t)(row - first);
        next_of[i] = totals->outermost_of[profile->nodes[i].parent];
    }
    const struct hop_overlap overlap = {group_of, next_of, totals->is_counted};
    bool has_memory = hop_shares_find_overlapping(&totals->shares, &overlap, hits, end - first,
                                                  &totals->whole, &shares[first]);
    free(hits);
    return has_memory;
}

bool hop_totals_find_totals(const struct hop_totals *totals, size_t count, struct hop_share *shares)
{
    size_t nodes = totals->profile->node_count;
    uint32_t *row_of = calloc(totals->count + 1, sizeof *row_of); /* by group */
    uint32_t *group_of = calloc(nodes + 1, sizeof *group_of);
    uint32_t *next_of = calloc(nodes + 1, sizeof *next_of);
    size_t *cells = calloc(count + 1, sizeof *cells);
    bool has_memory = row_of && group_of && next_of && cells;
    for (size_t i = 0; has_memory && i < totals->count; i++)
        row_of[totals->rows[i].group] = i < count ? (uint32_t)i : HOP_NO_GROUP;
    if (has_memory)
        count_cells(totals, row_of, cells);
    for (size_t first = 0, end; has_memory && first < count; first = end) {
        size_t sum = cells[first];
        for (end = first + 1; end < count && sum + cells[end] <= CELLS_MAX; end++)
            sum += cells[end];
        has_memory = find_some_totals(totals, row_of, first, end, group_of, next_of, shares);
    }
    free(row_of);
    free(group_of);
    free(next_of);
    free(cells);
    return has_memory;
}
