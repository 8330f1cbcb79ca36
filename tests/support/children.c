/* Forks, waits for readiness through pipes, and ends what it started. */
#include "support/children.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* In a child: where it tells that it is ready, and what ends when the test does. The signal of
 * PR_SET_PDEATHSIG is not enough: a test that has become someone else has no right to send it. */
static int ready_fd = -1;
static int lifeline_fd = -1;

void child_is_ready(void)
{
    if (write(ready_fd, "", 1) != 1)
        _exit(70);
    close(ready_fd);
}

void child_idle(void *unused)
{
    (void)unused;
    char byte;
    child_is_ready();
    while (read(lifeline_fd, &byte, 1) != 0)
        continue;
}

int child_start(child_body_fn *body, void *argument)
{
    int ready[2], lifeline[2];
    char byte;
    cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(lifeline, O_CLOEXEC), 0);
    int pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ready[0]);
        close(lifeline[1]);
        ready_fd = ready[1];
        lifeline_fd = lifeline[0];
        body(argument);
        _exit(0);
    }
    close(ready[1]);
    close(lifeline[0]); /* the other end stays open as long as we do */
    cr_assert_eq(read(ready[0], &byte, 1), 1, "the child was never ready");
    close(ready[0]);
    return pid;
}

void child_end(int pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int child_start_cat(const char *program, char *environment, child_body_fn *prepare, void *argument)
{
    int in[2], out[2];
    char byte = 'x';
    cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    int pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        char *argv[] = {"cat", NULL}, *envp[] = {environment, NULL};
        if (prepare)
            prepare(argument);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* behind `prepare`: a change of user clears it */
        execve(program, argv, envp);
        _exit(71);
    }
    close(in[0]);
    close(out[1]);
    cr_assert_eq(write(in[1], &byte, 1), 1);
    cr_assert_eq(read(out[0], &byte, 1), 1, "%s did not start", program);
    close(out[0]); /* in[1] stays open: its end would be cat's */
    return pid;
}

void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    ssize_t size;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    cr_assert(in >= 0 && out >= 0, "cannot copy %s to %s", from, to);
    while ((size = read(in, bytes, sizeof bytes)) > 0)
        cr_assert_eq(write(out, bytes, (size_t)size), size);
    fchmod(out, 0755);
    close(in);
    close(out);
}

void make_directory(char *path, size_t size)
{
    snprintf(path, size, "/tmp/heavyops-child-XXXXXX");
    cr_assert_not_null(mkdtemp(path));
    chmod(path, 0777);
}

bool become_nobody(void)
{
    if (geteuid() != 0)
        return false;
    cr_assert_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
    cr_assert_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
    prctl(PR_SET_DUMPABLE, 1); /* a change of user took it away */
    return true;
}

void give_to_nobody(const char *path)
{
    cr_assert_eq(chown(path, NOBODY, NOBODY), 0);
}
