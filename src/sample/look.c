/* Finds out where a thread is, reads its stack and names its frames, and proves by its clock that
 * it stood still meanwhile. */
#include "sample/way.h"

#include <sched.h>

void hop_look_early(struct hop_sampler *sampler, bool wants_proof)
{
    struct hop_roster_entry *entry = NULL;
    if (sampler->early.expected_addr)
        entry = hop_roster_find(&sampler->roster, sampler->early.expected_addr);
    hop_prefetch_close(&sampler->prefetch);
    if (!entry || (wants_proof && !hop_standstill_read(&entry->task, &sampler->early.before)))
        return;
    sampler->early.entry = entry;
    hop_prefetch_open(&sampler->prefetch, hop_walker_guess_addr(&sampler->walker));
}

bool hop_look_was_early(struct hop_sampler *sampler, const struct hop_roster_entry *entry,
                        struct hop_standstill *before)
{
    bool was_early = sampler->early.entry == entry;
    sampler->early.entry = NULL;
    if (was_early)
        *before = sampler->early.before;
    else
        hop_prefetch_close(&sampler->prefetch);
    return was_early;
}

/* A thread state may be freed and another thread's be made at its address between two ticks,
 * without a change of the list's head; and up to 3.11 a state that is being born has the ids of the
 * thread that makes it. That the thread we know stands still proves nothing then. */
static enum hop_refusal find_whose(struct hop_sampler *sampler,
                                   const struct hop_roster_entry *entry)
{
    const struct hop_walker *walker = &sampler->walker;
    if (!walker->has_ids)
        return HOP_REFUSED_UNREADABLE;
    if (walker->pthread == entry->state.pthread && walker->native_id == entry->state.native_id)
        return HOP_TAKEN;
    sampler->refresh_due_ns = 0;
    return HOP_REFUSED_NOT_ITS_THREAD;
}

enum hop_refusal hop_look_read(struct hop_sampler *sampler, const struct hop_roster_entry *entry)
{
    struct hop_identifier *identifier = &sampler->identifier;
    enum hop_refusal refusal = hop_walk(&sampler->walker, entry->state.addr);
    enum hop_refusal whose = find_whose(sampler, entry);
    if (whose != HOP_TAKEN)
        return whose;
    if (sampler->roster.interpreter_count != 1)
        identifier->counter_addr = 0; /* each counts its own */
    if (refusal == HOP_TAKEN)
        refusal = hop_identify(identifier, &sampler->walker.stack);
    if (refusal == HOP_TAKEN && identifier->wants_qualnames)
        hop_qualnames_seek(&identifier->qualnames, &sampler->walker.stack, identifier->frames);
    return refusal;
}

void hop_look_keep(struct hop_sampler *sampler)
{
    hop_qualnames_keep(&sampler->identifier.qualnames);
}

void hop_look_drop(struct hop_sampler *sampler, size_t known_codes)
{
    hop_qualnames_drop(&sampler->identifier.qualnames);
    hop_code_table_truncate(&sampler->codes, known_codes);
    hop_identifier_distrust(&sampler->identifier);
}

/* --- one that stands still by itself --------------------------------------------------------- */

/* The first look after which it is sought where code objects are counted: an interpreter's whole
 * state is read for that. If it is not found it is sought again, ever more rarely. */
enum { LOOKS_BEFORE_COUNTER = 16 };

static void consider_counter(struct hop_sampler *sampler)
{
    struct hop_roster *roster = &sampler->roster;
    uint64_t looks = ++sampler->proved_looks;
    bool is_power_of_two = !(looks & (looks - 1));
    if (!sampler->identifier.counter_addr && is_power_of_two && looks >= LOOKS_BEFORE_COUNTER &&
        roster->interpreter_count == 1)
        hop_identifier_seek_counter(&sampler->identifier, roster->interpreters[0].addr,
                                    &sampler->walker.stack);
}

static void note_asleep(struct hop_roster_entry *entry, const struct hop_standstill *before,
                        bool is_asleep)
{
    entry->is_asleep = is_asleep;
    if (is_asleep)
        entry->asleep_at = *before;
}

/* Where the thread is: asleep, or runnable on look->processor. */
static bool find_out_where(struct hop_roster_entry *entry, const struct hop_standstill *before,
                           struct hop_look *look)
{
    if (!hop_task_where(&entry->task, &look->state, &look->processor))
        return false;
    note_asleep(entry, before, look->state != 'R');
    if (entry->is_asleep && before->clock == HOP_CLOCK_PERF_TIMES)
        hop_perf_event_note_asleep(&entry->task.perf);
    return true;
}

/* A thread that has not run since its last sample: it was off the CPU then, so it still is, for
 * being put on one would have been counted. */
static enum hop_look_result look_at_unmoved(struct hop_roster_entry *entry,
                                            const struct hop_standstill *before,
                                            struct hop_look *look)
{
    /* The times of a perf event outlive its thread, and do not tell where it is. Once is enough:
     * to go to sleep or to end, even by SIGKILL, a thread has to run. */
    if (before->clock == HOP_CLOCK_PERF_TIMES && !entry->is_found_still) {
        if (!hop_task_exists(&entry->task) ||
            (!entry->is_asleep && !find_out_where(entry, before, look)))
            return HOP_LOOK_GONE;
        entry->is_found_still = true;
    }
    look->state = entry->is_asleep ? 'S' : 'R';
    look->is_unmoved = !entry->is_asleep;
    if (entry->is_asleep ? look->wants_sleeping : look->wants_still)
        return HOP_LOOK_SAME;
    return entry->is_asleep ? HOP_LOOK_ASLEEP : HOP_LOOK_STILL;
}

/* One that was runnable and not understood, and has not run since: it waits for a CPU. Taken, it
 * would be left out now; to refuse it at each instant would make much of one refusal. */
static bool is_refused_still(const struct hop_roster_entry *entry,
                             const struct hop_standstill *before, const struct hop_look *look)
{
    return entry->was_refused && !entry->is_asleep && !look->wants_still &&
           hop_standstill_is_same(before, &entry->refused_at);
}

/* Up to 3.12 the thread state that a sub-interpreter is made with keeps the id of the kernel thread
 * that made it, also while another one runs it: that this one sleeps proves nothing then.
 * (From 3.13 on a thread state is bound to the thread that it is attached to.) */
static bool is_owner_certain(const struct hop_sampler *sampler,
                             const struct hop_roster_entry *entry)
{
    return sampler->python->layout.minor >= 13 || entry->state.interpreter_id == 0;
}

/* Frames change only under the GIL. A state that holds it while its thread sleeps is, but for a
 * call from C that blocks with the GIL held, run by another thread; one whose thread is runnable
 * may be, if another thread is runnable too. */
bool hop_look_is_anothers(struct hop_sampler *sampler, const struct hop_roster_entry *entry,
                          const struct hop_look_start *start)
{
    bool ignored = false;
    if (start->is_certain)
        return false;
    hop_prefetch_close(&sampler->prefetch);
    hop_watch_gils(&sampler->watch, &sampler->roster, &ignored);
    if (!hop_watch_holds_gil(&sampler->watch, entry->state.addr))
        return false;
    if (start->is_asleep)
        return true;
    for (size_t i = 0; i < sampler->roster.count; i++) {
        struct hop_task *other = &sampler->roster.entries[i].task;
        char state;
        int processor;
        if (other->tid != entry->task.tid && hop_task_where(other, &state, &processor) &&
            state == 'R')
            return true;
    }
    return false;
}

/* How far the clocks of the kernel's record and of our deadlines may be apart. */
static const uint64_t CLOCKS_APART_NS = 1000;

/* From a thread's being taken off its CPU for us until we read a clock there passes as long as a
 * switch takes: the longer the more seldom we look, as nothing of ours is in the caches then. One
 * that was taken off for another waited for as long as that ran: no switch takes as long as a
 * slice of time that the scheduler gives to another. Who was taken off before the instant is known
 * without this. After it there is little time for others, unless we are late; but when we have come
 * to this CPU in the midst of a tick, what waits here may have done so for any time. */
static const uint64_t SWITCH_NS = 100 * 1000, SWITCH_AFTER_HOP_NS = 50 * 1000,
                      SWITCH_MOST_NS = 500 * 1000;
enum { SWITCH_SPREAD = 4 };

static uint64_t usual_switch_ns(const struct hop_sampler *sampler)
{
    bool has_hopped = sampler->on_cpu_since_ns != sampler->deadlines.woke_ns;
    uint64_t usual_ns = has_hopped ? SWITCH_AFTER_HOP_NS : SWITCH_NS;
    uint64_t seen_ns = sampler->switch_ns * SWITCH_SPREAD;
    return seen_ns > usual_ns ? seen_ns : usual_ns;
}

/* What was too long, again and again, is how long it takes by now: the CPU may be slower than it
 * was, or have more to do at each switch. After some hundred looks it is believed. */
enum { SWITCH_GROWTH_DIVISOR = 128 };

static bool was_taken_off_for_us(struct hop_sampler *sampler, const struct hop_switch *last)
{
    if (last->cpu != sampler->cpu)
        return false;
    if (last->ns >= sampler->on_cpu_since_ns)
        return true; /* after we had begun there */
    uint64_t since_ns = sampler->on_cpu_since_ns - last->ns;
    if (since_ns > SWITCH_MOST_NS)
        return false;
    if (!sampler->switch_ns || since_ns < sampler->switch_ns)
        sampler->switch_ns = since_ns;
    if (since_ns <= usual_switch_ns(sampler))
        return true;
    sampler->switch_ns += sampler->switch_ns / SWITCH_GROWTH_DIVISOR + 1;
    return false;
}

/* It was taken off its CPU before the instant at which we were to look, or for another than us: it
 * stands where it lost its CPU, which is often at the end of a system call, for what the call has
 * woken runs instead. One that we took off its CPU ran at that instant. */
static bool waited_at_the_instant(struct hop_sampler *sampler, const struct hop_switch *last)
{
    return last->is_out && last->wanted_to_go_on &&
           (last->ns + CLOCKS_APART_NS < sampler->deadlines.due_ns ||
            !was_taken_off_for_us(sampler, last));
}

/* What is known of the thread without asking the kernel. False: nothing. */
static bool know_where(const struct hop_sampler *sampler, struct hop_roster_entry *entry,
                       struct hop_look *look, struct hop_look_start *start,
                       const struct hop_switch *last)
{
    /* A thread known to sleep that has not run since still sleeps, or waits for its first moment on
     * a CPU: its frames are the same. */
    if (start->before.clock == HOP_CLOCK_SWITCHES ||
        (entry->is_asleep && hop_standstill_is_same(&start->before, &entry->asleep_at))) {
        look->state = entry->is_asleep ? 'S' : 'R';
        look->processor = sampler->cpu;
        start->is_anywhere = !entry->is_asleep;
        return true;
    }
    /* It runs: said to be here it has ended, or it is we who are not. */
    if (last && !last->is_out && last->cpu != sampler->cpu) {
        look->state = 'R';
        look->processor = last->cpu;
        entry->is_asleep = false;
        return true;
    }
    if (start->before.clock == HOP_CLOCK_PERF_TIMES && look->wants_sleeping && start->is_certain) {
        /* Where it is need not be known, unless it turns out to have run. */
        look->state = 'R';
        look->processor = sampler->cpu;
        start->is_anywhere = true;
        entry->is_asleep = false;
        return true;
    }
    return false;
}

/* The first half of the proof: that of the start of the tick, unless it is known to be void. */
static bool read_before(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                        struct hop_look_start *start)
{
    if (hop_look_was_early(sampler, entry, &start->before)) {
        if (start->before.clock != HOP_CLOCK_SWITCHES ||
            hop_standstill_holds(&entry->task, &start->before))
            return true;
        hop_prefetch_close(&sampler->prefetch);
    }
    return hop_standstill_read(&entry->task, &start->before);
}

/* A thread that ran while it was read, of which it was not known where it is: it is to be looked at
 * there, if that is elsewhere. */
static enum hop_look_result find_out_after_all(struct hop_sampler *sampler,
                                               struct hop_roster_entry *entry,
                                               struct hop_look *look)
{
    if (!hop_task_where(&entry->task, &look->state, &look->processor))
        return HOP_LOOK_GONE;
    return look->state == 'R' && look->processor != sampler->cpu ? HOP_LOOK_ELSEWHERE
                                                                 : HOP_LOOK_REFUSED;
}

enum hop_look_result hop_look_find(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                   struct hop_look *look, struct hop_look_start *start)
{
    struct hop_switch last;
    look->refusal = HOP_TAKEN;
    if (!read_before(sampler, entry, start))
        return HOP_LOOK_GONE;
    bool is_on_record = hop_perf_event_last_switch(&entry->task.perf, &last);
    start->is_certain = is_owner_certain(sampler, entry);
    start->is_anywhere = false;
    if (start->before.clock == HOP_CLOCK_SWITCHES) {
        if (!is_on_record || !hop_standstill_is_of(&start->before, &last)) {
            look->refusal = HOP_REFUSED_MOVED; /* just now */
            return find_out_after_all(sampler, entry, look);
        }
        note_asleep(entry, &start->before, !last.wanted_to_go_on);
    }
    if (entry->was_taken && start->is_certain &&
        hop_standstill_is_same(&start->before, &entry->taken_at))
        return look_at_unmoved(entry, &start->before, look);
    if (is_on_record && start->is_certain && !look->wants_still &&
        waited_at_the_instant(sampler, &last)) {
        entry->is_asleep = false; /* it wanted to go on */
        look->state = 'R';
        return HOP_LOOK_STILL;
    }
    if (start->is_certain && is_refused_still(entry, &start->before, look)) {
        look->state = 'R';
        return start->before.clock != HOP_CLOCK_PERF_TIMES || hop_task_exists(&entry->task)
                   ? HOP_LOOK_STILL
                   : HOP_LOOK_GONE;
    }
    if (!know_where(sampler, entry, look, start, is_on_record ? &last : NULL) &&
        !find_out_where(entry, &start->before, look))
        return HOP_LOOK_GONE;
    start->is_asleep = entry->is_asleep;
    if (start->is_asleep && !look->wants_sleeping)
        return HOP_LOOK_ASLEEP;
    if (!start->is_asleep && look->processor != sampler->cpu)
        return HOP_LOOK_ELSEWHERE;
    if (hop_look_is_anothers(sampler, entry, start)) {
        look->refusal = HOP_REFUSED_NOT_ITS_THREAD;
        return HOP_LOOK_REFUSED;
    }
    return HOP_LOOK_TAKEN;
}

enum hop_look_result hop_look_prove(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                    struct hop_look *look, const struct hop_look_start *start)
{
    size_t known_codes = sampler->codes.count;
    look->refusal = hop_look_read(sampler, entry);
    bool may_have_ended = start->is_anywhere && start->before.clock == HOP_CLOCK_PERF_TIMES;
    if (may_have_ended && sampler->python->layout.thread_native_id == HOP_ABSENT &&
        !hop_task_exists(&entry->task)) {
        /* The times of a perf event outlive its thread. Up to 3.10 the next thread may have the
         * same pthread, and the same address for its state. */
        hop_look_drop(sampler, known_codes);
        return HOP_LOOK_GONE;
    }
    /* A thread that is just being switched out elsewhere is off its CPU for a moment before its
     * event's time is brought up to date (event_sched_out): read after that, it has changed.
     * (That it is being switched out is on record before that.) */
    bool stood_still = hop_standstill_holds(&entry->task, &start->before) &&
                       (!may_have_ended || hop_standstill_holds(&entry->task, &start->before));
    /* By schedstat one that is runnable stands still where we are. Of late we may be elsewhere: see
     * crew.c. */
    bool is_where_we_are = start->is_asleep || start->is_anywhere || sched_getcpu() == sampler->cpu;
    if (!stood_still || !is_where_we_are || hop_look_is_anothers(sampler, entry, start)) {
        hop_look_drop(sampler, known_codes);
        look->refusal = HOP_REFUSED_MOVED;
        if (start->is_anywhere)
            return find_out_after_all(sampler, entry, look);
    }
    enum hop_look_result result = hop_look_finish(sampler, entry, look, &start->before);
    if (result == HOP_LOOK_TAKEN && sampler->way == &hop_way_cpu) {
        hop_perf_clocks_consider(&sampler->perf_clocks, sampler->crew, &sampler->roster, entry);
        consider_counter(sampler);
    }
    return result;
}

enum hop_look_result hop_look_finish(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                     const struct hop_look *look,
                                     const struct hop_standstill *taken_at)
{
    entry->was_refused =
        look->refusal >= HOP_REFUSED_UNREADABLE && look->refusal <= HOP_REFUSED_BAD_OPCODE;
    entry->refused_at = *taken_at;
    if (look->refusal != HOP_TAKEN)
        return HOP_LOOK_REFUSED;
    hop_look_keep(sampler);
    if (!sampler->walker.stack.depth)
        return HOP_LOOK_FRAMELESS;
    entry->was_taken = true;
    entry->is_found_still = false;
    entry->taken_at = *taken_at;
    return HOP_LOOK_TAKEN;
}
