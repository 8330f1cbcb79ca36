/* The part of a profile's file that heavyops reads: all of struct hop_profile, in columns. */
#include "profile/file_parts.h"

static uint32_t text(struct hop_file_writer *writer, const char *string)
{
    return hop_strings_add(&writer->strings, string);
}

/* Columns of `count` numbers; zero, and not to be filled, once out of memory. */
#define COLUMN(writer, message, name, count)                                                       \
    ((message)->n_##name = (count),                                                                \
     (message)->name = hop_file_alloc(writer, count, sizeof *(message)->name))

static Hop__Pprof__Statistics *make_statistics(struct hop_file_writer *writer)
{
    const struct hop_profile *profile = writer->profile;
    Hop__Pprof__Statistics *statistics = hop_file_alloc(writer, 1, sizeof *statistics);
    Hop__Pprof__Refusal *rows = hop_file_alloc(writer, profile->refused_count, sizeof *rows);
    Hop__Pprof__Refusal **refused = hop_file_alloc(writer, profile->refused_count, sizeof *refused);
    if (writer->has_failed)
        return NULL;
    hop__pprof__statistics__init(statistics);
    for (size_t i = 0; i < profile->refused_count; i++) {
        hop__pprof__refusal__init(&rows[i]);
        rows[i].reason = text(writer, profile->refused[i].reason);
        rows[i].words = text(writer, profile->refused[i].words);
        rows[i].count = profile->refused[i].count;
        refused[i] = &rows[i];
    }
    statistics->refused = refused;
    statistics->n_refused = profile->refused_count;
    statistics->pid = profile->pid;
    statistics->started_ns = profile->started_ns;
    statistics->python = text(writer, profile->python);
    statistics->command_line = text(writer, profile->command_line);
    statistics->directory = text(writer, profile->directory);
    statistics->mode = text(writer, profile->mode);
    statistics->way = text(writer, profile->way);
    statistics->way_words = text(writer, profile->way_words);
    statistics->ending = (uint32_t)profile->ending;
    statistics->duration_ns = profile->duration_ns;
    statistics->asked_rate_hz = profile->asked_rate_hz;
    statistics->true_rate_hz = profile->true_rate_hz;
    statistics->ticks = profile->ticks;
    statistics->opening_ns = profile->opening_ns;
    statistics->opening_samples = profile->opening_samples;
    statistics->missed = profile->missed;
    statistics->has_weights = profile->has_weights;
    statistics->weights_squared_ns2 = profile->weights_squared_ns2;
    statistics->idle = profile->idle;
    statistics->longest_stop_ns = profile->longest_stop_ns;
    statistics->syscall_stops = profile->syscall_stops;
    statistics->late_median_ns = profile->late_median_ns;
    statistics->late_p99_ns = profile->late_p99_ns;
    statistics->late_max_ns = profile->late_max_ns;
    statistics->live_samples = profile->live_samples;
    statistics->unproved_samples = profile->unproved_samples;
    return statistics;
}

static Hop__Pprof__Thread **make_threads(struct hop_file_writer *writer)
{
    size_t count = writer->profile->thread_count;
    Hop__Pprof__Thread *rows = hop_file_alloc(writer, count, sizeof *rows);
    Hop__Pprof__Thread **threads = hop_file_alloc(writer, count, sizeof *threads);
    for (size_t i = 0; !writer->has_failed && i < count; i++) {
        const struct hop_profile_thread *from = &writer->profile->threads[i];
        hop__pprof__thread__init(&rows[i]);
        rows[i].tid = from->tid;
        rows[i].interpreter = from->interpreter;
        rows[i].name = text(writer, from->name);
        threads[i] = &rows[i];
    }
    return threads;
}

static Hop__Pprof__Positions *make_positions(struct hop_file_writer *writer, size_t count)
{
    Hop__Pprof__Positions *positions = hop_file_alloc(writer, 1, sizeof *positions);
    if (!positions)
        return NULL;
    hop__pprof__positions__init(positions);
    COLUMN(writer, positions, line, count);
    COLUMN(writer, positions, lines, count);
    COLUMN(writer, positions, column, count);
    COLUMN(writer, positions, columns, count);
    return writer->has_failed ? NULL : positions;
}

static void fill_position(Hop__Pprof__Positions *positions, size_t i, int last_line, int line,
                          int end_line, int column, int end_column)
{
    positions->line[i] = line - last_line;
    positions->lines[i] = end_line - line;
    positions->column[i] = (uint32_t)column + 1;
    positions->columns[i] = end_column - column;
}

/* The bytecode of one code object, from place `at` of the columns on. */
static void fill_ops(struct hop_file_writer *writer, const struct hop_profile_code *from,
                     Hop__Pprof__Codes *codes, size_t at)
{
    for (size_t i = 0; i < from->op_count; i++) {
        const struct hop_profile_op *op = &from->ops[i];
        codes->step[at + i] = op->offset - (i ? op[-1].offset : 0);
        codes->opcode[at + i] = text(writer, op->opcode);
        codes->oparg[at + i] = op->oparg;
        codes->argument[at + i] = text(writer, op->argument);
        fill_position(codes->positions, at + i, i ? op[-1].line : 0, op->line, op->end_line,
                      op->column, op->end_column);
    }
}

static Hop__Pprof__Codes *make_codes(struct hop_file_writer *writer)
{
    const struct hop_profile_code *rows = writer->profile->codes;
    size_t count = writer->profile->code_count, ops = 0;
    for (size_t i = 0; i < count; i++)
        ops += rows[i].op_count;
    Hop__Pprof__Codes *codes = hop_file_alloc(writer, 1, sizeof *codes);
    if (!codes)
        return NULL;
    hop__pprof__codes__init(codes);
    COLUMN(writer, codes, function, count);
    COLUMN(writer, codes, file, count);
    COLUMN(writer, codes, first_line, count);
    COLUMN(writer, codes, op_count, count);
    COLUMN(writer, codes, step, ops);
    COLUMN(writer, codes, opcode, ops);
    COLUMN(writer, codes, oparg, ops);
    COLUMN(writer, codes, argument, ops);
    codes->positions = make_positions(writer, ops);
    if (writer->has_failed)
        return NULL;
    for (size_t i = 0, at = 0; i < count; at += rows[i++].op_count) {
        codes->function[i] = text(writer, rows[i].function);
        codes->file[i] = text(writer, rows[i].file);
        codes->first_line[i] = rows[i].first_line;
        codes->op_count[i] = (uint32_t)rows[i].op_count;
        fill_ops(writer, &rows[i], codes, at);
    }
    return codes;
}

static Hop__Pprof__Instructions *make_instructions(struct hop_file_writer *writer)
{
    const struct hop_instruction *rows = writer->profile->instructions;
    size_t count = writer->profile->instruction_count;
    Hop__Pprof__Instructions *columns = hop_file_alloc(writer, 1, sizeof *columns);
    if (!columns)
        return NULL;
    hop__pprof__instructions__init(columns);
    COLUMN(writer, columns, code, count);
    COLUMN(writer, columns, offset, count);
    COLUMN(writer, columns, opcode, count);
    COLUMN(writer, columns, base_opcode, count);
    COLUMN(writer, columns, oparg, count);
    COLUMN(writer, columns, is_tracked, count);
    columns->positions = make_positions(writer, count);
    if (writer->has_failed)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        columns->code[i] = rows[i].code;
        columns->offset[i] = rows[i].offset;
        columns->opcode[i] = text(writer, rows[i].opcode);
        columns->base_opcode[i] = text(writer, rows[i].base_opcode);
        columns->oparg[i] = rows[i].oparg;
        columns->is_tracked[i] = rows[i].is_tracked;
        fill_position(columns->positions, i, i ? rows[i - 1].line : 0, rows[i].line,
                      rows[i].end_line, rows[i].column, rows[i].end_column);
    }
    return columns;
}

/* What each sample stands for, where that is the same for all of a tree's. */
static uint64_t common_weight_ns(const struct hop_profile *profile)
{
    uint64_t weight = 0;
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        if (node->self && !weight)
            weight = node->self_ns / node->self;
        if (node->self_ns != node->self * weight)
            return 0;
    }
    return weight;
}

static Hop__Pprof__Nodes *make_nodes(struct hop_file_writer *writer)
{
    const struct hop_profile *profile = writer->profile;
    size_t count = profile->node_count;
    Hop__Pprof__Nodes *nodes = hop_file_alloc(writer, 1, sizeof *nodes);
    if (!nodes)
        return NULL;
    hop__pprof__nodes__init(nodes);
    COLUMN(writer, nodes, up, count);
    COLUMN(writer, nodes, instruction, count);
    COLUMN(writer, nodes, self, count);
    nodes->ns_per_sample = common_weight_ns(profile);
    if (!nodes->ns_per_sample)
        COLUMN(writer, nodes, self_ns, count);
    if (writer->has_failed)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct hop_profile_node *node = &profile->nodes[writer->order[i]];
        nodes->up[i] = (uint32_t)i - writer->place_of[node->parent];
        nodes->instruction[i] = node->instruction;
        nodes->self[i] = node->self;
        if (nodes->n_self_ns)
            nodes->self_ns[i] = node->self_ns;
    }
    return nodes;
}

static Hop__Pprof__Records *make_records(struct hop_file_writer *writer)
{
    const struct hop_trace_record *from = writer->profile->records;
    size_t count = writer->profile->record_count;
    Hop__Pprof__Records *records = hop_file_alloc(writer, 1, sizeof *records);
    if (!records)
        return NULL;
    hop__pprof__records__init(records);
    COLUMN(writer, records, node, count);
    COLUMN(writer, records, block_step, count);
    COLUMN(writer, records, weight_ns, count);
    if (writer->has_failed)
        return NULL;
    bool is_common = true;
    for (size_t i = 0; i < count; i++) {
        records->node[i] = writer->place_of[from[i].node];
        records->block_step[i] = from[i].block - (i ? from[i - 1].block : 0);
        records->weight_ns[i] = from[i].weight_ns;
        is_common &= from[i].weight_ns == from[0].weight_ns;
    }
    if (is_common && count)
        records->n_weight_ns = 1;
    return records;
}

static Hop__Pprof__Part **make_parts(struct hop_file_writer *writer)
{
    size_t count = writer->profile->part_count;
    Hop__Pprof__Part **parts = hop_file_alloc(writer, count, sizeof(*parts));
    Hop__Pprof__Part *rows = hop_file_alloc(writer, count, sizeof *rows);
    for (size_t i = 0; parts && rows && i < count; i++) {
        const struct hop_profile_part *part = &writer->profile->parts[i];
        hop__pprof__part__init(&rows[i]);
        rows[i].first_record = part->first_record;
        rows[i].samples = part->samples;
        rows[i].samples_ns = part->samples_ns;
        rows[i].weights_squared_ns2 = part->weights_squared_ns2;
        parts[i] = &rows[i];
    }
    return parts;
}

void hop_file_put_heavyops(struct hop_file_writer *writer)
{
    Hop__Pprof__Profile piece = HOP__PPROF__PROFILE__INIT;
    Hop__Pprof__Heavyops part = HOP__PPROF__HEAVYOPS__INIT;
    char written_by[] = "heavyops " HOP_VERSION;
    part.version = HOP_FILE_VERSION;
    part.written_by = written_by;
    part.statistics = make_statistics(writer);
    part.thread = make_threads(writer);
    part.n_thread = writer->profile->thread_count;
    part.codes = make_codes(writer);
    part.instructions = make_instructions(writer);
    part.nodes = make_nodes(writer);
    part.records = make_records(writer);
    part.part = make_parts(writer);
    part.n_part = writer->profile->part_count;
    piece.heavyops = &part;
    hop_file_put(writer, &piece);
}
