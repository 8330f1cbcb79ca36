/* Bytecode in a profile's file: whatever it is, it comes back as it was; and what can be guessed
 * takes no room. */
#include "support/large_profile.h"
#include "support/profile_file.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { CODES = 40, OPS = 50, INSTRUCTIONS = 300 };

static unsigned below(unsigned limit)
{
    static uint64_t state = 88172645463325252;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % limit);
}

static const char *some_argument(struct hop_arena *arena)
{
    static const char *const some[] = {
        "",
        "self",
        "x + NULL|self",
        "to",
        "to ",
        "to 12 ",
        "to 012",
        "to -1",
        "to 7x",
        "to 4294967296",
        "+",
        "to 4294967295",
        "'to 4'",
        "\xc3\xa4\xf0\x9f\x90\x8d",
        " + NULL",
        "to 0",
    };
    switch (below(4)) {
    case 0:
        return hop_arena_printf(arena, "to %u", below(5000));
    case 1:
        return hop_arena_printf(arena, "name_%u", below(20));
    default:
        return some[below(sizeof some / sizeof *some)];
    }
}

static struct hop_profile_op some_op(struct hop_arena *arena, const struct hop_profile_op *last)
{
    static const char *const opcodes[] = {"CALL", "LOAD_FAST", "JUMP_BACKWARD", "", "LOAD_CONST"};
    struct hop_profile_op op = {
        .offset = last ? last->offset + 1 + below(below(5) ? 4 : 100000) : below(3),
        .opcode = opcodes[below(5)],
        .oparg = below(9) ? (int64_t)below(6) - 1 : UINT32_MAX,
        .argument = some_argument(arena),
    };
    if (last && below(3)) {
        op.line = last->line;
        op.end_line = last->end_line;
        op.column = last->column;
        op.end_column = last->end_column;
    }
    if (!last || below(2)) {
        op.line = below(9) ? (int)below(300) : INT32_MAX;
        op.end_line = below(3) ? op.line : (int)below(300);
    }
    if (!last || below(2)) {
        op.column = below(9) ? (int)below(100) - 1 : INT32_MAX;
        op.end_column = below(9) ? (int)below(100) - 1 : INT32_MAX;
    }
    return op;
}

/* As an op says, or nearly so. */
static struct hop_instruction some_instruction(const struct hop_profile *profile)
{
    uint32_t number = below(CODES);
    const struct hop_profile_code *code = &profile->codes[number];
    struct hop_profile_op op = {.opcode = "NOP", .oparg = 3, .line = 4, .column = -1};
    if (code->op_count)
        op = code->ops[below(OPS)];
    op.offset += below(9) == 0;
    op.oparg -= below(9) == 0 && op.oparg >= 0;
    op.line -= below(9) == 0 && op.line > 0;
    op.end_column += below(9) == 0 && op.end_column < 100;
    return (struct hop_instruction){.function = code->function,
                                    .file = code->file,
                                    .first_line = code->first_line,
                                    .code = number,
                                    .offset = op.offset,
                                    .opcode = below(3) ? op.opcode : "SPECIALISED",
                                    .base_opcode = below(9) ? op.opcode : "ANOTHER",
                                    .oparg = op.oparg,
                                    .line = op.line,
                                    .end_line = op.end_line,
                                    .column = op.column,
                                    .end_column = op.end_column,
                                    .is_tracked = below(2)};
}

static struct hop_profile *make_profile(void)
{
    struct hop_profile *profile = calloc(1, sizeof *profile);
    cr_assert_not_null(profile);
    struct hop_arena *arena = &profile->arena;
    hop_arena_init(arena, (size_t)1 << 28);
    profile->python = profile->command_line = profile->mode = profile->way = "";
    profile->threads = hop_arena_alloc(arena, sizeof *profile->threads);
    profile->threads[profile->thread_count++].tid = 1;
    profile->codes = hop_arena_alloc(arena, CODES * sizeof *profile->codes);
    for (int i = 0; i < CODES; i++) {
        struct hop_profile_code *code = &profile->codes[profile->code_count++];
        code->function = hop_arena_printf(arena, "name_%d", i);
        code->file = "x.py";
        code->first_line = (int)below(300);
        code->op_count = i % 5 ? OPS : 0; /* bytecode that could not be read */
        code->ops = hop_arena_alloc(arena, OPS * sizeof *code->ops);
        for (size_t j = 0; j < code->op_count; j++)
            code->ops[j] = some_op(arena, j ? &code->ops[j - 1] : NULL);
    }
    profile->instructions = hop_arena_alloc(arena, INSTRUCTIONS * sizeof *profile->instructions);
    profile->nodes = hop_arena_alloc(arena, (INSTRUCTIONS + 1) * sizeof *profile->nodes);
    profile->node_count = 1;
    for (uint32_t i = 0; i < INSTRUCTIONS; i++) {
        profile->instructions[profile->instruction_count++] = some_instruction(profile);
        profile->nodes[profile->node_count++] = (struct hop_profile_node){
            .parent = below(i + 1), .instruction = i, .self = i + 1, .self_ns = i};
    }
    cr_assert(hop_profile_finish(profile));
    return profile;
}

static void assert_same_code(const struct hop_profile_code *a, const struct hop_profile_code *b)
{
    cr_assert_str_eq(a->function, b->function);
    cr_assert_eq(a->first_line, b->first_line);
    cr_assert_eq(a->op_count, b->op_count);
    for (size_t i = 0; i < a->op_count; i++) {
        const struct hop_profile_op *x = &a->ops[i], *y = &b->ops[i];
        cr_assert(x->offset == y->offset && x->oparg == y->oparg && x->line == y->line &&
                      x->end_line == y->end_line && x->column == y->column &&
                      x->end_column == y->end_column,
                  "%s, op %zu", a->function, i);
        cr_assert_str_eq(x->opcode, y->opcode);
        cr_assert_str_eq(x->argument, y->argument);
    }
}

static void assert_same_instruction(const struct hop_instruction *a,
                                    const struct hop_instruction *b)
{
    cr_assert_str_eq(a->function, b->function);
    cr_assert_str_eq(a->file, b->file);
    cr_assert_str_eq(a->opcode, b->opcode);
    cr_assert_str_eq(a->base_opcode, b->base_opcode);
    cr_assert(a->code == b->code && a->offset == b->offset && a->oparg == b->oparg &&
              a->line == b->line && a->end_line == b->end_line && a->column == b->column &&
              a->end_column == b->end_column && a->is_tracked == b->is_tracked &&
              a->self == b->self && a->on_stack == b->on_stack);
}

Test(file_ops, any_bytecode_comes_back_as_it_was)
{
    for (int round = 0; round < 20; round++) {
        struct hop_profile *profile = make_profile(), *copy;
        struct hop_error err = {0};
        size_t size;
        char *bytes = profile_file_written(profile, &size);
        cr_assert_eq(profile_file_read(bytes, size, &copy, &err), HOP_OK, "%s", err.message);
        cr_assert_eq(copy->code_count, profile->code_count);
        cr_assert_eq(copy->instruction_count, profile->instruction_count);
        for (size_t i = 0; i < profile->code_count; i++)
            assert_same_code(&profile->codes[i], &copy->codes[i]);
        for (size_t i = 0; i < profile->instruction_count; i++)
            assert_same_instruction(&profile->instructions[i], &copy->instructions[i]);
        free(bytes);
        hop_profile_destroy(copy);
        hop_profile_destroy(profile);
    }
}

/* print(self.name), in a loop. */
static struct hop_profile_op print_name[] = {
    {0, "LOAD_GLOBAL", 1, "print + NULL", 5, 5, 4, 9},
    {10, "LOAD_FAST", 0, "self", 5, 5, 10, 14},
    {12, "LOAD_ATTR", 2, "name", 5, 5, 10, 19},
    {32, "CALL", 1, "", 5, 5, 4, 20},
    {40, "POP_TOP", -1, "", 5, 5, 4, 20},
    {42, "JUMP_BACKWARD", 21, "to 0", 5, 5, 4, 20},
};

enum { LIKE_IT = 100, ITS_OPS = sizeof print_name / sizeof *print_name };

static size_t not_zero(const int64_t *column, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += column[i] != 0;
    return found;
}

/* What is in the file beyond opcodes is what the first code object taught, but for the bracket
 * behind each call's arguments, and where on the line a name begins. */
static void look_at_columns(Hop__Pprof__Heavyops *file)
{
    const Hop__Pprof__Codes *codes = file->codes;
    cr_assert_eq(codes->n_opcode, LIKE_IT * ITS_OPS);
    cr_assert_eq(codes->n_opcode_text, ITS_OPS);
    cr_assert_eq(codes->argument_text.len, sizeof "print + NULL" + sizeof "self" + sizeof "name");
    size_t arguments = 0;
    for (size_t i = 0; i < codes->n_argument; i++)
        arguments += codes->argument[i] != 0;
    cr_expect_eq(arguments, 4, "%zu", arguments);          /* the names, and that it is a jump */
    cr_expect_eq(not_zero(codes->step, codes->n_step), 3); /* of what has caches */
    cr_expect_leq(not_zero(codes->oparg, codes->n_oparg), ITS_OPS);
    cr_expect_eq(not_zero(codes->target, codes->n_target), 1);
    cr_expect_eq(codes->n_target, LIKE_IT);
    cr_expect_eq(codes->n_line, LIKE_IT * 4);
    cr_expect_eq(not_zero(codes->end, codes->n_end), LIKE_IT);
    cr_expect_eq(not_zero(codes->column, codes->n_column), LIKE_IT * 3);
}

Test(file_ops, what_can_be_guessed_is_not_written)
{
    const struct large_shape shape = {
        .stacks = 10, .depth = 3, .files = LIKE_IT / 10, .threads = 1};
    struct hop_profile *profile = make_large_profile(&shape);
    size_t size, changed_size;
    cr_assert_eq(profile->code_count, LIKE_IT);
    for (size_t i = 0; i < profile->code_count; i++) {
        profile->codes[i].ops = print_name;
        profile->codes[i].op_count = ITS_OPS;
    }
    uint8_t *plain = profile_file_plain(profile, &size);
    free(profile_file_changed(plain, size, look_at_columns, &changed_size));
    free(plain);
    hop_profile_destroy(profile);
}
