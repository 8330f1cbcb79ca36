/* Merged profiles: what is joined and what stays apart, and that the intervals of their shares
 * still hold the truth. */
#include "support/simulation.h"

#include "support/profiles.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct hop_profile *merge(const struct hop_profile *const *profiles, size_t count)
{
    struct hop_profile *merged;
    struct hop_error err = {0};
    cr_assert_eq(hop_profile_merge(profiles, count, &merged, &err), HOP_OK, "%s", err.message);
    return merged;
}

static uint64_t self_of(const struct hop_profile *profile, const char *function, uint32_t offset)
{
    uint64_t self = 0;
    for (size_t i = 0; i < profile->instruction_count; i++)
        if (strcmp(profile->instructions[i].function, function) == 0 &&
            profile->instructions[i].offset == offset)
            self += profile->instructions[i].self;
    return self;
}

Test(merge, twice_the_same_is_the_same_with_twice_the_hits)
{
    struct hop_profile *a = make_closure_profile(), *b = make_closure_profile();
    struct hop_profile *merged = merge((const struct hop_profile *[]){a, b}, 2);
    hop_profile_destroy(b); /* nothing of it is used any more */
    cr_assert_eq(merged->instruction_count, a->instruction_count);
    cr_assert_eq(merged->code_count, a->code_count);
    cr_assert_eq(merged->thread_count, a->thread_count);
    cr_assert_eq(merged->node_count, a->node_count);
    cr_assert_eq(merged->samples, 2 * a->samples);
    cr_assert_eq(merged->samples_ns, 2 * a->samples_ns);
    cr_assert_eq(merged->duration_ns, 2 * a->duration_ns);
    cr_assert_eq(merged->refused_count, 1);
    cr_assert_eq(merged->refused[0].count, 52);
    cr_assert_eq(merged->refused_total, 52);
    cr_assert_eq(merged->late_max_ns, a->late_max_ns);
    cr_assert_eq(merged->pid, a->pid);
    cr_assert_eq(merged->part_count, 2);
    cr_assert_not(merged->has_weights);
    cr_assert_str_eq(merged->python, "3.13.0");
    cr_assert_str_eq(merged->command_line, a->command_line);
    cr_assert_str_eq(merged->directory, "/srv/shop");
    for (size_t i = 0; i < merged->instruction_count; i++) {
        cr_assert_eq(merged->instructions[i].self, 2 * a->instructions[i].self);
        cr_assert_eq(merged->instructions[i].on_stack, 2 * a->instructions[i].on_stack);
        cr_assert_str_eq(merged->instructions[i].function, a->instructions[i].function);
    }
    hop_profile_destroy(a);
    hop_profile_destroy(merged);
}

Test(merge, of_different_programs_names_both_and_keeps_their_threads_apart)
{
    struct hop_profile *a = make_closure_profile(), *b = make_closure_profile();
    b->command_line = "python3 other.py";
    b->directory = "/srv/other";
    b->python = "3.12.1";
    b->pid = 99;
    b->asked_rate_hz = 100;
    b->started_ns = 5;
    a->started_ns = 7;
    struct hop_profile *merged = merge((const struct hop_profile *[]){a, b}, 2);
    cr_assert_eq(merged->thread_count, 2);
    cr_assert_eq(merged->threads[0].samples, a->samples);
    cr_assert_eq(merged->threads[1].samples, b->samples);
    cr_assert_eq(merged->pid, 0);
    cr_assert_eq(merged->started_ns, 5);
    cr_assert_eq(merged->asked_rate_hz, 0);
    cr_assert_str_eq(merged->python, "3.13.0, 3.12.1");
    cr_assert_str_eq(merged->command_line, "python3 example.py, python3 other.py");
    cr_assert_str_eq(merged->directory, "");
    /* Merged once more, with one of them: whose threads are whose is no longer known. */
    struct hop_profile *again = merge((const struct hop_profile *[]){merged, a}, 2);
    cr_assert_eq(again->thread_count, 3);
    cr_assert_eq(again->part_count, 3);
    cr_assert_eq(again->samples, 3 * a->samples);
    hop_profile_destroy(again);
    hop_profile_destroy(merged);
    hop_profile_destroy(a);
    hop_profile_destroy(b);
}

Test(merge, threads_of_one_name_stay_apart_by_tid)
{
    struct hop_profile *a = make_closure_profile(), *b = make_closure_profile();
    b->threads[0].tid++;
    struct hop_profile *merged = merge((const struct hop_profile *[]){a, b}, 2);
    cr_assert_eq(merged->thread_count, 2);
    cr_assert_eq(merged->threads[0].samples, a->samples);
    cr_assert_eq(merged->threads[1].samples, b->samples);
    hop_profile_destroy(merged);
    hop_profile_destroy(a);
    hop_profile_destroy(b);
}

Test(merge, every_profile_can_be_merged_with_every_other)
{
    for (size_t i = 0; i < test_profile_count; i++) {
        for (size_t j = 0; j < test_profile_count; j++) {
            struct hop_profile *a = test_profiles[i].make(), *b = test_profiles[j].make();
            struct hop_profile *merged = merge((const struct hop_profile *[]){a, b}, 2);
            cr_assert_eq(merged->samples, a->samples + b->samples);
            cr_assert_eq(merged->idle, a->idle + b->idle);
            for (size_t k = 0; k < a->instruction_count; k++) {
                const struct hop_instruction *row = &a->instructions[k];
                cr_assert_eq(self_of(merged, row->function, row->offset),
                             self_of(a, row->function, row->offset) +
                                 self_of(b, row->function, row->offset));
            }
            hop_profile_destroy(a);
            hop_profile_destroy(b);
            hop_profile_destroy(merged);
        }
    }
}

Test(merge, of_nothing_is_an_error)
{
    struct hop_profile *merged;
    struct hop_error err;
    cr_assert_eq(hop_profile_merge(NULL, 0, &merged, &err), HOP_ERR_USAGE);
    cr_assert_null(merged);
}

/* --- intervals -------------------------------------------------------------------------------- */

enum { TRIALS = 1000, PARTS_MAX = 4 };

struct part {
    struct simulated_program program;
    unsigned shift;  /* blocks are 2^shift ticks long in its record */
    unsigned stride; /* only every stride-th block is left in it; 0: all */
};

/* As hop_trace does it when its room is full. */
static void shorten_record(struct hop_profile *profile, unsigned shift, unsigned stride)
{
    size_t kept = 0;
    for (size_t i = 0; i < profile->record_count; i++) {
        struct hop_trace_record record = profile->records[i];
        record.block >>= shift;
        if (!stride || record.block % stride == 0)
            profile->records[kept++] = record;
    }
    profile->record_count = kept;
}

static uint64_t time_of(const struct simulated_program *program)
{
    return program->samples * (program->period ? program->period : 1);
}

static void try_out(const struct part *parts)
{
    double truth[SIMULATED_ROWS] = {0}, of_part[SIMULATED_ROWS], time = 0;
    size_t covered[SIMULATED_ROWS] = {0}, count = 0;
    for (; count < PARTS_MAX && parts[count].program.samples; count++) {
        double part_time = (double)time_of(&parts[count].program);
        simulated_truth(&parts[count].program, of_part);
        for (size_t i = 0; i < SIMULATED_ROWS; i++)
            truth[i] += of_part[i] * part_time;
        time += part_time;
    }
    simulation_seed(1);
    for (size_t trial = 0; trial < TRIALS; trial++) {
        struct hop_profile *profiles[PARTS_MAX];
        for (size_t i = 0; i < count; i++) {
            profiles[i] = simulated_profile(&parts[i].program);
            shorten_record(profiles[i], parts[i].shift, parts[i].stride);
        }
        struct hop_profile *merged = merge((const struct hop_profile *const *)profiles, count);
        struct hop_share shares[SIMULATED_ROWS];
        shares_of_rows(merged, shares);
        for (size_t i = 0; i < SIMULATED_ROWS; i++)
            covered[i] += shares[i].low <= truth[i] / time && truth[i] / time <= shares[i].high;
        for (size_t i = 0; i < count; i++)
            hop_profile_destroy(profiles[i]);
        hop_profile_destroy(merged);
    }
    for (size_t i = 0; i < SIMULATED_ROWS; i++) {
        double percent = (double)covered[i] * 100 / TRIALS;
        cr_expect(percent >= 93 && percent <= 97, "a share of %.2f%%: %.1f%% of the trials",
                  truth[i] / time * 100, percent);
    }
}

#define COMMON                                                                                     \
    {                                                                                              \
        .05, .05, .1, .1, .05, .05, .1                                                             \
    } /* … .5 */
#define OTHER                                                                                      \
    {                                                                                              \
        .2, .1, .3, .05, .15, .05, .05                                                             \
    } /* … .1 */

Test(merge, intervals_of_equal_runs_hold_the_truth)
{
    try_out((const struct part[PARTS_MAX]){{{COMMON, .samples = 1000, .stay = 3}, 0, 0},
                                           {{COMMON, .samples = 1000, .stay = 3}, 0, 0},
                                           {{COMMON, .samples = 1000, .stay = 3}, 0, 0}});
}

/* What differs between the runs is no error: taken as one series it would be a phase, and the
 * intervals many times too wide. */
Test(merge, intervals_of_different_programs_hold_the_truth)
{
    try_out((const struct part[PARTS_MAX]){{{COMMON, .samples = 2000, .stay = 5}, 0, 0},
                                           {{OTHER, .samples = 1000, .stay = 5}, 0, 0}});
}

Test(merge, intervals_of_different_rates_hold_the_truth)
{
    try_out(
        (const struct part[PARTS_MAX]){{{COMMON, .samples = 3000, .stay = 5}, 0, 0},
                                       {{COMMON, .samples = 1000, .stay = 2, .period = 10}, 0, 0}});
}

/* Long runs have longer blocks in their records, very varied ones not even all of these. */
Test(merge, intervals_of_records_of_different_blocks_hold_the_truth)
{
    try_out((const struct part[PARTS_MAX]){{{COMMON, .samples = 2000, .stay = 4}, 0, 0},
                                           {{OTHER, .samples = 8000, .stay = 4}, 4, 0},
                                           {{COMMON, .samples = 16000, .stay = 4}, 6, 2}});
}
