/* Sampling from end to end: runs the sampler into a tally and makes the profile of what it holds.
 */
#include "base/clock.h"
#include "profile/profile.h"
#include "profile/tally.h"
#include "sample/way.h"
#include "session/describe.h"
#include "session/target.h"

#include <stdlib.h>
#include <string.h>

/* A profile's names and rows: far more than any seen, far less than would hurt a machine. */
static const size_t PROFILE_BYTES_MAX = (size_t)2 << 30;

/* --- from the sampler to the tally ----------------------------------------------------------- */

static bool count_stack(void *context, uint32_t thread, const struct hop_step *steps, size_t depth,
                        uint64_t tick, uint64_t weight_ns, uint32_t *place)
{
    if (!hop_tally_add(context, thread, steps, depth, tick, weight_ns))
        return false;
    *place = hop_tally_last(context);
    return true;
}

static void count_again(void *context, uint32_t place, uint64_t count, uint64_t tick,
                        uint64_t weight_ns)
{
    hop_tally_again(context, place, count, tick, weight_ns);
}

/* --- from the tally to the profile ----------------------------------------------------------- */

struct builder {
    const struct hop_sampler *sampler;
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
    return hop_describe_code(&builder->sampler->python->layout, builder->sampler->codes.codes[id],
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
    const struct hop_code *code = builder->sampler->codes.codes[node->code];
    struct hop_instruction *row = &profile->instructions[profile->instruction_count];
    hop_describe_instruction(&builder->sampler->python->layout, code, node->unit, node->opcode,
                             row);
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

static bool add_nodes(struct builder *builder, const struct hop_tally *tally)
{
    struct hop_profile *profile = builder->profile;
    size_t count;
    const struct hop_tally_node *nodes = hop_tally_nodes(tally, &count);
    profile->nodes = hop_arena_alloc(&profile->arena, count * sizeof *profile->nodes);
    profile->instructions = hop_arena_alloc(&profile->arena, count * sizeof *profile->instructions);
    size_t code_count = builder->sampler->codes.count;
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
static bool add_records(struct hop_profile *profile, const struct hop_tally *tally)
{
    struct hop_weights weights = hop_tally_weights(tally);
    const struct hop_trace *trace = hop_tally_trace(tally);
    profile->has_weights = weights.least_ns != weights.most_ns;
    profile->weights_squared_ns2 = weights.sum_of_squares;
    profile->record_count = trace->count;
    profile->records =
        hop_arena_copy(&profile->arena, trace->records, trace->count * sizeof *trace->records);
    return profile->records || !trace->count;
}

static bool add_threads(struct hop_profile *profile, const struct hop_roster *roster)
{
    profile->thread_count = roster->seen_count;
    profile->threads =
        hop_arena_alloc(&profile->arena, roster->seen_count * sizeof *profile->threads);
    if (roster->seen_count && !profile->threads)
        return false;
    for (size_t i = 0; i < roster->seen_count; i++) {
        const struct hop_seen_thread *seen = &roster->seen[i];
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

static enum hop_status build_profile(const struct hop_target *target,
                                     const struct hop_sampler *sampler,
                                     const struct hop_tally *tally, struct hop_profile **result,
                                     struct hop_error *err)
{
    _Static_assert((int)HOP_REFUSAL_COUNT <= (int)HOP_REFUSAL_KINDS_MAX,
                   "every refusal has a place");
    struct hop_profile *profile = calloc(1, sizeof *profile);
    struct builder builder = {.sampler = sampler, .profile = profile};
    if (!profile)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the profile");
    const struct hop_sampler_counts *counts = &sampler->counts;
    hop_arena_init(&profile->arena, PROFILE_BYTES_MAX);
    profile->pid = target->process.pid;
    profile->python =
        hop_arena_string(&profile->arena, target->python.version, strlen(target->python.version));
    profile->command_line =
        hop_arena_string(&profile->arena, target->command_line, strlen(target->command_line));
    profile->mode = mode_name(sampler->plan.mode);
    profile->way = sampler->way->name;
    profile->way_words = sampler->way->words;
    profile->ending = sampler->ending;
    profile->started_ns = hop_wall_clock_ns() - (hop_now_ns() - counts->started_ns);
    profile->duration_ns = counts->ended_ns - counts->started_ns;
    profile->asked_rate_hz = sampler->plan.rate_hz;
    profile->opening_ns = counts->opening_ns;
    profile->opening_samples = counts->opening_samples;
    profile->true_rate_hz = rate_hz(counts);
    profile->ticks = counts->ticks;
    profile->missed = counts->missed;
    profile->samples = counts->samples;
    profile->idle = counts->idle;
    const struct hop_lateness *lateness = &sampler->deadlines.lateness;
    profile->late_median_ns = hop_lateness_percentile(lateness, .5);
    profile->late_p99_ns = hop_lateness_percentile(lateness, .99);
    profile->late_max_ns = lateness->max_ns;
    profile->longest_stop_ns = counts->longest_stop_ns;
    profile->syscall_stops = counts->syscall_stops;
    profile->live_samples = counts->live_samples;
    add_refusals(profile, counts);
    bool is_whole = add_threads(profile, &sampler->roster) && add_nodes(&builder, tally) &&
                    add_records(profile, tally) && hop_profile_finish(profile);
    free(builder.code_of);
    hop_id_table_deinit(&builder.rows);
    if (!is_whole) {
        hop_profile_destroy(profile);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the profile");
    }
    *result = profile;
    return HOP_OK;
}

/* --- the whole ------------------------------------------------------------------------------- */

static enum hop_status check_plan(const struct hop_sampler_plan *plan, struct hop_error *err)
{
    if (!hop_way_of(plan->read))
        return hop_error_set(err, HOP_ERR_USAGE, NULL, "no way to look has the number %d",
                             (int)plan->read);
    if (plan->rate_hz >= HOP_RATE_MIN_HZ && plan->rate_hz <= HOP_RATE_MAX_HZ)
        return HOP_OK;
    return hop_error_set(err, HOP_ERR_USAGE, NULL, "a rate of %g Hz is not between %g and %g",
                         plan->rate_hz, HOP_RATE_MIN_HZ, HOP_RATE_MAX_HZ);
}

static enum hop_status check_not_stopped(const struct hop_target *target, struct hop_error *err)
{
    if (!hop_process_is_stopped(&target->process))
        return HOP_OK;
    int tracer = hop_process_tracer(&target->process);
    if (tracer)
        return hop_error_set(err, HOP_ERR_STOPPED,
                             "let the debugger continue it, or take its stacks with "
                             "`heavyops dump`",
                             "process %d is held by a debugger (process %d)", target->process.pid,
                             tracer);
    return hop_error_set(err, HOP_ERR_STOPPED,
                         "continue it (`kill -CONT PID`), or take its stacks with `heavyops dump`",
                         "process %d is stopped", target->process.pid);
}

static enum hop_status why_nothing(const struct hop_target *target,
                                   const struct hop_profile *profile, struct hop_error *err)
{
    const char *remedy = "sample for longer, or take sleeping threads too (--mode wall)";
    if (profile->ending == HOP_ENDED_EXITED || profile->ending == HOP_ENDED_EXEC)
        remedy = "it ended soon: sample more often (-r 10k), or sleeping threads too (--mode wall)";
    if (profile->refused_total)
        remedy = "see what was refused in the report's heading";
    return hop_error_set(err, HOP_ERR_NOTHING, remedy, "not one sample was taken of process %d",
                         target->process.pid);
}

enum hop_status hop_sample(struct hop_target *target, const struct hop_sample_options *options,
                           struct hop_profile **profile, struct hop_error *err)
{
    struct hop_sampler_plan plan = {
        .rate_hz = options->rate_hz != 0 ? options->rate_hz : HOP_RATE_DEFAULT_HZ,
        .duration_ns = options->duration_ns,
        .mode = options->mode,
        .read = options->read,
        .opens_live = options->opens_live,
        .seed = options->seed ? options->seed : (hop_now_ns() | 1),
        .stop = options->stop,
        .sink = {.add = count_stack, .again = count_again},
    };
    struct hop_sampler sampler;
    *profile = NULL;
    enum hop_status status = check_plan(&plan, err);
    if (status == HOP_OK)
        status = check_not_stopped(target, err);
    if (status == HOP_OK)
        status = hop_sampler_init(&sampler, &target->process, &target->python, &target->reader.base,
                                  err);
    if (status != HOP_OK)
        return status;
    struct hop_tally *tally = hop_tally_create();
    plan.sink.context = tally;
    if (!tally)
        status = hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the tally");
    if (status == HOP_OK)
        status = hop_sampler_run(&sampler, &plan, err);
    if (status == HOP_OK)
        status = build_profile(target, &sampler, tally, profile, err);
    if (status == HOP_OK && !(*profile)->samples)
        status = why_nothing(target, *profile, err);
    hop_tally_destroy(tally);
    hop_sampler_deinit(&sampler);
    return status;
}
