/* Joins instructions (or threads) to rows, see table.h. */
#include "live/table.h"

#include "base/id_table.h"
#include "report/rows.h"
#include "report/select.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- keys ------------------------------------------------------------------------------------ */

/* FNV-1a, 64 bits. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return hash_bytes(hash, text, strlen(text) + 1);
}

static uint64_t hash_number(uint64_t hash, int64_t number)
{
    return hash_bytes(hash, &number, sizeof number);
}

static const uint64_t HASH_BASIS = UINT64_C(0xcbf29ce484222325);

static int shown_line(const struct hop_instruction *row)
{
    return row->line > 0 ? row->line : row->first_line;
}

static uint64_t key_of(enum hop_live_view view, const struct hop_instruction *row, const char *name)
{
    uint64_t hash = HASH_BASIS;
    if (view == HOP_LIVE_OPCODES)
        return hash_text(hash, name);
    hash = hash_text(hash, row->file);
    if (view == HOP_LIVE_LINES)
        return hash_number(hash, shown_line(row));
    hash = hash_text(hash_number(hash, row->first_line), row->function);
    if (view == HOP_LIVE_FUNCTIONS)
        return hash;
    return hash_text(hash_number(hash_number(hash, row->offset), row->line), name);
}

/* --- joining --------------------------------------------------------------------------------- */

/* What is made and thrown away while a table is made. */
struct joining {
    struct hop_live_table *table;
    const struct hop_profile *profile;
    const struct hop_report_options *options;
    struct hop_id_table ids; /* by key: the row */
    uint32_t *group_of;      /* by instruction: the row */
    uint32_t *thread_of;     /* by node */
};

static void add_hits(struct hop_hits *sum, uint64_t samples, uint64_t ns)
{
    sum->samples += samples;
    sum->ns += ns;
}

static bool join_instruction(struct joining *joining, size_t index)
{
    struct hop_live_table *table = joining->table;
    const struct hop_instruction *row = &joining->profile->instructions[index];
    if (!hop_select_tracks(joining->options, row))
        return true;
    const char *name = hop_select_shown_name(joining->options, row);
    uint64_t key = key_of(table->view, row, name);
    uint32_t group = hop_id_table_get(&joining->ids, key);
    if (group == HOP_NO_ID) {
        group = (uint32_t)table->count++;
        table->rows[group] = (struct hop_live_row){
            .key = key, .instruction = (uint32_t)index, .opcode = name, .group = group};
        if (!hop_id_table_put(&joining->ids, key, group))
            return false;
    }
    joining->group_of[index] = group;
    add_hits(&table->rows[group].hits, row->self, row->self_ns);
    add_hits(&table->hits, row->self, row->self_ns);
    return true;
}

/* A row a thread, of the instructions that are tracked. False: out of memory. */
static bool join_threads(struct joining *joining)
{
    struct hop_live_table *table = joining->table;
    const struct hop_profile *profile = joining->profile;
    for (size_t i = 0; i < profile->thread_count; i++)
        table->rows[i] = (struct hop_live_row){
            .key = hash_number(HASH_BASIS, (int64_t)i),
            .thread = (uint32_t)i,
            .instruction = HOP_NO_GROUP,
            .group = (uint32_t)i,
        };
    table->count = profile->thread_count;
    uint64_t *most = calloc(profile->thread_count + 1, sizeof *most); /* by thread */
    if (!most)
        return false;
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        if (node->parent == i ||
            !hop_select_tracks(joining->options, &profile->instructions[node->instruction]))
            continue;
        uint32_t thread = joining->thread_of[i];
        struct hop_live_row *row = &table->rows[thread];
        table->group_of_node[i] = thread;
        if (row->instruction == HOP_NO_GROUP || node->self > most[thread]) {
            row->instruction = node->instruction;
            most[thread] = node->self;
        }
        add_hits(&row->hits, node->self, node->self_ns);
        add_hits(&table->hits, node->self, node->self_ns);
    }
    free(most);
    return true;
}

/* Shares are found of instructions; so each node is made one of the instruction with its row's
 * number, in a profile that has nothing else. */
static bool find_shares(struct joining *joining)
{
    struct hop_live_table *table = joining->table;
    struct hop_profile shadow = *joining->profile;
    struct hop_shares shares;
    struct hop_hits *hits = calloc(table->count + 1, sizeof *hits);
    struct hop_share *found = calloc(table->count + 1, sizeof *found);
    uint32_t *group_of = calloc(table->count + 1, sizeof *group_of);
    shadow.nodes = calloc(shadow.node_count + 1, sizeof *shadow.nodes);
    bool has_memory = hits && found && group_of && shadow.nodes;
    if (has_memory) {
        for (size_t i = 0; i < table->count; i++) {
            hits[i] = table->rows[i].hits;
            group_of[i] = (uint32_t)i;
        }
        group_of[table->count] = HOP_NO_GROUP;
        for (size_t i = 0; i < shadow.node_count; i++) {
            uint32_t group = table->group_of_node[i];
            shadow.nodes[i] = joining->profile->nodes[i];
            if (shadow.nodes[i].parent != i)
                shadow.nodes[i].instruction =
                    group == HOP_NO_GROUP ? (uint32_t)table->count : group;
        }
        has_memory = hop_shares_init(&shares, &shadow);
    }
    if (has_memory) {
        has_memory = hop_shares_find(&shares, HOP_ALL_THREADS, group_of, hits, table->count, found);
        for (size_t i = 0; has_memory && i < table->count; i++)
            table->rows[i].share = found[i];
        hop_shares_deinit(&shares);
    }
    free(hits);
    free(found);
    free(group_of);
    free(shadow.nodes);
    return has_memory;
}

/* --- totals ---------------------------------------------------------------------------------- */

struct links {
    uint32_t first_child, next_sibling;
    double total;
};

enum { NO_NODE = UINT32_MAX };

/* The row of the frame that a node stands for, whether or not a sample ends there. */
static uint32_t row_of_node(const struct joining *joining, size_t node)
{
    const struct hop_profile *profile = joining->profile;
    return profile->nodes[node].parent == node
               ? HOP_NO_GROUP
               : joining->group_of[profile->nodes[node].instruction];
}

/* Depth first from one root; only a row's outermost place on a path counts. */
static void add_totals(const struct joining *joining, const struct links *links, uint32_t root,
                       uint32_t *depth_of)
{
    uint32_t node = root;
    for (;;) {
        uint32_t row = row_of_node(joining, node);
        if (row != HOP_NO_GROUP && depth_of[row]++ == 0)
            joining->table->rows[row].total += links[node].total;
        if (links[node].first_child != NO_NODE) {
            node = links[node].first_child;
            continue;
        }
        for (;;) {
            row = row_of_node(joining, node);
            if (row != HOP_NO_GROUP)
                depth_of[row]--;
            if (node == root)
                return;
            if (links[node].next_sibling != NO_NODE) {
                node = links[node].next_sibling;
                break;
            }
            node = joining->profile->nodes[node].parent;
        }
    }
}

static bool find_totals(struct joining *joining)
{
    const struct hop_profile *profile = joining->profile;
    struct links *links = calloc(profile->node_count + 1, sizeof *links);
    uint32_t *depth_of = calloc(joining->table->count + 1, sizeof *depth_of);
    double whole = profile->has_weights ? (double)profile->samples_ns : (double)profile->samples;
    if (links && depth_of) {
        for (size_t i = 0; i < profile->node_count; i++)
            links[i] = (struct links){NO_NODE, NO_NODE,
                                      profile->has_weights ? (double)profile->nodes[i].self_ns
                                                           : (double)profile->nodes[i].self};
        for (size_t i = profile->node_count; i-- > 0;) { /* children before their parent */
            uint32_t parent = profile->nodes[i].parent;
            if (parent == i)
                continue;
            links[parent].total += links[i].total;
            links[i].next_sibling = links[parent].first_child;
            links[parent].first_child = (uint32_t)i;
        }
        for (size_t i = 0; i < profile->node_count; i++)
            if (profile->nodes[i].parent == i)
                add_totals(joining, links, (uint32_t)i, depth_of);
        for (size_t i = 0; whole > 0 && i < joining->table->count; i++)
            joining->table->rows[i].total /= whole;
    }
    bool has_memory = links && depth_of;
    free(links);
    free(depth_of);
    return has_memory;
}

/* The history may be newer than the table, and then knows nodes that the table does not. */
static uint32_t group_of(const struct hop_live_table *table, uint32_t node)
{
    return node < table->node_count ? table->group_of_node[node] : HOP_NO_GROUP;
}

/* --- the intervals --------------------------------------------------------------------------- */

static void add_moment(const struct hop_live_table *table, const struct hop_live_moment *moment,
                       const uint32_t *place_of, size_t stride, double *shares, size_t row_count)
{
    double all = 0;
    for (size_t i = 0; i < row_count; i++)
        shares[i * stride] = 0;
    for (size_t i = 0; i < moment->count; i++) {
        uint32_t group = group_of(table, moment->changes[i].node);
        if (group == HOP_NO_GROUP)
            continue;
        all += moment->changes[i].weight;
        if (place_of[group] != HOP_NO_GROUP)
            shares[place_of[group] * stride] += moment->changes[i].weight;
    }
    for (size_t i = 0; i < row_count; i++)
        shares[i * stride] = all > 0 ? shares[i * stride] / all : -1;
}

bool hop_live_table_trends(const struct hop_live_table *table,
                           const struct hop_live_history *history, size_t first, size_t row_count,
                           size_t count, double *shares)
{
    uint32_t *place_of = malloc((table->group_count + 1) * sizeof *place_of);
    if (!place_of)
        return false;
    for (size_t i = 0; i < table->group_count; i++)
        place_of[i] = HOP_NO_GROUP;
    for (size_t i = 0; i < row_count; i++)
        place_of[table->rows[first + i].group] = (uint32_t)i;
    for (size_t i = 0; i < row_count * count; i++)
        shares[i] = -1;
    for (size_t age = 0; age < count && age < history->count; age++)
        add_moment(table, hop_live_history_at(history, age), place_of, count,
                   shares + (count - 1 - age), row_count);
    free(place_of);
    return true;
}

static void find_now(struct hop_live_table *table, const struct hop_live_history *history)
{
    double all = 0;
    for (size_t i = 0; i < table->count; i++)
        table->rows[i].now = 0;
    if (history->count) {
        const struct hop_live_moment *moment = hop_live_history_at(history, 0);
        for (size_t i = 0; i < moment->count; i++) {
            uint32_t group = group_of(table, moment->changes[i].node);
            if (group == HOP_NO_GROUP)
                continue;
            table->rows[group].now += moment->changes[i].weight;
            all += moment->changes[i].weight;
        }
    }
    for (size_t i = 0; i < table->count; i++)
        table->rows[i].now = all > 0 ? table->rows[i].now / all : -1;
}

/* --- names ----------------------------------------------------------------------------------- */

static const char *last_part(const char *qualified_name)
{
    const char *dot = strrchr(qualified_name, '.');
    return dot && dot[1] ? dot + 1 : qualified_name;
}

static const char *or_unknown(const char *text)
{
    return *text ? text : "?";
}

/* ":12" or ":12-30" behind a line, as far as it is known and needed. */
static void print_columns(const struct hop_live_row *row, const struct hop_instruction *at,
                          char *text, size_t size)
{
    *text = '\0';
    if (!row->needs_column || at->column < 0)
        return;
    bool has_end = row->needs_end && !row->needs_offset && at->end_column >= 0;
    int64_t column = (int64_t)at->column + 1;
    if (!has_end)
        snprintf(text, size, ":%" PRId64, column);
    else if (at->end_line == at->line)
        snprintf(text, size, ":%" PRId64 "-%d", column, at->end_column);
    else
        snprintf(text, size, ":%" PRId64 "-%d:%d", column, at->end_line, at->end_column);
}

void hop_live_table_name(const struct hop_live_table *table, const struct hop_profile *profile,
                         const struct hop_live_row *row, char *name, size_t size)
{
    if (table->view == HOP_LIVE_THREADS) {
        const struct hop_profile_thread *thread = &profile->threads[row->thread];
        snprintf(name, size, "%d %s", thread->tid, thread->name);
        return;
    }
    const struct hop_instruction *at = &profile->instructions[row->instruction];
    const char *file = or_unknown(table->short_files[row->instruction]);
    char place[32], columns[48], offset[32] = "";
    int line = shown_line(at);
    snprintf(place, sizeof place, line > 0 ? "%d" : "?", line);
    switch (table->view) {
    case HOP_LIVE_OPCODES:
        snprintf(name, size, "%s", row->opcode);
        break;
    case HOP_LIVE_LINES:
        snprintf(name, size, "%s:%s  %s", file, place, or_unknown(last_part(at->function)));
        break;
    case HOP_LIVE_FUNCTIONS:
        snprintf(name, size, "%s  %s:%d", or_unknown(at->function), file, at->first_line);
        break;
    default:
        print_columns(row, at, columns, sizeof columns);
        if (row->needs_offset)
            snprintf(offset, sizeof offset, " (offset %u)", at->offset);
        /* What is cut where it is narrow is what can be missed best. */
        snprintf(name, size, "%s:%s%s %s%s  %s", file, place, columns, row->opcode, offset,
                 or_unknown(last_part(at->function)));
    }
}

/* What a row is called with nothing but its line; with its column; with where that ends. */
enum { BY_LINE, BY_COLUMN, BY_END };

static uint64_t name_key(const struct hop_live_row *row, const struct hop_instruction *at, int by)
{
    uint64_t key = hash_text(hash_number(HASH_BASIS, shown_line(at)), at->file);
    key = hash_text(hash_text(key, at->function), row->opcode);
    if (by >= BY_COLUMN)
        key = hash_number(key, at->column);
    if (by >= BY_END)
        key = hash_number(hash_number(key, at->end_line), at->end_column);
    return key;
}

static bool *need_of(struct hop_live_row *row, int by)
{
    return by == BY_LINE     ? &row->needs_column
           : by == BY_COLUMN ? &row->needs_end
                             : &row->needs_offset;
}

/* Rows that would be called the same tell more of their place. */
static bool tell_apart(struct joining *joining, int by)
{
    struct hop_live_table *table = joining->table;
    struct hop_id_table first_of;
    if (table->view != HOP_LIVE_INSTRUCTIONS)
        return true;
    bool has_memory = hop_id_table_init(&first_of, table->count);
    for (size_t i = 0; has_memory && i < table->count; i++) {
        struct hop_live_row *row = &table->rows[i];
        uint64_t key = name_key(row, &joining->profile->instructions[row->instruction], by);
        uint32_t first = hop_id_table_get(&first_of, key);
        if (first == HOP_NO_ID)
            has_memory = hop_id_table_put(&first_of, key, (uint32_t)i);
        else
            *need_of(row, by) = *need_of(&table->rows[first], by) = true;
    }
    hop_id_table_deinit(&first_of);
    return has_memory;
}

/* --- the whole ------------------------------------------------------------------------------- */

static bool join_all(struct joining *joining)
{
    const struct hop_profile *profile = joining->profile;
    struct hop_live_table *table = joining->table;
    bool is_threads = table->view == HOP_LIVE_THREADS;
    for (size_t i = 0; i < profile->instruction_count; i++)
        joining->group_of[i] = HOP_NO_GROUP;
    for (size_t i = 0; !is_threads && i < profile->instruction_count; i++)
        if (!join_instruction(joining, i))
            return false;
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        bool is_root = node->parent == i;
        joining->thread_of[i] = is_root ? node->instruction : joining->thread_of[node->parent];
        table->group_of_node[i] =
            is_root || is_threads ? HOP_NO_GROUP : joining->group_of[node->instruction];
    }
    if (is_threads && !join_threads(joining))
        return false;
    for (int by = BY_LINE; by <= BY_END; by++)
        if (!tell_apart(joining, by))
            return false;
    return find_shares(joining) && (table->view != HOP_LIVE_FUNCTIONS || find_totals(joining));
}

/* Those without a hit are of functions that only call, or of what was before a reset. */
static void drop_empty(struct hop_live_table *table)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].hits.samples || table->rows[i].total > 0)
            table->rows[kept++] = table->rows[i];
    table->count = kept;
}

bool hop_live_table_init(struct hop_live_table *table, enum hop_live_view view,
                         const struct hop_profile *profile, const struct hop_live_history *history,
                         const struct hop_report_options *options)
{
    size_t instructions = profile->instruction_count, threads = profile->thread_count;
    size_t rows = instructions > threads ? instructions : threads;
    *table = (struct hop_live_table){
        .view = view,
        .rows = calloc(rows + 1, sizeof *table->rows),
        .group_of_node = calloc(profile->node_count + 1, sizeof *table->group_of_node),
        .node_count = profile->node_count,
        .short_files = hop_short_file_names(profile),
    };
    struct joining joining = {
        .table = table,
        .profile = profile,
        .options = options,
        .group_of = calloc(instructions + 1, sizeof *joining.group_of),
        .thread_of = calloc(profile->node_count + 1, sizeof *joining.thread_of),
    };
    bool has_memory = hop_id_table_init(&joining.ids, instructions) && table->rows &&
                      table->group_of_node && table->short_files && joining.group_of &&
                      joining.thread_of && join_all(&joining);
    table->group_count = table->count;
    if (has_memory) {
        find_now(table, history);
        drop_empty(table);
    } else {
        hop_live_table_deinit(table);
    }
    hop_id_table_deinit(&joining.ids);
    free(joining.group_of);
    free(joining.thread_of);
    return has_memory;
}

void hop_live_table_deinit(struct hop_live_table *table)
{
    free(table->rows);
    free(table->group_of_node);
    free(table->short_files);
    *table = (struct hop_live_table){0};
}
