/* Packs stacks, instructions, bytecode and shares of a profile, see html_data.h. */
#include "report/html_data.h"

#include "report/html_shares.h"
#include "report/opcode_class.h"
#include "report/select.h"

#include <math.h>
#include <stdlib.h>

/* Bytecode of the most heavily used code objects is shown, up to so many instructions: some
 * thousand functions, a megabyte and a half of the page. */
enum { OPS_MAX = 300000 };

static struct hop_pack *column(struct hop_html_data *data, int name)
{
    return &data->columns[name];
}

static void pack_string(struct hop_html_data *data, int name, const char *text)
{
    hop_pack_number(column(data, name), hop_pack_string(&data->strings, text));
}

enum { NO_NODE = UINT32_MAX };

struct links {
    uint32_t first_child, next_sibling;
};

/* Returns the first root, or NO_NODE. */
static uint32_t link_nodes(const struct hop_profile *profile, struct links *links)
{
    uint32_t first_root = NO_NODE;
    for (size_t i = 0; i < profile->node_count; i++)
        links[i] = (struct links){NO_NODE, NO_NODE};
    for (size_t i = profile->node_count; i-- > 0;) {
        uint32_t parent = profile->nodes[i].parent;
        uint32_t *first = parent == i ? &first_root : &links[parent].first_child;
        links[i].next_sibling = *first;
        *first = (uint32_t)i;
    }
    return first_root;
}

static void pack_node(struct hop_html_data *data, const struct hop_profile *profile, uint32_t at,
                      uint64_t up)
{
    const struct hop_profile_node *node = &profile->nodes[at];
    hop_pack_number(column(data, HOP_HTML_NODE_UP), up);
    hop_pack_number(column(data, HOP_HTML_NODE_INSTRUCTION), node->instruction);
    hop_pack_number(column(data, HOP_HTML_NODE_SELF), node->self);
    if (profile->has_weights && node->self)
        hop_pack_number(column(data, HOP_HTML_NODE_NS), node->self_ns);
}

/* Depth first, so that where a node hangs is a small number, most often 0. */
static bool pack_nodes(struct hop_html_data *data, const struct hop_profile *profile)
{
    struct links *links = calloc(profile->node_count + 1, sizeof *links);
    if (!links)
        return false;
    uint32_t node = link_nodes(profile, links);
    uint64_t up = 0;
    while (node != NO_NODE) {
        pack_node(data, profile, node, up);
        up = 0;
        if (links[node].first_child != NO_NODE) {
            node = links[node].first_child;
            continue;
        }
        up = 1;
        while (links[node].next_sibling == NO_NODE && profile->nodes[node].parent != node) {
            node = profile->nodes[node].parent;
            up++;
        }
        node = links[node].next_sibling;
    }
    free(links);
    return true;
}

/* A base opcode; of one that is new its class as well. */
static void pack_opcode(struct hop_html_data *data, int name, const char *opcode)
{
    uint32_t string = hop_pack_string(&data->strings, opcode);
    hop_pack_number(column(data, name), string);
    for (size_t i = 0; i < data->opcode_count; i++)
        if (data->opcodes[i] == string)
            return;
    if (data->opcode_count == HOP_HTML_OPCODES_MAX)
        return;
    data->opcodes[data->opcode_count++] = string;
    hop_pack_number(column(data, HOP_HTML_OPCODE_NAME), string);
    pack_string(data, HOP_HTML_OPCODE_CLASS, hop_opcode_class(opcode));
}

static void pack_row(struct hop_html_data *data, const struct hop_instruction *row, bool is_tracked)
{
    hop_pack_number(column(data, HOP_HTML_ROW_CODE), row->code);
    hop_pack_number(column(data, HOP_HTML_ROW_OFFSET), row->offset);
    pack_string(data, HOP_HTML_ROW_OPCODE, row->opcode);
    pack_opcode(data, HOP_HTML_ROW_BASE, row->base_opcode);
    hop_pack_number(column(data, HOP_HTML_ROW_ARG), (uint64_t)(row->oparg + 1));
    hop_pack_signed(column(data, HOP_HTML_ROW_LINE), hop_html_line(row));
    hop_pack_signed(column(data, HOP_HTML_ROW_END_LINE),
                    row->line > 0 ? (int64_t)row->end_line - row->line : 0);
    hop_pack_number(column(data, HOP_HTML_ROW_COLUMN), (uint64_t)((int64_t)row->column + 1));
    hop_pack_number(column(data, HOP_HTML_ROW_END_COLUMN),
                    (uint64_t)((int64_t)row->end_column + 1));
    hop_pack_number(column(data, HOP_HTML_ROW_FLAGS), is_tracked);
}

static bool pack_shares(struct hop_html_data *data, const struct hop_profile *profile)
{
    struct hop_html_group groups[HOP_HTML_GROUPING_COUNT];
    if (!hop_html_groups_init(groups, profile))
        return false;
    for (int i = 0; i < HOP_HTML_GROUPING_COUNT; i++) {
        for (size_t row = 0; row < profile->instruction_count; row++)
            hop_pack_number(column(data, HOP_HTML_GROUP_OF), groups[i].group_of[row]);
        for (size_t at = 0; at < groups[i].count; at++) {
            const struct hop_share *share = &groups[i].shares[at];
            hop_pack_number(column(data, HOP_HTML_GROUP_LOW), (uint64_t)lround(share->low * 1e6));
            hop_pack_number(column(data, HOP_HTML_GROUP_HIGH), (uint64_t)lround(share->high * 1e6));
        }
    }
    hop_html_groups_deinit(groups);
    return true;
}

static void pack_op(struct hop_html_data *data, const struct hop_profile_op *op, uint32_t offset,
                    int line)
{
    hop_pack_number(column(data, HOP_HTML_OP_UNITS), (op->offset - offset) / 2);
    pack_opcode(data, HOP_HTML_OP_OPCODE, op->opcode);
    hop_pack_number(column(data, HOP_HTML_OP_ARG), (uint64_t)(op->oparg + 1));
    pack_string(data, HOP_HTML_OP_ARGUMENT, op->argument);
    hop_pack_signed(column(data, HOP_HTML_OP_LINE), (int64_t)op->line - line);
    hop_pack_signed(column(data, HOP_HTML_OP_END_LINE), (int64_t)op->end_line - op->line);
    hop_pack_number(column(data, HOP_HTML_OP_COLUMN), (uint64_t)((int64_t)op->column + 1));
    hop_pack_number(column(data, HOP_HTML_OP_END_COLUMN), (uint64_t)((int64_t)op->end_column + 1));
}

static void pack_code(struct hop_html_data *data, const struct hop_profile_code *code,
                      bool is_shown)
{
    size_t count = is_shown ? code->op_count : 0;
    uint32_t offset = 0;
    int line = code->first_line;
    pack_string(data, HOP_HTML_CODE_FUNCTION, code->function);
    hop_pack_signed(column(data, HOP_HTML_CODE_FIRST_LINE), code->first_line);
    hop_pack_number(column(data, HOP_HTML_CODE_OPS), count);
    for (size_t i = 0; i < count; i++) {
        pack_op(data, &code->ops[i], offset, line);
        offset = code->ops[i].offset;
        line = code->ops[i].line;
    }
}

struct used_code {
    uint64_t samples; /* with it on the stack; more than there were where it calls itself */
    uint32_t code;
};

static int by_use(const void *a, const void *b)
{
    const struct used_code *x = a, *y = b;
    if (x->samples != y->samples)
        return x->samples > y->samples ? -1 : 1;
    return (x->code > y->code) - (x->code < y->code);
}

/* Which code objects have their place, the most used first; to be given to free(). */
static bool *choose_codes(struct hop_html_data *data, const struct hop_profile *profile)
{
    size_t count = profile->code_count, ops = 0;
    bool *is_shown = calloc(count + 1, sizeof *is_shown);
    struct used_code *used = calloc(count + 1, sizeof *used);
    for (size_t i = 0; used && i < count; i++)
        used[i].code = (uint32_t)i;
    for (size_t i = 0; used && i < profile->instruction_count; i++)
        used[profile->instructions[i].code].samples +=
            profile->instructions[i].self + profile->instructions[i].on_stack;
    if (used)
        qsort(used, count, sizeof *used, by_use);
    for (size_t i = 0; used && is_shown && i < count; i++) {
        const struct hop_profile_code *code = &profile->codes[used[i].code];
        bool fits = code->op_count <= OPS_MAX - ops;
        is_shown[used[i].code] = fits;
        ops += fits ? code->op_count : 0;
        data->codes_left_out += !fits;
    }
    free(used);
    if (used)
        return is_shown;
    free(is_shown);
    return NULL;
}

bool hop_html_data_init(struct hop_html_data *data, const struct hop_profile *profile,
                        const struct hop_report_options *options)
{
    *data = (struct hop_html_data){.codes_left_out = 0};
    bool narrows = hop_select_narrows(options);
    bool has_memory = hop_pack_strings_init(&data->strings) && pack_nodes(data, profile) &&
                      pack_shares(data, profile);
    bool *is_shown = has_memory ? choose_codes(data, profile) : NULL;
    if (!is_shown)
        return false;
    for (size_t i = 0; i < profile->instruction_count; i++) {
        const struct hop_instruction *row = &profile->instructions[i];
        pack_row(data, row, !narrows || hop_select_tracks(options, row));
    }
    for (size_t i = 0; i < profile->code_count; i++)
        pack_code(data, &profile->codes[i], is_shown[i]);
    has_memory = hop_html_pack_source(data, profile, is_shown);
    free(is_shown);
    for (int i = 0; i < HOP_HTML_COLUMN_COUNT; i++)
        has_memory = has_memory && !data->columns[i].is_out_of_memory;
    return has_memory && !data->strings.lengths.is_out_of_memory &&
           !data->strings.text.is_out_of_memory;
}

void hop_html_data_deinit(struct hop_html_data *data)
{
    for (int i = 0; i < HOP_HTML_COLUMN_COUNT; i++)
        hop_pack_deinit(&data->columns[i]);
    hop_pack_strings_deinit(&data->strings);
}
