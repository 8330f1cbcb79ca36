/* Compares two profiles, see diff.h: joins instructions of both to rows, and judges them. */
#include "profile/diff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- rows ------------------------------------------------------------------------------------- */

/* An instruction of one of the two profiles. */
struct entry {
    const struct hop_diff_place *place;
    const struct hop_instruction *instruction;
    bool is_after;
};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_entries(const struct entry *a, const struct entry *b, enum hop_diff_by by)
{
    int order = compare_numbers(a->place->function, b->place->function);
    if (!order && by != HOP_BY_FUNCTION)
        order = compare_numbers(a->place->line, b->place->line);
    if (!order && by == HOP_BY_INSTRUCTION)
        order = strcmp(a->place->opcode, b->place->opcode);
    if (!order && by == HOP_BY_INSTRUCTION)
        order = compare_numbers(a->place->ordinal, b->place->ordinal);
    return order;
}

/* Sorted for the finest table, the entries of a row of any other are neighbours too. */
static int by_place(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = compare_entries(a, b, HOP_BY_INSTRUCTION);
    if (!order)
        order = compare_numbers(a->is_after, b->is_after);
    return order ? order : (a->instruction > b->instruction) - (a->instruction < b->instruction);
}

struct entries {
    struct entry *entries;
    size_t count;
    uint32_t *group_before, *group_after; /* by instruction, for one table at a time */
};

static void add_entries(struct entries *entries, const struct hop_profile *profile,
                        const struct hop_diff_place *places, const bool *is_wanted, bool is_after)
{
    for (size_t i = 0; i < profile->instruction_count; i++)
        if (profile->instructions[i].self && (!is_wanted || is_wanted[i]))
            entries->entries[entries->count++] =
                (struct entry){&places[i], &profile->instructions[i], is_after};
}

static bool entries_init(struct entries *entries, const struct hop_diff *diff,
                         const bool *is_wanted_before, const bool *is_wanted_after)
{
    size_t before = diff->before->instruction_count, after = diff->after->instruction_count;
    *entries = (struct entries){
        .entries = calloc(before + after + 1, sizeof *entries->entries),
        .group_before = calloc(before + 1, sizeof *entries->group_before),
        .group_after = calloc(after + 1, sizeof *entries->group_after),
    };
    if (!entries->entries || !entries->group_before || !entries->group_after)
        return false;
    add_entries(entries, diff->before, diff->functions.before, is_wanted_before, false);
    add_entries(entries, diff->after, diff->functions.after, is_wanted_after, true);
    if (entries->count)
        qsort(entries->entries, entries->count, sizeof *entries->entries, by_place);
    return true;
}

static void entries_deinit(struct entries *entries)
{
    free(entries->entries);
    free(entries->group_before);
    free(entries->group_after);
}

static void add_hits(struct hop_hits *hits, const struct hop_instruction *instruction)
{
    hits->samples += instruction->self;
    hits->ns += instruction->self_ns;
}

/* Group 0 is whatever is not compared; row i is group i + 1. */
static void make_rows(struct hop_diff *diff, struct entries *entries, struct hop_diff_table *table)
{
    memset(entries->group_before, 0,
           diff->before->instruction_count * sizeof *entries->group_before);
    memset(entries->group_after, 0, diff->after->instruction_count * sizeof *entries->group_after);
    for (size_t i = 0; i < entries->count; i++) {
        const struct entry *entry = &entries->entries[i];
        if (i == 0 || compare_entries(entry - 1, entry, table->by) != 0)
            table->rows[table->count++].function =
                &diff->functions.functions[entry->place->function];
        struct hop_diff_row *row = &table->rows[table->count - 1];
        if (entry->is_after) {
            entries->group_after[entry->instruction - diff->after->instructions] =
                (uint32_t)table->count;
            row->after = row->after ? row->after : entry->instruction;
            add_hits(&row->hits_after, entry->instruction);
        } else {
            entries->group_before[entry->instruction - diff->before->instructions] =
                (uint32_t)table->count;
            row->before = row->before ? row->before : entry->instruction;
            add_hits(&row->hits_before, entry->instruction);
        }
    }
}

/* --- judgement -------------------------------------------------------------------------------- */

static bool find_shares(const struct hop_profile *profile, const uint32_t *group_of,
                        struct hop_diff_table *table, bool is_after)
{
    struct hop_shares shares;
    size_t groups = table->count + 1;
    struct hop_hits *hits = calloc(groups, sizeof *hits);
    struct hop_share *found = calloc(groups, sizeof *found);
    bool has_memory = hits && found && hop_shares_init(&shares, profile);
    if (has_memory) {
        hits[0] = (struct hop_hits){profile->samples, profile->samples_ns};
        for (size_t i = 0; i < table->count; i++) {
            hits[i + 1] = is_after ? table->rows[i].hits_after : table->rows[i].hits_before;
            hits[0].samples -= hits[i + 1].samples;
            hits[0].ns -= hits[i + 1].ns;
        }
        has_memory = hop_shares_find(&shares, HOP_ALL_THREADS, group_of, hits, groups, found);
        for (size_t i = 0; has_memory && i < table->count; i++)
            *(is_after ? &table->rows[i].share_after : &table->rows[i].share_before) = found[i + 1];
        hop_shares_deinit(&shares);
    }
    free(hits);
    free(found);
    return has_memory;
}

/* The time that a row's whole stands for. */
static double time_of(const struct hop_profile *profile)
{
    return (double)(profile->samples_ns ? profile->samples_ns : profile->samples);
}

/* What independent samples would tell as much, in the mean over what was hit. */
static void typical_samples(const struct hop_diff_table *table, double *before, double *after)
{
    double sum_before = 0, sum_after = 0;
    *before = *after = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct hop_diff_row *row = &table->rows[i];
        *before += row->share_before.share * row->share_before.samples;
        *after += row->share_after.share * row->share_after.samples;
        sum_before += row->share_before.share;
        sum_after += row->share_after.share;
    }
    *before = sum_before > 0 ? *before / sum_before : 0;
    *after = sum_after > 0 ? *after / sum_after : 0;
}

static bool judge(struct hop_diff *diff, struct hop_diff_table *table)
{
    struct hop_chance *chances = calloc(table->count + 1, sizeof *chances);
    double level = HOP_DIFF_LEVEL / (double)diff->table_count, before, after;
    for (size_t i = 0; chances && i < table->count; i++) {
        struct hop_diff_row *row = &table->rows[i];
        hop_chance_complete(&row->share_before, time_of(diff->before), &row->share_after,
                            time_of(diff->after));
        row->difference = row->share_after.share - row->share_before.share;
        row->interval = hop_chance_of_difference(&row->share_before, &row->share_after);
        chances[i] = hop_chance_of(&row->share_before, &row->share_after);
    }
    bool has_memory = chances && hop_chance_judge(chances, table->count, level, &table->telling);
    for (size_t i = 0; has_memory && i < table->count; i++) {
        table->rows[i].chance = chances[i];
        table->moved += chances[i].has_moved;
    }
    free(chances);
    typical_samples(table, &before, &after);
    table->detectable =
        hop_chance_detectable(HOP_DIFF_TYPICAL_SHARE, before, after, level, table->telling);
    return has_memory;
}

static int by_difference(const void *left, const void *right)
{
    const struct hop_diff_row *a = left, *b = right;
    double x = fabs(a->difference), y = fabs(b->difference);
    if (x != y)
        return x > y ? -1 : 1;
    int order = compare_numbers(a->function > b->function, a->function < b->function);
    if (!order && a->after && b->after)
        order = compare_numbers(a->after > b->after, a->after < b->after);
    if (!order && a->before && b->before)
        order = compare_numbers(a->before > b->before, a->before < b->before);
    return order;
}

static bool compare_by(struct hop_diff *diff, struct entries *entries, struct hop_diff_table *table)
{
    table->rows = calloc(entries->count + 1, sizeof *table->rows);
    if (!table->rows)
        return false;
    make_rows(diff, entries, table);
    if (!find_shares(diff->before, entries->group_before, table, false) ||
        !find_shares(diff->after, entries->group_after, table, true) || !judge(diff, table))
        return false;
    if (table->count)
        qsort(table->rows, table->count, sizeof *table->rows, by_difference);
    return true;
}

bool hop_diff_init(struct hop_diff *diff, const struct hop_profile *before,
                   const struct hop_profile *after, unsigned tables, const bool *is_wanted_before,
                   const bool *is_wanted_after)
{
    struct entries entries = {0};
    *diff = (struct hop_diff){.before = before, .after = after};
    for (unsigned by = 0; by < HOP_BY_COUNT; by++)
        if (tables & 1u << by)
            diff->tables[diff->table_count++].by = (enum hop_diff_by)by;
    bool has_memory = hop_diff_functions_init(&diff->functions, before, after) &&
                      entries_init(&entries, diff, is_wanted_before, is_wanted_after);
    for (size_t i = 0; has_memory && i < diff->table_count; i++)
        has_memory = compare_by(diff, &entries, &diff->tables[i]);
    entries_deinit(&entries);
    if (!has_memory)
        hop_diff_deinit(diff);
    return has_memory;
}

void hop_diff_deinit(struct hop_diff *diff)
{
    for (size_t i = 0; i < diff->table_count; i++)
        free(diff->tables[i].rows);
    hop_diff_functions_deinit(&diff->functions);
    *diff = (struct hop_diff){0};
}

bool hop_diff_exceeds(const struct hop_diff *diff, double share)
{
    for (size_t i = 0; i < diff->table_count; i++)
        for (size_t j = 0; j < diff->tables[i].count; j++) {
            const struct hop_diff_row *row = &diff->tables[i].rows[j];
            if (row->chance.has_moved && row->difference > share)
                return true;
        }
    return false;
}
