/* The part of a profile's file that heavyops reads: all of struct hop_profile, in columns. */
#include "profile/file_parts.h"

static uint32_t text(struct hop_file_writer *writer, const char *string)
{
    return hop_strings_add(&writer->strings, string);
}

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
    statistics->has_other_root = profile->has_other_root;
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
    HOP_FILE_COLUMN(writer, nodes, up, count);
    HOP_FILE_COLUMN(writer, nodes, instruction, count);
    HOP_FILE_COLUMN(writer, nodes, self, count);
    nodes->ns_per_sample = common_weight_ns(profile);
    if (!nodes->ns_per_sample)
        HOP_FILE_COLUMN(writer, nodes, self_ns, count);
    if (writer->has_failed)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct hop_profile_node *node = &profile->nodes[writer->order[i]];
        nodes->up[i] = (uint32_t)i - writer->place_of[node->parent];
        nodes->instruction[i] =
            nodes->up[i] ? writer->number_of[node->instruction] : node->instruction;
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
    HOP_FILE_COLUMN(writer, records, node, count);
    HOP_FILE_COLUMN(writer, records, block_step, count);
    HOP_FILE_COLUMN(writer, records, weight_ns, count);
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
    part.codes = hop_file_make_codes(writer);
    part.instructions = hop_file_make_instructions(writer);
    part.nodes = make_nodes(writer);
    part.records = make_records(writer);
    part.part = make_parts(writer);
    part.n_part = writer->profile->part_count;
    piece.heavyops = &part;
    hop_file_put(writer, &piece);
}
