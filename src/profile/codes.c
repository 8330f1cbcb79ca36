/* Joins a profile's code objects that are the same but for their place in memory. */
#include "profile/codes.h"

#include <stdlib.h>
#include <string.h>

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

void hop_profile_codes_fill_missing(struct hop_profile *profile)
{
    for (size_t i = 0; i < profile->code_count; i++) {
        struct hop_profile_code *code = &profile->codes[i];
        code->function = or_empty(code->function);
        code->file = or_empty(code->file);
        code->first_line = code->first_line > 0 ? code->first_line : 0;
        for (size_t j = 0; j < code->op_count; j++) {
            code->ops[j].opcode = or_empty(code->ops[j].opcode);
            code->ops[j].argument = or_empty(code->ops[j].argument);
        }
    }
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_ops(const struct hop_profile_op *a, const struct hop_profile_op *b)
{
    int order = compare_numbers(a->offset, b->offset);
    if (!order)
        order = compare_numbers(a->oparg, b->oparg);
    if (!order)
        order = compare_numbers(a->line, b->line);
    if (!order)
        order = compare_numbers(a->end_line, b->end_line);
    if (!order)
        order = compare_numbers(a->column, b->column);
    if (!order)
        order = compare_numbers(a->end_column, b->end_column);
    if (!order)
        order = strcmp(a->opcode, b->opcode);
    return order ? order : strcmp(a->argument, b->argument);
}

static int compare_codes(const struct hop_profile_code *a, const struct hop_profile_code *b)
{
    int order = strcmp(a->file, b->file);
    if (!order)
        order = compare_numbers(a->first_line, b->first_line);
    if (!order)
        order = strcmp(a->function, b->function);
    if (!order)
        order = compare_numbers((int64_t)a->op_count, (int64_t)b->op_count);
    for (size_t i = 0; !order && i < a->op_count; i++)
        order = compare_ops(&a->ops[i], &b->ops[i]);
    return order;
}

/* Pointers into the caller's array, so that each one's old index stays known. */
static int by_content(const void *a, const void *b)
{
    return compare_codes(*(struct hop_profile_code *const *)a,
                         *(struct hop_profile_code *const *)b);
}

static void join(struct hop_profile *profile, struct hop_profile_code **order,
                 struct hop_profile_code *scratch, uint32_t *new_index)
{
    struct hop_profile_code *codes = profile->codes;
    size_t kept = 0;
    for (size_t i = 0; i < profile->code_count; i++)
        order[i] = &codes[i];
    qsort(order, profile->code_count, sizeof(*order), by_content);
    for (size_t i = 0; i < profile->code_count; i++) {
        if (i == 0 || compare_codes(order[i - 1], order[i]) != 0)
            scratch[kept++] = *order[i];
        new_index[order[i] - codes] = (uint32_t)(kept - 1);
    }
    memcpy(codes, scratch, kept * sizeof *codes);
    profile->code_count = kept;
    for (size_t i = 0; i < profile->instruction_count; i++)
        profile->instructions[i].code = new_index[profile->instructions[i].code];
}

bool hop_profile_codes_join(struct hop_profile *profile)
{
    size_t count = profile->code_count;
    if (count == 0)
        return true;
    struct hop_profile_code **order = calloc(count, sizeof(*order));
    struct hop_profile_code *scratch = calloc(count, sizeof *scratch);
    uint32_t *new_index = calloc(count, sizeof *new_index);
    bool has_memory = order && scratch && new_index;
    if (has_memory)
        join(profile, order, scratch, new_index);
    free(order);
    free(scratch);
    free(new_index);
    return has_memory;
}
