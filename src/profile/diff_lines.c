/* Aligns the lines of two editions of a function, see diff_lines.h. */
#include "profile/diff_lines.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A table of so many cells is made at the most, 2 bytes each; for what lies between the lines at
 * both ends that are the same. */
enum { CELLS_MAX = 4 << 20, LINES_MAX = UINT16_MAX };

struct line {
    int number;
    uint64_t does; /* a hash */
};

struct edition {
    struct line *lines; /* by number */
    size_t count;
};

static uint64_t hash_of(const char *text, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a: whoever makes them collide fools himself */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Where a jump goes and where a code object lies is not what a line does. */
static uint64_t add_operation(uint64_t does, const struct hop_profile_op *op)
{
    if (strcmp(op->opcode, "EXTENDED_ARG") == 0)
        return does;
    does = (does ^ hash_of(op->opcode, strlen(op->opcode))) * 0x9e3779b97f4a7c15u;
    if (!begins(op->argument, "to ") && !begins(op->argument, "<code object"))
        does = (does ^ hash_of(op->argument, strlen(op->argument))) * 0x9e3779b97f4a7c15u;
    return does;
}

/* What is in brackets for another reason than that the source says it. */
static bool is_word_of_dis(const char *word, size_t length)
{
    static const char *const words[] = {"NULL", "self", "bool", "None"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == length && begins(word, words[i]))
            return true;
    return false;
}

/* Whether versions agree on what such an instruction has in brackets: names of variables and
 * attributes, and constants. Not so the functions' names and code objects that MAKE_FUNCTION is
 * given, nor what an operator or an intrinsic is called. */
static bool has_names(const struct hop_profile_op *op)
{
    static const char *const kinds[] = {"LOAD_",   "STORE_",   "DELETE_",
                                        "IMPORT_", "KW_NAMES", "RETURN_CONST"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins(op->opcode, kinds[i]))
            return !begins(op->argument, "<code object") && !strstr(op->argument, "<locals>");
    return false;
}

/* The set of names, a bit each. */
static uint64_t add_names(uint64_t does, const struct hop_profile_op *op)
{
    for (const char *at = op->argument; *at && has_names(op);) {
        size_t length = 0;
        while (isalnum((unsigned char)at[length]) || at[length] == '_')
            length++;
        if (length && !isdigit((unsigned char)*at) && !is_word_of_dis(at, length))
            does |= UINT64_C(1) << (hash_of(at, length) >> 58);
        at += length ? length : 1;
    }
    return does;
}

static int by_number(const void *left, const void *right)
{
    const struct line *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static struct line *find_line(const struct edition *edition, int number)
{
    struct line key = {.number = number};
    return edition->count ? bsearch(&key, edition->lines, edition->count, sizeof key, by_number)
                          : NULL;
}

static bool edition_init(struct edition *edition, const struct hop_profile_code *code,
                         bool is_same_bytecode)
{
    size_t kept = 0;
    *edition = (struct edition){.lines = calloc(code->op_count + 1, sizeof *edition->lines)};
    if (!edition->lines)
        return false;
    for (size_t i = 0; i < code->op_count; i++)
        if (code->ops[i].line > 0)
            edition->lines[edition->count++].number = code->ops[i].line;
    if (edition->count)
        qsort(edition->lines, edition->count, sizeof *edition->lines, by_number);
    for (size_t i = 0; i < edition->count; i++)
        if (!kept || edition->lines[kept - 1].number != edition->lines[i].number)
            edition->lines[kept++] = edition->lines[i];
    edition->count = kept;
    for (size_t i = 0; i < code->op_count; i++) {
        struct line *line = find_line(edition, code->ops[i].line);
        if (line)
            line->does = is_same_bytecode ? add_operation(line->does, &code->ops[i])
                                          : add_names(line->does, &code->ops[i]);
    }
    return true;
}

/* A stretch of both editions, and by how much lines moved above it and below it. */
struct stretch {
    const struct line *before, *after;
    size_t before_count, after_count;
    int64_t shift_above, shift_below;
    bool is_same_bytecode;
};

static int64_t shift_of(const struct line *before, const struct line *after)
{
    return (int64_t)after->number - before->number;
}

static void pair(struct hop_diff_lines *lines, const struct line *before, const struct line *after)
{
    struct hop_diff_line *line = (struct hop_diff_line *)hop_diff_lines_find(lines, after->number);
    line->before = before->number;
}

/* One that does nothing with a name is like many others. */
static bool do_the_same(const struct line *before, const struct line *after)
{
    return before->does == after->does && before->does;
}

/* Takes what is equal at both ends off. */
static void trim(struct hop_diff_lines *lines, struct stretch *at)
{
    while (at->before_count && at->after_count && do_the_same(at->before, at->after)) {
        at->shift_above = at->shift_below = shift_of(at->before, at->after);
        pair(lines, at->before++, at->after++);
        at->before_count--;
        at->after_count--;
    }
    while (at->before_count && at->after_count &&
           do_the_same(&at->before[at->before_count - 1], &at->after[at->after_count - 1])) {
        pair(lines, &at->before[--at->before_count], &at->after[--at->after_count]);
        at->shift_below = shift_of(&at->before[at->before_count], &at->after[at->after_count]);
    }
}

/* Pairs the lines that are `shift` lines further down; with NULL it only counts them. */
static size_t pair_shifted(struct hop_diff_lines *lines, const struct stretch *at, int64_t shift)
{
    size_t count = 0;
    for (size_t i = 0, j = 0; i < at->before_count && j < at->after_count;) {
        int64_t is = shift_of(&at->before[i], &at->after[j]);
        if (is == shift) {
            count++;
            if (lines)
                pair(lines, &at->before[i], &at->after[j]);
        }
        i += is >= shift;
        j += is <= shift;
    }
    return count;
}

/* Lines of which none does as before. If they are as many, they are taken for edited ones. Else,
 * between different bytecodes, those that are as far from the lines around them as before: most
 * likely nobody has edited the function, and bytecode has come to or gone from some of its lines.
 */
static void pair_others(struct hop_diff_lines *lines, const struct stretch *at)
{
    if (at->before_count == at->after_count) {
        for (size_t i = 0; i < at->after_count; i++)
            pair(lines, &at->before[i], &at->after[i]);
    } else if (!at->is_same_bytecode) {
        size_t above = pair_shifted(NULL, at, at->shift_above);
        size_t below = pair_shifted(NULL, at, at->shift_below);
        pair_shifted(lines, at, below > above ? at->shift_below : at->shift_above);
    }
}

static bool align(struct hop_diff_lines *lines, const struct stretch *all)
{
    size_t n = all->before_count, m = all->after_count, width = m + 1;
    if (n == 0 || m == 0 || n > LINES_MAX || m > LINES_MAX || (n + 1) * width > CELLS_MAX) {
        pair_others(lines, all);
        return true;
    }
    /* longest[i * width + j]: of what begins at line i and at line j. */
    uint16_t *longest = calloc((n + 1) * width, sizeof *longest);
    if (!longest)
        return false;
    for (size_t i = n; i-- > 0;)
        for (size_t j = m; j-- > 0;) {
            uint16_t down = longest[(i + 1) * width + j], right = longest[i * width + j + 1];
            longest[i * width + j] = do_the_same(&all->before[i], &all->after[j])
                                         ? (uint16_t)(longest[(i + 1) * width + j + 1] + 1)
                                         : (down > right ? down : right);
        }
    struct stretch gap = *all;
    gap.before_count = gap.after_count = 0;
    for (size_t i = 0, j = 0; i < n || j < m;) {
        bool is_equal = i < n && j < m && do_the_same(&all->before[i], &all->after[j]);
        if (is_equal) {
            gap.shift_below = shift_of(&all->before[i], &all->after[j]);
            pair_others(lines, &gap);
            pair(lines, &all->before[i++], &all->after[j++]);
            gap.before = &all->before[i];
            gap.after = &all->after[j];
            gap.before_count = gap.after_count = 0;
            gap.shift_above = gap.shift_below;
        } else if (j == m ||
                   (i < n && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
            i++;
            gap.before_count++;
        } else {
            j++;
            gap.after_count++;
        }
    }
    gap.shift_below = all->shift_below;
    pair_others(lines, &gap);
    free(longest);
    return true;
}

bool hop_diff_lines_init(struct hop_diff_lines *lines, const struct hop_profile_code *before,
                         const struct hop_profile_code *after, bool is_same_bytecode)
{
    struct edition a = {0}, b = {0};
    *lines = (struct hop_diff_lines){0};
    bool has_memory = edition_init(&a, before, is_same_bytecode) &&
                      edition_init(&b, after, is_same_bytecode) &&
                      (lines->lines = calloc(b.count + 1, sizeof *lines->lines));
    if (has_memory) {
        lines->count = b.count;
        for (size_t i = 0; i < b.count; i++)
            lines->lines[i].after = b.lines[i].number;
        int64_t shift = (int64_t)after->first_line - before->first_line;
        struct stretch all = {a.lines, b.lines, a.count, b.count, shift, shift, is_same_bytecode};
        trim(lines, &all);
        has_memory = align(lines, &all);
    }
    free(a.lines);
    free(b.lines);
    if (!has_memory)
        hop_diff_lines_deinit(lines);
    return has_memory;
}

void hop_diff_lines_deinit(struct hop_diff_lines *lines)
{
    free(lines->lines);
    *lines = (struct hop_diff_lines){0};
}

static int by_after(const void *left, const void *right)
{
    const struct hop_diff_line *a = left, *b = right;
    return (a->after > b->after) - (a->after < b->after);
}

const struct hop_diff_line *hop_diff_lines_find(const struct hop_diff_lines *lines, int after)
{
    struct hop_diff_line key = {.after = after};
    return lines->count ? bsearch(&key, lines->lines, lines->count, sizeof key, by_after) : NULL;
}
