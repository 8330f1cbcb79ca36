/* Qualified names of 3.8–3.10, whose code objects have none, against what the target says of its
 * own functions, generators, coroutines and classes: a function of every kind, stopped in itself.
 */
#include "base/clock.h"
#include "sample/sampler.h"
#include "support/programs.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As deep as the target goes, and what one line of it may have. */
enum { FRAMES_MAX = 512, LINE_MAX_BYTES = 4096, COMPLAINTS_MAX = 20 };

static const uint64_t PATIENCE_NS = 5000u * 1000 * 1000;

/* What the target says of one frame. */
struct truth {
    char name[256];
    char qualnames[LINE_MAX_BYTES]; /* "|a.b|c|" */
};

struct stop {
    char expected[256]; /* of the function that stopped: "known", "plain", "=name"; "end" */
    int line;
    size_t count;
    struct truth *frames; /* [FRAMES_MAX], innermost first: the function that stops it */
};

static void decode(const char *hex, char *text)
{
    for (; hex[0] && hex[1]; hex += 2) {
        char digits[] = {hex[0], hex[1], 0};
        *text++ = (char)strtol(digits, NULL, 16);
    }
    *text = 0;
}

static void read_truth(char *line, struct truth *truth)
{
    char *at = truth->qualnames;
    char *words = strchr(line, ' ');
    cr_assert_not_null(words);
    *words++ = 0;
    words[strcspn(words, "\n")] = 0;
    decode(line, truth->name);
    *at++ = '|';
    for (char *word; strcmp(words, "-") && (word = strsep(&words, ","));) {
        decode(word, at);
        at += strlen(at);
        *at++ = '|';
        if (!words)
            break;
    }
    *at = 0;
}

static void read_stop(struct target *target, struct stop *stop)
{
    char line[LINE_MAX_BYTES];
    cr_assert_not_null(fgets(line, sizeof line, target->out), "the target ended");
    cr_assert_eq(sscanf(line, "%255s %d", stop->expected, &stop->line), 2);
    stop->count = 0;
    while (strcmp(stop->expected, "end")) {
        cr_assert_not_null(fgets(line, sizeof line, target->out), "the target ended");
        if (line[0] == '.')
            return;
        cr_assert_lt(stop->count, FRAMES_MAX);
        read_truth(line, &stop->frames[stop->count++]);
    }
}

static void go_on(struct target *target)
{
    fputc('\n', target->in);
    fflush(target->in);
}

static bool is_one_of(const char *qualnames, const char *qualname)
{
    char wanted[512];
    snprintf(wanted, sizeof wanted, "|%s|", qualname);
    return strstr(qualnames, wanted) != NULL;
}

/* How the frames of one stop were named; the complaints. */
static size_t judge(const struct hop_sampler *sampler, const struct stop *stop, const char *version)
{
    size_t complaints = 0;
    cr_assert_eq(sampler->walker.stack.depth, stop->count, "%s, line %d: %zu frames for %zu",
                 version, stop->line, sampler->walker.stack.depth, stop->count);
    for (size_t i = 0; i < stop->count; i++) {
        const struct hop_code *code = sampler->codes.codes[sampler->identifier.frames[i].code];
        const struct truth *truth = &stop->frames[i];
        const char *expected = i == 1 ? stop->expected : "any";
        bool is_right;
        cr_assert_str_eq(code->name, truth->name);
        if (expected[0] == '=')
            is_right = code->qualname_is_known && !strcmp(code->qualname, expected + 1);
        else if (!strcmp(expected, "plain") || (i > 1 && !code->qualname_is_known))
            is_right = !code->qualname_is_known && !strcmp(code->qualname, code->name);
        else
            is_right = code->qualname_is_known && is_one_of(truth->qualnames, code->qualname);
        if (is_right)
            continue;
        complaints++;
        cr_log_error("%s, line %d, frame %zu: %s (%s), expected %s of %s", version, stop->line, i,
                     code->qualname, code->qualname_is_known ? "known" : "plain", expected,
                     truth->qualnames);
    }
    return complaints;
}

/* The stack of a target's only thread as it stands; the sampler is a new one, or has been used. */
static void look(struct hop_sampler *sampler)
{
    char state;
    cr_assert(hop_roster_refresh(&sampler->roster));
    cr_assert_eq(sampler->roster.count, 1);
    enum hop_refusal refusal = hop_sampler_look_once(sampler, &sampler->roster.entries[0],
                                                     hop_now_ns() + PATIENCE_NS, &state);
    cr_assert_eq(refusal, HOP_TAKEN, "%s", hop_refusal_words(refusal));
}

static struct finding *find(const struct target *target)
{
    struct finding *finding = finding_create(target->pid, NULL);
    cr_assert_eq(finding->status, HOP_OK, "%s", finding->err.message);
    return finding;
}

static void sampler_start(struct hop_sampler *sampler, struct finding *finding)
{
    struct hop_error err;
    cr_assert_eq(
        hop_sampler_init(sampler, &finding->process, &finding->python, &finding->reader.base, &err),
        HOP_OK, "%s", err.message);
}

/* A reader that fails one of its reads and counts them. */
struct failing_reader {
    struct hop_reader base;
    struct hop_reader *real;
    uint64_t calls, fails_at;
};

static size_t fill_or_fail(struct hop_reader *reader, const struct hop_span *spans, size_t count)
{
    struct failing_reader *failing = (struct failing_reader *)reader;
    return ++failing->calls == failing->fails_at ? 0 : hop_reader_fill(failing->real, spans, count);
}

/* A target that stands in its function `name`, and a sampler that has identified its stack. */
struct scene {
    struct target target;
    struct stop stop;
    struct finding *finding;
    struct hop_sampler sampler;
};

static void identify(struct hop_sampler *sampler)
{
    cr_assert(hop_roster_refresh(&sampler->roster));
    cr_assert_eq(hop_walk(&sampler->walker, sampler->roster.entries[0].state.addr), HOP_TAKEN);
    cr_assert_eq(hop_identify(&sampler->identifier, &sampler->walker.stack), HOP_TAKEN);
}

static void seek(struct hop_sampler *sampler)
{
    hop_qualnames_seek(&sampler->identifier.qualnames, &sampler->walker.stack,
                       sampler->identifier.frames);
}

/* A look of a thread that was looked at already, for it stands still. */
static void look_anew(struct hop_sampler *sampler)
{
    identify(sampler);
    if (sampler->identifier.wants_qualnames)
        seek(sampler);
    hop_qualnames_keep(&sampler->identifier.qualnames);
}

static void scene_begin(struct scene *scene, const struct python *python, const char *name)
{
    scene->stop.frames = calloc(FRAMES_MAX, sizeof *scene->stop.frames);
    target_start(&scene->target, python, NULL, "qualnames.py", (const char *[]){NULL});
    read_stop(&scene->target, &scene->stop);
    while (strcmp(scene->stop.frames[1].name, name)) {
        go_on(&scene->target);
        read_stop(&scene->target, &scene->stop);
        cr_assert_str_neq(scene->stop.expected, "end");
    }
    scene->finding = find(&scene->target);
    sampler_start(&scene->sampler, scene->finding);
    look(&scene->sampler); /* once it was taken, it stands still */
    hop_code_table_truncate(&scene->sampler.codes, 0);
    identify(&scene->sampler);
}

static void scene_end(struct scene *scene)
{
    hop_sampler_deinit(&scene->sampler);
    finding_destroy(scene->finding);
    free(scene->stop.frames);
    target_end(&scene->target);
}

/* The code object of frame i. */
static struct hop_code *code_of(const struct scene *scene, size_t i)
{
    return scene->sampler.codes.codes[scene->sampler.identifier.frames[i].code];
}

static struct python *pythons(size_t *count)
{
    struct python *found = cr_malloc(PYTHONS_MAX * sizeof *found);
    size_t all = pythons_find(found, PYTHONS_MAX, 8);
    *count = 0;
    for (size_t i = 0; i < all; i++)
        if (found[i].minor < 11)
            found[(*count)++] = found[i];
    return found;
}

static struct criterion_test_params parameters(void)
{
    size_t count;
    struct python *found = pythons(&count);
    return cr_make_param_array(struct python, found, count);
}

ParameterizedTestParameters(qualname, of_all_kinds_at_first_sight)
{
    return parameters();
}

/* Each stop is the first that its sampler sees. */
ParameterizedTest(struct python *python, qualname, of_all_kinds_at_first_sight, .timeout = 240)
{
    struct target target;
    struct stop stop = {.frames = calloc(FRAMES_MAX, sizeof *stop.frames)};
    size_t complaints = 0, stops = 0;
    target_start(&target, python, NULL, "qualnames.py", (const char *[]){NULL});
    read_stop(&target, &stop);
    struct finding *finding = find(&target);
    for (; strcmp(stop.expected, "end"); read_stop(&target, &stop), stops++) {
        struct hop_sampler sampler;
        sampler_start(&sampler, finding);
        look(&sampler);
        complaints += judge(&sampler, &stop, python->version);
        hop_sampler_deinit(&sampler);
        go_on(&target);
    }
    cr_assert_eq(complaints, 0, "%s: %zu wrong", python->version, complaints);
    cr_assert_gt(stops, 80);
    finding_destroy(finding);
    free(stop.frames);
    cr_assert_eq(target_end(&target), 0);
}

ParameterizedTestParameters(qualname, kept_from_look_to_look)
{
    return parameters();
}

/* One sampler sees all the stops: what it knows of earlier ones must not make a name wrong. */
ParameterizedTest(struct python *python, qualname, kept_from_look_to_look, .timeout = 240)
{
    struct target target;
    struct stop stop = {.frames = calloc(FRAMES_MAX, sizeof *stop.frames)};
    struct hop_sampler sampler;
    size_t complaints = 0;
    target_start(&target, python, NULL, "qualnames.py", (const char *[]){NULL});
    read_stop(&target, &stop);
    struct finding *finding = find(&target);
    sampler_start(&sampler, finding);
    for (; strcmp(stop.expected, "end"); read_stop(&target, &stop)) {
        look(&sampler);
        complaints += judge(&sampler, &stop, python->version);
        go_on(&target);
    }
    cr_assert_eq(complaints, 0, "%s: %zu wrong", python->version, complaints);
    hop_sampler_deinit(&sampler);
    finding_destroy(finding);
    free(stop.frames);
    cr_assert_eq(target_end(&target), 0);
}

ParameterizedTestParameters(qualname, dropped_with_a_look_that_moved)
{
    return parameters();
}

ParameterizedTest(struct python *python, qualname, dropped_with_a_look_that_moved, .timeout = 240)
{
    struct scene scene;
    scene_begin(&scene, python, "innermost");
    struct hop_qualnames *names = &scene.sampler.identifier.qualnames;
    cr_assert(scene.sampler.identifier.wants_qualnames);
    names->function_type_addr = 0;
    seek(&scene.sampler);
    cr_assert_gt(names->found_count, 3);
    hop_qualnames_drop(names);
    hop_qualnames_keep(names);
    cr_assert_eq(names->function_type_addr, 0);
    for (size_t i = 0; i < scene.stop.count; i++)
        cr_assert(!code_of(&scene, i)->qualname_is_known);
    seek(&scene.sampler);
    hop_qualnames_keep(names);
    cr_assert_eq(judge(&scene.sampler, &scene.stop, python->version), 0);
    identify(&scene.sampler);
    cr_assert(!scene.sampler.identifier.wants_qualnames);
    scene_end(&scene);
}

ParameterizedTestParameters(qualname, with_any_read_failing)
{
    return parameters();
}

/* What can't be read makes a name plain, never wrong; and a look stays within bounds. */
ParameterizedTest(struct python *python, qualname, with_any_read_failing, .timeout = 240)
{
    static const char *const functions[] = {"innermost", "Deeper",    "__init__", "prop",
                                            "<lambda>",  "generator", "finish",   "deep"};
    enum { READS_MAX = 1024 };
    for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++) {
        struct scene scene;
        scene_begin(&scene, python, functions[f]);
        struct hop_code_table *codes = &scene.sampler.codes;
        struct failing_reader failing = {.base.fill = fill_or_fail, .real = codes->reader};
        bool has_failed = true;
        strcpy(scene.stop.expected, "any");
        for (uint64_t n = 1; has_failed; n++) {
            hop_code_table_truncate(codes, 0);
            identify(&scene.sampler);
            scene.sampler.identifier.qualnames.function_type_addr = 0;
            failing.calls = 0;
            failing.fails_at = n;
            codes->reader = &failing.base;
            seek(&scene.sampler);
            codes->reader = failing.real;
            has_failed = failing.calls >= n;
            cr_assert_leq(failing.calls, READS_MAX);
            hop_qualnames_keep(&scene.sampler.identifier.qualnames);
            for (size_t i = 0; i < scene.stop.count; i++)
                cr_assert(
                    !code_of(&scene, i)->qualname_is_known ||
                        is_one_of(scene.stop.frames[i].qualnames, code_of(&scene, i)->qualname),
                    "%s, read %zu: %s", functions[f], (size_t)n, code_of(&scene, i)->qualname);
        }
        cr_assert(code_of(&scene, 1)->qualname_is_known, "%s", functions[f]);
        scene_end(&scene);
    }
}

ParameterizedTestParameters(qualname, of_code_that_is_read_anew)
{
    return parameters();
}

/* As when another code object of the same text has come to lie at its address. */
ParameterizedTest(struct python *python, qualname, of_code_that_is_read_anew, .timeout = 240)
{
    struct scene scene;
    scene_begin(&scene, python, "innermost");
    struct hop_code_table *codes = &scene.sampler.codes;
    look_anew(&scene.sampler);
    struct hop_code *code = code_of(&scene, 1);
    cr_assert_str_eq(code->qualname, "outer.<locals>.inner.<locals>.innermost");
    uint32_t id, same_id;
    cr_assert_eq(hop_code_table_find(codes, code->addr, &id), code);

    size_t count = codes->count;
    cr_assert_eq(hop_code_table_add(codes, code->addr, &same_id), HOP_TAKEN);
    cr_assert_eq(same_id, id);
    cr_assert_eq(codes->count, count);
    cr_assert(code->qualname_is_wanted);
    look_anew(&scene.sampler);
    cr_assert_str_eq(code->qualname, "outer.<locals>.inner.<locals>.innermost");
    cr_assert(code->qualname_is_known && !code->qualname_is_wanted);

    code->qualname = "another.innermost";
    cr_assert_eq(hop_code_table_add(codes, code->addr, &same_id), HOP_TAKEN);
    cr_assert_eq(same_id, id);
    look_anew(&scene.sampler);
    cr_assert_str_eq(code->qualname, "innermost", "a name that only one of two has");
    cr_assert(!code->qualname_is_known && !code->qualname_is_wanted);
    cr_assert_eq(hop_code_table_add(codes, code->addr, &same_id), HOP_TAKEN);
    look_anew(&scene.sampler);
    cr_assert_str_eq(code->qualname, "innermost");
    cr_assert_eq(codes->count, count);
    scene_end(&scene);
}

ParameterizedTestParameters(qualname, given_up_in_the_end)
{
    return parameters();
}

ParameterizedTest(struct python *python, qualname, given_up_in_the_end, .timeout = 240)
{
    enum { LOOKS = 1023, TRIES = 10, READS_OF_ONE = 160 }; /* 2^10 − 1 */
    struct scene scene;
    scene_begin(&scene, python, "forgotten");
    struct hop_qualnames *names = &scene.sampler.identifier.qualnames;
    for (int i = 0; i < LOOKS; i++) {
        seek(&scene.sampler);
        hop_qualnames_keep(names);
    }
    cr_assert_leq(names->reads, (TRIES + scene.sampler.codes.count) * READS_OF_ONE);
    identify(&scene.sampler);
    cr_assert(!scene.sampler.identifier.wants_qualnames);
    scene_end(&scene);
}
