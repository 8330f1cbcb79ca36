/* The way stop in a run: a code object that takes longer to read than a thread may be held, and as
 * many looks as go. */
#include "base/clock.h"
#include "sample/sampler.h"
#include "sample/way.h"
#include "session/target.h"
#include "support/pythons.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

/* A reader that takes its time for each span: some are enough for a look, hundreds for the code. */
static const uint64_t SPAN_NS = 20 * 1000;

struct slow_reader {
    struct hop_reader base;
    struct hop_reader *behind;
};

static size_t fill_slowly(struct hop_reader *base, const struct hop_span *spans, size_t count)
{
    struct slow_reader *slow = (struct slow_reader *)base;
    uint64_t until_ns = hop_now_ns() + count * SPAN_NS;
    while (hop_now_ns() < until_ns)
        continue;
    return hop_reader_fill(slow->behind, spans, count);
}

enum { SAMPLES_WANTED = 20 };

struct learning {
    const struct hop_sampler *sampler;
    int samples_in_many;
    volatile sig_atomic_t is_over;
};

static bool count(void *context, uint32_t thread, const struct hop_step *frames, size_t depth,
                  size_t same, uint64_t tick, uint64_t weight_ns, uint32_t *place)
{
    struct learning *run = context;
    (void)thread, (void)depth, (void)same, (void)tick, (void)weight_ns;
    *place = 0;
    run->samples_in_many += !strcmp(run->sampler->codes.codes[frames[0].code]->name, "many");
    run->is_over = run->samples_in_many == SAMPLES_WANTED;
    return true;
}

static void count_again(void *context, uint32_t place, uint64_t times, uint64_t tick,
                        uint64_t weight_ns)
{
    (void)context, (void)place, (void)times, (void)tick, (void)weight_ns;
}

Test(way_stop, what_takes_longer_than_a_thread_may_be_held_is_learnt_later, .timeout = 240)
{
    struct python pythons[PYTHONS_MAX];
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8);
    struct target program;
    struct hop_target *target;
    struct hop_sampler sampler;
    struct hop_error err;
    struct learning run = {.sampler = &sampler};
    char line[16];
    cr_assert(found);
    target_start(&program, &pythons[found - 1], NULL, "constants.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    cr_assert_eq(hop_attach(program.pid, NULL, &target, &err), HOP_OK, "%s", err.message);
    struct slow_reader slow = {{.fill = fill_slowly}, &target->reader.base};
    cr_assert_eq(hop_sampler_init(&sampler, &target->process, &target->python, &slow.base, &err),
                 HOP_OK, "%s", err.message);
    struct hop_sampler_plan plan = {
        .rate_hz = 100,
        .read = HOP_READ_STOP,
        .duration_ns = 60 * NS_PER_S,
        .seed = 1,
        .stop = &run.is_over,
        .sink = {&run, count, count_again},
    };
    cr_assert_eq(hop_sampler_run(&sampler, &plan, &err), HOP_OK, "%s", err.message);
    cr_assert_geq(sampler.counts.refused[HOP_REFUSED_HELD_TOO_LONG], 1);
    hop_sampler_deinit(&sampler);
    hop_detach(target);
    target_kill(&program);
    cr_assert(run.is_over, "%d samples", run.samples_in_many);
}

static bool count_nothing(void *context, uint32_t thread, const struct hop_step *frames,
                          size_t depth, size_t same, uint64_t tick, uint64_t weight_ns,
                          uint32_t *place)
{
    (void)context, (void)thread, (void)frames, (void)depth, (void)same, (void)tick, (void)weight_ns;
    *place = 0;
    return true;
}

static void look_as_fast_as_it_goes(struct hop_target *target, enum hop_read read)
{
    struct hop_sampler sampler;
    struct hop_error err;
    cr_assert_eq(
        hop_sampler_init(&sampler, &target->process, &target->python, &target->reader.base, &err),
        HOP_OK, "%s", err.message);
    struct hop_sampler_plan plan = {
        .rate_hz = HOP_RATE_MAX_HZ,
        .read = read,
        .duration_ns = NS_PER_S / 2,
        .seed = 1,
        .sink = {NULL, count_nothing, count_again},
    };
    cr_assert_eq(hop_sampler_run(&sampler, &plan, &err), HOP_OK, "%s", err.message);
    /* Of two that want to run on its CPU each has half of the time. */
    cr_assert_lt(sampler.counts.idle, 4 * sampler.counts.samples, "%s: %lu samples",
                 hop_way_of(read)->name, sampler.counts.samples);
    hop_sampler_deinit(&sampler);
}

/* A thread that is let go gets to its CPU before it is taken again. */
Test(way_stop, threads_run_between_two_looks_whatever_the_rate, .timeout = 240)
{
    struct python python;
    struct target program;
    struct hop_target *target;
    struct hop_error err;
    python_choose(&python, 8);
    spin_start(&program, &python, (const char *const[]){NULL});
    cr_assert_eq(hop_attach(program.pid, NULL, &target, &err), HOP_OK, "%s", err.message);
    look_as_fast_as_it_goes(target, HOP_READ_STOP);
    look_as_fast_as_it_goes(target, HOP_READ_WAKEUP);
    hop_detach(target);
    target_kill(&program);
}
