/* Same CPU: we run on the CPU of the thread, which therefore stands still; its schedstat proves
 * that it did. A thread that sleeps is proved in the same way, from wherever we are. */
#include "sample/way.h"

/* Where the thread is: asleep, or runnable on look->processor. A thread known to sleep that has not
 * run since still sleeps, or waits for its first moment on a CPU: its frames are the same. */
static bool find_out_where(struct hop_roster_entry *entry, const struct hop_standstill *before,
                           struct hop_look *look, bool *is_asleep)
{
    if (entry->is_asleep && hop_standstill_is_same(before, &entry->asleep_at)) {
        look->state = 'S';
        *is_asleep = true;
        return true;
    }
    if (!hop_task_where(&entry->task, &look->state, &look->processor))
        return false;
    *is_asleep = look->state != 'R';
    entry->is_asleep = *is_asleep;
    if (*is_asleep)
        entry->asleep_at = *before;
    return true;
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
static bool may_be_run_by_another(struct hop_sampler *sampler, const struct hop_roster_entry *entry,
                                  bool is_asleep)
{
    bool ignored = false;
    hop_watch_gils(&sampler->watch, &sampler->roster, &ignored);
    if (!hop_watch_holds_gil(&sampler->watch, entry->state.addr))
        return false;
    if (is_asleep)
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

static enum hop_look_result look_from_its_cpu(struct hop_sampler *sampler,
                                              struct hop_roster_entry *entry, struct hop_look *look)
{
    struct hop_standstill before;
    bool is_asleep;
    look->refusal = HOP_TAKEN;
    if (!hop_standstill_read(&entry->task, &before))
        return HOP_LOOK_GONE;
    bool is_certain = is_owner_certain(sampler, entry);
    if (entry->was_taken && is_certain && hop_standstill_is_same(&before, &entry->taken_at)) {
        /* It was off the CPU then, so it still is: being put on one would have been counted. */
        look->state = entry->is_asleep ? 'S' : 'R';
        if (entry->is_asleep ? look->wants_sleeping : look->wants_still)
            return HOP_LOOK_SAME;
        return entry->is_asleep ? HOP_LOOK_ASLEEP : HOP_LOOK_STILL;
    }
    if (!find_out_where(entry, &before, look, &is_asleep))
        return HOP_LOOK_GONE;
    if (is_asleep && !look->wants_sleeping)
        return HOP_LOOK_ASLEEP;
    if (!is_asleep && look->processor != sampler->cpu)
        return HOP_LOOK_ELSEWHERE;
    if (!is_certain && may_be_run_by_another(sampler, entry, is_asleep)) {
        look->refusal = HOP_REFUSED_NOT_ITS_THREAD;
        return HOP_LOOK_REFUSED;
    }

    size_t known_codes = sampler->codes.count;
    look->refusal = hop_look_read(sampler, entry);
    if (!hop_standstill_holds(&entry->task, &before) ||
        (!is_certain && may_be_run_by_another(sampler, entry, is_asleep))) {
        hop_look_drop(sampler, known_codes);
        look->refusal = HOP_REFUSED_MOVED;
    }
    if (look->refusal != HOP_TAKEN)
        return HOP_LOOK_REFUSED;
    hop_look_keep(sampler);
    if (!sampler->walker.stack.depth)
        return HOP_LOOK_FRAMELESS;
    entry->was_taken = true;
    entry->taken_at = before;
    return HOP_LOOK_TAKEN;
}

const struct hop_way hop_way_cpu = {
    .name = "same CPU",
    .words =
        "each thread was read from its own CPU, where it stood still meanwhile, as the kernel's "
        "count of its runs proves",
    .is_pinned = true,
    .takes_targets_time = true,
    .look = look_from_its_cpu,
};
