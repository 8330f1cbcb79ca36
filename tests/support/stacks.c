/* Starts programs of targets/stacks under targets/truth.py, waits until the kernel says that they
 * rest, and compares JSON. */
#include "support/stacks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

/* What Python runs: the text of truth.py under its name. */
static char bootstrap[] = "import sys; exec(compile(sys.argv[1], 'truth.py', 'exec'))";

/* Enough to see what is wrong; the count tells how often. */
enum { COMPLAINTS_MAX = 5 };

/* The system calls that truth.py names, as the versions and the C libraries make them; 0, which is
 * no call that waits but x86-64's read, ends no list. */
static const struct {
    const char *name;
    long numbers[3];
    size_t count;
} calls[] = {
    {"read", {SYS_read}, 1},
    {"futex", {SYS_futex}, 1},
#ifdef SYS_select
    {"sleep", {SYS_clock_nanosleep, SYS_select, SYS_pselect6}, 3},
    {"select", {SYS_select, SYS_pselect6}, 2},
    {"pause", {SYS_pause}, 1},
#else
    {"sleep", {SYS_clock_nanosleep, SYS_pselect6}, 2},
    {"select", {SYS_pselect6}, 1},
    {"pause", {SYS_ppoll}, 1},
#endif
};

/* Whether the thread is asleep in the system call. */
static bool is_in_call(pid_t pid, int tid, const char *name)
{
    char path[64], text[32] = "";
    long number;
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", pid, tid);
    FILE *file = fopen(path, "re");
    cr_assert(file, "%s: the thread is gone", path);
    bool is_asleep = fgets(text, sizeof text, file) && sscanf(text, "%ld", &number) == 1;
    fclose(file);
    for (size_t i = 0; is_asleep && i < sizeof calls / sizeof *calls; i++)
        for (size_t j = 0; !strcmp(calls[i].name, name) && j < calls[i].count; j++)
            if (calls[i].numbers[j] == number)
                return true;
    return false;
}

/* A thread that waits for the GIL sleeps in a futex, too: those are looked at when all others rest,
 * and none of them holds it any more. */
static void await_rest(const struct stacks *stacks, bool in_futex)
{
    size_t i;
    json_t *thread;
    json_array_foreach(stacks->truth, i, thread)
    {
        const char *call = json_string_value(json_object_get(thread, "call"));
        int tid = (int)json_integer_value(json_object_get(thread, "tid"));
        while (!strcmp(call, "futex") == in_futex && !is_in_call(stacks->target.pid, tid, call))
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

void truth_start(struct target *target, const struct python *python, const char *script,
                 const char *word)
{
    const char *slash = strrchr(script, '/');
    char *truth = target_text("truth.py"), *text = target_text(script);
    target_start_text(target, python, "PYTHON_JIT=1", bootstrap,
                      (const char *const[]){truth, slash ? slash + 1 : script, text, word, NULL});
    free(truth);
    free(text);
}

void stacks_start(struct stacks *stacks, const struct python *python, const char *kind)
{
    char path[96], *line = NULL;
    size_t capacity = 0;
    bool is_last = false;
    snprintf(path, sizeof path, "stacks/%s.py", kind);
    truth_start(&stacks->target, python, path, NULL);
    stacks->truth = json_array();
    while (!is_last) {
        cr_assert(getline(&line, &capacity, stacks->target.out) > 0, "%s, %s: it did not rest",
                  python->version, kind);
        json_t *thread = json_loads(line, 0, NULL);
        cr_assert(thread, "%s, %s: not JSON: %.200s", python->version, kind, line);
        is_last = json_is_true(json_object_get(thread, "last"));
        json_array_append_new(stacks->truth, thread);
    }
    free(line);
    await_rest(stacks, false);
    await_rest(stacks, true);
}

void stacks_end(struct stacks *stacks)
{
    json_decref(stacks->truth);
    target_kill(&stacks->target);
}

json_t *stacks_dump(pid_t pid)
{
    char command[512];
    json_error_t error;
    snprintf(command, sizeof command, "'" HOP_TEST_COMMAND "' dump --pid %d --format json", pid);
    FILE *stream = popen(command, "re");
    cr_assert(stream, "cannot run %s", command);
    json_t *dump = json_loadf(stream, 0, &error);
    cr_assert_eq(pclose(stream), 0, "failed: %s", command);
    cr_assert(dump, "%s: not JSON: %s", command, error.text);
    return dump;
}

/* --- comparing ------------------------------------------------------------------------------ */

static bool have_same(const json_t *a, const json_t *b, const char *name)
{
    return json_equal(json_object_get(a, name), json_object_get(b, name));
}

static json_t *find_thread(json_t *threads, const json_t *wanted)
{
    size_t i;
    json_t *thread;
    json_array_foreach(threads, i, thread)
    {
        if (have_same(thread, wanted, "tid") && have_same(thread, wanted, "interpreter"))
            return thread;
    }
    return NULL;
}

/* Up to 3.10 a code object has but a plain name, and a qualified one may be found elsewhere: it is
 * to be that of a function made of it. Whether it must be found is another test's affair. */
static bool is_a_qualname(const json_t *found, const json_t *truth)
{
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(truth, "qualnames"), i, name)
    {
        if (json_equal(json_object_get(found, "function"), name))
            return true;
    }
    return false;
}

/* Whether every name of the truth's frame has that value in the dump's, which has more. */
static bool frame_is(const json_t *found, json_t *truth)
{
    const char *name;
    json_t *value;
    json_object_foreach(truth, name, value)
    {
        if (!strcmp(name, "qualnames") || json_equal(json_object_get(found, name), value))
            continue;
        if (strcmp(name, "function") || !is_a_qualname(found, truth))
            return false;
    }
    return found != NULL;
}

static void complain(size_t *complaints, const char *what, const json_t *found, const json_t *truth)
{
    if ((*complaints)++ >= COMPLAINTS_MAX)
        return;
    char *found_text = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY);
    char *truth_text = json_dumps(truth, JSON_COMPACT | JSON_ENCODE_ANY);
    cr_log_error("%s\n  found %.1000s\n  truth %.1000s", what, found_text ? found_text : "nothing",
                 truth_text ? truth_text : "nothing");
    free(found_text);
    free(truth_text);
}

static void compare_thread(const json_t *found, const json_t *truth, size_t *complaints)
{
    const json_t *frames = json_object_get(found, "frames");
    const json_t *true_frames = json_object_get(truth, "frames");
    if (!json_is_null(json_object_get(found, "refused"))) {
        complain(complaints, "refused", json_object_get(found, "refused"),
                 json_array_get(true_frames, 0));
        return;
    }
    if (json_array_size(frames) != json_array_size(true_frames)) {
        char what[64];
        snprintf(what, sizeof what, "%zu frames for %zu", json_array_size(frames),
                 json_array_size(true_frames));
        complain(complaints, what, json_array_get(frames, 0), json_array_get(true_frames, 0));
    }
    for (size_t i = 0; i < json_array_size(frames) && i < json_array_size(true_frames); i++) {
        if (!frame_is(json_array_get(frames, i), json_array_get(true_frames, i))) {
            complain(complaints, "another frame", json_array_get(frames, i),
                     json_array_get(true_frames, i));
            return; /* what is below it is likely to be shifted */
        }
    }
}

size_t stacks_differences(const struct stacks *stacks, const json_t *dump)
{
    json_t *threads = json_object_get(dump, "threads"), *truth;
    size_t complaints = 0, i;
    if (json_array_size(threads) != json_array_size(stacks->truth)) {
        char what[64];
        snprintf(what, sizeof what, "%zu threads for %zu", json_array_size(threads),
                 json_array_size(stacks->truth));
        complain(&complaints, what, NULL, NULL);
    }
    json_array_foreach(stacks->truth, i, truth)
    {
        const json_t *found = find_thread(threads, truth);
        if (found)
            compare_thread(found, truth, &complaints);
        else
            complain(&complaints, "no such thread", NULL, truth);
    }
    return complaints;
}
