/* What must hold of every format in the table, whatever it is; tests/test_report_totals.c adds up
 * what some of them say, tests/test_report_viewers.c has them read by the programs that they are
 * for. */
#include "report/format.h"
#include "report/xml.h"
#include "support/allocations.h"
#include "support/golden.h"
#include "support/large_profile.h"
#include "support/profiles.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct hop_report_options no_options;

static char *report(const struct hop_profile *profile, const char *format,
                    const struct hop_report_options *options, size_t *size)
{
    char *text;
    struct hop_error err = {0};
    FILE *stream = open_memstream(&text, size);
    cr_assert_eq(hop_report(profile, format, options, stream, &err), HOP_OK, "%s: %s", format,
                 err.message);
    fclose(stream);
    return text;
}

/* --- every format of the table ---------------------------------------------------------------- */

/* --group is done, or refused in words; nowhere is it passed over. */
Test(report_formats, group_or_say_that_they_do_not)
{
    struct hop_profile *profile = make_closure_profile();
    size_t groups = 0, size;
    for (size_t i = 0; hop_report_format(i); i++) {
        const char *format = hop_report_format(i);
        const struct hop_report_options by_opcode = {.group = "opcode"},
                                        by_file = {.group = "file"};
        struct hop_error err = {0};
        if (hop_report_check(format, &by_opcode, &err) == HOP_OK) {
            char *opcodes = report(profile, format, &by_opcode, &size);
            char *files = report(profile, format, &by_file, &size);
            cr_expect_str_neq(opcodes, files, "%s", format);
            cr_expect(strstr(opcodes, "LOAD_DEREF") && strstr(files, "random.py"), "%s", format);
            free(opcodes);
            free(files);
            groups++;
        } else {
            cr_expect_eq(hop_report(profile, format, &by_opcode, stderr, &err), HOP_ERR_USAGE);
            cr_expect(strstr(err.message, format) && strstr(err.message, "by opcode"), "%s",
                      err.message);
            cr_expect(strstr(err.remedy, "json, csv"), "%s", err.remedy);
        }
    }
    cr_expect_eq(groups, 5); /* text, json, csv, functions, groups */
    hop_profile_destroy(profile);
}

Test(report_formats, groups_as_csv)
{
    struct hop_profile *profile = make_closure_profile();
    const struct hop_report_options options = {.group = "file", .row_limit = 1};
    size_t size;
    char *text = report(profile, "csv", &options, &size);
    static const char wanted[] =
        "file,self,self_ns,share,share_low,share_high,total,total_ns,total_share,total_share_low,"
        "total_share_high\r\n/home/me/src/example.py,91824,91824000000,";
    cr_expect(strncmp(text, wanted, strlen(wanted)) == 0, "%s", text);
    cr_expect_eq(strchr(strchr(text, '\n') + 1, '\n')[1], '\0');
    free(text);
    hop_profile_destroy(profile);
}

/* Whether it shows source files, of which each machine has others; it does without what it cannot
 * read. Such a format has tests of its own. */
static bool shows_sources(const char *format)
{
    return strcmp(format, "annotate") == 0 || strcmp(format, "lines") == 0 ||
           strcmp(format, "html") == 0;
}

/* Whether it can be asked for a part for each thread. */
static bool splits(const char *format)
{
    const struct hop_report_options options = {.by_thread = true};
    struct hop_error err;
    return hop_report_check(format, &options, &err) == HOP_OK;
}

/* Left out as well: what is compressed, for each zlib does it differently. */
static bool has_golden(const char *format)
{
    return !hop_report_format_is_binary(format) && !shows_sources(format);
}

static void assert_golden_report(const char *profile_name, struct hop_profile *profile,
                                 const char *suffix, const char *format,
                                 const struct hop_report_options *options)
{
    char name[128];
    size_t size;
    snprintf(name, sizeof name, "%s%s.%s", profile_name, suffix,
             strcmp(format, "text") == 0 ? "txt" : format);
    char *text = report(profile, format, options, &size);
    assert_golden(name, text, size);
    free(text);
    hop_profile_destroy(profile);
}

Test(report_formats, of_every_profile)
{
    for (size_t i = 0; hop_report_format(i); i++)
        for (size_t j = 0; has_golden(hop_report_format(i)) && j < test_profile_count; j++)
            assert_golden_report(test_profiles[j].name, test_profiles[j].make(), "",
                                 hop_report_format(i), &no_options);
}

Test(report_formats, with_opcodes_and_threads)
{
    for (size_t i = 0; hop_report_format(i); i++) {
        const char *format = hop_report_format(i);
        struct hop_report_options options = {.with_opcodes = true, .by_thread = splits(format)};
        if (has_golden(format))
            assert_golden_report("hostile", make_hostile_profile(), "-threads-opcodes", format,
                                 &options);
    }
}

/* Whatever a target is called: nothing that a terminal or a viewer would obey. */
Test(report_formats, lets_no_control_character_through)
{
    for (size_t i = 0; hop_report_format(i); i++) {
        const char *format = hop_report_format(i);
        if (hop_report_format_is_binary(format))
            continue;
        for (int j = 0; j < 4; j++) {
            struct hop_report_options options = {.with_opcodes = j & 1,
                                                 .by_thread = j & 2 && splits(format)};
            size_t size;
            struct hop_profile *profile = make_hostile_profile();
            char *text = report(profile, format, &options, &size);
            cr_assert_eq(strlen(text), size, "%s: a NUL", format);
            for (size_t k = 0; k < size; k++)
                cr_assert((unsigned char)text[k] >= 0x20 || text[k] == '\n' || text[k] == '\t' ||
                              (text[k] == '\r' && text[k + 1] == '\n'),
                          "%s: byte %d", format, text[k]);
            cr_assert_null(strstr(text, "\xe2\x80\xae"), "%s: a bidi override", format);
            cr_assert_null(strstr(text, "\xc2\x9b"), "%s: a C1 control", format);
            cr_assert_null(strchr(text, 0xff), "%s: no UTF-8", format);
            free(text);
            hop_profile_destroy(profile);
        }
    }
}

/* The n-th allocation fails, for every n: an error, no crash, nothing left behind. */
Test(report_formats, survive_every_failing_allocation)
{
    struct hop_profile *profile = make_hostile_profile();
    struct hop_report_options options = {.with_opcodes = true};
    FILE *nowhere = fopen("/dev/null", "w");
    for (size_t i = 0; hop_report_format(i); i++) {
        bool has_failed = true;
        options.by_thread = splits(hop_report_format(i));
        for (size_t n = 1; has_failed; n++) {
            struct hop_error err;
            allocations_begin(n);
            enum hop_status status =
                hop_report(profile, hop_report_format(i), &options, nowhere, &err);
            has_failed = allocations_asked() >= n;
            long left = allocations_left();
            allocations_begin(0);
            cr_assert(status == HOP_OK || status == HOP_ERR_MEMORY, "%s", hop_report_format(i));
            cr_assert(!has_failed || status == HOP_ERR_MEMORY ||
                          shows_sources(hop_report_format(i)),
                      "%s: allocation %zu", hop_report_format(i), n);
            cr_assert_leq(left, 0, "%s: allocation %zu", hop_report_format(i), n);
        }
    }
    fclose(nowhere);
    hop_profile_destroy(profile);
}

Test(report_formats, are_known_by_the_names_of_files)
{
    static const struct {
        const char *path, *format;
    } cases[] = {
        {"a.csv", "csv"},
        {"a.collapsed", "collapsed"},
        {"dir/a.folded", "collapsed"},
        {"a.json", "json"},
        {"a.speedscope.json", "speedscope"},
        {"a.gecko.json", "gecko"},
        {"a.callgrind", "callgrind"},
        {"callgrind.out", "callgrind"},
        {"/tmp/callgrind.out.1234", "callgrind"},
        {"callgrind.out.json", "json"},
        {"callgrind.output", NULL},
        {"my.callgrind.out.1", NULL},
        {"a.svg", "flamegraph"},
        {"svg", NULL},
        {".svg", NULL},
        {"dir/.csv", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *format = hop_report_format_of_file(cases[i].path);
        cr_assert_eq(format == NULL, cases[i].format == NULL, "%s", cases[i].path);
        if (format)
            cr_assert_str_eq(format, cases[i].format, "%s", cases[i].path);
    }
}

/* How long a large profile takes and how much memory, for people to read: nothing is asserted but
 * that it can be done. */
Test(report_formats, of_a_large_profile, .timeout = 600)
{
    struct hop_profile *profile = make_large_profile(&large_shape_default);
    fprintf(stderr, "large profile: %" PRIu64 " samples, %zu stacks, %zu nodes\n", profile->samples,
            large_shape_default.stacks, profile->node_count);
    for (size_t i = 0; hop_report_format(i); i++) {
        struct hop_error err;
        pid_t child = fork();
        if (child == 0) {
            FILE *stream = fopen("/dev/null", "w");
            _exit(stream ? (int)hop_report(profile, hop_report_format(i), NULL, stream, &err) : 99);
        }
        struct rusage usage;
        int status;
        cr_assert_eq(wait4(child, &status, 0, &usage), child);
        cr_assert_eq(status, 0, "%s", hop_report_format(i));
        fprintf(stderr, "%12s: %.2f s of CPU time, %ld MB with the profile\n", hop_report_format(i),
                (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
                    (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
                usage.ru_maxrss >> 10);
    }
    hop_profile_destroy(profile);
}

/* --- the parts they have in common ------------------------------------------------------------ */

static char *xml_of(const char *foreign)
{
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    hop_print_xml(stream, foreign);
    fclose(stream);
    return text;
}

Test(report_xml, escapes_what_it_must)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", ""},
        {"<a href=\"x\">'&'</a>", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"},
        {"\033[31m\n\x01", "\\x1b[31m\\n\\x01"},
        {"\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", "\\ufffe\\uffff\xef\xbf\xbd"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"0123456789012345678901234567\xf0\x9f\x90\x8d"
         "9",
         "0123456789012345678901234567\xf0\x9f\x90\x8d"
         "9"},
        {"01234567890123456789012345678\xf0\x9f\x90\x8d",
         "01234567890123456789012345678\xf0\x9f\x90\x8d"},
        {"012345678901234567890123456789\xf0\x9f\x90\x8d",
         "012345678901234567890123456789\xf0\x9f\x90\x8d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = xml_of(cases[i].text);
        cr_assert_str_eq(text, cases[i].wanted);
        free(text);
    }
}

Test(report_xml, prints_counts)
{
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    hop_print_count(stream, 0);
    putc(' ', stream);
    hop_print_count(stream, 1234567890);
    putc(' ', stream);
    hop_print_count(stream, UINT64_MAX);
    fclose(stream);
    cr_assert_str_eq(text, "0 1234567890 18446744073709551615");
    free(text);
}
