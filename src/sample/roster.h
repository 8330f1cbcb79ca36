/* The threads of a target that have a Python thread state: which kernel thread each is, and what is
 * remembered of each from one look to the next. */
#ifndef HOP_SAMPLE_ROSTER_H
#define HOP_SAMPLE_ROSTER_H

#include "base/id_table.h"
#include "mem/object_pages.h"
#include "py/find.h"
#include "py/threads.h"
#include "sample/standstill.h"

struct hop_roster_entry {
    struct hop_thread_state state;
    struct hop_task task;
    uint32_t index; /* of hop_roster.seen: its place in tallies, never given out again */
    bool is_listed; /* while a refresh is under way: found again */
    bool is_gone;   /* its kernel thread was found to have ended; the next refresh drops it */
    bool is_left;   /* its kernel thread is in another interpreter just now */
    bool is_asleep; /* it slept when `asleep_at` was read */
    struct hop_standstill asleep_at;
    bool was_taken; /* a sample of it was taken at `taken_at` */
    struct hop_standstill taken_at;
    bool is_found_still; /* it was there after `taken_at` and had not run: is_asleep is so since */
    bool was_refused;    /* it was seen at `refused_at`, and what it showed was not understood */
    struct hop_standstill refused_at;
    bool has_place; /* the sink has counted that sample at `place` */
    uint32_t place;
    uint64_t visited_tick; /* the last tick that was counted for it */
    uint64_t visited_ns;   /* hop_sampler.passed_ns at that tick */
    uint64_t turn_tick;    /* the last tick in which it had its turn */
    bool is_awake_listed;  /* in the list of sample/turns.h */
    uint32_t proved_count; /* looks proved by its schedstat, up to a number */
    bool has_asked_for_perf;
    bool is_known_to_interrupts;
    uint64_t interrupts, idle;   /* way interrupt: at which it was seen, and at which it was not */
    struct hop_task_times times; /* when its clocks were last compared; runs 0: not yet */
};

/* A thread that was ever seen. */
struct hop_seen_thread {
    int tid; /* in our PID namespace */
    uint64_t interpreter_id;
    char name[16]; /* comm, raw: TASK_COMM_LEN of the kernel */
};

enum { HOP_ROSTER_FOUND = 64 };

struct hop_roster {
    const struct hop_process *process;
    const struct hop_python *python;
    struct hop_reader *reader;
    struct hop_object_pages states; /* where thread states are */
    struct hop_interpreter interpreters[HOP_INTERPRETERS_MAX];
    size_t interpreter_count;
    struct hop_roster_entry *entries;
    size_t count, capacity;
    size_t asked_next; /* of the entries: where to go on asking whether threads exist */
    struct hop_seen_thread *seen;
    size_t seen_count, seen_capacity;
    struct hop_thread_state *listed;  /* room for a list of thread states */
    int *tids;                        /* room for a list of kernel threads */
    struct hop_id_table ns_tids;      /* by tid: as the target knows it, when it was asked last */
    uint32_t found[HOP_ROSTER_FOUND]; /* by a hash of the address: the entry found there last */
    int32_t pthread_tid_offset; /* 3.8–3.10: where struct pthread of the target's libc keeps the
                                   tid; -1: not found out yet */
};

/* False: out of memory. The references are kept. */
bool hop_roster_init(struct hop_roster *roster, const struct hop_process *process,
                     const struct hop_python *python, struct hop_reader *reader);
void hop_roster_deinit(struct hop_roster *roster);

/* Brings the entries up to date: new threads are added, ended ones removed. Pointers to entries are
 * void afterwards. False: out of memory. */
bool hop_roster_refresh(struct hop_roster *roster);

/* Adds the threads that were born since: their states are at the head of their interpreter's list,
 * before the newest one that is known. False: that was not found, or there is no memory; what was
 * added is right, and the roster is to be refreshed. Pointers to entries are void afterwards. */
bool hop_roster_add_born(struct hop_roster *roster);

/* A thread that had a thread state and has ended, before it was listed: its place in tallies, or
 * UINT32_MAX where there is no memory. `name` as in struct hop_seen_thread. */
uint32_t hop_roster_note_ended(struct hop_roster *roster, int tid, const char name[16]);

/* The entry of a thread state, or NULL; none of a thread that is gone. */
struct hop_roster_entry *hop_roster_find(struct hop_roster *roster, uint64_t state_addr);

#endif
