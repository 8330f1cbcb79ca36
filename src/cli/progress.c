/* The progress line: one line on standard error, drawn once a second over the one before, gone
 * before anything else is said. */
#include "cli/progress.h"

#include "cli/command.h"
#include "cli/signals.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE_BYTES = 2048, COLUMNS_DEFAULT = 80 };

/* Goes to the line's start, and erases all behind: what terminals have had since the VT100. */
static const char ERASE[] = "\r\033[K";

static bool can_show(const struct hop_cli_settings *settings)
{
    const char *type = getenv("TERM");
    return !settings->is_quiet && isatty(STDERR_FILENO) && type && *type &&
           strcmp(type, "dumb") != 0;
}

static bool is_in_foreground(void)
{
    return tcgetpgrp(STDERR_FILENO) == getpgrp();
}

static int columns(void)
{
    struct winsize size;
    bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return (is_known ? size.ws_col : COLUMNS_DEFAULT) - 1; /* the last one may wrap */
}

/* Whether a line is there now. */
static bool draw(struct hop_sampling *sampling, uint64_t duration_ns)
{
    struct hop_profile *profile;
    char line[LINE_BYTES];
    if (!is_in_foreground() || hop_sampling_look(sampling, false, &profile, NULL) != HOP_OK)
        return false;
    hop_progress_line(profile, duration_ns, columns(), line, sizeof line);
    hop_profile_destroy(profile);
    fprintf(stderr, "%s%s", ERASE, line);
    fflush(stderr);
    return true;
}

static void erase(void)
{
    if (is_in_foreground())
        fputs(ERASE, stderr);
    fflush(stderr);
}

/* True: sampling is over. False: a second has passed, where that is waited for, or Ctrl-Z was
 * pressed. */
static bool await_end(struct hop_sampling *sampling, const volatile sig_atomic_t *stop,
                      const volatile sig_atomic_t *is_suspending, bool waits_for_second)
{
    static const struct timespec second = {.tv_sec = 1};
    struct pollfd over = {.fd = hop_sampling_fd(sampling), .events = POLLIN};
    sigset_t mask_before;
    int ready = -1;
    hop_cli_hold_signals(&mask_before);
    while (ready < 0 && !*is_suspending) {
        if (stop && *stop)
            hop_sampling_stop(sampling);
        ready = ppoll(&over, 1, waits_for_second ? &second : NULL, &mask_before);
    }
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
    return ready > 0;
}

enum hop_status hop_cli_sample(const struct hop_cli_settings *settings, struct hop_target *target,
                               const struct hop_sample_options *options, bool shows_progress,
                               struct hop_profile **profile, struct hop_error *err)
{
    struct hop_sampling *sampling;
    struct sigaction suspending_before;
    bool has_line = shows_progress && can_show(settings), is_drawn = false;
    *profile = NULL;
    volatile sig_atomic_t *is_suspending = hop_cli_begin_suspending(&suspending_before);
    enum hop_status status = hop_sampling_start(target, options, &sampling, err);
    while (status == HOP_OK && !await_end(sampling, options->stop, is_suspending, has_line)) {
        if (!*is_suspending) {
            is_drawn |= draw(sampling, options->duration_ns);
            continue;
        }
        if (is_drawn)
            erase();
        is_drawn = false;
        hop_sampling_suspend(sampling);
        *is_suspending = 0; /* pressed twice, it is one wish */
    }
    if (is_drawn)
        erase();
    hop_cli_end_suspending(&suspending_before);
    return status == HOP_OK ? hop_sampling_finish(sampling, profile, err) : status;
}
