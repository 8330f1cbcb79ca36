/* One tick: who holds the GIL, which threads have their turn, a look at each, what came of it. */
#include "sample/tick.h"

#include "base/clock.h"
#include "sample/way.h"

#include <sys/resource.h>

/* Births are seen at once (they change the head of a list); ended threads are noticed when they are
 * looked at. This is for what is missed otherwise: a thread that had no kernel thread yet. */
static const uint64_t REFRESH_NS = 500 * 1000 * 1000, REFRESH_A_THREAD_NS = 1000 * 1000;

/* How long another program that took this one's place may go unnoticed, where nothing else tells:
 * it takes longer than that to start a CPython. */
static const uint64_t PROGRAM_NS = 5 * 1000 * 1000;

/* Changes of CPU within one tick: enough for a few threads that run at once and for one that moves
 * away while we follow. */
enum { HOPS_MAX = 8 };

/* Refreshes of the roster within one tick: a thread was born, and up to 3.10 had the ids of the
 * thread that made it still when it was found, and its own when it was looked at. */
enum { RENEWALS_MAX = 2 };

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

size_t hop_tick_leave_out_trampolines(const struct hop_sampler *sampler, struct hop_step *steps,
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
    size_t depth = sampler->walker.stack.depth;
    /* The stack identified before this one may have been another thread's, or not have been proved.
     */
    bool follows = sampler->added_thread == entry->index &&
                   sampler->added_stacks + 1 == sampler->identifier.stacks;
    size_t same = follows ? sampler->identifier.same : 0;
    if (sampler->identifier.has_trampolines) {
        depth = hop_tick_leave_out_trampolines(sampler, steps, depth);
        same = 0;
    }
    entry->has_place = depth && sink->add(sink->context, entry->index, steps, depth, same,
                                          sampler->counts.ticks, sampler->sample_ns, &entry->place);
    sampler->added_thread = entry->index;
    sampler->added_stacks = entry->has_place ? sampler->identifier.stacks : 0;
    if (entry->has_place)
        sampler->counts.samples++;
    else
        refuse(sampler, HOP_REFUSED_NO_ROOM);
}

/* At each of the `count` ticks up to `tick`, which stand for `weight_ns` each. */
static void count_stack_again(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                              uint64_t count, uint64_t tick, uint64_t weight_ns)
{
    const struct hop_sink *sink = &sampler->plan.sink;
    if (!entry->has_place) {
        sampler->counts.refused[HOP_REFUSED_NO_ROOM] += count;
        return;
    }
    sink->again(sink->context, entry->place, count, tick, weight_ns);
    sampler->counts.samples += count;
}

static void mark_visited(struct hop_sampler *sampler, struct hop_roster_entry *entry)
{
    entry->visited_tick = sampler->counts.ticks;
    entry->visited_ns = sampler->passed_ns;
}

/* Accounts for the ticks up to `tick` at which a sleeper did not have its turn: it slept on where
 * it was seen last. `passed_ns`: what all ticks up to that one stand for. */
static void count_skipped_ticks(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                uint64_t tick, uint64_t passed_ns)
{
    if (entry->visited_tick >= tick)
        return;
    uint64_t skipped = tick - entry->visited_tick;
    uint64_t skipped_ns = passed_ns - entry->visited_ns;
    entry->visited_tick = tick;
    entry->visited_ns = passed_ns;
    struct hop_look look;
    if (sampler->plan.mode == HOP_MODE_GIL || !wants(sampler, entry, false, &look))
        return;
    if (sampler->plan.mode == HOP_MODE_WALL && entry->was_taken)
        count_stack_again(sampler, entry, skipped, tick, skipped_ns / skipped);
    else
        sampler->counts.idle += skipped;
}

/* The same for the ticks before the one under way. */
static void count_ticks_before(struct hop_sampler *sampler, struct hop_roster_entry *entry)
{
    count_skipped_ticks(sampler, entry, sampler->counts.ticks - 1,
                        sampler->passed_ns - sampler->sample_ns);
}

/* What looking at one thread may lead to. */
struct outcome {
    int next_cpu; /* where to look at a thread that was left; HOP_CREW_DONE: none was */
    /* A thread state is another thread's than the roster says. That was found out before anything
     * of the thread itself was asked, so to look at its real thread now favours nothing. */
    bool state_is_anothers;
};

/* Looks at one thread and counts what came of it. True: it is to be looked at from *cpu. */
static bool look_and_count(struct hop_sampler *sampler, uint32_t index, int *cpu,
                           struct outcome *outcome)
{
    struct hop_roster_entry *entry = &sampler->roster.entries[index];
    bool has_gil = hop_watch_holds_gil(&sampler->watch, entry->state.addr);
    struct hop_look look;
    if (!wants(sampler, entry, has_gil, &look)) {
        mark_visited(sampler, entry);
        return false;
    }
    count_ticks_before(sampler, entry);
    enum hop_look_result result = sampler->way->look(sampler, entry, &look);
    if (result == HOP_LOOK_ELSEWHERE && !hop_crew_has_cpu(sampler->crew, look.processor)) {
        /* Where we may not run we can only look from afar. */
        result = hop_way_live.look(sampler, entry, &look);
        sampler->counts.live_samples += result == HOP_LOOK_TAKEN;
    }
    sampler->has_run |= result == HOP_LOOK_TAKEN;
    sampler->is_too_soon |= look.is_unmoved;
    switch (result) {
    case HOP_LOOK_TAKEN:
        count_stack(sampler, entry);
        if (sampler->cpu >= 0 && look.state == 'R' && (has_gil || !sampler->watch.holder_count))
            sampler->home_cpu = sampler->cpu;
        break;
    case HOP_LOOK_SAME:
        count_stack_again(sampler, entry, 1, sampler->counts.ticks, sampler->sample_ns);
        break;
    case HOP_LOOK_REFUSED:
        if (look.refusal == HOP_REFUSED_NOT_ITS_THREAD && !sampler->refresh_due_ns &&
            sampler->renewals_left) {
            outcome->state_is_anothers = true;
            return false;
        }
        refuse(sampler, look.refusal);
        entry->was_taken =
            false; /* it has moved on: the last sample's place is not its place now */
        break;
    case HOP_LOOK_FRAMELESS:
        sampler->counts.idle++;
        entry->was_taken = false; /* nor does it sleep on there */
        break;
    case HOP_LOOK_ASLEEP:
    case HOP_LOOK_STILL:
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
        sampler->has_ended_threads = entry->is_gone = true;
        entry->is_asleep = entry->was_taken = false;
        break;
    }
    mark_visited(sampler, entry);
    hop_turns_note(&sampler->turns, &sampler->roster, index);
    return false;
}

/* Looks at one thread, or leaves it in `pending` for the looker of its CPU. */
static void look_or_leave(struct hop_sampler *sampler, uint32_t index, struct outcome *outcome)
{
    int cpu;
    if (!look_and_count(sampler, index, &cpu, outcome))
        return;
    sampler->pending[sampler->pending_count++] = index;
    if (outcome->next_cpu == HOP_CREW_DONE)
        outcome->next_cpu = cpu;
}

/* New entries, from `first` on, count from this tick on. */
static void begin_entries(struct hop_sampler *sampler, size_t first)
{
    for (size_t i = first; i < sampler->roster.count; i++) {
        struct hop_roster_entry *entry = &sampler->roster.entries[i];
        if (entry->visited_tick)
            continue;
        entry->visited_tick = sampler->counts.ticks - 1;
        entry->visited_ns = sampler->passed_ns - sampler->sample_ns;
    }
}

static bool are_holders_known(struct hop_sampler *sampler)
{
    for (size_t i = 0; i < sampler->watch.holder_count; i++)
        if (!hop_roster_find(&sampler->roster, sampler->watch.holders[i]))
            return false;
    return true;
}

/* Entries are about to move, and time to pass. */
static void forget_early(struct hop_sampler *sampler)
{
    sampler->early.entry = NULL;
    hop_prefetch_close(&sampler->prefetch);
}

static bool refresh(struct hop_sampler *sampler)
{
    sampler->refresh_due_ns =
        sampler->deadlines.woke_ns + REFRESH_NS + sampler->roster.count * REFRESH_A_THREAD_NS;
    if (sampler->renewals_left)
        sampler->renewals_left--;
    forget_early(sampler);
    /* Those that have ended slept up to now, or nearly. */
    for (size_t i = 0; i < sampler->roster.count; i++)
        if (sampler->roster.entries[i].is_asleep)
            count_ticks_before(sampler, &sampler->roster.entries[i]);
    if (!hop_roster_refresh(&sampler->roster))
        return false;
    hop_turns_renew(&sampler->turns, &sampler->roster);
    begin_entries(sampler, 0);
    bool ignored = false;
    hop_watch_gils(&sampler->watch, &sampler->roster, &ignored);
    return true;
}

/* Where threads are born by the hundred a second, among a thousand, all cannot be listed anew for
 * each. False: that is what is to be done. */
static bool take_up_born(struct hop_sampler *sampler)
{
    size_t known = sampler->roster.count;
    forget_early(sampler);
    sampler->has_ended_threads = false;
    if (!hop_roster_add_born(&sampler->roster))
        return false;
    begin_entries(sampler, known);
    for (size_t i = known; i < sampler->roster.count; i++)
        hop_turns_note(&sampler->turns, &sampler->roster, i);
    return true;
}

bool hop_tick_renew(struct hop_sampler *sampler, bool has_births)
{
    bool is_current = sampler->deadlines.woke_ns < sampler->refresh_due_ns;
    if (is_current && (has_births || !are_holders_known(sampler)))
        is_current = take_up_born(sampler) && are_holders_known(sampler);
    return is_current || refresh(sampler);
}

/* Plans the turns of those that have not been looked at in this tick. */
static void plan_turns(struct hop_sampler *sampler)
{
    hop_turns_plan(&sampler->turns, &sampler->roster, &sampler->watch, sampler->counts.ticks,
                   sampler->deadlines.woke_ns);
}

/* The roster was out of date: brings it up to date in the middle of a tick. */
static bool begin_anew(struct hop_sampler *sampler)
{
    if (!refresh(sampler))
        return false;
    for (size_t i = 0; i < sampler->roster.count; i++) {
        struct hop_roster_entry *entry = &sampler->roster.entries[i];
        entry->turn_tick = entry->visited_tick;
    }
    hop_watch_mark_left(&sampler->watch, &sampler->roster);
    plan_turns(sampler);
    return true;
}

/* Looks at all threads whose turn it is. Returns where to go on, or HOP_CREW_DONE when the tick is
 * over. */
static int look_at_all(struct hop_sampler *sampler)
{
    const struct hop_turns *turns = &sampler->turns;
    struct outcome outcome;
    do {
        outcome = (struct outcome){.next_cpu = HOP_CREW_DONE};
        sampler->pending_count = 0;
        for (size_t i = 0; i < turns->count && !outcome.state_is_anothers; i++)
            look_or_leave(sampler, turns->now[i], &outcome);
        if (outcome.state_is_anothers && !begin_anew(sampler)) {
            refuse(sampler, HOP_REFUSED_NO_ROOM);
            return HOP_CREW_DONE;
        }
    } while (outcome.state_is_anothers);
    return outcome.next_cpu;
}

/* Looks at the threads that were left, those of them that are on this CPU by now. */
static int look_at_pending(struct hop_sampler *sampler)
{
    struct outcome outcome = {.next_cpu = HOP_CREW_DONE};
    size_t count = sampler->pending_count;
    sampler->renewals_left = 0; /* it is too late for that in this tick */
    sampler->pending_count = 0; /* filled anew from the front, behind what is read */
    for (size_t i = 0; i < count; i++)
        look_or_leave(sampler, sampler->pending[i], &outcome);
    return outcome.next_cpu;
}

/* Whether the tick was about this thread alone, but for sleepers. */
static bool is_alone(const struct hop_turns *turns, uint32_t index)
{
    return turns->count && turns->now[0] == index &&
           (!turns->awake_count || (turns->awake_count == 1 && turns->awake[0] == index));
}

/* The walk has read its thread's stack at several instants, of which the tick was the first. Each
 * of the others is a tick as well, with a look at this thread; but what one lacks the others are
 * likely to lack too. */
static void look_at_other_instants(struct hop_sampler *sampler)
{
    const struct hop_turns *turns = &sampler->turns;
    uint32_t index = turns->count ? turns->now[0] : 0;
    struct outcome outcome = {.next_cpu = HOP_CREW_DONE};
    int cpu;
    while (hop_walker_instants_left(&sampler->walker) && !sampler->walker.was_late &&
           is_alone(turns, index)) {
        hop_deadlines_take(&sampler->deadlines);
        sampler->counts.ticks++;
        sampler->passed_ns += sampler->sample_ns;
        look_and_count(sampler, index, &cpu, &outcome);
        if (sampler->has_ended_threads || outcome.state_is_anothers)
            break;
    }
    hop_walker_drop_instants(&sampler->walker);
}

/* A thread that had not got to its CPU since the last look had to wait for another one, or we did
 * not leave the CPU at all: then it was not switched away from us. Told of two such ticks, one
 * after the other. */
static void note_rest(struct hop_sampler *sampler)
{
    struct rusage ours;
    if (sampler->has_run) {
        hop_deadlines_note_rest(&sampler->deadlines, true);
        return;
    }
    if (!sampler->is_too_soon || getrusage(RUSAGE_THREAD, &ours) != 0)
        return;
    if (sampler->too_soon_tick + 1 == sampler->counts.ticks &&
        sampler->switches_away == ours.ru_nvcsw)
        hop_deadlines_note_rest(&sampler->deadlines, false);
    sampler->too_soon_tick = sampler->counts.ticks;
    sampler->switches_away = ours.ru_nvcsw;
}

static void watch_gils_where_due(struct hop_sampler *sampler, bool *has_births)
{
    if (sampler->deadlines.woke_ns < sampler->gil_due_ns)
        return;
    sampler->gil_due_ns = sampler->deadlines.woke_ns + sampler->way->gil_ns;
    hop_watch_gils(&sampler->watch, &sampler->roster, has_births);
}

bool hop_tick_is_still_there(struct hop_sampler *sampler, bool has_births)
{
    bool has_changed = false;
    if (sampler->deadlines.woke_ns < sampler->program_due_ns && !has_births &&
        sampler->refresh_due_ns)
        return true;
    sampler->program_due_ns = sampler->deadlines.woke_ns + PROGRAM_NS;
    bool is_there = hop_watch_program(&sampler->watch, &has_changed, &sampler->ending);
    if (has_changed)
        sampler->refresh_due_ns = 0; /* of interpreters */
    return is_there;
}

int hop_tick_begin(struct hop_sampler *sampler, bool *has_ended)
{
    bool has_births = sampler->has_ended_threads; /* the next may have its state, at its place */
    sampler->renewals_left = RENEWALS_MAX;
    sampler->has_run = sampler->is_too_soon = false;
    sampler->on_cpu_since_ns = sampler->deadlines.woke_ns;
    sampler->early.entry = NULL;
    sampler->counts.unproved_samples +=
        hop_perf_clocks_collect(&sampler->perf_clocks, sampler->crew, &sampler->roster,
                                sampler->deadlines.woke_ns, sampler->counts.samples);
    sampler->identifier.now_ns = sampler->deadlines.woke_ns;
    if (sampler->way->begin)
        sampler->way->begin(sampler);
    watch_gils_where_due(sampler, &has_births);
    if (!hop_tick_is_still_there(sampler, has_births)) {
        *has_ended = true;
        return HOP_CREW_DONE;
    }
    sampler->counts.ticks++;
    sampler->passed_ns += sampler->sample_ns;
    sampler->hops_left = HOPS_MAX;
    if (!hop_tick_renew(sampler, has_births)) {
        refuse(sampler, HOP_REFUSED_NO_ROOM);
        return HOP_CREW_DONE;
    }
    hop_watch_mark_left(&sampler->watch, &sampler->roster);
    sampler->early.expected_addr = sampler->watch.holder_count ? sampler->watch.holders[0] : 0;
    if (sampler->plan.mode == HOP_MODE_GIL && !sampler->watch.holder_count)
        sampler->counts.idle++;
    plan_turns(sampler);
    int next_cpu = look_at_all(sampler);
    note_rest(sampler);
    look_at_other_instants(sampler);
    return next_cpu;
}

int hop_tick_continue(struct hop_sampler *sampler)
{
    bool ignored = false;
    sampler->on_cpu_since_ns = hop_now_ns();
    sampler->early.entry = NULL;
    hop_prefetch_close(&sampler->prefetch);
    hop_watch_gils(&sampler->watch, &sampler->roster, &ignored);
    sampler->hops_left--;
    sampler->counts.hops++;
    return look_at_pending(sampler);
}

void hop_tick_settle(struct hop_sampler *sampler)
{
    for (size_t i = 0; i < sampler->roster.count; i++)
        if (sampler->roster.entries[i].is_asleep)
            count_skipped_ticks(sampler, &sampler->roster.entries[i], sampler->counts.ticks,
                                sampler->passed_ns);
}
