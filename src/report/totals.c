/* Joins the instructions of a profile, see totals.h. Shares are found on a view of the profile in
 * which each node of the tree of stacks stands for itself, so that a group may be a thread, or all
 * stacks that pass through a function. */
#include "report/totals.h"

#include "report/opcode_class.h"
#include "report/select.h"

#include <stdlib.h>
#include <string.h>

enum { MODULE_BYTES = 512 };
static const size_t NAMES_BYTES_MAX = (size_t)256 << 20;

static const char *const names[HOP_GROUPINGS] = {
    [HOP_BY_OPCODE] = "opcode", [HOP_BY_LINE] = "line",     [HOP_BY_FUNCTION] = "function",
    [HOP_BY_FILE] = "file",     [HOP_BY_MODULE] = "module", [HOP_BY_THREAD] = "thread",
    [HOP_BY_CLASS] = "class",
};

enum hop_grouping hop_grouping_find(const char *name)
{
    size_t i = 0;
    while (i < HOP_GROUPINGS && strcmp(names[i], name) != 0)
        i++;
    return (enum hop_grouping)i;
}

const char *hop_grouping_name(enum hop_grouping by)
{
    return names[by];
}

/* Behind the last of what ends a folder in which modules are looked for; else the last part. */
static const char *module_part(const char *file)
{
    static const char *const folders[] = {"/site-packages/", "/dist-packages/"};
    const char *part = NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (const char *at = file; (at = strstr(at, folders[i])); part = at)
            at += strlen(folders[i]);
    if (part)
        return part;
    const char *lib = strstr(file, "/lib/python3.");
    if (lib) {
        const char *slash = strchr(lib + strlen("/lib/python3."), '/');
        if (slash)
            return slash + 1;
    }
    const char *slash = strrchr(file, '/');
    const char *base = slash && slash[1] ? slash + 1 : file;
    bool is_package = strcmp(base, "__init__.py") == 0 || strcmp(base, "__main__.py") == 0;
    if (slash && is_package)
        for (base = slash; base > file && base[-1] != '/';)
            base--;
    return base;
}

void hop_module_name(const char *file, char *name, size_t size)
{
    const char *part = module_part(file);
    size_t length = strlen(part), init = strlen("/__init__.py");
    if (length > init && strcmp(part + length - init, "/__init__.py") == 0)
        length -= init;
    else if (length > 3 && strcmp(part + length - 3, ".py") == 0)
        length -= 3;
    if (length >= size)
        length = size - 1;
    for (size_t i = 0; i < length; i++)
        name[i] = part[i] == '/' && i ? '.' : part[i];
    name[length] = '\0';
}

/* --- which instructions are a group --------------------------------------------------------- */

static int compare_keys(const struct hop_total *a, const struct hop_total *b)
{
    int order = strcmp(a->file, b->file);
    if (!order)
        order = (a->line > b->line) - (a->line < b->line);
    if (!order)
        order = strcmp(a->name, b->name);
    if (!order)
        order = (a->thread > b->thread) - (a->thread < b->thread);
    return order ? order : (a->code > b->code) - (a->code < b->code);
}

static int by_key(const void *a, const void *b)
{
    return compare_keys(a, b);
}

static bool fill_key(struct hop_totals *totals, const struct hop_instruction *row,
                     enum hop_grouping by, struct hop_total *key)
{
    char module[MODULE_BYTES];
    *key = (struct hop_total){.file = "", .name = ""};
    switch (by) {
    case HOP_BY_OPCODE:
        key->name = row->base_opcode;
        break;
    case HOP_BY_CLASS:
        key->name = hop_opcode_class(row->base_opcode);
        break;
    case HOP_BY_FUNCTION:
        key->file = row->file;
        key->name = row->function;
        key->line = row->first_line;
        break;
    case HOP_BY_LINE:
        key->file = row->file;
        key->line = row->line > 0 ? row->line : row->first_line;
        break;
    case HOP_BY_FILE:
        key->file = row->file;
        break;
    case HOP_BY_MODULE:
        hop_module_name(row->file, module, sizeof module);
        key->name = hop_arena_string(&totals->arena, module, strlen(module));
        break;
    case HOP_BY_CODE:
        key->code = row->code;
        break;
    case HOP_BY_CODE_LINE:
        key->code = row->code;
        key->line = row->line > 0 ? row->line : row->first_line;
        break;
    case HOP_BY_THREAD:
    case HOP_GROUPINGS:
        break;
    }
    return key->name != NULL;
}

/* Rows without counts, and the group of each instruction. */
static bool join_instructions(struct hop_totals *totals, enum hop_grouping by,
                              uint32_t *group_of_instruction)
{
    size_t count = totals->profile->instruction_count;
    totals->rows = calloc(count + 1, sizeof *totals->rows);
    if (!totals->rows)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!fill_key(totals, &totals->profile->instructions[i], by, &totals->rows[i]))
            return false;
        totals->rows[i].instruction = (uint32_t)i;
    }
    qsort(totals->rows, count, sizeof *totals->rows, by_key);
    for (size_t i = 0; i < count; i++) {
        uint32_t instruction = totals->rows[i].instruction;
        if (!totals->count || compare_keys(&totals->rows[totals->count - 1], &totals->rows[i]) != 0)
            totals->rows[totals->count++] = totals->rows[i];
        totals->rows[totals->count - 1].group = (uint32_t)(totals->count - 1);
        group_of_instruction[instruction] = (uint32_t)(totals->count - 1);
    }
    return true;
}

static bool make_threads(struct hop_totals *totals)
{
    size_t count = totals->profile->thread_count;
    totals->rows = calloc(count + 1, sizeof *totals->rows);
    for (size_t i = 0; totals->rows && i < count; i++)
        totals->rows[i] = (struct hop_total){.file = "",
                                             .name = totals->profile->threads[i].name,
                                             .thread = (uint32_t)i,
                                             .group = (uint32_t)i};
    totals->count = totals->rows ? count : 0;
    return totals->rows != NULL;
}

/* --- counting -------------------------------------------------------------------------------- */

static bool is_root(const struct hop_profile *profile, size_t node)
{
    return profile->nodes[node].parent == node;
}

static void add(struct hop_hits *sum, const struct hop_hits *hits)
{
    sum->samples += hits->samples;
    sum->ns += hits->ns;
}

/* Fills is_counted, by_node and the groups of nodes. A parent stands before its children. */
static bool view_nodes(struct hop_totals *totals, const struct hop_report_options *options,
                       enum hop_grouping by, const uint32_t *group_of_instruction)
{
    const struct hop_profile *profile = totals->profile;
    size_t count = profile->node_count;
    struct hop_profile_node *nodes = hop_arena_alloc(&totals->arena, (count + 1) * sizeof *nodes);
    totals->group_of = calloc(count + 1, sizeof *totals->group_of);
    totals->outermost_of = calloc(count + 1, sizeof *totals->outermost_of);
    totals->is_counted = calloc(count + 1, sizeof *totals->is_counted);
    if (!nodes || !totals->group_of || !totals->outermost_of || !totals->is_counted)
        return false;
    for (size_t i = 0; i < count; i++) {
        nodes[i] = profile->nodes[i];
        if (is_root(profile, i)) {
            totals->group_of[i] = HOP_NO_GROUP;
            totals->outermost_of[i] = HOP_NO_NEXT;
            continue;
        }
        uint32_t instruction = nodes[i].instruction, parent = nodes[i].parent;
        nodes[i].instruction = (uint32_t)i;
        if (by != HOP_BY_THREAD)
            totals->group_of[i] = group_of_instruction[instruction];
        else
            totals->group_of[i] = is_root(profile, parent) ? profile->nodes[parent].instruction
                                                           : totals->group_of[parent];
        totals->is_counted[i] = hop_select_counts(options, &profile->instructions[instruction]);
    }
    totals->by_node = *profile;
    totals->by_node.nodes = nodes;
    totals->by_node.instruction_count = count;
    return true;
}

struct links {
    struct hop_hits below; /* samples that count and end here or below */
    uint32_t first_child, next_sibling;
};

enum { NO_NODE = UINT32_MAX };

static void link_nodes(const struct hop_totals *totals, struct links *links)
{
    const struct hop_profile *profile = totals->profile;
    for (size_t i = 0; i < profile->node_count; i++) {
        links[i] = (struct links){.first_child = NO_NODE, .next_sibling = NO_NODE};
        if (totals->is_counted[i])
            links[i].below = (struct hop_hits){profile->nodes[i].self, profile->nodes[i].self_ns};
    }
    for (size_t i = profile->node_count; i-- > 0;) {
        if (is_root(profile, i))
            continue;
        struct links *parent = &links[profile->nodes[i].parent];
        add(&parent->below, &links[i].below);
        links[i].next_sibling = parent->first_child;
        parent->first_child = (uint32_t)i;
    }
}

/* Depth first; `depth_of` counts, by group, how often it is on the path just now: only its
 * outermost place adds what is below. */
static void count_tree(struct hop_totals *totals, const struct links *links, uint32_t root,
                       uint32_t *depth_of)
{
    const struct hop_profile *profile = totals->profile;
    for (uint32_t node = root;;) {
        if (node != root) {
            struct hop_total *row = &totals->rows[totals->group_of[node]];
            struct hop_hits self = {profile->nodes[node].self, profile->nodes[node].self_ns};
            if (totals->is_counted[node])
                add(&row->self, &self);
            bool is_outermost = depth_of[row->group]++ == 0;
            if (is_outermost)
                add(&row->total, &links[node].below);
            totals->outermost_of[node] =
                is_outermost ? node : totals->outermost_of[profile->nodes[node].parent];
        }
        if (links[node].first_child != NO_NODE) {
            node = links[node].first_child;
            continue;
        }
        for (;; node = profile->nodes[node].parent) {
            if (node == root)
                return;
            depth_of[totals->group_of[node]]--;
            if (links[node].next_sibling != NO_NODE) {
                node = links[node].next_sibling;
                break;
            }
        }
    }
}

static bool count(struct hop_totals *totals)
{
    const struct hop_profile *profile = totals->profile;
    struct links *links = calloc(profile->node_count + 1, sizeof *links);
    uint32_t *depth_of = calloc(totals->count + 1, sizeof *depth_of);
    bool has_memory = links && depth_of;
    if (has_memory)
        link_nodes(totals, links);
    for (size_t i = 0; has_memory && i < profile->node_count; i++) {
        if (!is_root(profile, i))
            continue;
        count_tree(totals, links, (uint32_t)i, depth_of);
        add(&totals->whole, &links[i].below);
    }
    free(links);
    free(depth_of);
    return has_memory;
}

/* --- shares ---------------------------------------------------------------------------------- */

static bool find_shares(struct hop_totals *totals)
{
    size_t nodes = totals->profile->node_count;
    uint32_t *counted_of = calloc(nodes + 1, sizeof *counted_of);
    struct hop_hits *hits = calloc(totals->count + 1, sizeof *hits);
    struct hop_share *found = calloc(totals->count + 1, sizeof *found);
    bool has_memory = counted_of && hits && found;
    for (size_t i = 0; has_memory && i < nodes; i++)
        counted_of[i] = totals->is_counted[i] ? totals->group_of[i] : HOP_NO_GROUP;
    for (size_t i = 0; has_memory && i < totals->count; i++)
        hits[i] = totals->rows[i].self;
    has_memory = has_memory && hop_shares_find(&totals->shares, HOP_ALL_THREADS, counted_of, hits,
                                               totals->count, found);
    for (size_t i = 0; has_memory && i < totals->count; i++)
        totals->rows[i].share = found[i];
    free(counted_of);
    free(hits);
    free(found);
    return has_memory;
}

/* The most first, in time where samples stand for different times. */
static int compare_hits(const struct hop_hits *a, const struct hop_hits *b)
{
    if (a->ns != b->ns)
        return a->ns > b->ns ? -1 : 1;
    return (a->samples < b->samples) - (a->samples > b->samples);
}

static int by_hits(const void *left, const void *right)
{
    const struct hop_total *a = left, *b = right;
    int order = compare_hits(&a->self, &b->self);
    if (!order)
        order = compare_hits(&a->total, &b->total);
    return order ? order : compare_keys(a, b);
}

bool hop_totals_init(struct hop_totals *totals, const struct hop_profile *profile,
                     const struct hop_report_options *options, enum hop_grouping by)
{
    *totals = (struct hop_totals){.profile = profile};
    hop_arena_init(&totals->arena, NAMES_BYTES_MAX);
    uint32_t *group_of_instruction =
        calloc(profile->instruction_count + 1, sizeof *group_of_instruction);
    bool has_memory = group_of_instruction &&
                      (by == HOP_BY_THREAD ? make_threads(totals)
                                           : join_instructions(totals, by, group_of_instruction)) &&
                      view_nodes(totals, options, by, group_of_instruction) && count(totals) &&
                      hop_shares_init(&totals->shares, &totals->by_node) && find_shares(totals);
    free(group_of_instruction);
    if (has_memory && totals->count)
        qsort(totals->rows, totals->count, sizeof *totals->rows, by_hits);
    if (!has_memory)
        hop_totals_deinit(totals);
    return has_memory;
}

static int by_code(const void *left, const void *right)
{
    const struct hop_total *a = *(const struct hop_total *const *)left;
    const struct hop_total *b = *(const struct hop_total *const *)right;
    int order = (a->code > b->code) - (a->code < b->code);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

const struct hop_total **hop_totals_by_code(const struct hop_totals *totals)
{
    const struct hop_total **sorted = calloc(totals->count + 1, sizeof(*sorted));
    for (size_t i = 0; sorted && i < totals->count; i++)
        sorted[i] = &totals->rows[i];
    if (sorted)
        qsort(sorted, totals->count, sizeof(*sorted), by_code);
    return sorted;
}

const struct hop_total *hop_totals_find(const struct hop_total *const *sorted, size_t count,
                                        uint32_t code, int line)
{
    const struct hop_total key = {.code = code, .line = line}, *wanted = &key;
    const struct hop_total *const *found =
        count ? bsearch(&wanted, sorted, count, sizeof(*sorted), by_code) : NULL;
    return found ? *found : NULL;
}

void hop_totals_deinit(struct hop_totals *totals)
{
    if (totals->shares.profile)
        hop_shares_deinit(&totals->shares);
    free(totals->group_of);
    free(totals->outermost_of);
    free(totals->is_counted);
    free(totals->rows);
    hop_arena_deinit(&totals->arena);
    *totals = (struct hop_totals){0};
}
