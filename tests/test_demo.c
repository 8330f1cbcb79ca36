/* The classic hot closure (make demo) on every interpreter found: the report has both LOAD_DEREF of
 * its line 8, told apart, and they outnumber all else that is tracked by default. And what less
 * tame programs do that must not cost a sample: code objects that never last, frames of CPython's
 * own. */
#include "heavyops.h"
#include "profile/profile.h"
#include "support/pythons.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

/* The line of foo.py at which self is read, and where in it, from 0: "self" stands twice. */
enum { HOT_LINE = 8, FIRST_COLUMN = 15, SECOND_COLUMN = 43 };

/* A machine may be busy: rounds are sampled until there is enough to judge. */
enum { ROUNDS_MAX = 60, TRACKED_HITS_WANTED = 40, SAMPLES_WANTED = 1000 };

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

static struct criterion_test_params every_python(void)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

static struct hop_target *attach(int pid)
{
    struct hop_target *target;
    struct hop_error err;
    struct hop_attach_options options = {.wait_ns = 60 * NS_PER_S};
    cr_assert_eq(hop_attach(pid, &options, &target, &err), HOP_OK, "%s", err.message);
    return target;
}

/* One second of it; NULL when nothing was sampled. */
static struct hop_profile *sample(struct hop_target *target)
{
    struct hop_profile *profile;
    struct hop_error err;
    struct hop_sample_options options = {.rate_hz = 2000, .duration_ns = NS_PER_S};
    enum hop_status status = hop_sample(target, &options, &profile, &err);
    if (status == HOP_ERR_NOTHING) {
        hop_profile_destroy(profile);
        return NULL;
    }
    cr_assert_eq(status, HOP_OK, "%s", err.message);
    return profile;
}

/* Hits of foo.py, over all rounds. */
struct hits {
    uint64_t first, second, tracked;
    uint32_t first_offset, second_offset;
};

static void count_hot(struct hits *hits, const struct hop_instruction *row, int minor)
{
    if (minor >= 11) {
        cr_assert(row->column == FIRST_COLUMN || row->column == SECOND_COLUMN, "column %d",
                  row->column);
        cr_assert_eq(row->end_column, row->column + (int)strlen("self"));
    } else {
        cr_assert_eq(row->column, -1);
    }
    cr_assert_eq(row->first_line, 5);
    bool is_qualified = !strcmp(row->function, "Box.intersects");
    cr_assert(is_qualified || (minor < 11 && !strcmp(row->function, "intersects")), "%s",
              row->function);
    if (!hits->first || row->offset == hits->first_offset) {
        hits->first_offset = row->offset;
        hits->first += row->self;
    } else {
        cr_assert(!hits->second || row->offset == hits->second_offset, "a third LOAD_DEREF, at %u",
                  row->offset);
        hits->second_offset = row->offset;
        hits->second += row->self;
    }
}

static void count_hits(struct hits *hits, const struct hop_profile *profile, int minor)
{
    size_t count;
    const struct hop_instruction *rows = hop_profile_instructions(profile, &count);
    for (size_t i = 0; i < count; i++) {
        const struct hop_instruction *row = &rows[i];
        if (!row->is_tracked || !row->self)
            continue;
        hits->tracked += row->self;
        if (row->line == HOT_LINE && !strcmp(row->base_opcode, "LOAD_DEREF"))
            count_hot(hits, row, minor);
    }
}

ParameterizedTestParameters(demo, shows_the_hot_closure)
{
    return every_python();
}

ParameterizedTest(struct python *python, demo, shows_the_hot_closure, .timeout = 240)
{
    struct target program;
    struct hits hits = {0};
    target_start(&program, python, NULL, "demo/foo.py", (const char *const[]){"120", NULL});
    struct hop_target *target = attach(program.pid);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (hits.first && hits.second && hits.tracked >= TRACKED_HITS_WANTED)
            break;
        struct hop_profile *profile = sample(target);
        if (profile)
            count_hits(&hits, profile, python->minor);
        hop_profile_destroy(profile);
    }
    hop_detach(target);
    cr_assert_gt(hits.first, 0, "%s: none on line 8", python->version);
    cr_assert_gt(hits.second, 0, "%s: one of two on line 8", python->version);
    cr_assert_geq(hits.tracked, TRACKED_HITS_WANTED);
    cr_assert_gt(2 * (hits.first + hits.second), hits.tracked, "%s: %lu and %lu of %lu",
                 python->version, hits.first, hits.second, hits.tracked);
}

/* What `make demo` runs, as a person sees it. */
Test(demo, is_readable, .timeout = 240)
{
    static char text[1 << 16];
    FILE *report = popen("cd '" HOP_TEST_ROOT "' && '" HOP_TEST_COMMAND
                         "' record -r 5k -- python3 tests/targets/demo/foo.py 2>&1",
                         "re");
    cr_assert(report);
    text[fread(text, 1, sizeof text - 1, report)] = '\0';
    cr_assert_eq(pclose(report), 0, "%s", text);
    cr_assert(strstr(text, "pairs overlap in each of"), "%s", text);
    cr_assert(strstr(text, " tracked instruction hits"), "%s", text);
    size_t rows = 0;
    for (const char *at = text; (at = strstr(at, "| foo.py:8")); at++) {
        char *end = strchr(at, '\n'), *word = strstr(at, " intersects LOAD_DEREF");
        rows += word && end && word < end;
    }
    cr_assert_eq(rows, 2, "%s", text);
}

ParameterizedTestParameters(demo, code_objects_that_do_not_last)
{
    return every_python();
}

/* 3.11 and 3.12 have a moment at which the frame pointer is not yet written (src/README.md): of
 * some thousand samples one or two are refused for what they then find, rightly. */
static bool is_between_frames(const struct hop_profile *profile, int minor, uint64_t refused)
{
    return (minor == 11 || minor == 12) && refused * 200 <= profile->samples;
}

/* A longer code object at the address of a shorter one is no reason to refuse a sample. */
ParameterizedTest(struct python *python, demo, code_objects_that_do_not_last, .timeout = 240)
{
    struct target program;
    char line[16];
    uint64_t samples = 0;
    target_start(&program, python, NULL, "reuse.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    struct hop_target *target = attach(program.pid);
    for (int round = 0; round < ROUNDS_MAX && samples < SAMPLES_WANTED; round++) {
        struct hop_profile *profile = sample(target);
        for (size_t i = 0; profile && i < profile->refused_count; i++)
            cr_assert(strcmp(profile->refused[i].reason, "bad_offset") ||
                          is_between_frames(profile, python->minor, profile->refused[i].count),
                      "%s: %lu of %lu", python->version, profile->refused[i].count,
                      profile->samples);
        samples += profile ? hop_profile_samples(profile) : 0;
        hop_profile_destroy(profile);
    }
    cr_assert_geq(samples, SAMPLES_WANTED);
    hop_detach(target);
}

ParameterizedTestParameters(demo, constructors)
{
    return every_python();
}

/* From 3.12 on a frame of CPython's own lies below an __init__: it is no reason to refuse a sample,
 * and not shown. */
ParameterizedTest(struct python *python, demo, constructors, .timeout = 240)
{
    struct target program;
    char line[16];
    uint64_t samples = 0, inside = 0;
    target_start(&program, python, NULL, "constructors.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    struct hop_target *target = attach(program.pid);
    for (int round = 0; round < ROUNDS_MAX && samples < SAMPLES_WANTED; round++) {
        struct hop_profile *profile = sample(target);
        size_t count = 0;
        const struct hop_instruction *rows =
            profile ? hop_profile_instructions(profile, &count) : NULL;
        for (size_t i = 0; i < count; i++) {
            cr_assert_str_neq(rows[i].base_opcode, "EXIT_INIT_CHECK");
            cr_assert_str_neq(rows[i].file, "__init__");
            if (rows[i].first_line == 6)
                inside += rows[i].self;
        }
        for (size_t i = 0; profile && i < profile->refused_count; i++) {
            cr_assert_str_neq(profile->refused[i].reason, "not_code", "%s: %lu of %lu",
                              python->version, profile->refused[i].count, profile->samples);
            cr_assert_str_neq(profile->refused[i].reason, "bad_opcode", "%s: %lu of %lu",
                              python->version, profile->refused[i].count, profile->samples);
        }
        samples += profile ? hop_profile_samples(profile) : 0;
        hop_profile_destroy(profile);
    }
    hop_detach(target);
    cr_assert_geq(samples, SAMPLES_WANTED);
    cr_assert_gt(2 * inside, samples, "%s: %lu of %lu samples are in __init__", python->version,
                 inside, samples);
}
