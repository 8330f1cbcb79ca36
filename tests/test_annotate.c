/* The format "annotate" with its source: what is underlined, what is asked for, what is found of
 * it. Without a source it is in the golden files of all formats. */
#include "report/focus.h"
#include "report/format.h"
#include "report/listing.h"
#include "support/golden.h"
#include "support/profiles.h"
#include "support/programs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct folder folder;
static char path[128];

static const char source[] = "import os\n"
                             "\n"
                             "class Foo:\n"
                             "\tdef intersects(self, others):\n"
                             "\t\t# tabs, wide \xe6\x97\xa5\xe6\x9c\xac characters\n"
                             "\t\treturn '\xe6\x97\xa5\xe6\x9c\xac' + self.name + others.name\n"
                             "\n"
                             "\033[31mbad\xff\n"
                             "f(1,\n"
                             "  2)\n";

static void set_up(void)
{
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/app.py", folder.path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(source, file);
    fclose(file);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

TestSuite(annotate, .init = set_up, .fini = tear_down);

#define OP(offset_, opcode_, arg, text, line_, end_line_, column_, end_)                           \
    {                                                                                              \
        .offset = offset_, .opcode = opcode_, .oparg = arg, .argument = text, .line = line_,       \
        .end_line = end_line_, .column = column_, .end_column = end_,                              \
    }

static struct hop_profile *make(void)
{
    static struct hop_profile_op method[] = {
        OP(0, "RESUME", 0, "", 4, 4, 0, 0),
        OP(2, "LOAD_CONST", 1, "'\xe6\x97\xa5\xe6\x9c\xac'", 6, 6, 9, 17),
        OP(4, "LOAD_FAST", 0, "self", 6, 6, 20, 24),
        OP(6, "LOAD_ATTR", 0, "name", 6, 6, 20, 29),
        OP(26, "BINARY_OP", 0, "+", 6, 6, 9, 29),
        OP(30, "RETURN_VALUE", -1, "", 6, 6, 2, 43),
    };
    static struct hop_profile_op module[] = {
        OP(0, "RESUME", 0, "", 0, 0, -1, -1),
        OP(2, "LOAD_NAME", 0, "\033[31m", 8, 8, 0, 8),
        OP(4, "CALL", 2, "", 9, 10, 0, 4),
    };
    const struct hop_profile_code codes[] = {
        {"Foo.intersects", path, 4, method, 6},
        {"<module>", path, 1, module, 3},
    };
    const struct hop_instruction rows[] = {
        {"Foo.intersects", path, 4, 6, "LOAD_ATTR_SLOT", "LOAD_ATTR", 0, 6, 6, 20, 29, 0, 0, 0,
         false, 0},
        {"Foo.intersects", path, 4, 6, "LOAD_ATTR", "LOAD_ATTR", 0, 6, 6, 20, 29, 0, 0, 0, false,
         0},
        {"Foo.intersects", path, 4, 26, "BINARY_OP", "BINARY_OP", 0, 6, 6, 9, 29, 0, 0, 0, false,
         0},
        {"<module>", path, 1, 4, "CALL", "CALL", 2, 9, 10, 0, 4, 0, 0, 0, false, 1},
        {"<module>", path, 1, 2, "LOAD_NAME", "LOAD_NAME", 0, 8, 8, 0, 8, 0, 0, 0, false, 1},
    };
    static const struct hop_profile_node nodes[] = {
        {0, 0, 0, 0},         {0, 3, 2, 2000000}, {1, 0, 75, 75000000},
        {1, 1, 15, 15000000}, {1, 2, 8, 8000000}, {0, 4, 1, 1000000},
    };
    static const struct hop_profile_thread threads[] = {{.tid = 7, .name = "main"}};
    struct hop_profile *profile = calloc(1, sizeof *profile);
    cr_assert_not_null(profile);
    hop_arena_init(&profile->arena, 1 << 20);
    profile->codes = hop_arena_copy(&profile->arena, codes, sizeof codes);
    profile->code_count = 2;
    profile->instructions = hop_arena_copy(&profile->arena, rows, sizeof rows);
    profile->instruction_count = 5;
    profile->nodes = hop_arena_copy(&profile->arena, nodes, sizeof nodes);
    profile->node_count = 6;
    profile->threads = hop_arena_copy(&profile->arena, threads, sizeof threads);
    profile->thread_count = 1;
    profile->python = "3.13.0";
    profile->pid = 7;
    profile->mode = "cpu";
    profile->way = "same CPU";
    profile->asked_rate_hz = profile->true_rate_hz = 1000;
    profile->duration_ns = 101000000;
    profile->started_ns = UINT64_MAX; /* the file is older than that */
    cr_assert(hop_profile_finish(profile));
    return profile;
}

/* The report, the folder's name taken out; to be given to free(). */
static char *report(const struct hop_profile *profile, const char *format,
                    const struct hop_report_options *options)
{
    char *text;
    size_t size;
    struct hop_error err = {0};
    FILE *stream = open_memstream(&text, &size);
    cr_assert_eq(hop_report(profile, format, options, stream, &err), HOP_OK, "%s", err.message);
    fclose(stream);
    for (char *at; (at = strstr(text, folder.path));)
        memmove(at, at + strlen(folder.path), strlen(at + strlen(folder.path)) + 1);
    return text;
}

static void expect_report(const char *format, const char *focus, bool is_coloured,
                          const char *golden)
{
    struct hop_profile *profile = make();
    struct hop_report_options options = {.focus = focus, .is_coloured = is_coloured};
    char *text = report(profile, format, &options);
    assert_golden(golden, text, strlen(text));
    free(text);
    hop_profile_destroy(profile);
}

Test(annotate, shows_the_source_and_underlines_it)
{
    expect_report("annotate", NULL, false, "annotate-source.txt");
}

Test(annotate, colours_what_is_hot)
{
    expect_report("annotate", NULL, true, "annotate-coloured.txt");
}

Test(annotate, shows_all_of_a_function_that_is_asked_for)
{
    expect_report("annotate", "intersects", false, "annotate-function.txt");
}

Test(annotate, shows_one_line)
{
    expect_report("annotate", "app.py:9", false, "annotate-line.txt");
}

Test(annotate, lines_has_the_source_too)
{
    expect_report("lines", NULL, false, "lines-source.txt");
}

/* A line that is there for its neighbour's sake, and was hit, says so. */
Test(annotate, lines_around_the_hottest_have_their_numbers)
{
    struct hop_profile *profile = make();
    struct hop_report_options options = {.row_limit = 1};
    char *text = report(profile, "lines", &options);
    assert_golden("lines-hottest.txt", text, strlen(text));
    free(text);
    hop_profile_destroy(profile);
}

/* Those whose files are on no machine. */
Test(annotate, goes_without_the_source)
{
    static const char *const formats[] = {"annotate", "lines"};
    for (size_t i = 0; i < test_profile_count; i++) {
        for (size_t j = 0; j < 2 && strcmp(test_profiles[i].name, "closure") != 0; j++) {
            struct hop_report_options options = {0};
            struct hop_profile *profile = test_profiles[i].make();
            char name[64], *text = report(profile, formats[j], &options);
            snprintf(name, sizeof name, "%s.%s", test_profiles[i].name, formats[j]);
            assert_golden(name, text, strlen(text));
            free(text);
            hop_profile_destroy(profile);
        }
    }
}

Test(annotate, a_file_that_is_newer_gets_a_warning)
{
    struct hop_profile *profile = make();
    struct hop_report_options options = {0};
    profile->started_ns = 1000000000; /* 1970 */
    char *text = report(profile, "annotate", &options);
    cr_expect(strstr(text, "warning: the file was changed after sampling began"), "%s", text);
    free(text);
    hop_profile_destroy(profile);
}

Test(annotate, a_file_that_may_be_another_gets_a_warning)
{
    static const char *const formats[] = {"annotate", "lines"};
    struct hop_report_options options = {0};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct hop_profile *profile = make();
        profile->has_other_root = true;
        char *text = report(profile, formats[i], &options);
        cr_expect(strstr(text, "warning: the program had other files (a container"), "%s", text);
        free(text);
        hop_profile_destroy(profile);
    }
}

Test(annotate, the_focus_is_what_people_mean)
{
    static const struct {
        const char *text;
        enum hop_focus_kind kind;
        bool has_method, has_module;
    } cases[] = {
        {NULL, HOP_FOCUS_ALL, true, true},
        {"Foo.intersects", HOP_FOCUS_FUNCTION, true, false},
        {"intersects", HOP_FOCUS_FUNCTION, true, false},
        {"Foo*", HOP_FOCUS_FUNCTION, true, false},
        {"<module>", HOP_FOCUS_FUNCTION, false, true},
        {"app.py", HOP_FOCUS_FILE, true, true},
        {"app.py:6", HOP_FOCUS_LINE, true, false},
        {"app.py:8", HOP_FOCUS_LINE, false, true},
        {"app.py:4", HOP_FOCUS_LINE, true, false},
    };
    struct hop_profile *profile = make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hop_focus focus;
        struct hop_error err;
        cr_assert_eq(hop_focus_find(profile, cases[i].text, &focus, &err), HOP_OK, "%s",
                     cases[i].text);
        cr_expect_eq(focus.kind, cases[i].kind, "%s", cases[i].text);
        for (size_t code = 0; code < profile->code_count; code++) {
            bool is_method = strcmp(profile->codes[code].function, "Foo.intersects") == 0;
            cr_expect_eq(hop_focus_has(&focus, &profile->codes[code]),
                         is_method ? cases[i].has_method : cases[i].has_module, "%s",
                         cases[i].text);
        }
    }
    hop_profile_destroy(profile);
}

Test(annotate, a_focus_that_is_nothing_is_an_error_with_the_nearest_name)
{
    static const char *const wrong[] = {"intersect", "app.py:5", "pp.py", "", ":", "app.py:", ":6"};
    struct hop_profile *profile = make();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct hop_focus focus;
        struct hop_error err = {0};
        cr_expect_eq(hop_focus_find(profile, wrong[i], &focus, &err), HOP_ERR_USAGE, "%s",
                     wrong[i]);
        if (i == 0)
            cr_expect_str_eq(err.remedy, "did you mean Foo.intersects?");
    }
    hop_profile_destroy(profile);
}

static void expect_underlined(const char *text, size_t first, size_t end, const char *expected)
{
    char *written, marks[HOP_LISTING_LINE_BYTES] = {0};
    size_t size;
    memset(marks + first, '^', end - first);
    FILE *stream = open_memstream(&written, &size);
    hop_listing_underline(stream, text, strlen(text), marks, 0);
    fclose(stream);
    cr_expect_str_eq(written, expected, "%s: '%s'", text, written);
    free(written);
}

Test(annotate, carets_stand_under_what_they_mean)
{
    expect_underlined("a + b", 4, 5, "    ^\n");
    expect_underlined("\ta", 1, 2, "        ^\n");
    expect_underlined("  \ta", 3, 4, "        ^\n");
    expect_underlined("\xe6\x97\xa5 = x", 6, 7, "     ^\n"); /* a wide character */
    expect_underlined("e\xcc\x81 = x", 6, 7, "    ^\n");     /* a combining one */
    expect_underlined("\033 = x", 4, 5, "       ^\n");       /* shown as \x1b */
    expect_underlined("\xff = x", 4, 5, "       ^\n");       /* shown as \xff */
    expect_underlined("\xe6\x97\xa5", 0, 3, "^^\n");
    expect_underlined("nothing", 0, 0, "");
}
