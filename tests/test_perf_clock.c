/* The clock of perf events in a run: one that stands still is noticed, given up and told. */
#include "sample/sampler.h"
#include "session/target.h"
#include "support/pythons.h"

#include <criterion/criterion.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

struct run {
    struct hop_sampler *sampler;
    int still_fd; /* a perf event that never runs */
    bool has_changed;
    volatile sig_atomic_t is_over;
};

/* Puts the clock that stands still in the place of the first thread's; then waits for the end. */
static void look_after(struct run *run)
{
    struct hop_sampler *sampler = run->sampler;
    for (size_t i = 0; i < sampler->roster.count && !run->has_changed; i++) {
        struct hop_roster_entry *entry = &sampler->roster.entries[i];
        if (entry->task.perf.fd < 0)
            continue;
        cr_assert_eq(dup2(run->still_fd, entry->task.perf.fd), entry->task.perf.fd);
        entry->times.perf_ns = 0;
        run->has_changed = true;
    }
    run->is_over = sampler->counts.unproved_samples > 0;
}

static bool count(void *context, uint32_t thread, const struct hop_step *frames, size_t depth,
                  size_t same, uint64_t tick, uint64_t weight_ns, uint32_t *place)
{
    (void)thread, (void)frames, (void)depth, (void)same, (void)tick, (void)weight_ns;
    *place = 0;
    look_after(context);
    return true;
}

static void count_again(void *context, uint32_t place, uint64_t times, uint64_t tick,
                        uint64_t weight_ns)
{
    (void)place, (void)times, (void)tick, (void)weight_ns;
    look_after(context);
}

static int open_standing_event(void)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_DUMMY,
        .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
        .disabled = 1,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}

Test(perf_clock, that_stands_still_is_given_up_and_told, .timeout = 240)
{
    struct python pythons[PYTHONS_MAX];
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8);
    struct target program;
    struct hop_target *target;
    struct hop_sampler sampler;
    struct hop_error err;
    struct run run = {.sampler = &sampler, .still_fd = open_standing_event()};
    char line[16];
    if (run.still_fd < 0 || !hop_perf_clock_is_fine())
        cr_skip_test("perf events are not to be had here");
    cr_assert(found);
    target_start(&program, &pythons[found - 1], NULL, "spin.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    cr_assert_eq(hop_attach(program.pid, NULL, &target, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(
        hop_sampler_init(&sampler, &target->process, &target->python, &target->reader.base, &err),
        HOP_OK, "%s", err.message);
    struct hop_sampler_plan plan = {
        .rate_hz = 1000,
        .mode = HOP_MODE_WALL, /* one that has not run is then the last sample again */
        .duration_ns = 90 * NS_PER_S,
        .seed = 1,
        .stop = &run.is_over,
        .sink = {&run, count, count_again},
    };
    cr_assert_eq(hop_sampler_run(&sampler, &plan, &err), HOP_OK, "%s", err.message);
    cr_assert(run.has_changed, "no thread got a perf event");
    cr_assert_gt(sampler.counts.unproved_samples, 0, "it was not noticed");
    cr_assert_leq(sampler.counts.unproved_samples, sampler.counts.samples);
    cr_assert(sampler.perf_clocks.is_given_up);
    for (size_t i = 0; i < sampler.roster.count; i++)
        cr_assert_lt(sampler.roster.entries[i].task.perf.fd, 0);
    hop_sampler_deinit(&sampler);
    hop_detach(target);
    target_kill(&program);
    close(run.still_fd);
}

/* A thread that runs for a little at a time tells it, too, when it has run for long enough. */
Test(perf_clock, is_compared_over_as_long_as_it_takes)
{
    const struct hop_task_times before = {.run_ns = 1, .perf_ns = 1};
    struct hop_task_times after = {.run_ns = 1 + 30 * NS_PER_S / 1000, .perf_ns = 1};
    cr_assert_not(hop_task_times_are_telling(&before, &after));
    cr_assert(hop_task_times_agree(&before, &after));
    after.run_ns += 30 * NS_PER_S / 1000;
    cr_assert(hop_task_times_are_telling(&before, &after));
    cr_assert_not(hop_task_times_agree(&before, &after));
}
