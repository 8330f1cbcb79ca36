/* What a sample costs in things that can be counted: once warm, no allocation, and few system
 * calls. On every interpreter found. (What it costs in time is `make bench`'s.) */
#include "sample/sampler.h"
#include "session/target.h"
#include "support/allocations.h"
#include "support/pythons.h"
#include "support/system_calls.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <sched.h>

#define NS_PER_S UINT64_C(1000000000)

/* When to begin and to end counting. A thread gets its perf event after some samples. */
enum { WARM_SAMPLES = 200, COUNTED_SAMPLES = 400 };

/* A same-CPU look in steady state, besides the wait: the memory; now and then whether the program
 * is still there. That the thread stood still lies in memory of ours, where the kernel records its
 * switches. Elsewhere it takes the thread's clock twice; with schedstat for a clock also its stat.
 */
static const double CALLS_ALLOWED = 2.5, CALLS_ALLOWED_WITHOUT_RECORDS = 6;

struct counts {
    const struct hop_sampler *sampler;
    size_t samples;
    uint64_t ticks; /* this and the next: at the first sample that counts, then since */
    size_t allocations, system_calls;
    volatile sig_atomic_t is_over;
};

static bool count_sample(void *context, uint32_t thread, const struct hop_step *frames,
                         size_t depth, size_t same, uint64_t instant, uint64_t weight_ns,
                         uint32_t *place)
{
    struct counts *counts = context;
    (void)thread, (void)frames, (void)depth, (void)same, (void)instant, (void)weight_ns;
    *place = 0;
    counts->samples++;
    if (counts->samples == WARM_SAMPLES) {
        counts->ticks = counts->sampler->counts.ticks;
        counts->allocations = allocations_asked();
        counts->system_calls = system_calls_made();
    }
    if (counts->samples == WARM_SAMPLES + COUNTED_SAMPLES) {
        counts->ticks = counts->sampler->counts.ticks - counts->ticks;
        counts->allocations = allocations_asked() - counts->allocations;
        counts->system_calls = system_calls_made() - counts->system_calls;
        counts->is_over = 1;
    }
    return true;
}

static void count_again(void *context, uint32_t place, uint64_t count, uint64_t instant,
                        uint64_t weight_ns)
{
    (void)context, (void)place, (void)count, (void)instant, (void)weight_ns;
}

/* For on another CPU there is another looker to be made, and a look that comes too early. */
static void stay_on_one_cpu(pid_t pid)
{
    cpu_set_t cpus;
    int cpu = 0;
    cr_assert_eq(sched_getaffinity(pid, sizeof cpus, &cpus), 0);
    while (!CPU_ISSET(cpu, &cpus))
        cpu++;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    cr_assert_eq(sched_setaffinity(pid, sizeof cpus, &cpus), 0);
}

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

static void expect_little(const struct python *python, enum hop_read read)
{
    struct target program;
    struct hop_target *target;
    struct hop_sampler sampler;
    struct hop_error err;
    struct counts counts = {.sampler = &sampler};
    char line[16];
    target_start(&program, python, NULL, "spin.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    stay_on_one_cpu(program.pid);
    cr_assert_eq(hop_attach(program.pid, NULL, &target, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(
        hop_sampler_init(&sampler, &target->process, &target->python, &target->reader.base, &err),
        HOP_OK, "%s", err.message);
    struct hop_sampler_plan plan = {
        .rate_hz = 1000,
        .read = read,
        .duration_ns = 60 * NS_PER_S,
        .seed = 1,
        .stop = &counts.is_over,
        .sink = {&counts, count_sample, count_again},
    };
    allocations_begin(0);
    cr_assert_eq(hop_sampler_run(&sampler, &plan, &err), HOP_OK, "%s", err.message);
    bool has_records = sampler.perf_clocks.has_switches && !sampler.perf_clocks.is_given_up;
    hop_sampler_deinit(&sampler);
    hop_detach(target);
    target_kill(&program);
    cr_assert(counts.is_over, "%s: only %zu samples", python->version, counts.samples);
    double calls = (double)counts.system_calls / (double)counts.ticks;
    double allowed = has_records ? CALLS_ALLOWED : CALLS_ALLOWED_WITHOUT_RECORDS;
    cr_log_info("%s: %.2f system calls a tick besides waiting (%.1f allowed)", python->version,
                calls, allowed);
    cr_assert_eq(counts.allocations, 0, "%s: %zu allocations", python->version, counts.allocations);
    cr_assert_lt(calls, allowed, "%s: %.2f system calls a tick", python->version, calls);
}

ParameterizedTestParameters(cost, a_warm_sample_allocates_nothing_and_asks_the_kernel_little)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

ParameterizedTest(struct python *python, cost,
                  a_warm_sample_allocates_nothing_and_asks_the_kernel_little, .timeout = 240)
{
    expect_little(python, HOP_READ_WAKEUP);
    expect_little(python, HOP_READ_CPU); /* by interrupts, where they are to be had */
}
