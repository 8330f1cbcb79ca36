/* Finds a function's bytecode in look after look and counts its instructions' hits. */
#include "live/bytecode.h"

#include <stdlib.h>
#include <string.h>

bool hop_live_bytecode_open(struct hop_live_bytecode *bytecode, const struct hop_profile *profile,
                            uint32_t instruction)
{
    const struct hop_instruction *row = &profile->instructions[instruction];
    *bytecode = (struct hop_live_bytecode){
        .is_open = true,
        .function = strdup(row->function),
        .file = strdup(row->file),
        .first_line = row->first_line,
        .wanted_offset = row->offset,
    };
    if (bytecode->function && bytecode->file)
        return true;
    hop_live_bytecode_close(bytecode);
    return false;
}

void hop_live_bytecode_close(struct hop_live_bytecode *bytecode)
{
    free(bytecode->function);
    free(bytecode->file);
    free(bytecode->rows);
    if (bytecode->source_profile)
        hop_sources_deinit(&bytecode->sources);
    if (bytecode->source_profile != bytecode->profile)
        hop_profile_destroy(bytecode->source_profile);
    hop_profile_destroy(bytecode->profile);
    *bytecode = (struct hop_live_bytecode){0};
}

static bool is_of(const struct hop_live_bytecode *bytecode, const struct hop_profile_code *code)
{
    return code->first_line == bytecode->first_line &&
           strcmp(code->function, bytecode->function) == 0 &&
           strcmp(code->file, bytecode->file) == 0 &&
           (!bytecode->op_count || code->op_count == bytecode->op_count);
}

/* The code object of the function that has most hits, of those that share its name and line (it may
 * have been compiled twice, or there may be several lambdas in a line). UINT32_MAX: none. */
static uint32_t find_code(const struct hop_live_bytecode *bytecode,
                          const struct hop_profile *profile)
{
    uint32_t best = UINT32_MAX;
    uint64_t most = 0;
    for (size_t i = 0; i < profile->code_count; i++) {
        uint64_t hits = 0;
        if (!is_of(bytecode, &profile->codes[i]))
            continue;
        for (size_t j = 0; j < profile->instruction_count; j++) {
            const struct hop_instruction *row = &profile->instructions[j];
            if (row->code != i)
                continue;
            hits += row->self;
            if (!bytecode->was_filled && row->offset == bytecode->wanted_offset)
                hits += profile->samples; /* that one was pointed at */
        }
        if (best == UINT32_MAX || hits > most) {
            best = (uint32_t)i;
            most = hits;
        }
    }
    return best;
}

/* The op at an offset; NULL: there is none. Rows are by offset, but for lines between them. */
static struct hop_live_op *find_op(struct hop_live_bytecode *bytecode, uint32_t offset)
{
    for (size_t i = 0; i < bytecode->count; i++)
        if (bytecode->rows[i].op && bytecode->rows[i].op->offset == offset)
            return &bytecode->rows[i];
    return NULL;
}

static void add_rows(struct hop_live_bytecode *bytecode, const struct hop_profile_code *code)
{
    int line = 0;
    bytecode->count = 0;
    for (size_t i = 0; i < code->op_count; i++) {
        const struct hop_profile_op *op = &code->ops[i];
        if (op->line > 0 && op->line != line) {
            line = op->line;
            bytecode->rows[bytecode->count++] = (struct hop_live_op){.line = line};
        }
        bytecode->rows[bytecode->count++] = (struct hop_live_op){.op = op, .line = op->line};
    }
}

static void add_hits(struct hop_live_bytecode *bytecode, uint32_t code)
{
    const struct hop_profile *profile = bytecode->profile;
    double whole = profile->has_weights ? (double)profile->samples_ns : (double)profile->samples;
    bytecode->share = 0;
    for (size_t i = 0; i < profile->instruction_count; i++) {
        const struct hop_instruction *row = &profile->instructions[i];
        struct hop_live_op *op =
            row->code == code && row->self ? find_op(bytecode, row->offset) : NULL;
        if (!op)
            continue;
        op->hits.samples += row->self;
        op->hits.ns += row->self_ns;
    }
    struct hop_live_op *line = NULL;
    for (size_t i = 0; i < bytecode->count; i++) {
        struct hop_live_op *op = &bytecode->rows[i];
        if (!op->op) {
            line = op;
            continue;
        }
        double part = profile->has_weights ? (double)op->hits.ns : (double)op->hits.samples;
        op->share = whole > 0 ? part / whole : 0;
        bytecode->share += op->share;
        if (line)
            line->share += op->share;
    }
}

static void add_now(struct hop_live_bytecode *bytecode, uint32_t code,
                    const struct hop_live_history *history)
{
    const struct hop_profile *profile = bytecode->profile;
    double all = 0;
    if (history->count) {
        const struct hop_live_moment *moment = hop_live_history_at(history, 0);
        for (size_t i = 0; i < moment->count; i++) {
            const struct hop_live_change *change = &moment->changes[i];
            if (change->node >= profile->node_count)
                continue;
            const struct hop_instruction *row =
                &profile->instructions[profile->nodes[change->node].instruction];
            struct hop_live_op *op = row->code == code ? find_op(bytecode, row->offset) : NULL;
            all += change->weight;
            if (op)
                op->now += change->weight;
        }
    }
    struct hop_live_op *line = NULL;
    for (size_t i = 0; i < bytecode->count; i++) {
        struct hop_live_op *op = &bytecode->rows[i];
        if (!op->op) {
            line = op;
            continue;
        }
        op->now = all > 0 ? op->now / all : 0;
        if (line)
            line->now += op->now;
    }
}

void hop_live_bytecode_select_hottest(struct hop_live_bytecode *bytecode)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < bytecode->count; i++) {
        const struct hop_live_op *row = &bytecode->rows[i];
        const struct hop_live_op *at = &bytecode->rows[bytecode->selected];
        /* Of those that come after the selected one in the order of their heat. */
        bool is_later = row->share < at->share || (row->share == at->share && row > at);
        if (row->op && row->share > 0 && is_later &&
            (best == SIZE_MAX || row->share > bytecode->rows[best].share))
            best = i;
    }
    for (size_t i = 0; best == SIZE_MAX && i < bytecode->count; i++) /* begin with the hottest */
        if (bytecode->rows[i].op && bytecode->rows[i].share > 0) {
            best = i;
            for (size_t j = i; j < bytecode->count; j++)
                if (bytecode->rows[j].op && bytecode->rows[j].share > bytecode->rows[best].share)
                    best = j;
        }
    if (best != SIZE_MAX)
        bytecode->selected = best;
    bytecode->is_centred = true;
}

static bool take_sources(struct hop_live_bytecode *bytecode, struct hop_profile *profile)
{
    if (bytecode->source_profile)
        return true;
    if (!hop_sources_init(&bytecode->sources, profile))
        return false;
    bytecode->source_profile = profile;
    return true;
}

void hop_live_bytecode_clear(struct hop_live_bytecode *bytecode)
{
    for (size_t i = 0; i < bytecode->count; i++)
        bytecode->rows[i].share = bytecode->rows[i].now = 0;
    bytecode->share = 0;
}

bool hop_live_bytecode_fill(struct hop_live_bytecode *bytecode, struct hop_profile *profile,
                            const struct hop_live_history *history)
{
    uint32_t code = find_code(bytecode, profile);
    if (code == UINT32_MAX || !take_sources(bytecode, profile)) { /* since a reset: not seen */
        if (profile != bytecode->source_profile)
            hop_profile_destroy(profile);
        hop_live_bytecode_clear(bytecode);
        return code == UINT32_MAX;
    }
    size_t op_count = profile->codes[code].op_count;
    struct hop_live_op *rows = reallocarray(bytecode->rows, 2 * op_count + 1, sizeof *rows);
    if (!rows) {
        if (profile != bytecode->source_profile)
            hop_profile_destroy(profile);
        return false;
    }
    if (bytecode->profile != bytecode->source_profile)
        hop_profile_destroy(bytecode->profile);
    bytecode->profile = profile;
    bytecode->rows = rows;
    bytecode->op_count = op_count;
    add_rows(bytecode, &profile->codes[code]);
    add_hits(bytecode, code);
    add_now(bytecode, code, history);
    if (!bytecode->was_filled) {
        const struct hop_live_op *wanted = find_op(bytecode, bytecode->wanted_offset);
        bytecode->selected = wanted ? (size_t)(wanted - bytecode->rows) : 0;
        bytecode->was_filled = bytecode->is_centred = true;
    }
    return true;
}
