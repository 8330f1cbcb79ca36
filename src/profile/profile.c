/* Makes a profile whole from its nodes, and answers for it; where the data came from is the
 * builder's. */
#include "profile/profile.h"

#include "profile/codes.h"

#include <stdlib.h>
#include <string.h>

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Everything that describes an instruction and nothing that counts it. */
static int compare_descriptions(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = strcmp(a->file, b->file);
    if (!order)
        order = compare_numbers(a->line, b->line);
    if (!order)
        order = compare_numbers(a->offset, b->offset);
    if (!order)
        order = strcmp(a->function, b->function);
    if (!order)
        order = compare_numbers(a->first_line, b->first_line);
    if (!order)
        order = strcmp(a->opcode, b->opcode);
    if (!order)
        order = strcmp(a->base_opcode, b->base_opcode);
    if (!order)
        order = compare_numbers(a->oparg, b->oparg);
    if (!order)
        order = compare_numbers(a->end_line, b->end_line);
    if (!order)
        order = compare_numbers(a->column, b->column);
    if (!order)
        order = compare_numbers(a->end_column, b->end_column);
    if (!order)
        order = compare_numbers(a->is_tracked, b->is_tracked);
    return order ? order : compare_numbers(a->code, b->code);
}

/* The rows by description, by hits; pointers into the caller's array, so that each row's old index
 * stays known. */
static int by_description(const void *a, const void *b)
{
    return compare_descriptions(*(struct hop_instruction *const *)a,
                                *(struct hop_instruction *const *)b);
}

static int by_hits(const void *a, const void *b)
{
    const struct hop_instruction *x = *(struct hop_instruction *const *)a;
    const struct hop_instruction *y = *(struct hop_instruction *const *)b;
    if (x->self != y->self)
        return x->self > y->self ? -1 : 1;
    return compare_descriptions(x, y);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* A code object may be of no line, or say that it is of a line before the first. */
static void fill_missing(struct hop_profile *profile)
{
    profile->python = or_empty(profile->python);
    profile->command_line = or_empty(profile->command_line);
    profile->directory = or_empty(profile->directory);
    profile->mode = or_empty(profile->mode);
    profile->way = or_empty(profile->way);
    profile->way_words = or_empty(profile->way_words);
    for (size_t i = 0; i < profile->thread_count; i++)
        profile->threads[i].name = or_empty(profile->threads[i].name);
    for (size_t i = 0; i < profile->instruction_count; i++) {
        struct hop_instruction *row = &profile->instructions[i];
        row->function = or_empty(row->function);
        row->file = or_empty(row->file);
        row->opcode = or_empty(row->opcode);
        row->base_opcode = or_empty(row->base_opcode);
        row->first_line = row->first_line > 0 ? row->first_line : 0;
    }
    hop_profile_codes_fill_missing(profile);
}

static bool is_root(const struct hop_profile *profile, size_t node)
{
    return profile->nodes[node].parent == node;
}

static void renumber(struct hop_profile *profile, const uint32_t *new_index)
{
    for (size_t i = 0; i < profile->node_count; i++)
        if (!is_root(profile, i))
            profile->nodes[i].instruction = new_index[profile->nodes[i].instruction];
}

/* Joins equal rows: afterwards the first instruction_count of the array are all different. */
static void join_equal(struct hop_profile *profile, struct hop_instruction **order,
                       uint32_t *new_index, struct hop_instruction *scratch)
{
    struct hop_instruction *rows = profile->instructions;
    size_t count = profile->instruction_count, kept = 0;
    qsort(order, count, sizeof *order, by_description);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_descriptions(order[i - 1], order[i]) != 0)
            scratch[kept++] = *order[i];
        new_index[order[i] - rows] = (uint32_t)(kept - 1);
    }
    memcpy(rows, scratch, kept * sizeof *rows);
    profile->instruction_count = kept;
    renumber(profile, new_index);
}

static void sort_by_hits(struct hop_profile *profile, struct hop_instruction **order,
                         uint32_t *new_index, struct hop_instruction *scratch)
{
    struct hop_instruction *rows = profile->instructions;
    size_t count = profile->instruction_count;
    for (size_t i = 0; i < count; i++)
        order[i] = &rows[i];
    qsort(order, count, sizeof *order, by_hits);
    for (size_t i = 0; i < count; i++) {
        scratch[i] = *order[i];
        new_index[order[i] - rows] = (uint32_t)i;
    }
    memcpy(rows, scratch, count * sizeof *rows);
    renumber(profile, new_index);
}

struct node_links {
    uint64_t total, total_ns; /* samples that end here or below, what they stand for */
    uint32_t first_child, next_sibling;
};

enum { NO_NODE = UINT32_MAX };

static void link_nodes(const struct hop_profile *profile, struct node_links *links)
{
    for (size_t i = 0; i < profile->node_count; i++)
        links[i] = (struct node_links){profile->nodes[i].self, profile->nodes[i].self_ns, NO_NODE,
                                       NO_NODE};
    for (size_t i = profile->node_count; i-- > 0;) { /* children before their parent */
        if (is_root(profile, i))
            continue;
        struct node_links *parent = &links[profile->nodes[i].parent];
        parent->total += links[i].total;
        parent->total_ns += links[i].total_ns;
        links[i].next_sibling = parent->first_child;
        parent->first_child = (uint32_t)i;
    }
}

/* Walks one thread's tree depth first; `depth_of` counts, by instruction, how often it is on the
 * path just now. Only its outermost place on a path adds the samples below, so that recursion
 * counts a sample once. */
static void count_tree(struct hop_profile *profile, const struct node_links *links, uint32_t root,
                       uint32_t *depth_of)
{
    uint32_t node = root;
    for (;;) {
        if (node != root) {
            struct hop_instruction *row = &profile->instructions[profile->nodes[node].instruction];
            row->self += profile->nodes[node].self;
            row->self_ns += profile->nodes[node].self_ns;
            if (depth_of[profile->nodes[node].instruction]++ == 0)
                row->on_stack += links[node].total - profile->nodes[node].self;
        }
        if (links[node].first_child != NO_NODE) {
            node = links[node].first_child;
            continue;
        }
        for (;;) { /* up, until there is a sibling to go to */
            if (node == root)
                return;
            depth_of[profile->nodes[node].instruction]--;
            if (links[node].next_sibling != NO_NODE) {
                node = links[node].next_sibling;
                break;
            }
            node = profile->nodes[node].parent;
        }
    }
}

static void count_hits(struct hop_profile *profile, struct node_links *links, uint32_t *depth_of)
{
    for (size_t i = 0; i < profile->instruction_count; i++) {
        profile->instructions[i].self = 0;
        profile->instructions[i].self_ns = 0;
        profile->instructions[i].on_stack = 0;
        depth_of[i] = 0;
    }
    profile->samples = profile->samples_ns = 0;
    for (size_t i = 0; i < profile->thread_count; i++)
        profile->threads[i].samples = profile->threads[i].samples_ns = 0;
    link_nodes(profile, links);
    for (size_t i = 0; i < profile->node_count; i++) {
        if (!is_root(profile, i))
            continue;
        count_tree(profile, links, (uint32_t)i, depth_of);
        struct hop_profile_thread *thread = &profile->threads[profile->nodes[i].instruction];
        thread->samples += links[i].total;
        thread->samples_ns += links[i].total_ns;
        profile->samples += links[i].total;
        profile->samples_ns += links[i].total_ns;
    }
}

bool hop_profile_finish(struct hop_profile *profile)
{
    fill_missing(profile);
    if (!hop_profile_codes_join(profile))
        return false;
    size_t rows = profile->instruction_count;
    struct hop_instruction **order = calloc(rows + 1, sizeof(*order));
    struct hop_instruction *scratch = calloc(rows + 1, sizeof *scratch);
    uint32_t *numbers = calloc(rows + 1, sizeof *numbers);
    struct node_links *links = calloc(profile->node_count + 1, sizeof *links);
    bool has_memory = order && scratch && numbers && links;
    if (has_memory) {
        for (size_t i = 0; i < rows; i++)
            order[i] = &profile->instructions[i];
        if (rows)
            join_equal(profile, order, numbers, scratch);
        count_hits(profile, links, numbers);
        if (rows)
            sort_by_hits(profile, order, numbers, scratch);
    }
    free(order);
    free(scratch);
    free(numbers);
    free(links);
    return has_memory;
}

static int by_thread(const void *a, const void *b)
{
    const struct hop_thread_hits *x = a, *y = b;
    int order = compare_numbers(x->thread, y->thread);
    return order ? order : compare_numbers(x->instruction, y->instruction);
}

struct hop_thread_hits *hop_profile_hits_by_thread(const struct hop_profile *profile, size_t *count)
{
    size_t used = 0, joined = 0;
    for (size_t i = 0; i < profile->node_count; i++)
        used += profile->nodes[i].self != 0;
    *count = 0;
    if (used == 0)
        return NULL;
    struct hop_thread_hits *hits = calloc(used, sizeof *hits);
    uint32_t *thread_of = calloc(profile->node_count, sizeof *thread_of);
    if (!hits || !thread_of) {
        free(hits);
        free(thread_of);
        *count = SIZE_MAX;
        return NULL;
    }
    used = 0;
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        thread_of[i] = is_root(profile, i) ? node->instruction : thread_of[node->parent];
        if (node->self)
            hits[used++] = (struct hop_thread_hits){thread_of[i], node->instruction, node->self,
                                                    node->self_ns};
    }
    free(thread_of);
    qsort(hits, used, sizeof *hits, by_thread);
    for (size_t i = 0; i < used; i++) {
        if (joined && by_thread(&hits[joined - 1], &hits[i]) == 0)
            hits[joined - 1].self += hits[i].self, hits[joined - 1].self_ns += hits[i].self_ns;
        else
            hits[joined++] = hits[i];
    }
    *count = joined;
    return hits;
}

void hop_profile_destroy(struct hop_profile *profile)
{
    if (!profile)
        return;
    hop_arena_deinit(&profile->arena);
    free(profile);
}

const struct hop_instruction *hop_profile_instructions(const struct hop_profile *profile,
                                                       size_t *count)
{
    *count = profile->instruction_count;
    return profile->instructions;
}

uint64_t hop_profile_samples(const struct hop_profile *profile)
{
    return profile->samples;
}

uint64_t hop_profile_idle(const struct hop_profile *profile)
{
    return profile->idle;
}

enum hop_ending hop_profile_ending(const struct hop_profile *profile)
{
    return profile->ending;
}
