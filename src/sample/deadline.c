/* Computes jittered deadlines and sleeps until them. */
#include "sample/deadline.h"

#include "base/clock.h"
#include "base/random.h"

#define NS_PER_S 1000000000u

/* *stop is looked at this often at least, whatever the rate. */
static const uint64_t SLICE_NS = 50 * 1000 * 1000;

/* From 20 kHz on, being woken by a timer takes as long as the wait. */
static const uint64_t SPIN_NS = 50 * 1000;

/* How the least rest follows what is found: a look in ten or so finds that it was too short. */
static const uint64_t REST_MOST_NS = 200 * 1000, REST_STEP_NS = 500;
enum { REST_GROWS_BY = 8, REST_SHRINKS_BY = 64 };

void hop_deadlines_init(struct hop_deadlines *deadlines, uint64_t now_ns, double rate_hz,
                        uint64_t duration_ns, uint64_t seed, const volatile sig_atomic_t *stop)
{
    *deadlines = (struct hop_deadlines){
        .period_ns = (uint64_t)((double)NS_PER_S / rate_hz),
        .end_ns =
            duration_ns && duration_ns < UINT64_MAX - now_ns ? now_ns + duration_ns : UINT64_MAX,
        .next_period_ns = now_ns,
        .rest_divisor = 1,
        .random_state = seed,
        .stop = stop,
    };
}

static uint64_t random_below(struct hop_deadlines *deadlines, uint64_t limit)
{
    uint64_t number = hop_random(&deadlines->random_state);
    return limit ? number % limit : 0;
}

/* Leaves out the periods that are over at `now_ns`, of those that begin before the end. */
static void leave_out(struct hop_deadlines *deadlines, uint64_t now_ns)
{
    if (now_ns > deadlines->end_ns)
        now_ns = deadlines->end_ns;
    if (now_ns <= deadlines->next_period_ns)
        return;
    uint64_t missed = (now_ns - deadlines->next_period_ns) / deadlines->period_ns;
    deadlines->missed += missed;
    deadlines->next_period_ns += missed * deadlines->period_ns;
}

/* On a slow machine a timer set for a few microseconds is over before the CPU has changed hands. */
void hop_deadlines_note_rest(struct hop_deadlines *deadlines, bool was_enough)
{
    uint64_t least_ns = deadlines->least_rest_ns;
    if (was_enough)
        deadlines->least_rest_ns = least_ns - least_ns / REST_SHRINKS_BY;
    else if (least_ns < REST_MOST_NS)
        deadlines->least_rest_ns = least_ns + least_ns / REST_GROWS_BY + REST_STEP_NS;
}

static uint64_t next_deadline(struct hop_deadlines *deadlines, uint64_t now_ns)
{
    /* Lookers may be real-time threads. A part of the time is left to the target, however long a
     * tick takes and whatever the rate. How much more is left to chance: where we cannot keep up,
     * ticks that follow each other at once would be in step with a periodic program. */
    uint64_t busy_ns = deadlines->woke_ns ? now_ns - deadlines->woke_ns : 0;
    uint64_t rest_ns = deadlines->rest_divisor ? busy_ns / deadlines->rest_divisor : 0;
    if (rest_ns < deadlines->least_rest_ns)
        rest_ns = deadlines->least_rest_ns;
    uint64_t earliest_ns = now_ns + rest_ns + random_below(deadlines, rest_ns);
    leave_out(deadlines, earliest_ns);
    uint64_t deadline_ns =
        deadlines->next_period_ns + random_below(deadlines, deadlines->period_ns);
    return deadline_ns > earliest_ns ? deadline_ns : earliest_ns;
}

enum hop_wait hop_deadlines_wait(struct hop_deadlines *deadlines)
{
    uint64_t now_ns = hop_now_ns();
    uint64_t until_ns = next_deadline(deadlines, now_ns);
    if (until_ns > deadlines->end_ns)
        until_ns = deadlines->end_ns;
    bool is_stopped = deadlines->stop && *deadlines->stop;
    while (now_ns < until_ns && !is_stopped) {
        if (!deadlines->may_spin || deadlines->period_ns > SPIN_NS)
            hop_sleep_until_ns(until_ns - now_ns > SLICE_NS ? now_ns + SLICE_NS : until_ns);
        now_ns = hop_now_ns();
        is_stopped = deadlines->stop && *deadlines->stop;
    }
    if (is_stopped || now_ns >= deadlines->end_ns) {
        leave_out(deadlines, now_ns);
        return is_stopped ? HOP_WAIT_STOPPED : HOP_WAIT_ENDED;
    }
    deadlines->next_period_ns += deadlines->period_ns;
    deadlines->passed =
        deadlines->woke_ns ? 1 + (now_ns - deadlines->woke_ns) / deadlines->period_ns : 1;
    deadlines->woke_ns = now_ns;
    deadlines->due_ns = until_ns;
    hop_lateness_add(&deadlines->lateness, now_ns - until_ns);
    return HOP_WAIT_REACHED;
}

void hop_deadlines_take(struct hop_deadlines *deadlines)
{
    deadlines->next_period_ns += deadlines->period_ns;
}
