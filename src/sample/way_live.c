/* Live: reads a thread while it runs, from whichever CPU we are on. Nothing holds the target up,
 * and nothing proves that what was read belongs together, but that it makes sense. */
#include "sample/way.h"

/* Whether the thread has run since it was looked at last, and runs or could. A thread that holds
 * the GIL is taken to run; that is asked of memory, which is cheaper. */
static enum hop_look_result find_out_state(struct hop_roster_entry *entry, struct hop_look *look)
{
    struct hop_standstill now;
    if (!hop_standstill_read(&entry->task, &now))
        return HOP_LOOK_GONE;
    if (entry->is_asleep && hop_standstill_is_same(&now, &entry->asleep_at)) {
        look->state = 'S';
        if (!look->wants_sleeping)
            return HOP_LOOK_ASLEEP;
        return entry->was_taken && hop_standstill_is_same(&now, &entry->taken_at) ? HOP_LOOK_SAME
                                                                                  : HOP_LOOK_TAKEN;
    }
    if (!hop_task_where(&entry->task, &look->state, &look->processor))
        return HOP_LOOK_GONE;
    entry->is_asleep = look->state != 'R';
    entry->was_taken = false;
    if (entry->is_asleep) {
        entry->asleep_at = entry->taken_at = now;
        entry->was_taken = true;
    }
    return entry->is_asleep && !look->wants_sleeping ? HOP_LOOK_ASLEEP : HOP_LOOK_TAKEN;
}

static enum hop_look_result look_from_afar(struct hop_sampler *sampler,
                                           struct hop_roster_entry *entry, struct hop_look *look)
{
    struct hop_standstill ignored;
    look->refusal = HOP_TAKEN;
    hop_look_was_early(sampler, entry, &ignored);
    if (hop_watch_holds_gil(&sampler->watch, entry->state.addr)) {
        look->state = 'R';
        entry->is_asleep = entry->was_taken = false;
    } else {
        enum hop_look_result result = find_out_state(entry, look);
        if (result != HOP_LOOK_TAKEN)
            return result;
        sampler->walker.instants = 1;
    }
    size_t known_codes = sampler->codes.count;
    look->refusal = hop_look_read(sampler, entry);
    if (look->refusal != HOP_TAKEN) {
        entry->was_taken = false;
        hop_look_drop(sampler, known_codes);
        return HOP_LOOK_REFUSED;
    }
    hop_look_keep(sampler);
    return sampler->walker.stack.depth ? HOP_LOOK_TAKEN : HOP_LOOK_FRAMELESS;
}

/* For how long a code object that was read is taken to be the same, and its opcodes. What a frame
 * says may be torn apart at any time; to read its code each time again would prove nothing. */
static const uint64_t TRUST_NS = 10 * 1000 * 1000;

/* Above 50,000 looks a second not each asks for the GIL: it stays with a thread for 5 ms, or until
 * that waits for something. */
static const uint64_t GIL_NS = 20 * 1000;

/* Where a call of the kernel lasts longer than the time between two instants, one call reads the
 * stack at several: as many as passed during the last tick, at most INSTANTS_MAX. The kernel copies
 * one after the other, so that each is of an instant of its own, about as far from the next as was
 * asked. What a walk needs besides can't be had of that instant any more, and the sample is
 * refused. So that this is seldom, there are more of them only when that has not happened for a
 * while. */
enum { INSTANTS_MAX = 32, GOOD_TICKS = 16 };

static size_t instants(struct hop_sampler *sampler)
{
    const struct hop_deadlines *deadlines = &sampler->deadlines;
    uint64_t left_ns = deadlines->end_ns - deadlines->woke_ns;
    size_t most = sampler->instants;
    if (sampler->is_opening || sampler->turns.awake_count > 1 || sampler->watch.holder_count != 1)
        return 1;
    if (most > deadlines->passed)
        most = (size_t)deadlines->passed;
    if (most > 1 + left_ns / deadlines->period_ns)
        most = (size_t)(1 + left_ns / deadlines->period_ns);
    return most;
}

/* More at once or fewer, as the last tick went. */
static void adapt(struct hop_sampler *sampler)
{
    struct hop_walker *walker = &sampler->walker;
    uint64_t reads = walker->reads - sampler->reads_before;
    sampler->reads_before = walker->reads;
    if (walker->was_late || reads > 1) {
        sampler->instants = sampler->instants > 1 ? sampler->instants / 2 : 1;
        sampler->good_ticks = 0;
    } else if (++sampler->good_ticks >= GOOD_TICKS && sampler->instants < INSTANTS_MAX) {
        sampler->instants *= 2;
        sampler->good_ticks = 0;
    }
    walker->was_late = false;
}

static void begin_tick(struct hop_sampler *sampler)
{
    adapt(sampler);
    sampler->walker.instants = instants(sampler);
    sampler->walker.believes_bottom = true;
    if (sampler->deadlines.woke_ns >= sampler->bottom_due_ns) {
        sampler->bottom_due_ns = sampler->deadlines.woke_ns + TRUST_NS;
        sampler->walker.bottom_addr = 0;
        sampler->walker.instants = 1; /* which is to be read by itself */
    }
    sampler->identifier.trust_ns = TRUST_NS;
    /* From 3.11 on the walker itself reads first what is to be read first. */
    if (sampler->python->layout.frame_root == HOP_ROOT_FRAME_OBJECT)
        hop_look_early(sampler, false);
}

static enum hop_status open_live(struct hop_sampler *sampler, struct hop_error *err)
{
    (void)err;
    sampler->instants = 1;
    sampler->good_ticks = 0;
    hop_prefetch_close(&sampler->prefetch);
    return HOP_OK;
}

static void close_live(struct hop_sampler *sampler)
{
    sampler->walker.instants = 1;
    hop_walker_drop_instants(&sampler->walker);
}

const struct hop_way hop_way_live = {
    .name = "live",
    .words =
        "threads were read while they ran: nothing was held up, but code that runs for less than "
        "some microseconds at a time may be mistaken for what ran just before or after",
    .gil_ns = GIL_NS,
    .open = open_live,
    .close = close_live,
    .begin = begin_tick,
    .look = look_from_afar,
};
