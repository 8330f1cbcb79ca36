/* Recording Python programs: what they read, write, are sent and end with passes by untouched, and
 * the report covers their life from the first moment. */
#include "support/programs.h"
#include "support/run.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct run run;
static struct folder folder;

static void make(void)
{
    folder_make(&folder);
}

static void unmake(void)
{
    folder_remove(&folder);
}

TestSuite(record, .init = make, .fini = unmake, .timeout = 240);

/* Writes a file into the folder. */
static void put(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder.path, name);
    FILE *file = fopen(path, "we");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Runs a line of the shell in the folder; $0 is heavyops and $1 a Python. */
static void shell(const char *line)
{
    static struct python python;
    if (!*python.command)
        python_choose(&python, 8);
    const char *const words[] = {"bash", "-c", line, HOP_TEST_COMMAND, python.command, NULL};
    run_start(&run, folder.path, words);
    run_wait(&run);
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

/* --- what passes by --------------------------------------------------------------------------- */

/* A megabyte of all bytes through the program's input and output, and nothing but that. */
Test(record, input_and_output_pass_byte_for_byte)
{
    put("copy.py", "import shutil, sys\n"
                   "shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)\n");
    shell("for i in {0..255}; do printf \"\\\\x$(printf %x $i)\"; done >bytes\n"
          "for i in {1..4096}; do cat bytes; done >in\n"
          "\"$0\" record -o report.txt -- $1 copy.py <in >out && cmp in out && cat report.txt");
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_assert_str_empty(run.err);
    assert_says(run.out, "tracked instruction hits");
}

Test(record, the_programs_errors_come_before_the_report)
{
    shell("\"$0\" record -- $1 -c 'import sys; sys.stderr.write(\"mine\\n\"); print(\"out\")'");
    cr_assert_eq(run.code, 0);
    cr_assert_str_eq(run.out, "out\n");
    cr_assert_eq(strncmp(run.err, "mine\npid ", 9), 0, "%s", run.err);
    assert_says(run.err, "tracked instruction hits");
    assert_says(run.err, "ended: the process exited");
}

Test(record, quiet_is_quiet)
{
    shell("\"$0\" record -q $1 -c 'print(1)'");
    cr_assert_eq(run.code, 0);
    cr_assert_str_eq(run.out, "1\n");
    cr_assert_str_empty(run.err);
}

Test(record, options_end_at_the_program)
{
    shell("\"$0\" record -q $1 -c 'import sys; print(sys.argv)' -d 3 --help -- -o x");
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_assert_str_eq(run.out, "['-c', '-d', '3', '--help', '--', '-o', 'x']\n");
}

/* The same environment, folder, descriptors, session, group, terminal, limits and signals as
 * without us. */
Test(record, the_program_is_as_it_would_be_without_us)
{
    put("self.py",
        "import os, resource, signal\n"
        "print(sorted(item for item in os.environ.items() if item[0] != '_'))\n"
        "print(os.getcwd(), sorted(os.listdir('/proc/self/fd')), os.getsid(0), os.getpgrp())\n"
        "print([signal.getsignal(n) for n in range(1, 32)], os.sched_getaffinity(0))\n"
        "print(os.nice(0), os.sched_getscheduler(0), oct(os.umask(0)))\n"
        "print([resource.getrlimit(n) for n in range(16)])\n"
        "status = dict(l.split(':', 1) for l in open('/proc/self/status'))\n"
        "for name in 'SigBlk SigPnd ShdPnd SigIgn SigCgt'.split():\n"
        "  print(name, int(status[name], 16) & 0x7fffffff)\n" /* above are glibc's own */
        "print(status['CapEff'], status['TracerPid'], status['NoNewPrivs'])\n");
    shell("trap '' USR2; umask 027\n"
          "$1 self.py >without; \"$0\" record -o report $1 self.py >with\n"
          "diff without with");
    cr_assert_eq(run.code, 0, "%s%s", run.out, run.err);
}

/* --- how it ends ------------------------------------------------------------------------------ */

static void expect_end(const struct python *python, const char *end, int code)
{
    char command[sizeof python->command], text[200];
    const char *words[16] = {HOP_TEST_COMMAND, "record", "-o", "report.txt", "--"};
    size_t count = 5;
    strcpy(command, python->command);
    for (char *rest = command, *word; (word = strsep(&rest, " "));)
        words[count++] = word;
    /* Long enough to be seen on a busy machine. */
    snprintf(text, sizeof text, "import time\nwhile time.process_time() < .2: pass\n%s", end);
    words[count++] = "-c";
    words[count++] = text;
    run_start(&run, folder.path, words);
    run_wait(&run);
    cr_assert_eq(run.code, code, "%s: %d", end, run.code);
    cr_assert_null(strstr(run.err, "heavyops:"), "%s: %s", end, run.err);
    shell("cat report.txt; rm report.txt");
    assert_says(run.out, "ended: the process exited");
    assert_says(run.out, "tracked instruction hits");
}

ParameterizedTestParameters(record, ends_as_the_program_ends)
{
    return all_pythons();
}

ParameterizedTest(struct python *python, record, ends_as_the_program_ends, .timeout = 240)
{
    expect_end(python, "import sys; sys.exit(3)", 3);
    expect_end(python, "import os; os.kill(os.getpid(), 9)", 128 + SIGKILL);
}

/* What the kernel tells of an end is the same whatever the version. */
Test(record, every_end_is_passed_on)
{
    struct python python;
    python_choose(&python, 8);
    expect_end(&python, "pass", 0);
    expect_end(&python, "import os; os._exit(255)", 255);
    expect_end(&python, "1 / 0", 1);
    expect_end(&python, "import os; os.kill(os.getpid(), 15)", 128 + SIGTERM);
    expect_end(&python, "import os; os.abort()", 128 + SIGABRT);
}

/* Whatever could be seen of it: a report, or a word that there is none. */
Test(record, a_program_that_ends_at_once)
{
    for (int i = 0; i < 5; i++) {
        shell("\"$0\" record $1 -S -E -c 'import os; os._exit(7)'");
        cr_assert_eq(run.code, 7);
        cr_assert_str_empty(run.out);
        cr_assert(strstr(run.err, "ended: the process exited") ||
                      strstr(run.err, "ended before any Python ran"),
                  "%s", run.err);
    }
}

Test(record, what_cannot_be_run_is_told_as_the_shell_tells)
{
    shell("\"$0\" record ./nothing");
    assert_refuses(&run, 127, "./nothing: No such file", "check the name");
    shell("echo 'print(1)' >app.py; \"$0\" record ./app.py");
    assert_refuses(&run, 126, "Permission denied", "record -- python3 ./app.py");
    shell("printf '#!/no/such/python\\n' >app; chmod +x app; \"$0\" record ./app");
    assert_refuses(&run, 127, "the interpreter that the file names does not exist", "first line");
}

/* --- what becomes a Python, late or never ------------------------------------------------------
 */

/* What a pyenv shim is: a shell script that ends in exec. */
Test(record, a_script_that_becomes_python_is_sampled)
{
    put("spin.py",
        "import sys\ndef spin():\n for i in range(5 * 10**6): pass\nspin(); sys.exit(5)\n");
    shell(
        "printf '#!/bin/bash\\nfor i in 1 2 3; do (exit); done; sleep 0.2\\nexec %s \"$@\"\\n' $1 "
        ">shim; chmod +x shim\n"
        "\"$0\" record -i all ./shim spin.py");
    cr_assert_eq(run.code, 5, "%s", run.err);
    assert_says(run.err, "spin.py:3");
    assert_says(run.err, " spin ");
}

Test(record, a_script_that_never_becomes_python_says_so)
{
    shell("\"$0\" record -- bash -c 'for i in {1..50}; do (exit); done; exit 4'");
    assert_refuses(&run, 4, "ended before any Python ran in its process", "exec python3");
    shell("\"$0\" record true");
    assert_refuses(&run, 0, "ended before any Python ran in its process", "exec python3");
    shell("\"$0\" record -- bash -c \"$1 -c 'print(1)'; exit 7\""); /* Python is a child */
    cr_assert_eq(run.code, 7);
    cr_assert_str_eq(run.out, "1\n");
    assert_says(run.err, "not the processes which that starts");
}

Test(record, heavyops_runs_a_script_with_python3)
{
    put("app.py", "import sys\nsys.exit('%s' % sys.argv)\n");
    shell("printf '#!/bin/bash\\nexec %s \"$@\"\\n' $1 >python3; chmod +x python3\n"
          "PATH=.:$PATH; \"$0\" -q app.py -d 7 x; echo $?; \"$0\" -o report.txt app.py; cat "
          "report.txt");
    assert_says(run.err, "['app.py', '-d', '7', 'x']");
    cr_assert_eq(strncmp(run.out, "1\npid ", 6), 0, "%s", run.out);
}

/* --- when it is looked at ----------------------------------------------------------------------
 */

ParameterizedTestParameters(record, the_first_moments_are_seen)
{
    return all_pythons();
}

/* Of a program that does nothing, all there is to see is the start of the interpreter, from when it
 * imports its import system on. On a busy machine not every one of its 20 ms is ours. */
ParameterizedTest(struct python *python, record, the_first_moments_are_seen, .timeout = 240)
{
    char line[600];
    bool is_seen = false;
    snprintf(line, sizeof line, "\"$0\" record -i all -n 0 -r 5000 %s -S -E -c pass",
             python->command);
    for (int i = 0; i < 10 && !is_seen; i++) {
        shell(line);
        cr_assert_eq(run.code, 0, "%s", run.err);
        is_seen = strstr(run.err, "importlib._bootstrap") != NULL;
    }
    cr_assert(is_seen, "%s", run.err);
}

/* With -d the report does not wait for the program, and the program not for the report. */
Test(record, a_duration_shorter_than_the_program)
{
    put("gate.py", "import sys\n"
                   "def spin(n):\n for i in range(n): pass\n"
                   "open('up', 'w').close()\n"
                   "while True:\n"
                   " spin(10**5)\n"
                   " try: open('gate')\n"
                   " except OSError: continue\n"
                   " break\n"
                   "print('through'); sys.exit(8)\n");
    /* The gate opens when the report is there. */
    shell("\"$0\" record -i all -d 0.5 -o report.txt $1 gate.py & heavyops=$!\n"
          "until [ -e report.txt ]; do sleep 0.01; done; kill -0 $heavyops && touch gate\n"
          "wait $heavyops; echo $?; cat report.txt");
    cr_assert_eq(strncmp(run.out, "through\n8\npid ", 14), 0, "%s%s", run.out, run.err);
    cr_assert_null(strstr(run.out, "ended:"));
}

/* --- on a terminal -----------------------------------------------------------------------------
 */

/* Reads the terminal until `text` has come, or its end. */
static char seen[1 << 16];
static size_t seen_size;

static void read_until(int terminal, const char *text)
{
    ssize_t got;
    while (!(text && strstr(seen, text)) &&
           (got = read(terminal, seen + seen_size, sizeof seen - 1 - seen_size)) > 0)
        seen_size += (size_t)got;
    if (text)
        assert_says(seen, text);
}

/* Starts a line of the shell on a terminal of its own, as `shell` does. */
static pid_t shell_on_terminal(int *terminal, const char *line)
{
    struct python python;
    python_choose(&python, 8);
    memset(seen, 0, sizeof seen);
    seen_size = 0;
    pid_t pid = forkpty(terminal, NULL, NULL, NULL);
    if (pid == 0) {
        run_default_signals();
        alarm(60);
        if (chdir(folder.path) == 0)
            execlp("bash", "bash", "-c", line, HOP_TEST_COMMAND, python.command, NULL);
        _exit(124);
    }
    return pid;
}

static int end_of(int terminal, pid_t pid)
{
    int status;
    read_until(terminal, NULL);
    close(terminal);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The program gets it and ends by it; then comes the report, and its status. */
Test(record, ctrl_c_reaches_the_program_and_the_report_is_printed)
{
    int terminal;
    put("spin.py", "import sys\ndef spin():\n while True: pass\n"
                   "try:\n print('ready', flush=True); spin()\n"
                   "except KeyboardInterrupt: print('interrupted'); sys.exit(11)\n");
    pid_t pid = shell_on_terminal(&terminal, "exec \"$0\" record -i all $1 spin.py");
    read_until(terminal, "ready");
    cr_assert_eq(write(terminal, "\003", 1), 1);
    cr_assert_eq(end_of(terminal, pid), 11, "%s", seen);
    const char *interrupted = strstr(seen, "interrupted");
    cr_assert(interrupted && strstr(interrupted, "tracked instruction hits"), "%s", seen);
}

/* One that is not caught kills the program, not us. */
Test(record, ctrl_c_that_kills_the_program_leaves_the_report)
{
    int terminal;
    pid_t pid = shell_on_terminal(&terminal, "exec \"$0\" record -i all $1 -c 'import signal\n"
                                             "signal.signal(2, signal.SIG_DFL)\n"
                                             "print(\"ready\", flush=True)\nwhile True: pass'");
    read_until(terminal, "ready");
    cr_assert_eq(write(terminal, "\003", 1), 1);
    cr_assert_eq(end_of(terminal, pid), 128 + SIGINT, "%s", seen);
    assert_says(seen, "tracked instruction hits");
}

/* Ctrl-Z stops us and the program, as the shell's job that we are; fg continues both. */
Test(record, ctrl_z_and_fg)
{
    int terminal;
    put("spin.py", "import os, sys\nprint('ready', flush=True)\n"
                   "while not os.path.exists('gate'): pass\n"
                   "print('through'); sys.exit(12)\n");
    pid_t pid = shell_on_terminal(&terminal, "set -m; \"$0\" record -i all $1 spin.py\n"
                                             "echo stopped with $?; jobs; touch gate; fg\n"
                                             "echo ended with $?");
    read_until(terminal, "ready");
    cr_assert_eq(write(terminal, "\032", 1), 1);
    end_of(terminal, pid);
    assert_says(seen, "stopped with 148"); /* 128 + SIGTSTP */
    assert_says(seen, "through");
    assert_says(seen, "tracked instruction hits");
    assert_says(seen, "ended with 12");
}
