/* Opens perf events beside the looking, one at a time, and keeps an eye on their clocks. */
#include "sample/perf_clock.h"

/* An event is for threads that are worth it: where a dump is to look, or a thread ends soon, few
 * looks come. Each takes three pages of the kernel's, and makes its thread's context switches a
 * little longer. */
enum { LOOKS_BEFORE_PERF = 8, THREADS_WITH_PERF_MAX = 1024 };

/* How often clocks are compared with run times, and of how many threads at once. */
static const uint64_t COMPARE_NS = 250 * 1000 * 1000;
enum { COMPARED_AT_ONCE = 4 };

/* A signal may come in between, or the record be written just then. */
enum { SWITCH_TRIES = 3 };

/* By the thread that waits in hop_crew_run. */
static void open_one(void *context)
{
    struct hop_perf_clocks *clocks = context;
    clocks->is_fine = clocks->is_fine || hop_perf_clock_is_fine();
    if (!clocks->is_fine || !hop_task_open_perf(&clocks->task))
        return; /* or the thread has ended, or is not to be watched */
    for (int tries = 0; tries < SWITCH_TRIES && !clocks->has_switches; tries++)
        clocks->has_switches = hop_switches_are_fine();
    if (!clocks->has_switches)
        hop_perf_event_forget_switches(&clocks->task.perf);
}

void hop_perf_clocks_consider(struct hop_perf_clocks *clocks, struct hop_crew *crew,
                              const struct hop_roster *roster, struct hop_roster_entry *entry)
{
    if (entry->proved_count < LOOKS_BEFORE_PERF) {
        entry->proved_count++;
        return;
    }
    if (entry->has_asked_for_perf || clocks->is_given_up || clocks->is_under_way ||
        roster->count > THREADS_WITH_PERF_MAX)
        return;
    clocks->task = (struct hop_task){.process = entry->task.process,
                                     .tid = entry->task.tid,
                                     .schedstat_fd = -1,
                                     .stat_fd = -1,
                                     .perf = HOP_NO_PERF_EVENT};
    clocks->for_index = entry->index;
    clocks->is_under_way = hop_crew_send(crew, open_one, clocks);
    entry->has_asked_for_perf = clocks->is_under_way;
}

/* Readings of schedstat are not to be compared with those of the event. What was true of one that
 * has not run, by both its schedstat before and after, is true at the event's reading in between.
 */
static void give(struct hop_perf_clocks *clocks, struct hop_roster_entry *entry)
{
    struct hop_task *task = &entry->task;
    struct hop_standstill before, now, after;
    /* Opened by its number, which is still its own: by schedstat's descriptor, of itself. */
    if (!hop_standstill_read(task, &before))
        return;
    struct hop_perf_event event = clocks->task.perf;
    clocks->task.perf = HOP_NO_PERF_EVENT;
    bool is_asleep = entry->is_asleep && hop_standstill_is_same(&before, &entry->asleep_at);
    bool is_taken = entry->was_taken && hop_standstill_is_same(&before, &entry->taken_at);
    if (is_asleep)
        hop_perf_event_note_asleep(&event);
    task->perf = event;
    bool is_read = hop_standstill_read(task, &now);
    task->perf = HOP_NO_PERF_EVENT;
    bool has_stayed =
        is_read && hop_standstill_read(task, &after) && hop_standstill_is_same(&before, &after);
    task->perf = event;
    entry->is_asleep = is_asleep && has_stayed;
    entry->was_taken = is_taken && has_stayed;
    entry->asleep_at = entry->taken_at = now;
    entry->times = (struct hop_task_times){0}; /* taken when it stands still */
}

static void give_up(struct hop_perf_clocks *clocks, struct hop_roster *roster)
{
    clocks->is_given_up = true;
    for (size_t i = 0; i < roster->count; i++) {
        struct hop_roster_entry *entry = &roster->entries[i];
        if (!hop_task_has_perf(&entry->task))
            continue;
        hop_perf_event_close(&entry->task.perf);
        entry->was_taken = entry->is_asleep = false;
    }
}

/* Whether a perf clock is fit is the machine's affair, so that one thread tells it: the first that
 * has run for long enough since it was compared last. False: it is not. */
static bool compare_some(struct hop_perf_clocks *clocks, struct hop_roster *roster,
                         uint64_t samples)
{
    size_t asked = 0;
    for (size_t i = 0; i < roster->count && asked < COMPARED_AT_ONCE; i++) {
        if (clocks->compare_next >= roster->count)
            clocks->compare_next = 0;
        struct hop_roster_entry *entry = &roster->entries[clocks->compare_next++];
        struct hop_task_times now;
        if (!hop_task_has_perf(&entry->task))
            continue;
        asked++;
        if (!hop_task_times(&entry->task, &now))
            continue;
        if (!entry->times.runs)
            entry->times = now;
        if (!hop_task_times_are_telling(&entry->times, &now))
            continue;
        if (!hop_task_times_agree(&entry->times, &now))
            return false;
        entry->times = now;
        clocks->agreed_samples = samples;
        break;
    }
    return true;
}

static void take_over(struct hop_perf_clocks *clocks, struct hop_roster *roster, uint64_t samples)
{
    clocks->is_under_way = false;
    clocks->is_given_up = !clocks->is_fine;
    for (size_t i = 0; i < roster->count && hop_task_has_perf(&clocks->task); i++)
        if (roster->entries[i].index == clocks->for_index)
            give(clocks, &roster->entries[i]);
    hop_task_deinit(&clocks->task);
    if (!clocks->is_in_use)
        clocks->agreed_samples = samples;
    clocks->is_in_use = true;
}

uint64_t hop_perf_clocks_collect(struct hop_perf_clocks *clocks, const struct hop_crew *crew,
                                 struct hop_roster *roster, uint64_t now_ns, uint64_t samples)
{
    if (clocks->is_under_way && !hop_crew_is_on_errand(crew))
        take_over(clocks, roster, samples);
    if (now_ns < clocks->compare_due_ns || clocks->is_given_up)
        return 0;
    clocks->compare_due_ns = now_ns + COMPARE_NS;
    if (compare_some(clocks, roster, samples))
        return 0;
    give_up(clocks, roster);
    return samples - clocks->agreed_samples;
}

void hop_perf_clocks_end(struct hop_perf_clocks *clocks)
{
    if (clocks->is_under_way)
        hop_task_deinit(&clocks->task);
    clocks->is_under_way = false;
}
