/* Recordings of real programs, compared by `heavyops diff` and merged by `heavyops merge`: the same
 * program shows nothing, a change is found, edits elsewhere and another Python do not
 * matter, and the exit code tells. */
#include "support/programs.h"

#include "cli/command.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* The chance that a program compared with itself shows something is one in twenty at the most: with
 * so many rounds in all of which it does, it is no chance. */
enum { ROUNDS = 4 };

/* CPU time, so that a busy machine has as many samples. */
static const char seconds[] = "1.2";

static struct folder folder;

/* The 3.13 and 3.12 of this machine. */
static struct python python, older;

static void begin(void)
{
    folder_make(&folder);
    cr_assert(python_of_version("3\\.13", &python), "there is no Python 3.13 here");
    run_command("cp '" HOP_TEST_ROOT "/tests/targets/basket.py' %s/app.py", folder.path);
}

static void end(void)
{
    folder_remove(&folder);
}

static void record(const struct python *with, const char *script, const char *profile)
{
    run_command("cd %s && '" HOP_TEST_COMMAND "' record -q -o %s -- %s %s %s", folder.path, profile,
                with->command, script, seconds);
}

/* What diff says as JSON, and its exit code. */
static json_t *diff(const char *arguments, int *code)
{
    char command[1024];
    snprintf(command, sizeof command, "cd %s && '" HOP_TEST_COMMAND "' diff --format json %s",
             folder.path, arguments);
    FILE *stream = popen(command, "re");
    cr_assert(stream);
    json_error_t error;
    json_t *found = json_loadf(stream, JSON_DISABLE_EOF_CHECK, &error);
    int status = pclose(stream);
    cr_assert(found, "%s: %s", command, error.text);
    *code = WEXITSTATUS(status);
    return found;
}

static json_int_t moved(const json_t *found)
{
    json_int_t sum = 0;
    size_t i;
    json_t *table;
    json_array_foreach(json_object_get(found, "tables"), i, table)
    {
        sum += json_integer_value(json_object_get(table, "moved"));
    }
    return sum;
}

static const char *text_of(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

/* A row of table `by` whose function is `function`, and opcode `opcode` unless NULL; or NULL. */
static const json_t *find(const json_t *found, const char *by, const char *function,
                          const char *opcode)
{
    size_t i, j;
    json_t *table, *row;
    json_array_foreach(json_object_get(found, "tables"), i, table)
    {
        if (strcmp(text_of(table, "by"), by) != 0)
            continue;
        json_array_foreach(json_object_get(table, "rows"), j, row)
        {
            if (strcmp(text_of(row, "function"), function) == 0 &&
                (!opcode || strcmp(text_of(row, "opcode"), opcode) == 0))
                return row;
        }
    }
    return NULL;
}

/* app.py compared with changed.py: until that row is there, for a machine may leave so little to
 * the recordings that the difference could be chance. */
static json_t *diff_until(const char *options, const char *by, const char *function,
                          const char *opcode, int *code)
{
    char arguments[200];
    json_t *found = NULL;
    snprintf(arguments, sizeof arguments, "before.pb.gz after.pb.gz %s", options);
    for (int round = 0; round < ROUNDS; round++) {
        json_decref(found);
        record(&python, "app.py", "before.pb.gz");
        record(&python, "changed.py", "after.pb.gz");
        found = diff(arguments, code);
        if (find(found, by, function, opcode))
            break;
    }
    return found;
}

/* In one of some rounds nothing is shown; and every function of the program is known again. */
static void expect_nothing_moved(const struct python *before, const struct python *after,
                                 const char *script_after)
{
    static const char *const functions[] = {"<module>", "count", "count.<locals>.add", "square",
                                            "words"};
    bool is_quiet = false;
    for (int round = 0; round < ROUNDS && !is_quiet; round++) {
        int code;
        record(before, "app.py", "before.pb.gz");
        record(after, script_after, "after.pb.gz");
        json_t *found = diff("before.pb.gz after.pb.gz --all --fail-above 0", &code);
        for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
            const json_t *row = find(found, "function", functions[i], NULL);
            cr_assert(row || i == 0, "%s is not in the table", functions[i]);
            /* <module> has so little time that one of the two may have no sample of it. */
            cr_assert(i == 0 || strcmp(text_of(row, "kind"), "changed") == 0, "%s is %s",
                      functions[i], text_of(row, "kind"));
        }
        is_quiet = moved(found) == 0;
        cr_assert(!is_quiet || code == HOP_EXIT_OK, "exit code %d", code);
        json_decref(found);
    }
    cr_assert(is_quiet, "each of %d rounds shows a change", ROUNDS);
}

Test(compare, two_recordings_of_a_program_show_nothing, .init = begin, .fini = end)
{
    expect_nothing_moved(&python, &python, "app.py");
}

Test(compare, edits_above_and_another_folder_show_nothing, .init = begin, .fini = end)
{
    run_command("cd %s && mkdir other && { printf '# one\\n# two\\nunused = 3\\n'; cat app.py; } "
                ">other/app.py",
                folder.path);
    expect_nothing_moved(&python, &python, "other/app.py");
}

/* What both Pythons take for a function is not the same, so that there may well be a change; but
 * each function is the same one. */
Test(compare, another_python_has_the_same_functions, .init = begin, .fini = end)
{
    if (!python_of_version("3\\.12", &older)) {
        cr_log_warn("there is no Python 3.12 here");
        cr_skip_test();
    }
    int code;
    record(&older, "app.py", "before.pb.gz");
    record(&python, "app.py", "after.pb.gz");
    json_t *found = diff("before.pb.gz after.pb.gz --all", &code);
    cr_assert_eq(json_array_size(json_object_get(found, "tables")), 2);
    const json_t *row = find(found, "function", "count.<locals>.add", NULL);
    cr_assert(row && strcmp(text_of(row, "kind"), "changed") == 0);
    row = find(found, "line", "square", NULL);
    cr_assert(row);
    cr_assert_eq(json_integer_value(json_object_get(row, "line_before")),
                 json_integer_value(json_object_get(row, "line_after")));
    json_decref(found);
}

Test(compare, a_closure_that_becomes_a_global_is_found, .init = begin, .fini = end)
{
    int code;
    /* The function is now the module's, and so is what it counts. */
    run_command("cd %s && sed -e '/nonlocal total/s/nonlocal/global/' -e 's/^    total = 0/    "
                "global total; total = 0/' app.py >changed.py",
                folder.path);
    json_t *found =
        diff_until("--by instruction", "instruction", "count.<locals>.add", "STORE_DEREF", &code);
    const json_t *row = find(found, "instruction", "count.<locals>.add", "STORE_DEREF");
    cr_assert(row, "STORE_DEREF is still there");
    cr_assert(json_real_value(json_object_get(row, "share_before")) > 0);
    cr_assert_eq(json_real_value(json_object_get(row, "share_after")), 0);
    row = find(found, "instruction", "count.<locals>.add", "STORE_GLOBAL");
    cr_assert(row, "there is no STORE_GLOBAL");
    cr_assert_eq(json_real_value(json_object_get(row, "share_before")), 0);
    json_decref(found);
}

Test(compare, a_list_built_in_a_loop_fails_the_gate, .init = begin, .fini = end)
{
    int code;
    run_command("cd %s && sed -e 's/^        result += i \\* i/        result += [i, i, i, i, i, i]"
                "[0]/' app.py >changed.py",
                folder.path);
    json_t *found = diff_until("--fail-above 2%", "function", "square", NULL, &code);
    cr_assert_eq(code, HOP_EXIT_GREW);
    cr_assert(json_is_true(json_object_get(found, "is_exceeded")));
    const json_t *row = find(found, "instruction", "square", "BUILD_LIST");
    cr_assert(row, "there is no BUILD_LIST");
    cr_assert(json_real_value(json_object_get(row, "difference_low")) > 0);
    cr_assert(find(found, "function", "square", NULL));
    json_decref(found);
    /* Not by so much. */
    found = diff("before.pb.gz after.pb.gz --fail-above 90%", &code);
    cr_assert_eq(code, HOP_EXIT_OK);
    cr_assert(json_is_false(json_object_get(found, "is_exceeded")));
    json_decref(found);
    run_command("cd %s && '" HOP_TEST_COMMAND "' diff before.pb.gz after.pb.gz >text && grep -q "
                "'BUILD_LIST' text && head -1 text | grep -q 'rows compared, .* moved beyond "
                "chance'",
                folder.path);
}

Test(compare, too_few_samples_are_told, .init = begin, .fini = end)
{
    run_command("cd %s && '" HOP_TEST_COMMAND "' record -q -r 20 --read cpu -o few.pb.gz -- %s "
                "app.py 0.5 && '" HOP_TEST_COMMAND "' diff few.pb.gz few.pb.gz --fail-above 1%% "
                ">text && grep -q 'too few samples to be sure' text && '" HOP_TEST_COMMAND
                "' diff few.pb.gz few.pb.gz -o found && grep -q 'rows compared' found",
                folder.path, python.command);
}

Test(compare, a_merged_file_is_both_of_them, .init = begin, .fini = end)
{
    record(&python, "app.py", "one.pb.gz");
    record(&python, "app.py", "two.pb.gz");
    run_command("cd %s && for f in one two; do '" HOP_TEST_COMMAND "' report $f.pb.gz -a -n 0 "
                "--format json -o $f.json; done; '" HOP_TEST_COMMAND "' merge one.pb.gz two.pb.gz "
                "-o both.pb.gz && '" HOP_TEST_COMMAND "' report both.pb.gz -a -n 0 --format json "
                "-o both.json && '" HOP_TEST_COMMAND "' merge one.pb.gz two.pb.gz -a -n 0 --format "
                "json -o direct.json && cmp both.json direct.json",
                folder.path);
    run_command(
        "cd %s && python3 -c 'import json\n"
        "one, two, both = (json.load(open(name + \".json\")) for name in (\"one\", \"two\", "
        "\"both\"))\n"
        "assert both[\"samples\"] == one[\"samples\"] + two[\"samples\"]\n"
        "def hits(profile):\n"
        "    return sum(row[\"self\"] for row in profile[\"instructions\"]\n"
        "               if row[\"function\"] == \"square\")\n"
        "assert hits(both) == hits(one) + hits(two) > 0\n'",
        folder.path);
}

Test(compare, what_is_no_profile_is_an_error, .init = begin, .fini = end)
{
    run_command("cd %s && ! '" HOP_TEST_COMMAND "' diff app.py app.py 2>said && grep -q 'app.py' "
                "said && ! '" HOP_TEST_COMMAND "' merge nothing.pb.gz 2>said && grep -q "
                "'nothing.pb.gz' said && ! '" HOP_TEST_COMMAND "' diff app.py 2>said && grep -q "
                "'two profiles' said",
                folder.path);
}
