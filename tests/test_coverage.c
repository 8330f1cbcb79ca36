/* That a 95 % interval holds the true share in 93 to 97 of 100 trials: simulated programs are
 * sampled into a real tally, a real profile is made of it, and its shares are asked for. */
#include "profile/shares.h"
#include "profile/tally.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { TRIALS = 1000, ROWS_MAX = 8, THREADS_MAX = 16 };

static uint64_t random_state;

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
    while (row + 1 < ROWS_MAX && x >= shares[row])
        x -= shares[row++];
    return row;
}

/* Each row has two specialised forms (opcodes 0 and 1) and is called from two places, all of which
 * a report joins. */
static void take(struct hop_tally *tally, uint32_t thread, uint32_t row, uint64_t count,
                 uint64_t tick, uint64_t weight_ns)
{
    struct hop_step steps[] = {{row, 4, (uint8_t)(uniform() < .5)}, {100, uniform() < .5, 0}};
    cr_assert(
        hop_tally_add(tally, thread, steps, 2, count > 1 ? tick - count + 1 : tick, weight_ns));
    if (count > 1)
        hop_tally_again(tally, hop_tally_last(tally), count - 1, tick, weight_ns);
}

static struct hop_profile *profile_of(const struct hop_tally *tally)
{
    struct hop_profile *profile = calloc(1, sizeof *profile);
    hop_arena_init(&profile->arena, (size_t)1 << 30);
    size_t count;
    const struct hop_tally_node *nodes = hop_tally_nodes(tally, &count);
    profile->nodes = hop_arena_alloc(&profile->arena, count * sizeof *profile->nodes);
    profile->instructions = hop_arena_alloc(&profile->arena, count * sizeof *profile->instructions);
    profile->threads = hop_arena_alloc(&profile->arena, THREADS_MAX * sizeof *profile->threads);
    profile->thread_count = THREADS_MAX;
    profile->node_count = profile->instruction_count = count;
    for (size_t i = 0; i < count; i++) {
        bool is_root = nodes[i].parent == i;
        profile->nodes[i] =
            (struct hop_profile_node){nodes[i].parent, is_root ? nodes[i].unit : (uint32_t)i,
                                      nodes[i].self, nodes[i].self_ns};
        profile->instructions[i] =
            (struct hop_instruction){.function = "f",
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
    profile->records = trace->records;
    profile->record_count = trace->count;
    cr_assert(hop_profile_finish(profile));
    return profile;
}

static void shares_of(const struct hop_tally *tally, struct hop_share *result)
{
    struct hop_profile *profile = profile_of(tally);
    struct hop_shares shares;
    cr_assert(hop_shares_init(&shares, profile));
    uint32_t *group_of = calloc(profile->instruction_count, sizeof *group_of);
    struct hop_hits hits[ROWS_MAX] = {0};
    for (size_t i = 0; i < profile->instruction_count; i++) {
        const struct hop_instruction *at = &profile->instructions[i];
        group_of[i] = at->first_line < ROWS_MAX ? (uint32_t)at->first_line : HOP_NO_GROUP;
        if (group_of[i] == HOP_NO_GROUP)
            continue;
        hits[group_of[i]].samples += at->self;
        hits[group_of[i]].ns += at->self_ns;
    }
    cr_assert(hop_shares_find(&shares, HOP_ALL_THREADS, group_of, hits, ROWS_MAX, result));
    free(group_of);
    hop_shares_deinit(&shares);
    hop_profile_destroy(profile);
}

struct program {
    double shares[ROWS_MAX]; /* of a row at a step; the last one has the rest */
    size_t samples;
    double stay;  /* mean samples on a row before another one is picked; 1: each on its own */
    double phase; /* mean samples of a phase, in which only one half of the rows is; 0: none */
    double heavy; /* this part of the samples, at the end, stands for ten times as long */
    size_t threads, sleepers; /* wall mode: so many, and so many of them sleep in row 0 */
};

static void sample(const struct program *program, struct hop_tally *tally)
{
    size_t threads = program->threads ? program->threads : 1;
    uint32_t rows[THREADS_MAX];
    size_t visited[THREADS_MAX] = {0};
    bool is_second = uniform() < .5;
    for (size_t t = 0; t < threads; t++)
        rows[t] = t < program->sleepers ? 0 : pick(program->shares);
    for (size_t i = 1; i <= program->samples; i++) {
        uint64_t tick = 1000 + i;
        uint64_t weight_ns =
            (double)i > (double)program->samples * (1 - program->heavy) ? 1000000 : 100000;
        if (program->phase && uniform() < 1 / program->phase)
            is_second = uniform() < .5;
        for (size_t t = program->sleepers; t < threads; t++) {
            if (uniform() < 1 / program->stay)
                rows[t] = pick(program->shares);
            uint32_t row = program->phase && is_second ? ROWS_MAX - 1 - rows[t] : rows[t];
            take(tally, (uint32_t)t, row, 1, tick, weight_ns);
        }
        /* In turns, as the sampler looks at them; at the end all. */
        for (size_t t = 0; t < program->sleepers; t++) {
            if (i - visited[t] < program->sleepers + t && i < program->samples)
                continue;
            take(tally, (uint32_t)t, 0, i - visited[t], tick, weight_ns);
            visited[t] = i;
        }
    }
}

static void find_truth(const struct program *program, double *truth)
{
    double rest = 1, threads = program->threads ? (double)program->threads : 1;
    for (size_t i = 0; i + 1 < ROWS_MAX; i++)
        rest -= truth[i] = program->shares[i];
    truth[ROWS_MAX - 1] = rest;
    if (program->phase)
        for (size_t i = 0; i < ROWS_MAX / 2; i++)
            truth[i] = truth[ROWS_MAX - 1 - i] = (truth[i] + truth[ROWS_MAX - 1 - i]) / 2;
    for (size_t i = 0; i < ROWS_MAX; i++)
        truth[i] = (truth[i] * (threads - (double)program->sleepers) +
                    (i ? 0 : (double)program->sleepers)) /
                   threads;
}

static void try_out(const struct program *program)
{
    double truth[ROWS_MAX];
    size_t covered[ROWS_MAX] = {0};
    find_truth(program, truth);
    random_state = 1;
    for (size_t trial = 0; trial < TRIALS; trial++) {
        struct hop_tally *tally = hop_tally_create_limited(1 << 12);
        cr_assert_not_null(tally);
        sample(program, tally);
        struct hop_share shares[ROWS_MAX];
        shares_of(tally, shares);
        for (size_t i = 0; i < ROWS_MAX; i++) {
            cr_assert(shares[i].low <= shares[i].share && shares[i].share <= shares[i].high);
            covered[i] += shares[i].low <= truth[i] && truth[i] <= shares[i].high;
        }
        hop_tally_destroy(tally);
    }
    for (size_t i = 0; i < ROWS_MAX; i++) {
        double percent = (double)covered[i] * 100 / TRIALS;
        cr_expect(percent >= 93 && percent <= 97, "a share of %.2f%%: %.1f%% of the trials",
                  truth[i] * 100, percent);
    }
}

#define RARE                                                                                       \
    {                                                                                              \
        .005, .01, .03, .1, .25, .005, .01                                                         \
    } /* … .59 */
#define COMMON                                                                                     \
    {                                                                                              \
        .05, .05, .1, .1, .05, .05, .1                                                             \
    } /* … .5 */

/* --- each sample on its own ------------------------------------------------------------------- */

Test(coverage, of_few_independent_samples)
{
    try_out(&(struct program){COMMON, .samples = 200, .stay = 1});
}

Test(coverage, of_independent_samples)
{
    try_out(&(struct program){RARE, .samples = 2500, .stay = 1});
}

Test(coverage, of_samples_of_different_weight)
{
    try_out(&(struct program){RARE, .samples = 4000, .stay = 1, .heavy = .5});
}

/* --- a program that stays where it is for a while --------------------------------------------- */

Test(coverage, of_short_stays)
{
    try_out(&(struct program){RARE, .samples = 5000, .stay = 2});
}

Test(coverage, of_stays_of_ten_samples)
{
    try_out(&(struct program){COMMON, .samples = 4000, .stay = 10});
}

Test(coverage, of_stays_of_fifty_samples)
{
    try_out(&(struct program){COMMON, .samples = 12000, .stay = 50});
}

Test(coverage, of_stays_and_weights)
{
    try_out(&(struct program){COMMON, .samples = 4000, .stay = 5, .heavy = .7});
}

/* Within a phase the samples are independent, so that neighbours tell little of it. */
Test(coverage, of_phases)
{
    try_out(&(struct program){COMMON, .samples = 12000, .stay = 1, .phase = 50});
}

/* --- several threads at each tick ---------------------------------------------------------------
 */

Test(coverage, of_threads_of_which_most_sleep)
{
    try_out(&(struct program){COMMON, .samples = 1500, .stay = 1, .threads = 6, .sleepers = 4});
}

Test(coverage, of_threads_that_stay)
{
    try_out(&(struct program){COMMON, .samples = 2500, .stay = 10, .threads = 5, .sleepers = 2});
}

/* --- what is seen once --------------------------------------------------------------------------
 */

/* A few light samples among heavy ones, in one go, as of a program's start: their share may be some
 * times what it seems, but not the whole. */
Test(coverage, of_a_start_is_no_guess_at_all)
{
    struct hop_tally *tally = hop_tally_create_limited(1 << 12);
    struct hop_share shares[ROWS_MAX];
    for (uint64_t tick = 1; tick <= 3000; tick++) {
        bool is_start = tick <= 1000;
        uint32_t row = tick == 500 ? 1 : tick > 30 && tick <= 60 ? 2 : is_start ? 3 : 4;
        take(tally, 0, row, 1, tick, is_start ? 80000 : 1000000);
    }
    shares_of(tally, shares);
    double once = 8e4 / 2.08e9, stay = 30 * once;
    cr_assert_float_eq(shares[1].share, once, 1e-12);
    cr_assert(shares[1].low > once / 20 && shares[1].high < once * 10, "%g to %g of %g",
              shares[1].low, shares[1].high, once);
    cr_assert_float_eq(shares[2].share, stay, 1e-12);
    cr_assert(shares[2].low > stay / 40 && shares[2].high < stay * 20, "%g to %g of %g",
              shares[2].low, shares[2].high, stay);
    hop_tally_destroy(tally);
}
