/* The resolution curve: how far the share that is reported for an instruction is from its true one,
 * by how long the instruction takes. programs/calibrated.py knows the truth, and says what it is;
 * here its shares are compared with the profile's. */
#include "oracle/resolution.h"
#include "oracle/shares.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The steps, as the program takes them: kind and nanoseconds wanted. What the cheapest take depends
 * on the machine. */
static const char STEPS[] =
    "load:5,is:10,negate:20,reverse:20,reverse:50,reverse:110,reverse:200,reverse:500,"
    "power:110,power:200,power:500,power:1000,power:2000,power:5000,power:10000,power:100000,"
    "power:1000000,modulo:110,modulo:200,modulo:500,modulo:1000,modulo:10000,modulo:100000,"
    "modulo:1000000,repeat:110,repeat:200,repeat:1000,repeat:10000";

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

/* Where the program waits for a CPU more often, others run beside it: then samples come in bursts,
 * and caches are cold after each. */
static const double BUSY = 0.05;

/* What is seen of a function. */
struct function {
    const char *name;
    const json_t *offsets; /* of the step's instructions */
    uint64_t hits, samples;
};

/* What there is to say of one step, in one way. */
struct step {
    const char *kind;
    struct function probe, base;
    /* By the program's clock: what the step takes more in the probe than in the base; its share of
     * the probe, and the standard error of that; the base's time as a part of the probe's. */
    double takes_ns, share, share_error, base_part;
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
            .probe = {.name = json_string_value(json_object_get(said, "probe")),
                      .offsets = json_object_get(said, "offsets")},
            .base = {.name = json_string_value(json_object_get(said, "base")),
                     .offsets = json_object_get(said, "base_offsets")},
        };
        if (!steps[i].kind || !steps[i].probe.name || !steps[i].base.name ||
            !json_array_size(steps[i].probe.offsets))
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
        steps[i].base_part = json_number_value(json_object_get(said, "base"));
        steps[i].share_error = json_number_value(json_object_get(said, "error"));
    }
    return true;
}

/* --- what is reported ------------------------------------------------------------------------ */

static bool is_of_step(const struct function *function, const struct hop_instruction *row)
{
    for (size_t i = 0; i < json_array_size(function->offsets); i++)
        if (json_integer_value(json_array_get(function->offsets, i)) == row->offset)
            return true;
    return false;
}

static void count_hits(struct function *function, const struct hop_instruction *row)
{
    if (strcmp(row->function, function->name))
        return;
    function->samples += row->self;
    if (is_of_step(function, row))
        function->hits += row->self;
}

static void count_profile(const struct hop_profile *profile, struct step *steps, size_t count)
{
    size_t row_count;
    const struct hop_instruction *rows = hop_profile_instructions(profile, &row_count);
    for (size_t r = 0; r < row_count; r++)
        for (size_t i = 0; i < count; i++) {
            count_hits(&steps[i].probe, &rows[r]);
            count_hits(&steps[i].base, &rows[r]);
        }
}

/* The step's share of a function's samples, and its variance. */
static double share_of(const struct function *function, double *variance)
{
    double samples = (double)function->samples;
    double share = samples > 0 ? (double)function->hits / samples : NAN;
    *variance = share * (1 - share) / samples;
    return share;
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

/* What is reported for a step, against what is true. */
struct comparison {
    double reported, off, error; /* shares; the standard error of `off` */
};

static struct comparison compare(const struct step *step)
{
    double in_probe_variance, in_base_variance = 0, in_base = 0;
    double in_probe = share_of(&step->probe, &in_probe_variance);
    if (json_array_size(step->base.offsets))
        in_base = share_of(&step->base, &in_base_variance);
    struct comparison found = {.reported = in_probe - in_base * step->base_part};
    found.off = found.reported - step->share;
    found.error = sqrt(in_probe_variance + in_base_variance * step->base_part * step->base_part +
                       step->share_error * step->share_error);
    return found;
}

/* Prints a row; whether the share is further off than wanted, by more than chance explains. */
static bool print_step(const struct step *step, const struct comparison *found, double errors)
{
    char takes[16];
    bool is_missed = step->takes_ns >= WANTED_FROM_NS &&
                     !(fabs(found->off) <= ONE_PERCENT * step->share + errors * found->error);
    printf("  %-8s %9s %8" PRIu64 "  %6.2f%% +-%.2f  %6.2f%%  %+6.2f +-%.2f  %+6.1f%% +-%.1f%s\n",
           step->kind, duration_text(step->takes_ns, takes), step->probe.samples, 100 * step->share,
           196 * step->share_error, 100 * found->reported, 100 * found->off, 196 * found->error,
           100 * found->off / step->share, 196 * found->error / step->share,
           is_missed ? "  MISSED" : "");
    return is_missed;
}

/* Many steps together tell more than each alone: their mean error, of the share, weighted by how
 * exactly it is known. */
struct mean {
    double sum, weights;
};

static void add_to_mean(struct mean *mean, const struct step *step, const struct comparison *found)
{
    double weight = step->share * step->share / (found->error * found->error);
    if (step->takes_ns < WANTED_FROM_NS || !isfinite(weight))
        return;
    mean->sum += weight * found->off / step->share;
    mean->weights += weight;
}

static bool print_mean(const struct mean *mean)
{
    double off = mean->sum / mean->weights, error = 1 / sqrt(mean->weights);
    bool is_missed = !(fabs(off) <= ONE_PERCENT + 1.96 * error);
    printf("  all from %.0f ns on: %+.2f%% +-%.2f of the share%s\n", WANTED_FROM_NS, 100 * off,
           196 * error, is_missed ? "  MISSED" : "");
    return is_missed;
}

static size_t print_steps(const struct step *steps, size_t count, const struct oracle_way *way)
{
    size_t missed = 0;
    struct mean mean = {0};
    double errors = oracle_quantile(ALPHA / (double)count, 1000);
    printf("  step     takes      samples  true share      reported  points off     "
           "off, of the share\n");
    for (size_t i = 0; i < count; i++) {
        struct comparison found = compare(&steps[i]);
        missed += print_step(&steps[i], &found, errors);
        add_to_mean(&mean, &steps[i], &found);
    }
    missed += print_mean(&mean);
    return way->is_judged ? missed : 0;
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
    double seconds = TURNS * (way->is_judged ? options->seconds : options->other_seconds);

    oracle_tell(program);
    json_decref(oracle_hear(program));
    enum hop_status status =
        oracle_sample(program, way, RATE_FACTOR * options->rate_hz, seconds, &profile, &err);
    oracle_tell(program);
    json_t *measured = oracle_hear(program);
    size_t missed = way->is_judged;
    if (status != HOP_OK) {
        print_failure(&err);
        missed = status == HOP_ERR_UNSUPPORTED ? 0 : missed;
    } else if (!read_announced(program->announced, steps, &count) ||
               !read_clock(measured, steps, count)) {
        printf("  the program did not say what it measured\n");
    } else {
        double looks = (double)(hop_profile_samples(profile) + hop_profile_idle(profile));
        printf("  %.0f samples a second; at %.1f %% of the looks it waited for a CPU%s\n",
               (double)hop_profile_samples(profile) / seconds,
               100 * (double)hop_profile_idle(profile) / looks,
               (double)hop_profile_idle(profile) > BUSY * looks ? ": intervals are too narrow"
                                                                : "");
        count_profile(profile, steps, count);
        missed = print_steps(steps, count, way);
    }
    json_decref(measured);
    hop_profile_destroy(profile);
    return missed;
}

static size_t curve(const struct oracle_options *options)
{
    size_t missed = 0;
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

size_t oracle_resolution(const struct oracle_options *options)
{
    size_t missed = oracle_wants(options, "calibrated") ? curve(options) : 0;
    oracle_witness(options);
    return missed;
}
