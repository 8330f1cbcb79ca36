/* Numbers the instructions of a line that are called the same, see diff_ordinals.h. */
#include "profile/diff_ordinals.h"

#include <stdlib.h>
#include <string.h>

/* What became what in some version, as far as it is still one instruction. */
static const char *family_of(const char *opcode)
{
    static const struct {
        const char *begins, *family;
    } families[] = {
        {"CALL_INTRINSIC", NULL},
        {"CALL", "CALL"},
        {"PRECALL", "CALL"},
        {"LOAD_METHOD", "LOAD_ATTR"},
        {"BINARY_SLICE", NULL},
        {"BINARY_", "BINARY_OP"},
        {"INPLACE_", "BINARY_OP"},
        {"LOAD_FAST", "LOAD_FAST"},
        {"STORE_FAST", "STORE_FAST"},
        {"LOAD_CLOSURE", "LOAD_FAST"},
        {"LOAD_SMALL_INT", "LOAD_CONST"},
        {"LOAD_CONST", "LOAD_CONST"},
        {"RETURN_CONST", "RETURN_VALUE"},
        {"JUMP_", "JUMP"},
        {"POP_JUMP_", "POP_JUMP"},
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strncmp(opcode, families[i].begins, strlen(families[i].begins)) == 0)
            return families[i].family ? families[i].family : opcode;
    return opcode;
}

const char *hop_diff_name(const struct hop_diff_ordinals *ordinals, const char *base_opcode)
{
    return ordinals->is_same_bytecode ? base_opcode : family_of(base_opcode);
}

static int by_place(const void *left, const void *right)
{
    const struct hop_diff_op *a = left, *b = right;
    int order = (a->line > b->line) - (a->line < b->line);
    if (!order)
        order = strcmp(a->name, b->name);
    return order ? order : (a->offset > b->offset) - (a->offset < b->offset);
}

/* Returns how many there are. */
static size_t fill(const struct hop_diff_ordinals *ordinals, const struct hop_profile_code *code,
                   struct hop_diff_op *ops)
{
    size_t count = 0;
    for (size_t i = 0; code->ops && i < code->op_count; i++) {
        const struct hop_profile_op *op = &code->ops[i];
        if (ordinals->is_same_bytecode || strcmp(op->opcode, "PRECALL") != 0)
            ops[count++] =
                (struct hop_diff_op){op->line, hop_diff_name(ordinals, op->opcode), op->offset};
    }
    if (count)
        qsort(ops, count, sizeof *ops, by_place);
    return count;
}

bool hop_diff_ordinals_init(struct hop_diff_ordinals *ordinals, const struct hop_profile *profile,
                            bool is_same_bytecode)
{
    size_t room = 1;
    for (size_t i = 0; i < profile->code_count; i++)
        room += profile->codes[i].op_count;
    *ordinals = (struct hop_diff_ordinals){
        .profile = profile,
        .ops = calloc(room, sizeof *ordinals->ops),
        .first_of = calloc(profile->code_count + 1, sizeof *ordinals->first_of),
        .is_same_bytecode = is_same_bytecode,
    };
    if (!ordinals->ops || !ordinals->first_of) {
        hop_diff_ordinals_deinit(ordinals);
        return false;
    }
    for (size_t i = 0; i < profile->code_count; i++) {
        size_t first = ordinals->first_of[i];
        ordinals->first_of[i + 1] =
            first + fill(ordinals, &profile->codes[i], &ordinals->ops[first]);
    }
    return true;
}

void hop_diff_ordinals_deinit(struct hop_diff_ordinals *ordinals)
{
    free(ordinals->ops);
    free(ordinals->first_of);
    *ordinals = (struct hop_diff_ordinals){0};
}

/* The first of `count` that is not before `place`. */
static size_t lower_bound(const struct hop_diff_op *ops, size_t count,
                          const struct hop_diff_op *place)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_place(&ops[middle], place) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t hop_diff_ordinal(const struct hop_diff_ordinals *ordinals,
                          const struct hop_instruction *instruction)
{
    if (instruction->code >= ordinals->profile->code_count)
        return 0;
    size_t first = ordinals->first_of[instruction->code];
    size_t count = ordinals->first_of[instruction->code + 1] - first;
    const struct hop_diff_op place = {
        instruction->line, hop_diff_name(ordinals, instruction->base_opcode), instruction->offset};
    const struct hop_diff_op line = {place.line, place.name, 0};
    const struct hop_diff_op *ops = &ordinals->ops[first];
    return (uint32_t)(lower_bound(ops, count, &place) - lower_bound(ops, count, &line));
}
