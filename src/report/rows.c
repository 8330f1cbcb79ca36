/* Makes the rows of the text report, see rows.h; how they are laid out is text.c's. */
#include "report/rows.h"

#include "report/select.h"

#include <stdlib.h>
#include <string.h>

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* What a row shows at the least; what tells it from others that show the same. */
static int compare_shown(const struct hop_row *a, const struct hop_row *b)
{
    int order = strcmp(a->file, b->file);
    if (!order)
        order = compare_numbers(a->instruction->line, b->instruction->line);
    if (!order)
        order = strcmp(a->function, b->function);
    return order ? order : strcmp(a->name, b->name);
}

static int compare_columns(const struct hop_row *a, const struct hop_row *b)
{
    return compare_numbers(a->instruction->column, b->instruction->column);
}

static int compare_ends(const struct hop_row *a, const struct hop_row *b)
{
    int order = compare_numbers(a->instruction->end_line, b->instruction->end_line);
    return order ? order : compare_numbers(a->instruction->end_column, b->instruction->end_column);
}

static int compare_offsets(const struct hop_row *a, const struct hop_row *b)
{
    return compare_numbers(a->instruction->offset, b->instruction->offset);
}

static int compare_functions(const struct hop_row *a, const struct hop_row *b)
{
    int order = strcmp(a->instruction->function, b->instruction->function);
    return order ? order : compare_numbers(a->instruction->first_line, b->instruction->first_line);
}

static int by_place(const void *left, const void *right)
{
    const struct hop_row *a = left, *b = right;
    int order = compare_shown(a, b);
    if (!order)
        order = compare_columns(a, b);
    if (!order)
        order = compare_ends(a, b);
    if (!order)
        order = compare_functions(a, b);
    return order ? order : compare_offsets(a, b);
}

/* The most first: in time, which where all samples stand for as much is in samples too. */
static int compare_hits(const struct hop_row *a, const struct hop_row *b)
{
    if (a->hits.ns != b->hits.ns)
        return a->hits.ns > b->hits.ns ? -1 : 1;
    return (a->hits.samples < b->hits.samples) - (a->hits.samples > b->hits.samples);
}

static void add_hits(struct hop_hits *sum, const struct hop_hits *hits)
{
    sum->samples += hits->samples;
    sum->ns += hits->ns;
}

static int by_hits(const void *left, const void *right)
{
    const struct hop_row *a = left, *b = right;
    int order = compare_hits(a, b);
    return order ? order : by_place(a, b);
}

static const char *last_part(const char *qualified_name)
{
    const char *dot = strrchr(qualified_name, '.');
    return dot && dot[1] ? dot + 1 : qualified_name;
}

/* Rows sorted by place that are the same but for the opcode in memory become one, each a group. */
static void join_specialised(struct hop_rows *rows, const struct hop_profile *profile)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (kept && by_place(&rows->rows[kept - 1], &rows->rows[i]) == 0)
            add_hits(&rows->rows[kept - 1].hits, &rows->rows[i].hits);
        else
            rows->rows[kept++] = rows->rows[i];
        rows->rows[kept - 1].group = (uint32_t)(kept - 1);
        rows->group_of[rows->rows[i].instruction - profile->instructions] = (uint32_t)(kept - 1);
    }
    rows->count = kept;
}

/* In rows sorted by place those that would look alike are neighbours. */
static void tell_apart(struct hop_rows *rows)
{
    for (size_t i = 1; i < rows->count; i++) {
        struct hop_row *a = &rows->rows[i - 1], *b = &rows->rows[i];
        if (compare_shown(a, b) != 0)
            continue;
        a->needs_column = b->needs_column = true;
        if (compare_columns(a, b) != 0)
            continue;
        if (compare_ends(a, b) != 0)
            a->needs_end = b->needs_end = true;
        else if (strcmp(a->instruction->function, b->instruction->function) != 0)
            a->needs_qualified_name = b->needs_qualified_name = true;
        else
            a->needs_offset = b->needs_offset = true;
    }
}

static void add_row(struct hop_rows *rows, const struct hop_instruction *instruction,
                    const struct hop_report_options *options, const char *short_file,
                    struct hop_hits hits)
{
    if (hits.samples == 0 || !hop_select_tracks(options, instruction))
        return;
    rows->rows[rows->count++] = (struct hop_row){
        .instruction = instruction,
        .name = hop_select_shown_name(options, instruction),
        .file = short_file,
        .function = last_part(instruction->function),
        .hits = hits,
    };
    add_hits(&rows->hits, &hits);
}

/* Fills the rows' shares; rows are in any order. */
static bool find_shares(struct hop_rows *rows, const struct hop_shares *shares)
{
    struct hop_hits *hits = calloc(rows->count + 1, sizeof *hits);
    struct hop_share *found = calloc(rows->count + 1, sizeof *found);
    bool has_memory = hits && found;
    for (size_t i = 0; has_memory && i < rows->count; i++)
        hits[rows->rows[i].group] = rows->rows[i].hits;
    has_memory = has_memory &&
                 hop_shares_find(shares, rows->thread, rows->group_of, hits, rows->count, found);
    for (size_t i = 0; has_memory && i < rows->count; i++)
        rows->rows[i].share = found[rows->rows[i].group];
    free(hits);
    free(found);
    return has_memory;
}

static bool reserve(struct hop_rows *rows, const struct hop_profile *profile, size_t row_count)
{
    size_t instructions = profile->instruction_count;
    *rows = (struct hop_rows){
        .rows = calloc(row_count + 1, sizeof(struct hop_row)),
        .group_of = calloc(instructions + 1, sizeof(uint32_t)),
    };
    for (size_t i = 0; rows->group_of && i < instructions; i++)
        rows->group_of[i] = HOP_NO_GROUP;
    return rows->rows && rows->group_of;
}

bool hop_rows_init(struct hop_rows *rows, const struct hop_shares *shares,
                   const struct hop_report_options *options, const char *const *short_files,
                   const struct hop_thread_hits *hits, size_t hit_count)
{
    const struct hop_profile *profile = shares->profile;
    size_t most = hits ? hit_count : profile->instruction_count;
    bool has_memory = reserve(rows, profile, most);
    rows->thread = hits ? hits->thread : HOP_ALL_THREADS;
    for (size_t i = 0; has_memory && i < most; i++) {
        size_t index = hits ? hits[i].instruction : i;
        const struct hop_instruction *instruction = &profile->instructions[index];
        struct hop_hits counted = {hits ? hits[i].self : instruction->self,
                                   hits ? hits[i].self_ns : instruction->self_ns};
        add_row(rows, instruction, options, short_files[index], counted);
    }
    if (has_memory) {
        qsort(rows->rows, rows->count, sizeof *rows->rows, by_place);
        join_specialised(rows, profile);
        tell_apart(rows);
        qsort(rows->rows, rows->count, sizeof *rows->rows, by_hits);
        has_memory = find_shares(rows, shares);
    }
    if (!has_memory)
        hop_rows_deinit(rows);
    return has_memory;
}

void hop_rows_deinit(struct hop_rows *rows)
{
    free(rows->rows);
    free(rows->group_of);
    *rows = (struct hop_rows){0};
}

static int by_name(const void *left, const void *right)
{
    const struct hop_row *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static int by_hits_then_name(const void *left, const void *right)
{
    const struct hop_row *a = left, *b = right;
    int order = compare_hits(a, b);
    return order ? order : by_name(a, b);
}

bool hop_rows_by_name(const struct hop_rows *rows, const struct hop_shares *shares,
                      struct hop_rows *joined)
{
    const struct hop_profile *profile = shares->profile;
    uint32_t *joined_of = calloc(rows->count + 1, sizeof *joined_of); /* by group of `rows` */
    bool has_memory = reserve(joined, profile, rows->count) && joined_of;
    joined->hits = rows->hits;
    joined->thread = rows->thread;
    if (has_memory) {
        for (size_t i = 0; i < rows->count; i++)
            joined->rows[i] = (struct hop_row){.name = rows->rows[i].name,
                                               .hits = rows->rows[i].hits,
                                               .group = rows->rows[i].group};
        qsort(joined->rows, rows->count, sizeof *joined->rows, by_name);
        for (size_t i = 0; i < rows->count; i++) {
            struct hop_row row = joined->rows[i];
            struct hop_row *last = &joined->rows[joined->count - (joined->count > 0)];
            if (joined->count && strcmp(last->name, row.name) == 0)
                add_hits(&last->hits, &row.hits);
            else
                joined->rows[joined->count++] = row;
            joined_of[row.group] = (uint32_t)(joined->count - 1);
        }
        for (size_t i = 0; i < joined->count; i++)
            joined->rows[i].group = (uint32_t)i;
        for (size_t i = 0; i < profile->instruction_count; i++)
            if (rows->group_of[i] != HOP_NO_GROUP)
                joined->group_of[i] = joined_of[rows->group_of[i]];
        qsort(joined->rows, joined->count, sizeof *joined->rows, by_hits_then_name);
        has_memory = find_shares(joined, shares);
    }
    free(joined_of);
    if (!has_memory)
        hop_rows_deinit(joined);
    return has_memory;
}

bool hop_rows_share_of_all(const struct hop_rows *rows, const struct hop_shares *shares,
                           const struct hop_hits *whole, struct hop_share *share)
{
    size_t count = shares->profile->instruction_count;
    uint32_t *is_other = calloc(count + 1, sizeof *is_other);
    struct hop_hits hits[] = {rows->hits,
                              {whole->samples - rows->hits.samples, whole->ns - rows->hits.ns}};
    struct hop_share found[2];
    for (size_t i = 0; is_other && i < count; i++)
        is_other[i] = rows->group_of[i] == HOP_NO_GROUP;
    bool has_memory = is_other && hop_shares_find(shares, rows->thread, is_other, hits, 2, found);
    free(is_other);
    if (has_memory)
        *share = found[0];
    return has_memory;
}
