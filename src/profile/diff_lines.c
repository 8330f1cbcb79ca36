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

/* The set of names, a bit each. */
static uint64_t add_names(uint64_t does, const struct hop_profile_op *op)
{
    for (const char *at = op->argument; *at && !begins(op->argument, "to ");) {
        size_t length = 0;
        while (isalnum((unsigned char)at[length]) || at[length] == '_')
            length++;
        if (length && !isdigit((unsigned char)*at) && !(length == 4 && begins(at, "NULL")))
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

/* A stretch of both editions. */
struct stretch {
    const struct line *before, *after;
    size_t before_count, after_count;
};

static void pair(struct hop_diff_lines *lines, const struct line *before, const struct line *after)
{
    struct hop_diff_line *line = (struct hop_diff_line *)hop_diff_lines_find(lines, after->number);
    line->before = before->number;
}

/* Takes what is equal at both ends off. */
static void trim(struct hop_diff_lines *lines, struct stretch *at)
{
    while (at->before_count && at->after_count && at->before->does == at->after->does) {
        pair(lines, at->before++, at->after++);
        at->before_count--;
        at->after_count--;
    }
    while (at->before_count && at->after_count &&
           at->before[at->before_count - 1].does == at->after[at->after_count - 1].does)
        pair(lines, &at->before[--at->before_count], &at->after[--at->after_count]);
}

/* Lines of which none is as before: taken for edited ones, if they are as many. */
static void pair_edited(struct hop_diff_lines *lines, const struct stretch *at)
{
    for (size_t i = 0; at->before_count == at->after_count && i < at->after_count; i++)
        pair(lines, &at->before[i], &at->after[i]);
}

static bool align(struct hop_diff_lines *lines, const struct stretch *all)
{
    size_t n = all->before_count, m = all->after_count, width = m + 1;
    if (n == 0 || m == 0 || n > LINES_MAX || m > LINES_MAX || (n + 1) * width > CELLS_MAX) {
        pair_edited(lines, all);
        return true;
    }
    /* longest[i * width + j]: of what begins at line i and at line j. */
    uint16_t *longest = calloc((n + 1) * width, sizeof *longest);
    if (!longest)
        return false;
    for (size_t i = n; i-- > 0;)
        for (size_t j = m; j-- > 0;) {
            uint16_t down = longest[(i + 1) * width + j], right = longest[i * width + j + 1];
            longest[i * width + j] = all->before[i].does == all->after[j].does
                                         ? (uint16_t)(longest[(i + 1) * width + j + 1] + 1)
                                         : (down > right ? down : right);
        }
    struct stretch gap = {all->before, all->after, 0, 0};
    for (size_t i = 0, j = 0; i < n || j < m;) {
        bool is_equal = i < n && j < m && all->before[i].does == all->after[j].does;
        if (is_equal) {
            pair_edited(lines, &gap);
            pair(lines, &all->before[i++], &all->after[j++]);
            gap = (struct stretch){&all->before[i], &all->after[j], 0, 0};
        } else if (j == m ||
                   (i < n && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
            i++;
            gap.before_count++;
        } else {
            j++;
            gap.after_count++;
        }
    }
    pair_edited(lines, &gap);
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
        struct stretch all = {a.lines, b.lines, a.count, b.count};
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
