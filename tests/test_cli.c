/* The command line: what is understood, what is refused and how it is said, the exit codes, and
 * that record is transparent. What takes a running Python is tested elsewhere. */
#include "heavyops.h"
#include "support/run.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static struct run run;

static void assert_has(const char *text, const char *part)
{
    cr_assert_not_null(strstr(text, part), "no '%s' in:\n%s", part, text);
}

static char folder[] = "/tmp/heavyops-cli-XXXXXX";

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

static void put(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

TestSuite(cli, .init = make_folder, .fini = remove_folder);

/* What is said with one write is not torn apart by what others write there at the same time. A pipe
 * of packets gives each write by itself. */
Test(cli, a_complaint_is_one_piece)
{
    static const char whole[] =
        "heavyops: 'raport' is neither a command nor a script that is there\n"
        "  did you mean 'heavyops report'?\n";
    int ends[2];
    char text[400];
    cr_assert_eq(pipe2(ends, O_CLOEXEC | O_DIRECT), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        execl(HOP_TEST_COMMAND, "heavyops", "raport", NULL);
        _exit(124);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], text, sizeof text - 1);
    cr_assert_geq(got, 0);
    text[got] = '\0';
    cr_assert_str_eq(text, whole);
    cr_assert_eq(read(ends[0], text, sizeof text), 0, "and nothing else");
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    close(ends[0]);
}

/* Names on the command line may come from anywhere. */
Test(cli, says_nothing_that_steers_a_terminal)
{
    static const char evil[] = "/no\033]0;evil\007\xe2\x80\xae\n\xff";
    static const char *const lines[][4] = {
        {"report", evil},
        {"diff", evil, evil},
        {"merge", evil, "-o", "x.pb.gz"},
        {"attach", evil},
        {"attach", "1", "-d", evil},
        {"report", "--format", evil},
        {"record", "--", evil},
        {"record", evil},
        {"report", "-i", evil, "x"},
        {evil},
        {"help", evil},
        {"functions", "--group", evil, "x"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        run_heavyops(&run, NULL, lines[i][0], lines[i][1], lines[i][2], lines[i][3], NULL);
        cr_assert_neq(run.code, 0);
        assert_has(run.err, "\\x1b]0;evil\\x07\\u202e\\n\\xff");
        for (const char *at = run.err; *at; at++)
            cr_assert((*at >= ' ' && *at < 0x7f) || *at == '\n', "line %zu: %s", i, run.err);
    }
}

/* Before anything is sampled or read. */
Test(cli, refuses_to_group_where_it_does_not)
{
    run_heavyops(&run, NULL, "report", "--group", "file", "-o", "/nowhere/a.svg", "absent", NULL);
    cr_assert_eq(run.code, 2);
    assert_has(run.err,
               "flamegraph does not group by file\n  these do: text, json, csv, functions");
    run_heavyops(&run, NULL, "lines", "-t", "absent", NULL);
    cr_assert_eq(run.code, 2);
    assert_has(run.err, "lines does not split by thread\n  these do: text, json, csv, pprof,");
    run_heavyops(&run, NULL, "report", "-t", "--group", "line", "absent", NULL);
    cr_assert_eq(run.code, 2);
    assert_has(run.err, "a table by line does not split by thread\n  --group thread is");
}

Test(cli, shows_help)
{
    run_heavyops(&run, NULL, "--help", NULL);
    cr_assert_eq(run.code, 0);
    cr_assert_str_empty(run.err);
    static const char *const commands[] = {"attach", "record", "top", "dump", "info"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        run_heavyops(&run, NULL, "--help", NULL);
        assert_has(run.out, commands[i]);
        run_heavyops(&run, NULL, commands[i], "--help", NULL);
        cr_assert_eq(run.code, 0);
        assert_has(run.out, "Examples");
        assert_has(run.out, "--offsets FILE");
        static char first[sizeof run.out];
        strcpy(first, run.out);
        run_heavyops(&run, NULL, "help", commands[i], NULL);
        cr_assert_str_eq(run.out, first);
    }
    run_heavyops(&run, NULL, NULL);
    cr_assert_eq(run.code, 2);
    cr_assert_str_empty(run.out);
    assert_has(run.err, "Commands");
}

/* No line of help is wider than a narrow terminal. */
/* These write what others do not, and not all that others do. */
Test(cli, tells_the_formats_of_each_command)
{
    static const struct {
        const char *command, *formats;
    } rows[] = {
        {"report", "text, json, csv, pprof,"},
        {"diff", "text, json, csv\n"},
        {"dump", "text, json\n"},
        {"info", "text, json\n"},
    };
    char path[sizeof folder + 16], pid[32], text[16] = "";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run_heavyops(&run, NULL, rows[i].command, "--help", NULL);
        char *list = strstr(run.out, "in which format;");
        assert_has(list ? list : run.out, rows[i].formats);
    }
    snprintf(path, sizeof path, "%s/info.json", folder);
    snprintf(pid, sizeof pid, "%d", getpid()); /* no Python, which is what it tells */
    run_heavyops(&run, NULL, "info", pid, "-o", path, NULL);
    FILE *file = fopen(path, "r");
    cr_assert(file && fgets(text, sizeof text, file));
    cr_assert_eq(text[0], '{', "info.json begins with %s", text);
    fclose(file);
}

Test(cli, keeps_help_narrow)
{
    static const char *const pages[] = {NULL, "attach", "record", "top", "dump", "info"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        run_heavyops(&run, NULL, "help", pages[i], NULL);
        for (char *line = strtok(run.out, "\n"); line; line = strtok(NULL, "\n"))
            cr_assert_leq(strlen(line), 80, "%s", line);
    }
}

Test(cli, tells_its_version)
{
    run_heavyops(&run, NULL, "--version", NULL);
    cr_assert_eq(run.code, 0);
    assert_has(run.out, hop_version());
    assert_has(run.out, hop_supported_pythons());
}

static const struct {
    const char *words[8];
    const char *message, *remedy;
} wrong[] = {
    {{"attach"}, "needs the pid", "--pid 1234"},
    {{"attach", "abc"}, "'abc' is no pid", "number"},
    {{"attach", "0"}, "'0' is no pid", "number"},
    {{"attach", "-p", "99999999999999999999"}, "is no pid", "number"},
    {{"attach", "1", "2"}, "'2' is one word too many", ""},
    {{"attach", "-p", "1", "2"}, "'2' is one word too many", ""},
    {{"attach", "1", "-d", "-1"}, "--duration '-1'", "500ms"},
    {{"attach", "1", "-d", "0"}, "--duration '0'", "500ms"},
    {{"attach", "1", "-d", "x"}, "--duration 'x'", "500ms"},
    {{"attach", "1", "-d", "nan"}, "--duration 'nan'", "500ms"},
    {{"attach", "1", "-d", "1e3"}, "--duration '1e3'", "500ms"},
    {{"attach", "1", "-d", "99999999999"}, "--duration '99999999999'", "500ms"},
    {{"attach", "1", "-d", "3 s"}, "--duration '3 s'", "500ms"},
    {{"attach", "1", "--duration"}, "--duration needs a value", "attach --help"},
    {{"attach", "1", "-r", "0"}, "--rate '0'", "10k"},
    {{"attach", "1", "-r", "4M"}, "--rate '4M': not a rate in Hz from 0.01 to 2000000", "10k"},
    {{"attach", "1", "-r", "-5"}, "--rate '-5'", "10k"},
    {{"attach", "1", "-r", "10kk"}, "--rate '10kk'", "10k"},
    {{"attach", "1", "-r", ""}, "--rate ''", "10k"},
    {{"attach", "1", "-n", "x"}, "--limit 'x'", "0 shows all"},
    {{"attach", "1", "-n", "-1"}, "--limit '-1'", "0 shows all"},
    {{"attach", "1", "--mode", "idle"}, "--mode 'idle'", "cpu, wall or gil"},
    {{"attach", "1", "--format", "xml"}, "--format 'xml'", "text, json"},
    {{"attach", "1", "-i", "LOAD_DEFER"}, "LOAD_DEFER", "did you mean LOAD_DEREF"},
    {{"attach", "1", "-i", "NOP,build_lits"}, "build_lits", "BUILD_LIST"},
    {{"attach", "1", "--include", "ZZZ*"}, "matches 'ZZZ*'", "dis"},
    {{"attach", "1", "--instructions", ""}, "empty", "LOAD_DEREF"},
    {{"attach", "1", "-f", ""}, "--file: the pattern is empty", "app.py"},
    {{"attach", "1", "--duraton", "3"}, "attach has no option --duraton", "mean --duration?"},
    {{"attach", "1", "--all=yes"}, "takes no value", ""},
    {{"dump", "1", "-d", "3"}, "dump has no option -d", "'heavyops attach' has it"},
    {{"dump"}, "dump needs the pid", "heavyops dump --pid 1234"},
    {{"info", "x"}, "'x' is no pid", ""},
    {{"record"}, "needs a program", "record -- python3 app.py"},
    {{"record", "--"}, "needs a program", "record -- python3 app.py"},
    {{"record", "-d"}, "-d needs a value", "record --help"},
    {{"atach", "1"}, "'atach' is neither a command nor a script", "'heavyops attach'"},
    {{"1234"}, "'1234' is neither", "attach --pid 1234"},
    {{"xylophone"}, "'xylophone' is neither", "--help"},
    {{"-d", "3", "attach", "1"}, "options before the command attach", "heavyops attach"},
    {{"-i", "all"}, "no command and no script", "--help"},
    {{"help", "dmup"}, "'dmup'", "'heavyops dump'"},
};

Test(cli, refuses_what_it_does_not_understand)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *argv[10] = {HOP_TEST_COMMAND};
        memcpy(argv + 1, wrong[i].words, sizeof wrong[i].words);
        run_start(&run, NULL, argv);
        run_wait(&run);
        cr_assert_eq(run.code, 2, "case %zu: %d\n%s", i, run.code, run.err);
        cr_assert_str_empty(run.out);
        assert_has(run.err, "heavyops: ");
        assert_has(run.err, wrong[i].message);
        const char *second_line = strchr(run.err, '\n');
        assert_has(second_line ? second_line : "", wrong[i].remedy);
    }
}

Test(cli, fails_before_it_samples_when_the_output_cannot_be_written)
{
    put("mark.py", "open('ran', 'w')\n");
    run_heavyops(&run, folder, "record", "-o", "no/such/folder", "python3", "mark.py", NULL);
    cr_assert_eq(run.code, 1);
    assert_has(run.err, "cannot write 'no/such/folder'");
    char path[200];
    snprintf(path, sizeof path, "%s/ran", folder);
    cr_assert_neq(access(path, F_OK), 0, "the program was run");
}

Test(cli, cannot_attach_to_what_is_not_there)
{
    char pid[32];
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    run_heavyops(&run, NULL, "attach", "4194304", NULL); /* above any pid_max */
    cr_assert_eq(run.code, 3, "%s", run.err);
    snprintf(pid, sizeof pid, "%d", (int)child); /* a zombie now */
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    run_heavyops(&run, NULL, "dump", pid, NULL);
    cr_assert_eq(run.code, 3, "%s", run.err);
    cr_assert_str_empty(run.out);
}

/* --- record ----------------------------------------------------------------------------------- */

Test(cli, record_ends_as_the_program_ends)
{
    run_heavyops(&run, NULL, "record", "-q", "--", "sh", "-c", "exit 7", NULL);
    cr_assert_eq(run.code, 7);
    run_heavyops(&run, NULL, "record", "-q", "sh", "-c", "kill -KILL $$", NULL);
    cr_assert_eq(run.code, 128 + SIGKILL);
    run_heavyops(&run, NULL, "record", "-q", "true", NULL);
    cr_assert_eq(run.code, 0);
}

Test(cli, record_tells_what_could_not_be_run)
{
    put("script.py", "");
    run_heavyops(&run, folder, "record", "no-such-program", NULL);
    cr_assert_eq(run.code, 127);
    assert_has(run.err, "no-such-program");
    run_heavyops(&run, folder, "record", "./script.py", NULL);
    cr_assert_eq(run.code, 126);
    assert_has(run.err, "heavyops record -- python3 ./script.py");
    run_heavyops(&run, folder, "record", "/", NULL);
    cr_assert_eq(run.code, 126);
}

Test(cli, record_says_that_a_program_was_no_python)
{
    run_heavyops(&run, NULL, "record", "--", "echo", "hello", NULL);
    cr_assert_eq(run.code, 0);
    cr_assert_str_eq(run.out, "hello\n");
    assert_has(run.err, "before any Python ran");
}

Test(cli, record_leaves_the_programs_options_alone)
{
    run_heavyops(&run, NULL, "record", "-q", "echo", "-d", "--help", "--", "-q", NULL);
    cr_assert_str_eq(run.out, "-d --help -- -q\n");
    run_heavyops(&run, NULL, "record", "-q", "--", "echo", "--", "x", NULL);
    cr_assert_str_eq(run.out, "-- x\n");
}

Test(cli, runs_a_script_without_a_command)
{
    put("app.py", "import sys\nprint(sys.argv)\nsys.exit(9)\n");
    put("app", "import sys\nprint(sys.argv)\nsys.exit(8)\n");
    run_heavyops(&run, folder, "app.py", "-d", "x", "--help", NULL);
    cr_assert_eq(run.code, 9, "%s", run.err);
    cr_assert_str_eq(run.out, "['app.py', '-d', 'x', '--help']\n");
    run_heavyops(&run, folder, "-q", "-i", "all,-CALL*", "--file-filter", "x", "app", "y", NULL);
    cr_assert_eq(run.code, 8, "%s", run.err);
    cr_assert_str_eq(run.out, "['app', 'y']\n");
    run_heavyops(&run, folder, "missing.py", NULL);
    assert_has(run.err, "missing.py"); /* python3 says so */
    cr_assert_eq(run.code, 2);
}

Test(cli, keeps_a_killed_process_from_leaving_files)
{
    put("old", "before");
    const char *const argv[] = {HOP_TEST_COMMAND,   "record", "-o", "old", "sh", "-c",
                                "kill -KILL $PPID", NULL};
    run_start(&run, folder, argv);
    run_wait(&run);
    cr_assert_eq(run.code, 128 + SIGKILL);
    const char *const ls[] = {"ls", "-A", NULL};
    run_start(&run, folder, ls);
    run_wait(&run);
    cr_assert_str_eq(run.out, "old\n");
}

/* A shell that prints the number of every signal it gets, says when it is ready (by making a
 * fifo's reader return), and ends with 40 on SIGTERM. */
static void start_signal_program(void)
{
    static const char program[] = "for s in HUP INT QUIT USR1 USR2; do trap \"echo $s\" $s; done\n"
                                  "trap 'echo TERM; exit 40' TERM\n"
                                  "echo ready >ready\n"
                                  "while :; do read line <next || :; done\n";
    char path[200];
    put("signals.sh", program);
    snprintf(path, sizeof path, "%s/ready", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/next", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    const char *const argv[] = {HOP_TEST_COMMAND, "record", "-q", "sh", "signals.sh", NULL};
    run_start(&run, folder, argv);
    snprintf(path, sizeof path, "%s/ready", folder);
    char line[16];
    FILE *ready = fopen(path, "r");
    cr_assert(ready && fgets(line, sizeof line, ready));
    fclose(ready);
}

/* Waits, at most ten seconds, until the program has written `text`. */
static void await_output(const char *text)
{
    char seen[1000];
    for (int i = 0; i < 1000; i++) {
        ssize_t length = pread(run.out_fd, seen, sizeof seen - 1, 0);
        seen[length > 0 ? length : 0] = '\0';
        if (strcmp(seen, text) == 0)
            return;
        usleep(10000);
    }
    cr_assert_fail("'%s' instead of '%s'", seen, text);
}

Test(cli, record_forwards_signals)
{
    static const struct {
        int number;
        const char *name;
    } signals[] = {
        {SIGHUP, "HUP"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGINT, "INT"}, {SIGQUIT, "QUIT"}};
    char wanted[200] = "";
    start_signal_program();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s\n", signals[i].name);
        kill(run.pid, signals[i].number);
        await_output(wanted);
    }
    kill(run.pid, SIGTERM);
    run_wait(&run);
    cr_assert_eq(run.code, 40);
    assert_has(run.out, "QUIT\nTERM\n");
}

/* On a terminal Ctrl-C reaches the program by itself: it gets it from the kernel, not from us once
 * more, and heavyops waits for it, however often. */
Test(cli, record_leaves_a_terminals_signals_to_the_program)
{
    enum { TIMES = 10 };
    put("wait.py", "import signal, sys\n"
                   "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
                   "print('ready', flush=True)\n"
                   "for i in range(10):\n"
                   "    info = signal.sigwaitinfo([signal.SIGINT])\n"
                   "    print('got', i + 1, 'from', info.si_pid, flush=True)\n"
                   "sys.exit(33)\n");
    int terminal;
    /* No echo of ^C, and what was written before it is not thrown away. */
    struct termios quiet = {.c_lflag = ISIG | ICANON | NOFLSH, .c_cc[VINTR] = 3};
    pid_t pid = forkpty(&terminal, NULL, &quiet, NULL);
    if (pid == 0) {
        run_default_signals();
        alarm(60);
        if (chdir(folder) == 0)
            execl(HOP_TEST_COMMAND, HOP_TEST_COMMAND, "record", "-q", "/usr/bin/python3", "wait.py",
                  NULL);
        _exit(124);
    }
    static char seen[4096];
    size_t length = 0;
    int sent = 0, status;
    for (;;) { /* a Ctrl-C after each line that answers the last one */
        ssize_t got = read(terminal, seen + length, sizeof seen - 1 - length);
        if (got <= 0)
            break; /* the other end is closed */
        length += (size_t)got;
        char awaited[32] = "ready";
        if (sent)
            snprintf(awaited, sizeof awaited, "got %d from", sent);
        if (sent < TIMES && strstr(seen, awaited)) {
            cr_assert_eq(write(terminal, "\003", 1), 1);
            sent++;
        }
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
    cr_assert_eq(WEXITSTATUS(status), 33, "%d: %s", WEXITSTATUS(status), seen);
    for (int i = 1; i <= TIMES; i++) {
        char line[32];
        snprintf(line, sizeof line, "got %d from 0\n", i);
        assert_has(seen, line);
    }
}

/* --- attach ----------------------------------------------------------------------------------- */

/* A Python that is busy until it is killed, known to be up; its pid, and as text. */
static pid_t start_busy_python(struct run *python, char *pid, size_t size)
{
    char path[200], line[16];
    put("busy.py", "open('up', 'w').write('up\\n')\nwhile True: pass\n");
    snprintf(path, sizeof path, "%s/up", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    const char *const argv[] = {"/usr/bin/python3", "busy.py", NULL};
    run_start(python, folder, argv);
    FILE *up = fopen(path, "r");
    cr_assert(up && fgets(line, sizeof line, up));
    fclose(up);
    snprintf(pid, size, "%d", (int)python->pid);
    return python->pid;
}

/* Waits, at most ten seconds, until heavyops has its handler for SIGINT and is past starting. */
static void await_handler(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    for (int i = 0; i < 1000; i++) {
        unsigned long long caught = 0;
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof line, file))
            sscanf(line, "SigCgt: %llx", &caught);
        if (file)
            fclose(file);
        if (caught & 1ull << (SIGINT - 1))
            return;
        usleep(10000);
    }
    cr_assert_fail("no handler for SIGINT");
}

Test(cli, attach_reports_when_it_is_interrupted)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    static struct run python;
    char pid[32];
    start_busy_python(&python, pid, sizeof pid);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        const char *const argv[] = {HOP_TEST_COMMAND, "attach", pid, "-i", "all", NULL};
        run_start(&run, folder, argv);
        await_sampling(run.pid, python.pid);
        kill(run.pid, signals[i]);
        run_wait(&run);
        cr_assert_eq(run.code, 0, "%d: %s", run.code, run.err);
        assert_has(run.out, "tracked instruction hits");
        assert_has(run.out, "stopped by the user");
    }
    kill(python.pid, SIGKILL);
    run_wait(&python);
}

Test(cli, attach_quits_at_the_second_signal)
{
    static struct run python;
    char pid[32];
    start_busy_python(&python, pid, sizeof pid);
    put("old", "before");
    const char *const argv[] = {HOP_TEST_COMMAND, "attach", pid, "-o", "old", NULL};
    run_start(&run, folder, argv);
    await_handler(run.pid);
    kill(run.pid, SIGSTOP); /* so that both are pending when it goes on */
    kill(run.pid, SIGTERM);
    kill(run.pid, SIGINT);
    kill(run.pid, SIGCONT);
    run_wait(&run);
    cr_assert(run.code == 130 || run.code == 143, "%d", run.code);
    cr_assert_str_empty(run.out);
    char path[200];
    struct stat old;
    snprintf(path, sizeof path, "%s/old", folder);
    cr_assert(stat(path, &old) == 0 && old.st_size == 6);
    kill(python.pid, SIGKILL);
    run_wait(&python);
}
