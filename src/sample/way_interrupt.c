/* Interrupt: a timer of the thread's own interrupts it on its CPU, and what stands in its frames at
 * that instant is written down by a program of ours in the kernel. We come now and then for what
 * was written down, and give it names. Nothing of ours runs on the thread's CPU but that, and
 * nothing but the thread's own instructions before and after: there is nothing left to be proved.
 */
#include "sample/way.h"

#include "base/clock.h"
#include "sample/interrupt.h"
#include "sample/tick.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* How often we come, where nothing new is seen: a wake-up of ours costs the target nothing, unless
 * it is on the only CPU. */
static const uint64_t VISIT_NS = 50 * 1000 * 1000;

/* Identities that are remembered; a program may make code objects without end. */
enum { IDENTITIES_MAX = 1 << 18, FIRST_IDENTITIES = 1024 };

/* Threads that have inherited their events keep one period; from time to time they get events of
 * their own. */
static const uint64_t RENEWAL_NS = 1000 * 1000 * 1000;

/* How long after the last new code object. */
static const uint64_t FOLLOWED_NS = 200 * 1000 * 1000;

/* The periods are drawn, and the one under way is lost when the next is: by how much the mean has
 * to be shorter than asked for. The mean of 1/x, x evenly from 0.75 to 1.25; half of one in 16. */
static const double MEAN_PART = 1.0217 * (1 - 0.5 / 16.5);

struct interrupt_way {
    struct hop_interrupts interrupts;
    struct hop_id_table code_of;         /* by identity */
    struct hop_step *steps, *last_steps; /* [HOP_INTERRUPT_FRAMES_MAX] each */
    size_t last_depth;
    bool has_learnt;      /* a code object, of the record under way */
    uint32_t last_thread; /* that the last stack was counted for; UINT32_MAX: none */
    uint64_t began_ns, began_tick;
    cpu_set_t our_cpus; /* where we may run */
    int followed_cpu;   /* where alone we run now, or -1 */
    uint64_t followed_until_ns;
    uint64_t visited_ns;
    uint64_t renewal_due_ns; /* 0: there is nothing to be renewed */
};

static void refuse(struct hop_sampler *sampler, enum hop_refusal refusal)
{
    sampler->counts.refused[refusal]++;
}

/* --- where we run ----------------------------------------------------------------------------- */

/* A code object may be freed microseconds after it was seen for the first time. As long as there
 * are new ones we wait on the CPU where they are seen: the wake-up that the interrupt sends then
 * preempts the thread before its next instruction, and it stands still while we read. */
static void follow(struct interrupt_way *way, int cpu, uint64_t now_ns)
{
    cpu_set_t only;
    way->followed_until_ns = now_ns + FOLLOWED_NS;
    if (cpu == way->followed_cpu || cpu < 0 || cpu >= CPU_SETSIZE ||
        !CPU_ISSET(cpu, &way->our_cpus))
        return;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (sched_setaffinity(0, sizeof only, &only) == 0)
        way->followed_cpu = cpu;
}

/* Else we are better elsewhere: our work is not to be the target's loss. */
static void stop_following(struct interrupt_way *way)
{
    if (way->followed_cpu >= 0)
        sched_setaffinity(0, sizeof way->our_cpus, &way->our_cpus);
    way->followed_cpu = -1;
}

/* --- whose ------------------------------------------------------------------------------------ */

static bool is_of(const struct hop_interrupt_record *record, const struct hop_roster_entry *entry)
{
    return entry && entry->state.pthread == record->pthread &&
           entry->state.native_id == record->native_id && entry->task.tid == (int)record->tid;
}

/* All threads of the roster, for the interrupts to come. */
static void know_threads(struct interrupt_way *way, struct hop_sampler *sampler)
{
    for (size_t i = 0; i < sampler->roster.count; i++) {
        struct hop_roster_entry *entry = &sampler->roster.entries[i];
        if (entry->is_known_to_interrupts || entry->is_gone)
            continue;
        entry->is_known_to_interrupts = true;
        if (!way->renewal_due_ns)
            way->renewal_due_ns = hop_now_ns() + RENEWAL_NS;
        hop_interrupts_know_thread(&way->interrupts, entry->task.tid, entry->state.addr);
    }
}

/* The thread's place in the tally, or UINT32_MAX. One may be born and end between two visits. */
static uint32_t find_thread(struct interrupt_way *way, struct hop_sampler *sampler,
                            const struct hop_interrupt_record *record)
{
    struct hop_roster *roster = &sampler->roster;
    struct hop_roster_entry *entry = hop_roster_find(roster, record->thread_addr);
    if (!is_of(record, entry)) {
        if (!hop_tick_renew(sampler, true))
            return UINT32_MAX;
        know_threads(way, sampler);
        entry = hop_roster_find(roster, record->thread_addr);
    }
    if (is_of(record, entry)) {
        entry->interrupts++;
        return entry->index;
    }
    /* A thread without a thread state by now, which had one then: that had its number. */
    int ns_tid = (int)record->native_id == (int)record->tid
                     ? (int)record->tid
                     : hop_process_ns_tid(sampler->process, (int)record->tid);
    if ((int)record->native_id != ns_tid)
        return UINT32_MAX;
    return hop_roster_note_ended(roster, (int)record->tid, record->name);
}

/* --- what ------------------------------------------------------------------------------------- */

static bool is_still_there(const struct hop_sampler *sampler,
                           const struct hop_interrupt_frame *frame)
{
    const struct hop_layout *layout = &sampler->python->layout;
    uint8_t header[HOP_CODE_HEADER_MAX];
    struct hop_code_identity identity;
    if (!hop_read(sampler->reader, frame->code_addr, header, hop_code_header_size(layout)))
        return false;
    hop_code_identity_from(layout, header, NULL, &identity);
    return hop_code_identity_number(frame->code_addr, &identity) == frame->identity;
}

/* From now on code objects with this identity are this one. */
static bool know_code(struct interrupt_way *way, uint64_t identity, uint32_t id)
{
    if (way->code_of.used >= IDENTITIES_MAX) {
        hop_id_table_deinit(&way->code_of);
        if (!hop_id_table_init(&way->code_of, FIRST_IDENTITIES))
            return false;
    }
    if (!hop_id_table_put(&way->code_of, identity, id))
        return false;
    hop_interrupts_know_code(&way->interrupts, identity);
    return true;
}

/* The code object that had that identity when the frame was seen. It is read now, a little later:
 * the one that is there may be its successor, which then is known for the next time. */
static enum hop_refusal find_code(struct interrupt_way *way, struct hop_sampler *sampler,
                                  const struct hop_interrupt_frame *frame, uint32_t *id)
{
    struct hop_code_table *codes = &sampler->codes;
    *id = hop_id_table_get(&way->code_of, frame->identity);
    if (*id != HOP_NO_ID)
        return HOP_TAKEN;
    const struct hop_code *code = hop_code_table_find(codes, frame->code_addr, id);
    if (!code || hop_code_identity_number(code->addr, &code->identity) != frame->identity) {
        enum hop_refusal refusal = hop_code_table_add(codes, frame->code_addr, id);
        if (refusal != HOP_TAKEN)
            return is_still_there(sampler, frame) ? refusal : HOP_REFUSED_CODE_GONE;
        code = codes->codes[*id];
    }
    way->has_learnt = true;
    uint64_t identity = hop_code_identity_number(code->addr, &code->identity);
    if (!know_code(way, identity, *id))
        return HOP_REFUSED_NO_ROOM;
    return identity == frame->identity ? HOP_TAKEN : HOP_REFUSED_CODE_GONE;
}

/* The opcode in memory of the instruction in which a frame stands: behind its prefixes, where the
 * frame stands at the first of those. */
static uint8_t opcode_of(const struct hop_code *code, const struct hop_interrupt_frame *frame,
                         uint32_t unit)
{
    uint64_t at = code->bytecode_addr + 2 * (uint64_t)unit - frame->ip;
    return at < sizeof frame->opcodes ? frame->opcodes[at] : code->units.bases[unit];
}

/* Fills way->steps; *depth: trampolines are left out. */
static enum hop_refusal name_frames(struct interrupt_way *way, struct hop_sampler *sampler,
                                    const struct hop_interrupt_record *record, size_t *depth)
{
    const struct hop_layout *layout = &sampler->python->layout;
    *depth = 0;
    for (size_t i = 0; i < record->frame_count; i++) {
        const struct hop_interrupt_frame *frame = &record->frames[i];
        struct hop_step *step = &way->steps[*depth];
        *step = (struct hop_step){0};
        enum hop_refusal refusal = find_code(way, sampler, frame, &step->code);
        if (refusal != HOP_TAKEN)
            return refusal;
        const struct hop_code *code = sampler->codes.codes[step->code];
        refusal = hop_code_unit_of_ip(layout, code, frame->ip, &step->unit);
        if (refusal != HOP_TAKEN)
            return refusal;
        step->opcode = opcode_of(code, frame, step->unit);
        if (!hop_opcode_may_stand_for(layout, step->opcode, code->units.bases[step->unit]))
            return HOP_REFUSED_BAD_OPCODE;
        *depth += !hop_code_is_trampoline(code);
    }
    return HOP_TAKEN;
}

/* How many of the outermost steps are those of the last stack that was counted, of this thread. */
static size_t count_same(const struct interrupt_way *way, uint32_t thread, size_t depth)
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

static uint64_t tick_at(const struct interrupt_way *way, const struct hop_sampler *sampler,
                        uint64_t ns)
{
    return way->began_tick + (ns > way->began_ns ? (ns - way->began_ns) / sampler->sample_ns : 0);
}

/* Instants up to then have been. Of two CPUs records may be a little out of order. */
static void reach(const struct interrupt_way *way, struct hop_sampler *sampler, uint64_t ns)
{
    uint64_t tick = tick_at(way, sampler, ns);
    if (tick > sampler->counts.ticks)
        sampler->counts.ticks = tick;
}

/* The stack in way->steps, which stands for `weight_ns`. */
static void count(struct interrupt_way *way, struct hop_sampler *sampler, uint32_t thread,
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
        return HOP_REFUSED_UNREADABLE;
    case HOP_INTERRUPT_TOO_DEEP:
        return HOP_REFUSED_TOO_DEEP;
    default:
        return HOP_REFUSED_BROKEN_CHAIN;
    }
}

static void take(struct interrupt_way *way, struct hop_sampler *sampler,
                 const struct hop_interrupt_record *record)
{
    size_t depth = 0;
    reach(way, sampler, record->ns);
    hop_interrupts_note(&way->interrupts, (int)record->tid);
    if (record->took_ns > sampler->counts.longest_interrupt_ns)
        sampler->counts.longest_interrupt_ns = record->took_ns;
    if (record->status == HOP_INTERRUPT_STRANGER)
        return; /* CPython has nothing to do with it */
    enum hop_refusal refusal = refusal_of(record);
    way->has_learnt = false;
    if (refusal == HOP_TAKEN)
        refusal = name_frames(way, sampler, record, &depth);
    if (way->has_learnt)
        follow(way, (int)record->cpu, sampler->deadlines.woke_ns);
    uint32_t thread = find_thread(way, sampler, record);
    if (refusal == HOP_TAKEN && thread == UINT32_MAX)
        refusal = HOP_REFUSED_NOT_ITS_THREAD;
    if (refusal != HOP_TAKEN)
        refuse(sampler, refusal);
    else if (!depth)
        sampler->counts.idle++;
    else
        count(way, sampler, thread, depth, sampler->sample_ns);
}

/* --- visits ----------------------------------------------------------------------------------- */

/* A thread that sleeps with the GIL is not interrupted, and keeps all others waiting: it counts as
 * one that runs. What it is found at stands for the time since the last visit. */
static void look_at_sleeping_holders(struct interrupt_way *way, struct hop_sampler *sampler,
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
        entry->is_asleep = entry->was_taken = false; /* interrupts will tell where it goes */
        size_t depth = sampler->walker.stack.depth;
        if (result == HOP_LOOK_REFUSED)
            refuse(sampler, look.refusal);
        if (result != HOP_LOOK_TAKEN || depth > HOP_INTERRUPT_FRAMES_MAX)
            continue;
        memcpy(way->steps, sampler->identifier.frames, depth * sizeof *way->steps);
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
        sampler->counts.idle += idle - entry->idle;
        entry->idle = idle;
    }
}

static uint64_t mean_period_ns(const struct hop_sampler *sampler)
{
    return (uint64_t)((double)sampler->sample_ns * MEAN_PART);
}

/* Those that were born since the last time. Where it fails they keep what they have. */
static void give_heirs_their_own(struct interrupt_way *way, const struct hop_sampler *sampler,
                                 uint64_t now_ns)
{
    if (!way->renewal_due_ns || now_ns < way->renewal_due_ns)
        return;
    way->renewal_due_ns = 0;
    (void)hop_interrupts_begin(&way->interrupts, mean_period_ns(sampler));
}

/* Takes what was written down. False: the program is no longer there. */
static bool visit(struct interrupt_way *way, struct hop_sampler *sampler)
{
    const struct hop_interrupt_record *record;
    bool has_births = false;
    uint64_t now_ns = hop_now_ns();
    sampler->deadlines.woke_ns = now_ns;
    while ((record = hop_interrupts_next(&way->interrupts)))
        take(way, sampler, record);
    reach(way, sampler, now_ns);
    sampler->counts.missed = hop_interrupts_lost(&way->interrupts);
    hop_watch_gils(&sampler->watch, &sampler->roster, &has_births);
    if (!hop_tick_is_still_there(sampler, true))
        return false;
    if (hop_tick_renew(sampler, has_births))
        know_threads(way, sampler);
    look_at_sleeping_holders(way, sampler, now_ns - way->visited_ns);
    give_heirs_their_own(way, sampler, now_ns);
    count_idle(sampler);
    way->visited_ns = now_ns;
    if (now_ns > way->followed_until_ns)
        stop_following(way);
    return true;
}

static enum hop_status open_interrupt(struct hop_sampler *sampler, struct hop_error *err)
{
    const struct hop_roster *roster = &sampler->roster;
    const struct hop_python *python = sampler->python;
    const char *why = NULL;
    struct interrupt_way *way = calloc(1, sizeof *way);
    sampler->way_state = way;
    if (!way)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the sampler");
    way->steps = malloc(HOP_INTERRUPT_FRAMES_MAX * sizeof *way->steps);
    way->last_steps = malloc(HOP_INTERRUPT_FRAMES_MAX * sizeof *way->last_steps);
    if (!way->steps || !way->last_steps || !hop_id_table_init(&way->code_of, FIRST_IDENTITIES))
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the sampler");
    if (roster->interpreter_count != 1) {
        why = "the target has several interpreters";
    } else {
        struct hop_gil gil =
            hop_gil_of(&python->layout, python->runtime_addr, &roster->interpreters[0]);
        hop_interrupts_open(&way->interrupts, sampler->process, &python->layout, gil.locked_addr,
                            gil.holder_addr, &why);
    }
    if (!why) {
        way->interrupts.random_state = sampler->plan.seed;
        way->last_thread = UINT32_MAX;
        way->began_ns = way->visited_ns = hop_now_ns();
        way->began_tick = sampler->counts.ticks;
        know_threads(way, sampler);
        for (size_t i = 0; i < sampler->roster.count; i++)
            sampler->roster.entries[i].visited_tick = sampler->counts.ticks;
        if (!hop_interrupts_begin(&way->interrupts, mean_period_ns(sampler)))
            why = "its threads can't be given timers";
        way->renewal_due_ns = 0;
    }
    if (!why)
        return HOP_OK;
    return hop_error_set(err, HOP_ERR_UNSUPPORTED, "use --read cpu",
                         "cannot look by interrupts: %s", why);
}

static void close_interrupt(struct hop_sampler *sampler)
{
    struct interrupt_way *way = sampler->way_state;
    if (!way)
        return;
    hop_interrupts_close(&way->interrupts);
    hop_id_table_deinit(&way->code_of);
    free(way->steps);
    free(way->last_steps);
    free(way);
    sampler->way_state = NULL;
}

/* A code object may be freed some ten microseconds after it was seen for the first time: we want to
 * come at once, also on a busy machine. Where it is not allowed we come a little later. */
static void become_prompt(int *policy, struct sched_param *param)
{
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    if (pthread_getschedparam(pthread_self(), policy, param) != 0)
        *policy = -1;
    else if (*policy == SCHED_OTHER)
        pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest);
}

static void run_interrupt(struct hop_sampler *sampler)
{
    struct interrupt_way *way = sampler->way_state;
    const struct hop_deadlines *deadlines = &sampler->deadlines;
    bool is_over = false;
    int policy;
    struct sched_param param;
    become_prompt(&policy, &param);
    way->followed_cpu = -1;
    if (sched_getaffinity(0, sizeof way->our_cpus, &way->our_cpus) != 0)
        CPU_ZERO(&way->our_cpus);
    while (!is_over) {
        uint64_t until_ns = hop_now_ns() + VISIT_NS;
        hop_interrupts_wait(&way->interrupts,
                            until_ns < deadlines->end_ns ? until_ns : deadlines->end_ns);
        hop_sampler_hold(sampler);
        if (!visit(way, sampler)) {
            is_over = true; /* sampler->ending tells */
        } else if (deadlines->stop && *deadlines->stop) {
            sampler->ending = HOP_ENDED_STOPPED;
            is_over = true;
        } else if (hop_now_ns() >= deadlines->end_ns) {
            sampler->ending = HOP_ENDED_DURATION;
            is_over = true;
        }
        hop_sampler_release(sampler);
    }
    stop_following(way);
    if (policy >= 0)
        pthread_setschedparam(pthread_self(), policy, &param);
}

const struct hop_way hop_way_interrupt = {
    .name = "interrupt",
    .words = "each thread was read in a timer interrupt of its own, in which it stands still",
    .open = open_interrupt,
    .run = run_interrupt,
    .close = close_interrupt,
};
