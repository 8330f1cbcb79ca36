/* The finder on what it must refuse, and in which words: processes that are no CPython, versions
 * and builds that cannot be read, data of the wrong version, and programs that lie. */
#include "support/programs.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void assert_refused(const struct finding *finding, enum hop_status status,
                           const char *const *words)
{
    cr_assert_eq(finding->status, status, "%d: %s", finding->status, finding->err.message);
    cr_assert_eq(finding->err.status, status);
    cr_assert(finding->err.remedy[0], "no remedy: %s", finding->err.message);
    for (; *words; words++)
        cr_assert(strstr(finding->err.message, *words), "no \"%s\" in: %s", *words,
                  finding->err.message);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- no CPython ------------------------------------------------------------------------------ */

/* cat under another name, known to run because it echoes. */
static void assert_cat_refused(const char *name, const char *const *words)
{
    struct folder folder;
    struct target target;
    char path[512];
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/%s", folder.path, name);
    run_command("cp /bin/cat '%s'", path);
    program_start(&target, (char *[]){path, NULL}, NULL);
    fputs("up\n", target.in);
    fflush(target.in);
    program_says(&target, "up", NULL, NULL);
    struct finding *finding = finding_create(target.pid, NULL);
    assert_refused(finding, HOP_ERR_NOT_PYTHON, words);
    finding_destroy(finding);
    target_end(&target);
    folder_remove(&folder);
}

Test(find_refuse, a_program_without_python, .timeout = 240)
{
    assert_cat_refused("cat", WORDS("/cat)", "has no CPython in it"));
}

Test(find_refuse, a_program_that_only_has_the_name, .timeout = 240)
{
    assert_cat_refused("python3.11", WORDS("/python3.11)", "Python in its name", "no CPython"));
}

Test(find_refuse, other_pythons, .timeout = 240)
{
    assert_cat_refused("pypy3.10", WORDS("runs PyPy, which is not CPython"));
    assert_cat_refused("micropython", WORDS("runs MicroPython, which is not CPython"));
    assert_cat_refused("graalpy", WORDS("runs GraalPy, which is not CPython"));
}

Test(find_refuse, a_process_that_ended, .timeout = 240)
{
    struct target target;
    struct finding *finding = calloc(1, sizeof *finding);
    program_start(&target, (char *[]){"cat", NULL}, NULL);
    cr_assert_eq(hop_process_open(target.pid, &finding->process, &finding->err), HOP_OK);
    hop_live_reader_init(&finding->reader, target.pid);
    target_end(&target);
    finding->status = hop_python_find(&finding->process, &finding->reader.base, NULL,
                                      &finding->python, &finding->err);
    cr_assert_eq(finding->status, HOP_ERR_GONE, "%s", finding->err.message);
    finding_destroy(finding);
}

/* --- versions that are too old ---------------------------------------------------------------- */

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

ParameterizedTestParameters(find_refuse, an_old_version)
{
    static const char *const versions[] = {"2\\.7", "3\\.6", "3\\.7"};
    struct python *pythons = cr_malloc((3 + 1) * sizeof *pythons);
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        if (python_of_version(versions[i], &pythons[count]))
            count++;
    }
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

ParameterizedTest(struct python *python, find_refuse, an_old_version, .timeout = 240)
{
    struct target target;
    char version[64];
    snprintf(version, sizeof version, "runs CPython %s (", python->version);
    target_start(&target, python, NULL, "wait.py", WORDS(NULL));
    program_says(&target, "ready", NULL, NULL);
    struct finding *finding = finding_create(target.pid, NULL);
    assert_refused(finding, HOP_ERR_UNSUPPORTED, WORDS(version, hop_layout_supported()));
    finding_destroy(finding);
    target_end(&target);
}

/* --- the data given with --offsets -------------------------------------------------------------
 */

/* What the finder says of the first interpreter of that version with that file. */
static void assert_offsets(const struct python *python, const char *path, enum hop_status status,
                           const char *const *words)
{
    struct target target;
    target_start(&target, python, NULL, "wait.py", WORDS(NULL));
    program_says(&target, "ready", NULL, NULL);
    struct finding *finding = finding_create(target.pid, path);
    if (status == HOP_OK)
        cr_assert_eq(finding->status, HOP_OK, "%s", finding->err.message);
    else
        assert_refused(finding, status, words);
    finding_destroy(finding);
    target_end(&target);
}

Test(find_refuse, data_that_do_not_fit, .timeout = 240)
{
    struct python pythons[PYTHONS_MAX];
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    struct folder folder;
    char own[512], bent[512], other[512], absent[512];
    folder_make(&folder);
    cr_assert_gt(count, 0);
    for (size_t i = 0; i < count; i++) {
        int minor = pythons[i].minor;
        snprintf(own, sizeof own, HOP_TEST_ROOT "/offsets/3.%d.txt", minor);
        snprintf(other, sizeof other, HOP_TEST_ROOT "/offsets/3.%d.txt", minor == 8 ? 9 : 8);
        snprintf(bent, sizeof bent, "%s/3.%d.txt", folder.path, minor);
        snprintf(absent, sizeof absent, "%s/none", folder.path);
        assert_offsets(&pythons[i], own, HOP_OK, NULL);
        assert_offsets(&pythons[i], other, HOP_ERR_OFFSETS,
                       WORDS(other, "has the data of CPython 3.", pythons[i].version));
        assert_offsets(&pythons[i], absent, HOP_ERR_IO, WORDS(absent));
        if (minor >= 13)
            continue; /* the target's own table says what the file says wrongly */
        /* As a build with Py_TRACE_REFS has it: two pointers more at the start of every object. */
        run_command("sed 's/^field object.ob_type 8/field object.ob_type 24/' '%s' >'%s'", own,
                    bent);
        assert_offsets(&pythons[i], bent, HOP_ERR_UNSUPPORTED,
                       WORDS(pythons[i].version, "not where", "debug build"));
        run_command("sed 's/^field thread.interp .*/field thread.interp 24/' '%s' >'%s'", own,
                    bent);
        assert_offsets(&pythons[i], bent, HOP_ERR_UNSUPPORTED, WORDS("not where"));
    }
    folder_remove(&folder);
}

/* --- memory that cannot be read for a while ----------------------------------------------------
 */

/* A reader that fails so many times before it reads. */
struct failing_reader {
    struct hop_reader base;
    struct hop_reader *behind;
    int failures;
};

static size_t fill_or_fail(struct hop_reader *reader, const struct hop_span *spans, size_t count)
{
    struct failing_reader *failing = (struct failing_reader *)reader;
    return failing->failures-- > 0 ? 0 : hop_reader_fill(failing->behind, spans, count);
}

Test(find_refuse, only_after_many_looks, .timeout = 240)
{
    struct python python;
    struct target target;
    cr_assert_eq(pythons_find(&python, 1, 8), 1);
    target_start(&target, &python, NULL, "wait.py", WORDS(NULL));
    program_says(&target, "ready", NULL, NULL);
    struct finding *finding = finding_create(target.pid, NULL);
    cr_assert_eq(finding->status, HOP_OK, "%s", finding->err.message);
    struct failing_reader failing = {{.fill = fill_or_fail}, &finding->reader.base, 100};
    cr_assert_eq(hop_python_validate(&failing.base, &finding->python, &finding->err), HOP_OK, "%s",
                 finding->err.message);
    failing.failures = 1 << 20;
    cr_assert_eq(hop_python_validate(&failing.base, &finding->python, &finding->err),
                 HOP_ERR_UNSUPPORTED);
    finding_destroy(finding);
    target_end(&target);
}

/* --- programs that are not what they seem ------------------------------------------------------
 */

struct stand_in {
    char flags[160]; /* of the compiler, see tests/targets/stand_in.c */
    enum hop_status status;
    char words[2][64];
};

ParameterizedTestParameters(find_refuse, a_stand_in)
{
    static struct stand_in cases[] = {
        {"-DFREE_THREADED=1", HOP_ERR_UNSUPPORTED, {"free-threaded CPython 3.13.0", "GIL"}},
        {"-DVERSION=0x031000f0", HOP_ERR_UNSUPPORTED, {"CPython 3.16.0", "cannot read"}},
        {"-DVERSION=0x030700f0", HOP_ERR_UNSUPPORTED, {"CPython 3.7.0", "cannot read"}},
        {"-DVERSION=0x030e00a3", HOP_ERR_UNSUPPORTED, {"CPython 3.14.0a3", "pre-release"}},
        {"-DVERSION=0x030e00b1", HOP_ERR_UNSUPPORTED, {"CPython 3.14.0b1", "pre-release"}},
        {"-DVERSION=0x030c00a1", HOP_ERR_UNSUPPORTED, {"CPython 3.12.0a1", "pre-release"}},
        /* The candidate is read, and found to go in circles. */
        {"-DVERSION=0x030e00c2", HOP_ERR_UNSUPPORTED, {"CPython 3.14.0rc2", "not where"}},
        {"", HOP_ERR_UNSUPPORTED, {"CPython 3.13.0", "not where"}},
        {"-DCOOKIE='\"xdebugpx\"'", HOP_ERR_UNSUPPORTED, {"CPython 3.13.0", "damaged"}},
        {"-DFREE_THREADED=7", HOP_ERR_UNSUPPORTED, {"damaged", "free_threaded"}},
        {"-DOFFSET=0x40000000", HOP_ERR_UNSUPPORTED, {"damaged", "impossible"}},
        {"-DOFFSET=~0ull", HOP_ERR_UNSUPPORTED, {"damaged", "impossible"}},
        {"-DVERSION=0x12345", HOP_ERR_NOT_PYTHON, {"which version", ""}},
        /* Symbols gone, the section is enough; sections gone too, the cookie. */
        {"-s -DFREE_THREADED=1", HOP_ERR_UNSUPPORTED, {"free-threaded CPython 3.13.0", ""}},
        {"-s -DFORGET -DFREE_THREADED=1", HOP_ERR_UNSUPPORTED, {"free-threaded", ""}},
        {"-s -DFORGET -DVERSION=0x031000f0", HOP_ERR_UNSUPPORTED, {"CPython 3.16.0", ""}},
        {"-s -DFORGET -DCOOKIE='\"xdebugpx\"'", HOP_ERR_NOT_PYTHON, {"has no CPython", ""}},
    };
    return cr_make_param_array(struct stand_in, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct stand_in *stand_in, find_refuse, a_stand_in, .timeout = 240)
{
    struct folder folder;
    struct target target;
    char path[512];
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/program", folder.path);
    run_command("%s -w -O1 %s '" HOP_TEST_ROOT "/tests/targets/stand_in.c' -o '%s'",
                getenv("CC") ? getenv("CC") : "cc", stand_in->flags, path);
    if (strstr(stand_in->flags, "-DFORGET"))
        forget_sections(path);
    program_start(&target, (char *[]){path, NULL}, NULL);
    program_says(&target, "ready", NULL, NULL);
    struct finding *finding = finding_create(target.pid, NULL);
    assert_refused(finding, stand_in->status, WORDS(stand_in->words[0], stand_in->words[1]));
    finding_destroy(finding);
    target_end(&target);
    folder_remove(&folder);
}
