/* The oracle's first part: on every interpreter, in every way, samples programs that say themselves
 * which of their stacks are possible and which shares are known; prints what was found. */
#include "oracle/oracle.h"
#include "oracle/rules.h"
#include "oracle/shares.h"
#include "py/refusal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rounds are what intervals are made of. */
enum { ROUNDS = 16, SHARES_A_PROGRAM = 3 };

/* For the program to find its pace. */
static const double WARM_UP_SECONDS = 0.1;

/* Of all looks that were not in vain; and so few refusals tell nothing, where looks are few. */
static const double REFUSED_MAX = 0.01;
enum { REFUSED_ALWAYS = 3 };

/* Of the intervals that are printed, and of all together: one in twenty runs of the whole may find
 * one missed where nothing is wrong. */
static const double ALPHA = 0.05;

/* `turns`: how much longer than the others it is sampled, for a share that is wanted exactly. */
static const struct {
    const char *name;
    int turns;
} programs[] = {
    {"syscall", 4},   {"leaves", 1},     {"nested", 1},     {"shared", 1},
    {"tasks", 1},     {"generators", 1}, {"coroutines", 1}, {"recursion", 1},
    {"callbacks", 1}, {"dunders", 1},    {"exceptions", 1}, {"reuse", 1},
    {"chunks", 1},    {"threads", 1},    {"contend", 1},    {"crowded", 1},
};
enum { PROGRAM_COUNT = sizeof programs / sizeof *programs };

/* One program, on one interpreter, in one way. */
struct scene {
    const char *name;
    const struct python *python;
    const struct oracle_way *way;
    double seconds, rate_hz;
    double alpha; /* the probability with which one right share may miss its interval */
};

const char *oracle_stacks_program(size_t index)
{
    return index < PROGRAM_COUNT ? programs[index].name : NULL;
}

/* What is seen of it. */
struct sight {
    struct oracle_rules rules;
    struct oracle_count rounds[ROUNDS], all;
    uint64_t refused[HOP_REFUSAL_COUNT], refused_total;
    uint64_t missed; /* deadlines */
    struct hop_error err;
    bool is_seen;
};

/* Of all that was seen in one way. */
struct total {
    uint64_t samples, refused, impossible;
    double points_off;
    char where[64];
    size_t wrong, sights;
};

/* --- looking --------------------------------------------------------------------------------- */

static void add_refusals(struct sight *sight, const struct hop_profile *profile)
{
    for (size_t i = 0; i < profile->refused_count; i++)
        for (int refusal = 1; refusal < HOP_REFUSAL_COUNT; refusal++)
            if (!strcmp(profile->refused[i].reason, hop_refusal_name((enum hop_refusal)refusal)))
                sight->refused[refusal] += profile->refused[i].count;
    sight->refused_total += profile->refused_total;
    sight->missed += profile->missed;
}

static bool sample_rounds(struct sight *sight, struct oracle_program *program,
                          const struct scene *scene)
{
    for (int round = -1; round < ROUNDS; round++) {
        struct hop_profile *profile = NULL;
        bool is_warm_up = round < 0;
        enum hop_status status = oracle_sample(
            program, scene->way, scene->rate_hz,
            is_warm_up ? WARM_UP_SECONDS : scene->seconds / ROUNDS, &profile, &sight->err);
        if (profile && !is_warm_up) {
            oracle_judge(&sight->rules, profile, &sight->rounds[round]);
            add_refusals(sight, profile);
        }
        hop_profile_destroy(profile);
        if (status != HOP_OK && status != HOP_ERR_NOTHING)
            return false;
    }
    return true;
}

static void add_rounds(struct sight *sight)
{
    for (int round = 0; round < ROUNDS; round++) {
        const struct oracle_count *count = &sight->rounds[round];
        sight->all.samples += count->samples;
        sight->all.impossible += count->impossible;
        if (!sight->all.example[0])
            strcpy(sight->all.example, count->example);
    }
}

/* The program's own clock runs from before the rounds to behind them. */
static bool measure(struct sight *sight, struct oracle_program *program, const struct scene *scene)
{
    bool is_clocked = false;
    for (size_t i = 0; i < sight->rules.share_count; i++)
        is_clocked |= sight->rules.shares[i].is_clocked;
    if (is_clocked)
        oracle_tell(program);
    if (!sample_rounds(sight, program, scene))
        return false;
    add_rounds(sight);
    if (!is_clocked)
        return true;
    oracle_tell(program);
    json_t *said = oracle_hear(program);
    bool is_known = oracle_rules_clock(&sight->rules, json_object_get(said, "clock"));
    json_decref(said);
    if (!is_known)
        strcpy(sight->err.message, "the program did not say what its clock says");
    return is_known;
}

/* False: sight->err says why there is nothing to be seen. */
static bool look(struct sight *sight, const struct scene *scene)
{
    struct oracle_program program;
    char file[64];
    snprintf(file, sizeof file, "%s.py", scene->name);
    char *text = oracle_text(file);
    *sight = (struct sight){0};
    if (oracle_start(&program, scene->python, NULL, text, (const char *const[]){NULL},
                     &sight->err)) {
        if (oracle_rules_init(&sight->rules, program.announced, text)) {
            sight->is_seen = measure(sight, &program, scene);
            if (!sight->is_seen)
                oracle_rules_deinit(&sight->rules);
        } else {
            strcpy(sight->err.message, "what the program says of itself makes no sense");
        }
        oracle_end(&program);
    }
    free(text);
    return sight->is_seen;
}

/* --- printing and judging -------------------------------------------------------------------- */

static const char *truth_words(const struct oracle_share *share)
{
    if (share->is_clocked)
        return "by its clock";
    return share->is_nearly ? "nearly" : "as it is made";
}

/* One part of a share against the truth. The last of the parts follows from the others. */
static bool print_part(const struct sight *sight, const struct oracle_share *share, size_t part,
                       double alpha, struct total *total)
{
    struct oracle_round rounds[ROUNDS];
    double weights = 0;
    for (size_t i = share->first; i < share->first + share->part_count; i++)
        weights += sight->rules.parts[i].weight;
    for (int round = 0; round < ROUNDS; round++) {
        rounds[round] = (struct oracle_round){.part = sight->rounds[round].hits[part]};
        for (size_t i = share->first; i < share->first + share->part_count; i++)
            rounds[round].whole += sight->rounds[round].hits[i];
    }
    struct oracle_estimate estimate = oracle_estimate(rounds, ROUNDS);
    double truth = sight->rules.parts[part].weight / weights;
    double off = fabs(estimate.share - truth);
    double interval = estimate.error * oracle_quantile(alpha, estimate.freedom);
    /* What the samples are too few to tell is not held against it. */
    bool is_off = !(off - interval <= share->points_allowed / 100);
    bool is_outside = !share->is_clocked && !share->is_nearly && !(off <= interval);
    printf("    %-22s %6.2f %% %s %6.2f %%: %+.2f ± %.2f points%s%s\n",
           sight->rules.parts[part].name, 100 * estimate.share, truth_words(share), 100 * truth,
           100 * (estimate.share - truth),
           100 * estimate.error * oracle_quantile(ALPHA, estimate.freedom),
           is_off ? "  TOO FAR OFF" : "", is_outside ? "  OUTSIDE ITS INTERVAL" : "");
    if (!(off <= total->points_off))
        total->points_off = off;
    return !is_off && !is_outside;
}

static bool print_shares(const struct sight *sight, double alpha, struct total *total)
{
    bool is_right = true;
    for (size_t i = 0; i < sight->rules.share_count; i++) {
        const struct oracle_share *share = &sight->rules.shares[i];
        for (size_t j = 0; j < share->part_count - (share->part_count == 2); j++)
            is_right &= print_part(sight, share, share->first + j, alpha, total);
    }
    return is_right;
}

static void print_refusals(const struct sight *sight)
{
    const char *before = " (";
    for (int refusal = 1; refusal < HOP_REFUSAL_COUNT; refusal++) {
        if (!sight->refused[refusal])
            continue;
        printf("%s%s %" PRIu64, before, hop_refusal_name((enum hop_refusal)refusal),
               sight->refused[refusal]);
        before = ", ";
    }
    printf("%s\n", sight->refused_total ? ")" : "");
}

/* Prints one row; whether all is as it should be. */
static bool print_sight(const struct sight *sight, const struct scene *scene, struct total *total)
{
    printf("%-11s %-8s %-5s", scene->name, scene->python->version, scene->way->name);
    if (!sight->is_seen) {
        printf(" refused: %s\n", sight->err.message);
        return false;
    }
    uint64_t looks = sight->all.samples + sight->refused_total;
    double refused = looks ? (double)sight->refused_total / (double)looks : 0;
    bool too_many = refused > REFUSED_MAX && sight->refused_total > REFUSED_ALWAYS;
    bool is_right = sight->all.impossible == 0 && !too_many;
    printf(" %8" PRIu64 " samples, %4" PRIu64 " impossible%s, refused %5.2f %%%s",
           sight->all.samples, sight->all.impossible, sight->all.impossible ? "  IMPOSSIBLE" : "",
           100 * refused, too_many ? "  TOO MANY" : "");
    print_refusals(sight);
    if (sight->all.impossible)
        printf("    impossible: %s\n", sight->all.example);
    total->samples += sight->all.samples;
    total->refused += sight->refused_total;
    total->impossible += sight->all.impossible;
    is_right &= print_shares(sight, scene->alpha, total);
    return is_right;
}

static void print_total(const struct oracle_way *way, const struct total *total)
{
    double looks = (double)(total->samples + total->refused);
    printf("%s: %" PRIu64 " samples, %" PRIu64 " impossible, refused %.3f %%, the worst share %.2f "
           "points off; %zu of %zu as wanted%s\n",
           way->name, total->samples, total->impossible,
           looks > 0 ? 100 * (double)total->refused / looks : 0, 100 * total->points_off,
           total->sights - total->wrong, total->sights,
           way->is_judged ? "" : " (nothing is wanted of this way)");
}

/* Looks, prints; whether all is as it should be. */
static bool visit(const struct scene *scene, struct total *total)
{
    static struct sight sight;
    if (!look(&sight, scene) && sight.err.status == HOP_ERR_UNSUPPORTED) {
        printf("%-11s %-8s %-5s not to be had: %s\n", scene->name, scene->python->version,
               scene->way->name, sight.err.message);
        return true;
    }
    bool is_right = print_sight(&sight, scene, total);
    if (sight.is_seen)
        oracle_rules_deinit(&sight.rules);
    total->sights++;
    total->wrong += !is_right;
    return is_right;
}

size_t oracle_stacks(const struct oracle_options *options)
{
    struct total totals[ORACLE_WAYS_MAX] = {0};
    size_t missed = 0;
    for (size_t p = 0; p < PROGRAM_COUNT; p++) {
        for (size_t i = 0; oracle_wants(options, programs[p].name) && i < options->python_count;
             i++) {
            for (size_t w = 0; w < options->way_count; w++) {
                const struct oracle_way *way = &options->ways[w];
                double seconds = way->is_judged ? options->seconds : options->other_seconds;
                struct scene scene = {
                    .name = programs[p].name,
                    .python = &options->pythons[i],
                    .way = way,
                    .seconds = seconds * programs[p].turns,
                    .rate_hz = options->rate_hz,
                    .alpha =
                        ALPHA / (double)(PROGRAM_COUNT * SHARES_A_PROGRAM * options->python_count),
                };
                bool is_right = visit(&scene, &totals[w]);
                missed += way->is_judged && !is_right;
            }
        }
    }
    for (size_t w = 0; w < options->way_count; w++)
        if (totals[w].sights)
            print_total(&options->ways[w], &totals[w]);
    return missed;
}
