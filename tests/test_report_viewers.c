/* Reports in the hands of the programs that they are written for: callgrind_annotate, the Firefox
 * Profiler's importer, speedscope, an XML parser, a browser. Where one is not here, its test says
 * so; scripts/bootstrap --test and scripts/viewers fetch them. */
#include "report/format.h"
#include "support/large_profile.h"
#include "support/profiles.h"
#include "support/programs.h"
#include "support/run.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char VIEWERS[] = HOP_TEST_ROOT "/build/viewers";

static bool is_here(const char *command)
{
    char line[256];
    snprintf(line, sizeof line, "command -v %s >/dev/null", command);
    return system(line) == 0;
}

static bool has_viewer(const char *package)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/node_modules/%s/package.json", VIEWERS, package);
    return access(path, R_OK) == 0;
}

static void write_report(const struct folder *folder, const char *name, const char *suffix,
                         const struct hop_profile *profile)
{
    struct hop_report_options options = {.with_opcodes = true};
    struct hop_error err = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/%s%s", folder->path, name, suffix);
    FILE *stream = fopen(path, "w");
    cr_assert_not_null(stream);
    cr_assert_eq(hop_report(profile, hop_report_format_of_file(path), &options, stream, &err),
                 HOP_OK, "%s", err.message);
    cr_assert_eq(fclose(stream), 0);
}

/* What viewers.js compares with: {"NAME": {"samples": …, "threads": [{"tid": …, "ns": …}]}}. */
static void write_wanted(FILE *stream, const char *name, const struct hop_profile *profile,
                         bool is_first)
{
    fprintf(stream, "%s\"%s\": {\"samples\": %" PRIu64 ", \"threads\": [", is_first ? "{" : ",\n",
            name, profile->has_weights ? profile->samples_ns : profile->samples);
    for (size_t i = 0; i < profile->thread_count; i++)
        fprintf(stream, "%s{\"tid\": %d, \"ns\": %" PRIu64 "}", i ? ", " : "",
                profile->threads[i].tid, profile->threads[i].samples_ns);
    fputs("]}", stream);
}

static struct hop_profile *make_chance_profile(void)
{
    struct large_shape shape = {3000, 30, 10, 3, 7, false};
    return make_large_profile(&shape);
}

static struct hop_profile *make_weighted_profile(void)
{
    struct large_shape shape = {500, 30, 2, 1, 8, true};
    return make_large_profile(&shape);
}

static struct hop_profile *make_thousand_deep(void)
{
    return make_deep_profile(1000);
}

static const struct test_profile profiles[] = {
    {"closure", make_closure_profile}, {"hostile", make_hostile_profile},
    {"chance", make_chance_profile},   {"weighted", make_weighted_profile},
    {"old", make_old_profile},         {"deep", make_thousand_deep},
};

enum { PROFILES = sizeof profiles / sizeof *profiles };

/* The first `count` of them. */
static void write_some(const struct folder *folder, const char *const suffixes[], size_t count)
{
    char path[256];
    snprintf(path, sizeof path, "%s/wanted.json", folder->path);
    FILE *wanted = fopen(path, "w");
    cr_assert_not_null(wanted);
    for (size_t i = 0; i < count; i++) {
        struct hop_profile *profile = profiles[i].make();
        for (size_t j = 0; suffixes[j]; j++)
            write_report(folder, profiles[i].name, suffixes[j], profile);
        write_wanted(wanted, profiles[i].name, profile, i == 0);
        hop_profile_destroy(profile);
    }
    fputs("}\n", wanted);
    cr_assert_eq(fclose(wanted), 0);
}

static void assert_viewer(const char *what, const char *const suffixes[], size_t count)
{
    struct folder folder;
    struct run run;
    folder_make(&folder);
    write_some(&folder, suffixes, count);
    const char *const argv[] = {
        "node", HOP_TEST_ROOT "/tests/browser/viewers.js", what, folder.path, VIEWERS, "chromium",
        NULL};
    run_start(&run, NULL, argv);
    run_wait(&run);
    folder_remove(&folder);
    cr_assert_eq(run.code, 0, "%s%s", run.out, run.err);
}

Test(report_viewers, firefox_profiler, .timeout = 300)
{
    if (!is_here("node") || !has_viewer("@firefox-devtools/profiler-cli"))
        cr_skip_test("node or profiler-cli is not here: the Firefox Profiler read nothing");
    assert_viewer("firefox", (const char *const[]){".gecko.json", ".collapsed", NULL}, 4);
}

Test(report_viewers, speedscope, .timeout = 300)
{
    if (!is_here("node") || !is_here("chromium") || !has_viewer("speedscope"))
        cr_skip_test("node, chromium or speedscope is not here: speedscope read nothing");
    assert_viewer("speedscope", (const char *const[]){".speedscope.json", ".collapsed", NULL},
                  PROFILES);
}

Test(report_viewers, flamegraph_in_a_browser, .timeout = 300)
{
    if (!is_here("node") || !is_here("chromium"))
        cr_skip_test("node or chromium is not here: the flame graph was shown in no browser");
    assert_viewer("flamegraph", (const char *const[]){".svg", NULL}, PROFILES);
}

/* A parser that is strict: what is no well-formed XML, a browser shows as an error. */
Test(report_viewers, flamegraph_is_xml)
{
    struct folder folder;
    folder_make(&folder);
    for (size_t i = 0; i < PROFILES + test_profile_count; i++) {
        const struct test_profile *from =
            i < PROFILES ? &profiles[i] : &test_profiles[i - PROFILES];
        struct hop_profile *profile = from->make();
        write_report(&folder, "a", ".svg", profile);
        hop_profile_destroy(profile);
        run_command("python3 -c 'import sys, xml.parsers.expat as expat; "
                    "expat.ParserCreate().ParseFile(open(sys.argv[1], \"rb\"))' %s/a.svg",
                    folder.path);
    }
    folder_remove(&folder);
}

/* --- callgrind_annotate ----------------------------------------------------------------------- */

/* A function's time and that of all it calls, by looking at every stack. */
static uint64_t inclusive(const struct hop_profile *profile, const char *place)
{
    uint64_t sum = 0;
    bool *has_it = calloc(profile->node_count, sizeof *has_it);
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        char name[256];
        if (node->parent == i)
            continue;
        const struct hop_instruction *row = &profile->instructions[node->instruction];
        snprintf(name, sizeof name, "%s:%s", row->file, row->function);
        has_it[i] = has_it[node->parent] || strcmp(name, place) == 0;
        if (has_it[i])
            sum += profile->has_weights ? node->self_ns : node->self;
    }
    free(has_it);
    return sum;
}

/* "1,234 (12.34%) …": the first number. */
static uint64_t first_number(const char *line)
{
    uint64_t number = 0;
    for (; *line && *line != '('; line++)
        if (*line >= '0' && *line <= '9')
            number = number * 10 + (uint64_t)(*line - '0');
    return number;
}

/* Lines of functions end in "FILE:FUNCTION [OBJECT]", the object being the file here. */
static size_t assert_annotated(const struct hop_profile *profile, char *output)
{
    size_t checked = 0;
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
        char *place = strstr(line, "  /"), *object = strstr(line, " [");
        if (!place || !object || !strchr(line, '%'))
            continue;
        *object = '\0';
        cr_assert_eq(first_number(line), inclusive(profile, place + 2), "%s", line);
        checked++;
    }
    return checked;
}

Test(report_viewers, callgrind_annotate, .timeout = 300)
{
    if (!is_here("callgrind_annotate"))
        cr_skip_test("callgrind_annotate is not here: it read nothing");
    struct folder folder;
    folder_make(&folder);
    for (size_t i = 0; i < PROFILES; i++) {
        struct hop_profile *profile = profiles[i].make();
        write_report(&folder, profiles[i].name, ".callgrind", profile);
        char path[256];
        struct run run;
        snprintf(path, sizeof path, "%s/%s.callgrind", folder.path, profiles[i].name);
        const char *const argv[] = {
            "callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", path, NULL};
        run_start(&run, folder.path, argv);
        run_wait(&run);
        cr_assert_eq(run.code, 0, "%s: %s", profiles[i].name, run.err);
        cr_assert_str_eq(run.err, "", "%s", profiles[i].name);
        if (strcmp(profiles[i].name, "hostile") != 0) /* whose names are escaped */
            cr_assert_gt(assert_annotated(profile, run.out), 0, "%s", profiles[i].name);
        hop_profile_destroy(profile);
    }
    folder_remove(&folder);
}
