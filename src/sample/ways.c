/* The table of the ways to look. */
#include "sample/way.h"

const struct hop_way *hop_way_of(enum hop_read read)
{
    static const struct hop_way *const ways[] = {
        [HOP_READ_CPU] = &hop_way_cpu,    [HOP_READ_LIVE] = &hop_way_live,
        [HOP_READ_STOP] = &hop_way_stop,  [HOP_READ_INTERRUPT] = &hop_way_interrupt,
        [HOP_READ_WAKEUP] = &hop_way_cpu,
    };
    return (size_t)read < sizeof ways / sizeof *ways ? ways[read] : NULL;
}
