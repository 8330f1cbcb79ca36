/* The oracle itself: its judge finds what is impossible, its intervals are right; and a short run
 * of it: no interpreter shows an impossible stack. */
#include "oracle/oracle.h"
#include "oracle/rules.h"
#include "oracle/shares.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the judge ------------------------------------------------------------------------------- */

/* main calls f at line 2 and g at line 3; f calls leaf, g does not. */
static const char *const text = "def main():\n"
                                "    f()  # calls f\n"
                                "    g()  # calls g; part second other\n"
                                "    pass\n";
static const char *const announced =
    "{\"outermost\": [\"main\"], \"calls\": {\"main\": [\"f\", \"g\"], \"f\": [\"leaf\", "
    "\"lib.py:h\"],"
    " \"leaf\": [\"leaf\"]}, \"deepest\": 4, \"at\": {\"lib.py:h\": 3}, \"shares\": ["
    "{\"by\": \"within\", \"parts\": {\"f\": 3, \"g\": 1}},"
    "{\"by\": \"self\", \"parts\": {\"leaf\": null, \"main\": null}, \"points\": 1},"
    "{\"by\": \"pair\", \"parts\": {\"f>leaf\": 1, \"leaf>leaf\": 1}},"
    "{\"by\": \"line\", \"parts\": {\"second\": 1}}]}";

enum { MAIN_2, MAIN_3, MAIN_4, F, G, LEAF, H, ROWS };

/* A profile of one stack, outermost first, ends in -1; sampled `self` times. */
static struct hop_profile *profile_of(const int *stack, uint64_t self)
{
    static struct hop_instruction rows[ROWS];
    static const char *const functions[ROWS] = {"main", "main",     "main", "f",
                                                "g",    "a.b.leaf", "T.h"};
    static struct hop_profile_node nodes[16];
    struct hop_profile *profile = calloc(1, sizeof *profile);
    for (int i = 0; i < ROWS; i++)
        rows[i] = (struct hop_instruction){.function = functions[i],
                                           .file = i == H ? "/usr/lib/lib.py" : "<string>",
                                           .line = i <= MAIN_4 ? 2 + i : 10 + i};
    profile->instructions = rows;
    profile->instruction_count = ROWS;
    profile->nodes = nodes;
    profile->node_count = 1;
    memset(nodes, 0, sizeof nodes);
    for (; *stack >= 0; stack++, profile->node_count++)
        nodes[profile->node_count] = (struct hop_profile_node){
            .parent = (uint32_t)profile->node_count - 1, .instruction = (uint32_t)*stack};
    nodes[profile->node_count - 1].self = self;
    return profile;
}

static struct oracle_count judge(const int *stack)
{
    struct oracle_rules rules;
    struct oracle_count count = {0};
    json_t *said = json_loads(announced, 0, NULL);
    cr_assert(said);
    cr_assert(oracle_rules_init(&rules, said, text));
    struct hop_profile *profile = profile_of(stack, 7);
    oracle_judge(&rules, profile, &count);
    free(profile);
    oracle_rules_deinit(&rules);
    json_decref(said);
    cr_assert_eq(count.samples, 7);
    return count;
}

#define STACK(...) ((const int[]){__VA_ARGS__, -1})

static void assert_possible(const int *stack)
{
    struct oracle_count count = judge(stack);
    cr_assert_eq(count.impossible, 0, "%s", count.example);
}

static void assert_impossible(const int *stack, const char *why)
{
    struct oracle_count count = judge(stack);
    cr_assert_eq(count.impossible, 7, "not found: %s", why);
    cr_assert(strstr(count.example, why), "%s, but not because it %s", count.example, why);
}

Test(oracle, finds_impossible_stacks)
{
    assert_possible(STACK(MAIN_4));
    assert_possible(STACK(MAIN_2, F, LEAF));
    assert_possible(STACK(MAIN_3, G));
    assert_possible(STACK(MAIN_2, F, LEAF, LEAF));
    assert_possible(STACK(MAIN_2, F, H));
    assert_impossible(STACK(MAIN_3, G, LEAF), "is never called by that function");
    assert_impossible(STACK(MAIN_2, F, G), "is never called by that function");
    assert_impossible(STACK(MAIN_3, F), "is never called from that line");
    assert_impossible(STACK(MAIN_4, F, LEAF), "stands on one that is impossible");
    assert_impossible(STACK(F, LEAF), "stands on one that is impossible");
    assert_impossible(STACK(F), "is never outermost");
    assert_impossible(STACK(MAIN_2, F, LEAF, LEAF, LEAF), "is deeper than the program ever is");
    assert_impossible(STACK(H), "is never at that depth");
}

Test(oracle, counts_the_parts_of_shares)
{
    enum { WITHIN_F, WITHIN_G, SELF_LEAF, SELF_MAIN, F_LEAF, LEAF_LEAF, SECOND };
    struct oracle_count count = judge(STACK(MAIN_2, F, LEAF, LEAF));
    const uint64_t leaf[] = {7, 0, 7, 0, 0, 7, 0};
    cr_assert_arr_eq(count.hits, leaf, sizeof leaf);
    count = judge(STACK(MAIN_2, F, LEAF));
    const uint64_t pair[] = {7, 0, 7, 0, 7, 0, 0};
    cr_assert_arr_eq(count.hits, pair, sizeof pair);
    count = judge(STACK(MAIN_3));
    const uint64_t line[] = {0, 0, 0, 7, 0, 0, 7};
    cr_assert_arr_eq(count.hits, line, sizeof line);
    count = judge(STACK(MAIN_3, G));
    const uint64_t callee[] = {0, 7, 0, 0, 0, 0, 0};
    cr_assert_arr_eq(count.hits, callee, sizeof callee);
}

Test(oracle, takes_weights_from_the_program_and_its_clock)
{
    struct oracle_rules rules;
    json_t *said = json_loads(announced, 0, NULL);
    json_t *half = json_loads("{\"leaf\": 5}", 0, NULL);
    json_t *whole = json_loads("{\"leaf\": 5, \"main\": 15}", 0, NULL);
    cr_assert(oracle_rules_init(&rules, said, text));
    cr_assert_eq(rules.share_count, 4);
    cr_assert_eq(rules.part_count, 7);
    cr_assert_float_eq(rules.parts[0].weight, 3, 0);
    cr_assert_float_eq(rules.shares[0].points_allowed, 3, 0);
    cr_assert_float_eq(rules.shares[1].points_allowed, 1, 0);
    cr_assert(rules.shares[1].is_clocked && !rules.shares[0].is_clocked);
    cr_assert_not(oracle_rules_clock(&rules, half));
    cr_assert(oracle_rules_clock(&rules, whole));
    cr_assert_float_eq(rules.parts[3].weight, 15, 0);
    oracle_rules_deinit(&rules);
    json_decref(said);
    json_decref(half);
    json_decref(whole);
}

/* --- the intervals --------------------------------------------------------------------------- */

Test(oracle, has_the_quantiles_of_student)
{
    /* From tables. */
    cr_assert_float_eq(oracle_quantile(0.05, 15), 2.131, 0.005);
    cr_assert_float_eq(oracle_quantile(0.05, 1000000), 1.960, 0.001);
    cr_assert_float_eq(oracle_quantile(0.001, 15), 4.073, 0.02);
}

Test(oracle, sees_that_samples_of_a_round_are_correlated)
{
    struct oracle_round rounds[16];
    for (int i = 0; i < 16; i++)
        rounds[i] = (struct oracle_round){.part = 500, .whole = 1000};
    struct oracle_estimate even = oracle_estimate(rounds, 16);
    cr_assert_float_eq(even.share, 0.5, 1e-9);
    cr_assert_float_eq(even.error, sqrt(0.25 / 16000), 1e-6);
    cr_assert_eq(even.freedom, 15);
    for (int i = 0; i < 16; i++)
        rounds[i].part = i % 2 ? 300 : 700;
    struct oracle_estimate uneven = oracle_estimate(rounds, 16);
    cr_assert_float_eq(uneven.share, 0.5, 1e-9);
    cr_assert_float_eq(uneven.error, 0.2 / sqrt(15), 1e-6);
}

/* --- a short run of the oracle --------------------------------------------------------------- */

/* A machine may be busy: there are rounds until there is enough to judge. */
enum { SAMPLES_WANTED = 400, ROUNDS_MAX = 60 };

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

ParameterizedTestParameters(oracle, sees_nothing_impossible)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

static void look_at(const struct python *python, const char *file)
{
    struct oracle_program program;
    struct oracle_rules rules;
    struct oracle_way ways[ORACLE_WAYS_MAX];
    struct oracle_count count = {0};
    struct hop_error err;
    char *source = oracle_text(file);
    cr_assert_gt(oracle_ways(ways), 0);
    cr_assert(ways[0].is_judged);
    cr_assert(oracle_start(&program, python, NULL, source, (const char *const[]){NULL}, &err),
              "%s, %s: %s", python->version, file, err.message);
    cr_assert(oracle_rules_init(&rules, program.announced, source));
    for (int round = 0; round < ROUNDS_MAX && count.samples < SAMPLES_WANTED; round++) {
        struct hop_profile *profile = NULL;
        enum hop_status status = oracle_sample(&program, &ways[0], 4000, 0.1, &profile, &err);
        cr_assert(status == HOP_OK || status == HOP_ERR_NOTHING, "%s, %s: %s", python->version,
                  file, err.message);
        oracle_judge(&rules, profile, &count);
        hop_profile_destroy(profile);
    }
    cr_log_info("%s, %s: %lu samples", python->version, file, count.samples);
    cr_assert_geq(count.samples, SAMPLES_WANTED, "%s, %s", python->version, file);
    cr_assert_eq(count.impossible, 0, "%s, %s: impossible %lu times: %s", python->version, file,
                 count.impossible, count.example);
    oracle_rules_deinit(&rules);
    oracle_end(&program);
    free(source);
}

ParameterizedTest(struct python *python, oracle, sees_nothing_impossible, .timeout = 240)
{
    look_at(python, "leaves.py");
    look_at(python, "generators.py");
    look_at(python, "tasks.py");
    look_at(python, "callbacks.py");
    look_at(python, "chunks.py");
}
