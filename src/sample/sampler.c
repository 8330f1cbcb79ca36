/* Runs ticks at jittered deadlines: who holds the GIL, which threads run, a look at each. */
#include "sample/sampler.h"

#include "base/clock.h"
#include "sample/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S 1000000000u

/* *stop is looked at this often at least, whatever the rate. */
static const uint64_t SLICE_NS = 50 * 1000 * 1000;

/* Births are seen at once (they change the head of a list); ended threads are noticed when they are
 * looked at. This is for what is missed otherwise: a thread that had no kernel thread yet. */
static const uint64_t REFRESH_NS = 500 * 1000 * 1000;

/* How long a process may take to exit after its memory is gone. */
static const uint64_t EXIT_NS = 500 * 1000 * 1000;

/* Changes of CPU within one tick: enough for a few threads that run at once and for one that moves
 * away while we follow. */
enum { HOPS_MAX = 8 };

enum hop_status hop_sampler_init(struct hop_sampler *sampler, const struct hop_process *process,
                                 const struct hop_python *python, struct hop_reader *reader,
                                 struct hop_error *err)
{
    *sampler =
        (struct hop_sampler){.process = process, .python = python, .reader = reader, .mem_fd = -1};
    if (!hop_standstill_is_provable(process))
        return hop_error_set(err, HOP_ERR_UNSUPPORTED,
                             "use a kernel built with CONFIG_SCHED_INFO, as all distributions' are",
                             "this kernel does not count how often a thread ran "
                             "(/proc/%d/schedstat), so no sample could be proved",
                             process->pid);
    sampler->mem_fd = openat(process->dir_fd, "mem", O_RDONLY | O_CLOEXEC);
    if (sampler->mem_fd < 0)
        return hop_process_explain_denied(process, errno, err);
    sampler->holders = malloc(HOP_INTERPRETERS_MAX * sizeof *sampler->holders);
    sampler->pending = malloc(HOP_THREADS_MAX * sizeof *sampler->pending);
    if (!sampler->holders || !sampler->pending ||
        !hop_roster_init(&sampler->roster, process, python, reader) ||
        !hop_code_table_init(&sampler->codes, &python->layout, reader) ||
        !hop_walker_init(&sampler->walker, reader, &python->layout) ||
        !hop_identifier_init(&sampler->identifier, &sampler->codes)) {
        hop_sampler_deinit(sampler);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the sampler");
    }
    enum hop_status status = hop_crew_create(&sampler->crew, err);
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
    free(sampler->holders);
    free(sampler->pending);
    if (sampler->mem_fd >= 0)
        close(sampler->mem_fd);
    *sampler = (struct hop_sampler){.mem_fd = -1};
}

/* --- what the target is doing ---------------------------------------------------------------- */

/* What became of a process whose memory is gone. One that executes has its next program at once;
 * one that exits has none (its exe leads nowhere) for as long as the kernel takes to clear up. */
static enum hop_ending find_out_ending(const struct hop_process *process)
{
    uint64_t deadline_ns = hop_now_ns() + EXIT_NS;
    while (hop_process_is_alive(process) && hop_now_ns() < deadline_ns) {
        char executable[16];
        hop_process_executable(process, executable, sizeof executable);
        if (*executable)
            return HOP_ENDED_EXEC;
        hop_sleep_until_ns(hop_now_ns() + EXIT_NS / 100);
    }
    return HOP_ENDED_EXITED;
}

/* Whether the program that was attached is still there; notes births of interpreters. */
static bool program_is_there(struct hop_sampler *sampler, bool *has_changed)
{
    const struct hop_python *python = sampler->python;
    uint64_t head;
    off_t at = (off_t)(python->runtime_addr + (uint64_t)python->layout.runtime_interpreters_head);
    /* /proc/PID/mem stays with the memory it was opened on (proc_mem_open): after an exec it reads
     * nothing, where process_vm_readv would read the next program. */
    if (pread(sampler->mem_fd, &head, sizeof head, at) == sizeof head) {
        *has_changed |= head != sampler->interpreters_head;
        sampler->interpreters_head = head;
        return true;
    }
    sampler->ending = find_out_ending(sampler->process);
    return false;
}

/* Reads all GILs at once; notes births of threads. */
static void read_holders(struct hop_sampler *sampler, bool *has_changed)
{
    enum { SPANS_EACH = 3, EACH_TIME = HOP_INTERPRETERS_MAX };
    struct {
        uint64_t holder, head;
        int32_t locked;
    } found[EACH_TIME];
    struct hop_span spans[EACH_TIME * SPANS_EACH];
    struct hop_roster *roster = &sampler->roster;
    const struct hop_layout *layout = &sampler->python->layout;
    size_t count = 0;
    for (size_t i = 0; i < roster->interpreter_count; i++) {
        struct hop_interpreter *interpreter = &roster->interpreters[i];
        struct hop_gil gil = hop_gil_of(layout, sampler->python->runtime_addr, interpreter);
        spans[count++] = (struct hop_span){gil.locked_addr, 4, &found[i].locked};
        spans[count++] = (struct hop_span){gil.holder_addr, 8, &found[i].holder};
        spans[count++] = (struct hop_span){
            interpreter->addr + (uint64_t)layout->interp_threads_head, 8, &found[i].head};
    }
    size_t filled = hop_reader_fill(sampler->reader, spans, count) / SPANS_EACH;
    *has_changed |= filled < roster->interpreter_count;
    sampler->holder_count = 0;
    for (size_t i = 0; i < filled; i++) {
        *has_changed |= found[i].head != roster->interpreters[i].threads_head_addr;
        bool is_new = found[i].locked == 1 && found[i].holder;
        for (size_t j = 0; j < sampler->holder_count && is_new; j++)
            is_new = sampler->holders[j] != found[i].holder;
        if (is_new)
            sampler->holders[sampler->holder_count++] = found[i].holder;
    }
}

static bool holds_gil(const struct hop_sampler *sampler, uint64_t state_addr)
{
    for (size_t i = 0; i < sampler->holder_count; i++)
        if (sampler->holders[i] == state_addr)
            return true;
    return false;
}

/* A kernel thread may have a thread state in several interpreters and runs in one at a time: the
 * one that held a GIL last. */
static void note_holders(struct hop_sampler *sampler)
{
    struct hop_roster *roster = &sampler->roster;
    if (roster->interpreter_count < 2)
        return;
    for (size_t i = 0; i < roster->count; i++) {
        struct hop_roster_entry *holder = &roster->entries[i];
        if (!holds_gil(sampler, holder->state.addr))
            continue;
        for (size_t j = 0; j < roster->count; j++)
            if (roster->entries[j].task.tid == holder->task.tid)
                roster->entries[j].is_left = j != i;
    }
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

static void count_stack(struct hop_sampler *sampler, struct hop_roster_entry *entry)
{
    const struct hop_sink *sink = &sampler->plan.sink;
    entry->has_place = sink->add(sink->context, entry->index, sampler->identifier.frames,
                                 sampler->walker.stack.depth, &entry->place);
    if (entry->has_place)
        sampler->counts.samples++;
    else
        refuse(sampler, HOP_REFUSED_NO_ROOM);
}

static void count_stack_again(struct hop_sampler *sampler, struct hop_roster_entry *entry)
{
    const struct hop_sink *sink = &sampler->plan.sink;
    if (!entry->has_place) {
        refuse(sampler, HOP_REFUSED_NO_ROOM);
        return;
    }
    sink->again(sink->context, entry->place);
    sampler->counts.samples++;
}

/* Looks at one thread and counts what came of it. True: it is to be looked at from *cpu. */
static bool look_and_count(struct hop_sampler *sampler, uint32_t index, int *cpu,
                           bool *roster_is_old)
{
    struct hop_roster_entry *entry = &sampler->roster.entries[index];
    bool has_gil = holds_gil(sampler, entry->state.addr);
    struct hop_look look;
    if (!wants(sampler, entry, has_gil, &look))
        return false;
    switch (hop_look(sampler, entry, &look)) {
    case HOP_LOOK_TAKEN:
        count_stack(sampler, entry);
        if (look.state == 'R' && (has_gil || !sampler->holder_count))
            sampler->home_cpu = sampler->cpu;
        break;
    case HOP_LOOK_SAME:
        count_stack_again(sampler, entry);
        break;
    case HOP_LOOK_REFUSED:
        refuse(sampler, look.refusal);
        break;
    case HOP_LOOK_ASLEEP:
    case HOP_LOOK_STILL:
    case HOP_LOOK_FRAMELESS:
        sampler->counts.idle++;
        break;
    case HOP_LOOK_ELSEWHERE:
        if (sampler->hops_left && hop_crew_has_cpu(sampler->crew, look.processor)) {
            *cpu = look.processor;
            return true;
        }
        refuse(sampler, HOP_REFUSED_ELSEWHERE);
        break;
    case HOP_LOOK_GONE:
        *roster_is_old = true;
        break;
    }
    return false;
}

/* Looks at the threads whose turn it is; leaves those on other CPUs in `pending`. Returns where to
 * go on, or HOP_CREW_DONE when the tick is over. */
static int look_at_all(struct hop_sampler *sampler, const uint32_t *indices, size_t count)
{
    int next_cpu = HOP_CREW_DONE;
    bool roster_is_old = false;
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t index = indices ? indices[i] : (uint32_t)i;
        int cpu;
        if (!look_and_count(sampler, index, &cpu, &roster_is_old))
            continue;
        sampler->pending[left++] = index;
        if (next_cpu == HOP_CREW_DONE)
            next_cpu = cpu;
    }
    sampler->pending_count = left;
    if (roster_is_old)
        sampler->refresh_due_ns = 0;
    return next_cpu;
}

static bool refresh_where_due(struct hop_sampler *sampler, bool has_changed)
{
    uint64_t now_ns = hop_now_ns();
    for (size_t i = 0; i < sampler->holder_count && !has_changed; i++)
        has_changed = !hop_roster_find(&sampler->roster, sampler->holders[i]);
    if (!has_changed && now_ns < sampler->refresh_due_ns)
        return true;
    sampler->refresh_due_ns = now_ns + REFRESH_NS;
    if (!hop_roster_refresh(&sampler->roster))
        return false;
    bool ignored = false;
    read_holders(sampler, &ignored);
    return true;
}

/* The first part of a tick. Returns where to go on, HOP_CREW_DONE when the tick is over. */
static int begin_tick(struct hop_sampler *sampler, bool *has_ended)
{
    bool has_changed = sampler->refresh_due_ns == 0;
    if (!program_is_there(sampler, &has_changed)) {
        *has_ended = true;
        return HOP_CREW_DONE;
    }
    sampler->counts.ticks++;
    sampler->hops_left = HOPS_MAX;
    read_holders(sampler, &has_changed);
    if (!refresh_where_due(sampler, has_changed)) {
        refuse(sampler, HOP_REFUSED_NO_ROOM);
        return HOP_CREW_DONE;
    }
    note_holders(sampler);
    if (sampler->plan.mode == HOP_MODE_GIL && !sampler->holder_count)
        sampler->counts.idle++;
    return look_at_all(sampler, NULL, sampler->roster.count);
}

static int continue_tick(struct hop_sampler *sampler)
{
    bool ignored = false;
    read_holders(sampler, &ignored);
    sampler->hops_left--;
    sampler->counts.hops++;
    return look_at_all(sampler, sampler->pending, sampler->pending_count);
}

/* --- the run --------------------------------------------------------------------------------- */

/* xorshift64*: the jitter needs to be out of step with programs, not unpredictable. */
static uint64_t random_below(struct hop_sampler *sampler, uint64_t limit)
{
    uint64_t x = sampler->random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    sampler->random_state = x;
    return limit ? (x * 0x2545F4914F6CDD1Du >> 11) % limit : 0;
}

static bool is_told_to_stop(const struct hop_sampler *sampler)
{
    return sampler->plan.stop && *sampler->plan.stop;
}

/* Waits for the next deadline, a random instant of its period; deadlines that are over are left
 * out, so that no delay piles up. False: the run is over. */
static bool wait_for_deadline(struct hop_sampler *sampler)
{
    struct hop_sampler_counts *counts = &sampler->counts;
    uint64_t end_ns =
        sampler->plan.duration_ns ? counts->started_ns + sampler->plan.duration_ns : UINT64_MAX;
    uint64_t now_ns = hop_now_ns();
    /* Lookers may be real-time threads. At least half of the time is left to the target, however
     * long a tick takes and whatever the rate. */
    uint64_t earliest_ns = now_ns + (now_ns - sampler->woke_ns);
    uint64_t missed = 0;
    if (earliest_ns > sampler->next_period_ns)
        missed = (earliest_ns - sampler->next_period_ns) / sampler->period_ns;
    counts->missed += missed;
    uint64_t period_start_ns = sampler->next_period_ns + missed * sampler->period_ns;
    uint64_t deadline_ns = period_start_ns + random_below(sampler, sampler->period_ns);
    if (deadline_ns < earliest_ns)
        deadline_ns = earliest_ns;
    sampler->next_period_ns = period_start_ns + sampler->period_ns;
    uint64_t until_ns = deadline_ns < end_ns ? deadline_ns : end_ns;
    while (now_ns < until_ns && !is_told_to_stop(sampler)) {
        hop_sleep_until_ns(until_ns - now_ns > SLICE_NS ? now_ns + SLICE_NS : until_ns);
        now_ns = hop_now_ns();
    }
    if (is_told_to_stop(sampler)) {
        sampler->ending = HOP_ENDED_STOPPED;
        return false;
    }
    if (now_ns >= end_ns) {
        sampler->ending = HOP_ENDED_DURATION;
        return false;
    }
    sampler->woke_ns = now_ns;
    return true;
}

static int step(void *context, int cpu)
{
    struct hop_sampler *sampler = context;
    bool has_ended = false;
    sampler->cpu = cpu;
    int next_cpu;
    if (sampler->is_mid_tick) {
        next_cpu = continue_tick(sampler);
    } else {
        if (!wait_for_deadline(sampler))
            return HOP_CREW_DONE;
        next_cpu = begin_tick(sampler, &has_ended);
        if (has_ended)
            return HOP_CREW_DONE;
    }
    sampler->is_mid_tick = next_cpu != HOP_CREW_DONE;
    return sampler->is_mid_tick ? next_cpu : sampler->home_cpu;
}

static int first_cpu(const struct hop_sampler *sampler)
{
    struct hop_task_stat stat;
    if (hop_task_stat_read(sampler->process->dir_fd, &stat) &&
        hop_crew_has_cpu(sampler->crew, stat.processor))
        return stat.processor;
    int cpu = 0;
    while (!hop_crew_has_cpu(sampler->crew, cpu))
        cpu++;
    return cpu;
}

enum hop_status hop_sampler_run(struct hop_sampler *sampler, const struct hop_sampler_plan *plan,
                                struct hop_error *err)
{
    sampler->plan = *plan;
    sampler->counts = (struct hop_sampler_counts){.started_ns = hop_now_ns()};
    sampler->period_ns = (uint64_t)((double)NS_PER_S / plan->rate_hz);
    sampler->next_period_ns = sampler->woke_ns = sampler->counts.started_ns;
    sampler->random_state = plan->seed;
    sampler->refresh_due_ns = 0;
    sampler->is_mid_tick = false;
    sampler->home_cpu = first_cpu(sampler);
    enum hop_status status = hop_crew_run(sampler->crew, sampler->home_cpu, step, sampler, err);
    sampler->counts.ended_ns = hop_now_ns();
    return status;
}

/* --- one look, for dump ---------------------------------------------------------------------- */

struct one_look {
    struct hop_sampler *sampler;
    struct hop_roster_entry *entry;
    uint64_t deadline_ns;
    struct hop_look look;
    enum hop_look_result result;
};

static int look_once(void *context, int cpu)
{
    struct one_look *one = context;
    one->sampler->cpu = cpu;
    one->look = (struct hop_look){.wants_sleeping = true, .wants_still = true};
    one->result = hop_look(one->sampler, one->entry, &one->look);
    bool may_go_on = hop_now_ns() < one->deadline_ns;
    if (one->result == HOP_LOOK_ELSEWHERE && may_go_on &&
        hop_crew_has_cpu(one->sampler->crew, one->look.processor))
        return one->look.processor;
    return one->result == HOP_LOOK_REFUSED && may_go_on ? cpu : HOP_CREW_DONE;
}

enum hop_refusal hop_sampler_look_once(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                       uint64_t deadline_ns, char *state)
{
    struct one_look one = {.sampler = sampler, .entry = entry, .deadline_ns = deadline_ns};
    sampler->walker.stack.depth = 0;
    if (hop_crew_run(sampler->crew, first_cpu(sampler), look_once, &one, NULL) != HOP_OK)
        return HOP_REFUSED_NO_ROOM;
    *state = one.look.state;
    switch (one.result) {
    case HOP_LOOK_TAKEN:
    case HOP_LOOK_SAME: /* not here: each thread is taken once */
    case HOP_LOOK_FRAMELESS:
        return HOP_TAKEN;
    case HOP_LOOK_REFUSED:
        return one.look.refusal;
    case HOP_LOOK_ELSEWHERE:
        return HOP_REFUSED_ELSEWHERE;
    default:
        *state = 'X';
        return HOP_REFUSED_UNREADABLE;
    }
}
