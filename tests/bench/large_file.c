/* Writes the file of a large profile: 10^7 samples of 10^5 different stacks, unless told otherwise,
 * and a record of when they were that is as full as that of so long a run.
 *
 *   large_file FILE.pb.gz [STACKS DEPTH [WEIGHTS]]
 *
 * Stacks are half to one and a half times DEPTH deep. With WEIGHTS (1) samples stand for different
 * times. */
#include "profile/file.h"
#include "support/large_profile.h"

#include <stdio.h>
#include <stdlib.h>

/* The program comes by each stack so often, and stays there while its part of the samples is taken:
 * so many stacks are in a stretch of time that blocks have to be left out, as they would be. */
enum { ROUNDS = 4 };

static void record(const struct hop_profile *profile, struct hop_trace *trace)
{
    uint64_t tick = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < profile->node_count; i++) {
            const struct hop_profile_node *node = &profile->nodes[i];
            uint64_t count = node->self / ROUNDS + (round < node->self % ROUNDS);
            if (count == 0)
                continue;
            tick += count;
            hop_trace_add(trace, (uint32_t)i, count, tick - 1, node->self_ns / node->self);
        }
    }
}

/* False: out of memory. */
static bool add_records(struct hop_profile *profile)
{
    struct hop_trace trace;
    struct hop_trace_record *records =
        hop_arena_alloc(&profile->arena, HOP_TRACE_RECORDS_MAX * sizeof *records);
    uint32_t *last_of = calloc(profile->node_count, sizeof *last_of);
    if (records && last_of) {
        hop_trace_init(&trace, records, HOP_TRACE_RECORDS_MAX, last_of);
        record(profile, &trace);
        profile->records = records;
        profile->record_count = trace.count;
    }
    free(last_of);
    return profile->records != NULL;
}

int main(int argc, char *argv[])
{
    struct large_shape shape = large_shape_default;
    if (argc != 2 && argc != 4 && argc != 5) {
        fprintf(stderr, "usage: large_file FILE.pb.gz [STACKS DEPTH [WEIGHTS]]\n");
        return 2;
    }
    if (argc > 2) {
        shape.stacks = strtoul(argv[2], NULL, 10);
        shape.depth = (unsigned)strtoul(argv[3], NULL, 10);
        shape.has_weights = argc > 4 && atoi(argv[4]);
    }
    struct hop_profile *profile = make_large_profile(&shape);
    FILE *stream = fopen(argv[1], "w");
    if (!stream || !add_records(profile) || hop_profile_write(profile, stream, NULL) != HOP_OK ||
        fclose(stream) != 0) {
        perror(argv[1]);
        return 1;
    }
    printf("%llu samples of %zu stacks, %zu nodes, %zu records\n",
           (unsigned long long)profile->samples, shape.stacks, profile->node_count,
           profile->record_count);
    hop_profile_destroy(profile);
    return 0;
}
