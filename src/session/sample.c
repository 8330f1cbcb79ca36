/* Sampling from end to end: runs the sampler into a tally and makes the profile of what it holds,
 * at the end and, where it goes on in a thread of its own, as often as it is asked for. */
#include "base/clock.h"
#include "base/suspend.h"
#include "profile/profile.h"
#include "profile/tally.h"
#include "sample/way.h"
#include "session/build.h"
#include "session/capture.h"
#include "session/target.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* --- from the sampler to the tally ----------------------------------------------------------- */

static bool count_stack(void *context, uint32_t thread, const struct hop_step *steps, size_t depth,
                        size_t same, uint64_t tick, uint64_t weight_ns, uint32_t *place)
{
    if (!hop_tally_add_next(context, thread, steps, depth, same, tick, weight_ns))
        return false;
    *place = hop_tally_last(context);
    return true;
}

static void count_again(void *context, uint32_t place, uint64_t count, uint64_t tick,
                        uint64_t weight_ns)
{
    hop_tally_again(context, place, count, tick, weight_ns);
}

/* --- the whole ------------------------------------------------------------------------------- */

static enum hop_status check_plan(const struct hop_sampler_plan *plan, struct hop_error *err)
{
    if (!hop_way_of(plan->read))
        return hop_error_set(err, HOP_ERR_USAGE, NULL, "no way to look has the number %d",
                             (int)plan->read);
    if (plan->rate_hz >= HOP_RATE_MIN_HZ && plan->rate_hz <= HOP_RATE_MAX_HZ)
        return HOP_OK;
    return hop_error_set(err, HOP_ERR_USAGE, NULL, "a rate of %g Hz is not between %g and %g",
                         plan->rate_hz, HOP_RATE_MIN_HZ, HOP_RATE_MAX_HZ);
}

static enum hop_status check_not_stopped(const struct hop_target *target, struct hop_error *err)
{
    if (!hop_process_is_stopped(&target->process))
        return HOP_OK;
    int tracer = hop_process_tracer(&target->process);
    if (tracer)
        return hop_error_set(err, HOP_ERR_STOPPED,
                             "let the debugger continue it, or take its stacks with "
                             "`heavyops dump`",
                             "process %d is held by a debugger (process %d)", target->process.pid,
                             tracer);
    return hop_error_set(err, HOP_ERR_STOPPED,
                         "continue it (`kill -CONT PID`), or take its stacks with `heavyops dump`",
                         "process %d is stopped", target->process.pid);
}

static enum hop_status why_nothing(const struct hop_target *target,
                                   const struct hop_profile *profile, struct hop_error *err)
{
    const char *remedy = "sample for longer, or take sleeping threads too (--mode wall)";
    if (profile->ending == HOP_ENDED_EXITED || profile->ending == HOP_ENDED_EXEC)
        remedy = "it ended soon: sample more often (-r 10k), or sleeping threads too (--mode wall)";
    if (profile->refused_total)
        remedy = "see what was refused in the report's heading";
    return hop_error_set(err, HOP_ERR_NOTHING, remedy, "not one sample was taken of process %d",
                         target->process.pid);
}

/* One run, from end to end. */
struct run {
    struct hop_target *target;
    struct hop_sampler sampler;
    struct hop_sampler_plan plan;
    struct hop_tally *tally;
};

static void run_deinit(struct run *run)
{
    hop_tally_destroy(run->tally);
    hop_sampler_deinit(&run->sampler);
}

/* HOP_OK, or all is undone. */
static enum hop_status run_init(struct run *run, struct hop_target *target,
                                const struct hop_sample_options *options, struct hop_error *err)
{
    *run = (struct run){.target = target};
    run->plan = (struct hop_sampler_plan){
        .rate_hz = options->rate_hz != 0 ? options->rate_hz : HOP_RATE_DEFAULT_HZ,
        .duration_ns = options->duration_ns,
        .mode = options->mode,
        .read = options->read,
        .opens_live = options->opens_live,
        .seed = options->seed ? options->seed : (hop_now_ns() | 1),
        .stop = options->stop,
        .sink = {.add = count_stack, .again = count_again},
    };
    enum hop_status status = check_plan(&run->plan, err);
    if (status == HOP_OK)
        status = check_not_stopped(target, err);
    if (status == HOP_OK)
        status = hop_sampler_init(&run->sampler, &target->process, &target->python,
                                  &target->reader.base, err);
    if (status != HOP_OK)
        return status;
    run->plan.sink.context = run->tally = hop_tally_create();
    if (!run->tally) {
        run_deinit(run);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the tally");
    }
    /* A program that is to be seen from its start may be over by then. */
    if (!options->opens_live)
        hop_tally_take_memory(run->tally);
    return HOP_OK;
}

/* The result of a run that is over. */
static enum hop_status run_finish(struct run *run, struct hop_profile **profile,
                                  struct hop_error *err)
{
    struct hop_capture capture;
    struct hop_build_source source = {
        .target = run->target,
        .capture = &capture,
        .lateness = &run->sampler.deadlines.lateness,
        .mode = run->plan.mode,
        .rate_hz = run->plan.rate_hz,
        .with_bytecode = true,
    };
    hop_capture_borrow(&capture, &run->sampler, run->tally);
    enum hop_status status = hop_build_profile(&source, profile, err);
    if (status == HOP_OK && !(*profile)->samples)
        status = why_nothing(run->target, *profile, err);
    return status;
}

enum hop_status hop_sample(struct hop_target *target, const struct hop_sample_options *options,
                           struct hop_profile **profile, struct hop_error *err)
{
    struct run run;
    *profile = NULL;
    enum hop_status status = run_init(&run, target, options, err);
    if (status != HOP_OK)
        return status;
    status = hop_sampler_run(&run.sampler, &run.plan, err);
    if (status == HOP_OK)
        status = run_finish(&run, profile, err);
    run_deinit(&run);
    return status;
}

/* --- in a thread of its own ------------------------------------------------------------------- */

struct hop_sampling {
    struct run run;
    struct hop_captures captures;
    pthread_t thread;
    pthread_mutex_t gate;
    volatile sig_atomic_t stop;
    int over_fd; /* an eventfd */
    enum hop_status status;
    struct hop_error err;
};

static void *run_in_thread(void *argument)
{
    struct hop_sampling *sampling = argument;
    struct run *run = &sampling->run;
    sampling->status = hop_sampler_run(&run->sampler, &run->plan, &sampling->err);
    eventfd_write(sampling->over_fd, 1);
    return NULL;
}

/* Lookers may be real-time threads, and whoever holds the gate may not: it then borrows their
 * priority as soon as one waits for it, so that none waits longer than for the piece under way. */
static void gate_init(pthread_mutex_t *gate)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    if (pthread_mutex_init(gate, &attributes) != 0) /* a kernel without that */
        pthread_mutex_init(gate, NULL);
    pthread_mutexattr_destroy(&attributes);
}

static void sampling_destroy(struct hop_sampling *sampling)
{
    hop_captures_deinit(&sampling->captures);
    pthread_mutex_destroy(&sampling->gate);
    if (sampling->over_fd >= 0)
        close(sampling->over_fd);
    free(sampling);
}

/* With all signals blocked but those of a crash, which could not be handled then: handlers run in
 * the caller's threads. */
static int start_thread(struct hop_sampling *sampling)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        sigdelset(&all, crashes[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&sampling->thread, NULL, run_in_thread, sampling);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum hop_status hop_sampling_start(struct hop_target *target,
                                   const struct hop_sample_options *options,
                                   struct hop_sampling **result, struct hop_error *err)
{
    *result = NULL;
    struct hop_sampling *sampling = calloc(1, sizeof *sampling);
    if (!sampling)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the sampler");
    gate_init(&sampling->gate);
    hop_captures_init(&sampling->captures, &sampling->gate);
    sampling->over_fd = eventfd(0, EFD_CLOEXEC);
    enum hop_status status = HOP_OK;
    if (sampling->over_fd < 0)
        status =
            hop_error_set(err, HOP_ERR_MEMORY, NULL, "cannot make an eventfd: %s", strerror(errno));
    if (status == HOP_OK)
        status = run_init(&sampling->run, target, options, err);
    if (status != HOP_OK) {
        sampling_destroy(sampling);
        return status;
    }
    sampling->run.plan.stop = &sampling->stop;
    sampling->run.plan.gate = &sampling->gate;
    int failed = start_thread(sampling);
    if (failed) {
        run_deinit(&sampling->run);
        sampling_destroy(sampling);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "cannot start a thread to sample in: %s",
                             strerror(failed));
    }
    *result = sampling;
    return HOP_OK;
}

int hop_sampling_fd(const struct hop_sampling *sampling)
{
    return sampling->over_fd;
}

enum hop_status hop_sampling_look(struct hop_sampling *sampling, bool with_bytecode,
                                  struct hop_profile **profile, struct hop_error *err)
{
    struct run *run = &sampling->run;
    struct hop_captures *captures = &sampling->captures;
    struct hop_build_source source = {
        .target = run->target,
        .capture = &captures->last,
        .mode = run->plan.mode,
        .rate_hz = run->plan.rate_hz,
        .with_bytecode = with_bytecode,
    };
    *profile = NULL;
    if (!hop_captures_take(captures, &run->sampler, run->tally))
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the profile");
    if (!captures->last.way)
        return hop_error_set(err, HOP_ERR_NOTHING, NULL, "sampling has not begun yet");
    return hop_build_profile(&source, profile, err);
}

enum hop_status hop_sampling_reset(struct hop_sampling *sampling, struct hop_error *err)
{
    struct hop_captures *captures = &sampling->captures;
    if (captures->last.way && !hop_captures_reset(captures))
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the profile");
    return HOP_OK;
}

void hop_sampling_suspend(struct hop_sampling *sampling)
{
    struct hop_sampler *sampler = &sampling->run.sampler;
    pthread_mutex_lock(&sampling->gate); /* so nobody looks */
    hop_sampler_pause(sampler);
    hop_suspend_process();
    hop_sampler_resume(sampler);
    pthread_mutex_unlock(&sampling->gate);
}

void hop_sampling_stop(struct hop_sampling *sampling)
{
    sampling->stop = 1;
}

enum hop_status hop_sampling_finish(struct hop_sampling *sampling, struct hop_profile **profile,
                                    struct hop_error *err)
{
    *profile = NULL;
    pthread_join(sampling->thread, NULL);
    enum hop_status status = sampling->status;
    if (status == HOP_OK)
        status = run_finish(&sampling->run, profile, err);
    else if (err)
        *err = sampling->err;
    run_deinit(&sampling->run);
    sampling_destroy(sampling);
    return status;
}
