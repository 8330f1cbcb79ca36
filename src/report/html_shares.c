/* Joins instructions by place, expression, line, function and opcode, see html_shares.h. */
#include "report/html_shares.h"

#include <stdlib.h>
#include <string.h>

typedef int compare_fn(const struct hop_instruction *a, const struct hop_instruction *b);

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_forms(const struct hop_instruction *a, const struct hop_instruction *b)
{
    return compare_numbers(a - b, 0);
}

static int compare_places(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = compare_numbers(a->code, b->code);
    return order ? order : compare_numbers(a->offset, b->offset);
}

static int compare_files(const struct hop_instruction *a, const struct hop_instruction *b)
{
    return a->file == b->file ? 0 : strcmp(a->file, b->file);
}

int hop_html_line(const struct hop_instruction *row)
{
    return row->line > 0 ? row->line : row->first_line;
}

static int compare_lines(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = compare_numbers(hop_html_line(a), hop_html_line(b));
    return order ? order : compare_files(a, b);
}

static int compare_expressions(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = compare_lines(a, b);
    if (!order)
        order = compare_numbers(a->column, b->column);
    if (!order)
        order = compare_numbers(a->end_line, b->end_line);
    return order ? order : compare_numbers(a->end_column, b->end_column);
}

static int compare_functions(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = compare_numbers(a->first_line, b->first_line);
    if (!order)
        order = compare_files(a, b);
    return order || a->function == b->function ? order : strcmp(a->function, b->function);
}

static int compare_opcodes(const struct hop_instruction *a, const struct hop_instruction *b)
{
    return strcmp(a->base_opcode, b->base_opcode);
}

static compare_fn *const compare[HOP_HTML_GROUPING_COUNT] = {
    [HOP_HTML_BY_FORM] = compare_forms,
    [HOP_HTML_BY_PLACE] = compare_places,
    [HOP_HTML_BY_EXPRESSION] = compare_expressions,
    [HOP_HTML_BY_LINE] = compare_lines,
    [HOP_HTML_BY_FUNCTION] = compare_functions,
    [HOP_HTML_BY_OPCODE] = compare_opcodes,
};

static int compare_with(const void *a, const void *b, void *how)
{
    const struct hop_instruction *x = *(const struct hop_instruction *const *)a;
    const struct hop_instruction *y = *(const struct hop_instruction *const *)b;
    int order = (*(compare_fn *const *)how)(x, y);
    return order ? order : compare_numbers(x - y, 0);
}

/* `order` holds each instruction once. Groups are numbered in the order of their comparison. */
static bool group(struct hop_html_group *into, const struct hop_shares *shares,
                  const struct hop_instruction **order, compare_fn *how)
{
    const struct hop_profile *profile = shares->profile;
    size_t room = profile->instruction_count + 1;
    struct hop_hits *hits = calloc(room, sizeof *hits);
    into->group_of = calloc(room, sizeof *into->group_of);
    into->shares = calloc(room, sizeof *into->shares);
    bool has_memory = hits && into->group_of && into->shares;
    if (has_memory) {
        qsort_r(order, profile->instruction_count, sizeof *order, compare_with, &how);
        for (size_t i = 0; i < profile->instruction_count; i++) {
            if (i == 0 || how(order[i - 1], order[i]) != 0)
                into->count++;
            into->group_of[order[i] - profile->instructions] = (uint32_t)(into->count - 1);
            hits[into->count - 1].samples += order[i]->self;
            hits[into->count - 1].ns += order[i]->self_ns;
        }
        has_memory = hop_shares_find(shares, HOP_ALL_THREADS, into->group_of, hits, into->count,
                                     into->shares);
    }
    free(hits);
    return has_memory;
}

bool hop_html_groups_init(struct hop_html_group groups[HOP_HTML_GROUPING_COUNT],
                          const struct hop_profile *profile)
{
    size_t count = profile->instruction_count;
    const struct hop_instruction **order = calloc(count + 1, sizeof *order);
    struct hop_shares shares;
    memset(groups, 0, HOP_HTML_GROUPING_COUNT * sizeof *groups);
    if (!order || !hop_shares_init(&shares, profile)) {
        free(order);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        order[i] = &profile->instructions[i];
    bool has_memory = true;
    for (int i = 0; has_memory && i < HOP_HTML_GROUPING_COUNT; i++)
        has_memory = group(&groups[i], &shares, order, compare[i]);
    hop_shares_deinit(&shares);
    free(order);
    if (!has_memory)
        hop_html_groups_deinit(groups);
    return has_memory;
}

void hop_html_groups_deinit(struct hop_html_group groups[HOP_HTML_GROUPING_COUNT])
{
    for (int i = 0; i < HOP_HTML_GROUPING_COUNT; i++) {
        free(groups[i].group_of);
        free(groups[i].shares);
    }
    memset(groups, 0, HOP_HTML_GROUPING_COUNT * sizeof *groups);
}
