/* What the whole target is doing, as cheaply as can be asked at every tick: whether it is still the
 * program that was attached, who holds the GILs, whether threads or interpreters were born. */
#ifndef HOP_SAMPLE_WATCH_H
#define HOP_SAMPLE_WATCH_H

#include "py/find.h"
#include "sample/roster.h"

struct hop_watch {
    const struct hop_process *process;
    const struct hop_python *python;
    struct hop_reader *reader;
    int mem_fd; /* /proc/PID/mem of the program that was attached */
    uint64_t interpreters_head;
    uint64_t holders[HOP_INTERPRETERS_MAX]; /* thread states that hold a GIL */
    size_t holder_count;
};

/* HOP_ERR_PERMISSION with the explanation when its memory may not be read. References are kept. */
enum hop_status hop_watch_init(struct hop_watch *watch, const struct hop_process *process,
                               const struct hop_python *python, struct hop_reader *reader,
                               struct hop_error *err);
void hop_watch_deinit(struct hop_watch *watch);

/* Whether the program that was attached is still there; else *ending tells what became of it. Sets
 * *has_changed when an interpreter was born or ended. */
bool hop_watch_program(struct hop_watch *watch, bool *has_changed, enum hop_ending *ending);

/* Reads all GILs at once. Sets *has_changed when a thread was born, or the list is out of date. */
void hop_watch_gils(struct hop_watch *watch, const struct hop_roster *roster, bool *has_changed);

bool hop_watch_holds_gil(const struct hop_watch *watch, uint64_t state_addr);

/* A kernel thread may have a thread state in several interpreters and runs in one at a time: the
 * one that held a GIL last. Marks the others as left. */
void hop_watch_mark_left(const struct hop_watch *watch, struct hop_roster *roster);

#endif
