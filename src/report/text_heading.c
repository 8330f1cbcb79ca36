/* The heading of the text report: what was looked at, how, and how well that went. Zeros are left
 * out. */
#include "report/text_parts.h"

#include "base/escape.h"
#include "report/numbers.h"

#include <inttypes.h>

/* From this part of refused looks on, the report says what they may hide. */
static const double REFUSED_MUCH = .01;

static const char *ending_words(enum hop_ending ending)
{
    switch (ending) {
    case HOP_ENDED_DURATION:
        return NULL; /* as asked: nothing to tell */
    case HOP_ENDED_STOPPED:
        return "stopped by the user";
    case HOP_ENDED_EXITED:
        return "the process exited";
    case HOP_ENDED_EXEC:
        return "the process became another program (exec)";
    }
    return NULL;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_refused(FILE *stream, const struct hop_profile *profile)
{
    if (profile->refused_total == 0)
        return;
    uint64_t looks = profile->samples + profile->refused_total;
    fprintf(stream,
            "refused: %s (%s of what was looked at):", hop_thousands(profile->refused_total).text,
            hop_percent(profile->refused_total, looks).text);
    for (size_t i = 0; i < profile->refused_count; i++) {
        fprintf(stream, "%s %s ", i ? ";" : "", hop_thousands(profile->refused[i].count).text);
        hop_print_escaped(stream, profile->refused[i].words); /* a file's may be hostile */
    }
    fputc('\n', stream);
    /* Of looks of which a part f was refused, a share s of the rest is s (1 - f) of all, and the
     * refused ones may all or none of them belong to it: between s (1 - f) and s (1 - f) + f. */
    if ((double)profile->refused_total > REFUSED_MUCH * (double)looks)
        fprintf(stream,
                "         these may hide up to %s (in points) of any share, beyond its interval\n",
                hop_percent(profile->refused_total, looks).text);
}

static void print_late(FILE *stream, const struct hop_profile *profile)
{
    if (profile->late_max_ns)
        fprintf(stream, "late: half of the looks by up to %s, 99%% by up to %s, the latest by %s\n",
                hop_moment(profile->late_median_ns).text, hop_moment(profile->late_p99_ns).text,
                hop_moment(profile->late_max_ns).text);
}

static void print_stops(FILE *stream, const struct hop_profile *profile)
{
    if (profile->longest_stop_ns)
        fprintf(stream,
                "stopped: for %s at the longest; %s of the samples (%s) at the end of a system "
                "call\n",
                hop_moment(profile->longest_stop_ns).text,
                hop_thousands(profile->syscall_stops).text,
                hop_percent(profile->syscall_stops, profile->samples).text);
    if (profile->live_samples)
        fprintf(stream,
                "live: %s sample%s (%s) of threads on CPUs that heavyops may not use, read as they "
                "ran\n",
                hop_thousands(profile->live_samples).text, plural(profile->live_samples),
                hop_percent(profile->live_samples, profile->samples).text);
}

static void print_clock(FILE *stream, const struct hop_profile *profile)
{
    if (profile->unproved_samples)
        fprintf(stream,
                "clock: that of perf events stood still while a thread ran, so the kernel's count "
                "of its runs took its place; %s sample%s (%s) at most before are not proved\n",
                hop_thousands(profile->unproved_samples).text, plural(profile->unproved_samples),
                hop_percent(profile->unproved_samples, profile->samples).text);
}

static void print_opening(FILE *stream, const struct hop_profile *profile)
{
    if (profile->opening_samples)
        fprintf(stream,
                "opening: %s of the samples are of the first %s, read live as fast as could be; "
                "shares are shares of time\n",
                hop_thousands(profile->opening_samples).text, hop_moment(profile->opening_ns).text);
}

void hop_text_print_heading(FILE *stream, const struct hop_profile *profile)
{
    hop_text_print_target(stream, profile->pid, profile->python, profile->command_line);
    fprintf(stream, "%s samples in %s at %s", hop_thousands(profile->samples).text,
            hop_seconds(profile->duration_ns).text, hop_frequency(profile->true_rate_hz).text);
    if (profile->asked_rate_hz > 0)
        fprintf(stream, " (%s asked", hop_frequency(profile->asked_rate_hz).text);
    else
        fputs(" (different rates asked", stream);
    fputs("; mode ", stream);
    hop_print_escaped(stream, profile->mode);
    fputs(", ", stream);
    hop_print_escaped(stream, profile->way);
    fputs(")\n", stream);
    if (profile->way_words[0]) {
        hop_print_escaped(stream, profile->way);
        fputs(": ", stream);
        hop_print_escaped(stream, profile->way_words);
        fputc('\n', stream);
    }
    if (profile->part_count > 1)
        fprintf(stream, "merged: %zu profiles\n", profile->part_count);
    print_opening(stream, profile);
    print_refused(stream, profile);
    print_stops(stream, profile);
    print_clock(stream, profile);
    if (profile->idle)
        fprintf(stream, "idle: %s time%s a thread slept or waited and was left out\n",
                hop_thousands(profile->idle).text, plural(profile->idle));
    print_late(stream, profile);
    if (profile->missed)
        fprintf(stream, "missed: %s instant%s that had passed before heavyops got to run\n",
                hop_thousands(profile->missed).text, plural(profile->missed));
    const char *ending = ending_words(profile->ending);
    if (ending)
        fprintf(stream, "ended: %s\n", ending);
}
