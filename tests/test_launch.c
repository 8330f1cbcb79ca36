/* Starting a program: what it inherits, and what is said when it can't be started. */
#include "proc/launch.h"
#include "support/children.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the program writes to standard output; its wait status is returned. */
static int launch_and_read(char *const argv[], char *into, size_t size)
{
    int out[2], pid, exec_errno;
    struct hop_error err;
    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    int saved = dup(STDOUT_FILENO);
    dup2(out[1], STDOUT_FILENO);
    enum hop_status status = hop_launch(argv, &pid, &exec_errno, &err);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(out[1]);
    cr_assert_eq(status, HOP_OK);
    cr_assert_eq(exec_errno, 0);
    size_t used = 0;
    ssize_t got;
    while ((got = read(out[0], into + used, size - 1 - used)) > 0)
        used += (size_t)got;
    into[used] = '\0';
    close(out[0]);
    int wait_status;
    cr_assert_eq(waitpid(pid, &wait_status, 0), pid);
    return wait_status;
}

static unsigned long long mask_of(const char *status, const char *key)
{
    const char *line = strstr(status, key);
    cr_assert_not_null(line);
    return strtoull(line + strlen(key), NULL, 16);
}

static void ignore_it(int signal_number)
{
    (void)signal_number;
}

Test(launch, signals_are_inherited_but_for_handlers)
{
    sigset_t blocked;
    char status[8192];
    char *argv[] = {"cat", "/proc/self/status", NULL};
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGTERM, ignore_it);
    signal(SIGINT, SIG_DFL);
    int wait_status = launch_and_read(argv, status, sizeof status);
    cr_assert(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
    cr_assert_eq(mask_of(status, "\nSigBlk:"), 1ull << (SIGUSR1 - 1));
    unsigned long long ignored = mask_of(status, "\nSigIgn:");
    cr_assert(ignored & 1ull << (SIGUSR2 - 1), "what is ignored stays so");
    cr_assert_not(ignored & 1ull << (SIGTERM - 1), "a handler becomes the default");
    cr_assert_not(ignored & 1ull << (SIGINT - 1));
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    cr_assert(sigismember(&now, SIGUSR1) && !sigismember(&now, SIGTERM), "our mask is as it was");
}

Test(launch, arguments_environment_and_exit_status_pass)
{
    char out[256];
    char *argv[] = {"sh", "-c",  "printf '%s|%s|%s' \"$1\" \"$2\" \"$HOP_LAUNCH\"; exit 42",
                    "sh", "a b", "",
                    NULL};
    setenv("HOP_LAUNCH", "environment", 1);
    int wait_status = launch_and_read(argv, out, sizeof out);
    cr_assert_str_eq(out, "a b||environment");
    cr_assert_eq(WEXITSTATUS(wait_status), 42);
}

static void expect_refusal(const char *program, int error, const char *message)
{
    char *argv[] = {(char *)program, NULL};
    int pid = -7, exec_errno = 0;
    struct hop_error err;
    cr_assert_eq(hop_launch(argv, &pid, &exec_errno, &err), HOP_ERR_LAUNCH);
    cr_assert_eq(exec_errno, error);
    cr_assert(strstr(err.message, message), "\"%s\" is not in \"%s\"", message, err.message);
    cr_assert_eq(pid, -7);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "no child is left behind");
    cr_assert_eq(errno, ECHILD);
}

Test(launch, what_cannot_be_started_is_told)
{
    char directory[64], script[96], path[256];
    setenv("PATH", "/usr/bin:/bin", 1);
    expect_refusal("python3.99", ENOENT, "python3.99: No such file or directory");
    expect_refusal("/nonexistent/python", ENOENT, "No such file or directory");
    expect_refusal("no\x1b[31msuch", ENOENT, "no\\x1b[31msuch:");

    make_directory(directory, sizeof directory);
    expect_refusal(directory, EACCES, "Permission denied");
    snprintf(script, sizeof script, "%s/broken-script", directory);
    FILE *file = fopen(script, "w");
    fputs("#!/nonexistent/python3\n", file);
    fchmod(fileno(file), 0755);
    fclose(file);
    expect_refusal(script, ENOENT, "the interpreter that the file names does not exist");
    snprintf(path, sizeof path, "/nonexistent:%s", directory);
    setenv("PATH", path, 1);
    expect_refusal("broken-script", ENOENT, "the interpreter that the file names does not exist");
    file = fopen(script, "w");
    fputs("no first line\n", file);
    fclose(file);
    expect_refusal(script, ENOEXEC, "no #! line");
    unlink(script);
    rmdir(directory);
}

Test(launch, a_directory_that_may_not_be_searched_hides_no_cause)
{
    char directory[64], path[128];
    make_directory(directory, sizeof directory);
    chmod(directory, 0);
    if (geteuid() == 0)
        give_to_nobody(directory);
    if (!become_nobody() && geteuid() == 0)
        cr_skip_test("root searches everything");
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", directory);
    setenv("PATH", path, 1);
    expect_refusal("python3.99", EACCES, "python3.99: No such file or directory");
    rmdir(directory);
}
