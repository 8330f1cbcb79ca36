/* Finds the same functions and places in two profiles, see diff_functions.h; files are
 * diff_files.c's, lines diff_lines.c's. */
#include "profile/diff_functions.h"

#include "profile/diff_files.h"
#include "profile/diff_lines.h"

#include <stdlib.h>
#include <string.h>

/* A function of one profile: all that have its file, qualified name and first line. */
struct function {
    const struct hop_instruction *example;
    const struct hop_profile_code *code; /* the one with the most bytecode, or NULL */
    uint32_t match;                      /* index of the other side's, or HOP_DIFF_NO_MATCH */
    uint32_t number;                     /* in hop_diff_functions */
};

struct side {
    const struct hop_profile *profile;
    struct function *functions; /* by file, name, first line */
    const char **names;         /* by function */
    uint32_t *function_of;      /* by instruction */
    size_t count;
    struct hop_diff_file *files; /* by path */
    size_t *first_of;            /* by file: its first function; one more: their number */
    size_t file_count;
};

/* "3.13" of "3.13.0". */
static size_t minor_length(const char *python)
{
    size_t major = strcspn(python, ".");
    return python[major] ? major + 1 + strcspn(python + major + 1, ".") : major;
}

bool hop_diff_same_bytecode(const char *python, const char *other)
{
    size_t length = minor_length(python);
    if (strchr(python, ',') || strchr(other, ',')) /* merged, of several */
        return strcmp(python, other) == 0;
    return length == minor_length(other) && memcmp(python, other, length) == 0;
}

/* --- one side --------------------------------------------------------------------------------- */

static int compare_functions(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = strcmp(a->file, b->file);
    if (!order)
        order = strcmp(a->function, b->function);
    return order ? order : (a->first_line > b->first_line) - (a->first_line < b->first_line);
}

static int by_function(const void *left, const void *right)
{
    const struct hop_instruction *a = *(const struct hop_instruction *const *)left;
    const struct hop_instruction *b = *(const struct hop_instruction *const *)right;
    int order = compare_functions(a, b);
    return order ? order : (a > b) - (a < b);
}

static const struct hop_profile_code *code_of(const struct hop_profile *profile,
                                              const struct hop_instruction *instruction)
{
    if (instruction->code >= profile->code_count)
        return NULL;
    const struct hop_profile_code *code = &profile->codes[instruction->code];
    return code->ops && code->op_count ? code : NULL;
}

static void add_instruction(struct side *side, const struct hop_instruction *instruction)
{
    const struct function *last = side->count ? &side->functions[side->count - 1] : NULL;
    if (!last || compare_functions(last->example, instruction) != 0) {
        if (!last || strcmp(last->example->file, instruction->file) != 0) {
            side->files[side->file_count] = (struct hop_diff_file){
                .path = instruction->file, .names = &side->names[side->count]};
            side->first_of[side->file_count++] = side->count;
        }
        side->files[side->file_count - 1].name_count++;
        side->names[side->count] = instruction->function;
        side->functions[side->count++] =
            (struct function){.example = instruction, .match = HOP_DIFF_NO_MATCH};
    }
    struct function *function = &side->functions[side->count - 1];
    const struct hop_profile_code *code = code_of(side->profile, instruction);
    if (code && (!function->code || code->op_count > function->code->op_count))
        function->code = code;
    side->function_of[instruction - side->profile->instructions] = (uint32_t)(side->count - 1);
}

static bool side_init(struct side *side, const struct hop_profile *profile)
{
    size_t count = profile->instruction_count;
    const struct hop_instruction **order = calloc(count + 1, sizeof(*order));
    *side = (struct side){
        .profile = profile,
        .functions = calloc(count + 1, sizeof *side->functions),
        .names = calloc(count + 1, sizeof *side->names),
        .function_of = calloc(count + 1, sizeof *side->function_of),
        .files = calloc(count + 1, sizeof *side->files),
        .first_of = calloc(count + 1, sizeof *side->first_of),
    };
    bool has_memory = order && side->functions && side->names && side->function_of && side->files &&
                      side->first_of;
    for (size_t i = 0; has_memory && i < count; i++)
        order[i] = &profile->instructions[i];
    if (has_memory && count)
        qsort(order, count, sizeof(*order), by_function);
    for (size_t i = 0; has_memory && i < count; i++)
        add_instruction(side, order[i]);
    if (has_memory)
        side->first_of[side->file_count] = side->count;
    free(order);
    return has_memory;
}

static void side_deinit(struct side *side)
{
    free(side->functions);
    free(side->names);
    free(side->function_of);
    free(side->files);
    free(side->first_of);
}

/* --- functions of one file -------------------------------------------------------------------- */

static void match(struct side *before, size_t i, struct side *after, size_t j)
{
    before->functions[i].match = (uint32_t)j;
    after->functions[j].match = (uint32_t)i;
}

static bool is_free(const struct side *side, size_t i)
{
    return side->functions[i].match == HOP_DIFF_NO_MATCH;
}

static bool has_same_size(const struct function *a, const struct function *b)
{
    return a->code && b->code && a->code->op_count == b->code->op_count;
}

/* Functions of one name (a property's getter and setter, lambdas): as many as before are the same
 * in order; else those that are as long as before are, then those that are left. */
static void match_namesakes(struct side *before, size_t i, size_t i_end, struct side *after,
                            size_t j, size_t j_end)
{
    bool is_as_many = i_end - i == j_end - j;
    for (int pass = is_as_many; pass < 2; pass++) {
        for (size_t x = i; x < i_end; x++) {
            for (size_t y = j; y < j_end && is_free(before, x); y++) {
                if (is_free(after, y) &&
                    (pass || has_same_size(&before->functions[x], &after->functions[y])))
                    match(before, x, after, y);
            }
        }
    }
}

static size_t namesakes_end(const struct side *side, size_t i, size_t end)
{
    size_t next = i + 1;
    while (next < end && strcmp(side->names[next], side->names[i]) == 0)
        next++;
    return next;
}

static const char *last_part(const char *qualified_name)
{
    const char *dot = strrchr(qualified_name, '.');
    return dot ? dot + 1 : qualified_name;
}

/* Up to 3.10 a qualified name is not always known; then it is the plain one. The only free function
 * of that plain name, or the end. */
static size_t only_one_called(const struct side *side, size_t first, size_t end, const char *name)
{
    size_t found = end;
    for (size_t i = first; i < end; i++) {
        if (!is_free(side, i) || strcmp(last_part(side->names[i]), name) != 0)
            continue;
        if (found != end)
            return end;
        found = i;
    }
    return found;
}

static void match_plain_names(struct side *of, size_t first, size_t end, struct side *with,
                              size_t with_first, size_t with_end, bool is_swapped)
{
    for (size_t i = first; i < end; i++) {
        const char *name = of->names[i];
        if (!is_free(of, i) || strchr(name, '.') || only_one_called(of, first, end, name) != i)
            continue;
        size_t found = only_one_called(with, with_first, with_end, name);
        if (found != with_end && is_swapped)
            match(with, found, of, i);
        else if (found != with_end)
            match(of, i, with, found);
    }
}

static void match_functions(struct side *before, size_t i, size_t i_end, struct side *after,
                            size_t j, size_t j_end)
{
    const size_t i_first = i, j_first = j;
    while (i < i_end && j < j_end) {
        int order = strcmp(before->names[i], after->names[j]);
        size_t i_next = namesakes_end(before, i, i_end), j_next = namesakes_end(after, j, j_end);
        if (order == 0)
            match_namesakes(before, i, i_next, after, j, j_next);
        i = order <= 0 ? i_next : i;
        j = order >= 0 ? j_next : j;
    }
    match_plain_names(before, i_first, i_end, after, j_first, j_end, false);
    match_plain_names(after, j_first, j_end, before, i_first, i_end, true);
}

/* --- places ----------------------------------------------------------------------------------- */

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

/* How many of its name are before it on its line. A PRECALL is counted with the CALL it is of. */
static uint32_t ordinal_of(const struct hop_profile_code *code,
                           const struct hop_instruction *instruction, const char *name,
                           bool is_same_bytecode)
{
    uint32_t ordinal = 0;
    for (size_t i = 0; code && i < code->op_count && code->ops[i].offset < instruction->offset;
         i++) {
        const char *opcode = code->ops[i].opcode;
        if (code->ops[i].line != instruction->line)
            continue;
        if (is_same_bytecode)
            ordinal += strcmp(opcode, name) == 0;
        else
            ordinal += strcmp(opcode, "PRECALL") != 0 && strcmp(family_of(opcode), name) == 0;
    }
    return ordinal;
}

#define LINE_UNKNOWN INT64_MIN

/* Distance from the function's first line; in even numbers, for the odd ones are new lines'. */
static int64_t line_within(const struct hop_instruction *instruction)
{
    if (instruction->line <= 0)
        return LINE_UNKNOWN;
    return 2 * ((int64_t)instruction->line - instruction->first_line);
}

static void place_instruction(struct hop_diff_place *place, const struct side *side, size_t index,
                              bool is_same_bytecode)
{
    const struct hop_instruction *instruction = &side->profile->instructions[index];
    const char *base = instruction->base_opcode;
    place->function = side->functions[side->function_of[index]].number;
    place->line = line_within(instruction);
    place->opcode = is_same_bytecode ? base : family_of(base);
    place->ordinal = ordinal_of(code_of(side->profile, instruction), instruction, place->opcode,
                                is_same_bytecode);
}

/* Lines of a function that is in both are counted as they were before. */
static bool match_lines(struct hop_diff_place *places, const struct side *after,
                        const struct side *before, const uint32_t *order, size_t count,
                        bool is_same_bytecode)
{
    const struct function *now = &after->functions[after->function_of[order[0]]];
    if (now->match == HOP_DIFF_NO_MATCH)
        return true;
    const struct function *then = &before->functions[now->match];
    struct hop_diff_lines lines;
    if (!now->code || !then->code)
        return true;
    if (!hop_diff_lines_init(&lines, then->code, now->code, is_same_bytecode))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct hop_instruction *instruction = &after->profile->instructions[order[i]];
        const struct hop_diff_line *line = hop_diff_lines_find(&lines, instruction->line);
        if (line)
            places[order[i]].line = line->before
                                        ? 2 * ((int64_t)line->before - then->example->first_line)
                                        : 2 * ((int64_t)line->after - now->example->first_line) + 1;
    }
    hop_diff_lines_deinit(&lines);
    return true;
}

static bool place_after(struct hop_diff_place *places, const struct side *after,
                        const struct side *before, bool is_same_bytecode)
{
    /* The instructions by function, a counting sort. */
    size_t count = after->profile->instruction_count;
    uint32_t *order = calloc(count + 1, sizeof *order);
    size_t *next_of = calloc(after->count + 2, sizeof *next_of);
    bool has_memory = order && next_of;
    for (size_t i = 0; has_memory && i < count; i++) {
        place_instruction(&places[i], after, i, is_same_bytecode);
        next_of[after->function_of[i] + 1]++;
    }
    for (size_t i = 0; has_memory && i < after->count; i++)
        next_of[i + 1] += next_of[i];
    for (size_t i = 0; has_memory && i < count; i++)
        order[next_of[after->function_of[i]]++] = (uint32_t)i;
    for (size_t i = 0, first = 0; has_memory && i < after->count; i++) {
        has_memory =
            match_lines(places, after, before, order + first, next_of[i] - first, is_same_bytecode);
        first = next_of[i];
    }
    free(order);
    free(next_of);
    return has_memory;
}

/* --- both ------------------------------------------------------------------------------------- */

static void number_functions(struct hop_diff_functions *functions, struct side *before,
                             struct side *after)
{
    for (size_t i = 0; i < before->count; i++) {
        before->functions[i].number = (uint32_t)functions->count;
        functions->functions[functions->count++].before = before->functions[i].example;
    }
    for (size_t i = 0; i < after->count; i++) {
        struct function *function = &after->functions[i];
        function->number = function->match == HOP_DIFF_NO_MATCH
                               ? (uint32_t)functions->count++
                               : before->functions[function->match].number;
        functions->functions[function->number].after = function->example;
    }
}

static bool compare_sides(struct hop_diff_functions *functions, struct side *before,
                          struct side *after)
{
    bool is_same_bytecode = hop_diff_same_bytecode(before->profile->python, after->profile->python);
    if (!hop_diff_files_match(before->files, before->file_count, after->files, after->file_count))
        return false;
    for (size_t i = 0; i < before->file_count; i++) {
        size_t j = before->files[i].match;
        if (j != HOP_DIFF_NO_MATCH)
            match_functions(before, before->first_of[i], before->first_of[i + 1], after,
                            after->first_of[j], after->first_of[j + 1]);
    }
    *functions = (struct hop_diff_functions){
        .functions = calloc(before->count + after->count + 1, sizeof *functions->functions),
        .before = calloc(before->profile->instruction_count + 1, sizeof *functions->before),
        .after = calloc(after->profile->instruction_count + 1, sizeof *functions->after),
    };
    if (!functions->functions || !functions->before || !functions->after)
        return false;
    number_functions(functions, before, after);
    for (size_t i = 0; i < before->profile->instruction_count; i++)
        place_instruction(&functions->before[i], before, i, is_same_bytecode);
    return place_after(functions->after, after, before, is_same_bytecode);
}

bool hop_diff_functions_init(struct hop_diff_functions *functions, const struct hop_profile *before,
                             const struct hop_profile *after)
{
    struct side a = {0}, b = {0};
    *functions = (struct hop_diff_functions){0};
    bool has_memory =
        side_init(&a, before) && side_init(&b, after) && compare_sides(functions, &a, &b);
    side_deinit(&a);
    side_deinit(&b);
    if (!has_memory)
        hop_diff_functions_deinit(functions);
    return has_memory;
}

void hop_diff_functions_deinit(struct hop_diff_functions *functions)
{
    free(functions->functions);
    free(functions->before);
    free(functions->after);
    *functions = (struct hop_diff_functions){0};
}
