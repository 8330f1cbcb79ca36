/* A profile that is looked at while it is made: the copies of what the sampler holds, and sampling
 * in threads of its own. */
#include "session/capture.h"
#include "support/pythons.h"

#include "base/clock.h"
#include "sample/way.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* --- copies ---------------------------------------------------------------------------------- */

/* More nodes and records than are copied at a time. */
enum { STACKS = 5000, THREADS = 3 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct hop_sampler *sampler;
static struct hop_tally *tally;
static struct hop_captures captures;

static void set_up(void)
{
    static struct hop_code code = {.qualname = "f", .filename = "f.py", .qualname_is_known = true};
    static struct hop_code *codes[] = {&code};
    static struct hop_seen_thread seen[THREADS] = {{.tid = 1}, {.tid = 2}, {.tid = 3}};
    sampler = calloc(1, sizeof *sampler);
    tally = hop_tally_create();
    cr_assert(sampler && tally);
    sampler->way = &hop_way_cpu;
    sampler->codes.codes = codes;
    sampler->codes.count = 1;
    sampler->roster.seen = seen;
    sampler->roster.seen_count = THREADS;
    sampler->counts.started_ns = hop_now_ns();
    hop_captures_init(&captures, &gate);
}

static void tear_down(void)
{
    hop_captures_deinit(&captures);
    hop_tally_destroy(tally);
    free(sampler);
}

/* One sample, of a stack of two frames; as many different ones as there are units. */
static void add(uint32_t unit, uint64_t tick)
{
    struct hop_step steps[2] = {{.code = 0, .unit = unit}, {.code = 0, .unit = unit / 2}};
    sampler->counts.ticks = tick;
    sampler->counts.samples++;
    cr_assert(hop_tally_add(tally, unit % THREADS, steps, 2, tick, 1000));
}

static uint64_t samples_of(const struct hop_capture *capture)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < capture->node_count; i++)
        sum += capture->nodes[i].self;
    return sum;
}

static double recorded_ns(const struct hop_capture *capture)
{
    double sum = 0;
    for (size_t i = 0; i < capture->record_count; i++) {
        cr_assert_lt(capture->records[i].node, capture->node_count);
        sum += capture->records[i].weight_ns;
    }
    return sum;
}

Test(captures, hold_all_that_there_is, .init = set_up, .fini = tear_down)
{
    for (uint32_t i = 0; i < STACKS; i++)
        add(i, i + 1);
    struct hop_capture whole;
    hop_capture_borrow(&whole, sampler, tally);
    cr_assert(hop_captures_take(&captures, sampler, tally));
    const struct hop_capture *copy = &captures.last;
    cr_assert_eq(copy->node_count, whole.node_count);
    cr_assert_eq(copy->record_count, whole.record_count);
    cr_assert_eq(copy->seen_count, THREADS);
    cr_assert_eq(copy->seen[2].tid, 3);
    cr_assert_eq(copy->code_count, 1);
    cr_assert_str_eq(copy->codes[0]->qualname, "f");
    cr_assert_eq(copy->counts.samples, STACKS);
    cr_assert_gt(copy->counts.ended_ns, copy->counts.started_ns, "a run that goes on ends now");
    cr_assert(!memcmp(copy->nodes, whole.nodes, whole.node_count * sizeof *whole.nodes));
    cr_assert(!memcmp(copy->records, whole.records, whole.record_count * sizeof *whole.records));
    cr_assert_neq((const void *)copy->nodes, (const void *)whole.nodes);
}

Test(captures, begin_anew_when_reset, .init = set_up, .fini = tear_down)
{
    for (uint32_t i = 0; i < 100; i++)
        add(i, i + 1);
    cr_assert(hop_captures_take(&captures, sampler, tally));
    cr_assert(hop_captures_reset(&captures));
    for (uint32_t i = 50; i < 150; i++)
        add(i, i + 51);
    cr_assert(hop_captures_take(&captures, sampler, tally));
    cr_assert_eq(samples_of(&captures.last), 100);
    cr_assert_eq(captures.last.counts.samples, 100);
    cr_assert_float_eq(captures.last.weights.sum_ns, 100e3, .5);
    cr_assert_float_eq(recorded_ns(&captures.last), 100e3, .5,
                       "the record, too, of what came since");
    cr_assert(hop_captures_reset(&captures)); /* a second time: since then */
    add(7, 201);
    cr_assert(hop_captures_take(&captures, sampler, tally));
    cr_assert_eq(samples_of(&captures.last), 1);
    cr_assert_eq(captures.last.counts.ticks, 1);
}

static void *add_many(void *unused)
{
    for (uint32_t i = 0; i < 20 * STACKS; i++) {
        pthread_mutex_lock(&gate);
        add(i % (2 * STACKS), i + 1);
        if (i == 20 * STACKS - 1)
            sampler->counts.ended_ns = hop_now_ns();
        pthread_mutex_unlock(&gate);
    }
    return unused;
}

/* While the record is rewritten every now and then. */
Test(captures, are_sound_while_it_goes_on, .init = set_up, .fini = tear_down, .timeout = 240)
{
    pthread_t thread;
    uint64_t last = 0;
    bool is_over = false;
    cr_assert_eq(pthread_create(&thread, NULL, add_many, NULL), 0);
    while (!is_over) {
        pthread_mutex_lock(&gate);
        is_over = sampler->counts.ended_ns;
        uint64_t before = sampler->counts.samples;
        pthread_mutex_unlock(&gate);
        cr_assert(hop_captures_take(&captures, sampler, tally));
        const struct hop_capture *copy = &captures.last;
        uint64_t samples = samples_of(copy);
        cr_assert_geq(samples, last);
        /* Of nodes that came while we copied none is there; of all others all is. */
        cr_assert_geq(samples, before);
        for (size_t i = 0; i < copy->node_count; i++)
            cr_assert_leq(copy->nodes[i].parent, i);
        cr_assert_leq(recorded_ns(copy), (double)20 * STACKS * 1000);
        last = samples;
    }
    pthread_join(thread, NULL);
    cr_assert_eq(last, 20 * STACKS);
}

/* --- sampling -------------------------------------------------------------------------------- */

static uint64_t sum_of_hits(const struct hop_profile *profile)
{
    size_t count;
    uint64_t sum = 0;
    const struct hop_instruction *rows = hop_profile_instructions(profile, &count);
    for (size_t i = 0; i < count; i++)
        sum += rows[i].self;
    return sum;
}

/* Looks until there are as many samples. */
static struct hop_profile *look_for(struct hop_sampling *sampling, uint64_t samples)
{
    struct hop_profile *profile;
    struct hop_error err;
    struct pollfd over = {.fd = hop_sampling_fd(sampling), .events = POLLIN};
    for (;;) {
        enum hop_status status = hop_sampling_look(sampling, true, &profile, &err);
        if (status == HOP_OK && hop_profile_samples(profile) >= samples)
            return profile;
        cr_assert(status == HOP_OK || status == HOP_ERR_NOTHING, "%s", err.message);
        hop_profile_destroy(profile);
        cr_assert_eq(poll(&over, 1, 10), 0, "sampling has ended");
    }
}

Test(sampling, is_looked_at_while_it_goes_on, .timeout = 240)
{
    struct python python;
    struct target program;
    struct hop_target *target;
    struct hop_sampling *sampling;
    struct hop_profile *profile;
    struct hop_error err;
    char line[16];
    cr_assert_eq(pythons_find(&python, 1, 8), 1);
    target_start(&program, &python, NULL, "spin.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    cr_assert_eq(hop_attach(program.pid, NULL, &target, &err), HOP_OK, "%s", err.message);
    struct hop_sample_options options = {.rate_hz = 2000};
    cr_assert_eq(hop_sampling_start(target, &options, &sampling, &err), HOP_OK, "%s", err.message);

    uint64_t seen = 0;
    for (int i = 0; i < 5; i++) {
        profile = look_for(sampling, seen + 20);
        cr_assert_eq(sum_of_hits(profile), hop_profile_samples(profile));
        seen = hop_profile_samples(profile);
        hop_profile_destroy(profile);
    }
    cr_assert_eq(hop_sampling_reset(sampling, &err), HOP_OK);
    cr_assert_eq(hop_sampling_look(sampling, false, &profile, &err), HOP_OK, "%s", err.message);
    cr_assert_lt(hop_profile_samples(profile), seen, "begun anew");
    hop_profile_destroy(profile);
    hop_profile_destroy(look_for(sampling, 20));

    hop_sampling_stop(sampling);
    struct pollfd over = {.fd = hop_sampling_fd(sampling), .events = POLLIN};
    cr_assert_eq(poll(&over, 1, -1), 1);
    cr_assert_eq(hop_sampling_finish(sampling, &profile, &err), HOP_OK, "%s", err.message);
    cr_assert_geq(hop_profile_samples(profile), seen + 20, "the whole, for all that was reset");
    cr_assert_eq(hop_profile_ending(profile), HOP_ENDED_STOPPED);
    hop_profile_destroy(profile);
    hop_detach(target);
    target_kill(&program);
}

Test(sampling, ends_with_its_target, .timeout = 240)
{
    struct python python;
    struct target program;
    struct hop_target *target;
    struct hop_sampling *sampling;
    struct hop_profile *profile;
    struct hop_error err;
    char line[16];
    cr_assert_eq(pythons_find(&python, 1, 8), 1);
    target_start(&program, &python, NULL, "spin.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    cr_assert_eq(hop_attach(program.pid, NULL, &target, &err), HOP_OK, "%s", err.message);
    struct hop_sample_options options = {.rate_hz = 1000};
    cr_assert_eq(hop_sampling_start(target, &options, &sampling, &err), HOP_OK, "%s", err.message);
    hop_profile_destroy(look_for(sampling, 10));
    target_kill(&program);
    struct pollfd over = {.fd = hop_sampling_fd(sampling), .events = POLLIN};
    cr_assert_eq(poll(&over, 1, -1), 1);
    /* It can still be looked at, and is what it will be. */
    cr_assert_eq(hop_sampling_look(sampling, false, &profile, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(hop_profile_ending(profile), HOP_ENDED_EXITED);
    uint64_t seen = hop_profile_samples(profile);
    hop_profile_destroy(profile);
    cr_assert_eq(hop_sampling_finish(sampling, &profile, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(hop_profile_samples(profile), seen);
    hop_profile_destroy(profile);
    hop_detach(target);
}
