/* Shares and how far they may be off, see shares.h.
 *
 * A share is a ratio of two sums over the blocks of the record: of what its group has in a block
 * (c) and of what all groups have (t). With R the ratio of the sums, the ratio's error is that of
 * the sum of z = c - R t, divided by the sum of t (Kish 1965; Cochran, "Sampling Techniques"). All
 * that is special about a kind of sampling is in this series already: in wall mode a thread that
 * sleeps on puts the same c and t into each block and so adds nothing to the error; threads that do
 * the same at once add more than threads that do not; samples that stand for longer weigh more. How
 * far the sum of a correlated series may be off is interval.c's. The share's variance then says how
 * many independent samples would be worth as much, and Wilson's interval is that of so many. */
#include "profile/shares.h"

#include "profile/interval.h"

#include <math.h>
#include <stdlib.h>

bool hop_shares_init(struct hop_shares *shares, const struct hop_profile *profile)
{
    size_t threads = profile->thread_count;
    uint32_t *thread_of = calloc(profile->node_count + 1, sizeof *thread_of);
    *shares = (struct hop_shares){
        .profile = profile,
        .records = calloc(profile->record_count + 1, sizeof *shares->records),
        .first_of = calloc(threads + 2, sizeof *shares->first_of),
    };
    bool has_memory = thread_of && shares->records && shares->first_of;
    if (has_memory) {
        for (size_t i = 0; i < profile->node_count; i++)
            thread_of[i] = profile->nodes[i].parent == i ? profile->nodes[i].instruction
                                                         : thread_of[profile->nodes[i].parent];
        /* A counting sort: first_of[t + 1] is where t's records end, then where the next one of
         * t's goes. */
        size_t *next_of = shares->first_of + 1;
        for (size_t i = 0; i < profile->record_count; i++)
            next_of[thread_of[profile->records[i].node]]++;
        for (size_t t = 0, sum = 0; t <= threads; t++) {
            size_t count = next_of[t];
            next_of[t] = sum;
            sum += count;
        }
        for (size_t i = 0; i < profile->record_count; i++)
            shares->records[next_of[thread_of[profile->records[i].node]]++] = profile->records[i];
    } else {
        hop_shares_deinit(shares);
    }
    free(thread_of);
    return has_memory;
}

void hop_shares_deinit(struct hop_shares *shares)
{
    free(shares->records);
    free(shares->first_of);
    *shares = (struct hop_shares){0};
}

/* What a group has in a block of the level under way. */
struct cell {
    uint32_t group, block; /* block: its number, then its place among those that are not empty */
    double weight;
};

struct block {
    uint32_t number;
    double total;
};

struct series {
    struct cell *cells; /* by group, then block */
    size_t cell_count;
    struct block *blocks; /* those that are not empty, in order */
    uint32_t *place_of;   /* of a block: where it is on the next level */
    size_t block_count;
    /* Of the whole. */
    double total, squares, products;
};

static int by_block(const void *left, const void *right)
{
    const struct cell *a = left, *b = right;
    return (a->block > b->block) - (a->block < b->block);
}

static bool is_same(const struct cell *a, const struct cell *b)
{
    return a->group == b->group && a->block == b->block;
}

static bool is_next(const struct series *series, size_t block)
{
    return block + 1 < series->block_count &&
           series->blocks[block + 1].number == series->blocks[block].number + 1;
}

static void join_cells(struct series *series)
{
    size_t kept = 0;
    for (size_t i = 0; i < series->cell_count; i++) {
        struct cell *last = &series->cells[kept - (kept > 0)];
        if (kept && is_same(last, &series->cells[i]))
            last->weight += series->cells[i].weight;
        else
            series->cells[kept++] = series->cells[i];
    }
    series->cell_count = kept;
}

static void sum_up_whole(struct series *series)
{
    series->squares = series->products = 0;
    for (size_t i = 0; i < series->block_count; i++) {
        double total = series->blocks[i].total;
        series->squares += total * total;
        if (is_next(series, i))
            series->products += total * series->blocks[i + 1].total;
    }
}

/* They mostly are: out of order are samples of sleeping threads, counted after their time. */
static void sort_by_block(struct series *series)
{
    for (size_t i = 1; i < series->cell_count; i++)
        if (series->cells[i].block < series->cells[i - 1].block) {
            qsort(series->cells, series->cell_count, sizeof *series->cells, by_block);
            return;
        }
}

/* Leaves the order of a group's cells as it is. */
static bool sort_by_group(struct series *series, size_t group_count)
{
    struct cell *sorted = calloc(series->cell_count + 1, sizeof *sorted);
    size_t *next_of = calloc(group_count + 2, sizeof *next_of);
    if (!sorted || !next_of) {
        free(sorted);
        free(next_of);
        return false;
    }
    for (size_t i = 0; i < series->cell_count; i++)
        next_of[series->cells[i].group + 1]++;
    for (size_t group = 0; group < group_count; group++)
        next_of[group + 1] += next_of[group];
    for (size_t i = 0; i < series->cell_count; i++)
        sorted[next_of[series->cells[i].group]++] = series->cells[i];
    free(next_of);
    free(series->cells);
    series->cells = sorted;
    return true;
}

static bool series_init(struct series *series, const struct hop_shares *shares,
                        const struct hop_trace_record *records, size_t count,
                        const uint32_t *group_of, size_t group_count)
{
    *series = (struct series){
        .cells = calloc(count + 1, sizeof *series->cells),
        .blocks = calloc(count + 1, sizeof *series->blocks),
        .place_of = calloc(count + 1, sizeof *series->place_of),
    };
    if (!series->cells || !series->blocks || !series->place_of)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t group = group_of[shares->profile->nodes[records[i].node].instruction];
        if (group != HOP_NO_GROUP)
            series->cells[series->cell_count++] =
                (struct cell){group, records[i].block, records[i].weight_ns};
    }
    sort_by_block(series);
    for (size_t i = 0; i < series->cell_count; i++) {
        struct cell *cell = &series->cells[i];
        if (!i || series->blocks[series->block_count - 1].number != cell->block)
            series->blocks[series->block_count++].number = cell->block;
        series->blocks[series->block_count - 1].total += cell->weight;
        series->total += cell->weight;
        cell->block = (uint32_t)(series->block_count - 1);
    }
    if (!sort_by_group(series, group_count))
        return false;
    join_cells(series);
    sum_up_whole(series);
    return true;
}

static void series_deinit(struct series *series)
{
    free(series->cells);
    free(series->blocks);
    free(series->place_of);
}

/* Makes blocks of two. */
static void go_a_level_up(struct series *series)
{
    size_t kept = 0;
    for (size_t i = 0; i < series->block_count; i++) {
        struct block block = {series->blocks[i].number >> 1, series->blocks[i].total};
        if (kept && series->blocks[kept - 1].number == block.number)
            series->blocks[kept - 1].total += block.total;
        else
            series->blocks[kept++] = block;
        series->place_of[i] = (uint32_t)(kept - 1);
    }
    series->block_count = kept;
    for (size_t i = 0; i < series->cell_count; i++)
        series->cells[i].block = series->place_of[series->cells[i].block];
    join_cells(series);
    sum_up_whole(series);
}

/* The sums that interval.c wants of z = c - ratio * t, for one group's cells; all blocks in which
 * the group has nothing are a part of the whole's sums. */
static struct hop_spread_level group_level(const struct series *series, const struct cell *cells,
                                           size_t count, double ratio)
{
    double squares = 0, with_whole = 0, products = 0, with_next = 0;
    for (size_t i = 0; i < count; i++) {
        double weight = cells[i].weight;
        size_t at = cells[i].block;
        squares += weight * weight;
        with_whole += weight * series->blocks[at].total;
        if (at && is_next(series, at - 1))
            with_next += weight * series->blocks[at - 1].total;
        if (is_next(series, at)) {
            with_next += weight * series->blocks[at + 1].total;
            if (i + 1 < count && cells[i + 1].block == at + 1)
                products += weight * cells[i + 1].weight;
        }
    }
    return (struct hop_spread_level){
        .blocks = (double)series->block_count,
        .squares = squares - 2 * ratio * with_whole + ratio * ratio * series->squares,
        .products = products - ratio * with_next + ratio * ratio * series->products,
    };
}

/* What is found out of one group. */
struct finding {
    double ratio; /* its share in the record */
    struct hop_spread spread;
};

static void look_at_level(const struct series *series, double unit, bool is_first,
                          struct finding *findings)
{
    for (size_t i = 0, end; i < series->cell_count; i = end) {
        const struct cell *cells = &series->cells[i];
        struct finding *finding = &findings[cells->group];
        double weight = 0, squares = 0;
        for (end = i; end < series->cell_count && series->cells[end].group == cells->group; end++) {
            weight += series->cells[end].weight;
            squares += series->cells[end].weight * series->cells[end].weight;
        }
        finding->ratio = weight / series->total;
        struct hop_spread_level level = group_level(series, cells, end - i, finding->ratio);
        if (is_first)
            /* A row may be of lighter samples than others; a block may hold many samples. */
            hop_spread_begin(&finding->spread, &level, fmin(unit, squares / weight));
        else
            hop_spread_go_on(&finding->spread, &level);
    }
}

static bool find_spreads(const struct hop_shares *shares, uint32_t thread, const uint32_t *group_of,
                         size_t group_count, struct finding *findings, double *total)
{
    const struct hop_profile *profile = shares->profile;
    bool is_all = thread == HOP_ALL_THREADS;
    size_t first = is_all ? 0 : shares->first_of[thread];
    size_t count = is_all ? profile->record_count : shares->first_of[thread + 1] - first;
    struct series series;
    bool has_memory =
        series_init(&series, shares, (is_all ? profile->records : shares->records) + first, count,
                    group_of, group_count);
    if (has_memory) {
        double unit =
            profile->samples_ns ? profile->weights_squared_ns2 / (double)profile->samples_ns : 0;
        *total = series.total;
        look_at_level(&series, unit, true, findings);
        while (series.block_count > HOP_SPREAD_BLOCKS_MIN) {
            go_a_level_up(&series);
            look_at_level(&series, unit, false, findings);
        }
    }
    series_deinit(&series);
    return has_memory;
}

static struct hop_share share_of(const struct hop_profile *profile, const struct hop_hits *hits,
                                 const struct hop_hits *whole, const struct finding *finding,
                                 double recorded)
{
    double share = 0;
    if (profile->has_weights && whole->ns)
        share = (double)hits->ns / (double)whole->ns;
    else if (whole->samples)
        share = (double)hits->samples / (double)whole->samples;
    /* All or nothing shows no variance: every sample counts as its weight lets it. */
    double samples = (double)whole->samples, freedom = INFINITY;
    if (profile->weights_squared_ns2 > 0)
        samples *=
            hop_interval_effective((double)profile->samples_ns, profile->weights_squared_ns2) /
            (double)profile->samples;
    double ratio = finding->ratio, variance = finding->spread.variance;
    if (variance > 0 && ratio > 0 && ratio < 1) {
        samples = ratio * (1 - ratio) * recorded * (double)whole->ns / variance;
        freedom = finding->spread.freedom;
    }
    struct hop_interval interval = hop_interval_of_share(share, samples, freedom);
    return (struct hop_share){share, interval.low, interval.high};
}

bool hop_shares_find(const struct hop_shares *shares, uint32_t thread, const uint32_t *group_of,
                     const struct hop_hits *hits, size_t group_count, struct hop_share *result)
{
    struct finding *findings = calloc(group_count + 1, sizeof *findings);
    struct hop_hits whole = {0};
    double recorded = 0;
    bool has_memory =
        findings && find_spreads(shares, thread, group_of, group_count, findings, &recorded);
    for (size_t i = 0; i < group_count; i++) {
        whole.samples += hits[i].samples;
        whole.ns += hits[i].ns;
    }
    for (size_t i = 0; has_memory && i < group_count; i++)
        result[i] = share_of(shares->profile, &hits[i], &whole, &findings[i], recorded);
    free(findings);
    return has_memory;
}
