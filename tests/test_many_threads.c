/* Many sleeping threads, more than there are descriptors: each is accounted for at every tick, and
 * the one that works is not lost among them. */
#include "profile/profile.h"
#include "support/pythons.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>
#include <sys/resource.h>

#define NS_PER_S UINT64_C(1000000000)

/* The main thread sleeps too; one works. */
enum { SLEEPERS = 200, THREADS = SLEEPERS + 2, DESCRIPTORS = 64 };

static char program[] = "import threading, time\n"
                        "def sleep():\n"
                        "  time.sleep(1000)\n"
                        "def work():\n"
                        "  n = 0\n"
                        "  while True: n += 1\n"
                        "for _ in range(200):\n"
                        "  threading.Thread(target=sleep, daemon=True).start()\n"
                        "threading.Thread(target=work, daemon=True).start()\n"
                        "print('ready', flush=True)\n"
                        "sleep()\n";

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

ParameterizedTestParameters(many_threads, are_each_accounted_for)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

static struct hop_profile *sample(struct hop_target *target, enum hop_mode mode)
{
    struct hop_sample_options options = {.rate_hz = 1000, .duration_ns = NS_PER_S, .mode = mode};
    struct hop_profile *profile;
    struct hop_error err;
    cr_assert_eq(hop_sample(target, &options, &profile, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(profile->thread_count, THREADS);
    uint64_t seen = profile->samples + profile->idle + profile->refused_total;
    uint64_t wanted = profile->ticks * THREADS;
    /* Interrupts, whose periods are drawn, may find the one that runs a little more often. */
    uint64_t more = strstr(profile->way, "interrupts") ? profile->ticks / 8 + 4 : 0;
    cr_assert(seen >= wanted && seen <= wanted + more,
              "%lu ticks, %lu samples, %lu idle, %lu refused", profile->ticks, profile->samples,
              profile->idle, profile->refused_total);
    return profile;
}

/* What the samples of a sleeping thread stand for, also those of ticks at which it had no turn,
 * while ticks are as near to each other as they come to be. */
static void expect_no_more_than_passed(struct hop_target *target, const struct python *python)
{
    struct hop_sample_options options = {
        .rate_hz = 1000, .duration_ns = NS_PER_S / 2, .mode = HOP_MODE_WALL, .opens_live = true};
    struct hop_profile *profile;
    struct hop_error err;
    uint64_t told_ns = 0;
    cr_assert_eq(hop_sample(target, &options, &profile, &err), HOP_OK, "%s", err.message);
    for (size_t i = 0; i < profile->node_count; i++)
        told_ns += profile->nodes[i].self_ns;
    cr_expect_leq(told_ns / THREADS, profile->duration_ns + NS_PER_S / 1000,
                  "%s: a thread's samples stand for %lu ns, of %lu", python->version,
                  told_ns / THREADS, profile->duration_ns);
    hop_profile_destroy(profile);
}

ParameterizedTest(struct python *python, many_threads, are_each_accounted_for)
{
    const char *const arguments[] = {NULL};
    struct rlimit limit = {.rlim_cur = DESCRIPTORS, .rlim_max = DESCRIPTORS};
    struct hop_target *target;
    struct target child;
    struct hop_error err;
    char line[16];
    target_start_text(&child, python, NULL, program, arguments);
    cr_assert(fgets(line, sizeof line, child.out));
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(hop_attach(child.pid, NULL, &target, &err), HOP_OK, "%s", err.message);

    struct hop_profile *profile = sample(target, HOP_MODE_CPU);
    size_t working = 0;
    for (size_t i = 0; i < profile->thread_count; i++)
        working += profile->threads[i].samples > profile->samples / 2;
    cr_expect_eq(working, 1, "%s: the thread that works has most of the samples", python->version);
    hop_profile_destroy(profile);

    profile = sample(target, HOP_MODE_WALL);
    size_t sleeping = 0;
    for (size_t i = 0; i < profile->thread_count; i++)
        sleeping += profile->threads[i].samples == profile->ticks;
    cr_expect_geq(sleeping, SLEEPERS - 10, "%s: %zu sleepers were counted at every tick",
                  python->version, sleeping);
    hop_profile_destroy(profile);
    expect_no_more_than_passed(target, python);
    hop_detach(target);
    target_kill(&child);
}
