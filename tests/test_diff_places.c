/* What is the same in two profiles: functions, lines and instructions keep their identity through
 * edits, moves of files and new versions of Python. */
#include "profile/diff_functions.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A function, an instruction of each of its operations being hit. */
struct code {
    const char *file, *function;
    int first_line;
    struct hop_profile_op ops[16]; /* up to one without an opcode */
};

static struct hop_profile *profile_of(const char *python, const struct code *codes, size_t count)
{
    struct hop_profile *profile = calloc(1, sizeof *profile);
    cr_assert_not_null(profile);
    hop_arena_init(&profile->arena, 1 << 20);
    profile->python = python;
    profile->codes = hop_arena_alloc(&profile->arena, count * sizeof *profile->codes);
    profile->instructions =
        hop_arena_alloc(&profile->arena, count * 16 * sizeof *profile->instructions);
    profile->nodes = hop_arena_alloc(&profile->arena, (count * 16 + 1) * sizeof *profile->nodes);
    profile->threads = hop_arena_alloc(&profile->arena, sizeof *profile->threads);
    profile->thread_count = 1;
    profile->node_count = 1; /* the thread's root */
    for (size_t i = 0; i < count; i++) {
        struct hop_profile_code *code = &profile->codes[profile->code_count++];
        *code = (struct hop_profile_code){.function = codes[i].function,
                                          .file = codes[i].file,
                                          .first_line = codes[i].first_line};
        code->ops = hop_arena_copy(&profile->arena, codes[i].ops, sizeof codes[i].ops);
        while (code->op_count < 16 && code->ops[code->op_count].opcode) {
            struct hop_profile_op *op = &code->ops[code->op_count];
            op->offset = (uint32_t)(2 * code->op_count++);
            uint32_t row = (uint32_t)profile->instruction_count++;
            profile->instructions[row] = (struct hop_instruction){.function = code->function,
                                                                  .file = code->file,
                                                                  .first_line = code->first_line,
                                                                  .offset = op->offset,
                                                                  .opcode = op->opcode,
                                                                  .base_opcode = op->opcode,
                                                                  .line = op->line,
                                                                  .code = (uint32_t)i};
            profile->nodes[profile->node_count++] = (struct hop_profile_node){0, row, 1, 1};
        }
    }
    cr_assert(hop_profile_finish(profile));
    return profile;
}

struct comparison {
    struct hop_profile *before, *after;
    struct hop_diff_functions functions;
};

static void compare(struct comparison *comparison, struct hop_profile *before,
                    struct hop_profile *after)
{
    *comparison = (struct comparison){.before = before, .after = after};
    cr_assert(hop_diff_functions_init(&comparison->functions, before, after));
}

static void comparison_end(struct comparison *comparison)
{
    hop_diff_functions_deinit(&comparison->functions);
    hop_profile_destroy(comparison->before);
    hop_profile_destroy(comparison->after);
}

/* The instruction of `profile` on a line, the `number`-th of its opcode there. */
static size_t find(const struct hop_profile *profile, int line, const char *opcode, size_t number)
{
    size_t best = SIZE_MAX;
    for (size_t passed = 0; passed <= number; passed++) {
        size_t next = SIZE_MAX;
        for (size_t i = 0; i < profile->instruction_count; i++) {
            const struct hop_instruction *at = &profile->instructions[i];
            bool is_behind = best == SIZE_MAX || at->offset > profile->instructions[best].offset;
            if (at->line == line && strcmp(at->opcode, opcode) == 0 && is_behind &&
                (next == SIZE_MAX || at->offset < profile->instructions[next].offset))
                next = i;
        }
        cr_assert_neq(next, SIZE_MAX, "no %s on line %d", opcode, line);
        best = next;
    }
    return best;
}

static const struct hop_diff_place *place_of(const struct hop_profile *profile,
                                             const struct hop_diff_place *places, int line)
{
    for (size_t i = 0; i < profile->instruction_count; i++)
        if (profile->instructions[i].line == line)
            return &places[i];
    cr_assert(false, "nothing is at line %d", line);
    return NULL;
}

static bool is_same_function(const struct comparison *comparison, int before, int after)
{
    return place_of(comparison->before, comparison->functions.before, before)->function ==
           place_of(comparison->after, comparison->functions.after, after)->function;
}

static bool is_same_line(const struct comparison *comparison, int before, int after)
{
    const struct hop_diff_place *a = NULL, *b = NULL;
    for (size_t i = 0; i < comparison->before->instruction_count; i++)
        if (comparison->before->instructions[i].line == before)
            a = &comparison->functions.before[i];
    for (size_t i = 0; i < comparison->after->instruction_count; i++)
        if (comparison->after->instructions[i].line == after)
            b = &comparison->functions.after[i];
    cr_assert(a && b);
    return a->function == b->function && a->line == b->line;
}

static bool is_same_instruction(const struct comparison *comparison, size_t before, size_t after)
{
    const struct hop_diff_place *a = &comparison->functions.before[before];
    const struct hop_diff_place *b = &comparison->functions.after[after];
    return a->function == b->function && a->line == b->line && a->ordinal == b->ordinal &&
           strcmp(a->opcode, b->opcode) == 0;
}

#define OP(line_, opcode_, argument_)                                                              \
    {                                                                                              \
        .line = line_, .end_line = line_, .opcode = opcode_, .argument = argument_, .oparg = 1     \
    }

static const struct code work = {"/srv/app.py",
                                 "Box.work",
                                 10,
                                 {OP(10, "RESUME", ""), OP(11, "LOAD_FAST", "a"),
                                  OP(11, "LOAD_FAST", "b"), OP(11, "BINARY_OP", "+"),
                                  OP(12, "LOAD_GLOBAL", "len"), OP(12, "CALL", ""),
                                  OP(13, "LOAD_FAST", "c"), OP(13, "RETURN_VALUE", "")}};

static struct code shifted(const struct code *code, int lines)
{
    struct code moved = *code;
    moved.first_line += lines;
    for (size_t i = 0; moved.ops[i].opcode; i++)
        moved.ops[i].line += lines;
    return moved;
}

Test(diff_places, edits_above_a_function_change_nothing)
{
    struct comparison comparison;
    const struct code moved = shifted(&work, 30);
    compare(&comparison, profile_of("3.13.0", &work, 1), profile_of("3.13.1", &moved, 1));
    cr_assert_eq(comparison.functions.count, 1);
    for (size_t i = 0; i < comparison.before->instruction_count; i++) {
        const struct hop_instruction *at = &comparison.before->instructions[i];
        size_t same = 0;
        for (size_t j = 0; j < comparison.after->instruction_count; j++)
            if (is_same_instruction(&comparison, i, j)) {
                same++;
                cr_assert_eq(comparison.after->instructions[j].offset, at->offset);
                cr_assert_eq(comparison.after->instructions[j].line, at->line + 30);
            }
        cr_assert_eq(same, 1);
    }
    comparison_end(&comparison);
}

Test(diff_places, a_line_put_between_others_is_the_only_new_one)
{
    struct comparison comparison;
    const struct code after = {"/srv/app.py",
                               "Box.work",
                               10,
                               {OP(10, "RESUME", ""), OP(11, "LOAD_FAST", "a"),
                                OP(11, "LOAD_FAST", "b"), OP(11, "BINARY_OP", "+"),
                                OP(12, "LOAD_FAST", "a"), OP(12, "BUILD_LIST", ""),
                                OP(13, "LOAD_GLOBAL", "len"), OP(13, "CALL", ""),
                                OP(15, "LOAD_FAST", "c"), OP(15, "RETURN_VALUE", "")}};
    compare(&comparison, profile_of("3.13.0", &work, 1), profile_of("3.13.0", &after, 1));
    cr_assert(is_same_line(&comparison, 11, 11));
    cr_assert(is_same_line(&comparison, 12, 13));
    cr_assert(is_same_line(&comparison, 13, 15)); /* there is a comment above it, too */
    for (int line = 10; line <= 13; line++)
        cr_assert_not(is_same_line(&comparison, line, 12));
    comparison_end(&comparison);
}

Test(diff_places, an_edited_line_stays_the_same)
{
    struct comparison comparison;
    struct code after = work;
    after.ops[4] = (struct hop_profile_op)OP(12, "LOAD_DEREF", "size");
    compare(&comparison, profile_of("3.13.0", &work, 1), profile_of("3.13.0", &after, 1));
    for (int line = 10; line <= 13; line++)
        cr_assert(is_same_line(&comparison, line, line));
    comparison_end(&comparison);
}

Test(diff_places, instructions_of_a_line_keep_their_number)
{
    struct comparison comparison;
    compare(&comparison, profile_of("3.13.0", &work, 1), profile_of("3.13.0", &work, 1));
    size_t first = find(comparison.before, 11, "LOAD_FAST", 0);
    size_t second = find(comparison.after, 11, "LOAD_FAST", 1);
    cr_assert_not(is_same_instruction(&comparison, first, second));
    cr_assert(is_same_instruction(&comparison, first, find(comparison.after, 11, "LOAD_FAST", 0)));
    comparison_end(&comparison);
}

/* --- versions --------------------------------------------------------------------------------- */

Test(diff_places, another_python_has_the_same_lines_and_families_of_instructions)
{
    struct comparison comparison;
    const struct code before = {"/usr/lib/python3.10/shop.py",
                                "work", /* qualified names are not always known */
                                10,
                                {OP(11, "LOAD_FAST", "box"), OP(11, "LOAD_METHOD", "size"),
                                 OP(11, "CALL_METHOD", ""), OP(12, "LOAD_FAST", "a"),
                                 OP(12, "BINARY_ADD", ""), OP(13, "RETURN_VALUE", "")}};
    const struct code after = {"/opt/python3.12/lib/python3.12/shop.py",
                               "Box.work",
                               20,
                               {OP(20, "RESUME", ""), OP(22, "LOAD_FAST", "box"),
                                OP(22, "LOAD_ATTR", "size"), OP(22, "PRECALL", ""),
                                OP(22, "CALL", ""), OP(23, "LOAD_FAST", "a"),
                                OP(23, "BINARY_OP", "+"), OP(24, "RETURN_VALUE", "")}};
    cr_assert_not(hop_diff_same_bytecode("3.10.1", "3.12.1"));
    cr_assert_not(hop_diff_same_bytecode("3.1.1", "3.12.1"));
    cr_assert(hop_diff_same_bytecode("3.12.4", "3.12.1"));
    cr_assert_not(hop_diff_same_bytecode("3.12.1, 3.13.0", "3.12.1"));
    compare(&comparison, profile_of("3.10.1", &before, 1), profile_of("3.12.1", &after, 1));
    cr_assert_eq(comparison.functions.count, 1);
    cr_assert(is_same_line(&comparison, 11, 22));
    cr_assert(is_same_line(&comparison, 12, 23));
    size_t call = find(comparison.before, 11, "CALL_METHOD", 0);
    cr_assert(is_same_instruction(&comparison, call, find(comparison.after, 22, "CALL", 0)));
    cr_assert(is_same_instruction(&comparison, call, find(comparison.after, 22, "PRECALL", 0)));
    cr_assert(is_same_instruction(&comparison, find(comparison.before, 11, "LOAD_METHOD", 0),
                                  find(comparison.after, 22, "LOAD_ATTR", 0)));
    cr_assert(is_same_instruction(&comparison, find(comparison.before, 12, "BINARY_ADD", 0),
                                  find(comparison.after, 23, "BINARY_OP", 0)));
    comparison_end(&comparison);
}

Test(diff_places, another_python_has_bytecode_on_other_lines_and_other_words_for_it)
{
    struct comparison comparison;
    const struct code before = {"/srv/shop.py",
                                "work",
                                10,
                                {OP(11, "LOAD_FAST", "n"), OP(11, "COMPARE_OP", "=="),
                                 OP(12, "LOAD_CONST", "'work.<locals>.<listcomp>'"),
                                 OP(12, "GET_ITER", ""), OP(13, "LOAD_METHOD", "size"),
                                 OP(16, "LOAD_FAST", "total"), OP(16, "RETURN_VALUE", "")}};
    const struct code after = {"/srv/shop.py",
                               "work",
                               20,
                               {OP(20, "RESUME", ""), OP(21, "LOAD_FAST", "n"),
                                OP(21, "COMPARE_OP", "bool(==)"), OP(22, "LOAD_FAST", "price"),
                                OP(22, "LIST_APPEND", ""), OP(23, "LOAD_ATTR", "size + NULL|self"),
                                OP(25, "LOAD_FAST", "row"), OP(26, "LOAD_FAST", "total"),
                                OP(26, "RETURN_VALUE", "")}};
    compare(&comparison, profile_of("3.8.1", &before, 1), profile_of("3.14.1", &after, 1));
    for (int line = 11; line <= 13; line++)
        cr_assert(is_same_line(&comparison, line, line + 10), "line %d", line);
    cr_assert(is_same_line(&comparison, 16, 26));
    cr_assert_not(is_same_line(&comparison, 16, 25));
    comparison_end(&comparison);
}

/* A comprehension's names are on the line that it is on, from 3.12 on, and a line may come. */
Test(diff_places, another_python_has_the_same_lines_where_they_were)
{
    struct comparison comparison;
    const struct code before = {"/srv/shop.py",
                                "work",
                                10,
                                {OP(11, "LOAD_FAST", "rows"), OP(11, "CALL_FUNCTION", ""),
                                 OP(12, "LOAD_FAST", "total"), OP(12, "RETURN_VALUE", "")}};
    const struct code after = {"/srv/shop.py",
                               "work",
                               10,
                               {OP(10, "RESUME", ""), OP(11, "LOAD_FAST", "rows"),
                                OP(11, "STORE_FAST", "row"), OP(12, "LOAD_FAST", "total"),
                                OP(12, "RETURN_VALUE", "")}};
    compare(&comparison, profile_of("3.11.1", &before, 1), profile_of("3.13.1", &after, 1));
    cr_assert(is_same_line(&comparison, 11, 11));
    cr_assert(is_same_line(&comparison, 12, 12));
    cr_assert_not(is_same_line(&comparison, 11, 10));
    comparison_end(&comparison);
    compare(&comparison, profile_of("3.13.0", &before, 1), profile_of("3.13.1", &after, 1));
    cr_assert_not(is_same_line(&comparison, 11, 11)); /* edited: which it was is not known */
    comparison_end(&comparison);
}

/* --- files and names -------------------------------------------------------------------------- */

/* How many of the functions `names` of files `before` and `after` are in both. */
static size_t joined(const char *const *before, const char *const *after, const char *name)
{
    struct code a[4], b[4];
    size_t n = 0, m = 0, both = 0;
    for (; before[n]; n++) {
        a[n] = shifted(&work, (int)n);
        a[n].file = before[n];
        a[n].function = name;
    }
    for (; after[m]; m++) {
        b[m] = shifted(&work, (int)m);
        b[m].file = after[m];
        b[m].function = name;
    }
    struct comparison comparison;
    compare(&comparison, profile_of("3.13.0", a, n), profile_of("3.13.0", b, m));
    for (size_t i = 0; i < comparison.functions.count; i++)
        both += comparison.functions.functions[i].before && comparison.functions.functions[i].after;
    comparison_end(&comparison);
    return both;
}

#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(diff_places, a_file_is_the_same_wherever_it_is_installed)
{
    cr_expect_eq(joined(FILES("/usr/lib/python3.12/json/decoder.py"),
                        FILES("/opt/py/lib/python3.13/json/decoder.py"), "f"),
                 1);
    cr_expect_eq(joined(FILES("/a/venv/lib/python3.12/site-packages/x/__init__.py"),
                        FILES("/b/lib/python3.13/site-packages/x/__init__.py"), "<module>"),
                 1);
    cr_expect_eq(joined(FILES("v1/app.py"), FILES("/home/me/v2/app.py"), "<module>"), 1);
    cr_expect_eq(joined(FILES("<frozen runpy>"), FILES("<frozen runpy>"), "<module>"), 1);
    /* Renamed, with a function that is known again. */
    cr_expect_eq(joined(FILES("/srv/before.py"), FILES("/srv/after.py"), "Box.work"), 1);
}

Test(diff_places, files_that_have_little_in_common_are_different)
{
    cr_expect_eq(joined(FILES("/srv/before.py"), FILES("/srv/after.py"), "<module>"), 0);
    cr_expect_eq(joined(FILES("/srv/x/__init__.py"), FILES("/srv/y/__init__.py"), "<module>"), 0);
    cr_expect_eq(joined(FILES("random.py"), FILES("/usr/lib/python3.13/random.py"), "<module>"), 1);
    cr_expect_eq(joined(FILES("random.py", "/usr/lib/python3.12/random.py"),
                        FILES("random.py", "/usr/lib/python3.13/random.py"), "<module>"),
                 2);
}

Test(diff_places, functions_of_one_name_stay_apart_in_their_order)
{
    struct comparison comparison;
    struct code before[] = {work, shifted(&work, 10)};
    struct code after[] = {shifted(&work, 5), shifted(&work, 15)};
    compare(&comparison, profile_of("3.13.0", before, 2), profile_of("3.13.0", after, 2));
    cr_assert_eq(comparison.functions.count, 2);
    cr_assert(is_same_line(&comparison, 11, 16));
    cr_assert(is_same_line(&comparison, 21, 26));
    cr_assert_not(is_same_line(&comparison, 11, 26));
    comparison_end(&comparison);
    /* Only one of them was seen afterwards: the one that is as long. */
    struct code longer = shifted(&work, 10);
    longer.ops[8] = (struct hop_profile_op)OP(24, "NOP", "");
    before[1] = longer;
    after[0] = shifted(&longer, 3);
    compare(&comparison, profile_of("3.13.0", before, 2), profile_of("3.13.0", after, 1));
    cr_assert_eq(comparison.functions.count, 2);
    cr_assert(is_same_line(&comparison, 24, 27));
    comparison_end(&comparison);
}

/* A lambda of so many instructions, at a line of its own. */
static struct code lambda(size_t ops, int line)
{
    struct code code = {"/srv/app.py", "<lambda>", line, {{0}}};
    for (size_t i = 0; i < ops; i++)
        code.ops[i] = (struct hop_profile_op)OP(line, "NOP", "");
    return code;
}

Test(diff_places, of_functions_of_one_name_those_of_one_size_are_the_same)
{
    struct comparison comparison;
    const struct code before[] = {lambda(3, 10), lambda(5, 20), lambda(3, 30), lambda(7, 40)};
    const struct code after[] = {lambda(5, 11), lambda(3, 21), lambda(9, 31)};
    /* The line each was at before; the third one is what is left of both. */
    const int was_at[] = {20, 10, 30};
    compare(&comparison, profile_of("3.13.0", before, 4), profile_of("3.13.0", after, 3));
    cr_assert_eq(comparison.functions.count, 4);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 4; j++)
            cr_expect_eq(is_same_function(&comparison, before[j].first_line, after[i].first_line),
                         before[j].first_line == was_at[i], "%zu, %zu", i, j);
    comparison_end(&comparison);
}

/* Before 3.11 the qualified name may not be known. */
Test(diff_places, a_plain_name_is_the_one_function_that_ends_in_it)
{
    struct comparison comparison;
    struct code plain = shifted(&work, 0), other = shifted(&work, 20);
    plain.function = "work";
    compare(&comparison, profile_of("3.9.0", &plain, 1), profile_of("3.13.0", &work, 1));
    cr_expect_eq(comparison.functions.count, 1);
    comparison_end(&comparison);
    compare(&comparison, profile_of("3.13.0", &work, 1), profile_of("3.9.0", &plain, 1));
    cr_expect_eq(comparison.functions.count, 1);
    comparison_end(&comparison);
    other.function = "Other.work";
    const struct code two[] = {work, other};
    compare(&comparison, profile_of("3.9.0", &plain, 1), profile_of("3.13.0", two, 2));
    cr_expect_eq(comparison.functions.count, 3);
    comparison_end(&comparison);
    compare(&comparison, profile_of("3.13.0", &work, 1), profile_of("3.13.0", &other, 1));
    cr_expect_eq(comparison.functions.count, 2);
    comparison_end(&comparison);
}

Test(diff_places, new_and_gone_functions_are_known)
{
    struct comparison comparison;
    struct code other = shifted(&work, 0);
    other.function = "Box.other";
    compare(&comparison, profile_of("3.13.0", &work, 1), profile_of("3.13.0", &other, 1));
    cr_assert_eq(comparison.functions.count, 2);
    for (size_t i = 0; i < 2; i++)
        cr_assert_neq(!comparison.functions.functions[i].before,
                      !comparison.functions.functions[i].after);
    comparison_end(&comparison);
}
