/* Signals sent to heavyops while it looks at a Python, and to the Python itself: nothing that was
 * seen is lost, and no signal goes astray. What needs no Python is in test_cli.c. */
#include "support/programs.h"
#include "support/run.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct run run;
static struct python python;
static struct target target;

static void start(void)
{
    static const char *const no_words[] = {NULL};
    python_choose(&python, 8);
    spin_start(&target, &python, no_words);
}

static void end(void)
{
    target_kill(&target);
}

TestSuite(signals, .init = start, .fini = end, .timeout = 240);

static void attach(const char *prefix)
{
    char line[200];
    snprintf(line, sizeof line, "%s exec \"$0\" attach -r 1000 -i all $1", prefix);
    const char *const words[] = {"bash", "-c", line, HOP_TEST_COMMAND, pid_word(target.pid), NULL};
    run_start(&run, NULL, words);
}

/* It waits for its child at the least. */
static bool is_running(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) == 0;
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

/* --- attach ------------------------------------------------------------------------------------
 */

Test(signals, one_ends_attach_with_its_report)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        attach("");
        await_sampling(run.pid, target.pid);
        kill(run.pid, numbers[i]);
        run_wait(&run);
        assert_reports(&run, "ended: stopped by the user");
        assert_says(run.out, " spin ");
        cr_assert_eq(state_of(target.pid), 'R');
    }
}

static bool has_pending(pid_t pid, int number)
{
    char path[64], line[256];
    unsigned long long pending = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file) && sscanf(line, "ShdPnd: %llx", &pending) != 1)
        continue;
    fclose(file);
    return pending & 1ull << (number - 1);
}

/* timeout(1) sends its signal to heavyops, and then to all of its group, heavyops too. Where we do
 * not get to run in between, it may look like a second wish; not five times. */
Test(signals, the_same_signal_at_once_is_one_wish)
{
    for (int i = 0; i < 5; i++) {
        attach("");
        await_sampling(run.pid, target.pid);
        kill(run.pid, SIGTERM);
        while (has_pending(run.pid, SIGTERM))
            continue;
        kill(run.pid, SIGTERM);
        run_wait(&run);
        if (run.code == 0)
            break;
    }
    assert_reports(&run, "ended: stopped by the user");
    assert_says(run.out, " spin ");
}

/* Both at once, so that there is no page yet: whether that is before the first is listened to or
 * the second is one too many, the folder that was made for the page goes. */
Test(signals, the_second_takes_the_browsers_folder_along)
{
    struct folder folder;
    char line[200], listed[100];
    folder_make(&folder);
    snprintf(line, sizeof line, "TMPDIR=%s BROWSER=true exec \"$0\" attach --browser $1",
             folder.path);
    const char *const words[] = {"bash", "-c", line, HOP_TEST_COMMAND, pid_word(target.pid), NULL};
    run_start(&run, NULL, words);
    await_sampling(run.pid, target.pid);
    snprintf(listed, sizeof listed, "test -n \"$(ls %s)\"", folder.path);
    cr_assert_eq(system(listed), 0, "there is no folder for the page");
    kill(run.pid, SIGSTOP);
    while (state_of(run.pid) != 'T')
        continue;
    kill(run.pid, SIGINT);
    kill(run.pid, SIGTERM);
    kill(run.pid, SIGCONT);
    run_wait(&run);
    cr_assert(run.code == 130 || run.code == 143, "%d: %s", run.code, run.err);
    cr_assert_neq(system(listed), 0, "the folder is still there");
    folder_remove(&folder);
}

/* Nor does the first leave it, where it ends us at once: a report is not stopped, it ends. */
Test(signals, one_that_ends_a_report_takes_the_folder_along)
{
    struct folder folder;
    folder_make(&folder);
    /* It waits for a profile from a pipe that nobody writes to. */
    static const char line[] =
        "cd $1; mkfifo pipe; mkdir tmp; TMPDIR=$1/tmp \"$0\" report pipe --browser & exec 3<>pipe; "
        "until ls tmp/* >/dev/null 2>&1; do :; done; kill -TERM $!; wait $!; echo $?; "
        "ls tmp | wc -l";
    const char *const words[] = {"bash", "-c", line, HOP_TEST_COMMAND, folder.path, NULL};
    run_start(&run, NULL, words);
    run_wait(&run);
    cr_assert_str_eq(run.out, "143\n0\n", "%s", run.err);
    folder_remove(&folder);
}

/* The report waits for a reader that does not read; the second Ctrl-C does not. */
Test(signals, the_second_ctrl_c_quits)
{
    int out[2];
    static const char bytes[1 << 16];
    cr_assert_eq(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
    while (write(out[1], bytes, sizeof bytes) > 0)
        continue;
    fcntl(out[1], F_SETFL, 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        run_default_signals();
        alarm(200);
        execl(HOP_TEST_COMMAND, "heavyops", "attach", "-r", "1000", pid_word(target.pid), NULL);
        _exit(124);
    }
    await_sampling(pid, target.pid);
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    int status, presses = 0;
    do { /* as fast as a person is */
        kill(pid, SIGINT);
        presses++;
    } while (poll(&ended, 1, 500) == 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 130);
    cr_assert_geq(presses, 2, "the first one already");
    cr_assert_eq(state_of(target.pid), 'R');
}

Test(signals, what_is_ignored_stays_ignored)
{
    attach("trap '' INT HUP;");
    await_sampling(run.pid, target.pid);
    kill(run.pid, SIGINT);
    kill(run.pid, SIGHUP);
    await_sampling(run.pid, target.pid);
    cr_assert(is_running(run.pid));
    kill(run.pid, SIGTERM);
    run_wait(&run);
    assert_reports(&run, "ended: stopped by the user");
}

/* A process that is stopped while it is looked at stays stopped, and the report is written. */
Test(signals, a_target_that_is_stopped_meanwhile)
{
    int status;
    attach("");
    await_sampling(run.pid, target.pid);
    kill(target.pid, SIGSTOP);
    cr_assert_eq(waitpid(target.pid, &status, WUNTRACED), target.pid);
    await_sampling(run.pid, target.pid);
    kill(run.pid, SIGINT);
    run_wait(&run);
    assert_reports(&run, " spin ");
    cr_assert_eq(state_of(target.pid), 'T');
}

Test(signals, ctrl_c_on_a_terminal_ends_attach_only)
{
    int terminal, status;
    static char seen[1 << 16];
    size_t size = 0;
    ssize_t got;
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
    if (pid == 0) {
        run_default_signals();
        alarm(200);
        execl(HOP_TEST_COMMAND, "heavyops", "attach", "-r", "1000", "-i", "all",
              pid_word(target.pid), NULL);
        _exit(124);
    }
    await_sampling(pid, target.pid);
    cr_assert_eq(write(terminal, "\003", 1), 1);
    while (size < sizeof seen - 1 &&
           (got = read(terminal, seen + size, sizeof seen - 1 - size)) > 0)
        size += (size_t)got;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", seen);
    assert_says(seen, "ended: stopped by the user");
    cr_assert_eq(state_of(target.pid), 'R');
    close(terminal);
}

/* --- Ctrl-Z ------------------------------------------------------------------------------------
 */

/* As a shell's job: a group of its own, whose parent could continue it. */
static void attach_as_job(const char *read, const char *rate)
{
    fflush(NULL);
    memset(&run, 0, sizeof run);
    run.out_fd = memfd_create("out", MFD_CLOEXEC);
    run.err_fd = memfd_create("err", MFD_CLOEXEC);
    run.pid = fork();
    if (run.pid == 0) {
        run_default_signals();
        signal(SIGTSTP, SIG_DFL);
        setpgid(0, 0);
        alarm(200);
        dup2(run.out_fd, STDOUT_FILENO);
        dup2(run.err_fd, STDERR_FILENO);
        execl(HOP_TEST_COMMAND, "heavyops", "attach", "-i", "all", "--format", "json", "--read",
              read, "-r", rate, pid_word(target.pid), NULL);
        _exit(124);
    }
}

static void suspend(void)
{
    int status;
    kill(run.pid, SIGTSTP);
    cr_assert_eq(waitpid(run.pid, &status, WUNTRACED), run.pid);
    cr_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP, "it ended: %x", status);
}

static json_t *end_of_job(void)
{
    kill(run.pid, SIGINT);
    run_wait(&run);
    cr_assert_eq(run.code, 0, "%s", run.err);
    json_t *report = json_loads(run.out, JSON_DISABLE_EOF_CHECK, NULL);
    cr_assert_not_null(report, "%s", run.out);
    return report;
}

/* A target that is stopped for most of the time is never so while we are. */
Test(signals, ctrl_z_lets_the_target_go)
{
    enum { TIMES = 30 };
    attach_as_job("stop", "20000");
    await_sampling(run.pid, target.pid);
    for (int i = 0; i < TIMES; i++) {
        suspend();
        cr_assert_eq(state_of(target.pid), 'R', "the %d. time", i);
        kill(run.pid, SIGCONT);
        await_sampling(run.pid, target.pid);
    }
    json_decref(end_of_job());
}

/* Whatever the way, nothing is looked at meanwhile, and that is said. */
Test(signals, what_passes_while_suspended_is_missed)
{
    static const char *const ways[] = {"cpu", "live", "stop"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        attach_as_job(ways[i], "1000");
        await_sampling(run.pid, target.pid);
        suspend();
        sleep(1);
        kill(run.pid, SIGCONT);
        await_sampling(run.pid, target.pid);
        json_t *report = end_of_job();
        json_int_t missed = json_integer_value(json_object_get(report, "missed"));
        json_int_t idle = json_integer_value(json_object_get(report, "idle"));
        cr_assert_geq(missed, 900, "%s: %s", ways[i], run.out);
        cr_assert_geq(idle, 0, "%s: %s", ways[i], run.out);
        /* What one busy thread gives; and no more, for what was on meanwhile. */
        json_int_t ticks = json_integer_value(json_object_get(report, "ticks"));
        json_int_t samples = json_integer_value(json_object_get(report, "samples"));
        cr_assert_leq(samples, ticks + ticks / 8 + 50, "%s: %s", ways[i], run.out);
        double rate_hz = json_number_value(json_object_get(report, "rate_hz"));
        cr_assert(rate_hz > 0 && rate_hz < 1000, "%s: %s", ways[i], run.out);
        json_decref(report);
    }
}

/* --- record ------------------------------------------------------------------------------------
 */

/* Starts `record` of a program that says "ready" on a descriptor of its own, and waits for that;
 * the program: its pid. */
static pid_t record(const char *text, const char *option)
{
    int ready[2];
    char number[16], byte;
    cr_assert_eq(pipe(ready), 0);
    fcntl(ready[0], F_SETFD, FD_CLOEXEC);
    snprintf(number, sizeof number, "%d", ready[1]);
    const char *const words[] = {HOP_TEST_COMMAND, "record", "-i", "all",  option, "--",
                                 python.command,   "-c",     text, number, NULL};
    run_start(&run, NULL, words);
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1, "it did not start");
    close(ready[0]);
    return only_child_of(run.pid);
}

#define SPINS                                                                                      \
    "import os, signal, sys, time\n"                                                               \
    "def spin():\n"                                                                                \
    "  while True: pass\n"                                                                         \
    "def on(number, frame): print('got', number, flush=True)\n"                                    \
    "for number in (1, 10, 12): signal.signal(number, on)\n"                                       \
    "signal.signal(3, lambda *_: sys.exit(13))\n"                                                  \
    "os.write(int(sys.argv[1]), b'x')\n"                                                           \
    "spin()\n"

/* Waits until the program has printed `text`. */
static void await_output(const char *text)
{
    char seen[1000] = "";
    for (int i = 0; i < 3000 && strcmp(seen, text) != 0; i++) {
        ssize_t length = pread(run.out_fd, seen, sizeof seen - 1, 0);
        seen[length > 0 ? length : 0] = '\0';
        if (strcmp(seen, text) != 0)
            usleep(10000);
    }
    cr_assert_str_eq(seen, text);
}

Test(signals, record_passes_them_on_to_python)
{
    pid_t pid = record(SPINS, "-t");
    kill(run.pid, SIGUSR1);
    await_output("got 10\n");
    kill(run.pid, SIGHUP);
    await_output("got 10\ngot 1\n");
    kill(run.pid, SIGUSR2);
    await_output("got 10\ngot 1\ngot 12\n");
    await_sampling(run.pid, pid); /* so that there is something to report */
    kill(run.pid, SIGQUIT);
    run_wait(&run);
    cr_assert_eq(run.code, 13, "%d: %s", run.code, run.err);
    assert_says(run.err, "ended: the process exited");
    assert_says(run.err, " spin ");
}

Test(signals, record_ends_by_the_signal_that_ends_the_program)
{
    static const int numbers[] = {SIGTERM, SIGKILL, SIGSEGV};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        pid_t pid = record(SPINS, "-t");
        await_sampling(run.pid, pid);
        kill(i == 0 ? run.pid : pid, numbers[i]);
        run_wait(&run);
        cr_assert_eq(run.code, 128 + numbers[i], "%d: %s", run.code, run.err);
        assert_says(run.err, "ended: the process exited");
        assert_says(run.err, " spin ");
    }
}

/* The report is written, the program still runs: what it is sent still arrives. */
Test(signals, record_passes_them_on_when_its_time_is_over)
{
    record(SPINS, "-d0.2");
    for (struct run now = {.err_fd = run.err_fd}; !strstr(now.err, "tracked instruction hits");)
        cr_assert_geq(pread(now.err_fd, now.err, sizeof now.err - 1, 0), 0);
    kill(run.pid, SIGUSR1);
    await_output("got 10\n");
    kill(run.pid, SIGTERM);
    run_wait(&run);
    cr_assert_eq(run.code, 128 + SIGTERM);
    cr_assert_null(strstr(run.err, "ended:"), "%s", run.err);
}
