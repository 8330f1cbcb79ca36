/* Looks at one thread once, tried until it can be proved: what a dump needs. */
#include "base/clock.h"
#include "sample/way.h"

/* Between two tries: long enough for the thread to move on by some thousand instructions. */
static const uint64_t RETRY_NS = 200 * 1000;

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
    one->result = hop_way_cpu.look(one->sampler, one->entry, &one->look);
    bool may_go_on = hop_now_ns() < one->deadline_ns;
    if (one->result == HOP_LOOK_ELSEWHERE && may_go_on &&
        hop_crew_has_cpu(one->sampler->crew, one->look.processor))
        return one->look.processor;
    if (one->result != HOP_LOOK_REFUSED || !may_go_on)
        return HOP_CREW_DONE;
    /* It stands still where it cannot be read as long as we occupy its CPU. */
    hop_sleep_until_ns(hop_now_ns() + RETRY_NS);
    return cpu;
}

enum hop_refusal hop_sampler_look_once(struct hop_sampler *sampler, struct hop_roster_entry *entry,
                                       uint64_t deadline_ns, char *state)
{
    struct one_look one = {.sampler = sampler, .entry = entry, .deadline_ns = deadline_ns};
    int cpu = hop_crew_cpu_of(sampler->crew, sampler->process);
    sampler->walker.stack.depth = 0;
    if (hop_crew_run(sampler->crew, cpu, look_once, &one, NULL) != HOP_OK)
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
