/* Opens perf events beside the looking, one at a time, and keeps an eye on their clocks. */
#include "sample/perf_clock.h"

/* An event is for threads that are worth it, and each costs a context switch of its thread some
 * 0.1 µs. Where a dump is to look, few threads are proved, or few times. */
enum { LOOKS_BEFORE_PERF = 64, THREADS_WITH_PERF_MAX = 256 };

/* How often a clock is compared with the thread's run time, of one thread at a time. */
static const uint64_t COMPARE_NS = 250 * 1000 * 1000;

/* By the thread that waits in hop_crew_run. */
static void open_one(void *context)
{
    struct hop_perf_clocks *clocks = context;
    clocks->is_fine = clocks->is_fine || hop_perf_clock_is_fine();
    if (clocks->is_fine)
        hop_task_open_perf(&clocks->task); /* or the thread has ended, or is not to be watched */
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
                                     .perf_fd = -1};
    clocks->for_index = entry->index;
    clocks->is_under_way = hop_crew_send(crew, open_one, clocks);
    entry->has_asked_for_perf = clocks->is_under_way;
}

static void give(struct hop_perf_clocks *clocks, struct hop_roster_entry *entry)
{
    /* Opened by its number, which is still its own: by schedstat's descriptor, of itself. */
    if (!hop_task_exists(&entry->task))
        return;
    entry->task.perf_fd = clocks->task.perf_fd;
    clocks->task.perf_fd = -1;
    /* Readings of schedstat are no longer to be compared with. */
    entry->was_taken = entry->is_asleep = false;
    hop_task_times(&entry->task, &entry->times);
}

static void give_up(struct hop_perf_clocks *clocks, struct hop_roster *roster)
{
    clocks->is_given_up = true;
    for (size_t i = 0; i < roster->count; i++) {
        struct hop_roster_entry *entry = &roster->entries[i];
        if (!hop_task_is_provable_anywhere(&entry->task))
            continue;
        hop_task_close_perf(&entry->task);
        entry->was_taken = entry->is_asleep = false;
    }
}

/* Whether a perf clock is fit is the machine's affair, so one thread is asked at a time. */
static void compare_one(struct hop_perf_clocks *clocks, struct hop_roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        struct hop_roster_entry *entry = &roster->entries[i];
        struct hop_task_times now;
        if (!hop_task_is_provable_anywhere(&entry->task) || !hop_task_times(&entry->task, &now))
            continue;
        if (!hop_task_times_agree(&entry->times, &now)) {
            give_up(clocks, roster);
            return;
        }
        if (now.run_ns != entry->times.run_ns) {
            entry->times = now;
            return;
        }
    }
}

void hop_perf_clocks_collect(struct hop_perf_clocks *clocks, const struct hop_crew *crew,
                             struct hop_roster *roster, uint64_t now_ns)
{
    if (clocks->is_under_way && !hop_crew_is_on_errand(crew)) {
        clocks->is_under_way = false;
        clocks->is_given_up = !clocks->is_fine;
        for (size_t i = 0; i < roster->count && clocks->task.perf_fd >= 0; i++)
            if (roster->entries[i].index == clocks->for_index)
                give(clocks, &roster->entries[i]);
        hop_task_deinit(&clocks->task);
    }
    if (now_ns < clocks->compare_due_ns || clocks->is_given_up)
        return;
    clocks->compare_due_ns = now_ns + COMPARE_NS;
    compare_one(clocks, roster);
}

void hop_perf_clocks_end(struct hop_perf_clocks *clocks)
{
    if (clocks->is_under_way)
        hop_task_deinit(&clocks->task);
    clocks->is_under_way = false;
}
