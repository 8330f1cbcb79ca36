/* Keeps the list of a target's Python threads and matches each with its kernel thread. */
#include "sample/roster.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* glibc's struct pthread holds the tid at 0x2d0 on x86-64 and at 0xd0 on aarch64, musl's at 0x30 or
 * 0x38; whatever it is, it lies within the first KiB. Proved or looked for, not assumed. */
enum { PTHREAD_BYTES = 1024 };

bool hop_roster_init(struct hop_roster *roster, const struct hop_process *process,
                     const struct hop_python *python, struct hop_reader *reader)
{
    *roster = (struct hop_roster){
        .process = process, .python = python, .reader = reader, .pthread_tid_offset = -1};
    roster->listed = malloc(HOP_THREADS_MAX * sizeof *roster->listed);
    roster->tids = malloc(HOP_THREADS_MAX * sizeof *roster->tids);
    if (roster->listed && roster->tids && hop_id_table_init(&roster->ns_tids, 64) &&
        hop_object_pages_init(&roster->states, reader))
        return true;
    hop_roster_deinit(roster);
    return false;
}

void hop_roster_deinit(struct hop_roster *roster)
{
    for (size_t i = 0; i < roster->count; i++)
        hop_task_deinit(&roster->entries[i].task);
    free(roster->entries);
    free(roster->seen);
    free(roster->listed);
    free(roster->tids);
    hop_id_table_deinit(&roster->ns_tids);
    hop_object_pages_deinit(&roster->states);
    *roster = (struct hop_roster){0};
}

static bool is_at(const struct hop_roster_entry *entry, uint64_t state_addr)
{
    return entry->state.addr == state_addr && !entry->is_gone;
}

struct hop_roster_entry *hop_roster_find(struct hop_roster *roster, uint64_t state_addr)
{
    /* Thread states are hundreds of bytes. The same few are asked for again and again. */
    uint32_t *found = &roster->found[(state_addr >> 7) % HOP_ROSTER_FOUND];
    if (*found < roster->count && is_at(&roster->entries[*found], state_addr))
        return &roster->entries[*found];
    for (size_t i = 0; i < roster->count; i++) {
        if (!is_at(&roster->entries[i], state_addr))
            continue;
        *found = (uint32_t)i;
        return &roster->entries[i];
    }
    return NULL;
}

/* --- from a thread state to a kernel thread -------------------------------------------------- */

/* Of a target in a PID namespace of its own: its kernel threads, listed when first needed. */
struct kernel_threads {
    bool is_listed;
    size_t count;
};

static void list_threads(struct hop_roster *roster, struct kernel_threads *threads)
{
    if (threads->is_listed)
        return;
    ssize_t count = hop_process_threads(roster->process, roster->tids, HOP_THREADS_MAX, NULL);
    threads->count = count > 0 ? (size_t)count : 0;
    threads->is_listed = true;
}

/* The id of a kernel thread as the target itself knows it. To ask is to read and take apart a file;
 * what was told before may be that of another thread by now, which had the same tid. */
static uint32_t ns_tid_of(struct hop_roster *roster, int tid, bool asks_again)
{
    uint32_t told = asks_again ? HOP_NO_ID : hop_id_table_get(&roster->ns_tids, (uint64_t)tid);
    if (told != HOP_NO_ID)
        return told;
    int ns_tid = hop_process_ns_tid(roster->process, tid);
    if (ns_tid <= 0)
        return HOP_NO_ID;
    (void)hop_id_table_put(&roster->ns_tids, (uint64_t)tid, (uint32_t)ns_tid); /* or asked again */
    return (uint32_t)ns_tid;
}

/* Tids come round again, but not before so many others. */
static void forget_old_ns_tids(struct hop_roster *roster, const struct kernel_threads *threads)
{
    if (roster->ns_tids.used <= 4 * threads->count + 64)
        return;
    hop_id_table_deinit(&roster->ns_tids);
    (void)hop_id_table_init(&roster->ns_tids, 64);
}

static int tid_from_ns(struct hop_roster *roster, struct kernel_threads *threads, uint64_t ns_tid)
{
    if (!ns_tid || ns_tid > INT_MAX)
        return -1;
    if (roster->process->ns_pid == roster->process->pid)
        return hop_process_has_thread(roster->process, (int)ns_tid) ? (int)ns_tid : -1;
    list_threads(roster, threads);
    forget_old_ns_tids(roster, threads);
    for (size_t i = 0; i < threads->count; i++)
        if (ns_tid_of(roster, roster->tids[i], false) == ns_tid &&
            ns_tid_of(roster, roster->tids[i], true) == ns_tid)
            return roster->tids[i];
    for (size_t i = 0; i < threads->count; i++)
        if (ns_tid_of(roster, roster->tids[i], true) == ns_tid)
            return roster->tids[i];
    return -1;
}

enum { COMPARED = 8 }; /* threads that have to agree on where the tid is, at most */

/* Whether the thread has ended since its id was read: it has another one there, or nothing. */
static bool has_ended_since(const struct hop_roster *roster, uint64_t pthread, int32_t offset,
                            uint32_t tid)
{
    uint32_t tid_now;
    return !hop_read(roster->reader, pthread + (uint64_t)offset, &tid_now, sizeof tid_now) ||
           tid_now != tid;
}

/* Whether every one of the threads has at `offset` a different id of an existing thread. One that
 * has ended has 0 there (its thread state may be left over). */
static bool is_tid_offset(struct hop_roster *roster, struct kernel_threads *threads,
                          const uint64_t pthreads[COMPARED], uint8_t bytes[COMPARED][PTHREAD_BYTES],
                          size_t compared, int32_t offset, bool may_have_ended)
{
    size_t found = 0;
    for (size_t i = 0; i < compared; i++) {
        uint32_t tid = hop_u32(bytes[i] + offset);
        if (!tid && may_have_ended)
            continue;
        if (tid_from_ns(roster, threads, tid) < 0) {
            if (may_have_ended && has_ended_since(roster, pthreads[i], offset, tid))
                continue;
            return false;
        }
        for (size_t j = 0; j < i; j++)
            if (hop_u32(bytes[j] + offset) == tid)
                return false;
        found++;
    }
    return found > 0;
}

/* Up to 3.10 CPython keeps only pthread_self(), which points to libc's struct pthread. The place of
 * the tid in it is one of those known, or else the first that can be. Known ones first, because
 * with one thread to go by any small number might be an id, the more so in a PID namespace. */
static bool find_pthread_tid_offset(struct hop_roster *roster, struct kernel_threads *threads,
                                    size_t listed)
{
    static const int32_t known[] = {0x2d0, 0xd0, 0x30, 0x38};
    uint8_t bytes[COMPARED][PTHREAD_BYTES];
    uint64_t pthreads[COMPARED];
    size_t compared = 0;
    for (size_t i = 0; i < listed && compared < COMPARED; i++) {
        /* A state that is being born has the pthread of the thread that makes it. */
        uint64_t pthread = roster->listed[i].pthread;
        bool is_new = true;
        for (size_t j = 0; j < compared; j++)
            is_new &= pthreads[j] != pthread;
        if (is_new && hop_read(roster->reader, pthread, bytes[compared], PTHREAD_BYTES))
            pthreads[compared++] = pthread;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (is_tid_offset(roster, threads, pthreads, bytes, compared, known[i], true)) {
            roster->pthread_tid_offset = known[i];
            return true;
        }
    }
    for (int32_t offset = 0; offset < PTHREAD_BYTES; offset += 4) {
        if (is_tid_offset(roster, threads, pthreads, bytes, compared, offset, false)) {
            roster->pthread_tid_offset = offset;
            return true;
        }
    }
    return false;
}

static int find_tid(struct hop_roster *roster, struct kernel_threads *threads,
                    const struct hop_thread_state *state, size_t listed)
{
    if (roster->python->layout.thread_native_id != HOP_ABSENT)
        return tid_from_ns(roster, threads, state->native_id);
    if (roster->pthread_tid_offset < 0 && !find_pthread_tid_offset(roster, threads, listed))
        return -1;
    uint32_t tid;
    if (!hop_read(roster->reader, state->pthread + (uint64_t)roster->pthread_tid_offset, &tid,
                  sizeof tid))
        return -1;
    return tid_from_ns(roster, threads, tid);
}

/* --- refreshing ------------------------------------------------------------------------------ */

static bool reserve(void **items, size_t *capacity, size_t count, size_t item_bytes)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(*items, wanted * item_bytes);
    if (!grown)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

static bool add_entry(struct hop_roster *roster, const struct hop_thread_state *state, int tid)
{
    if (!reserve((void **)&roster->entries, &roster->capacity, roster->count,
                 sizeof *roster->entries) ||
        !reserve((void **)&roster->seen, &roster->seen_capacity, roster->seen_count,
                 sizeof *roster->seen))
        return false;
    struct hop_seen_thread *seen = &roster->seen[roster->seen_count];
    *seen = (struct hop_seen_thread){.tid = tid, .interpreter_id = state->interpreter_id};
    hop_process_thread_name(roster->process, tid, seen->name, sizeof seen->name);
    struct hop_roster_entry *entry = &roster->entries[roster->count++];
    *entry = (struct hop_roster_entry){
        .state = *state, .index = (uint32_t)roster->seen_count++, .is_listed = true};
    hop_task_init(&entry->task, roster->process, tid);
    return true;
}

uint32_t hop_roster_note_ended(struct hop_roster *roster, int tid, const char name[16])
{
    if (!reserve((void **)&roster->seen, &roster->seen_capacity, roster->seen_count,
                 sizeof *roster->seen))
        return UINT32_MAX;
    struct hop_seen_thread *seen = &roster->seen[roster->seen_count];
    *seen = (struct hop_seen_thread){.tid = tid};
    memcpy(seen->name, name, sizeof seen->name);
    return (uint32_t)roster->seen_count++;
}

static bool is_same_thread(const struct hop_thread_state *a, const struct hop_thread_state *b)
{
    return a->addr == b->addr && a->pthread == b->pthread && a->native_id == b->native_id;
}

/* Up to 3.10 a thread may have all that a state tells in common with one that has ended: where the
 * state lies, and libc's struct pthread, which lies in the stack that it has taken over. */
static bool is_over(const struct hop_roster_entry *entry)
{
    return !entry->state.native_id && !hop_task_exists(&entry->task);
}

/* Thread states come and go in order, so most are found where the last one left off. `is_new`: it
 * was made lately, perhaps. */
static struct hop_roster_entry *find_same(struct hop_roster *roster, size_t known, size_t *hint,
                                          const struct hop_thread_state *state, bool is_new)
{
    for (size_t i = 0; i < known; i++) {
        size_t at = (*hint + i) % known;
        if (!roster->entries[at].is_gone && is_same_thread(&roster->entries[at].state, state) &&
            !(is_new && is_over(&roster->entries[at]))) {
            *hint = (at + 1) % known;
            return &roster->entries[at];
        }
    }
    return NULL;
}

/* Of how many it is asked in one refresh whether their kernel thread still exists: each is a system
 * call of a looker, which holds a CPU. That a thread has ended is also noticed when it is looked
 * at; this is for states that outlive their thread and are never looked at. */
enum { ASKED_A_REFRESH = 64 };

static void drop_ended(struct hop_roster *roster)
{
    size_t kept = 0, first = roster->asked_next;
    for (size_t i = 0; i < roster->count; i++) {
        struct hop_roster_entry *entry = &roster->entries[i];
        bool is_asked = roster->count <= ASKED_A_REFRESH ||
                        (i + roster->count - first) % roster->count < ASKED_A_REFRESH;
        if (entry->is_listed && !entry->is_gone && !(is_asked && !hop_task_exists(&entry->task)))
            roster->entries[kept++] = *entry;
        else
            hop_task_deinit(&entry->task);
    }
    roster->asked_next = first + ASKED_A_REFRESH < kept ? first + ASKED_A_REFRESH : 0;
    roster->count = kept;
}

/* Fills roster->listed. A thousand states are read where they were the last time, with one call. */
static size_t list_states(struct hop_roster *roster, struct hop_interpreter *interpreter)
{
    const struct hop_layout *layout = &roster->python->layout;
    const struct hop_span head = {interpreter->addr + (uint64_t)layout->interp_threads_head, 8,
                                  &interpreter->threads_head_addr};
    if (!hop_object_pages_open(&roster->states, interpreter->addr, &head))
        return 0;
    return hop_thread_states_list(&roster->states.base, layout, interpreter, roster->listed,
                                  HOP_THREADS_MAX);
}

bool hop_roster_refresh(struct hop_roster *roster)
{
    const struct hop_layout *layout = &roster->python->layout;
    struct kernel_threads threads = {0};
    size_t known = roster->count, hint = 0;
    for (size_t i = 0; i < known; i++)
        roster->entries[i].is_listed = false;
    roster->interpreter_count =
        hop_interpreters_list(roster->reader, layout, roster->python->runtime_addr,
                              roster->interpreters, HOP_INTERPRETERS_MAX);
    for (size_t i = 0; i < roster->interpreter_count; i++) {
        size_t listed = list_states(roster, &roster->interpreters[i]);
        for (size_t j = 0; j < listed; j++) {
            struct hop_roster_entry *same =
                find_same(roster, known, &hint, &roster->listed[j], j < ASKED_A_REFRESH);
            if (same) {
                same->is_listed = true;
                continue;
            }
            /* A state without a kernel thread is being born or has died: left for the next time. */
            int tid = find_tid(roster, &threads, &roster->listed[j], listed);
            if (tid > 0 && !add_entry(roster, &roster->listed[j], tid))
                return false;
        }
    }
    drop_ended(roster);
    return true;
}

/* Up to 3.11 a state that is being born has the ids of the thread that makes it, which has one of
 * its own in the same interpreter. */
static bool is_being_born(const struct hop_roster *roster, const struct hop_thread_state *state)
{
    for (size_t i = 0; i < roster->count; i++) {
        const struct hop_thread_state *other = &roster->entries[i].state;
        if (other->pthread == state->pthread && other->native_id == state->native_id &&
            other->interpreter_id == state->interpreter_id && !roster->entries[i].is_gone &&
            !is_over(&roster->entries[i]))
            return true;
    }
    return false;
}

/* A burst of births; more than that are not worth a call each. */
enum { BORN_MAX = 64 };

/* Those of one interpreter. False: they do not lead to a state that is known. */
static bool add_born(struct hop_roster *roster, struct kernel_threads *threads, size_t known,
                     struct hop_interpreter *interpreter)
{
    const struct hop_layout *layout = &roster->python->layout;
    uint64_t addr, head_addr = interpreter->addr + (uint64_t)layout->interp_threads_head;
    size_t hint = 0;
    if (!hop_read_u64(roster->reader, head_addr, &addr))
        return false;
    interpreter->threads_head_addr = addr;
    for (size_t i = 0; addr && i < BORN_MAX; i++) {
        struct hop_thread_state *state = &roster->listed[i];
        if (!hop_thread_state_read(roster->reader, layout, interpreter, addr, state, &addr))
            return false;
        if (find_same(roster, known, &hint, state, true))
            return true;
        if (is_being_born(roster, state)) {
            interpreter->threads_head_addr = 0; /* to be asked again */
            continue;
        }
        int tid = find_tid(roster, threads, state, i + 1);
        if (tid > 0 && !add_entry(roster, state, tid))
            return false;
    }
    return !addr;
}

bool hop_roster_add_born(struct hop_roster *roster)
{
    struct kernel_threads threads = {0};
    size_t known = roster->count;
    bool are_all_known = true;
    for (size_t i = 0; i < roster->interpreter_count; i++)
        are_all_known &= add_born(roster, &threads, known, &roster->interpreters[i]);
    return are_all_known;
}
