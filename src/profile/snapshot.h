/* A snapshot: every thread's stack at one look, for `dump`. Plain data, as the profile is. */
#ifndef HOP_PROFILE_SNAPSHOT_H
#define HOP_PROFILE_SNAPSHOT_H

#include "base/arena.h"
#include "base/status.h"

struct hop_snapshot_thread {
    int tid;
    const char *name;  /* raw */
    const char *state; /* "running", "sleeping", … and what it does with the GIL: see `has_gil` */
    bool has_gil;
    uint64_t interpreter;                 /* its interpreter's id, 0 for the main one */
    const char *refused;                  /* why its stack could not be proved, or NULL */
    const struct hop_instruction *frames; /* innermost first; self and on_stack are 0 */
    size_t frame_count;
};

struct hop_snapshot {
    struct hop_arena arena;
    int pid;
    const char *python;
    const char *command_line;
    struct hop_snapshot_thread *threads;
    size_t thread_count;
};

#endif
