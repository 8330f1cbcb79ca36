/* What people say of profilers, and must never say of this one: a test a complaint. */
#include "base/clock.h"
#include "profile/profile.h"
#include "support/children.h"
#include "support/programs.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

static struct criterion_test_params all_pythons(void)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

/* Starts a script of tests/targets, waits until it is ready. */
static void start(struct target *target, const struct python *python, const char *script,
                  const char *argument)
{
    const char *const arguments[] = {argument, NULL};
    char line[16];
    target_start(target, python, NULL, script, arguments);
    cr_assert(fgets(line, sizeof line, target->out), "%s did not start", python->command);
}

static struct hop_target *attach(pid_t pid, const char *offsets_path)
{
    struct hop_attach_options options = {.offsets_path = offsets_path};
    struct hop_target *target;
    struct hop_error err;
    cr_assert_eq(hop_attach(pid, &options, &target, &err), HOP_OK, "%s", err.message);
    return target;
}

static struct hop_profile *sample(struct hop_target *target, double rate_hz, uint64_t duration_ns,
                                  enum hop_mode mode)
{
    struct hop_sample_options options = {
        .rate_hz = rate_hz, .duration_ns = duration_ns, .mode = mode};
    struct hop_profile *profile;
    struct hop_error err;
    enum hop_status status = hop_sample(target, &options, &profile, &err);
    cr_assert(status == HOP_OK || status == HOP_ERR_NOTHING, "%s", err.message);
    return profile;
}

/* --- "it will not attach and does not say why" -------------------------------------------------
 */

static void assert_says_why(pid_t pid)
{
    struct hop_target *target;
    struct hop_error err = {0};
    char number[16];
    snprintf(number, sizeof number, "%d", (int)pid);
    cr_assert_neq(hop_attach(pid, NULL, &target, &err), HOP_OK);
    assert_says(err.message, number);
    cr_assert_str_not_empty(err.remedy, "what to do? %s", err.message);
}

/* Each of the causes has its own words in test_bad_input, test_find_refuse and test_process. */
Test(complaints, it_will_not_attach_and_does_not_say_why, .timeout = 240)
{
    int idle = child_start(child_idle, NULL);
    int cat = child_start_cat("/bin/cat", NULL, NULL, NULL);
    assert_says_why(0);
    assert_says_why(-7);
    assert_says_why(4194304);
    assert_says_why(idle);
    assert_says_why(cat);
    child_end(cat);
    if (become_nobody())
        assert_says_why(idle);
}

/* --- "it lags behind new CPython releases" -----------------------------------------------------
 */

ParameterizedTestParameters(complaints, a_version_is_one_data_file)
{
    return all_pythons();
}

ParameterizedTest(struct python *python, complaints, a_version_is_one_data_file, .timeout = 240)
{
    struct folder folder;
    struct target target;
    struct run run;
    char path[100], other[100];
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/mine", folder.path);
    snprintf(other, sizeof other, "%s/offsets/3.%d.txt", HOP_TEST_ROOT,
             python->minor == 8 ? 9 : python->minor - 1);
    run_command("cp '%s/offsets/3.%d.txt' '%s'", HOP_TEST_ROOT, python->minor, path);
    start(&target, python, "spin.py", NULL);
    run_heavyops(&run, NULL, "attach", "-i", "all", "-d", "0.3", "--offsets", path,
                 pid_word(target.pid), NULL);
    assert_reports(&run, " spin ");
    run_heavyops(&run, NULL, "attach", "--offsets", other, pid_word(target.pid), NULL);
    assert_refuses(&run, 4, "has the data of CPython", "or leave --offsets out");
    run_heavyops(&run, NULL, "attach", "--offsets", "/nowhere", pid_word(target.pid), NULL);
    assert_refuses(&run, 1, "/nowhere", "Check the name given with --offsets");
    target_kill(&target);
    folder_remove(&folder);
}

/* Writes the version number 3.16.0 wherever the file has `hex`; false: it has none. */
static bool make_younger(const char *path, uint32_t hex)
{
    static const uint32_t FUTURE = 0x031000f0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat status;
    bool is_found = false;
    cr_assert(fd >= 0 && fstat(fd, &status) == 0);
    uint32_t *words = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(words, MAP_FAILED);
    for (size_t i = 0; i < (size_t)status.st_size / sizeof *words; i++) {
        if (words[i] != hex)
            continue;
        words[i] = FUTURE;
        is_found = true;
    }
    munmap(words, (size_t)status.st_size);
    close(fd);
    return is_found;
}

/* A CPython of the future: this one, whose libpython says that it is 3.16. It is refused with words
 * that say what to do, and that is enough. */
Test(complaints, a_version_of_the_future_is_one_data_file, .timeout = 240)
{
    static struct python pythons[PYTHONS_MAX];
    static struct run run;
    struct folder folder;
    struct target target;
    struct python *python = NULL;
    char library[300], path[200], offsets[100], environment[100], line[16];
    size_t count = pythons_find(pythons, PYTHONS_MAX, 13);
    folder_make(&folder);
    for (size_t i = 0; i < count && !python; i++) {
        if (!shared_libpython(&pythons[i], library, sizeof library))
            continue;
        run_command("cp '%s' '%s'", library, folder.path);
        snprintf(path, sizeof path, "%s%s", folder.path, strrchr(library, '/'));
        uint32_t hex =
            0x030000f0 | (uint32_t)pythons[i].minor << 16 | (uint32_t)pythons[i].micro << 8;
        python = make_younger(path, hex) ? &pythons[i] : NULL;
    }
    if (!python) {
        folder_remove(&folder);
        cr_skip_test("no CPython from 3.13 on with a libpython of its own is here");
    }
    snprintf(offsets, sizeof offsets, "%s/3.16.txt", folder.path);
    /* What it says of patch releases is of those of 3.13. */
    run_command("sed 's/^python .*/python 3.16/; / from 3\\./d; s/ before 3\\..*//' "
                "'%s/offsets/3.%d.txt' >'%s'",
                HOP_TEST_ROOT, python->minor, offsets);
    snprintf(environment, sizeof environment, "LD_LIBRARY_PATH=%s", folder.path);
    const char *const no_words[] = {NULL};
    target_start(&target, python, environment, "spin.py", no_words);
    cr_assert(fgets(line, sizeof line, target.out));
    run_heavyops(&run, NULL, "attach", pid_word(target.pid), NULL);
    assert_refuses(&run, 4, "runs CPython 3.16.0", "or give that version's data with --offsets");
    run_heavyops(&run, NULL, "attach", "-i", "all", "-d", "0.3", "--offsets", offsets,
                 pid_word(target.pid), NULL);
    assert_reports(&run, "Python 3.16.0");
    assert_says(run.out, " spin ");
    target_kill(&target);
    folder_remove(&folder);
}

/* --- "it cannot keep up and piles up delay", "it loses samples without a word" ------------------
 */

/* Every instant that was asked for was looked at or is counted as missed, and what was looked at,
 * of a process with one busy thread, gave a sample, or is counted with the reason why not. */
static void assert_nothing_is_lost(const struct hop_profile *profile, uint64_t asked,
                                   uint64_t thread_count)
{
    cr_assert_eq(profile->ending, HOP_ENDED_DURATION);
    cr_assert_eq(profile->ticks + profile->missed, asked);
    uint64_t seen = profile->samples + profile->idle + profile->refused_total;
    uint64_t wanted = profile->ticks * thread_count;
    /* Interrupts, whose periods are drawn, may find it a little more often. */
    uint64_t more = strstr(profile->way, "interrupts") ? wanted / 8 + 4 : 0;
    cr_assert(seen >= wanted && seen <= wanted + more, "%d of %d", (int)seen, (int)wanted);
    uint64_t refused = 0, self = 0;
    for (size_t i = 0; i < profile->refused_count; i++) {
        refused += profile->refused[i].count;
        cr_assert_str_not_empty(profile->refused[i].words);
    }
    for (size_t i = 0; i < profile->instruction_count; i++)
        self += profile->instructions[i].self;
    cr_assert_eq(refused, profile->refused_total);
    cr_assert_eq(self, profile->samples);
}

ParameterizedTestParameters(complaints, it_loses_samples_without_a_word)
{
    return all_pythons();
}

ParameterizedTest(struct python *python, complaints, it_loses_samples_without_a_word,
                  .timeout = 240)
{
    static const uint64_t rates_hz[] = {100, 1000, 20000};
    static const enum hop_mode modes[] = {HOP_MODE_CPU, HOP_MODE_WALL, HOP_MODE_GIL};
    struct target target;
    start(&target, python, "spin.py", NULL);
    struct hop_target *attached = attach(target.pid, NULL);
    for (size_t i = 0; i < 3; i++) {
        struct hop_profile *profile = sample(attached, (double)rates_hz[i], NS_PER_S / 2, modes[i]);
        assert_nothing_is_lost(profile, rates_hz[i] / 2, 1);
        hop_profile_destroy(profile);
    }
    hop_detach(attached);
    target_kill(&target);
}

static uint64_t self_of(const struct hop_profile *profile, const char *function)
{
    uint64_t self = 0;
    for (size_t i = 0; i < profile->instruction_count; i++)
        if (strcmp(profile->instructions[i].function, function) == 0)
            self += profile->instructions[i].self;
    return self;
}

ParameterizedTestParameters(complaints, it_cannot_keep_up)
{
    return all_pythons();
}

/* Far more often than it can, of a stack that takes long to read: it looks as often as it may, ends
 * when it should (no delay has piled up: all instants are accounted for), and the shares are true.
 */
ParameterizedTest(struct python *python, complaints, it_cannot_keep_up, .timeout = 240)
{
    struct target target;
    start(&target, python, "deep.py", "1000");
    struct hop_target *attached = attach(target.pid, NULL);
    uint64_t heavy = 0, light = 0;
    for (int round = 0; round < 30 && heavy + light < 3000; round++) {
        struct hop_profile *profile = sample(attached, HOP_RATE_MAX_HZ, NS_PER_S / 2, HOP_MODE_CPU);
        cr_assert_gt(profile->missed, 0);
        assert_nothing_is_lost(profile, HOP_RATE_MAX_HZ / 2,
                               2); /* the main thread waits for the other */
        heavy += self_of(profile, "heavy");
        light += self_of(profile, "light");
        hop_profile_destroy(profile);
    }
    hop_detach(attached);
    target_kill(&target);
    double share = (double)heavy / (double)(heavy + light);
    cr_assert(heavy + light >= 3000, "only %d samples", (int)(heavy + light));
    /* One in 120 is the error to be expected; from run to run the two differ by two in 100. */
    cr_assert(share > 0.69 && share < 0.81, "%s: %g instead of 0.75", python->version, share);
}

/* --- "it left my process stopped" --------------------------------------------------------------
 */

static unsigned long long number_of(pid_t pid, const char *key)
{
    char path[64], line[256];
    unsigned long long number = 0;
    size_t length = strlen(key);
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, length) == 0)
            number = strtoull(line + length, NULL, 10);
    fclose(file);
    return number;
}

static char state_of(pid_t pid)
{
    char path[32], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    cr_assert(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
    fclose(file);
    return state;
}

/* The program counts in a file that it has mapped: what it has done can be seen. */
static uint64_t counted(const char *path)
{
    uint64_t count = 0;
    FILE *file = fopen(path, "re");
    cr_assert(file && fread(&count, sizeof count, 1, file) == 1);
    fclose(file);
    return count;
}

Test(complaints, it_left_my_process_stopped, .timeout = 240)
{
    static const char text[] = "import mmap, struct, sys\n"
                               "with open(sys.argv[1], 'r+b') as file:\n"
                               "  memory = mmap.mmap(file.fileno(), 8)\n"
                               "print('ready', flush=True)\n"
                               "n = 0\n"
                               "while True:\n"
                               "  n += 1\n"
                               "  struct.pack_into('Q', memory, 0, n)\n";
    struct folder folder;
    struct python python;
    struct target target;
    static struct run run;
    char path[100];
    cpu_set_t before, after;
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/count", folder.path);
    run_command("printf '\\0\\0\\0\\0\\0\\0\\0\\0' >'%s'", path);
    python_choose(&python, 8);
    char *const words[] = {python.command, "-c", (char *)text, path, NULL};
    program_start(&target, words, NULL);
    program_says(&target, "ready", NULL, NULL);
    sched_getaffinity(target.pid, sizeof before, &before);
    srand(20);
    for (int i = 0; i < 50; i++) {
        const char *const heavyops[] = {HOP_TEST_COMMAND,     "attach", "-r", "20k",
                                        pid_word(target.pid), NULL};
        run_start(&run, NULL, heavyops);
        hop_sleep_until_ns(hop_now_ns() + (uint64_t)(rand() % 60000) * 1000);
        kill(run.pid, SIGKILL);
        run_wait(&run);
        uint64_t count = counted(path), deadline_ns = hop_now_ns() + 30 * NS_PER_S;
        while (counted(path) == count)
            cr_assert_lt(hop_now_ns(), deadline_ns, "it does not go on: %c", state_of(target.pid));
        cr_assert_eq(state_of(target.pid), 'R');
        cr_assert_eq(number_of(target.pid, "TracerPid:"), 0);
    }
    /* Nor is it where, or how, it runs. */
    sched_getaffinity(target.pid, sizeof after, &after);
    cr_assert(CPU_EQUAL(&before, &after));
    cr_assert_eq(sched_getscheduler(target.pid), SCHED_OTHER);
    cr_assert_eq(getpriority(PRIO_PROCESS, (id_t)target.pid), getpriority(PRIO_PROCESS, 0));
    target_kill(&target);
    folder_remove(&folder);
}

/* scripts/check-symbols sees that nothing is called that writes to another process; what is left is
 * its memory, opened as a file: for reading. */
Test(complaints, it_writes_to_my_process, .timeout = 240)
{
    struct python python;
    struct target target;
    static struct run run;
    char path[64], line[100];
    python_choose(&python, 8);
    start(&target, &python, "spin.py", NULL);
    const char *const words[] = {HOP_TEST_COMMAND, "attach", pid_word(target.pid), NULL};
    run_start(&run, NULL, words);
    await_sampling(run.pid, target.pid);
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)run.pid,
             memory_descriptor(run.pid, target.pid));
    FILE *file = fopen(path, "re");
    unsigned flags = O_RDWR;
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file))
        sscanf(line, "flags: %o", &flags);
    fclose(file);
    cr_assert_eq(flags & O_ACCMODE, O_RDONLY);
    kill(run.pid, SIGINT);
    run_wait(&run);
    target_kill(&target);
}

/* A system call that waits returns early when its thread is stopped: write() to a full pipe with a
 * part written. CPython's print() without buffers (-u, PYTHONUNBUFFERED) forgets the rest, as this
 * program does. That is what a profiler does to a log that stops the program; ours, unless asked
 * to, does not. */
Test(complaints, it_cut_my_output, .timeout = 240)
{
    enum { LINE_LENGTH = 300000, LINES = 40 };
    static const char text[] = "import os\n"
                               "print('ready')\n"
                               "while True:\n"
                               "  os.write(1, b'x' * 300000 + b'\\n')\n";
    static const char *const ways[] = {"cpu", "live"};
    struct python python;
    struct target target;
    static struct run run;
    char *line = NULL;
    size_t size = 0;
    python_choose(&python, 8);
    char *const words[] = {python.command, "-u", "-c", (char *)text, NULL};
    program_start(&target, words, NULL);
    program_says(&target, "ready", NULL, NULL);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const char *const heavyops[] = {
            HOP_TEST_COMMAND,     "attach", "--read", ways[i], "-r", "5k", "--mode", "wall",
            pid_word(target.pid), NULL};
        run_start(&run, NULL, heavyops);
        await_sampling(run.pid, target.pid);
        for (int j = 0; j < LINES; j++) {
            hop_sleep_until_ns(hop_now_ns() + NS_PER_S / 200);
            cr_assert_eq(getline(&line, &size, target.out), LINE_LENGTH + 1, "--read %s", ways[i]);
        }
        kill(run.pid, SIGINT);
        run_wait(&run);
        cr_assert_eq(run.code, 0, "%s", run.err);
    }
    free(line);
    target_kill(&target);
}

/* --- "the profile contains stacks that cannot exist" --------------------------------------------
 */

/* A function and all that ever call it. NULL: no one. */
static const struct {
    const char *function, *callers[2];
} calls[] = {
    {"leaf_a", {"hot_a"}},      {"leaf_b", {"hot_b"}}, {"gen_a", {"hot_a"}},   {"gen_b", {"hot_b"}},
    {"key_a", {"hot_a"}},       {"key_b", {"hot_b"}},  {"hot_a", {"main"}},    {"hot_b", {"main"}},
    {"ping", {"main", "pong"}}, {"pong", {"ping"}},    {"main", {"<module>"}}, {"<module>", {NULL}},
};

static const char *function_of(const struct hop_profile *profile, uint32_t node)
{
    return profile->instructions[profile->nodes[node].instruction].function;
}

/* Whether the frame of this node may stand on that of its parent. */
static bool is_possible(const struct hop_profile *profile, uint32_t node)
{
    uint32_t parent = profile->nodes[node].parent;
    bool is_bottom = profile->nodes[parent].parent == parent; /* a thread */
    const char *function = function_of(profile, node);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(calls[i].function, function) != 0)
            continue;
        if (is_bottom || !calls[i].callers[0])
            return is_bottom && !calls[i].callers[0];
        for (size_t j = 0; j < 2 && calls[i].callers[j]; j++)
            if (strcmp(calls[i].callers[j], function_of(profile, parent)) == 0)
                return true;
        return false;
    }
    return false;
}

ParameterizedTestParameters(complaints, the_profile_has_stacks_that_cannot_exist)
{
    return all_pythons();
}

ParameterizedTest(struct python *python, complaints, the_profile_has_stacks_that_cannot_exist,
                  .timeout = 300)
{
    struct target target;
    uint64_t samples = 0;
    bool is_seen[sizeof calls / sizeof *calls] = {false};
    start(&target, python, "pairs.py", NULL);
    struct hop_target *attached = attach(target.pid, NULL);
    for (int round = 0; round < 100 && samples < 20000; round++) {
        struct hop_profile *profile =
            sample(attached, 20000, NS_PER_S, round % 2 ? HOP_MODE_WALL : HOP_MODE_CPU);
        samples += profile->samples;
        for (uint32_t i = 0; i < profile->node_count; i++) {
            if (profile->nodes[i].parent == i)
                continue;
            cr_assert(is_possible(profile, i), "%s: %s called by %s", python->version,
                      function_of(profile, i), function_of(profile, profile->nodes[i].parent));
            for (size_t j = 0; j < sizeof calls / sizeof *calls; j++)
                is_seen[j] |= strcmp(calls[j].function, function_of(profile, i)) == 0;
        }
        hop_profile_destroy(profile);
    }
    hop_detach(attached);
    target_kill(&target);
    cr_assert(samples >= 20000, "only %d samples", (int)samples);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        cr_assert(is_seen[i], "%s: never saw %s", python->version, calls[i].function);
}

/* --- "it swallowed my program's exit status" ----------------------------------------------------
 */

/* All there are; of Pythons: test_record. */
Test(complaints, it_swallowed_my_programs_exit_status, .timeout = 240)
{
    static struct run run;
    char text[64];
    for (int code = 0; code < 256; code++) {
        snprintf(text, sizeof text, "exit %d", code);
        run_heavyops(&run, NULL, "record", "-q", "--", "sh", "-c", text, NULL);
        cr_assert_eq(run.code, code, "%d became %d", code, run.code);
    }
    for (int number = 1; number < 32; number++) {
        if (number == SIGCHLD || number == SIGCONT || number == SIGURG || number == SIGWINCH ||
            number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
            continue; /* which end no program */
        snprintf(text, sizeof text, "ulimit -c 0; kill -%d $$", number);
        run_heavyops(&run, NULL, "record", "-q", "--", "sh", "-c", text, NULL);
        cr_assert_eq(run.code, 128 + number, "signal %d became %d", number, run.code);
    }
}
