/* Joins the nodes of a profile to what reports of stacks show. */
#include "report/stacks.h"

#include "report/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = HOP_NO_NODE };

/* What is needed while the nodes are made. "Source" is a node of the profile. */
struct builder {
    struct hop_stacks *stacks;
    const struct hop_profile *profile;
    const struct hop_stacks_plan *plan;
    uint32_t *line_frame, *leaf_frame;    /* by instruction: its frames */
    bool *is_wanted;                      /* by instruction: samples at it count */
    bool *is_alive;                       /* by source: wanted samples end here or below */
    uint32_t *first_child, *next_sibling; /* by source */
    uint32_t *next_same;                  /* by source: the next that became the same node */
    uint32_t *sources_of;                 /* by node: the first source */
    uint32_t *pending;                    /* by frame: sources of the child about to be made */
    uint32_t *child_of;                   /* by frame: the child just made */
    bool *is_touched;                     /* by frame */
    uint32_t *touched;                    /* frames that the node at hand has below it */
    size_t touched_count;
};

static int compare_text(const char *a, const char *b)
{
    return a == b ? 0 : strcmp(a, b);
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int line_of(const struct hop_instruction *row)
{
    return row->line ? row->line : row->first_line;
}

static int by_line(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = compare_text(a->function, b->function);
    if (!order)
        order = compare_text(a->file, b->file);
    return order ? order : compare_numbers(line_of(a), line_of(b));
}

static int by_opcode(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = by_line(a, b);
    return order ? order : compare_text(a->base_opcode, b->base_opcode);
}

static int by_place(const struct hop_instruction *a, const struct hop_instruction *b)
{
    int order = by_opcode(a, b);
    if (!order)
        order = compare_numbers(a->offset, b->offset);
    return order ? order : compare_numbers(a->code, b->code);
}

typedef int compare_rows(const struct hop_instruction *a, const struct hop_instruction *b);

static int sort_by(const void *a, const void *b, void *compare)
{
    const struct hop_instruction *x = *(const struct hop_instruction *const *)a;
    const struct hop_instruction *y = *(const struct hop_instruction *const *)b;
    int order = (*(compare_rows **)compare)(x, y);
    return order ? order : (x > y) - (x < y);
}

/* Adds a frame for each set of instructions that `compare` finds equal, and says whose is which. */
static void add_frames(struct hop_stacks *stacks, const struct hop_instruction **rows,
                       compare_rows *compare, enum hop_frame_kind kind, uint32_t *frame_of)
{
    const struct hop_instruction *first = stacks->profile->instructions;
    size_t count = stacks->profile->instruction_count;
    for (size_t i = 0; i < count; i++)
        rows[i] = &first[i];
    qsort_r(rows, count, sizeof(*rows), sort_by, &compare);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare(rows[i - 1], rows[i]) != 0)
            stacks->frames[stacks->frame_count++] =
                (struct hop_frame){kind, line_of(rows[i]), (uint32_t)(rows[i] - first)};
        frame_of[rows[i] - first] = (uint32_t)(stacks->frame_count - 1);
    }
}

static bool make_frames(struct builder *builder)
{
    struct hop_stacks *stacks = builder->stacks;
    const struct hop_profile *profile = builder->profile;
    size_t threads = profile->thread_count, rows_count = profile->instruction_count;
    const struct hop_instruction **rows = calloc(rows_count + 1, sizeof(*rows));
    stacks->frames = calloc(threads + 2 * rows_count + 1, sizeof *stacks->frames);
    if (!rows || !stacks->frames) {
        free(rows);
        return false;
    }
    for (size_t i = 0; i < threads; i++)
        stacks->frames[stacks->frame_count++] =
            (struct hop_frame){HOP_FRAME_THREAD, 0, (uint32_t)i};
    if (builder->plan->frames == HOP_FRAMES_LINES)
        add_frames(stacks, rows, by_line, HOP_FRAME_LINE, builder->line_frame);
    else
        add_frames(stacks, rows, by_place, HOP_FRAME_INSTRUCTION, builder->line_frame);
    if (builder->plan->leaf != HOP_LEAF_LINE)
        add_frames(stacks, rows, builder->plan->leaf == HOP_LEAF_OPCODE ? by_opcode : by_place,
                   HOP_FRAME_INSTRUCTION, builder->leaf_frame);
    free(rows);
    return true;
}

/* -i and -f narrow; but without -i all instructions count, not only those of the default set. */
static void find_wanted(struct builder *builder)
{
    static const char *const all[] = {"all"};
    const struct hop_report_options *given = builder->plan->options;
    bool narrows = given && hop_select_narrows(given);
    struct hop_report_options options = narrows ? *given : (struct hop_report_options){0};
    if (options.instruction_count == 0) {
        options.instructions = all;
        options.instruction_count = 1;
    }
    for (size_t i = 0; i < builder->profile->instruction_count; i++)
        builder->is_wanted[i] =
            !narrows || hop_select_tracks(&options, &builder->profile->instructions[i]);
}

static bool is_root(const struct builder *builder, size_t source)
{
    return builder->profile->nodes[source].parent == source;
}

static bool has_samples(const struct builder *builder, size_t source)
{
    const struct hop_profile_node *node = &builder->profile->nodes[source];
    return !is_root(builder, source) && (node->self || node->self_ns) &&
           builder->is_wanted[node->instruction];
}

static void link_sources(struct builder *builder)
{
    const struct hop_profile *profile = builder->profile;
    for (size_t i = 0; i < profile->node_count; i++)
        builder->first_child[i] = builder->next_sibling[i] = NONE;
    for (size_t i = profile->node_count; i-- > 0;) { /* children before their parent */
        builder->is_alive[i] |= has_samples(builder, i);
        if (is_root(builder, i) || !builder->is_alive[i])
            continue;
        uint32_t parent = profile->nodes[i].parent;
        builder->is_alive[parent] = true;
        builder->next_sibling[i] = builder->first_child[parent];
        builder->first_child[parent] = (uint32_t)i;
    }
}

static void touch(struct builder *builder, uint32_t frame)
{
    if (builder->is_touched[frame])
        return;
    builder->is_touched[frame] = true;
    builder->pending[frame] = NONE;
    builder->touched[builder->touched_count++] = frame;
}

/* Notes that `source` becomes a part of a child of the node at hand. */
static void gather(struct builder *builder, uint32_t source)
{
    uint32_t number = builder->profile->nodes[source].instruction;
    uint32_t frame = is_root(builder, source) ? number : builder->line_frame[number];
    touch(builder, frame);
    builder->next_same[source] = builder->pending[frame];
    builder->pending[frame] = source;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void make_children(struct builder *builder, uint32_t node)
{
    struct hop_stacks *stacks = builder->stacks;
    if (builder->touched_count > 1)
        qsort(builder->touched, builder->touched_count, sizeof *builder->touched, by_number);
    stacks->nodes[node].first_child = (uint32_t)stacks->node_count;
    stacks->nodes[node].child_count = (uint32_t)builder->touched_count;
    for (size_t i = 0; i < builder->touched_count; i++) {
        uint32_t frame = builder->touched[i], child = (uint32_t)stacks->node_count++;
        stacks->nodes[child] = (struct hop_stack_node){.parent = node, .frame = frame};
        builder->sources_of[child] = builder->pending[frame];
        builder->child_of[frame] = child;
        builder->is_touched[frame] = false;
    }
    builder->touched_count = 0;
}

static void add_samples(struct builder *builder, uint32_t node, uint32_t source)
{
    const struct hop_profile_node *from = &builder->profile->nodes[source];
    struct hop_stack_node *to = &builder->stacks->nodes[node];
    to->self += from->self;
    to->self_ns += from->self_ns;
    if (builder->stacks->node_of)
        builder->stacks->node_of[source] = node;
    builder->stacks->samples += from->self;
    builder->stacks->ns += from->self_ns;
}

/* Makes the children of a node from its sources, and counts the samples that end there. */
static void expand(struct builder *builder, uint32_t node)
{
    bool has_leaves = builder->plan->leaf != HOP_LEAF_LINE;
    const struct hop_profile_node *nodes = builder->profile->nodes;
    for (uint32_t at = builder->sources_of[node]; at != NONE; at = builder->next_same[at]) {
        for (uint32_t below = builder->first_child[at]; below != NONE;
             below = builder->next_sibling[below])
            gather(builder, below);
        if (has_leaves && has_samples(builder, at))
            touch(builder, builder->leaf_frame[nodes[at].instruction]);
    }
    make_children(builder, node);
    for (uint32_t at = builder->sources_of[node]; at != NONE; at = builder->next_same[at])
        if (has_samples(builder, at))
            add_samples(builder,
                        has_leaves ? builder->child_of[builder->leaf_frame[nodes[at].instruction]]
                                   : node,
                        at);
}

/* The root: of all threads at once, or with a child for each. */
static void make_root(struct builder *builder)
{
    struct hop_stacks *stacks = builder->stacks;
    stacks->node_count = 1;
    builder->sources_of[0] = NONE;
    for (size_t i = 0; i < builder->profile->node_count; i++) {
        if (!is_root(builder, i) || !builder->is_alive[i])
            continue;
        if (builder->plan->by_thread) {
            gather(builder, (uint32_t)i);
        } else {
            builder->next_same[i] = builder->sources_of[0];
            builder->sources_of[0] = (uint32_t)i;
        }
    }
    if (builder->plan->by_thread)
        make_children(builder, 0);
    else
        expand(builder, 0);
}

/* How many nodes there may be: each source makes one at most, and a leaf. */
static size_t count_nodes(const struct builder *builder)
{
    size_t count = 1;
    for (size_t i = 0; i < builder->profile->node_count; i++)
        count += builder->is_alive[i] +
                 (builder->plan->leaf != HOP_LEAF_LINE && has_samples(builder, i));
    return count;
}

static bool make_nodes(struct builder *builder)
{
    struct hop_stacks *stacks = builder->stacks;
    size_t frames = stacks->frame_count + 1, sources = builder->profile->node_count + 1;
    builder->is_alive = calloc(sources, sizeof *builder->is_alive);
    builder->first_child = malloc(sources * sizeof *builder->first_child);
    builder->next_sibling = malloc(sources * sizeof *builder->next_sibling);
    builder->next_same = malloc(sources * sizeof *builder->next_same);
    builder->pending = malloc(frames * sizeof *builder->pending);
    builder->child_of = malloc(frames * sizeof *builder->child_of);
    builder->touched = malloc(frames * sizeof *builder->touched);
    builder->is_touched = calloc(frames, sizeof *builder->is_touched);
    if (!builder->is_alive || !builder->first_child || !builder->next_sibling ||
        !builder->next_same || !builder->pending || !builder->child_of || !builder->touched ||
        !builder->is_touched)
        return false;
    if (builder->plan->wants_node_of) {
        stacks->node_of = malloc(sources * sizeof *stacks->node_of);
        if (!stacks->node_of)
            return false;
        memset(stacks->node_of, 0xff, sources * sizeof *stacks->node_of); /* HOP_NO_NODE */
    }
    link_sources(builder);
    size_t room = count_nodes(builder);
    stacks->nodes = calloc(room, sizeof *stacks->nodes);
    builder->sources_of = malloc(room * sizeof *builder->sources_of);
    if (!stacks->nodes || !builder->sources_of)
        return false;
    make_root(builder);
    for (size_t i = 1; i < stacks->node_count; i++) /* grows as it goes */
        expand(builder, (uint32_t)i);
    return true;
}

bool hop_stacks_init(struct hop_stacks *stacks, const struct hop_profile *profile,
                     const struct hop_stacks_plan *plan)
{
    size_t rows = profile->instruction_count + 1;
    *stacks = (struct hop_stacks){.profile = profile};
    struct builder builder = {.stacks = stacks, .profile = profile, .plan = plan};
    builder.line_frame = calloc(rows, sizeof *builder.line_frame);
    builder.leaf_frame = calloc(rows, sizeof *builder.leaf_frame);
    builder.is_wanted = calloc(rows, sizeof *builder.is_wanted);
    bool has_memory = builder.line_frame && builder.leaf_frame && builder.is_wanted;
    if (has_memory) {
        find_wanted(&builder);
        has_memory = make_frames(&builder) && make_nodes(&builder);
    }
    free(builder.line_frame);
    free(builder.leaf_frame);
    free(builder.is_wanted);
    free(builder.is_alive);
    free(builder.first_child);
    free(builder.next_sibling);
    free(builder.next_same);
    free(builder.sources_of);
    free(builder.pending);
    free(builder.child_of);
    free(builder.touched);
    free(builder.is_touched);
    if (!has_memory)
        hop_stacks_deinit(stacks);
    return has_memory;
}

void hop_stacks_deinit(struct hop_stacks *stacks)
{
    free(stacks->frames);
    free(stacks->nodes);
    free(stacks->node_of);
    *stacks = (struct hop_stacks){0};
}

uint64_t *hop_stacks_totals(const struct hop_stacks *stacks)
{
    uint64_t *totals = malloc(stacks->node_count * sizeof *totals);
    if (!totals)
        return NULL;
    for (size_t i = 0; i < stacks->node_count; i++)
        totals[i] = hop_stacks_weight(stacks, i);
    for (size_t i = stacks->node_count; i-- > 1;)
        totals[stacks->nodes[i].parent] += totals[i];
    return totals;
}

bool hop_stacks_measure(const struct hop_stacks *stacks, struct hop_stack_sizes *sizes)
{
    uint32_t *depths = calloc(stacks->node_count, sizeof *depths);
    *sizes = (struct hop_stack_sizes){0};
    for (size_t i = 1; depths && i < stacks->node_count; i++) {
        const struct hop_stack_node *node = &stacks->nodes[i];
        bool is_thread = stacks->frames[node->frame].kind == HOP_FRAME_THREAD;
        depths[i] = depths[node->parent] + !is_thread;
        if (node->self || node->self_ns)
            hop_stack_sizes_add(sizes, depths[i]);
    }
    free(depths);
    return depths != NULL;
}

uint32_t hop_stacks_next(const struct hop_stacks *stacks, uint32_t top, uint32_t node)
{
    const struct hop_stack_node *nodes = stacks->nodes;
    if (nodes[node].child_count)
        return nodes[node].first_child;
    while (node != top) {
        const struct hop_stack_node *parent = &nodes[nodes[node].parent];
        if (node + 1 < parent->first_child + parent->child_count)
            return node + 1;
        node = nodes[node].parent;
    }
    return top;
}

const struct hop_instruction *hop_frame_instruction(const struct hop_stacks *stacks,
                                                    const struct hop_frame *frame)
{
    return frame->kind == HOP_FRAME_THREAD ? NULL : &stacks->profile->instructions[frame->index];
}

static const char *or_unknown(const char *text)
{
    return *text ? text : "?";
}

size_t hop_frame_label(const struct hop_stacks *stacks, const struct hop_frame *frame,
                       const char *file, char *into, size_t size)
{
    const struct hop_instruction *row = hop_frame_instruction(stacks, frame);
    int length;
    if (!row) {
        const struct hop_profile_thread *thread = &stacks->profile->threads[frame->index];
        length = snprintf(into, size, *thread->name ? "%s (%d)" : "%sthread %d", thread->name,
                          thread->tid);
    } else if (frame->kind == HOP_FRAME_INSTRUCTION) {
        length = snprintf(into, size, "%s", or_unknown(row->base_opcode));
    } else if (frame->line) {
        length = snprintf(into, size, "%s (%s:%d)", or_unknown(row->function),
                          or_unknown(file ? file : row->file), frame->line);
    } else {
        length = snprintf(into, size, "%s (%s)", or_unknown(row->function),
                          or_unknown(file ? file : row->file));
    }
    return length < 0 ? 0 : (size_t)length;
}
