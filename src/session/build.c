/* Makes a profile of what a sampler and its tally hold: numbers become names, lines and columns. */
#include "session/build.h"

#include "base/clock.h"
#include "profile/profile.h"
#include "sample/way.h"
#include "session/describe.h"

#include <stdlib.h>
#include <string.h>

/* A profile's names and rows: far more than any seen, far less than would hurt a machine. */
static const size_t PROFILE_BYTES_MAX = (size_t)2 << 30;

struct builder {
    const struct hop_layout *layout;
    const struct hop_capture *capture;
    bool with_bytecode;
    struct hop_profile *profile;
    uint32_t *code_of; /* by code id: its index of profile->codes, UINT32_MAX: it has none yet */
    struct hop_id_table rows;
};

static uint64_t row_key(const struct hop_tally_node *node)
{
    _Static_assert(HOP_CODE_UNITS_MAX <= 1 << 24, "a unit takes 24 bits of the key");
    return (uint64_t)node->code << 32 | (uint64_t)node->unit << 8 | node->opcode;
}

/* The index of a code object's row, made when it is first asked for. */
static bool find_code(struct builder *builder, uint32_t id, uint32_t *index)
{
    struct hop_profile *profile = builder->profile;
    *index = builder->code_of[id];
    if (*index != UINT32_MAX)
        return true;
    *index = builder->code_of[id] = (uint32_t)profile->code_count++;
    return hop_describe_code(builder->layout, builder->capture->codes[id], builder->with_bytecode,
                             &profile->arena, &profile->codes[*index]);
}

/* The row of a node's instruction, made when it is the first of its kind. */
static bool find_row(struct builder *builder, const struct hop_tally_node *node, uint32_t *index)
{
    struct hop_profile *profile = builder->profile;
    uint64_t key = row_key(node);
    *index = hop_id_table_get(&builder->rows, key);
    if (*index != HOP_NO_ID)
        return true;
    const struct hop_code *code = builder->capture->codes[node->code];
    struct hop_instruction *row = &profile->instructions[profile->instruction_count];
    hop_describe_instruction(builder->layout, code, node->unit, node->opcode, row);
    if (!find_code(builder, node->code, &row->code))
        return false;
    row->function = profile->codes[row->code].function;
    row->file = profile->codes[row->code].file;
    row->opcode = hop_arena_string(&profile->arena, row->opcode, strlen(row->opcode));
    row->base_opcode =
        hop_arena_string(&profile->arena, row->base_opcode, strlen(row->base_opcode));
    *index = (uint32_t)profile->instruction_count++;
    return row->opcode && row->base_opcode && hop_id_table_put(&builder->rows, key, *index);
}

static bool add_nodes(struct builder *builder)
{
    struct hop_profile *profile = builder->profile;
    size_t count = builder->capture->node_count;
    const struct hop_tally_node *nodes = builder->capture->nodes;
    profile->nodes = hop_arena_alloc(&profile->arena, count * sizeof *profile->nodes);
    profile->instructions = hop_arena_alloc(&profile->arena, count * sizeof *profile->instructions);
    size_t code_count = builder->capture->code_count;
    profile->codes = hop_arena_alloc(&profile->arena, code_count * sizeof *profile->codes);
    builder->code_of = malloc((code_count + 1) * sizeof *builder->code_of);
    if ((count && (!profile->nodes || !profile->instructions)) || !builder->code_of ||
        (code_count && !profile->codes) || !hop_id_table_init(&builder->rows, count))
        return false;
    memset(builder->code_of, 0xff, code_count * sizeof *builder->code_of);
    profile->node_count = count;
    for (size_t i = 0; i < count; i++) {
        struct hop_profile_node *node = &profile->nodes[i];
        node->parent = nodes[i].parent;
        node->self = nodes[i].self;
        node->self_ns = nodes[i].self_ns;
        if (nodes[i].parent == i)
            node->instruction = nodes[i].unit; /* the thread */
        else if (!find_row(builder, &nodes[i], &node->instruction))
            return false;
    }
    return true;
}

/* What the intervals of shares are found from. */
static bool add_records(struct hop_profile *profile, const struct hop_capture *capture)
{
    profile->has_weights = capture->weights.least_ns != capture->weights.most_ns;
    profile->weights_squared_ns2 = capture->weights.sum_of_squares;
    profile->record_count = capture->record_count;
    profile->records = hop_arena_copy(&profile->arena, capture->records,
                                      capture->record_count * sizeof *capture->records);
    return profile->records || !capture->record_count;
}

static bool add_threads(struct hop_profile *profile, const struct hop_capture *capture)
{
    profile->thread_count = capture->seen_count;
    profile->threads =
        hop_arena_alloc(&profile->arena, capture->seen_count * sizeof *profile->threads);
    if (capture->seen_count && !profile->threads)
        return false;
    for (size_t i = 0; i < capture->seen_count; i++) {
        const struct hop_seen_thread *seen = &capture->seen[i];
        profile->threads[i].tid = seen->tid;
        profile->threads[i].interpreter = seen->interpreter_id;
        profile->threads[i].name =
            hop_arena_string(&profile->arena, seen->name, strnlen(seen->name, sizeof seen->name));
        if (!profile->threads[i].name)
            return false;
    }
    return true;
}

static void add_refusals(struct hop_profile *profile, const struct hop_sampler_counts *counts)
{
    for (int refusal = 1; refusal < HOP_REFUSAL_COUNT; refusal++) {
        if (!counts->refused[refusal])
            continue;
        profile->refused[profile->refused_count++] = (struct hop_refusal_count){
            .reason = hop_refusal_name((enum hop_refusal)refusal),
            .words = hop_refusal_words((enum hop_refusal)refusal),
            .count = counts->refused[refusal],
        };
        profile->refused_total += counts->refused[refusal];
    }
}

static const char *mode_name(enum hop_mode mode)
{
    switch (mode) {
    case HOP_MODE_WALL:
        return "wall";
    case HOP_MODE_GIL:
        return "gil";
    default:
        return "cpu";
    }
}

/* The rate of what came after the opening, or of that if it was all. */
static double rate_hz(const struct hop_sampler_counts *counts)
{
    uint64_t ns = counts->ended_ns - counts->started_ns;
    bool was_all = counts->ticks == counts->opening_ticks;
    uint64_t ticks = was_all ? counts->ticks : counts->ticks - counts->opening_ticks;
    ns -= was_all ? 0 : counts->opening_ns;
    return ns ? (double)ticks * 1e9 / (double)ns : 0;
}

static void add_lateness(struct hop_profile *profile, const struct hop_lateness *lateness)
{
    profile->late_median_ns = hop_lateness_percentile(lateness, .5);
    profile->late_p99_ns = hop_lateness_percentile(lateness, .99);
    profile->late_max_ns = lateness->max_ns;
}

enum hop_status hop_build_profile(const struct hop_build_source *source,
                                  struct hop_profile **result, struct hop_error *err)
{
    _Static_assert((int)HOP_REFUSAL_COUNT <= (int)HOP_REFUSAL_KINDS_MAX,
                   "every refusal has a place");
    const struct hop_target *target = source->target;
    const struct hop_capture *capture = source->capture;
    const struct hop_sampler_counts *counts = &capture->counts;
    struct hop_profile *profile = calloc(1, sizeof *profile);
    struct builder builder = {
        .layout = &target->python.layout,
        .capture = capture,
        .with_bytecode = source->with_bytecode,
        .profile = profile,
    };
    if (!profile)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the profile");
    hop_arena_init(&profile->arena, PROFILE_BYTES_MAX);
    profile->pid = target->process.pid;
    profile->python =
        hop_arena_string(&profile->arena, target->python.version, strlen(target->python.version));
    profile->command_line =
        hop_arena_string(&profile->arena, target->command_line, strlen(target->command_line));
    profile->directory =
        hop_arena_string(&profile->arena, target->directory, strlen(target->directory));
    profile->has_other_root = target->has_other_root;
    profile->mode = mode_name(source->mode);
    profile->way = capture->way->name;
    profile->way_words = capture->way->words;
    profile->ending = capture->ending;
    profile->started_ns = hop_wall_clock_ns() - (hop_now_ns() - counts->started_ns);
    profile->duration_ns = counts->ended_ns - counts->started_ns;
    profile->asked_rate_hz = source->rate_hz;
    profile->opening_ns = counts->opening_ns;
    profile->opening_samples = counts->opening_samples;
    profile->true_rate_hz = rate_hz(counts);
    profile->ticks = counts->ticks;
    profile->missed = counts->missed;
    profile->samples = counts->samples;
    profile->idle = counts->idle;
    profile->longest_stop_ns = counts->longest_stop_ns;
    profile->syscall_stops = counts->syscall_stops;
    profile->live_samples = counts->live_samples;
    profile->unproved_samples = counts->unproved_samples;
    if (source->lateness)
        add_lateness(profile, source->lateness);
    add_refusals(profile, counts);
    bool is_whole = add_threads(profile, capture) && add_nodes(&builder) &&
                    add_records(profile, capture) && hop_profile_finish(profile);
    free(builder.code_of);
    hop_id_table_deinit(&builder.rows);
    if (!is_whole) {
        hop_profile_destroy(profile);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the profile");
    }
    *result = profile;
    return HOP_OK;
}
