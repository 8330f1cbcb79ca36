/* Finds the same functions and places in two profiles, see diff_functions.h; files are
 * diff_files.c's, lines diff_lines.c's. */
#include "profile/diff_functions.h"

#include "profile/diff_files.h"
#include "profile/diff_lines.h"
#include "profile/diff_ordinals.h"

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
    uint32_t *order;            /* room for functions that are being sorted */
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
        .order = calloc(count + 1, sizeof *side->order),
        .files = calloc(count + 1, sizeof *side->files),
        .first_of = calloc(count + 1, sizeof *side->first_of),
    };
    bool has_memory = order && side->functions && side->names && side->function_of && side->order &&
                      side->files && side->first_of;
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
    free(side->order);
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

static int by_size(const void *left, const void *right, void *of)
{
    const struct side *side = of;
    const uint32_t *a = left, *b = right;
    size_t x = side->functions[*a].code->op_count, y = side->functions[*b].code->op_count;
    return x != y ? (x > y) - (x < y) : (*a > *b) - (*a < *b);
}

/* Fills side->order with those functions of which the bytecode is known, by its size, then in their
 * order; returns how many there are. */
static size_t sort_by_size(struct side *side, size_t first, size_t end)
{
    size_t count = 0;
    for (size_t i = first; i < end; i++)
        if (side->functions[i].code)
            side->order[count++] = (uint32_t)i;
    qsort_r(side->order, count, sizeof *side->order, by_size, side);
    return count;
}

static void match_same_size(struct side *before, size_t i, size_t i_end, struct side *after,
                            size_t j, size_t j_end)
{
    size_t x_end = sort_by_size(before, i, i_end), y_end = sort_by_size(after, j, j_end);
    for (size_t x = 0, y = 0; x < x_end && y < y_end;) {
        uint32_t a = before->order[x], b = after->order[y];
        size_t of_a = before->functions[a].code->op_count;
        size_t of_b = after->functions[b].code->op_count;
        if (of_a == of_b)
            match(before, a, after, b);
        x += of_a <= of_b;
        y += of_a >= of_b;
    }
}

/* Functions of one name (a property's getter and setter, lambdas): as many as before are the same
 * in order; else those that are as long as before are, then those that are left. */
static void match_namesakes(struct side *before, size_t i, size_t i_end, struct side *after,
                            size_t j, size_t j_end)
{
    if (i_end - i != j_end - j)
        match_same_size(before, i, i_end, after, j, j_end);
    while (i < i_end && j < j_end) {
        bool both_are_free = is_free(before, i) && is_free(after, j);
        if (both_are_free)
            match(before, i, after, j);
        i += both_are_free || !is_free(before, i);
        j += both_are_free || !is_free(after, j);
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

static int by_last_part(const void *left, const void *right, void *of)
{
    const struct side *side = of;
    const uint32_t *a = left, *b = right;
    int order = strcmp(last_part(side->names[*a]), last_part(side->names[*b]));
    return order ? order : (*a > *b) - (*a < *b);
}

static size_t sort_by_last_part(struct side *side, size_t first, size_t end)
{
    size_t count = 0;
    for (size_t i = first; i < end; i++)
        if (is_free(side, i))
            side->order[count++] = (uint32_t)i;
    qsort_r(side->order, count, sizeof *side->order, by_last_part, side);
    return count;
}

/* Behind those of `side->order` that are called as number `i` of it. */
static size_t last_part_end(const struct side *side, size_t i, size_t end)
{
    const char *part = last_part(side->names[side->order[i]]);
    size_t next = i + 1;
    while (next < end && strcmp(last_part(side->names[side->order[next]]), part) == 0)
        next++;
    return next;
}

/* Up to 3.10 a qualified name is not always known; then it is the plain one. Of those that are
 * left, two are the same if no others of either side are called so. */
static void match_plain_names(struct side *before, size_t first, size_t end, struct side *after,
                              size_t after_first, size_t after_end)
{
    size_t i_end = sort_by_last_part(before, first, end);
    size_t j_end = sort_by_last_part(after, after_first, after_end);
    for (size_t i = 0, j = 0; i < i_end && j < j_end;) {
        uint32_t a = before->order[i], b = after->order[j];
        int order = strcmp(last_part(before->names[a]), last_part(after->names[b]));
        size_t i_next = last_part_end(before, i, i_end), j_next = last_part_end(after, j, j_end);
        bool is_plain = !strchr(before->names[a], '.') || !strchr(after->names[b], '.');
        if (order == 0 && is_plain && i_next == i + 1 && j_next == j + 1)
            match(before, a, after, b);
        i = order <= 0 ? i_next : i;
        j = order >= 0 ? j_next : j;
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
    match_plain_names(before, i_first, i_end, after, j_first, j_end);
}

/* --- places ----------------------------------------------------------------------------------- */

#define LINE_UNKNOWN INT64_MIN

/* Distance from the function's first line; in even numbers, for the odd ones are new lines'. */
static int64_t line_within(const struct hop_instruction *instruction)
{
    if (instruction->line <= 0)
        return LINE_UNKNOWN;
    return 2 * ((int64_t)instruction->line - instruction->first_line);
}

static bool place_instructions(struct hop_diff_place *places, const struct side *side,
                               bool is_same_bytecode)
{
    struct hop_diff_ordinals ordinals;
    if (!hop_diff_ordinals_init(&ordinals, side->profile, is_same_bytecode))
        return false;
    for (size_t i = 0; i < side->profile->instruction_count; i++) {
        const struct hop_instruction *instruction = &side->profile->instructions[i];
        places[i] = (struct hop_diff_place){
            .function = side->functions[side->function_of[i]].number,
            .line = line_within(instruction),
            .opcode = hop_diff_name(&ordinals, instruction->base_opcode),
            .ordinal = hop_diff_ordinal(&ordinals, instruction),
        };
    }
    hop_diff_ordinals_deinit(&ordinals);
    return true;
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

/* Lines are by what they were before. */
static bool place_lines(struct hop_diff_place *places, const struct side *after,
                        const struct side *before, bool is_same_bytecode)
{
    /* The instructions by function, a counting sort. */
    size_t count = after->profile->instruction_count;
    uint32_t *order = calloc(count + 1, sizeof *order);
    size_t *next_of = calloc(after->count + 2, sizeof *next_of);
    bool has_memory = order && next_of;
    for (size_t i = 0; has_memory && i < count; i++)
        next_of[after->function_of[i] + 1]++;
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
    return place_instructions(functions->before, before, is_same_bytecode) &&
           place_instructions(functions->after, after, is_same_bytecode) &&
           place_lines(functions->after, after, before, is_same_bytecode);
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
