/* The shares of what rows have with all that they called, see totals.h. A sample belongs to each
 * row that is on its stack; all rows are found in one walk over the record, or a few. */
#include "report/totals.h"

#include <stdlib.h>

/* Which rows' totals are found at once: their cells in the record take so much memory at the most,
 * unless a single row has more. */
enum { CELLS_MAX = 1 << 21 };

/* The rows from `first` on that are before `end`, and where they are on the stacks. */
struct places {
    const uint32_t *row_of; /* by group */
    size_t first, end;
    uint32_t *group_of; /* by node: which of these rows it is of, counted from `first`, if any */
    uint32_t *next_of;  /* by node: the next one above that is of one of these rows */
};

/* Only what is outermost is of its group, so that each group is met once on a path; the way up goes
 * from one such node to the next, and past all that are of other rows. */
static void find_places(const struct hop_totals *totals, struct places *places)
{
    const struct hop_profile *profile = totals->profile;
    for (size_t i = 0; i < profile->node_count; i++) {
        uint32_t parent = profile->nodes[i].parent;
        places->group_of[i] = HOP_NO_GROUP;
        places->next_of[i] = HOP_NO_NEXT;
        if (parent == i)
            continue;
        uint32_t row = places->row_of[totals->group_of[i]];
        if (totals->outermost_of[i] == i && row >= places->first && row < places->end)
            places->group_of[i] = (uint32_t)(row - places->first);
        bool is_parents = places->group_of[parent] != HOP_NO_GROUP;
        places->next_of[i] = is_parents ? parent : places->next_of[parent];
    }
}

/* By row: how many of the records it has on their stack. */
static void count_cells(const struct hop_totals *totals, const struct places *places, size_t *cells)
{
    const struct hop_profile *profile = totals->profile;
    for (size_t i = 0; i < profile->record_count; i++) {
        uint32_t node = profile->records[i].node;
        if (!totals->is_counted[node])
            continue;
        for (uint32_t at = node; at != HOP_NO_NEXT; at = places->next_of[at])
            if (places->group_of[at] != HOP_NO_GROUP)
                cells[places->group_of[at]]++;
    }
}

static bool find_some_totals(const struct hop_totals *totals, struct places *places,
                             struct hop_share *shares)
{
    struct hop_hits *hits = calloc(places->end - places->first + 1, sizeof *hits);
    if (!hits)
        return false;
    for (size_t i = places->first; i < places->end; i++)
        hits[i - places->first] = totals->rows[i].total;
    find_places(totals, places);
    const struct hop_overlap overlap = {places->group_of, places->next_of, totals->is_counted};
    bool has_memory =
        hop_shares_find_overlapping(&totals->shares, &overlap, hits, places->end - places->first,
                                    &totals->whole, &shares[places->first]);
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
    struct places places = {row_of, 0, count, group_of, next_of};
    if (has_memory) {
        find_places(totals, &places);
        count_cells(totals, &places, cells);
    }
    for (size_t first = 0, end; has_memory && first < count; first = end) {
        size_t sum = cells[first];
        for (end = first + 1; end < count && sum + cells[end] <= CELLS_MAX; end++)
            sum += cells[end];
        places.first = first;
        places.end = end;
        has_memory = find_some_totals(totals, &places, shares);
    }
    free(row_of);
    free(group_of);
    free(next_of);
    free(cells);
    return has_memory;
}
