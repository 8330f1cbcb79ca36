/* Same CPU: we run on the CPU of the thread, which therefore stands still; its clock proves that it
 * did. A thread that sleeps is proved in the same way, from wherever we are. */
#include "sample/way.h"

static enum hop_look_result look_from_its_cpu(struct hop_sampler *sampler,
                                              struct hop_roster_entry *entry, struct hop_look *look)
{
    struct hop_look_start start;
    enum hop_look_result result = hop_look_find(sampler, entry, look, &start);
    if (result == HOP_LOOK_TAKEN)
        return hop_look_prove(sampler, entry, look, &start);
    /* Of a sleeper, too, the event tells that it still sleeps, and that costs no call. */
    if ((result == HOP_LOOK_ASLEEP || result == HOP_LOOK_SAME) && sampler->way == &hop_way_cpu &&
        !sampler->interrupts)
        hop_perf_clocks_consider(&sampler->perf_clocks, sampler->crew, &sampler->roster, entry);
    return result;
}

static void begin_tick(struct hop_sampler *sampler)
{
    hop_look_early(sampler, true);
}

const struct hop_way hop_way_cpu = {
    .name = "same CPU",
    .words =
        "each thread was read from its own CPU, where it stood still meanwhile, as the kernel's "
        "count of its runs proves",
    .is_pinned = true,
    .rest_divisor = 1,
    .begin = begin_tick,
    .look = look_from_its_cpu,
};
