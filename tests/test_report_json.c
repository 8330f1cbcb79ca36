/* The JSON of profiles and dumps: against tests/golden, against its schema files, with hostile
 * names, and when memory runs out. */
#include "report/format.h"
#include "report/json_parts.h"
#include "support/golden.h"
#include "support/json_schema.h"
#include "support/profiles.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *report(struct hop_profile *profile, const struct hop_report_options *options,
                    size_t *size)
{
    char *text;
    struct hop_error err;
    FILE *stream = open_memstream(&text, size);
    cr_assert_eq(hop_report(profile, "json", options, stream, &err), HOP_OK);
    fclose(stream);
    hop_profile_destroy(profile);
    return text;
}

static char *snapshot_text(const struct hop_snapshot *snapshot, size_t *size)
{
    char *text;
    struct hop_error err;
    FILE *stream = open_memstream(&text, size);
    cr_assert_eq(hop_format_write_snapshot(&hop_format_json, snapshot, stream, &err), HOP_OK);
    fclose(stream);
    return text;
}

/* jansson refuses broken UTF-8 and lone surrogates: parsing proves that there are none. */
static json_t *parse(const char *text, size_t size)
{
    json_error_t error;
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(value, "line %d: %s", error.line, error.text);
    return value;
}

static void assert_schema(const char *file, const char *text, size_t size)
{
    size_t schema_size;
    char *schema_text = read_project_file(file, &schema_size);
    json_t *schema = parse(schema_text, schema_size), *value = parse(text, size);
    assert_json_follows(schema, value, "");
    json_decref(schema);
    json_decref(value);
    free(schema_text);
}

Test(report_json, of_every_profile)
{
    for (size_t i = 0; i < test_profile_count; i++) {
        char name[64];
        size_t size;
        snprintf(name, sizeof name, "%s.json", test_profiles[i].name);
        char *text = report(test_profiles[i].make(), NULL, &size);
        assert_schema("include/heavyops-profile.schema.json", text, size);
        assert_golden(name, text, size);
        free(text);
    }
}

Test(report_json, tells_of_stops)
{
    size_t size;
    struct hop_profile *profile = make_closure_profile();
    profile->longest_stop_ns = 41000;
    profile->syscall_stops = 7;
    profile->unproved_samples = 8;
    char *text = report(profile, NULL, &size);
    assert_schema("include/heavyops-profile.schema.json", text, size);
    json_t *value = parse(text, size), *sampling = json_object_get(value, "sampling");
    cr_assert_eq(json_integer_value(json_object_get(sampling, "at_syscall_exit")), 7);
    cr_assert_eq(json_integer_value(json_object_get(sampling, "unproved_samples")), 8);
    cr_assert_float_eq(json_real_value(json_object_get(sampling, "longest_stop_s")), 41e-6, 1e-12);
    cr_assert_null(json_object_get(value, "stops"), "told in one place");
    json_decref(value);
    free(text);
}

Test(report_json, of_a_snapshot)
{
    size_t size;
    char *text = snapshot_text(&test_snapshot, &size);
    assert_schema("include/heavyops-dump.schema.json", text, size);
    assert_golden("dump.json", text, size);
    free(text);
    text = snapshot_text(&test_hostile_snapshot, &size);
    assert_schema("include/heavyops-dump.schema.json", text, size);
    assert_golden("dump-hostile.json", text, size);
    free(text);
}

/* The rows of a thread are those of the list, also where the list is narrowed. */
Test(report_json, splits_by_thread)
{
    size_t size;
    struct hop_report_options options = {.instructions = (const char *const[]){"BUILD_*"},
                                         .instruction_count = 1,
                                         .by_thread = true};
    char *text = report(make_hostile_profile(), &options, &size);
    assert_schema("include/heavyops-profile.schema.json", text, size);
    json_t *value = parse(text, size);
    json_t *rows = json_object_get(value, "instructions");
    json_t *threads = json_object_get(value, "threads"), *thread, *hit;
    size_t i, j;
    json_int_t total = 0, split = 0;
    cr_assert_eq(json_array_size(rows), 2);
    json_array_foreach(rows, i, hit) total += json_integer_value(json_object_get(hit, "self"));
    json_array_foreach(threads, i, thread)
    {
        json_array_foreach(json_object_get(thread, "hits"), j, hit)
        {
            json_int_t place = json_integer_value(json_object_get(hit, "instruction"));
            cr_assert_not_null(json_array_get(rows, (size_t)place));
            split += json_integer_value(json_object_get(hit, "self"));
        }
    }
    cr_assert_eq(total, 10);
    cr_assert_eq(split, total);
    json_decref(value);
    free(text);
}

static void assert_diff_schema(const struct hop_profile *before, const struct hop_profile *after,
                               const struct hop_diff_options *options)
{
    char *text;
    size_t size;
    struct hop_error err;
    FILE *stream = open_memstream(&text, &size);
    cr_assert_eq(hop_diff(before, after, options, "json", stream, NULL, &err), HOP_OK);
    fclose(stream);
    assert_schema("include/heavyops-diff.schema.json", text, size);
    free(text);
}

/* Each with each: functions that are new, gone and changed, code of no line, nothing at all. */
Test(report_json, of_comparisons)
{
    const struct hop_diff_options all = {.shows_all = true}, limited = {.has_limit = true};
    for (size_t i = 0; i < test_profile_count; i++) {
        for (size_t j = 0; j < test_profile_count; j++) {
            struct hop_profile *before = test_profiles[i].make(), *after = test_profiles[j].make();
            assert_diff_schema(before, after, &all);
            assert_diff_schema(before, after, &limited);
            hop_profile_destroy(before);
            hop_profile_destroy(after);
        }
    }
}

Test(report_json, narrows_only_when_asked)
{
    size_t size;
    struct hop_report_options default_set = {.instructions = (const char *const[]){"default"},
                                             .instruction_count = 1};
    struct hop_report_options few = {.row_limit = 3};
    struct {
        const struct hop_report_options *options;
        size_t rows;
    } wanted[] = {{NULL, 10}, {&default_set, 4}, {&few, 3}};
    for (size_t i = 0; i < 3; i++) {
        char *text = report(make_closure_profile(), wanted[i].options, &size);
        json_t *value = parse(text, size);
        cr_assert_eq(json_array_size(json_object_get(value, "instructions")), wanted[i].rows);
        json_decref(value);
        free(text);
    }
}

Test(report_json, keeps_text_that_is_text)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"plain", "plain"},
        {"caf\xc3\xa9 \xf0\x9f\x90\x8d", "caf\xc3\xa9 \xf0\x9f\x90\x8d"},
        {"\033\n\"\\", "\033\n\"\\"}, /* jansson escapes these in JSON's own way */
        {"a\xff", "a\\xff"},
        {"\xed\xb2\x80", "\\udc80"},
        {"\xc0\x80", "\\xc0\\x80"},
        {NULL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value = hop_json_text(cases[i].text);
        cr_assert_str_eq(json_string_value(value), cases[i].wanted);
        json_decref(value);
    }
}

/* --- out of memory ---------------------------------------------------------------------------- */

static size_t allocations_left;

static void *allocate_some(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    return malloc(size);
}

/* The n-th allocation fails, for every n: an error, no crash, no leak (the sanitizer looks). */
Test(report_json, survives_every_failing_allocation)
{
    struct hop_profile *profile = make_hostile_profile();
    struct hop_report_options options = {.by_thread = true};
    struct hop_error err;
    json_object_seed(1);
    json_set_alloc_funcs(allocate_some, free);
    for (int snapshot = 0; snapshot < 2; snapshot++) {
        enum hop_status status = HOP_ERR_MEMORY;
        size_t n = 0;
        for (; status != HOP_OK; n++) {
            char *text;
            size_t size;
            FILE *stream = open_memstream(&text, &size);
            allocations_left = n;
            status = snapshot
                         ? hop_format_write_snapshot(&hop_format_json, &test_snapshot, stream, &err)
                         : hop_report(profile, "json", &options, stream, &err);
            fclose(stream);
            free(text);
            cr_assert(status == HOP_OK || status == HOP_ERR_MEMORY);
        }
        cr_assert_gt(n, 50);
    }
    hop_profile_destroy(profile);
}

/* What a target is called does nothing to a terminal, and is the same once parsed. */
Test(report_json, is_printable_ascii)
{
    size_t size;
    char *text = report(make_hostile_profile(), NULL, &size);
    for (size_t i = 0; i < size; i++)
        cr_assert((text[i] >= 0x20 && text[i] < 0x7f) || text[i] == '\n', "byte %zu", i);
    json_t *value = parse(text, size);
    json_t *row = json_array_get(json_object_get(value, "instructions"), 1);
    cr_assert_str_eq(json_string_value(json_object_get(row, "file")), "/srv/caf\xc3\xa9.py");
    json_decref(value);
    free(text);
}

/* With --group the rows of that table stand beside all else; the sums are those of the whole. */
Test(report_json, of_groups)
{
    for (size_t by = 0; hop_report_group(by); by++) {
        const struct hop_report_options options = {.group = hop_report_group(by)};
        for (size_t i = 0; i < test_profile_count; i++) {
            size_t size, j;
            struct hop_profile *profile = test_profiles[i].make();
            json_int_t samples = (json_int_t)hop_profile_samples(profile), sum = 0;
            char *text = report(profile, &options, &size);
            assert_schema("include/heavyops-profile.schema.json", text, size);
            json_t *value = parse(text, size), *row;
            cr_assert_str_eq(json_string_value(json_object_get(value, "grouped_by")),
                             options.group);
            cr_assert(json_is_array(json_object_get(value, "instructions")));
            json_array_foreach(json_object_get(value, "groups"), j, row)
            {
                sum += json_integer_value(json_object_get(row, "self"));
            }
            cr_assert_eq(sum, samples, "%s by %s", test_profiles[i].name, options.group);
            json_decref(value);
            free(text);
        }
    }
}
