/* How long the library takes from nothing to a first sample of a running program.
 *
 *   first PID TIMES     a line each: nanoseconds of hop_attach, and up to the profile of a sample
 */
#include "heavyops.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A second without a sample is no start. */
static const uint64_t LONGEST_NS = 1000 * 1000 * 1000;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int main(int argc, char *argv[])
{
    if (argc != 3) {
        fprintf(stderr, "usage: first PID TIMES\n");
        return 2;
    }
    struct hop_error err = {0};
    /* As fast as it can, and no longer than a sample or a few take: how long that is, is found by
     * doubling. */
    struct hop_sample_options options = {.rate_hz = HOP_RATE_MAX_HZ, .duration_ns = 50 * 1000};
    for (int times = atoi(argv[2]); times > 0 && options.duration_ns < LONGEST_NS;) {
        struct hop_target *target = NULL;
        struct hop_profile *profile = NULL;
        uint64_t start_ns = now_ns();
        if (hop_attach(atoi(argv[1]), NULL, &target, &err)) {
            fprintf(stderr, "first: %s\n", err.message);
            return 1;
        }
        uint64_t attached_ns = now_ns();
        enum hop_status status = hop_sample(target, &options, &profile, &err);
        uint64_t sampled_ns = now_ns();
        hop_profile_destroy(profile);
        hop_detach(target);
        if (status == HOP_OK) {
            printf("%" PRIu64 " %" PRIu64 "\n", attached_ns - start_ns, sampled_ns - start_ns);
            times--;
        } else if (status == HOP_ERR_NOTHING) {
            options.duration_ns *= 2;
        } else {
            fprintf(stderr, "first: %s\n", err.message);
            return 1;
        }
    }
    return 0;
}
