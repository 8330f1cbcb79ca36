/* Runs ticks at jittered deadlines, by the way and the plan that were asked for. */
#include "sample/sampler.h"

#include "base/clock.h"
#include "sample/opening.h"
#include "sample/tick.h"
#include "sample/way.h"

#include <stdlib.h>

enum hop_status hop_sampler_init(struct hop_sampler *sampler, const struct hop_process *process,
                                 const struct hop_python *python, struct hop_reader *reader,
                                 struct hop_error *err)
{
    *sampler = (struct hop_sampler){
        .process = process, .python = python, .reader = reader, .watch.mem_fd = -1};
    if (!hop_standstill_is_provable(process))
        return hop_error_set(err, HOP_ERR_UNSUPPORTED,
                             "use a kernel built with CONFIG_SCHED_INFO, as all distributions' are",
                             "this kernel does not count how often a thread ran "
                             "(/proc/%d/schedstat), so no sample could be proved",
                             process->pid);
    hop_timed_reader_init(&sampler->timed, reader);
    struct hop_reader *timed = &sampler->timed.base;
    if (!hop_prefetch_init(&sampler->prefetch, timed))
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the sampler");
    struct hop_reader *prefetching = &sampler->prefetch.base;
    enum hop_status status = hop_watch_init(&sampler->watch, process, python, prefetching, err);
    if (status != HOP_OK) {
        hop_sampler_deinit(sampler);
        return status;
    }
    sampler->pending = malloc(HOP_THREADS_MAX * sizeof *sampler->pending);
    if (!sampler->pending || !hop_turns_init(&sampler->turns) ||
        !hop_roster_init(&sampler->roster, process, python, reader) ||
        !hop_code_table_init(&sampler->codes, &python->layout, timed) ||
        !hop_walker_init(&sampler->walker, prefetching, &python->layout) ||
        !hop_identifier_init(&sampler->identifier, &sampler->codes, prefetching)) {
        hop_sampler_deinit(sampler);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the sampler");
    }
    status = hop_crew_create(&sampler->crew, err);
    if (status != HOP_OK)
        hop_sampler_deinit(sampler);
    return status;
}

void hop_sampler_deinit(struct hop_sampler *sampler)
{
    hop_crew_destroy(sampler->crew);
    hop_identifier_deinit(&sampler->identifier);
    hop_walker_deinit(&sampler->walker);
    hop_code_table_deinit(&sampler->codes);
    hop_roster_deinit(&sampler->roster);
    hop_turns_deinit(&sampler->turns);
    hop_watch_deinit(&sampler->watch);
    hop_prefetch_deinit(&sampler->prefetch);
    free(sampler->pending);
    sampler->pending = NULL;
    sampler->crew = NULL;
}

/* --- the run --------------------------------------------------------------------------------- */

/* In the opening the instants are as near to each other as they come to be: each stands for the
 * time since the last, but for no more than an instant of the rest of the run. We may have had to
 * wait for a CPU; of what was missed then nothing is known. */
static void weigh_by_time(struct hop_sampler *sampler)
{
    uint64_t now_ns = sampler->deadlines.woke_ns, since_ns = now_ns - sampler->last_woke_ns;
    uint64_t most_ns = (uint64_t)(1e9 / sampler->plan.rate_hz);
    sampler->sample_ns = since_ns < most_ns ? since_ns : most_ns;
    sampler->last_woke_ns = now_ns;
}

void hop_sampler_hold(const struct hop_sampler *sampler)
{
    if (sampler->plan.gate)
        pthread_mutex_lock(sampler->plan.gate);
}

void hop_sampler_release(const struct hop_sampler *sampler)
{
    if (sampler->plan.gate)
        pthread_mutex_unlock(sampler->plan.gate);
}

void hop_sampler_pause(struct hop_sampler *sampler)
{
    sampler->paused_at_ns = hop_now_ns();
    if (sampler->way && sampler->way->pause)
        sampler->way->pause(sampler);
}

void hop_sampler_resume(struct hop_sampler *sampler)
{
    if (sampler->way && sampler->way->resume)
        sampler->way->resume(sampler, hop_now_ns() - sampler->paused_at_ns);
}

/* The run, or its opening, is over. */
static void settle(struct hop_sampler *sampler)
{
    hop_sampler_hold(sampler);
    hop_tick_settle(sampler);
    hop_sampler_release(sampler);
}

static void end_run(struct hop_sampler *sampler)
{
    hop_sampler_hold(sampler);
    sampler->counts.ended_ns = sampler->over_ns ? sampler->over_ns : hop_now_ns();
    sampler->counts.missed = sampler->deadlines.missed;
    hop_sampler_release(sampler);
    settle(sampler);
}

/* One tick, or the part of one that is to be done on `cpu`. */
static int step(void *context, int cpu)
{
    struct hop_sampler *sampler = context;
    bool has_ended = false;
    sampler->cpu = cpu;
    if (cpu < 0)
        sampler->home_cpu = 0; /* of no account, but not HOP_CREW_DONE */
    int next_cpu;
    if (sampler->is_mid_tick) {
        hop_sampler_hold(sampler);
        next_cpu = hop_tick_continue(sampler);
    } else {
        enum hop_wait wait = hop_deadlines_wait(&sampler->deadlines);
        if (wait != HOP_WAIT_REACHED) {
            hop_sampler_hold(sampler);
            sampler->ending = wait == HOP_WAIT_STOPPED ? HOP_ENDED_STOPPED : HOP_ENDED_DURATION;
            sampler->over_ns = hop_now_ns();
            hop_sampler_release(sampler);
            return HOP_CREW_DONE;
        }
        hop_sampler_hold(sampler);
        if (sampler->is_opening)
            weigh_by_time(sampler);
        next_cpu = hop_tick_begin(sampler, &has_ended);
        if (sampler->way->end)
            sampler->way->end(sampler);
        sampler->counts.missed = sampler->deadlines.missed;
    }
    hop_sampler_release(sampler);
    if (has_ended) {
        sampler->over_ns = hop_now_ns();
        return HOP_CREW_DONE;
    }
    sampler->is_mid_tick = next_cpu != HOP_CREW_DONE;
    if (!sampler->is_mid_tick && sampler->interrupts && hop_interrupts_are_ready(sampler)) {
        sampler->is_changing = true;
        return HOP_CREW_DONE;
    }
    return sampler->is_mid_tick ? next_cpu : sampler->home_cpu;
}

/* Ticks where the calling thread happens to be; none is ever left unfinished. */
static void run_anywhere(struct hop_sampler *sampler)
{
    while (step(sampler, -1) != HOP_CREW_DONE)
        continue;
}

/* Makes ready for looking in `way` from now on. */
static enum hop_status change_way(struct hop_sampler *sampler, const struct hop_way *way,
                                  double rate_hz, uint64_t duration_ns, struct hop_error *err)
{
    const struct hop_sampler_plan *plan = &sampler->plan;
    uint64_t now_ns = hop_now_ns();
    hop_sampler_hold(sampler);
    sampler->way = way;
    sampler->identifier.trust_ns = sampler->identifier.counter_addr = 0;
    sampler->proved_looks = 0;
    sampler->walker.believes_bottom = false;
    hop_deadlines_init(&sampler->deadlines, now_ns, rate_hz, duration_ns, plan->seed, plan->stop);
    sampler->deadlines.rest_divisor = way->rest_divisor;
    /* On the only CPU we would keep the target from it. */
    sampler->deadlines.may_spin = !way->rest_divisor && hop_crew_cpu_count(sampler->crew) > 1;
    sampler->sample_ns = sampler->deadlines.period_ns;
    sampler->refresh_due_ns = sampler->program_due_ns = sampler->gil_due_ns = 0;
    sampler->early.expected_addr = 0;
    sampler->is_mid_tick = false;
    enum hop_status status = way->open ? way->open(sampler, err) : HOP_OK;
    hop_sampler_release(sampler);
    return status;
}

static void leave_way(struct hop_sampler *sampler)
{
    hop_sampler_hold(sampler);
    hop_prefetch_close(&sampler->prefetch);
    if (sampler->way->close)
        sampler->way->close(sampler);
    hop_sampler_release(sampler);
}

/* The opening, for `duration_ns` at most. Where there is no CPU to spare there is none. */
static enum hop_status run_opening(struct hop_sampler *sampler, uint64_t duration_ns,
                                   struct hop_error *err)
{
    struct hop_sampler_counts *counts = &sampler->counts;
    struct hop_opening opening;
    if (!hop_opening_begin(&opening, sampler))
        return HOP_OK;
    enum hop_status status = change_way(sampler, &hop_way_live, HOP_RATE_MAX_HZ, duration_ns, err);
    if (status != HOP_OK) {
        hop_opening_end(&opening);
        return status;
    }
    sampler->is_opening = true;
    sampler->last_woke_ns = counts->started_ns;
    while (step(sampler, -1) != HOP_CREW_DONE &&
           hop_opening_goes_on(&opening, sampler->deadlines.woke_ns))
        continue;
    sampler->is_opening = false;
    if (sampler->ending == HOP_ENDED_DURATION)
        sampler->over_ns = 0; /* the rest follows */
    leave_way(sampler);
    hop_opening_end(&opening);
    settle(sampler);
    hop_sampler_hold(sampler);
    counts->opening_ns = hop_now_ns() - counts->started_ns;
    counts->opening_ticks = counts->ticks;
    counts->opening_samples = counts->samples;
    hop_sampler_release(sampler);
    return HOP_OK;
}

/* Another way goes on where the last one left off. */
static enum hop_status go_on(struct hop_sampler *sampler, const struct hop_way *way,
                             struct hop_error *err)
{
    leave_way(sampler);
    hop_sampler_hold(sampler);
    hop_tick_settle(sampler);
    sampler->way = way;
    sampler->refresh_due_ns = sampler->program_due_ns = 0;
    sampler->early.expected_addr = 0;
    sampler->is_mid_tick = false;
    sampler->deadlines.rest_divisor = way->rest_divisor;
    sampler->deadlines.may_spin = false;
    sampler->added_stacks = 0;
    enum hop_status status = way->open ? way->open(sampler, err) : HOP_OK;
    hop_sampler_release(sampler);
    return status;
}

/* Until the run is over, or interrupts are ready. */
static enum hop_status run_by_crew(struct hop_sampler *sampler, struct hop_error *err)
{
    sampler->home_cpu = hop_crew_cpu_of(sampler->crew, sampler->process);
    return hop_crew_run(sampler->crew, sampler->home_cpu, step, sampler, err);
}

/* HOP_READ_CPU: by interrupts, where and as soon as these are to be had. */
static enum hop_status run_on_its_cpu(struct hop_sampler *sampler, struct hop_error *err)
{
    struct hop_error ignored;
    hop_interrupts_prepare(sampler);
    enum hop_status status = run_by_crew(sampler, err);
    bool are_ready = status == HOP_OK && sampler->is_changing;
    sampler->is_changing = false;
    if (are_ready && go_on(sampler, &hop_way_interrupt, &ignored) == HOP_OK &&
        sampler->way->run(sampler))
        return HOP_OK;
    hop_interrupts_drop(sampler);
    if (!are_ready)
        return status;
    status = go_on(sampler, &hop_way_cpu, err);
    return status == HOP_OK ? run_by_crew(sampler, err) : status;
}

static enum hop_status run_way(struct hop_sampler *sampler, struct hop_error *err)
{
    if (sampler->plan.read == HOP_READ_CPU)
        return run_on_its_cpu(sampler, err);
    if (sampler->way->is_pinned)
        return run_by_crew(sampler, err);
    if (!sampler->way->run) {
        run_anywhere(sampler);
        return HOP_OK;
    }
    if (sampler->way->run(sampler))
        return HOP_OK;
    enum hop_status status = go_on(sampler, &hop_way_cpu, err);
    return status == HOP_OK ? run_by_crew(sampler, err) : status;
}

enum hop_status hop_sampler_run(struct hop_sampler *sampler, const struct hop_sampler_plan *plan,
                                struct hop_error *err)
{
    uint64_t duration_ns = plan->duration_ns;
    sampler->plan = *plan;
    hop_sampler_hold(sampler);
    sampler->passed_ns = sampler->over_ns = 0;
    sampler->perf_clocks = (struct hop_perf_clocks){0};
    sampler->counts = (struct hop_sampler_counts){.started_ns = hop_now_ns()};
    sampler->ending = HOP_ENDED_DURATION;
    hop_sampler_release(sampler);
    if (plan->opens_live) {
        bool is_short = duration_ns && duration_ns < HOP_OPENING_NS;
        enum hop_status status = run_opening(sampler, is_short ? duration_ns : HOP_OPENING_NS, err);
        uint64_t now_ns = hop_now_ns(), spent_ns = now_ns - sampler->counts.started_ns;
        bool is_over =
            sampler->ending != HOP_ENDED_DURATION || (duration_ns && spent_ns >= duration_ns);
        if (status != HOP_OK || is_over) {
            end_run(sampler);
            return status;
        }
        if (duration_ns)
            duration_ns -= spent_ns;
    }
    /* A thread that is new to us has files to be opened: not by a looker, which holds a CPU, nor of
     * the duration. What is amiss the first tick finds too. */
    (void)hop_roster_refresh(&sampler->roster);
    enum hop_status status =
        change_way(sampler, hop_way_of(plan->read), plan->rate_hz, duration_ns, err);
    if (status != HOP_OK)
        return status;
    status = run_way(sampler, err);
    leave_way(sampler);
    hop_perf_clocks_end(&sampler->perf_clocks);
    end_run(sampler);
    return status;
}
