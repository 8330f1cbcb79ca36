/* Stop: a thread that runs is stopped with ptrace where it was preempted, on its own CPU, read, and
 * let go. One that stands still by itself is read as it is: stopping it would disturb its system
 * call. One thread is held at a time: frames change only in the thread whose they are.
 *
 * Stops that fall on the exit of a system call are counted, and need no correction: asked for from
 * the thread's own CPU they fall there as often as the thread is in a system call (`make oracle
 * WAY=stop PROGRAM=syscall` compares with the program's own clock). Asked for from another CPU most
 * were, and to leave those out, or to weigh them less, needs a truth that only another way to look
 * could tell. Therefore a thread on a CPU that we may not use is not
 * stopped at all, but read live (sampler.c). */
#include "sample/way.h"

#include "base/clock.h"
#include "proc/stop.h"

#include <stdlib.h>

/* A thread is held for no longer than this, plus one call of the reader, however deep its stack and
 * however much there is to be learnt of it. What was learnt is kept, so the next look gets on; and
 * what alone takes longer, a very large code object, is learnt when the thread was let go. */
static const uint64_t HOLD_NS = 2 * 1000 * 1000;

struct stop_state {
    struct hop_stopper *stopper;
    bool is_lost; /* a thread was, in this tick: this looker may not stop another one */
};

static enum hop_status open_stop(struct hop_sampler *sampler, struct hop_error *err)
{
    struct stop_state *state = calloc(1, sizeof *state);
    if (!state)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for stopping threads");
    enum hop_status status = hop_stopper_create(sampler->process, &state->stopper, err);
    if (status == HOP_OK)
        sampler->way_state = state;
    else
        free(state);
    return status;
}

static void close_stop(struct hop_sampler *sampler)
{
    struct stop_state *state = sampler->way_state;
    hop_stopper_destroy(state->stopper);
    free(state);
    sampler->way_state = NULL;
}

static void begin_tick(struct hop_sampler *sampler)
{
    struct stop_state *state = sampler->way_state;
    state->is_lost = false;
}

/* The looker's end is what makes the kernel let go. */
static void lose(struct hop_sampler *sampler)
{
    struct stop_state *state = sampler->way_state;
    state->is_lost = true;
    hop_crew_retire(sampler->crew, sampler->cpu);
}

/* How long a thread was held: from the request to the release, but for the time that it could not
 * run anyway, as others had its CPU. The scheduler counts that from its preemption on, so what
 * passed between that and the request is not taken off. */
static uint64_t held_for_ns(const struct hop_sampler *sampler, const struct hop_held *held,
                            uint64_t let_go_ns, const struct hop_standstill *before,
                            const struct hop_standstill *after)
{
    uint64_t all_ns = let_go_ns - held->asked_ns;
    uint64_t waited_ns = hop_standstill_waited_ns(after) - hop_standstill_waited_ns(before);
    uint64_t ours_ns = held->asked_ns - sampler->deadlines.woke_ns;
    uint64_t others_ns = waited_ns > ours_ns ? waited_ns - ours_ns : 0;
    return others_ns < held->held_ns - held->asked_ns ? all_ns - others_ns
                                                      : let_go_ns - held->held_ns;
}

/* The code object that could not be read in time, while the thread runs again: like any that is
 * known it is checked at each look, and that it was read whole is checked as it is read. Without
 * this no sample in it would ever be taken. */
static void learn_at_leisure(struct hop_sampler *sampler)
{
    uint32_t id;
    if (sampler->codes.refused_addr)
        (void)hop_code_table_add(&sampler->codes, sampler->codes.refused_addr, &id);
}

static enum hop_look_result look_while_held(struct hop_sampler *sampler,
                                            struct hop_roster_entry *entry, struct hop_look *look,
                                            const struct hop_look_start *start,
                                            const struct hop_held *held)
{
    struct hop_timed_reader *timed = &sampler->timed;
    struct hop_standstill now;
    timed->is_late = false;
    sampler->codes.refused_addr = 0;
    timed->deadline_ns = held->held_ns + HOLD_NS;
    hop_prefetch_open(&sampler->prefetch, hop_walker_guess_addr(&sampler->walker));
    look->refusal = hop_look_read(sampler, entry);
    timed->deadline_ns = 0;
    hop_prefetch_close(&sampler->prefetch);
    bool is_there = hop_standstill_read(&entry->task, &now);
    bool was_held = hop_stop_let_go(held);
    if (!was_held)
        lose(sampler);
    uint64_t held_ns =
        held_for_ns(sampler, held, hop_now_ns(), &start->before, is_there ? &now : &start->before);
    if (held_ns > sampler->counts.longest_stop_ns)
        sampler->counts.longest_stop_ns = held_ns;
    if (timed->is_late)
        learn_at_leisure(sampler);
    if (timed->is_late && look->refusal != HOP_TAKEN)
        look->refusal = HOP_REFUSED_HELD_TOO_LONG;
    else if (!was_held)
        look->refusal = HOP_REFUSED_NOT_STOPPED;
    else if (look->refusal == HOP_TAKEN && hop_look_is_anothers(sampler, entry, start))
        look->refusal = HOP_REFUSED_NOT_ITS_THREAD;
    enum hop_look_result result =
        is_there ? hop_look_finish(sampler, entry, look, &now) : HOP_LOOK_GONE;
    sampler->counts.syscall_stops += result == HOP_LOOK_TAKEN && held->is_at_syscall_exit;
    return result;
}

static enum hop_look_result look_at_stopped(struct hop_sampler *sampler,
                                            struct hop_roster_entry *entry, struct hop_look *look)
{
    struct stop_state *state = sampler->way_state;
    struct hop_look_start start;
    struct hop_held held;
    enum hop_look_result result = hop_look_find(sampler, entry, look, &start);
    if (result != HOP_LOOK_TAKEN)
        return result;
    if (start.is_asleep)
        return hop_look_prove(sampler, entry, look, &start);
    enum hop_stop stop =
        state->is_lost ? HOP_STOP_DENIED : hop_stop(state->stopper, entry->task.tid, &held);
    switch (stop) {
    case HOP_STOP_HELD:
        return look_while_held(sampler, entry, look, &start, &held);
    case HOP_STOP_GONE:
        return HOP_LOOK_GONE;
    case HOP_STOP_LOST:
        lose(sampler);
        break;
    case HOP_STOP_DENIED:
        break;
    }
    look->refusal = HOP_REFUSED_NOT_STOPPED;
    return HOP_LOOK_REFUSED;
}

const struct hop_way hop_way_stop = {
    .name = "stop",
    .words = "each running thread was stopped with ptrace for some microseconds, at the instant at "
             "which it was preempted on its own CPU, so that stops do not gather at system calls",
    .is_pinned = true,
    .rest_divisor = 4, /* so that 20,000 a second can be had, at its price */
    .open = open_stop,
    .close = close_stop,
    .begin = begin_tick,
    .look = look_at_stopped,
};
