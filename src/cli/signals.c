/* Signal handlers of the command, see signals.h. A handler can only reach what is global. */
#include "cli/signals.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

/* The same signal again this soon is the same wish: timeout(1), for one, sends its signal to its
 * child and then to the whole group. Hardly anyone presses Ctrl-C twice as fast. */
enum { SAME_WISH_MS = 250 };

static volatile sig_atomic_t is_stopping, first_number, first_ms;

/* Milliseconds that wrap around; clock_gettime may be called in a handler. */
static sig_atomic_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (sig_atomic_t)(((unsigned)now.tv_sec & 0xfffff) * 1000 +
                          (unsigned)now.tv_nsec / 1000000);
}

static struct hop_terminal_rescue rescue;
static const char *volatile doomed_folder;

static void clean_up(void)
{
    hop_terminal_rescue(&rescue);
    if (doomed_folder)
        rmdir(doomed_folder);
}

static void stop(int number)
{
    int saved_errno = errno;
    sig_atomic_t at_ms = now_ms(), passed_ms = at_ms - first_ms;
    if (is_stopping && !(number == first_number && passed_ms >= 0 && passed_ms < SAME_WISH_MS)) {
        clean_up();
        _exit(128 + number);
    }
    if (!is_stopping) {
        first_number = number;
        first_ms = at_ms;
    }
    is_stopping = 1;
    errno = saved_errno;
}

static void install(const int *numbers, size_t count, const struct sigaction *action,
                    struct sigaction *old)
{
    for (size_t i = 0; i < count; i++) {
        sigaction(numbers[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)
            sigaction(numbers[i], action, NULL);
    }
}

const volatile sig_atomic_t *hop_cli_stop_on_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    enum { COUNT = sizeof numbers / sizeof *numbers };
    struct sigaction action = {.sa_handler = stop}, old[COUNT];
    sigemptyset(&action.sa_mask);
    install(numbers, COUNT, &action, old);
    return &is_stopping;
}

static volatile sig_atomic_t is_suspending;

static void suspend(int number)
{
    (void)number;
    is_suspending = 1;
}

volatile sig_atomic_t *hop_cli_begin_suspending(struct sigaction *before)
{
    struct sigaction action = {.sa_handler = suspend};
    sigemptyset(&action.sa_mask);
    is_suspending = 0;
    sigaction(SIGTSTP, NULL, before);
    if (before->sa_handler == SIG_DFL)
        sigaction(SIGTSTP, &action, NULL);
    return &is_suspending;
}

void hop_cli_end_suspending(const struct sigaction *before)
{
    sigaction(SIGTSTP, before, NULL);
    if (is_suspending)
        raise(SIGTSTP);
}

void hop_cli_hold_signals(sigset_t *mask_before)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGTSTP);
    pthread_sigmask(SIG_BLOCK, &held, mask_before);
}

static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
enum { FORWARDED_COUNT = sizeof forwarded / sizeof *forwarded };

static struct sigaction old_actions[FORWARDED_COUNT];
static volatile sig_atomic_t program_pid, is_asked_to_end;
static volatile sig_atomic_t is_kept[FORWARDED_COUNT];

static void forward(int number, siginfo_t *info, void *context)
{
    (void)context;
    int pid = program_pid, saved_errno = errno;
    /* The kernel's own (SI_KERNEL, above 0) are a terminal's: it sends them to the program too.
     * One from the program itself was not meant for it. */
    if (info->si_code > 0 || (pid && info->si_pid == pid))
        return;
    if (number != SIGUSR1 && number != SIGUSR2)
        is_asked_to_end = 1;
    if (pid) {
        kill(pid, number);
    } else {
        for (size_t i = 0; i < FORWARDED_COUNT; i++)
            if (forwarded[i] == number)
                is_kept[i] = 1;
    }
    errno = saved_errno;
}

const volatile sig_atomic_t *hop_cli_forward_signals(void)
{
    struct sigaction action = {.sa_sigaction = forward, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    install(forwarded, FORWARDED_COUNT, &action, old_actions);
    return &is_asked_to_end;
}

void hop_cli_forward_to(int pid)
{
    program_pid = pid;
    for (size_t i = 0; i < FORWARDED_COUNT; i++) {
        if (is_kept[i]) {
            is_kept[i] = 0;
            kill(pid, forwarded[i]);
        }
    }
}

void hop_cli_stop_forwarding(void)
{
    for (size_t i = 0; i < FORWARDED_COUNT; i++)
        sigaction(forwarded[i], &old_actions[i], NULL);
    program_pid = 0;
}

/* Gives the terminal back and dies of what it was. */
static void rescue_and_die(int number)
{
    clean_up();
    signal(number, SIG_DFL);
    raise(number);
}

struct hop_terminal_rescue *hop_cli_rescue_terminal(void)
{
    static const int numbers[] = {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS,  SIGILL, SIGFPE,
                                  SIGSYS,  SIGXCPU, SIGALRM, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = rescue_and_die}, old;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], NULL, &old);
        if (old.sa_handler == SIG_DFL) /* neither ignored nor passed on */
            sigaction(numbers[i], &action, NULL);
    }
    return &rescue;
}

void hop_cli_remove_when_killed(const char *folder)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = rescue_and_die}, old;
    doomed_folder = folder;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; folder && i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], NULL, &old);
        if (old.sa_handler == SIG_DFL)
            sigaction(numbers[i], &action, NULL);
    }
}
