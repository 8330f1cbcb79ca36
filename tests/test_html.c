/* The HTML report: its size, that no foreign text is in it as it came, and its use in a real
 * browser (tests/browser/html.js). */
#include "report/format.h"
#include "report/html_pack.h"
#include "support/allocations.h"
#include "support/large_profile.h"
#include "support/profiles.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *report_with(const struct hop_profile *profile, const char *format,
                         const struct hop_report_options *options, size_t *size)
{
    char *text;
    struct hop_error err;
    FILE *stream = open_memstream(&text, size);
    cr_assert_eq(hop_report(profile, format, options, stream, &err), HOP_OK);
    fclose(stream);
    return text;
}

static char *report(const struct hop_profile *profile, const char *format, size_t *size)
{
    return report_with(profile, format, NULL, size);
}

Test(html, numbers_of_seven_bits_a_byte)
{
    static const unsigned char wanted[] = {0,    0x7f, 0x80, 1,    0xff, 0xff, 0xff, 0xff, 0xff,
                                           0xff, 0xff, 0xff, 0xff, 1,    0,    1,    2,    3};
    struct hop_pack pack = {0};
    hop_pack_number(&pack, 0);
    hop_pack_number(&pack, 127);
    hop_pack_number(&pack, 128);
    hop_pack_number(&pack, UINT64_MAX);
    hop_pack_signed(&pack, 0);
    hop_pack_signed(&pack, -1);
    hop_pack_signed(&pack, 1);
    hop_pack_signed(&pack, -2);
    cr_assert_eq(pack.size, sizeof wanted);
    cr_assert_eq(memcmp(pack.bytes, wanted, sizeof wanted), 0);
    hop_pack_deinit(&pack);
}

Test(html, strings_are_kept_once_and_escaped)
{
    char copy[] = "one";
    struct hop_pack_strings strings;
    cr_assert(hop_pack_strings_init(&strings));
    cr_assert_eq(hop_pack_string(&strings, "one"), 0);
    cr_assert_eq(hop_pack_string(&strings, "\033\xff"), 1);
    cr_assert_eq(hop_pack_string(&strings, copy), 0);
    cr_assert_eq(hop_pack_string(&strings, ""), 2);
    cr_assert_eq(strings.text.size, strlen("one\\x1b\\xff"));
    cr_assert_eq(memcmp(strings.text.bytes, "one\\x1b\\xff", strings.text.size), 0);
    hop_pack_strings_deinit(&strings);
}

/* All that is foreign is in base64. */
Test(html, holds_no_foreign_text)
{
    size_t size, empty_size;
    struct hop_profile *profile = make_hostile_profile(), *empty = make_empty_profile();
    char *text = report(profile, "html", &size), *page = report(empty, "html", &empty_size);
    static const char mark[] = "id=\"profile\">\n";
    char *data = strstr(text, mark), *empty_data = strstr(page, mark);
    cr_assert(data && empty_data && data - text == empty_data - page);
    cr_assert_eq(memcmp(text, page, (size_t)(data - text)), 0);
    data += strlen(mark);
    empty_data += strlen(mark);
    size_t length =
        strspn(data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");
    cr_assert_gt(length, 500);
    cr_assert_str_eq(data + length, empty_data + strcspn(empty_data, "\n<"));
    cr_assert(strstr(text, "default-src 'none'; script-src 'sha256-"));
    cr_assert_null(strstr(text, "unsafe"));
    free(text);
    free(page);
    hop_profile_destroy(profile);
    hop_profile_destroy(empty);
}

Test(html, size_of_a_hundred_thousand_stacks, .timeout = 300)
{
    size_t size;
    struct large_shape shape = large_shape_default;
    shape.has_weights = true;
    struct hop_profile *profile = make_large_profile(&shape);
    free(report(profile, "html", &size));
    cr_assert_leq(size, 5u << 20);
    hop_profile_destroy(profile);
}

/* A stack that is as deep as may be takes neither our stack nor a square of the time. */
Test(html, deep_stack, .timeout = 300)
{
    size_t size;
    struct hop_profile *profile = make_deep_profile(100000);
    free(report(profile, "html", &size));
    hop_profile_destroy(profile);
}

/* The n-th allocation fails, for every n: an error, not a page that lacks something. */
Test(html, every_failing_allocation_is_told)
{
    struct hop_profile *profile = make_hostile_profile();
    FILE *nowhere = fopen("/dev/null", "w");
    bool has_failed = true;
    for (size_t n = 1; has_failed; n++) {
        struct hop_error err;
        allocations_begin(n);
        enum hop_status status = hop_report(profile, "html", NULL, nowhere, &err);
        has_failed = allocations_asked() >= n;
        long left = allocations_left();
        allocations_begin(0);
        cr_assert_eq(status, has_failed ? HOP_ERR_MEMORY : HOP_OK, "allocation %zu", n);
        cr_assert_leq(left, 0, "allocation %zu", n);
    }
    fclose(nowhere);
    hop_profile_destroy(profile);
}

/* --- in a browser ------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/heavyops-html-XXXXXX";

static void write_file(const char *name, const char *text, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fwrite(text, 1, size, file) == size && fclose(file) == 0);
}

/* Gives the closure example a source of our making: at the columns of line 8 is what the profile
 * says, with two bytes of one letter before it and all that is hostile around it. */
static void give_source(struct hop_profile *profile)
{
    static const char line[] =
        "        n\xc3\xa9 = f(a, self.xy, \"</script>\x1b\xe2\x80\xae\xff<!--\", ,self, "
        "'<img src=x onerror=window.pwned=1>\xed\xb2\x80')\n";
    cr_assert_eq(memcmp(line + 19, "self.xy", 7), 0);
    cr_assert_eq(memcmp(line + 51, "self", 4), 0, "%s", line + 51);
    char source[1024] = "",
         *path = hop_arena_printf(&profile->arena, "%s/cl\xc3\xb6sure.py", folder);
    for (int i = 1; i <= 40; i++) {
        char plain[32];
        snprintf(plain, sizeof plain, "# line %d\n", i);
        strcat(source, i == 8 ? line : plain);
    }
    write_file("cl\xc3\xb6sure.py", source, strlen(source));
    for (size_t i = 0; i < profile->instruction_count; i++)
        if (strstr(profile->instructions[i].file, "example.py"))
            profile->instructions[i].file = path;
    for (size_t i = 0; i < profile->code_count; i++)
        if (strstr(profile->codes[i].file, "example.py"))
            profile->codes[i].file = path;
    profile->started_ns = 1;
}

static void write_both(const char *name, struct hop_profile *profile)
{
    static const char *const formats[] = {"html", "json"};
    for (int i = 0; i < 2; i++) {
        char file[64];
        size_t size;
        char *text = report(profile, formats[i], &size);
        snprintf(file, sizeof file, "%s.%s", name, formats[i]);
        write_file(file, text, size);
        free(text);
    }
    hop_profile_destroy(profile);
}

static void write_narrowed(void)
{
    static const char *const instructions[] = {"BUILD_MAP"};
    struct hop_report_options options = {.instructions = instructions, .instruction_count = 1};
    struct hop_profile *profile = make_old_profile();
    size_t size;
    char *text = report_with(profile, "html", &options, &size);
    write_file("narrowed.html", text, size);
    free(text);
    hop_profile_destroy(profile);
}

/* Two source files, of which not all has a place in one page. */
static void write_cut(void)
{
    enum { LINES = 3500, LINE_BYTES = 1000 };
    struct hop_profile *profile = make_closure_profile();
    char *source = malloc(LINES * LINE_BYTES + 1);
    cr_assert(source);
    for (int i = 0; i < LINES; i++)
        snprintf(source + i * LINE_BYTES, LINE_BYTES + 1, "x = %-*d\n", LINE_BYTES - 5, i);
    for (int number = 0; number < 2; number++) {
        struct hop_profile_code *code = &profile->codes[number ? profile->code_count - 1 : 0];
        struct hop_profile_op *ops = hop_arena_alloc(&profile->arena, LINES * sizeof *ops);
        char name[32];
        snprintf(name, sizeof name, "long-%d.py", number);
        write_file(name, source, LINES * LINE_BYTES);
        for (int i = 0; ops && i < LINES; i++) {
            ops[i] = code->ops[0];
            ops[i].offset = (uint32_t)(2 * i);
            ops[i].line = ops[i].end_line = i + 1;
        }
        code->file = hop_arena_printf(&profile->arena, "%s/%s", folder, name);
        code->ops = ops;
        code->op_count = LINES;
        cr_assert(code->file && code->ops);
    }
    free(source);
    write_both("cut", profile);
}

static bool is_here(const char *command)
{
    char line[128];
    snprintf(line, sizeof line, "command -v %s >/dev/null", command);
    return system(line) == 0;
}

Test(html, in_a_browser, .timeout = 300)
{
    if (!is_here("chromium") || !is_here("node"))
        cr_skip_test("chromium or node is not here: the HTML report was not used in a browser");
    cr_assert_not_null(mkdtemp(folder));
    for (size_t i = 0; i < test_profile_count; i++) {
        struct hop_profile *profile = test_profiles[i].make();
        if (strcmp(test_profiles[i].name, "closure") == 0)
            give_source(profile);
        write_both(test_profiles[i].name, profile);
    }
    struct large_shape shape = large_shape_default;
    shape.stacks /= 40;
    shape.has_weights = true;
    write_both("large", make_large_profile(&shape));
    write_narrowed();
    write_cut();
    const char *screenshots = getenv("HEAVYOPS_SCREENSHOTS"); /* a folder to put some into */
    char command[512], said[1 << 15];
    snprintf(command, sizeof command, "exec node '%s/tests/browser/html.js' chromium %s %s 2>&1",
             HOP_TEST_ROOT, folder, screenshots ? screenshots : "");
    FILE *node = popen(command, "r"); /* gives up by itself */
    cr_assert_not_null(node);
    said[fread(said, 1, sizeof said - 1, node)] = '\0';
    int status = pclose(node);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
    cr_assert_eq(status, 0, "%s", said);
}
