/* Runs ticks at jittered deadlines: who holds the GIL, which threads run, a look at each. */
#include "sample/sampler.h"

#include "base/clock.h"
#include "sample/way.h"

#include <stdlib.h>

/* Births are seen at once (they change the head of a list); ended threads are noticed when they are
 * looked at. This is for what is missed otherwise: a thread that had no kernel thread yet. */
static const uint64_t REFRESH_NS = 500 * 1000 * 1000;

/* How long another program that took this one's place may go unnoticed, where nothing else tells:
 * it takes longer than that to start a CPython. */
static const uint64_t PROGRAM_NS = 5 * 1000 * 1000;

/* Changes of CPU within one tick: enough for a few threads that run at once and for one that moves
 * away while we follow. */
enum { HOPS_MAX = 8 };

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

/* --- one tick -------------------------------------------------------------------------------- */

static bool wants(const struct hop_sampler *sampler, const struct hop_roster_entry *entry,
                  bool has_gil, struct hop_look *look)
{
    switch (sampler->plan.mode) {
    case HOP_MODE_GIL:
        *look = (struct hop_look){.wants_sleeping = true, .wants_still = true};
        return has_gil;
    case HOP_MODE_WALL:
        *look = (struct hop_look){.wants_sleeping = true, .wants_still = true};
        return true;
    default:
        *look = (struct hop_look){.wants_sleeping = has_gil};
        return has_gil || !entry->is_left;
    }
}

static void refuse(struct hop_sampler *sampler, enum hop_refusal refusal)
{
    sampler->counts.refused[refusal]++;
}

/* What a trampoline does is a part of the call that its caller stands in. */
static size_t leave_out_trampolines(const struct hop_sampler *sampler, struct hop_step *steps,
                                    size_t depth)
{
    size_t kept = 0;
    for (size_t i = 0; i < depth; i++)
        if (!hop_code_is_trampoline(sampler->codes.codes[steps[i].code]))
            steps[kept++] = steps[i];
    return kept;
}

static void count_stack(struct hop_sampler *sampler, struct hop_roster_entry *entry)
{
    const struct hop_sink *sink = &sampler->plan.sink;
    struct hop_step *steps = sampler->identifier.frames;
    size_t depth = leave_out_trampolines(sampler, steps, sampler->walker.stack.depth);
    entry->has_place = depth && sink->add(sink->context, entry->index, steps, depth,
                                          sampler->counts.ticks, sampler->sample_ns, &entry->place);
    if (entry->has_place)
        sampler->counts.samples++;
    else
        refuse(sampler, HOP_REFUSED_NO_ROOM);
}

/* At each of the `count` ticks up to `tick`. */
static void count_stack_again(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                              uint64_t count, uint64_t tick)
{
    const struct hop_sink *sink = &sampler->plan.sink;
    if (!entry->has_place) {
        sampler->counts.refused[HOP_REFUSED_NO_ROOM] += count;
        return;
    }
    sink->again(sink->context, entry->place, count, tick, sampler->sample_ns);
    sampler->counts.samples += count;
}

/* Accounts for the ticks before `tick` at which a sleeper did not have its turn: it slept on where
 * it was seen last. */
static void count_skipped_ticks(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                uint64_t tick)
{
    uint64_t skipped = tick - 1 - entry->visited_tick;
    entry->visited_tick = tick - 1;
    struct hop_look look;
    if (!skipped || sampler->plan.mode == HOP_MODE_GIL || !wants(sampler, entry, false, &look))
        return;
    if (sampler->plan.mode == HOP_MODE_WALL && entry->was_taken)
        count_stack_again(sampler, entry, skipped, tick - 1);
    else
        sampler->counts.idle += skipped;
}

/* Looks at one thread and counts what came of it. True: it is to be looked at from *cpu. */
static bool look_and_count(struct hop_sampler *sampler, uint32_t index, int *cpu,
                           bool *roster_is_old)
{
    struct hop_roster_entry *entry = &sampler->roster.entries[index];
    bool has_gil = hop_watch_holds_gil(&sampler->watch, entry->state.addr);
    struct hop_look look;
    if (!wants(sampler, entry, has_gil, &look)) {
        entry->visited_tick = sampler->counts.ticks;
        return false;
    }
    if (entry->visited_tick < sampler->counts.ticks)
        count_skipped_ticks(sampler, entry, sampler->counts.ticks);
    enum hop_look_result result = sampler->way->look(sampler, entry, &look);
    if (result == HOP_LOOK_ELSEWHERE && !hop_crew_has_cpu(sampler->crew, look.processor)) {
        /* Where we may not run we can only look from afar. */
        result = hop_way_live.look(sampler, entry, &look);
        sampler->counts.live_samples += result == HOP_LOOK_TAKEN;
    }
    switch (result) {
    case HOP_LOOK_TAKEN:
        count_stack(sampler, entry);
        if (sampler->cpu >= 0 && look.state == 'R' && (has_gil || !sampler->watch.holder_count))
            sampler->home_cpu = sampler->cpu;
        break;
    case HOP_LOOK_SAME:
        count_stack_again(sampler, entry, 1, sampler->counts.ticks);
        break;
    case HOP_LOOK_REFUSED:
        refuse(sampler, look.refusal);
        entry->was_taken =
            false; /* it has moved on: the last sample's place is not its place now */
        break;
    case HOP_LOOK_ASLEEP:
    case HOP_LOOK_STILL:
    case HOP_LOOK_FRAMELESS:
        sampler->counts.idle++;
        break;
    case HOP_LOOK_ELSEWHERE:
        if (sampler->hops_left) {
            *cpu = look.processor;
            return true;
        }
        refuse(sampler, HOP_REFUSED_ELSEWHERE);
        break;
    case HOP_LOOK_GONE:
        *roster_is_old = true;
        break;
    }
    entry->visited_tick = sampler->counts.ticks;
    hop_turns_note(&sampler->turns, &sampler->roster, index);
    return false;
}

/* Looks at one thread, or leaves it in `pending` for the looker of its CPU. */
static void look_or_leave(struct hop_sampler *sampler, uint32_t index, int *next_cpu,
                          bool *roster_is_old)
{
    int cpu;
    if (!look_and_count(sampler, index, &cpu, roster_is_old))
        return;
    sampler->pending[sampler->pending_count++] = index;
    if (*next_cpu == HOP_CREW_DONE)
        *next_cpu = cpu;
}

/* Looks at all threads whose turn it is. Returns where to go on, or HOP_CREW_DONE when the tick is
 * over. */
static int look_at_all(struct hop_sampler *sampler)
{
    const struct hop_turns *turns = &sampler->turns;
    int next_cpu = HOP_CREW_DONE;
    bool roster_is_old = false;
    sampler->pending_count = 0;
    for (size_t i = 0; i < turns->count; i++)
        look_or_leave(sampler, turns->now[i], &next_cpu, &roster_is_old);
    if (roster_is_old)
        sampler->refresh_due_ns = 0;
    return next_cpu;
}

/* Looks at the threads that were left, those of them that are on this CPU by now. */
static int look_at_pending(struct hop_sampler *sampler)
{
    int next_cpu = HOP_CREW_DONE;
    bool roster_is_old = false;
    size_t count = sampler->pending_count;
    sampler->pending_count = 0; /* filled anew from the front, behind what is read */
    for (size_t i = 0; i < count; i++)
        look_or_leave(sampler, sampler->pending[i], &next_cpu, &roster_is_old);
    if (roster_is_old)
        sampler->refresh_due_ns = 0;
    return next_cpu;
}

static bool refresh_where_due(struct hop_sampler *sampler, bool has_changed)
{
    uint64_t now_ns = sampler->deadlines.woke_ns;
    for (size_t i = 0; i < sampler->watch.holder_count && !has_changed; i++)
        has_changed = !hop_roster_find(&sampler->roster, sampler->watch.holders[i]);
    if (!has_changed && now_ns < sampler->refresh_due_ns)
        return true;
    sampler->refresh_due_ns = now_ns + REFRESH_NS;
    sampler->early.entry = NULL;
    hop_prefetch_close(&sampler->prefetch);
    if (!hop_roster_refresh(&sampler->roster))
        return false;
    hop_turns_renew(&sampler->turns, &sampler->roster);
    for (size_t i = 0; i < sampler->roster.count; i++)
        if (!sampler->roster.entries[i].visited_tick) /* new: it counts from this tick on */
            sampler->roster.entries[i].visited_tick = sampler->counts.ticks - 1;
    bool ignored = false;
    hop_watch_gils(&sampler->watch, &sampler->roster, &ignored);
    return true;
}

static void watch_gils_where_due(struct hop_sampler *sampler, bool *has_changed)
{
    if (sampler->deadlines.woke_ns < sampler->gil_due_ns)
        return;
    sampler->gil_due_ns = sampler->deadlines.woke_ns + sampler->way->gil_ns;
    hop_watch_gils(&sampler->watch, &sampler->roster, has_changed);
}

/* Whether the program is still there. Asked now and then, and when something is not as it was. */
static bool is_still_there(struct hop_sampler *sampler, bool *has_changed)
{
    if (sampler->deadlines.woke_ns < sampler->program_due_ns && !*has_changed)
        return true;
    sampler->program_due_ns = sampler->deadlines.woke_ns + PROGRAM_NS;
    return hop_watch_program(&sampler->watch, has_changed, &sampler->ending);
}

/* The first part of a tick. Returns where to go on, HOP_CREW_DONE when the tick is over. */
static int begin_tick(struct hop_sampler *sampler, bool *has_ended)
{
    bool has_changed = sampler->refresh_due_ns == 0;
    sampler->early.entry = NULL;
    if (sampler->way->begin)
        sampler->way->begin(sampler);
    watch_gils_where_due(sampler, &has_changed);
    if (!is_still_there(sampler, &has_changed)) {
        *has_ended = true;
        return HOP_CREW_DONE;
    }
    sampler->counts.ticks++;
    sampler->hops_left = HOPS_MAX;
    if (!refresh_where_due(sampler, has_changed)) {
        refuse(sampler, HOP_REFUSED_NO_ROOM);
        return HOP_CREW_DONE;
    }
    hop_watch_mark_left(&sampler->watch, &sampler->roster);
    sampler->early.expected_addr = sampler->watch.holder_count ? sampler->watch.holders[0] : 0;
    if (sampler->plan.mode == HOP_MODE_GIL && !sampler->watch.holder_count)
        sampler->counts.idle++;
    hop_turns_plan(&sampler->turns, &sampler->roster, &sampler->watch, sampler->counts.ticks,
                   sampler->deadlines.woke_ns);
    return look_at_all(sampler);
}

static int continue_tick(struct hop_sampler *sampler)
{
    bool ignored = false;
    sampler->early.entry = NULL;
    hop_prefetch_close(&sampler->prefetch);
    hop_watch_gils(&sampler->watch, &sampler->roster, &ignored);
    sampler->hops_left--;
    sampler->counts.hops++;
    return look_at_pending(sampler);
}

/* --- the run --------------------------------------------------------------------------------- */

/* One tick, or the part of one that is to be done on `cpu`. */
static int step(void *context, int cpu)
{
    struct hop_sampler *sampler = context;
    bool has_ended = false;
    sampler->cpu = cpu;
    int next_cpu;
    if (sampler->is_mid_tick) {
        next_cpu = continue_tick(sampler);
    } else {
        enum hop_wait wait = hop_deadlines_wait(&sampler->deadlines);
        if (wait != HOP_WAIT_REACHED) {
            sampler->ending = wait == HOP_WAIT_STOPPED ? HOP_ENDED_STOPPED : HOP_ENDED_DURATION;
            return HOP_CREW_DONE;
        }
        next_cpu = begin_tick(sampler, &has_ended);
        if (sampler->way->end)
            sampler->way->end(sampler);
        if (has_ended)
            return HOP_CREW_DONE;
    }
    sampler->is_mid_tick = next_cpu != HOP_CREW_DONE;
    return sampler->is_mid_tick ? next_cpu : sampler->home_cpu;
}

/* Ticks where the calling thread happens to be; none is ever left unfinished. */
static void run_anywhere(struct hop_sampler *sampler)
{
    sampler->home_cpu = 0; /* of no account, but not HOP_CREW_DONE */
    while (step(sampler, -1) != HOP_CREW_DONE)
        continue;
}

enum hop_status hop_sampler_run(struct hop_sampler *sampler, const struct hop_sampler_plan *plan,
                                struct hop_error *err)
{
    sampler->plan = *plan;
    sampler->way = hop_way_of(plan->read);
    enum hop_status status = sampler->way->open ? sampler->way->open(sampler, err) : HOP_OK;
    if (status != HOP_OK)
        return status;
    sampler->counts = (struct hop_sampler_counts){.started_ns = hop_now_ns()};
    hop_deadlines_init(&sampler->deadlines, sampler->counts.started_ns, plan->rate_hz,
                       plan->duration_ns, plan->seed, plan->stop);
    sampler->deadlines.rest_divisor = sampler->way->rest_divisor;
    sampler->sample_ns = sampler->deadlines.period_ns;
    sampler->deadlines.may_spin = !sampler->way->rest_divisor;
    sampler->refresh_due_ns = sampler->program_due_ns = sampler->gil_due_ns = 0;
    sampler->early.expected_addr = 0;
    sampler->is_mid_tick = false;
    if (sampler->way->is_pinned) {
        sampler->home_cpu = hop_crew_cpu_of(sampler->crew, sampler->process);
        status = hop_crew_run(sampler->crew, sampler->home_cpu, step, sampler, err);
    } else {
        run_anywhere(sampler);
    }
    sampler->counts.ended_ns = hop_now_ns();
    hop_prefetch_close(&sampler->prefetch);
    if (sampler->way->close)
        sampler->way->close(sampler);
    for (size_t i = 0; i < sampler->roster.count; i++)
        if (sampler->roster.entries[i].is_asleep)
            count_skipped_ticks(sampler, &sampler->roster.entries[i], sampler->counts.ticks + 1);
    sampler->counts.missed = sampler->deadlines.missed;
    return status;
}
