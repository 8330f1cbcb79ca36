/* Running programs, see run.h. Output goes to nameless files: no pipe to fill up. */
#include "support/run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 32, SECONDS_MAX = 240 };

void run_default_signals(void)
{
    static const int defaults[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGALRM};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        signal(defaults[i], SIG_DFL);
}

void run_start(struct run *run, const char *folder, const char *const argv[])
{
    memset(run, 0, sizeof *run);
    run->out_fd = memfd_create("out", MFD_CLOEXEC);
    run->err_fd = memfd_create("err", MFD_CLOEXEC);
    fflush(NULL);
    run->pid = fork();
    cr_assert(run->pid >= 0 && run->out_fd >= 0 && run->err_fd >= 0);
    if (run->pid)
        return;
    run_default_signals();
    /* What is left behind in the working directory is left where it harms nothing. */
    mkdir(HOP_TEST_BUILD "/tests/scratch", 0777);
    if (chdir(folder ? folder : HOP_TEST_BUILD "/tests/scratch") != 0)
        _exit(125);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(run->out_fd, STDOUT_FILENO);
    dup2(run->err_fd, STDERR_FILENO);
    alarm(SECONDS_MAX); /* lives through exec */
    execvp(argv[0], (char *const *)argv);
    _exit(124);
}

static void take(int fd, char *text, size_t size)
{
    ssize_t length = pread(fd, text, size - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    close(fd);
}

void run_wait(struct run *run)
{
    int status;
    cr_assert_eq(waitpid(run->pid, &status, 0), run->pid);
    run->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    take(run->out_fd, run->out, sizeof run->out);
    take(run->err_fd, run->err, sizeof run->err);
}

void run_heavyops(struct run *run, const char *folder, ...)
{
    const char *argv[WORDS_MAX] = {HOP_TEST_COMMAND};
    va_list words;
    va_start(words, folder);
    for (size_t i = 1; (argv[i] = va_arg(words, const char *)); i++)
        cr_assert_lt(i, WORDS_MAX - 1);
    va_end(words);
    run_start(run, folder, argv);
    run_wait(run);
}
