/* The one clock: CLOCK_MONOTONIC in nanoseconds; and the time of day, for who reads a profile
 * later. */
#ifndef HOP_BASE_CLOCK_H
#define HOP_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t hop_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Since 1970, UTC. */
static inline uint64_t hop_wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Sleeps until that instant or until a signal handler has run; true when the instant was reached.
 */
static inline int hop_sleep_until_ns(uint64_t deadline_ns)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / 1000000000u),
                             .tv_nsec = (long)(deadline_ns % 1000000000u)};
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0;
}

#endif
