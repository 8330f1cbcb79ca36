/* Interrupt: a timer of the CPU interrupts the thread that runs there, and what stands in its
 * frames at that instant is written down by a program of ours in the kernel. We come now and then
 * for what was written down, and give it names. Nothing else of ours runs on the thread's CPU, and
 * what was read is of one instant of it: there is nothing left to be proved. */
#include "sample/way.h"

#include "base/clock.h"
#include "sample/interrupt_codes.h"
#include "sample/interrupt_threads.h"
#include "sample/tick.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often we come, where nothing new is seen: after as many periods as are alike, within these
 * bounds. A wake-up of ours costs the target nothing, unless it is on the only CPU; but to be woken
 * for a few records only is most of what they cost us. */
static const uint64_t VISIT_LEAST_NS = 50 * 1000 * 1000, VISIT_MOST_NS = 100 * 1000 * 1000;

/* Of all CPUs together, whoever runs there; and the kernel's shortest period is 10 us. */
static const double RATE_MAX_HZ = 50000;

/* The ring of records: 1,000 frames take 48 KB, and some milliseconds pass until we come when it is
 * half full. What we have touched of it is memory of ours: with 1,000 interrupts a second it is the
 * least there is. */
static const uint32_t RING_LEAST_BYTES = 1 << 20, RING_MOST_BYTES = 8 << 20;

/* Over so many interrupts what one takes is averaged, and a part of a thread's time that they may
 * take. */
enum { TOOK_SPREAD = 16, PART_MAX = 2 };

/* How often it is asked whether CPUs have come online. */
static const uint64_t CPUS_NS = 1000 * 1000 * 1000;

/* A visit ends after so long: the rest is left for the next. After one that took longer than a few
 * stacks do, the CPU is left to others for as long. */
static const uint64_t TAKING_MOST_NS = 20 * 1000 * 1000, REST_NS = 2 * 1000 * 1000;

/* The last one takes what there is, but for what would take a user's patience. */
static const uint64_t LAST_MOST_NS = 500 * 1000 * 1000;

/* How long after the last new code object we stay on its CPU. */
static const uint64_t FOLLOWED_NS = 200 * 1000 * 1000;

struct hop_interrupt_way {
    struct hop_interrupts interrupts;
    struct hop_interrupt_plan plan;
    uint64_t mean_ns;    /* of the first periods */
    const char *why_not; /* NULL: it can be, as far as we know */
    bool is_sent, is_ready;
    struct hop_interrupt_codes codes;
    struct hop_interrupt_threads threads;
    struct hop_step *steps, *last_steps; /* [HOP_INTERRUPT_FRAMES_MAX] each */
    size_t last_depth;
    uint32_t last_thread;          /* that the last stack was counted for; UINT32_MAX: none */
    uint64_t began_ns, began_tick; /* where instants are counted from */
    uint64_t paused_at_ns;         /* the last time; those before are part of began_ns */
    uint64_t paused_ns;            /* for how long then */
    uint64_t started_ns;           /* when it was changed to this way */
    uint64_t missed_before;
    uint64_t tick_ns; /* from one instant to the next, as it was asked for */
    uint64_t visited_ns;
    uint64_t took_ns; /* what an interrupt takes, of late */
    uint64_t lost;    /* records for which the kernel had no room */
    double left_out;  /* instants, as interrupts took too long */
    uint64_t cpus_due_ns;
    cpu_set_t our_cpus; /* where we may run */
    int followed_cpu;   /* where alone we run now, or -1 */
    uint64_t followed_until_ns;
    bool is_behind;     /* in the last visit there was no time for all records */
    uint64_t taking_ns; /* what it took to take them then */
    bool is_not_for_us; /* the target has what we have no eyes for */
};

static void refuse(struct hop_sampler *sampler, enum hop_refusal refusal)
{
    sampler->counts.refused[refusal]++;
}

/* --- where we run ----------------------------------------------------------------------------- */

/* A code object may be freed microseconds after it was seen for the first time. As long as there
 * are new ones we wait on the CPU where they are seen: the wake-up that the interrupt sends then
 * preempts the thread before its next instruction, and it stands still while we read. */
static void follow(struct hop_interrupt_way *way, int cpu, uint64_t now_ns)
{
    cpu_set_t only;
    way->followed_until_ns = now_ns + FOLLOWED_NS;
    if (cpu == way->followed_cpu || cpu < 0 || cpu >= CPU_SETSIZE ||
        !CPU_ISSET((size_t)cpu, &way->our_cpus))
        return;
    CPU_ZERO(&only);
    CPU_SET((size_t)cpu, &only);
    if (sched_setaffinity(0, sizeof only, &only) == 0)
        way->followed_cpu = cpu;
}

/* Else we are better elsewhere: our work is not to be the target's loss. */
static void stop_following(struct hop_interrupt_way *way)
{
    if (way->followed_cpu >= 0)
        sched_setaffinity(0, sizeof way->our_cpus, &way->our_cpus);
    way->followed_cpu = -1;
}

/* --- counting --------------------------------------------------------------------------------- */

/* Instants up to then have been. Of two CPUs records may be a little out of order, and some may be
 * of before the last pause. */
static void reach(const struct hop_interrupt_way *way, struct hop_sampler *sampler, uint64_t ns)
{
    uint64_t from_ns = way->began_ns + (ns >= way->paused_at_ns ? way->paused_ns : 0);
    uint64_t passed = ns > from_ns ? (ns - from_ns) / way->tick_ns : 0;
    uint64_t left_out = (uint64_t)way->left_out;
    uint64_t tick = way->began_tick + (passed > left_out ? passed - left_out : 0);
    if (tick > sampler->counts.ticks)
        sampler->counts.ticks = tick;
}

/* How many of the outermost steps are those of the last stack that was counted, of this thread. */
static size_t count_same(const struct hop_interrupt_way *way, uint32_t thread, size_t depth)
{
    size_t most = depth < way->last_depth ? depth : way->last_depth, same = 0;
    if (way->last_thread != thread)
        return 0;
    for (; same < most; same++) {
        const struct hop_step *a = &way->steps[depth - 1 - same];
        const struct hop_step *b = &way->last_steps[way->last_depth - 1 - same];
        if (a->code != b->code || a->unit != b->unit || a->opcode != b->opcode)
            break;
    }
    return same;
}

/* The stack in way->steps, which stands for `weight_ns`. */
static void count(struct hop_interrupt_way *way, struct hop_sampler *sampler, uint32_t thread,
                  size_t depth, uint64_t weight_ns)
{
    const struct hop_sink *sink = &sampler->plan.sink;
    uint32_t place;
    if (!sink->add(sink->context, thread, way->steps, depth, count_same(way, thread, depth),
                   sampler->counts.ticks, weight_ns, &place)) {
        way->last_thread = UINT32_MAX;
        refuse(sampler, HOP_REFUSED_NO_ROOM);
        return;
    }
    sampler->counts.samples++;
    struct hop_step *steps = way->last_steps;
    way->last_steps = way->steps;
    way->steps = steps;
    way->last_depth = depth;
    way->last_thread = thread;
}

static enum hop_refusal refusal_of(const struct hop_interrupt_record *record)
{
    switch (record->status) {
    case HOP_INTERRUPT_WALKED:
        return HOP_TAKEN;
    case HOP_INTERRUPT_UNREADABLE:
    case HOP_INTERRUPT_ABSENT:
        return HOP_REFUSED_UNREADABLE;
    case HOP_INTERRUPT_STRANGER:
        return HOP_REFUSED_NOT_ITS_THREAD;
    case HOP_INTERRUPT_TOO_DEEP:
        return HOP_REFUSED_TOO_DEEP;
    default:
        return HOP_REFUSED_BROKEN_CHAIN;
    }
}

/* What is in no list of thread states runs no Python yet, whatever it has by now. */
static bool had_no_state(const struct hop_interrupt_way *way,
                         const struct hop_interrupt_record *record)
{
    return record->status == HOP_INTERRUPT_STRANGER && !way->plan.has_own_pids;
}

static void take(struct hop_interrupt_way *way, struct hop_sampler *sampler,
                 const struct hop_interrupt_record *record)
{
    size_t depth = 0;
    hop_interrupt_codes_learn(&way->codes, record);
    if (record->ns < way->started_ns || record->ns > sampler->deadlines.end_ns)
        return;
    reach(way, sampler, record->ns);
    way->took_ns = (way->took_ns * (TOOK_SPREAD - 1) + record->took_ns) / TOOK_SPREAD;
    if (!record->thread_addr &&
        (!hop_interrupt_threads_meet(&way->threads, sampler, record) || had_no_state(way, record)))
        return;
    way->is_not_for_us |= record->status == HOP_INTERRUPT_TOO_DEEP;
    if (record->status == HOP_INTERRUPT_FOREIGN)
        sampler->refresh_due_ns = 0; /* of interpreters */
    enum hop_refusal refusal = refusal_of(record);
    if (refusal == HOP_TAKEN)
        refusal = hop_interrupt_codes_name(&way->codes, record, way->steps, &depth);
    if (record->status == HOP_INTERRUPT_ABSENT && way->codes.may_read)
        hop_interrupt_codes_touch(&way->codes, record);
    if (record->status == HOP_INTERRUPT_WALKED && way->codes.has_read)
        follow(way, (int)record->cpu, sampler->deadlines.woke_ns);
    if (refusal != HOP_TAKEN) {
        refuse(sampler, refusal);
        hop_interrupt_threads_note(sampler, record); /* it was not idle */
        return;
    }
    uint32_t thread = hop_interrupt_threads_find(&way->threads, sampler, record);
    if (thread == UINT32_MAX) {
        refuse(sampler, HOP_REFUSED_NOT_ITS_THREAD);
    } else if (!depth) {
        sampler->counts.idle++;
    } else {
        count(way, sampler, thread, depth, sampler->sample_ns);
        hop_interrupt_codes_seek_counter(&way->codes, &sampler->identifier,
                                         sampler->roster.interpreters[0].addr, record);
    }
}

/* --- visits ----------------------------------------------------------------------------------- */

/* A thread that sleeps with the GIL is not interrupted, and keeps all others waiting: it counts as
 * one that runs. What it is found at stands for the time since the last visit. */
static void look_at_sleeping_holders(struct hop_interrupt_way *way, struct hop_sampler *sampler,
                                     uint64_t since_ns)
{
    for (size_t i = 0; i < sampler->watch.holder_count; i++) {
        struct hop_roster_entry *entry =
            hop_roster_find(&sampler->roster, sampler->watch.holders[i]);
        struct hop_look look = {.wants_sleeping = true};
        char state;
        int processor;
        if (!entry || !hop_task_where(&entry->task, &state, &processor) || state == 'R')
            continue;
        enum hop_look_result result = hop_way_cpu.look(sampler, entry, &look);
        entry->is_asleep = entry->was_taken = false; /* interrupts tell when it goes on */
        size_t depth = sampler->walker.stack.depth;
        if (result == HOP_LOOK_REFUSED)
            refuse(sampler, look.refusal);
        if (result != HOP_LOOK_TAKEN || depth > HOP_INTERRUPT_FRAMES_MAX)
            continue;
        memcpy(way->steps, sampler->identifier.frames, depth * sizeof *way->steps);
        depth = hop_tick_leave_out_trampolines(sampler, way->steps, depth);
        if (depth)
            count(way, sampler, entry->index, depth, since_ns);
    }
}

/* Instants at which threads were not on a CPU. */
static void count_idle(struct hop_sampler *sampler)
{
    for (size_t i = 0; i < sampler->roster.count; i++) {
        struct hop_roster_entry *entry = &sampler->roster.entries[i];
        uint64_t instants = sampler->counts.ticks - entry->visited_tick;
        uint64_t idle = instants > entry->interrupts ? instants - entry->interrupts : 0;
        sampler->counts.idle += idle - entry->idle; /* which may be less than nothing */
        entry->idle = idle;
    }
}

static uint64_t visit_ns(uint64_t period_ns)
{
    uint64_t alike_ns = HOP_INTERRUPTS_ALIKE * period_ns;
    if (alike_ns < VISIT_LEAST_NS)
        return VISIT_LEAST_NS;
    return alike_ns < VISIT_MOST_NS ? alike_ns : VISIT_MOST_NS;
}

/* Periods are drawn, and the one under way is lost when the next is: by how much they have to be
 * shorter than is wanted. The mean of 1/x, x evenly from 0.9 to 1.1; half of one in as many as pass
 * until there are as many as are the least, which is noticed when we visit. */
static uint64_t mean_period_ns(uint64_t wanted_ns)
{
    uint64_t a_visit_ns = visit_ns(wanted_ns), alike_ns = HOP_INTERRUPTS_ALIKE * wanted_ns;
    uint64_t visits = (alike_ns + a_visit_ns - 1) / a_visit_ns;
    double a_draw = (double)(visits * a_visit_ns) / (double)wanted_ns;
    return (uint64_t)((double)wanted_ns * 1.0034 * a_draw / (a_draw + 0.5));
}

/* An interrupt of a deep stack takes long, and so may its record take us. We leave the thread most
 * of its time, and do not fall behind, by interrupting it less often: each sample stands for more
 * then.
 */
static void keep_within_bounds(struct hop_interrupt_way *way, struct hop_sampler *sampler,
                               uint64_t window_ns)
{
    uint64_t period_ns = sampler->sample_ns, least_ns = way->took_ns * PART_MAX;
    way->left_out +=
        (double)window_ns / (double)way->tick_ns - (double)window_ns / (double)period_ns;
    if (way->is_behind && least_ns < period_ns)
        least_ns = period_ns + period_ns / 3; /* so that it is twice as long */
    if (least_ns > period_ns)
        period_ns = least_ns + least_ns / 2;
    else if (least_ns < period_ns / 4 && way->taking_ns < window_ns / 4)
        period_ns = period_ns / 2;
    if (period_ns < way->tick_ns)
        period_ns = way->tick_ns;
    if (period_ns != sampler->sample_ns &&
        hop_interrupts_begin(&way->interrupts, mean_period_ns(period_ns)))
        sampler->sample_ns = period_ns;
}

/* At the end there may be some that there was no time for. */
static void give_up_rest(struct hop_interrupt_way *way, struct hop_sampler *sampler)
{
    const struct hop_interrupt_record *record;
    uint64_t until = hop_interrupts_written(&way->interrupts);
    while ((record = hop_interrupts_next(&way->interrupts, until)))
        if (record->ns >= way->started_ns && record->ns <= sampler->over_ns &&
            record->ns <= sampler->deadlines.end_ns && record->thread_addr)
            refuse(sampler, HOP_REFUSED_NO_ROOM);
}

static void count_lost(struct hop_interrupt_way *way, struct hop_sampler *sampler)
{
    uint64_t lost = hop_interrupts_lost(&way->interrupts);
    sampler->counts.refused[HOP_REFUSED_NO_ROOM] += lost - way->lost;
    way->lost = lost;
}

static void notice_cpus(struct hop_interrupt_way *way, const struct hop_sampler *sampler,
                        uint64_t now_ns)
{
    if (now_ns < way->cpus_due_ns)
        return;
    way->cpus_due_ns = now_ns + CPUS_NS;
    if ((size_t)sysconf(_SC_NPROCESSORS_ONLN) != way->interrupts.online)
        (void)hop_interrupts_begin(&way->interrupts, mean_period_ns(sampler->sample_ns));
}

static bool is_stopped(const struct hop_sampler *sampler)
{
    return sampler->deadlines.stop && *sampler->deadlines.stop;
}

/* Those that were written by now, or as many as there is time for: then we are behind. */
static void take_records(struct hop_interrupt_way *way, struct hop_sampler *sampler,
                         uint64_t until_ns)
{
    const struct hop_interrupt_record *record;
    uint64_t until = hop_interrupts_written(&way->interrupts), now_ns = hop_now_ns();
    for (; now_ns < until_ns && (record = hop_interrupts_next(&way->interrupts, until));
         now_ns = hop_now_ns())
        take(way, sampler, record);
    way->is_behind = now_ns >= until_ns || hop_interrupts_lost(&way->interrupts) > way->lost;
    way->taking_ns = now_ns - way->visited_ns;
}

/* Takes what was written down. False: the program is no longer there. */
static bool visit(struct hop_interrupt_way *way, struct hop_sampler *sampler)
{
    bool has_births = false;
    uint64_t now_ns = hop_now_ns(), window_ns = now_ns - way->visited_ns;
    uint64_t end_ns = sampler->deadlines.end_ns, most_ns = 2 * visit_ns(sampler->sample_ns);
    way->visited_ns = sampler->deadlines.woke_ns = sampler->identifier.now_ns = now_ns;
    way->codes.may_read = way->threads.may_read = hop_tick_is_still_there(sampler, true);
    hop_interrupts_jitter(&way->interrupts, now_ns);
    bool is_last = now_ns >= end_ns || is_stopped(sampler) || !way->codes.may_read;
    take_records(way, sampler, now_ns + (is_last ? LAST_MOST_NS : TAKING_MOST_NS));
    reach(way, sampler, now_ns < end_ns ? now_ns : end_ns);
    keep_within_bounds(way, sampler, window_ns);
    sampler->counts.missed = way->missed_before + (uint64_t)way->left_out;
    count_lost(way, sampler);
    if (!way->codes.may_read)
        return false;
    hop_watch_gils(&sampler->watch, &sampler->roster, &has_births);
    hop_interrupt_threads_renew(&way->threads, sampler, has_births);
    way->is_not_for_us |= sampler->roster.interpreter_count != 1;
    look_at_sleeping_holders(way, sampler, window_ns < most_ns ? window_ns : most_ns);
    count_idle(sampler);
    notice_cpus(way, sampler, now_ns);
    if (now_ns >= way->followed_until_ns)
        stop_following(way);
    return true;
}

static void pause_interrupt(struct hop_sampler *sampler)
{
    struct hop_interrupt_way *way = sampler->way_state;
    if (way) /* else it is not open yet, or no more */
        hop_interrupts_turn(&way->interrupts, false);
}

static void resume_interrupt(struct hop_sampler *sampler, uint64_t paused_ns)
{
    struct hop_interrupt_way *way = sampler->way_state;
    if (!way)
        return;
    uint64_t now_ns = hop_now_ns(), end_ns = sampler->deadlines.end_ns;
    uint64_t until_ns = now_ns < end_ns ? now_ns : end_ns;
    way->began_ns += way->paused_ns;
    way->paused_at_ns = now_ns - paused_ns;
    way->paused_ns = paused_ns;
    way->visited_ns += paused_ns;
    if (until_ns > way->paused_at_ns)
        way->missed_before += (until_ns - way->paused_at_ns) / way->tick_ns;
    hop_interrupts_turn(&way->interrupts, true);
}

/* We want to come at once when we are woken, also on a busy machine. Where it is not allowed we
 * come a little later. */
static void become_prompt(int *policy, struct sched_param *param)
{
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    if (pthread_getschedparam(pthread_self(), policy, param) != 0)
        *policy = -1;
    else if (*policy == SCHED_OTHER)
        pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest);
}

/* Whoever goes on begins with the instant after the last one of ours. */
static void leave(const struct hop_interrupt_way *way, struct hop_sampler *sampler)
{
    uint64_t instants = sampler->counts.ticks + (uint64_t)way->left_out - way->began_tick;
    sampler->deadlines.next_period_ns = way->began_ns + way->paused_ns + instants * way->tick_ns;
    sampler->deadlines.missed = sampler->counts.missed;
    sampler->sample_ns = way->tick_ns;
    sampler->added_stacks = 0;
    for (size_t i = 0; i < sampler->roster.count; i++) {
        sampler->roster.entries[i].visited_tick = sampler->counts.ticks;
        sampler->roster.entries[i].visited_ns = sampler->passed_ns;
    }
}

/* False: it is not over, and not for us. */
static bool run_interrupt(struct hop_sampler *sampler)
{
    struct hop_interrupt_way *way = sampler->way_state;
    const struct hop_deadlines *deadlines = &sampler->deadlines;
    bool is_over = false;
    uint64_t took_ns = 0;
    int policy;
    struct sched_param param;
    become_prompt(&policy, &param);
    while (!is_over && !way->is_not_for_us) {
        uint64_t until_ns = hop_now_ns() + visit_ns(sampler->sample_ns);
        if (took_ns > REST_NS) /* we may be where the target wants to be */
            hop_sleep_until_ns(hop_now_ns() + took_ns);
        hop_interrupts_wait(&way->interrupts,
                            until_ns < deadlines->end_ns ? until_ns : deadlines->end_ns);
        took_ns = hop_now_ns();
        hop_sampler_hold(sampler);
        if (!visit(way, sampler)) {
            is_over = true; /* sampler->ending tells */
        } else if (is_stopped(sampler)) {
            sampler->ending = HOP_ENDED_STOPPED;
            is_over = true;
        } else if (way->visited_ns >= deadlines->end_ns) {
            sampler->ending = HOP_ENDED_DURATION;
            is_over = true;
        }
        sampler->over_ns = is_over ? way->visited_ns : 0;
        if (is_over)
            give_up_rest(way, sampler);
        hop_sampler_release(sampler);
        took_ns = hop_now_ns() - took_ns;
    }
    stop_following(way);
    if (policy >= 0)
        pthread_setschedparam(pthread_self(), policy, &param);
    leave(way, sampler);
    return is_over;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* By a thread that may wait: the kernel takes some milliseconds. */
static void open_interrupts(void *context)
{
    struct hop_interrupt_way *way = context;
    if (hop_interrupts_open(&way->interrupts, &way->plan, &way->why_not) &&
        !hop_interrupts_begin(&way->interrupts, way->mean_ns))
        way->why_not = "the kernel gives us no timers";
}

/* Why it can't be; NULL: it is to be tried. */
static const char *why_not(const struct hop_sampler *sampler)
{
    const struct hop_layout *layout = &sampler->python->layout;
    if (!hop_interrupt_can(layout))
        return "this CPython keeps its frames where they are not looked for";
    if (layout->thread_native_id == HOP_ABSENT && sampler->roster.pthread_tid_offset < 0)
        return "the target's C library keeps the numbers of threads where they are not looked for";
    if (sampler->plan.mode != HOP_MODE_CPU)
        return "only threads that run are interrupted (--mode cpu)";
    if (sampler->plan.rate_hz * (double)sysconf(_SC_NPROCESSORS_ONLN) > RATE_MAX_HZ)
        return "all CPUs together would be interrupted more than 50,000 times a second";
    if (sampler->roster.interpreter_count != 1)
        return "the target has several interpreters, or none yet";
    return NULL;
}

static bool has_own_pids(const struct hop_process *process)
{
    bool is_shared = false;
    return !hop_process_shares_namespace(process, "pid", &is_shared) || !is_shared;
}

static uint32_t ring_bytes(double rate_hz)
{
    uint32_t bytes = RING_LEAST_BYTES;
    while (bytes < RING_MOST_BYTES && bytes < 1000 * rate_hz)
        bytes *= 2;
    return bytes;
}

/* With all that open_interrupts needs. NULL: out of memory. */
static struct hop_interrupt_way *make(const struct hop_sampler *sampler)
{
    const struct hop_python *python = sampler->python;
    struct hop_interrupt_way *way = calloc(1, sizeof *way);
    if (!way)
        return NULL;
    struct hop_gil gil =
        hop_gil_of(&python->layout, python->runtime_addr, &sampler->roster.interpreters[0]);
    hop_interrupts_init(&way->interrupts, sampler->process, sampler->plan.seed);
    way->why_not = why_not(sampler);
    way->mean_ns = mean_period_ns((uint64_t)(1e9 / sampler->plan.rate_hz));
    way->plan =
        (struct hop_interrupt_plan){.layout = &python->layout,
                                    .pid = sampler->process->pid,
                                    .interpreter_addr = sampler->roster.interpreters[0].addr,
                                    .has_own_pids = has_own_pids(sampler->process),
                                    .pthread_tid_offset = sampler->roster.pthread_tid_offset,
                                    .ring_bytes = ring_bytes(sampler->plan.rate_hz),
                                    .locked_addr = gil.locked_addr,
                                    .holder_addr = gil.holder_addr};
    return way;
}

static void destroy(struct hop_interrupt_way *way)
{
    if (!way)
        return;
    hop_interrupts_close(&way->interrupts);
    hop_interrupt_codes_deinit(&way->codes);
    hop_interrupt_threads_deinit(&way->threads);
    free(way->steps);
    free(way->last_steps);
    free(way);
}

static bool make_room(struct hop_interrupt_way *way, struct hop_sampler *sampler)
{
    way->steps = malloc(HOP_INTERRUPT_FRAMES_MAX * sizeof *way->steps);
    way->last_steps = malloc(HOP_INTERRUPT_FRAMES_MAX * sizeof *way->last_steps);
    return way->steps && way->last_steps &&
           hop_interrupt_threads_init(&way->threads, &way->interrupts) &&
           hop_interrupt_codes_init(&way->codes, &way->interrupts, &sampler->codes);
}

/* From now on it is by interrupts. What these wrote down until now was looked at otherwise. */
static void start(struct hop_interrupt_way *way, struct hop_sampler *sampler)
{
    const struct hop_roster *roster = &sampler->roster;
    way->last_thread = UINT32_MAX;
    way->followed_cpu = -1;
    if (sched_getaffinity(0, sizeof way->our_cpus, &way->our_cpus) != 0)
        CPU_ZERO(&way->our_cpus);
    way->visited_ns = way->started_ns = hop_now_ns();
    way->began_ns = sampler->deadlines.next_period_ns;
    way->began_tick = sampler->counts.ticks;
    way->missed_before = sampler->counts.missed;
    way->tick_ns = sampler->sample_ns;
    sampler->deadlines.lateness = (struct hop_lateness){0}; /* nobody waits for a deadline here */
    for (size_t i = 0; i < roster->count; i++) {
        struct hop_roster_entry *entry = &roster->entries[i];
        entry->is_known_to_interrupts = entry->is_asleep = entry->was_taken = false;
        entry->interrupts = entry->idle = 0;
    }
    hop_interrupt_threads_know(&way->threads, sampler);
    hop_interrupts_know_counter(&way->interrupts, sampler->identifier.counter_addr);
    hop_interrupts_know_code_type(&way->interrupts, sampler->codes.type_addr);
    way->cpus_due_ns = way->started_ns + CPUS_NS;
    hop_interrupts_turn(&way->interrupts, true);
}

static enum hop_status open_interrupt(struct hop_sampler *sampler, struct hop_error *err)
{
    struct hop_interrupt_way *way = sampler->interrupts ? sampler->interrupts : make(sampler);
    sampler->interrupts = NULL;
    if (!way || !make_room(way, sampler)) {
        destroy(way);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the sampler");
    }
    if (!way->why_not && way->interrupts.program < 0)
        open_interrupts(way);
    if (way->why_not) {
        hop_error_set(err, HOP_ERR_UNSUPPORTED, "leave out --read interrupt",
                      "cannot look in timer interrupts: %s", way->why_not);
        destroy(way);
        return HOP_ERR_UNSUPPORTED;
    }
    sampler->way_state = way;
    start(way, sampler);
    return HOP_OK;
}

static void close_interrupt(struct hop_sampler *sampler)
{
    destroy(sampler->way_state);
    sampler->way_state = NULL;
}

/* --- changing to it --------------------------------------------------------------------------- */

void hop_interrupts_prepare(struct hop_sampler *sampler)
{
    sampler->interrupts = make(sampler);
    if (!sampler->interrupts)
        return;
    if (sampler->interrupts->why_not)
        hop_interrupts_drop(sampler);
}

bool hop_interrupts_are_ready(struct hop_sampler *sampler)
{
    struct hop_interrupt_way *way = sampler->interrupts;
    if (!way || way->is_ready)
        return way;
    if (!way->is_sent) {
        way->is_sent = hop_crew_send(sampler->crew, open_interrupts, way);
        return false;
    }
    if (hop_crew_is_on_errand(sampler->crew))
        return false;
    if (way->why_not) {
        hop_interrupts_drop(sampler);
        return false;
    }
    way->is_ready = true;
    return true;
}

void hop_interrupts_drop(struct hop_sampler *sampler)
{
    destroy(sampler->interrupts);
    sampler->interrupts = NULL;
}

const struct hop_way hop_way_interrupt = {
    .name = "interrupts",
    .words = "each thread was read in a timer interrupt on its CPU, in which it stands still",
    .open = open_interrupt,
    .run = run_interrupt,
    .pause = pause_interrupt,
    .resume = resume_interrupt,
    .close = close_interrupt,
};
