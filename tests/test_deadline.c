/* Deadlines: that they come once a period, at instants that a seed tells, and what is counted as
 * missed. Nothing is asserted of how long anything takes. */
#include "base/clock.h"
#include "sample/deadline.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)

static struct hop_deadlines deadlines;

/* As if its first period began `ago_ns` before now, with no tick since. */
static void start(double rate_hz, uint64_t duration_ns, uint64_t ago_ns)
{
    hop_deadlines_init(&deadlines, hop_now_ns() - ago_ns, rate_hz, duration_ns, 4711, NULL);
    deadlines.woke_ns += ago_ns;
}

/* The periods that have begun by that instant. */
static uint64_t periods_from(uint64_t start_ns, uint64_t now_ns)
{
    return (now_ns - start_ns) / deadlines.period_ns;
}

Test(deadline, every_period_is_a_tick_or_missed)
{
    const double rates[] = {200, 1000, 20000};
    for (size_t i = 0; i < 3; i++) {
        uint64_t ticks = 0, before_ns = hop_now_ns();
        hop_deadlines_init(&deadlines, before_ns, rates[i], 60 * NS_PER_MS, 1 + i, NULL);
        cr_assert_eq(deadlines.period_ns, (uint64_t)(1e9 / rates[i]));
        enum hop_wait wait;
        while ((wait = hop_deadlines_wait(&deadlines)) == HOP_WAIT_REACHED) {
            ticks++;
            cr_assert_eq(deadlines.next_period_ns,
                         before_ns + (ticks + deadlines.missed) * deadlines.period_ns);
        }
        cr_assert_eq(wait, HOP_WAIT_ENDED);
        cr_assert_geq(hop_now_ns(), before_ns + 60 * NS_PER_MS);
        cr_assert_eq(ticks + deadlines.missed, 60 * NS_PER_MS / deadlines.period_ns);
    }
}

/* The instant lies in the period, not before it; and no tick comes before its time. */
Test(deadline, ticks_are_at_any_instant_of_their_period)
{
    enum { TICKS = 100, PARTS = 4 };
    size_t in_part[PARTS] = {0}, on_time = 0;
    start(100, 0, 0);
    for (size_t i = 0; i < TICKS; i++) {
        cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
        uint64_t begin_ns = deadlines.next_period_ns - deadlines.period_ns;
        cr_assert_geq(deadlines.woke_ns, begin_ns, "woken before its period");
        cr_assert_leq(deadlines.woke_ns, hop_now_ns());
        if (deadlines.woke_ns < deadlines.next_period_ns) {
            in_part[(deadlines.woke_ns - begin_ns) * PARTS / deadlines.period_ns]++;
            on_time++;
        }
    }
    /* On a busy machine some are late; of those that are not, some are in each part. */
    if (on_time > TICKS / 2)
        for (size_t i = 0; i < PARTS; i++)
            cr_assert_gt(in_part[i], 0, "none of %zu in part %zu", on_time, i);
}

static uint64_t state_after(uint64_t seed, int ticks)
{
    hop_deadlines_init(&deadlines, hop_now_ns(), 20000, 0, seed, NULL);
    for (int i = 0; i < ticks; i++)
        cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    return deadlines.random_state;
}

Test(deadline, a_seed_repeats_itself_and_no_other)
{
    uint64_t first = state_after(1, 20);
    cr_assert_eq(state_after(1, 20), first);
    cr_assert_neq(state_after(2, 20), first);
    cr_assert_neq(state_after(1, 21), first);
    cr_assert_neq(first, 0);
}

Test(deadline, periods_that_are_over_are_missed_and_not_made_up_for)
{
    start(100, 0, 0);
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    uint64_t first_ns = deadlines.next_period_ns, missed = deadlines.missed;
    /* 40 periods during which nobody asked; the last tick, though, took no time. */
    deadlines.next_period_ns -= 40 * deadlines.period_ns;
    deadlines.woke_ns = hop_now_ns();
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    cr_assert_geq(deadlines.missed, missed + 39);
    /* Where it is now tells how many. */
    cr_assert_eq((deadlines.next_period_ns - first_ns) / deadlines.period_ns + 40,
                 deadlines.missed - missed + 1);
    cr_assert_eq((deadlines.next_period_ns - first_ns) % deadlines.period_ns, 0);
    cr_assert_gt(deadlines.next_period_ns, deadlines.due_ns - deadlines.period_ns);
    /* What is over is over: the next one is in front of us. */
    uint64_t woke_ns = deadlines.woke_ns;
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    cr_assert_geq(deadlines.next_period_ns - deadlines.period_ns, woke_ns - deadlines.period_ns);
}

/* A tick took 20 ms: at least as long is left to others, whatever the rate. */
Test(deadline, as_much_time_is_left_as_a_tick_took)
{
    start(100000, 0, 0);
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    uint64_t now_ns = hop_now_ns();
    deadlines.woke_ns = now_ns - 20 * NS_PER_MS;
    deadlines.next_period_ns = now_ns;
    uint64_t missed = deadlines.missed;
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    cr_assert_geq(deadlines.woke_ns, now_ns + 20 * NS_PER_MS);
    cr_assert_geq(deadlines.missed - missed, 20 * NS_PER_MS / deadlines.period_ns - 1);
}

/* A tick that took no time, to speak of, is followed by a rest in which a thread can get to its
 * CPU: as long as it does not the rest grows, up to a limit. */
Test(deadline, rests_are_as_long_as_it_takes_to_run)
{
    start(100000, 0, 0);
    cr_assert_eq(deadlines.least_rest_ns, 0);
    for (int i = 0; i < 1000; i++)
        hop_deadlines_note_rest(&deadlines, false);
    uint64_t most_ns = deadlines.least_rest_ns;
    cr_assert(most_ns > 100000 && most_ns < 300000, "%lu ns", most_ns);
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    uint64_t now_ns = deadlines.woke_ns = hop_now_ns();
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    cr_assert_geq(deadlines.woke_ns, now_ns + most_ns);
    for (int i = 0; i < 1000; i++)
        hop_deadlines_note_rest(&deadlines, true);
    cr_assert_lt(deadlines.least_rest_ns, 100);
}

/* What came before the first tick, a looker that waits for its CPU, say, was no tick. */
Test(deadline, the_first_tick_follows_no_other, .timeout = 240)
{
    uint64_t before_ns = hop_now_ns();
    hop_deadlines_init(&deadlines, before_ns - 5000 * NS_PER_MS, 100, 0, 7, NULL);
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    cr_assert_lt(deadlines.woke_ns - deadlines.lateness.max_ns, before_ns + 4000 * NS_PER_MS);
    cr_assert_geq(deadlines.missed, 500);
}

Test(deadline, an_end_that_is_over_is_the_end)
{
    start(100, 50 * NS_PER_MS, 200 * NS_PER_MS);
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_ENDED);
    cr_assert_eq(deadlines.missed, 5); /* of 10 ms each; none behind the end */
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_ENDED);
    cr_assert_eq(deadlines.missed, 5);
}

Test(deadline, the_end_comes_in_the_midst_of_a_long_period, .timeout = 240)
{
    uint64_t before_ns = hop_now_ns();
    hop_deadlines_init(&deadlines, before_ns, 0.001, 30 * NS_PER_MS, 7, NULL);
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_ENDED);
    cr_assert_geq(hop_now_ns(), before_ns + 30 * NS_PER_MS);
    cr_assert_eq(deadlines.missed, 0);
}

Test(deadline, durations_have_no_limit)
{
    hop_deadlines_init(&deadlines, 1000, 1, UINT64_MAX - 10, 1, NULL);
    cr_assert_eq(deadlines.end_ns, UINT64_MAX);
    hop_deadlines_init(&deadlines, 1000, 1, 0, 1, NULL);
    cr_assert_eq(deadlines.end_ns, UINT64_MAX);
    hop_deadlines_init(&deadlines, 1000, 1, 500, 1, NULL);
    cr_assert_eq(deadlines.end_ns, 1500);
}

static volatile sig_atomic_t is_stopped;

/* Its handler runs in another thread: lookers have signals blocked. */
static void *stop_soon(void *unused)
{
    usleep(20000);
    is_stopped = 1;
    return unused;
}

Test(deadline, the_flag_stops_it_whatever_the_rate, .timeout = 240)
{
    is_stopped = 1;
    hop_deadlines_init(&deadlines, hop_now_ns() - 10 * NS_PER_MS, 0.001, 0, 7, &is_stopped);
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_STOPPED);
    /* Raised while it waits for a quarter of an hour. */
    is_stopped = 0;
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, stop_soon, NULL), 0);
    hop_deadlines_init(&deadlines, hop_now_ns(), 0.001, 0, 7, &is_stopped);
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_STOPPED);
    cr_assert_eq(deadlines.missed, 0);
    pthread_join(thread, NULL);
    /* What was missed until then is counted. */
    hop_deadlines_init(&deadlines, hop_now_ns() - 100 * NS_PER_MS, 100, 0, 7, &is_stopped);
    deadlines.woke_ns = hop_now_ns();
    cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_STOPPED);
    uint64_t begin_ns = deadlines.next_period_ns - deadlines.missed * deadlines.period_ns;
    cr_assert_geq(deadlines.missed, 10);
    cr_assert_leq(deadlines.missed, periods_from(begin_ns, hop_now_ns()));
}

/* --- lateness --------------------------------------------------------------------------------- */

Test(deadline, percentiles_are_right_to_a_sixteenth)
{
    static struct hop_lateness lateness;
    cr_assert_eq(hop_lateness_percentile(&lateness, .5), 0);
    for (uint64_t late_ns = 1; late_ns <= 100000; late_ns++)
        hop_lateness_add(&lateness, late_ns);
    const double parts[] = {.001, .1, .5, .9, .99, 1};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        double right = parts[i] * 100000;
        double found = (double)hop_lateness_percentile(&lateness, parts[i]);
        cr_assert(found >= right && found <= right * 17 / 16 + 1, "%g: %g", parts[i], found);
    }
    cr_assert_eq(hop_lateness_percentile(&lateness, 1), 100000);
    cr_assert_eq(lateness.max_ns, 100000);
}

Test(deadline, lateness_of_any_size_has_its_place)
{
    for (int bit = 0; bit < 64; bit++)
        for (int less = 0; less < 2; less++) {
            struct hop_lateness lateness = {0};
            uint64_t late_ns = (UINT64_C(1) << bit) - (uint64_t)less;
            hop_lateness_add(&lateness, late_ns);
            cr_assert_eq(hop_lateness_percentile(&lateness, .5), late_ns);
            hop_lateness_add(&lateness, UINT64_MAX);
            uint64_t found = hop_lateness_percentile(&lateness, .5);
            cr_assert(found >= late_ns && found - late_ns <= late_ns / 16, "2^%d", bit);
        }
}

Test(deadline, each_tick_has_its_lateness)
{
    start(1000, 0, 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(hop_deadlines_wait(&deadlines), HOP_WAIT_REACHED);
    cr_assert_eq(deadlines.lateness.count, 5);
    cr_assert_geq(deadlines.lateness.max_ns, hop_lateness_percentile(&deadlines.lateness, .5));
}
