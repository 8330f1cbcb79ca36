/* Samples of programs that work: every row of their profiles is an instruction that the interpreter
 * itself knows, there and with that name, argument and position; and the shares are those of the
 * program's own clock. On every interpreter found. */
#include "heavyops.h"
#include "py/refusal.h"
#include "support/stacks.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define NS_PER_S UINT64_C(1000000000)

/* A machine may be busy: there are rounds until there is enough to judge. */
enum { ROUNDS_MIN = 4, ROUNDS_MAX = 60, SAMPLES_WANTED = 4000, ROWS_WANTED = 1000 };

struct run {
    struct python python;
    char mode[16];
};

static void free_runs(struct criterion_test_params *params)
{
    cr_free(params->params);
}

/* --- every row is an instruction ------------------------------------------------------------- */

/* One profile of everything, by the command: by turns of the threads that use CPU, and of all; read
 * where they stand still, and stopped. NULL when nothing was sampled. */
static json_t *profile_of(pid_t pid, int round)
{
    char command[512];
    snprintf(command, sizeof command,
             "'" HOP_TEST_COMMAND "' attach --pid %d -d 0.5 -r 20k -i all --format json --mode %s "
             "--read %s 2>&1",
             pid, round % 2 ? "wall" : "cpu", round / 2 % 2 ? "stop" : "cpu");
    json_error_t error;
    FILE *stream = popen(command, "re");
    cr_assert(stream, "cannot run %s", command);
    json_t *profile = json_loadf(stream, JSON_DISABLE_EOF_CHECK, &error);
    pclose(stream);
    cr_assert(profile, "%s: not JSON: %s", command, error.text);
    return profile;
}

/* Each sample has one innermost frame. */
static void check_sums(const struct run *run, const json_t *profile)
{
    json_int_t self = 0;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(profile, "instructions"), i, row)
    {
        self += json_integer_value(json_object_get(row, "self"));
    }
    cr_assert_eq(self, json_integer_value(json_object_get(profile, "samples")),
                 "%s, %s: the hits do not add up to the samples", run->python.version, run->mode);
}

/* How many looks found a thread at rest and could make nothing of what they saw. */
static json_int_t not_understood(const json_t *profile)
{
    json_int_t sum = 0;
    for (int i = HOP_TAKEN + 1; i < HOP_REFUSAL_COUNT; i++) {
        const json_t *refused = json_object_get(profile, "refused");
        json_int_t count = json_integer_value(json_object_get(refused, hop_refusal_name(i)));
        if (count > 100)
            cr_log_warn("%s: %lld", hop_refusal_name(i), (long long)count);
        if (i != HOP_REFUSED_MOVED && i != HOP_REFUSED_ELSEWHERE)
            sum += count;
    }
    return sum;
}

/* Has the program judge the rows; the number that it knows nothing of. */
static size_t judge(const struct run *run, struct target *target, const json_t *rows)
{
    char *line = NULL;
    size_t capacity = 0;
    cr_assert_eq(json_dumpf(rows, target->in, JSON_COMPACT), 0);
    fputc('\n', target->in);
    fflush(target->in);
    cr_assert_gt(getline(&line, &capacity, target->out), 0, "%s, %s: it ended", run->python.version,
                 run->mode);
    json_t *verdict = json_loads(line, 0, NULL), *row;
    cr_assert(verdict);
    cr_assert_eq((size_t)json_integer_value(json_object_get(verdict, "checked")),
                 json_array_size(rows));
    size_t wrong = (size_t)json_integer_value(json_object_get(verdict, "wrong_count")), i;
    json_array_foreach(json_object_get(verdict, "wrong"), i, row)
    {
        char *text = json_dumps(row, JSON_COMPACT);
        cr_log_error("%s, %s: no such instruction: %s", run->python.version, run->mode, text);
        free(text);
    }
    json_decref(verdict);
    free(line);
    return wrong;
}

ParameterizedTestParameters(samples, are_instructions_of_the_code)
{
    static const char *const modes[] = {"plain", "traced", "monitored"};
    struct python pythons[PYTHONS_MAX];
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8), count = 0;
    struct run *runs = cr_malloc((found * 3 + 1) * sizeof *runs);
    for (size_t i = 0; i < found; i++) {
        for (size_t mode = 0; mode < 3; mode++) {
            if (!strcmp(modes[mode], "monitored") && pythons[i].minor < 12)
                continue; /* sys.monitoring came with 3.12 */
            runs[count].python = pythons[i];
            strcpy(runs[count++].mode, modes[mode]);
        }
    }
    return cr_make_param_array(struct run, runs, count, free_runs);
}

ParameterizedTest(struct run *run, samples, are_instructions_of_the_code, .timeout = 300)
{
    struct target target;
    char line[16];
    size_t wrong = 0, rows_seen = 0;
    json_int_t samples = 0, refused = 0;
    truth_start(&target, &run->python, "busy.py", run->mode);
    cr_assert(fgets(line, sizeof line, target.out) && !strcmp(line, "ready\n"));
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (round >= ROUNDS_MIN && samples >= SAMPLES_WANTED && rows_seen > ROWS_WANTED)
            break;
        json_t *profile = profile_of(target.pid, round);
        const json_t *rows = json_object_get(profile, "instructions");
        check_sums(run, profile);
        samples += json_integer_value(json_object_get(profile, "samples"));
        refused += not_understood(profile);
        rows_seen += json_array_size(rows);
        wrong += judge(run, &target, rows);
        json_decref(profile);
    }
    target_kill(&target);
    cr_assert_eq(wrong, 0, "%s, %s: %zu of %zu rows are no instructions", run->python.version,
                 run->mode, wrong, rows_seen);
    cr_assert_geq(samples, SAMPLES_WANTED, "%s, %s", run->python.version, run->mode);
    cr_assert_gt(rows_seen, ROWS_WANTED);
    /* Where a frame is being pushed or left there may be nothing to see. */
    cr_assert_lt(100 * refused, samples, "%s, %s: %lld refused for %lld samples",
                 run->python.version, run->mode, (long long)refused, (long long)samples);
}

/* --- shares are true ------------------------------------------------------------------------- */

enum { FUNCTIONS_MAX = 16 };

/* Five shares of each of ten interpreters are looked at, twice in a check of everything: one such
 * check in a thousand may fail by chance (two-sided 1e-5 of a normal distribution, which the
 * binomial one is near at these counts). */
static const double DEVIATIONS = 4.42;

struct shares {
    size_t count;
    char names[FUNCTIONS_MAX][32];
    double spent_ns[FUNCTIONS_MAX], total_ns;
    uint64_t hits[FUNCTIONS_MAX], total;
};

/* The hits of each function by name, before the names' times are known. */
struct hits {
    size_t count;
    char names[64][64];
    uint64_t hits[64];
};

static void add_hits(struct hits *hits, const struct hop_profile *profile)
{
    size_t count;
    const struct hop_instruction *rows = hop_profile_instructions(profile, &count);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < hits->count && strcmp(hits->names[at], rows[i].function))
            at++;
        cr_assert_lt(at, sizeof hits->hits / sizeof *hits->hits);
        if (at == hits->count)
            snprintf(hits->names[hits->count++], sizeof hits->names[0], "%s", rows[i].function);
        hits->hits[at] += rows[i].self;
    }
}

static void sample_shares(struct target *program, struct hits *hits)
{
    struct hop_target *target;
    struct hop_error err;
    uint64_t samples = 0;
    cr_assert_eq(hop_attach(program->pid, NULL, &target, &err), HOP_OK, "%s", err.message);
    fputc('\n', program->in);
    fflush(program->in);
    for (int round = 0; round < ROUNDS_MAX && samples < SAMPLES_WANTED; round++) {
        struct hop_profile *profile;
        struct hop_sample_options options = {.rate_hz = 4000, .duration_ns = NS_PER_S};
        enum hop_status status = hop_sample(target, &options, &profile, &err);
        cr_assert(status == HOP_OK || status == HOP_ERR_NOTHING, "%s", err.message);
        samples += hop_profile_samples(profile);
        add_hits(hits, profile);
        hop_profile_destroy(profile);
    }
    fputc('\n', program->in);
    fflush(program->in);
    hop_detach(target);
    cr_assert_geq(samples, SAMPLES_WANTED);
}

static void read_shares(struct target *program, const struct hits *hits, struct shares *shares)
{
    char line[128];
    while (fgets(line, sizeof line, program->out) && strcmp(line, "end\n")) {
        size_t i = shares->count++;
        cr_assert_lt(i, FUNCTIONS_MAX);
        cr_assert_eq(sscanf(line, "%31s %lf", shares->names[i], &shares->spent_ns[i]), 2);
        shares->total_ns += shares->spent_ns[i];
        for (size_t j = 0; j < hits->count; j++)
            if (!strncmp(hits->names[j], shares->names[i], strlen(shares->names[i])))
                shares->hits[i] += hits->hits[j];
        shares->total += shares->hits[i];
    }
}

ParameterizedTestParameters(samples, have_the_shares_that_the_program_measures)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, count, free_runs);
}

ParameterizedTest(struct python *python, samples, have_the_shares_that_the_program_measures,
                  .timeout = 300)
{
    struct target program;
    struct hits hits = {0};
    struct shares shares = {0};
    char line[16];
    size_t wrong = 0;
    target_start(&program, python, "PYTHON_JIT=1", "shares.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out) && !strcmp(line, "ready\n"));
    sample_shares(&program, &hits);
    read_shares(&program, &hits, &shares);
    cr_assert_eq(shares.count, 5);
    for (size_t i = 0; i < shares.count; i++) {
        double share = shares.spent_ns[i] / shares.total_ns, total = (double)shares.total;
        double off = (double)shares.hits[i] - share * total;
        double allowed = DEVIATIONS * sqrt(total * share * (1 - share));
        bool is_wrong = fabs(off) > allowed;
        wrong += is_wrong;
        cr_log(is_wrong ? CR_LOG_ERROR : CR_LOG_INFO,
               "%s: %s: %.2f %% of the time, %.2f %% of %lu samples (%+.1f of %.1f deviations)",
               python->version, shares.names[i], 100 * share, 100 * (double)shares.hits[i] / total,
               shares.total, off / allowed * DEVIATIONS, DEVIATIONS);
    }
    cr_assert_eq(wrong, 0, "%s: %zu shares are wrong", python->version, wrong);
    target_kill(&program);
}
