/* Samples a program until it is interrupted and prints the stacks that were seen, which the command
 * does not: for scripts/compare-truth, which judges them as it judges other profilers' stacks.
 *
 *   stacks PID cpu|live|stop RATE FILE
 *
 * A line for each stack: for each frame, outermost first, its function, file and line with a tab
 * behind each, then how often. The last line: "refused N seconds N". */
#include "heavyops.h"
#include "profile/profile.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t is_interrupted;

static void interrupt(int signal)
{
    is_interrupted = signal;
}

/* The frames from the root down to `node`; a root is a thread. */
static void print_frames(const struct hop_profile *profile, uint32_t node, FILE *file)
{
    static uint32_t path[1 << 17];
    size_t depth = 0;
    for (; profile->nodes[node].parent != node; node = profile->nodes[node].parent)
        if (depth < sizeof path / sizeof *path)
            path[depth++] = profile->nodes[node].instruction;
    while (depth) {
        const struct hop_instruction *row = &profile->instructions[path[--depth]];
        fprintf(file, "%s\t%s\t%d\t", row->function, row->file, row->line);
    }
}

static void print_profile(const struct hop_profile *profile, FILE *file)
{
    for (uint32_t i = 0; i < profile->node_count; i++)
        if (profile->nodes[i].self) {
            print_frames(profile, i, file);
            fprintf(file, "%" PRIu64 "\n", profile->nodes[i].self);
        }
    fprintf(file, "refused %" PRIu64 " seconds %f\n", profile->refused_total,
            (double)profile->duration_ns / 1e9);
}

static int fail(const struct hop_error *err)
{
    fprintf(stderr, "stacks: %s\n", err->message);
    return 1;
}

int main(int argc, char *argv[])
{
    static const char *const ways[] = {"cpu", "live", "stop"};
    if (argc != 5) {
        fprintf(stderr, "usage: stacks PID cpu|live|stop RATE FILE\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    struct hop_sample_options options = {.rate_hz = atof(argv[3]), .stop = &is_interrupted};
    for (int i = 0; i < 3; i++)
        if (!strcmp(ways[i], argv[2]))
            options.read = (enum hop_read)i;
    struct hop_error err = {0};
    struct hop_target *target = NULL;
    struct hop_profile *profile = NULL;
    FILE *file = fopen(argv[4], "we");
    if (!file) {
        perror(argv[4]);
        return 1;
    }
    if (hop_attach(atoi(argv[1]), NULL, &target, &err))
        return fail(&err);
    enum hop_status status = hop_sample(target, &options, &profile, &err);
    if (profile)
        print_profile(profile, file);
    hop_profile_destroy(profile);
    hop_detach(target);
    return fclose(file) || (status && status != HOP_ERR_NOTHING) ? fail(&err) : 0;
}
