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

static int by_hits(const void *left, const void *right)
{
    const struct hop_row *a = left, *b = right;
    if (a->hits != b->hits)
        return a->hits > b->hits ? -1 : 1;
    return by_place(a, b);
}

static const char *last_part(const char *qualified_name)
{
    const char *dot = strrchr(qualified_name, '.');
    return dot && dot[1] ? dot + 1 : qualified_name;
}

/* Rows sorted by place that are the same but for the opcode in memory become one. */
static void join_specialised(struct hop_rows *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (kept && by_place(&rows->rows[kept - 1], &rows->rows[i]) == 0)
            rows->rows[kept - 1].hits += rows->rows[i].hits;
        else
            rows->rows[kept++] = rows->rows[i];
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
                    const struct hop_report_options *options, const char *short_file, uint64_t hits)
{
    if (hits == 0 || !hop_select_tracks(options, instruction))
        return;
    rows->rows[rows->count++] = (struct hop_row){
        .instruction = instruction,
        .name = hop_select_shown_name(options, instruction),
        .file = short_file,
        .function = last_part(instruction->function),
        .hits = hits,
    };
    rows->hits += hits;
}

bool hop_rows_init(struct hop_rows *rows, const struct hop_profile *profile,
                   const struct hop_report_options *options, const char *const *short_files,
                   const struct hop_thread_hits *hits, size_t hit_count)
{
    size_t most = hits ? hit_count : profile->instruction_count;
    *rows = (struct hop_rows){.rows = calloc(most + 1, sizeof(struct hop_row))};
    if (!rows->rows)
        return false;
    for (size_t i = 0; i < most; i++) {
        size_t index = hits ? hits[i].instruction : i;
        const struct hop_instruction *instruction = &profile->instructions[index];
        add_row(rows, instruction, options, short_files[index],
                hits ? hits[i].self : instruction->self);
    }
    qsort(rows->rows, rows->count, sizeof *rows->rows, by_place);
    join_specialised(rows);
    tell_apart(rows);
    qsort(rows->rows, rows->count, sizeof *rows->rows, by_hits);
    return true;
}

void hop_rows_deinit(struct hop_rows *rows)
{
    free(rows->rows);
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
    if (a->hits != b->hits)
        return a->hits > b->hits ? -1 : 1;
    return by_name(a, b);
}

bool hop_rows_by_name(const struct hop_rows *rows, struct hop_rows *joined)
{
    *joined = (struct hop_rows){.rows = calloc(rows->count + 1, sizeof(struct hop_row)),
                                .hits = rows->hits};
    if (!joined->rows)
        return false;
    for (size_t i = 0; i < rows->count; i++)
        joined->rows[i] = (struct hop_row){.name = rows->rows[i].name, .hits = rows->rows[i].hits};
    qsort(joined->rows, rows->count, sizeof *joined->rows, by_name);
    for (size_t i = 0; i < rows->count; i++) {
        struct hop_row *last = &joined->rows[joined->count - (joined->count > 0)];
        if (joined->count && strcmp(last->name, joined->rows[i].name) == 0)
            last->hits += joined->rows[i].hits;
        else
            joined->rows[joined->count++] = joined->rows[i];
    }
    qsort(joined->rows, joined->count, sizeof *joined->rows, by_hits_then_name);
    return true;
}
