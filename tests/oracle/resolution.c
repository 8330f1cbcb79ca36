/* The resolution curve: how far the share that is reported for an instruction is from its true one,
 * by how long the instruction takes. programs/calibrated.py knows the truth, and says what it is;
 * here its shares are compared with the profile's. */
#include "oracle/oracle.h"
#include "oracle/shares.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The steps of which one round is sampled, as the program takes them: kind and nanoseconds wanted.
 * The cheapest instructions take some nanoseconds more on a slow machine. */
static const char STEPS[] = "load:5,is:10,negate:20,reverse:50,modulo:100,reverse:100,modulo:200,"
                            "repeat:200,modulo:500,reverse:500,modulo:1000,reverse:1000,"
                            "repeat:1000,modulo:2000,modulo:5000,repeat:5000,power:10000,"
                            "modulo:10000,power:100000,modulo:100000,power:1000000,modulo:1000000";

enum { STEPS_MAX = 32 };

/* From here on a share is wanted to be within ONE_PERCENT of itself: reported 0.495 to 0.505 where
 * 0.5 is true. */
static const double WANTED_FROM_NS = 100, ONE_PERCENT = 0.01;

/* One run in twenty may find one duration missed where none is. */
static const double ALPHA = 0.05;

/* Of the time that other programs are sampled: each duration has a part of it. */
static const double TURNS = 10;

/* Twice the other programs' rate: the steps are many, and one thread is cheap to look at. */
static const double RATE_FACTOR = 2;

/* What there is to say of one step, in one way. */
struct step {
    const char *kind;
    const char *function; /* the probe */
    const json_t *offsets;
    double takes_ns, share, share_error; /* by the program's clock */
    uint64_t hits, samples;
};

/* --- what the program says ------------------------------------------------------------------- */

static bool read_announced(const json_t *announced, struct step *steps, size_t *count)
{
    const json_t *durations = json_object_get(announced, "durations");
    *count = json_array_size(durations);
    if (!*count || *count > STEPS_MAX)
        return false;
    for (size_t i = 0; i < *count; i++) {
        const json_t *said = json_array_get(durations, i);
        steps[i] = (struct step){
            .kind = json_string_value(json_object_get(said, "step")),
            .function = json_string_value(json_object_get(said, "function")),
            .offsets = json_object_get(said, "offsets"),
        };
        if (!steps[i].kind || !steps[i].function || !json_array_size(steps[i].offsets))
            return false;
    }
    return true;
}

static bool read_clock(const json_t *measured, struct step *steps, size_t count)
{
    const json_t *durations = json_object_get(measured, "durations");
    for (size_t i = 0; i < count; i++) {
        const json_t *said = json_array_get(durations, i);
        if (!json_is_object(said))
            return false;
        steps[i].takes_ns = json_number_value(json_object_get(said, "ns"));
        steps[i].share = json_number_value(json_object_get(said, "share"));
        steps[i].share_error = json_number_value(json_object_get(said, "error"));
    }
    return true;
}

/* --- what is reported ------------------------------------------------------------------------ */

static bool is_of_step(const struct step *step, const struct hop_instruction *row)
{
    for (size_t i = 0; i < json_array_size(step->offsets); i++)
        if (json_integer_value(json_array_get(step->offsets, i)) == row->offset)
            return true;
    return false;
}

static void count_hits(const struct hop_profile *profile, struct step *steps, size_t count)
{
    size_t row_count;
    const struct hop_instruction *rows = hop_profile_instructions(profile, &row_count);
    for (size_t r = 0; r < row_count; r++)
        for (size_t i = 0; i < count; i++)
            if (!strcmp(rows[r].function, steps[i].function)) {
                steps[i].samples += rows[r].self;
                if (is_of_step(&steps[i], &rows[r]))
                    steps[i].hits += rows[r].self;
            }
}

/* --- the table ------------------------------------------------------------------------------- */

static const char *duration_text(double ns, char text[16])
{
    snprintf(text, 16,
             ns < 1e3   ? "%.1f ns"
             : ns < 1e6 ? "%.2f us"
                        : "%.2f ms",
             ns < 1e3   ? ns
             : ns < 1e6 ? ns / 1e3
                        : ns / 1e6);
    return text;
}

/* Prints a row; whether the share is further off than wanted, by more than chance explains. */
static bool print_step(const struct step *step, double errors)
{
    char takes[16];
    double reported = step->samples ? (double)step->hits / (double)step->samples : NAN;
    double chance = sqrt(step->share * (1 - step->share) / (double)step->samples);
    double error = hypot(chance, step->share_error);
    double off = reported - step->share;
    bool is_wanted = step->takes_ns >= WANTED_FROM_NS;
    bool is_missed = is_wanted && !(fabs(off) <= ONE_PERCENT * step->share + errors * error);
    printf("  %-8s %9s %8" PRIu64 "  %6.2f%% +-%.2f  %6.2f%%  %+6.2f +-%.2f  %+6.1f%% +-%.1f%s\n",
           step->kind, duration_text(step->takes_ns, takes), step->samples, 100 * step->share,
           196 * step->share_error, 100 * reported, 100 * off, 196 * error, 100 * off / step->share,
           196 * error / step->share, is_missed ? "  MISSED" : "");
    return is_missed;
}

static size_t print_steps(const struct step *steps, size_t count, const struct oracle_way *way)
{
    size_t missed = 0;
    double errors = oracle_quantile(ALPHA / (double)count, 1000);
    printf("  step     takes      samples  true share      reported  points off     "
           "off, of the share\n");
    for (size_t i = 0; i < count; i++)
        missed += print_step(&steps[i], errors);
    return way->is_default ? missed : 0;
}

/* --- one interpreter, one way ---------------------------------------------------------------- */

static void print_failure(const struct hop_error *err)
{
    printf("  not sampled: %s\n", err->message);
}

/* What the program measured until now is forgotten, then it is sampled, then asked. */
static size_t look(const struct oracle_options *options, const struct oracle_way *way,
                   struct oracle_program *program)
{
    struct step steps[STEPS_MAX];
    size_t count;
    struct hop_error err = {0};
    struct hop_profile *profile = NULL;
    double seconds = TURNS * (way->is_default ? options->seconds : options->other_seconds);

    oracle_tell(program);
    json_decref(oracle_hear(program));
    enum hop_status status =
        oracle_sample(program, way, RATE_FACTOR * options->rate_hz, seconds, &profile, &err);
    oracle_tell(program);
    json_t *measured = oracle_hear(program);
    size_t missed = way->is_default;
    if (status != HOP_OK) {
        print_failure(&err);
    } else if (!read_announced(program->announced, steps, &count) ||
               !read_clock(measured, steps, count)) {
        printf("  the program did not say what it measured\n");
    } else {
        count_hits(profile, steps, count);
        missed = print_steps(steps, count, way);
    }
    json_decref(measured);
    hop_profile_destroy(profile);
    return missed;
}

size_t oracle_resolution(const struct oracle_options *options)
{
    size_t missed = 0;
    if (!oracle_wants(options, "calibrated"))
        return 0;
    printf("\nresolution: the share of a step, by what the step takes; +- are 95 %% intervals\n"
           "wanted: within %.0f %% of the true share, from %.0f ns on\n",
           100 * ONE_PERCENT, WANTED_FROM_NS);
    for (size_t p = 0; p < options->python_count; p++) {
        const char *const arguments[] = {STEPS, NULL};
        struct oracle_program program;
        struct hop_error err;
        char *text = oracle_text("calibrated.py");
        bool is_started = oracle_start(&program, &options->pythons[p], NULL, text, arguments, &err);
        free(text);
        if (!is_started) {
            printf("\n%s\n", options->pythons[p].version);
            print_failure(&err);
            missed++;
            continue;
        }
        for (size_t w = 0; w < options->way_count; w++) {
            printf("\n%s %s, %s\n", options->pythons[p].version, options->pythons[p].kind,
                   options->ways[w].name);
            missed += look(options, &options->ways[w], &program);
        }
        oracle_end(&program);
    }
    return missed;
}
