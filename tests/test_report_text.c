/* The report for people and the text of a dump, against tests/golden. */
#include "report/format.h"
#include "report/numbers.h"
#include "report/select.h"
#include "support/golden.h"
#include "support/profiles.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *golden;
    struct hop_profile *(*make)(void);
    struct hop_report_options options;
} cases[] = {
    {"closure-all.txt",
     make_closure_profile,
     {.instructions = (const char *const[]){"all"}, .instruction_count = 1}},
    {"closure-specialised.txt",
     make_closure_profile,
     {.instructions = (const char *const[]){"*instance_value", "call"}, .instruction_count = 2}},
    {"closure-one-row.txt", make_closure_profile, {.row_limit = 1}},
    {"closure-file.txt",
     make_closure_profile,
     {.instructions = (const char *const[]){"all"},
      .instruction_count = 1,
      .files = (const char *const[]){"python3.*/random.py"},
      .file_count = 1}},
    {"closure-none.txt",
     make_closure_profile,
     {.instructions = (const char *const[]){"IMPORT_NAME"}, .instruction_count = 1}},
    {"hostile-threads.txt", make_hostile_profile, {.by_thread = true}},
};

static char *report(struct hop_profile *profile, const struct hop_report_options *options,
                    size_t *size)
{
    char *text;
    struct hop_error err;
    FILE *stream = open_memstream(&text, size);
    cr_assert_eq(hop_report(profile, "text", options, stream, &err), HOP_OK);
    fclose(stream);
    hop_profile_destroy(profile);
    return text;
}

Test(report_text, of_every_profile)
{
    for (size_t i = 0; i < test_profile_count; i++) {
        char name[64];
        size_t size;
        snprintf(name, sizeof name, "%s.txt", test_profiles[i].name);
        char *text = report(test_profiles[i].make(), NULL, &size);
        assert_golden(name, text, size);
        free(text);
    }
}

Test(report_text, tells_of_stops)
{
    size_t size;
    struct hop_profile *profile = make_closure_profile();
    profile->longest_stop_ns = 41234;
    profile->syscall_stops = profile->samples / 4;
    char *text = report(profile, NULL, &size);
    cr_assert(strstr(text,
                     "\nstopped: for 41 µs at the longest; 23,616 of the samples (25.0%) at the "
                     "end of a system call\n"),
              "%s", text);
    free(text);
    cr_assert_str_eq(hop_moment(999499).text, "999 µs");
    cr_assert_str_eq(hop_moment(999500).text, "1.0 ms");
}

Test(report_text, tells_of_a_clock_that_stood_still)
{
    size_t size;
    struct hop_profile *profile = make_closure_profile();
    profile->unproved_samples = profile->samples / 4;
    char *text = report(profile, NULL, &size);
    cr_assert(strstr(text, "\nclock: that of perf events stood still while a thread ran, "), "%s",
              text);
    cr_assert(strstr(text, " place; 23,616 samples (25.0%) at most before are not proved\n"), "%s",
              text);
    free(text);
}

Test(report_text, with_every_option)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size;
        char *text = report(cases[i].make(), &cases[i].options, &size);
        assert_golden(cases[i].golden, text, size);
        free(text);
    }
}

static void assert_snapshot(const char *golden, const struct hop_snapshot *snapshot)
{
    char *text;
    size_t size;
    struct hop_error err;
    FILE *stream = open_memstream(&text, &size);
    cr_assert_eq(hop_format_write_snapshot(&hop_format_text, snapshot, stream, &err), HOP_OK);
    fclose(stream);
    assert_golden(golden, text, size);
    free(text);
}

Test(report_text, of_a_snapshot)
{
    assert_snapshot("dump.txt", &test_snapshot);
    assert_snapshot("dump-hostile.txt", &test_hostile_snapshot);
}

/* Where samples stand for different times, a share is one of time. */
Test(report_text, weighs_samples)
{
    size_t size;
    struct hop_profile *profile = make_old_profile();
    profile->has_weights = true;
    for (size_t i = 0; i < profile->instruction_count; i++) /* few hits, of more time than all */
        if (strcmp(profile->instructions[i].opcode, "BUILD_SET") == 0) {
            profile->samples_ns += 99 * profile->instructions[i].self_ns;
            profile->instructions[i].self_ns *= 100;
        }
    char *text = report(profile, NULL, &size);
    const char *first = strstr(text, "\n   1 |  57.1% |"),
               *second = strstr(text, "\n  61 |  34.9% |");
    cr_assert(first && second && first < second, "%s", text);
    cr_assert_not_null(strstr(text, "SHARE is of time"), "%s", text);
    free(text);
}

Test(report_text, says_what_refused_looks_may_hide)
{
    size_t size;
    struct hop_profile *profile = make_closure_profile();     /* 94,467 samples */
    profile->refused_total = profile->refused[0].count = 954; /* of 95,421: 1.0 % */
    char *text = report(profile, NULL, &size);
    cr_assert_null(strstr(text, "may hide"), "%s", text);
    free(text);
    profile = make_closure_profile();
    profile->refused_total = profile->refused[0].count = 1928; /* of 96,395 */
    text = report(profile, NULL, &size);
    cr_assert_not_null(strstr(text, "may hide up to 2.0% (in points) of any share"), "%s", text);
    free(text);
}

/* Whatever a target is called, a terminal gets nothing but printable text and line ends. */
Test(report_text, lets_no_control_character_through)
{
    size_t size;
    struct hop_report_options options = {.by_thread = true};
    char *text = report(make_hostile_profile(), &options, &size);
    for (size_t i = 0; i < size; i++)
        cr_assert((unsigned char)text[i] >= 0x20 || text[i] == '\n', "byte %zu", i);
    cr_assert_null(strstr(text, "\xe2\x80\xae"), "a bidi override");
    cr_assert_null(strstr(text, "\xc2\x9b"), "a C1 control");
    free(text);
}

Test(report_text, tells_of_a_stream_that_fails)
{
    for (size_t i = 0; hop_report_format(i); i++) {
        struct hop_profile *profile = make_closure_profile();
        struct hop_error err = {0};
        FILE *full = fopen("/dev/full", "w");
        cr_assert_eq(hop_report(profile, hop_report_format(i), NULL, full, &err), HOP_ERR_IO);
        cr_assert_not_null(strstr(err.message, "No space left"), "%s", err.message);
        fclose(full);
        hop_profile_destroy(profile);
    }
}

Test(report_text, knows_its_formats)
{
    cr_assert(hop_report_format_is_known("text"));
    cr_assert(hop_report_format_is_known("json"));
    cr_assert_not(hop_report_format_is_known("xml"));
    cr_assert_str_eq(hop_report_format(0), "text");
    struct hop_error err;
    struct hop_profile *profile = make_empty_profile();
    cr_assert_eq(hop_report(profile, "xml", NULL, stdout, &err), HOP_ERR_USAGE);
    hop_profile_destroy(profile);
}

/* --- numbers and names ------------------------------------------------------------------------ */

Test(report_text, writes_numbers_as_people_do)
{
    cr_assert_str_eq(hop_thousands(0).text, "0");
    cr_assert_str_eq(hop_thousands(999).text, "999");
    cr_assert_str_eq(hop_thousands(1000).text, "1,000");
    cr_assert_str_eq(hop_thousands(94467).text, "94,467");
    cr_assert_str_eq(hop_thousands(UINT64_MAX).text, "18,446,744,073,709,551,615");
    cr_assert_str_eq(hop_percent(1000, 3814).text, "26.2%");
    cr_assert_str_eq(hop_percent(1, 1).text, "100.0%");
    cr_assert_str_eq(hop_percent(0, 0).text, "-");
    cr_assert_str_eq(hop_percent(0, 1000000).text, "0.0%");
    cr_assert_str_eq(hop_percent(1, 1000000).text, "<0.1%");
    cr_assert_str_eq(hop_percent(2, 4968).text, "<0.1%");
    cr_assert_str_eq(hop_percent(2, 4000).text, "0.1%");
    cr_assert_str_eq(hop_percents(.855, .9996).text, "85.5 - 100.0");
    cr_assert_str_eq(hop_percents(0, 1).text, "0.0 - 100.0");
    cr_assert_str_eq(hop_percents(.0002, .0099).text, "0.02 - 0.99");
    cr_assert_str_eq(hop_percents(.0002, .00996).text, "0.0 - 1.0");
    cr_assert_str_eq(hop_percents(0, .00004).text, "0.00 - <0.01");
    cr_assert_str_eq(hop_percents(0, 0).text, "0.00 - 0.00");
    cr_assert_str_eq(hop_seconds(30000000000).text, "30.0 s");
    cr_assert_str_eq(hop_seconds(520000000).text, "0.52 s");
    cr_assert_str_eq(hop_frequency(998.74).text, "998.7 Hz");
    cr_assert_str_eq(hop_frequency(1000).text, "1,000 Hz");
    cr_assert_str_eq(hop_frequency(1962.5).text, "1,963 Hz");
    cr_assert_str_eq(hop_frequency(12345.6).text, "12,346 Hz");
    cr_assert_str_eq(hop_frequency(0.25).text, "0.25 Hz");
}

static bool tracks(const char *list, const char *files, const char *base, const char *opcode,
                   const char *file, bool is_default)
{
    struct hop_report_options options = {.instructions = &list,
                                         .instruction_count = list != NULL,
                                         .files = &files,
                                         .file_count = files != NULL};
    struct hop_instruction row = {
        .base_opcode = base, .opcode = opcode, .file = file, .is_tracked = is_default};
    return hop_select_tracks(&options, &row);
}

Test(select, tracks_by_name)
{
    cr_assert(tracks(NULL, NULL, "X", "X", "", true));
    cr_assert_not(tracks(NULL, NULL, "X", "X", "", false));
    cr_assert(tracks("load_attr", NULL, "LOAD_ATTR", "LOAD_ATTR_SLOT", "", false));
    cr_assert(tracks("LOAD_ATTR_SLOT", NULL, "LOAD_ATTR", "LOAD_ATTR_SLOT", "", false));
    cr_assert_not(tracks("LOAD_ATTR_SLOT", NULL, "LOAD_ATTR", "LOAD_ATTR", "", true));
    cr_assert(tracks("Load_*", NULL, "LOAD_ATTR", "LOAD_ATTR", "", false));
    cr_assert(tracks("NOP, LOAD_ATT?", NULL, "LOAD_ATTR", "LOAD_ATTR", "", false));
    cr_assert(tracks("LOAD_[AB]*", NULL, "LOAD_ATTR", "LOAD_ATTR", "", false));
    cr_assert(tracks("ALL", NULL, "X", "X", "", false));
    cr_assert(tracks("default,X", NULL, "Y", "Y", "", true));
    cr_assert(tracks("default,X", NULL, "X", "X", "", false));
}

Test(select, takes_away_wherever_it_stands)
{
    cr_assert_not(tracks("all,-CALL*", NULL, "CALL", "CALL_PY", "", false));
    cr_assert_not(tracks("-CALL*,all", NULL, "CALL", "CALL", "", false));
    cr_assert_not(tracks("all,!call_py", NULL, "CALL", "CALL_PY", "", false));
    cr_assert(tracks("all,!call_py", NULL, "CALL", "CALL", "", false));
    cr_assert(tracks("-CALL", NULL, "X", "X", "", true), "the default set, less CALL");
    cr_assert_not(tracks("-CALL", NULL, "X", "X", "", false));
    cr_assert_not(tracks("-CALL", NULL, "CALL", "CALL", "", true));
    cr_assert_not(tracks("all,-default", NULL, "X", "X", "", true));
}

Test(select, keeps_to_files)
{
    const char *file = "/srv/app/views/list.py";
    cr_assert(tracks("all", "list.py", "X", "X", file, false));
    cr_assert(tracks("all", "app/views", "X", "X", file, false));
    cr_assert(tracks("all", "views/*.py", "X", "X", file, false));
    cr_assert(tracks("all", "/srv/*", "X", "X", file, false));
    cr_assert(tracks("all", "l?st.py", "X", "X", file, false));
    cr_assert_not(tracks("all", "ist.p?", "X", "X", file, false), "a part of a name");
    cr_assert_not(tracks("all", "app/*.txt", "X", "X", file, false));
    cr_assert_not(tracks("all", "LIST.PY", "X", "X", file, false));
    cr_assert(tracks("all", "a[1].py", "X", "X", "/srv/a[1].py", false));
}

Test(select, knows_the_names_of_every_version)
{
    struct hop_error err = {0};
    cr_assert_eq(hop_instruction_check("LOAD_DEREF", &err), HOP_OK, "%s", err.message);
    cr_assert_eq(hop_instruction_check("load_deref, -call*,all,default", &err), HOP_OK);
    cr_assert_eq(hop_instruction_check("ROT_TWO", &err), HOP_OK, "3.8 has it");
    cr_assert_eq(hop_instruction_check("LOAD_ATTR_INSTANCE_VALUE", &err), HOP_OK);
    cr_assert_eq(hop_instruction_check("LOAD_DEFER", &err), HOP_ERR_USAGE);
    cr_assert_not_null(strstr(err.message, "LOAD_DEFER"));
    cr_assert_not_null(strstr(err.remedy, "LOAD_DEREF"), "%s", err.remedy);
    cr_assert_eq(hop_instruction_check("all,NO_SUCH_THING_*", &err), HOP_ERR_USAGE);
    cr_assert_eq(hop_instruction_check("", &err), HOP_ERR_USAGE);
    cr_assert_eq(hop_instruction_check("all,,NOP", &err), HOP_ERR_USAGE);
    cr_assert_eq(hop_instruction_check("-", &err), HOP_ERR_USAGE);
}

Test(select, finds_the_nearest_name)
{
    const char *const names[] = {"attach", "record", "dump", "info"};
    cr_assert_str_eq(hop_nearest_name("atach", names, 4), "attach");
    cr_assert_str_eq(hop_nearest_name("recrod", names, 4), "record");
    cr_assert_str_eq(hop_nearest_name("DUMP", names, 4), "dump");
    cr_assert_null(hop_nearest_name("xylophone", names, 4));
    char overlong[1000];
    memset(overlong, 'a', sizeof overlong - 1);
    overlong[sizeof overlong - 1] = '\0';
    hop_nearest_name(overlong, names, 4);
}
