/* Processes that cannot be attached, and those that go away while they are sampled: what the
 * command says of them, with which exit code, and that nothing seen is lost. */
#include "heavyops.h"
#include "support/children.h"
#include "support/programs.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_ATTACH = 3, UNSUPPORTED = 4, NOTHING = 5 };

static struct run run;
static const char *const no_words[] = {NULL};

/* All commands that take a pid agree on why. */
static void assert_refused_by_all(pid_t pid, int code, const char *message, const char *remedy)
{
    run_heavyops(&run, NULL, "attach", "-d", "1", pid_word(pid), NULL);
    assert_refuses(&run, code, message, remedy);
    run_heavyops(&run, NULL, "dump", pid_word(pid), NULL);
    assert_refuses(&run, code, message, remedy);
    run_heavyops(&run, NULL, "info", pid_word(pid), NULL);
    cr_assert_eq(run.code, code);
    cr_assert_str_empty(run.err, "said twice: %s", run.err);
    assert_says(run.out, "can be attached");
    assert_says(run.out, message);
    assert_says(run.out, remedy);
}

/* --- what is no target ------------------------------------------------------------------------ */

Test(bad_input, there_is_no_such_process, .timeout = 240)
{
    assert_refused_by_all(4194304, CANNOT_ATTACH, "there is no process 4194304", "ps -e");
}

Test(bad_input, a_zombie, .timeout = 240)
{
    siginfo_t info;
    char message[64];
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    snprintf(message, sizeof message, "process %d", (int)child);
    assert_refused_by_all(child, CANNOT_ATTACH, message, "nothing left to look at");
    assert_refused_by_all(child, CANNOT_ATTACH, "has not yet fetched its exit status (a zombie)",
                          "");
    waitpid(child, NULL, 0);
}

Test(bad_input, a_program_that_is_no_python, .timeout = 240)
{
    int pid = child_start_cat("/bin/cat", NULL, NULL, NULL);
    assert_refused_by_all(pid, CANNOT_ATTACH, "has no CPython in it", "it may be a child");
    child_end(pid);
}

/* 2.7, 3.6, 3.7: as scripts/find-pythons lists them. */
Test(bad_input, versions_that_are_too_old, .timeout = 240)
{
    FILE *lines = popen("'" HOP_TEST_ROOT "/scripts/find-pythons'", "re");
    char line[512], version[16], command[400], message[64];
    int count = 0;
    cr_assert_not_null(lines);
    while (fgets(line, sizeof line, lines)) {
        cr_assert_eq(sscanf(line, "%15[^\t]\t%*[^\t]\t%399[^\n]", version, command), 2);
        if (strncmp(version, "2.7", 3) && strncmp(version, "3.6", 3) && strncmp(version, "3.7", 3))
            continue;
        struct target target;
        char *const words[] = {
            command, "-c", "import sys; print('ready'); sys.stdout.flush(); sys.stdin.readline()",
            NULL};
        program_start(&target, words, NULL);
        program_says(&target, "ready", NULL, NULL);
        snprintf(message, sizeof message, "runs CPython %s (", version);
        assert_refused_by_all(target.pid, UNSUPPORTED, message, "Run the program with one of");
        assert_says(run.out, hop_supported_pythons());
        target_end(&target);
        count++;
    }
    pclose(lines);
    if (count == 0)
        cr_skip_test("there is no CPython 2.7, 3.6 or 3.7 here");
}

Test(bad_input, a_version_that_is_too_new, .timeout = 240)
{
    struct folder folder;
    struct target target;
    char program[100];
    folder_make(&folder);
    snprintf(program, sizeof program, "%s/python3", folder.path);
    run_command("cc -DVERSION=0x031000f0 -o '%s' '%s/tests/targets/stand_in.c'", program,
                HOP_TEST_ROOT);
    char *const words[] = {program, NULL};
    program_start(&target, words, NULL);
    program_says(&target, "ready", NULL, NULL);
    assert_refused_by_all(target.pid, UNSUPPORTED, "runs CPython 3.16.0", "Use a newer heavyops");
    assert_refused_by_all(target.pid, UNSUPPORTED, "it reads 3.8", "--offsets FILE");
    target_end(&target);
    folder_remove(&folder);
}

/* ELF header, one program header, and: write "ready\n" to 1; pause again and again. */
Test(bad_input, a_32_bit_program, .timeout = 240)
{
#ifndef __x86_64__
    cr_skip_test("the program is one for x86");
#endif
    static const char bytes[] =
        "\177ELF\1\1\1\0\0\0\0\0\0\0\0\0"              /* e_ident */
        "\2\0\3\0\1\0\0\0\x54\x80\4\10\x34\0\0\0"      /* EXEC, 386; entry, e_phoff */
        "\0\0\0\0\0\0\0\0\x34\0\x20\0\1\0\0\0\0\0\0\0" /* sizes; no sections */
        "\1\0\0\0\0\0\0\0\0\x80\4\10\0\x80\4\10"       /* LOAD, where */
        "\x76\0\0\0\x76\0\0\0\5\0\0\0\0\x10\0\0"       /* all of it, r-x */
        "\x6a\4\x58\x6a\1\x5b"                         /* eax = write, ebx = 1 */
        "\xb9\x70\x80\4\10\x6a\6\x5a\xcd\x80"          /* ecx = text, edx = 6; call */
        "\x6a\35\x58\xcd\x80\xeb\xf9"                  /* pause; again */
        "\x90\x90\x90\x90\x90ready\n";
    struct folder folder;
    struct target target;
    char program[100], line[16];
    folder_make(&folder);
    snprintf(program, sizeof program, "%s/program", folder.path);
    int fd = open(program, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    cr_assert_eq(write(fd, bytes, sizeof bytes - 1), (ssize_t)sizeof bytes - 1);
    close(fd);
    char *const words[] = {program, NULL};
    program_start(&target, words, NULL);
    bool is_running = fgets(line, sizeof line, target.out);
    if (is_running) {
        cr_assert_str_eq(line, "ready\n");
        assert_refused_by_all(target.pid, UNSUPPORTED, "is a 32-bit program", "64-bit Python");
    }
    target_kill(&target);
    folder_remove(&folder);
    if (!is_running)
        cr_skip_test("this kernel runs no 32-bit programs");
}

/* As nobody, of a process that is root's; from a copy, for our folders may not be nobody's. */
Test(bad_input, a_process_of_another_user, .timeout = 240)
{
    if (geteuid() != 0)
        cr_skip_test("only root can be two users");
    struct python python;
    struct target target;
    char folder[64], command[100];
    make_directory(folder, sizeof folder);
    snprintf(command, sizeof command, "%s/heavyops", folder);
    copy_file(HOP_TEST_COMMAND, command);
    python_choose(&python, 8);
    spin_start(&target, &python, no_words);
    const char *const words[] = {"setpriv", "--reuid=65534", "--regid=65534",      "--clear-groups",
                                 command,   "attach",        pid_word(target.pid), NULL};
    run_start(&run, NULL, words);
    run_wait(&run);
    assert_refuses(&run, CANNOT_ATTACH,
                   "it belongs to another user (uid 0; we are uid 65534 without CAP_SYS_PTRACE)",
                   "run it as root: sudo heavyops");
    target_kill(&target);
    run_command("rm -r %s", folder);
}

/* --- stopped and traced ----------------------------------------------------------------------- */

Test(bad_input, a_stopped_process_is_only_dumped, .timeout = 240)
{
    struct python python;
    struct target target;
    int status;
    python_choose(&python, 8);
    spin_start(&target, &python, no_words);
    kill(target.pid, SIGSTOP);
    cr_assert_eq(waitpid(target.pid, &status, WUNTRACED), target.pid);
    run_heavyops(&run, NULL, "attach", pid_word(target.pid), NULL);
    assert_refuses(&run, CANNOT_ATTACH, "is stopped", "kill -CONT");
    run_heavyops(&run, NULL, "dump", pid_word(target.pid), NULL);
    cr_assert_eq(run.code, 0, "%s", run.err);
    assert_says(run.out, "stopped");
    assert_says(run.out, "(<string>:");
    run_heavyops(&run, NULL, "info", pid_word(target.pid), NULL);
    cr_assert_eq(run.code, 0, "%s", run.err);
    assert_says(run.out, "stopped");
    kill(target.pid, SIGCONT);
    run_heavyops(&run, NULL, "attach", "-d", "0.3", "-i", "all", pid_word(target.pid), NULL);
    assert_reports(&run, " spin ");
    target_kill(&target);
}

static void trace(void *pid)
{
    if (ptrace(PTRACE_SEIZE, *(pid_t *)pid, NULL, NULL) != 0)
        _exit(72);
    child_idle(NULL);
}

static void trace_and_stop(void *pid)
{
    if (ptrace(PTRACE_SEIZE, *(pid_t *)pid, NULL, NULL) != 0 ||
        ptrace(PTRACE_INTERRUPT, *(pid_t *)pid, NULL, NULL) != 0 ||
        waitpid(*(pid_t *)pid, NULL, 0) != *(pid_t *)pid)
        _exit(72);
    child_idle(NULL);
}

Test(bad_input, a_debugged_process_is_sampled_while_it_runs, .timeout = 240)
{
    struct python python;
    struct target target;
    char message[64];
    python_choose(&python, 8);
    spin_start(&target, &python, no_words);
    int tracer = child_start(trace, &target.pid);
    run_heavyops(&run, NULL, "attach", "-d", "0.3", "-i", "all", pid_word(target.pid), NULL);
    assert_reports(&run, " spin ");
    child_end(tracer);
    tracer = child_start(trace_and_stop, &target.pid);
    run_heavyops(&run, NULL, "attach", pid_word(target.pid), NULL);
    snprintf(message, sizeof message, "is held by a debugger (process %d)", tracer);
    assert_refuses(&run, CANNOT_ATTACH, message, "let the debugger continue it");
    run_heavyops(&run, NULL, "dump", pid_word(target.pid), NULL);
    cr_assert_eq(run.code, 0, "%s", run.err);
    assert_says(run.out, "(<string>:");
    child_end(tracer);
    target_kill(&target);
}

/* It has said that it is ready, so what it sleeps in is its read(). */
static void await_sleep(pid_t pid)
{
    char path[32], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    while (state != 'S') {
        FILE *file = fopen(path, "re");
        cr_assert(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
        fclose(file);
    }
}

Test(bad_input, a_process_that_only_sleeps_gives_nothing, .timeout = 240)
{
    struct python python;
    struct target target;
    python_choose(&python, 8);
    char *const words[] = {python.command, "-c",
                           "import sys; print('ready', flush=True); sys.stdin.read()", NULL};
    program_start(&target, words, NULL);
    program_says(&target, "ready", NULL, NULL);
    await_sleep(target.pid);
    run_heavyops(&run, NULL, "attach", "-d", "0.3", pid_word(target.pid), NULL);
    cr_assert_eq(run.code, NOTHING, "%s", run.err);
    assert_says(run.out, "\nidle: "); /* what was seen is told all the same */
    assert_says(run.err, "not one sample was taken");
    assert_says(run.err, "--mode wall");
    target_end(&target);
}

/* --- targets that go away --------------------------------------------------------------------- */

/* Attaches without a duration; the caller lets the target go away. */
static void watch_spin(struct target *target, const struct python *python,
                       const char *const arguments[])
{
    spin_start(target, python, arguments);
    const char *const words[] = {HOP_TEST_COMMAND,      "attach", "-r", "1000", "-i", "all",
                                 pid_word(target->pid), NULL};
    run_start(&run, NULL, words);
    await_sampling(run.pid, target->pid);
}

Test(bad_input, a_target_that_is_killed_is_reported, .timeout = 240)
{
    struct python python;
    struct target target;
    python_choose(&python, 8);
    watch_spin(&target, &python, no_words);
    kill(target.pid, SIGKILL);
    run_wait(&run); /* while it is a zombie: we have not waited for it */
    assert_reports(&run, "ended: the process exited");
    assert_says(run.out, " spin ");
    target_end(&target);
}

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

ParameterizedTestParameters(bad_input, a_target_that_exits_is_reported)
{
    return all_pythons();
}

ParameterizedTest(struct python *python, bad_input, a_target_that_exits_is_reported, .timeout = 240)
{
    struct target target;
    const char *const arguments[] = {"exit", "9", NULL};
    watch_spin(&target, python, arguments);
    kill(target.pid, SIGUSR1);
    run_wait(&run);
    assert_reports(&run, "ended: the process exited");
    assert_says(run.out, " spin ");
    cr_assert_eq(WEXITSTATUS(target_end(&target)), 9);
}

ParameterizedTestParameters(bad_input, a_target_that_becomes_another_program_is_reported)
{
    return all_pythons();
}

/* Also the same interpreter again, with all addresses as before where it is not
 * position-independent: nothing of the second program is in the report of the first. */
ParameterizedTest(struct python *python, bad_input,
                  a_target_that_becomes_another_program_is_reported, .timeout = 240)
{
    struct target target;
    char command[sizeof python->command];
    strcpy(command, python->command);
    char *last_word = strrchr(command, ' '); /* in a chroot, from the inside */
    const char *interpreter = last_word ? last_word + 1 : command;
    const char *const programs[][6] = {
        {"exec", "/bin/sleep", "60", NULL},
        {"exec", interpreter, "-c", "def second():\n while True: pass\nsecond()", NULL},
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        watch_spin(&target, python, programs[i]);
        kill(target.pid, SIGUSR1);
        run_wait(&run);
        assert_reports(&run, "ended: the process became another program (exec)");
        assert_says(run.out, " spin ");
        cr_assert_null(strstr(run.out, "second"), "%s", run.out);
        target_kill(&target);
    }
}
