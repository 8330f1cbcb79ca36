/* The finder on the interpreters of this machine: at rest, busy, starting, in other namespaces.
 * What it finds is what the interpreter itself says. */
#include "support/programs.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

static struct criterion_test_params all_pythons(void)
{
    struct python found[PYTHONS_MAX];
    size_t count = pythons_find(found, PYTHONS_MAX, 8);
    struct python *pythons = cr_malloc((count + 1) * sizeof *pythons);
    memcpy(pythons, found, count * sizeof *pythons);
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

/* What was found is a CPython of that version. */
static void assert_found(const struct finding *finding, const struct python *python)
{
    const struct hop_python *found = &finding->python;
    cr_assert_eq(finding->status, HOP_OK, "%s: %s", python->version, finding->err.message);
    cr_assert_str_eq(found->version, python->version);
    cr_assert_eq(found->major, python->major);
    cr_assert_eq(found->minor, python->minor);
    cr_assert_eq(found->micro, python->micro);
    cr_assert_eq(found->layout.minor, python->minor);
    cr_assert_eq(found->has_debug_offsets, python->minor >= 13);
    cr_assert(strstr(found->image_path, "python"), "%s", found->image_path);
    cr_assert_str_eq(found->found_by, "symbol");
}

/* Where process `pid`, which runs wait.py, has its CPython. */
static void assert_found_waiting(struct target *target, pid_t pid, const struct python *python)
{
    uint64_t runtime_addr, code_type_addr;
    program_says(target, "ready", &runtime_addr, &code_type_addr);
    if (pid == 0)
        pid = only_child_of(target->pid);
    struct finding *finding = finding_create(pid, NULL);
    assert_found(finding, python);
    if (runtime_addr)
        cr_assert_eq(finding->python.runtime_addr, runtime_addr);
    cr_assert_eq(finding->python.code_type_addr, code_type_addr);
    cr_assert(!finding->python.image_is_deleted);
    cr_assert(hop_python_is_started(&finding->reader.base, &finding->python));
    finding_destroy(finding);
}

ParameterizedTestParameters(find, an_interpreter)
{
    return all_pythons();
}

ParameterizedTest(struct python *python, find, an_interpreter, .timeout = 240)
{
    struct target target;
    target_start(&target, python, NULL, "wait.py", (const char *const[]){NULL});
    assert_found_waiting(&target, target.pid, python);
    target_end(&target);
}

ParameterizedTestParameters(find, an_interpreter_in_namespaces_of_its_own)
{
    return all_pythons();
}

ParameterizedTest(struct python *python, find, an_interpreter_in_namespaces_of_its_own,
                  .timeout = 240)
{
    struct target target;
    struct python inside = *python;
    if (system("unshare -mpf true 2>/dev/null") != 0)
        cr_skip_test("this user or container may not make namespaces");
    cr_assert_lt(
        (size_t)snprintf(inside.command, sizeof inside.command, "unshare -mpf %s", python->command),
        sizeof inside.command);
    target_start(&target, &inside, NULL, "wait.py", (const char *const[]){NULL});
    assert_found_waiting(&target, 0, python);
    target_end(&target);
}

/* Threads come and go, calls too: no single look has to succeed, but every search has to. */
ParameterizedTestParameters(find, a_busy_interpreter)
{
    return all_pythons();
}

ParameterizedTest(struct python *python, find, a_busy_interpreter, .timeout = 240)
{
    struct target target;
    target_start(&target, python, NULL, "restless.py", (const char *const[]){NULL});
    program_says(&target, "ready", NULL, NULL);
    for (int i = 0; i < 100; i++) {
        struct finding *finding = finding_create(target.pid, NULL);
        assert_found(finding, python);
        cr_assert(hop_python_is_started(&finding->reader.base, &finding->python));
        finding_destroy(finding);
    }
    kill(target.pid, SIGKILL);
    target_end(&target);
}

/* Runs the command with `arguments` up to its exec, traced by us. */
static pid_t start_traced(const struct python *python)
{
    char command[sizeof python->command];
    char *words[PYTHON_WORDS_MAX + 4];
    size_t count = 0;
    memcpy(command, python->command, sizeof command);
    for (char *rest = command, *word; count < PYTHON_WORDS_MAX && (word = strsep(&rest, " "));)
        words[count++] = word;
    words[count++] = "-S"; /* a shorter start, which is looked at all the time */
    words[count++] = "-c";
    words[count++] = "import sys";
    words[count] = NULL;
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
            execvp(words[0], words);
        _exit(127);
    }
    return pid;
}

/* From exec to exit, stopped at its system calls: at no moment may the search say anything but that
 * there is no CPython yet, or the right one. */
ParameterizedTestParameters(find, an_interpreter_that_starts)
{
    return all_pythons();
}

ParameterizedTest(struct python *python, find, an_interpreter_that_starts, .timeout = 240)
{
    enum { STOPS_ALL_LOOKED_AT = 400, STOPS_BETWEEN_LOOKS = 5 };
    pid_t pid = start_traced(python);
    int absent = 0, unstarted = 0, started = 0, wait_status;
    cr_assert_eq(waitpid(pid, &wait_status, 0), pid);
    cr_assert(WIFSTOPPED(wait_status) && WSTOPSIG(wait_status) == SIGTRAP);
    cr_assert_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXEC), 0);
    for (int stop = 0; WIFSTOPPED(wait_status); stop++) {
        if (wait_status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
            stop = 0; /* what went before was chroot */
        if (stop < STOPS_ALL_LOOKED_AT || stop % STOPS_BETWEEN_LOOKS == 0) {
            struct finding *finding = finding_create(pid, NULL);
            if (finding->status == HOP_ERR_NOT_PYTHON) {
                absent++;
                cr_assert_eq(started, 0, "at stop %d: %s", stop, finding->err.message);
            } else {
                assert_found(finding, python);
                bool is_started = hop_python_is_started(&finding->reader.base, &finding->python);
                enum hop_status status =
                    hop_python_validate(&finding->reader.base, &finding->python, &finding->err);
                cr_assert_eq(status, is_started ? HOP_OK : HOP_ERR_NOT_PYTHON, "%s",
                             finding->err.message);
                *(is_started ? &started : &unstarted) += 1;
            }
            finding_destroy(finding);
        }
        cr_assert_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
        cr_assert_eq(waitpid(pid, &wait_status, 0), pid);
    }
    cr_assert(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
    cr_assert_gt(unstarted, 0);
    cr_assert_gt(started, 0);
    if (strcmp(python->kind, "pyenv") == 0)
        cr_assert_gt(absent, 0); /* the dynamic linker has not loaded libpython yet */
}

/* Another CPython is in the process, loaded but never started. */
Test(find, the_started_one_of_two, .timeout = 240)
{
    struct python pythons[PYTHONS_MAX];
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    int tried = 0;
    for (size_t i = 0; i < count; i++) {
        char other[512];
        struct target target;
        const struct python *python = &pythons[i];
        if (strcmp(python->kind, "suite") == 0 ||
            !shared_libpython(&pythons[(i + 1) % count], other, sizeof other))
            continue;
        target_start(&target, python, NULL, "wait.py", (const char *const[]){other, NULL});
        assert_found_waiting(&target, target.pid, python);
        target_end(&target);
        tried++;
    }
    if (tried == 0)
        cr_skip_test("no interpreter here has a shared libpython");
}

Test(find, an_interpreter_replaced_on_disk, .timeout = 240)
{
    struct python pythons[PYTHONS_MAX];
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    struct folder folder;
    folder_make(&folder);
    for (size_t i = 0; i < count; i++) {
        struct python copy = pythons[i];
        char shared[512], environment[600];
        struct target target;
        uint64_t runtime_addr;
        if (strcmp(copy.kind, "suite") == 0)
            continue;
        run_command("cp '%s' '%s/python'", copy.command, folder.path);
        if (shared_libpython(&copy, shared, sizeof shared))
            run_command("cp '%s' '%s'", shared, folder.path);
        snprintf(environment, sizeof environment, "LD_LIBRARY_PATH=%s", folder.path);
        snprintf(copy.command, sizeof copy.command, "%s/python", folder.path);
        char script[] = HOP_TEST_ROOT "/tests/targets/wait.py";
        setenv("PYTHONHOME", python_home(&pythons[i]), 1);
        program_start(&target, (char *[]){copy.command, script, NULL}, environment);
        unsetenv("PYTHONHOME");
        program_says(&target, "ready", &runtime_addr, NULL);
        /* Deleted, and another file in its place. */
        run_command("cd '%s' && rm * && cp /bin/true python", folder.path);
        struct finding *finding = finding_create(target.pid, NULL);
        assert_found(finding, &pythons[i]);
        cr_assert_eq(finding->python.runtime_addr, runtime_addr);
        cr_assert(finding->python.image_is_deleted);
        cr_assert_eq(strncmp(finding->python.image_path, folder.path, strlen(folder.path)), 0);
        cr_assert(!strstr(finding->python.image_path, "deleted"));
        finding_destroy(finding);
        target_end(&target);
    }
    folder_remove(&folder);
}
