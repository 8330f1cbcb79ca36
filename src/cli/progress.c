/* The progress line: one line on standard error, drawn once a second over the one before, gone
 * before anything else is said. */
#include "cli/progress.h"

#include "cli/command.h"
#include "cli/signals.h"

#include <poll.h>
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

/* Until sampling is over. Signals are let in where it is waited for that. */
static void attend(struct hop_sampling *sampling, const struct hop_sample_options *options,
                   const struct hop_cli_hold *hold, bool shows_progress)
{
    static const struct timespec a_line = {.tv_sec = 1};
    struct pollfd over = {.fd = hop_sampling_fd(sampling), .events = POLLIN};
    bool is_drawn = false;
    int ready;
    do {
        ready = ppoll(&over, 1, shows_progress ? &a_line : NULL, &hold->mask_before);
        if (options->stop && *options->stop) {
            hop_sampling_stop(sampling);
        } else if (*hold->is_suspending) {
            if (is_drawn)
                erase();
            *hold->is_suspending = 0;
            hop_sampling_suspend(sampling);
        } else if (ready == 0) {
            is_drawn |= draw(sampling, options->duration_ns);
        }
    } while (ready <= 0);
    if (is_drawn)
        erase();
}

enum hop_status hop_cli_sample(const struct hop_cli_settings *settings, struct hop_target *target,
                               const struct hop_sample_options *options, bool shows_progress,
                               struct hop_profile **profile, struct hop_error *err)
{
    struct hop_sampling *sampling;
    struct hop_cli_hold hold;
    *profile = NULL;
    hop_cli_hold_signals(&hold);
    enum hop_status status = hop_sampling_start(target, options, &sampling, err);
    if (status == HOP_OK) {
        if (options->stop && *options->stop) /* before they were held */
            hop_sampling_stop(sampling);
        attend(sampling, options, &hold, shows_progress && can_show(settings));
    }
    hop_cli_let_go_signals(&hold); /* what follows may take a while */
    return status == HOP_OK ? hop_sampling_finish(sampling, profile, err) : status;
}
