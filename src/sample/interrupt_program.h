/* The program that the kernel runs at each interrupt: from the thread that was interrupted to its
 * thread state, and down its frames. */
#ifndef HOP_SAMPLE_INTERRUPT_PROGRAM_H
#define HOP_SAMPLE_INTERRUPT_PROGRAM_H

#include "py/layout.h"

#include <stdbool.h>
#include <stdint.h>

/* What the program is made for. */
struct hop_interrupt_plan {
    const struct hop_layout *layout;
    int pid; /* of the target, in our PID namespace */
    /* That, if it is not the first: st_dev as the kernel has it, and st_ino of /proc/self/ns/pid.
     */
    uint64_t pid_namespace_dev, pid_namespace_ino;
    uint64_t interpreter_addr;
    uint64_t locked_addr, holder_addr; /* of its GIL */
    bool has_own_pids;                 /* it counts threads otherwise than we do */
    int32_t pthread_tid_offset;        /* up to 3.10: see struct hop_roster */
    uint32_t ring_bytes;               /* a power of two, at least 1 MiB */
    /* Maps: one hop_interrupt_scratch a CPU, one hop_interrupt_shared, hop_interrupt_thread by tid,
     * and the records. */
    int scratch, shared, threads, ring;
};

/* Whether frames of this CPython are found by it. */
bool hop_interrupt_can(const struct hop_layout *layout);

/* Its descriptor, or -1 with errno. */
int hop_interrupt_program_load(const struct hop_interrupt_plan *plan);

#endif
