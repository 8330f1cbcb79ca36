/* Plans the turns of a tick. */
#include "sample/turns.h"

#include <stdlib.h>

/* How often a sleeping thread is looked at, and how many in one tick. Up to eight are looked at a
 * thousand times a second, a thousand eight times. What that costs `make bench PART=cost` prints.
 */
static const uint64_t NS_A_SLEEPER = 125 * 1000;
enum { SLEEPERS_A_TICK = 16 };

bool hop_turns_init(struct hop_turns *turns)
{
    *turns = (struct hop_turns){0};
    turns->awake = malloc(HOP_THREADS_MAX * sizeof *turns->awake);
    turns->now = malloc(HOP_THREADS_MAX * sizeof *turns->now);
    return turns->awake && turns->now;
}

void hop_turns_deinit(struct hop_turns *turns)
{
    free(turns->awake);
    free(turns->now);
    *turns = (struct hop_turns){0};
}

static void list_as_awake(struct hop_turns *turns, struct hop_roster *roster, size_t index)
{
    if (turns->awake_count == HOP_THREADS_MAX)
        return; /* looked at when a sleeper would be */
    roster->entries[index].is_awake_listed = true;
    turns->awake[turns->awake_count++] = (uint32_t)index;
}

void hop_turns_renew(struct hop_turns *turns, struct hop_roster *roster)
{
    turns->awake_count = 0;
    turns->cursor = 0;
    for (size_t i = 0; i < roster->count; i++) {
        roster->entries[i].is_awake_listed = false;
        list_as_awake(turns, roster, i);
    }
}

void hop_turns_note(struct hop_turns *turns, struct hop_roster *roster, size_t index)
{
    const struct hop_roster_entry *entry = &roster->entries[index];
    if (!entry->is_asleep && !entry->is_gone && !entry->is_awake_listed)
        list_as_awake(turns, roster, index);
}

static void give_turn(struct hop_turns *turns, struct hop_roster *roster, size_t index,
                      uint64_t tick)
{
    if (roster->entries[index].turn_tick == tick || roster->entries[index].is_gone ||
        turns->count == HOP_THREADS_MAX)
        return;
    roster->entries[index].turn_tick = tick;
    turns->now[turns->count++] = (uint32_t)index;
}

static void give_turns_to_awake(struct hop_turns *turns, struct hop_roster *roster, uint64_t tick)
{
    size_t kept = 0;
    for (size_t i = 0; i < turns->awake_count; i++) {
        uint32_t index = turns->awake[i];
        struct hop_roster_entry *entry = &roster->entries[index];
        if (entry->is_asleep || entry->is_gone) {
            entry->is_awake_listed = false;
            continue;
        }
        turns->awake[kept++] = index;
        give_turn(turns, roster, index, tick);
    }
    turns->awake_count = kept;
}

static void give_turns_to_sleepers(struct hop_turns *turns, struct hop_roster *roster,
                                   uint64_t tick)
{
    size_t wanted = (size_t)(turns->credit_ns / NS_A_SLEEPER);
    if (wanted > SLEEPERS_A_TICK)
        wanted = SLEEPERS_A_TICK;
    turns->credit_ns -= wanted * NS_A_SLEEPER;
    if (turns->credit_ns > SLEEPERS_A_TICK * NS_A_SLEEPER)
        turns->credit_ns = SLEEPERS_A_TICK * NS_A_SLEEPER;
    for (size_t steps = roster->count; steps && wanted; steps--) {
        if (turns->cursor >= roster->count)
            turns->cursor = 0;
        size_t index = turns->cursor++;
        if (roster->entries[index].is_awake_listed)
            continue;
        give_turn(turns, roster, index, tick);
        wanted--;
    }
}

void hop_turns_plan(struct hop_turns *turns, struct hop_roster *roster,
                    const struct hop_watch *watch, uint64_t tick, uint64_t now_ns)
{
    if (turns->last_ns)
        turns->credit_ns += now_ns - turns->last_ns;
    turns->last_ns = now_ns;
    turns->count = 0;
    for (size_t i = 0; i < watch->holder_count; i++) {
        struct hop_roster_entry *holder = hop_roster_find(roster, watch->holders[i]);
        if (!holder)
            continue;
        size_t index = (size_t)(holder - roster->entries);
        give_turn(turns, roster, index, tick);
    }
    give_turns_to_awake(turns, roster, tick);
    give_turns_to_sleepers(turns, roster, tick);
}
