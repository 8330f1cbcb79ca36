/* Finds out whether a CPU is to spare, and keeps off the target's. */
#include "sample/opening.h"

#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* How often it is looked whether others want our CPU: that takes a few system calls. */
static const uint64_t CHECK_NS = 1000 * 1000;

/* So many times in succession, for what runs for less than a millisecond takes nothing away. */
enum { BUSY_CHECKS_MAX = 2 };

/* How many threads run or want to, of the whole machine: the numerator of the fourth field of
 * /proc/loadavg (proc(5)). 0: not known. */
static long count_runnable(void)
{
    char text[128];
    long runnable = 0;
    int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return 0;
    text[got] = 0;
    return sscanf(text, "%*s %*s %*s %ld/", &runnable) == 1 ? runnable : 0;
}

/* The target and we run; there is room if all that want to have a CPU. */
static bool has_room(void)
{
    long runnable = count_runnable();
    return runnable && runnable <= sysconf(_SC_NPROCESSORS_ONLN);
}

/* Spinning where the target wants to run would make it wait, and be seen where it waits. */
static void keep_off(struct hop_opening *opening)
{
    struct hop_task_stat stat;
    cpu_set_t others = opening->affinity;
    if (!opening->has_affinity || !hop_task_stat_read(opening->sampler->process->dir_fd, &stat) ||
        stat.processor < 0 || stat.processor >= CPU_SETSIZE)
        return;
    CPU_CLR(stat.processor, &others);
    if (CPU_COUNT(&others))
        sched_setaffinity(0, sizeof others, &others);
}

bool hop_opening_begin(struct hop_opening *opening, const struct hop_sampler *sampler)
{
    *opening = (struct hop_opening){.sampler = sampler};
    if (hop_crew_cpu_count(sampler->crew) < 2)
        return false;
    /* One look at a busy moment is no reason to miss the beginning. */
    opening->busy_checks = !has_room();
    opening->check_due_ns = hop_now_ns() + CHECK_NS;
    opening->has_affinity = !sched_getaffinity(0, sizeof opening->affinity, &opening->affinity);
    keep_off(opening);
    return true;
}

void hop_opening_end(struct hop_opening *opening)
{
    if (opening->has_affinity)
        sched_setaffinity(0, sizeof opening->affinity, &opening->affinity);
}

bool hop_opening_goes_on(struct hop_opening *opening, uint64_t now_ns)
{
    if (now_ns < opening->check_due_ns)
        return true;
    opening->check_due_ns = now_ns + CHECK_NS;
    opening->busy_checks = has_room() ? 0 : opening->busy_checks + 1;
    keep_off(opening);
    return opening->busy_checks < BUSY_CHECKS_MAX;
}
