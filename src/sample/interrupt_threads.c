/* Which thread a record is of, see interrupt_threads.h. */
#include "sample/interrupt_threads.h"

#include "py/code.h"
#include "sample/tick.h"

/* Threads that are remembered without having been listed. */
enum { ENDED_MAX = 1 << 18 };

bool hop_interrupt_threads_init(struct hop_interrupt_threads *threads,
                                struct hop_interrupts *interrupts)
{
    *threads = (struct hop_interrupt_threads){.interrupts = interrupts};
    return hop_id_table_init(&threads->ended, 16);
}

void hop_interrupt_threads_deinit(struct hop_interrupt_threads *threads)
{
    hop_id_table_deinit(&threads->ended);
}

/* Up to 3.11 a thread state that is being born has the ids of the thread that makes it, which has
 * one of its own already. */
static bool is_anothers(const struct hop_sampler *sampler, const struct hop_roster_entry *entry)
{
    const struct hop_roster *roster = &sampler->roster;
    for (size_t i = 0; sampler->python->layout.minor <= 11 && i < roster->count; i++) {
        const struct hop_roster_entry *other = &roster->entries[i];
        if (other->is_known_to_interrupts && !other->is_gone && other->task.tid == entry->task.tid)
            return true;
    }
    return false;
}

void hop_interrupt_threads_know(struct hop_interrupt_threads *threads, struct hop_sampler *sampler)
{
    for (size_t i = sampler->roster.count; i--;) { /* newer ones are listed before older ones */
        struct hop_roster_entry *entry = &sampler->roster.entries[i];
        if (entry->is_known_to_interrupts || entry->is_gone || is_anothers(sampler, entry))
            continue;
        entry->is_known_to_interrupts = true;
        entry->visited_tick = sampler->counts.ticks;
        hop_interrupts_know_thread(threads->interrupts, entry->task.tid, entry->state.addr);
    }
}

void hop_interrupt_threads_renew(struct hop_interrupt_threads *threads, struct hop_sampler *sampler,
                                 bool has_births)
{
    if (hop_tick_renew(sampler, has_births))
        hop_interrupt_threads_know(threads, sampler);
}

bool hop_interrupt_threads_meet(struct hop_interrupt_threads *threads, struct hop_sampler *sampler,
                                const struct hop_interrupt_record *record)
{
    const struct hop_roster *roster = &sampler->roster;
    uint64_t addr = 0;
    if (!threads->may_read)
        return false;
    hop_interrupt_threads_renew(threads, sampler, true);
    for (size_t i = 0; i < roster->count && !addr; i++) {
        const struct hop_roster_entry *entry = &roster->entries[i];
        if (entry->task.tid == (int)record->tid && entry->is_known_to_interrupts &&
            !entry->is_gone && hop_task_exists(&entry->task))
            addr = entry->state.addr;
    }
    hop_interrupts_know_thread(threads->interrupts, (int)record->tid, addr);
    return addr;
}

static bool is_of(const struct hop_interrupt_record *record, const struct hop_roster_entry *entry)
{
    return entry && entry->state.pthread == record->pthread &&
           (!entry->state.native_id || entry->state.native_id == record->native_id) &&
           entry->task.tid == (int)record->tid;
}

/* A thread that was born and has ended between two visits, or has no thread state any more. It had
 * one then, with its number in it. */
static uint32_t find_ended(struct hop_interrupt_threads *threads, struct hop_sampler *sampler,
                           const struct hop_interrupt_record *record)
{
    int tid = (int)record->tid, ns_tid = tid;
    uint64_t key = record->pthread * HOP_CODE_NUMBER_FACTOR ^ record->tid;
    uint32_t place = hop_id_table_get(&threads->ended, key);
    if (place != HOP_NO_ID)
        return place;
    if (threads->interrupts->plan.has_own_pids)
        ns_tid = hop_process_ns_tid(sampler->process, tid);
    if ((int)record->native_id != ns_tid || threads->ended.used >= ENDED_MAX)
        return UINT32_MAX;
    place = hop_roster_note_ended(&sampler->roster, tid, record->name);
    return place != UINT32_MAX && hop_id_table_put(&threads->ended, key, place) ? place
                                                                                : UINT32_MAX;
}

uint32_t hop_interrupt_threads_find(struct hop_interrupt_threads *threads,
                                    struct hop_sampler *sampler,
                                    const struct hop_interrupt_record *record)
{
    struct hop_roster *roster = &sampler->roster;
    struct hop_roster_entry *entry = hop_roster_find(roster, record->thread_addr);
    if (!is_of(record, entry)) {
        hop_interrupt_threads_renew(threads, sampler, true);
        entry = hop_roster_find(roster, record->thread_addr);
    }
    if (is_of(record, entry)) {
        entry->interrupts++;
        return entry->index;
    }
    if (entry && entry->task.tid == (int)record->tid)
        sampler->refresh_due_ns = 0; /* that is its predecessor's */
    return find_ended(threads, sampler, record);
}

void hop_interrupt_threads_note(struct hop_sampler *sampler,
                                const struct hop_interrupt_record *record)
{
    struct hop_roster_entry *entry = hop_roster_find(&sampler->roster, record->thread_addr);
    if (is_of(record, entry))
        entry->interrupts++;
}
