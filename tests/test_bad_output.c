/* Output that cannot be written, is closed, or is read by no one: told before anything is sampled
 * or started, and never at the cost of a program's own. */
#include "support/programs.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAILED = 1 };

static struct run run;
static const char *const no_words[] = {NULL};

/* Runs a line of the shell in which $0 is heavyops and $1 the pid of a busy Python. */
static void shell(const char *line, pid_t pid)
{
    const char *const words[] = {"bash", "-c", line, HOP_TEST_COMMAND, pid_word(pid), NULL};
    run_start(&run, NULL, words);
    run_wait(&run);
}

/* Refused although the process does not exist: hence before it was even looked for. */
Test(bad_output, attach_looks_at_its_output_first, .timeout = 240)
{
    static const char *const lines[] = {
        "\"$0\" attach $1 -o /nowhere/at/all",
        "\"$0\" attach $1 -o /dev/full",
        "\"$0\" attach $1 -o /",
        "\"$0\" attach $1 -o ''",
        "\"$0\" attach $1 >/dev/full",
        "\"$0\" attach $1 >&-",
        "\"$0\" dump $1 >/dev/full",
        "\"$0\" dump $1 -o /nowhere/at/all",
        "\"$0\" info $1 -o /nowhere/at/all",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        shell(lines[i], 4194304);
        assert_refuses(&run, FAILED, "cannot write '", "choose another place with -o");
    }
}

Test(bad_output, record_looks_at_its_output_first, .timeout = 240)
{
    static const char *const places[] = {"-o /nowhere/at/all", "-o /dev/full", "-o /",
                                         "2>/dev/full"};
    char line[200];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(line, sizeof line, "\"$0\" record %s -- echo it runs", places[i]);
        shell(line, 0);
        cr_assert_eq(run.code, FAILED, "%s: %d %s", places[i], run.code, run.err);
        cr_assert_str_empty(run.out, "%s: the program was started", places[i]);
    }
}

Test(bad_output, a_read_only_folder_and_file, .timeout = 240)
{
    struct folder folder;
    char line[500];
    folder_make(&folder);
    chmod(folder.path, 0755);
    run_command("cp '%s' '%s/heavyops'; chmod 755 '%s/heavyops'; echo mine >'%s/old'; "
                "chmod 444 '%s/old'; chmod 555 '%s'",
                HOP_TEST_COMMAND, folder.path, folder.path, folder.path, folder.path, folder.path);
    const char *as_nobody =
        geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : "";
    static const char *const names[] = {"new", "old"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(line, sizeof line, "%s%s/heavyops attach $1 -o %s/%s", as_nobody, folder.path,
                 folder.path, names[i]);
        shell(line, 4194304);
        assert_refuses(&run, FAILED, "Permission denied", "choose another place with -o");
        snprintf(line, sizeof line, "%s%s/heavyops record -o %s/%s echo it runs", as_nobody,
                 folder.path, folder.path, names[i]);
        shell(line, 0);
        assert_refuses(&run, FAILED, "Permission denied", "choose another place with -o");
    }
    run_command("test \"$(cat '%s/old')\" = mine", folder.path);
    chmod(folder.path, 0755);
    folder_remove(&folder);
}

/* What was sampled is not lost with the file; what the file held before is not either. */
Test(bad_output, a_disk_that_fills_up_while_it_is_written, .timeout = 240)
{
    struct folder folder;
    struct python python;
    struct target target;
    char line[300];
    folder_make(&folder);
    python_choose(&python, 8);
    spin_start(&target, &python, no_words);
    snprintf(line, sizeof line,
             "cd %s; echo mine >json; (trap '' XFSZ; ulimit -f 1; exec \"$0\" attach $1 -d 0.3 "
             "--format json -o json) 2>&1 | cat; exit ${PIPESTATUS[0]}",
             folder.path);
    shell(line, target.pid);
    cr_assert_eq(run.code, FAILED, "%d %s", run.code, run.out);
    const char *message = strstr(run.out, "\nheavyops: cannot write the report: ");
    cr_assert(message && strstr(message, "\n  the report was written to standard error instead\n"),
              "%s", run.out);
    cr_assert(run.out[0] == '{' && message[-1] == '}', "%s", run.out);
    run_command("test \"$(cat '%s/json')\" = mine && test \"$(ls '%s')\" = json", folder.path,
                folder.path);
    target_kill(&target);
    folder_remove(&folder);
}

/* No file of ours gets the number of a closed stream, and with it what is said there. */
Test(bad_output, closed_streams_stay_closed, .timeout = 240)
{
    struct folder folder;
    struct python python;
    struct target target;
    char line[300];
    folder_make(&folder);
    python_choose(&python, 8);
    spin_start(&target, &python, no_words);
    snprintf(line, sizeof line,
             "\"$0\" attach $1 -d 0.2 --format json -o %s/json <&- >&- 2>&- && cat %s/json",
             folder.path, folder.path);
    shell(line, target.pid);
    cr_assert_eq(run.code, 0);
    cr_assert(run.out[0] == '{' && strcmp(strchr(run.out, '\0') - 2, "}\n") == 0, "%s", run.out);
    const char *const words[] = {
        "bash", "-c", "exec \"$0\" attach $1 <&- 2>&-", HOP_TEST_COMMAND, pid_word(target.pid),
        NULL};
    run_start(&run, NULL, words);
    await_sampling(run.pid, target.pid);
    char path[64], link[64] = "";
    for (int fd = 0; fd <= 2; fd += 2) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)run.pid, fd);
        cr_assert(readlink(path, link, sizeof link - 1) > 0 && strcmp(link, "/dev/null") == 0,
                  "%d is %s", fd, link);
    }
    kill(run.pid, SIGINT);
    run_wait(&run);
    /* The program finds them closed, and nothing open that would not be there without us. */
    snprintf(line, sizeof line,
             "cd %s; (exec <&- 2>&-; ls /proc/self/fd >a; \"$0\" record -o report ls /proc/self/fd "
             ">b); cmp a b",
             folder.path);
    shell(line, 0);
    cr_assert_eq(run.code, 0, "%s", run.out);
    target_kill(&target);
    folder_remove(&folder);
}

/* `| head -1`: heavyops ends as any program would, with no word and no hang. */
Test(bad_output, a_reader_that_goes_away, .timeout = 240)
{
    struct python python;
    struct target target;
    python_choose(&python, 8);
    spin_start(&target, &python, no_words);
    shell("set -o pipefail; \"$0\" attach -i all -n 0 -d 0.3 $1 | head -1", target.pid);
    cr_assert(run.code == 0 || run.code == 128 + SIGPIPE, "%d", run.code);
    cr_assert_str_empty(run.err);
    cr_assert_eq(strncmp(run.out, "pid ", 4), 0, "%s", run.out);
    shell("\"$0\" attach -d 0.3 $1 | true; exit ${PIPESTATUS[0]}", target.pid);
    cr_assert_eq(run.code, 128 + SIGPIPE, "%d", run.code);
    cr_assert_str_empty(run.err);
    target_kill(&target);
    /* The program's status does not depend on who reads the report. */
    shell("exec 3>&1; { \"$0\" record bash -c 'exit 6' 2>&1 >/dev/null; echo $? >&3; } | true", 0);
    cr_assert_str_eq(run.out, "6\n");
}
