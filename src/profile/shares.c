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
#include <string.h>

/* Where the records of a part begin; `part` may be one too many. */
static size_t part_begin(const struct hop_profile *profile, size_t part)
{
    if (part < profile->part_count)
        return profile->parts[part].first_record;
    return part == 0 ? 0 : profile->record_count;
}

/* A counting sort by `key`: first_of[k + 1] is where k's records end, then where the next one of
 * k's goes. */
static void sort_records(struct hop_shares *shares, const uint32_t *thread_of, size_t key_count)
{
    const struct hop_profile *profile = shares->profile;
    size_t *next_of = shares->first_of + 1;
    for (int is_second = 0; is_second < 2; is_second++) {
        for (size_t part = 0; part < shares->part_count; part++) {
            for (size_t i = part_begin(profile, part); i < part_begin(profile, part + 1); i++) {
                size_t key = thread_of[profile->records[i].node] * shares->part_count + part;
                size_t place = next_of[key]++;
                if (is_second)
                    shares->records[place] = profile->records[i];
            }
        }
        for (size_t key = 0, sum = 0; !is_second && key <= key_count; key++) {
            size_t count = next_of[key];
            next_of[key] = sum;
            sum += count;
        }
    }
}

bool hop_shares_init(struct hop_shares *shares, const struct hop_profile *profile)
{
    size_t parts = profile->part_count ? profile->part_count : 1;
    size_t keys = profile->thread_count * parts;
    uint32_t *thread_of = calloc(profile->node_count + 1, sizeof *thread_of);
    *shares = (struct hop_shares){
        .profile = profile,
        .part_count = parts,
        .records = calloc(profile->record_count + 1, sizeof *shares->records),
        .first_of = calloc(keys + 2, sizeof *shares->first_of),
    };
    bool has_memory = thread_of && shares->records && shares->first_of;
    if (has_memory) {
        for (size_t i = 0; i < profile->node_count; i++)
            thread_of[i] = profile->nodes[i].parent == i ? profile->nodes[i].instruction
                                                         : thread_of[profile->nodes[i].parent];
        sort_records(shares, thread_of, keys);
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
    uint32_t group, block; /* the block's place among those that are not empty */
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

/* Which instructions are a group; next_of NULL: each is in one group at most, and counted if it is
 * in one. */
struct membership {
    struct hop_overlap of;
    size_t group_count;
};

static bool is_counted(const struct membership *groups, uint32_t instruction)
{
    return groups->of.next_of ? groups->of.is_counted[instruction]
                              : groups->of.group_of[instruction] != HOP_NO_GROUP;
}

static uint32_t next_of(const struct membership *groups, uint32_t instruction)
{
    return groups->of.next_of ? groups->of.next_of[instruction] : HOP_NO_NEXT;
}

static int by_block(const void *left, const void *right)
{
    const struct hop_trace_record *a = left, *b = right;
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
static void sort_by_block(struct hop_trace_record *records, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (records[i].block < records[i - 1].block) {
            qsort(records, count, sizeof *records, by_block);
            return;
        }
}

/* The records that count, by block; to be given to free(). NULL: out of memory. */
static struct hop_trace_record *counted_records(const struct hop_shares *shares,
                                                const struct hop_trace_record *records,
                                                size_t *count, const struct membership *groups)
{
    struct hop_trace_record *counted = calloc(*count + 1, sizeof *counted);
    size_t kept = 0;
    for (size_t i = 0; counted && i < *count; i++)
        if (records[i].weight_ns > 0 &&
            is_counted(groups, shares->profile->nodes[records[i].node].instruction))
            counted[kept++] = records[i];
    if (counted)
        sort_by_block(counted, kept);
    *count = kept;
    return counted;
}

static void make_blocks(struct series *series, const struct hop_trace_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!i || records[i].block != records[i - 1].block)
            series->blocks[series->block_count++].number = records[i].block;
        series->blocks[series->block_count - 1].total += records[i].weight_ns;
        series->total += records[i].weight_ns;
    }
}

/* Puts each cell where place_of says for its group; or counts them there, while there are none. */
static void put_cells(struct series *series, const struct hop_shares *shares,
                      const struct hop_trace_record *records, size_t count,
                      const struct membership *groups, size_t *place_of)
{
    uint32_t block = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = shares->profile->nodes[records[i].node].instruction;
        block += i && records[i].block != records[i - 1].block;
        for (; at != HOP_NO_NEXT; at = next_of(groups, at)) {
            uint32_t group = groups->of.group_of[at];
            if (group == HOP_NO_GROUP)
                continue;
            size_t place = place_of[group]++;
            if (series->cells)
                series->cells[place] = (struct cell){group, block, records[i].weight_ns};
        }
    }
}

/* A counting sort by group, in which a group's cells stay in the order of their blocks. */
static bool make_cells(struct series *series, const struct hop_shares *shares,
                       const struct hop_trace_record *records, size_t count,
                       const struct membership *groups)
{
    size_t *place_of = calloc(groups->group_count + 1, sizeof *place_of);
    if (!place_of)
        return false;
    put_cells(series, shares, records, count, groups, place_of);
    for (size_t group = 0; group < groups->group_count; group++) {
        size_t cells = place_of[group];
        place_of[group] = series->cell_count;
        series->cell_count += cells;
    }
    series->cells = calloc(series->cell_count + 1, sizeof *series->cells);
    if (series->cells)
        put_cells(series, shares, records, count, groups, place_of);
    free(place_of);
    return series->cells != NULL;
}

static bool series_init(struct series *series, const struct hop_shares *shares,
                        const struct hop_trace_record *records, size_t count,
                        const struct membership *groups)
{
    struct hop_trace_record *counted = counted_records(shares, records, &count, groups);
    *series = (struct series){
        .blocks = calloc(count + 1, sizeof *series->blocks),
        .place_of = calloc(count + 1, sizeof *series->place_of),
    };
    bool has_memory = counted && series->blocks && series->place_of;
    if (has_memory) {
        make_blocks(series, counted, count);
        has_memory = make_cells(series, shares, counted, count, groups);
    }
    free(counted);
    if (!has_memory)
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

/* What all parts together say of one group, of the whole from which the records were taken. */
struct estimate {
    double weight, variance; /* of what the group has, ns and ns² */
    double by_freedom;       /* the sum of the squares of the parts' variances by their freedom */
};

static bool find_spreads(const struct hop_shares *shares, const struct hop_trace_record *records,
                         size_t count, const struct membership *groups, double unit,
                         struct finding *findings, double *total)
{
    struct series series;
    bool has_memory = series_init(&series, shares, records, count, groups);
    memset(findings, 0, groups->group_count * sizeof *findings);
    if (has_memory) {
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

/* How much of a part its records stand for: all, unless blocks were forgotten. */
static double extrapolation(const struct hop_profile *profile, size_t part, double samples_ns)
{
    double recorded = 0;
    for (size_t i = part_begin(profile, part); i < part_begin(profile, part + 1); i++)
        recorded += profile->records[i].weight_ns;
    return recorded > 0 && samples_ns > 0 ? samples_ns / recorded : 1;
}

static bool look_at_part(const struct hop_shares *shares, size_t part, uint32_t thread,
                         const struct membership *groups, struct finding *findings,
                         struct estimate *estimates, double *whole)
{
    const struct hop_profile *profile = shares->profile;
    const struct hop_profile_part all = {0, profile->samples, profile->samples_ns,
                                         profile->weights_squared_ns2};
    const struct hop_profile_part *of = profile->part_count ? &profile->parts[part] : &all;
    bool is_all = thread == HOP_ALL_THREADS;
    const size_t *first_of = is_all ? NULL : &shares->first_of[thread * shares->part_count + part];
    size_t first = is_all ? part_begin(profile, part) : first_of[0];
    size_t end = is_all ? part_begin(profile, part + 1) : first_of[1];
    double unit = of->samples_ns ? of->weights_squared_ns2 / (double)of->samples_ns : 0, total = 0;
    if (!find_spreads(shares, (is_all ? profile->records : shares->records) + first, end - first,
                      groups, unit, findings, &total))
        return false;
    double factor = extrapolation(profile, part, (double)of->samples_ns);
    *whole += factor * total;
    for (size_t i = 0; i < groups->group_count; i++) {
        const struct hop_spread *spread = &findings[i].spread;
        double variance = factor * spread->variance;
        estimates[i].weight += factor * total * findings[i].ratio;
        estimates[i].variance += variance;
        if (variance > 0)
            estimates[i].by_freedom += variance * variance / spread->freedom;
    }
    return true;
}

static struct hop_share share_of(const struct hop_profile *profile, const struct hop_hits *hits,
                                 const struct hop_hits *whole, const struct estimate *estimate,
                                 double recorded)
{
    double share = 0;
    if (profile->has_weights && whole->ns)
        share = (double)hits->ns / (double)whole->ns;
    else if (whole->samples)
        share = (double)hits->samples / (double)whole->samples;
    /* All or nothing shows no variance: every sample counts as its weight lets it. */
    double samples = (double)whole->samples, freedom = INFINITY;
    if (profile->weights_squared_ns2 > 0 && profile->samples)
        samples *=
            hop_interval_effective((double)profile->samples_ns, profile->weights_squared_ns2) /
            (double)profile->samples;
    double ratio = recorded > 0 ? estimate->weight / recorded : 0, variance = estimate->variance;
    if (variance > 0 && ratio > 0 && ratio < 1) {
        samples = ratio * (1 - ratio) * recorded * (double)whole->ns / variance;
        /* Of several parts: Satterthwaite's. */
        freedom = variance * variance / estimate->by_freedom;
    }
    struct hop_interval interval = hop_interval_of_share(share, samples, freedom);
    return (struct hop_share){share, interval.low, interval.high, samples, freedom};
}

static bool find(const struct hop_shares *shares, uint32_t thread, const struct membership *groups,
                 const struct hop_hits *hits, const struct hop_hits *whole,
                 struct hop_share *result)
{
    size_t group_count = groups->group_count;
    struct finding *findings = calloc(group_count + 1, sizeof *findings);
    struct estimate *estimates = calloc(group_count + 1, sizeof *estimates);
    double recorded = 0;
    bool has_memory = findings && estimates;
    for (size_t part = 0; has_memory && part < shares->part_count; part++)
        has_memory = look_at_part(shares, part, thread, groups, findings, estimates, &recorded);
    for (size_t i = 0; has_memory && i < group_count; i++)
        result[i] = share_of(shares->profile, &hits[i], whole, &estimates[i], recorded);
    free(findings);
    free(estimates);
    return has_memory;
}

bool hop_shares_find(const struct hop_shares *shares, uint32_t thread, const uint32_t *group_of,
                     const struct hop_hits *hits, size_t group_count, struct hop_share *result)
{
    const struct membership groups = {{.group_of = group_of}, group_count};
    struct hop_hits whole = {0};
    for (size_t i = 0; i < group_count; i++) {
        whole.samples += hits[i].samples;
        whole.ns += hits[i].ns;
    }
    return find(shares, thread, &groups, hits, &whole, result);
}

bool hop_shares_find_overlapping(const struct hop_shares *shares, const struct hop_overlap *overlap,
                                 const struct hop_hits *hits, size_t group_count,
                                 const struct hop_hits *whole, struct hop_share *result)
{
    const struct membership groups = {*overlap, group_count};
    return find(shares, HOP_ALL_THREADS, &groups, hits, whole, result);
}
