/* Matches files by what of their paths means something, see diff_functions.h. */
#include "profile/diff_files.h"

#include <stdlib.h>
#include <string.h>

/* Of more pairs than these (of files that have no partner of the same path) those of different
 * names are not looked at. */
enum { PAIRS_MAX = 100000 };

/* Where a path is installed says nothing: it is cut behind the last folder of packages, or behind
 * the standard library's. */
static const char *path_within(const char *path, char *kind)
{
    static const char *const folders[] = {"/site-packages/", "/dist-packages/"};
    *kind = 'f';
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        for (const char *at; (at = strstr(path, folders[i]));) {
            path = at + strlen(folders[i]);
            *kind = 'p';
        }
    }
    if (*kind == 'p')
        return path;
    for (const char *at = path; (at = strstr(at, "/python3"));) {
        at += strlen("/python3");
        const char *end = at + (*at == '.') + strspn(at + (*at == '.'), "0123456789t");
        if (*end == '/') {
            *kind = 'l';
            path = end + 1;
        }
    }
    return path;
}

static int compare_within(const char *a, const char *b)
{
    char kind_a, kind_b;
    a = path_within(a, &kind_a);
    b = path_within(b, &kind_b);
    return kind_a == kind_b ? strcmp(a, b) : kind_a - kind_b;
}

static int by_path_within(const void *left, const void *right)
{
    const struct hop_diff_file *a = *(struct hop_diff_file *const *)left;
    const struct hop_diff_file *b = *(struct hop_diff_file *const *)right;
    int order = compare_within(a->path, b->path);
    return order ? order : strcmp(a->path, b->path);
}

struct matching {
    struct hop_diff_file *before, *after;
    size_t before_count, after_count;
    struct hop_diff_file **order_before, **order_after; /* those without a match, by path_within */
};

static void match(struct matching *matching, struct hop_diff_file *before,
                  struct hop_diff_file *after)
{
    before->match = (uint32_t)(after - matching->after);
    after->match = (uint32_t)(before - matching->before);
}

/* First those that have the same path wherever they are installed. */
static void match_equal(struct matching *matching)
{
    for (size_t i = 0, j = 0; i < matching->before_count && j < matching->after_count;) {
        struct hop_diff_file *a = matching->order_before[i], *b = matching->order_after[j];
        int order = compare_within(a->path, b->path);
        if (order == 0 && a->match == HOP_DIFF_NO_MATCH && b->match == HOP_DIFF_NO_MATCH)
            match(matching, a, b);
        i += order <= 0;
        j += order >= 0;
    }
}

/* --- by likeness ------------------------------------------------------------------------------ */

/* How many parts at the end of two paths are the same. */
static size_t common_tail(const char *a, const char *b)
{
    size_t x = strlen(a), y = strlen(b), parts = 0;
    for (;;) {
        size_t from_x = x, from_y = y;
        while (from_x && a[from_x - 1] != '/')
            from_x--;
        while (from_y && b[from_y - 1] != '/')
            from_y--;
        if (x - from_x != y - from_y || x == from_x ||
            memcmp(a + from_x, b + from_y, x - from_x) != 0)
            return parts;
        parts++;
        if (!from_x || !from_y)
            return parts;
        x = from_x - 1;
        y = from_y - 1;
    }
}

/* How many functions of the same name, but for "<module>", which every file has. */
static size_t common_names(const struct hop_diff_file *a, const struct hop_diff_file *b)
{
    size_t common = 0;
    for (size_t i = 0, j = 0; i < a->name_count && j < b->name_count;) {
        int order = strcmp(a->names[i], b->names[j]);
        common += order == 0 && a->names[i][0] != '<';
        i += order <= 0;
        j += order >= 0;
    }
    return common;
}

struct pair {
    struct hop_diff_file *before, *after;
    size_t tail, names;
};

static int by_likeness(const void *left, const void *right)
{
    const struct pair *a = left, *b = right;
    if (a->tail != b->tail)
        return a->tail > b->tail ? -1 : 1;
    if (a->names != b->names)
        return a->names > b->names ? -1 : 1;
    int order = strcmp(a->before->path, b->before->path);
    return order ? order : strcmp(a->after->path, b->after->path);
}

static bool is_alike(const struct pair *pair)
{
    const char *slash = strrchr(pair->before->path, '/');
    const char *name = slash ? slash + 1 : pair->before->path;
    /* There are many of the names __init__.py and __main__.py; "<string>" is none. */
    bool is_telling = pair->tail && name[0] != '_' && name[0] != '<';
    return pair->names || pair->tail > 1 || is_telling;
}

static size_t keep_unmatched(struct hop_diff_file **order, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (order[i]->match == HOP_DIFF_NO_MATCH)
            order[kept++] = order[i];
    return kept;
}

/* Then those that are most alike, the best pair first. */
static bool match_alike(struct matching *matching)
{
    size_t n = keep_unmatched(matching->order_before, matching->before_count);
    size_t m = keep_unmatched(matching->order_after, matching->after_count);
    size_t count = 0, room = n + m, looked_at = 0;
    struct pair *pairs = calloc(room + 1, sizeof *pairs);
    for (size_t i = 0; pairs && i < n; i++) {
        for (size_t j = 0; pairs && j < m; j++) {
            struct pair pair = {matching->order_before[i], matching->order_after[j], 0, 0};
            pair.tail = common_tail(pair.before->path, pair.after->path);
            if (!pair.tail && looked_at++ >= PAIRS_MAX)
                continue;
            pair.names = common_names(pair.before, pair.after);
            if (!is_alike(&pair))
                continue;
            if (count == room) {
                struct pair *more = realloc(pairs, (room *= 2) * sizeof *pairs);
                if (!more)
                    free(pairs);
                pairs = more;
            }
            if (pairs)
                pairs[count++] = pair;
        }
    }
    if (!pairs)
        return false;
    if (count)
        qsort(pairs, count, sizeof *pairs, by_likeness);
    for (size_t i = 0; i < count; i++)
        if (pairs[i].before->match == HOP_DIFF_NO_MATCH &&
            pairs[i].after->match == HOP_DIFF_NO_MATCH)
            match(matching, pairs[i].before, pairs[i].after);
    free(pairs);
    return true;
}

static struct hop_diff_file **order_of(struct hop_diff_file *files, size_t count)
{
    struct hop_diff_file **order = calloc(count + 1, sizeof(*order));
    for (size_t i = 0; order && i < count; i++) {
        files[i].match = HOP_DIFF_NO_MATCH;
        order[i] = &files[i];
    }
    if (order && count)
        qsort(order, count, sizeof(*order), by_path_within);
    return order;
}

bool hop_diff_files_match(struct hop_diff_file *before, size_t before_count,
                          struct hop_diff_file *after, size_t after_count)
{
    struct matching matching = {before,
                                after,
                                before_count,
                                after_count,
                                order_of(before, before_count),
                                order_of(after, after_count)};
    bool has_memory = matching.order_before && matching.order_after;
    if (has_memory) {
        match_equal(&matching);
        has_memory = match_alike(&matching);
    }
    free(matching.order_before);
    free(matching.order_after);
    return has_memory;
}
