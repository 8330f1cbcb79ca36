/* Simulated programs, see simulation.h. */
#include "support/simulation.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint64_t random_state;

void simulation_seed(uint64_t seed)
{
    random_state = seed;
}

/* splitmix64, to [0, 1). */
static double uniform(void)
{
    uint64_t x = random_state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (double)((x ^ x >> 31) >> 11) / 9007199254740992.0;
}

static uint32_t pick(const double *shares)
{
    double x = uniform();
    uint32_t row = 0;
    while (row + 1 < SIMULATED_ROWS && x >= shares[row])
        x -= shares[row++];
    return row;
}

/* Each row has two specialised forms (opcodes 0 and 1) and is called from two places, all of which
 * a report joins. */
void simulated_take(struct hop_tally *tally, uint32_t thread, uint32_t row, uint64_t count,
                    uint64_t tick, uint64_t weight_ns)
{
    struct hop_step steps[] = {{row, 4, (uint8_t)(uniform() < .5)}, {100, uniform() < .5, 0}};
    cr_assert(
        hop_tally_add(tally, thread, steps, 2, count > 1 ? tick - count + 1 : tick, weight_ns));
    if (count > 1)
        hop_tally_again(tally, hop_tally_last(tally), count - 1, tick, weight_ns);
}

struct hop_profile *profile_of_tally(const struct hop_tally *tally)
{
    struct hop_profile *profile = calloc(1, sizeof *profile);
    hop_arena_init(&profile->arena, (size_t)1 << 30);
    size_t count;
    const struct hop_tally_node *nodes = hop_tally_nodes(tally, &count);
    profile->nodes = hop_arena_alloc(&profile->arena, count * sizeof *profile->nodes);
    profile->instructions = hop_arena_alloc(&profile->arena, count * sizeof *profile->instructions);
    profile->threads =
        hop_arena_alloc(&profile->arena, SIMULATED_THREADS_MAX * sizeof *profile->threads);
    profile->thread_count = SIMULATED_THREADS_MAX;
    profile->node_count = profile->instruction_count = count;
    for (size_t i = 0; i < count; i++) {
        bool is_root = nodes[i].parent == i;
        profile->nodes[i] =
            (struct hop_profile_node){nodes[i].parent, is_root ? nodes[i].unit : (uint32_t)i,
                                      nodes[i].self, nodes[i].self_ns};
        profile->instructions[i] = (struct hop_instruction){
            .function = hop_arena_printf(&profile->arena, "f%u", (unsigned)nodes[i].code),
            .file = "f",
            .opcode = nodes[i].opcode ? "FORM" : "BASE",
            .base_opcode = "BASE",
            .offset = nodes[i].unit,
            .first_line = (int)nodes[i].code}; /* the row */
    }
    struct hop_weights weights = hop_tally_weights(tally);
    const struct hop_trace *trace = hop_tally_trace(tally);
    profile->has_weights = weights.least_ns != weights.most_ns;
    profile->weights_squared_ns2 = weights.sum_of_squares;
    profile->records =
        hop_arena_copy(&profile->arena, trace->records, trace->count * sizeof *trace->records);
    profile->record_count = trace->count;
    cr_assert(hop_profile_finish(profile));
    return profile;
}

static void sample(const struct simulated_program *program, struct hop_tally *tally)
{
    size_t threads = program->threads ? program->threads : 1;
    uint32_t rows[SIMULATED_THREADS_MAX];
    size_t visited[SIMULATED_THREADS_MAX] = {0};
    bool is_second = uniform() < .5;
    for (size_t t = 0; t < threads; t++)
        rows[t] = t < program->sleepers ? 0 : pick(program->shares);
    for (size_t i = 1; i <= program->samples; i++) {
        uint64_t tick = 1000 + i;
        uint64_t weight_ns =
            (double)i > (double)program->samples * (1 - program->heavy) ? 1000000 : 100000;
        weight_ns *= program->period ? program->period : 1;
        if (program->phase && uniform() < 1 / program->phase)
            is_second = uniform() < .5;
        for (size_t t = program->sleepers; t < threads; t++) {
            if (uniform() < 1 / program->stay)
                rows[t] = pick(program->shares);
            uint32_t row = program->phase && is_second ? SIMULATED_ROWS - 1 - rows[t] : rows[t];
            simulated_take(tally, (uint32_t)t, row, 1, tick, weight_ns);
        }
        /* In turns, as the sampler looks at them; at the end all. */
        for (size_t t = 0; t < program->sleepers; t++) {
            if (i - visited[t] < program->sleepers + t && i < program->samples)
                continue;
            simulated_take(tally, (uint32_t)t, 0, i - visited[t], tick, weight_ns);
            visited[t] = i;
        }
    }
}

struct hop_profile *simulated_profile(const struct simulated_program *program)
{
    struct hop_tally *tally = hop_tally_create_limited(1 << 12);
    cr_assert_not_null(tally);
    sample(program, tally);
    struct hop_profile *profile = profile_of_tally(tally);
    hop_tally_destroy(tally);
    return profile;
}

void shares_of_rows(const struct hop_profile *profile, struct hop_share *result)
{
    struct hop_shares shares;
    cr_assert(hop_shares_init(&shares, profile));
    uint32_t *group_of = calloc(profile->instruction_count, sizeof *group_of);
    struct hop_hits hits[SIMULATED_ROWS] = {0};
    for (size_t i = 0; i < profile->instruction_count; i++) {
        const struct hop_instruction *at = &profile->instructions[i];
        group_of[i] = at->first_line < SIMULATED_ROWS ? (uint32_t)at->first_line : HOP_NO_GROUP;
        if (group_of[i] == HOP_NO_GROUP)
            continue;
        hits[group_of[i]].samples += at->self;
        hits[group_of[i]].ns += at->self_ns;
    }
    cr_assert(hop_shares_find(&shares, HOP_ALL_THREADS, group_of, hits, SIMULATED_ROWS, result));
    free(group_of);
    hop_shares_deinit(&shares);
}

void simulated_truth(const struct simulated_program *program, double *truth)
{
    double rest = 1, threads = program->threads ? (double)program->threads : 1;
    for (size_t i = 0; i + 1 < SIMULATED_ROWS; i++)
        rest -= truth[i] = program->shares[i];
    truth[SIMULATED_ROWS - 1] = rest;
    if (program->phase)
        for (size_t i = 0; i < SIMULATED_ROWS / 2; i++)
            truth[i] = truth[SIMULATED_ROWS - 1 - i] =
                (truth[i] + truth[SIMULATED_ROWS - 1 - i]) / 2;
    for (size_t i = 0; i < SIMULATED_ROWS; i++)
        truth[i] = (truth[i] * (threads - (double)program->sleepers) +
                    (i ? 0 : (double)program->sleepers)) /
                   threads;
}
