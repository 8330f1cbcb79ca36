/* The interpreters and thread states of a CPython, and who holds the GIL. It works on a list that
 * lives: what it returns is a candidate until a stack read through it has been proved. */
#ifndef HOP_PY_THREADS_H
#define HOP_PY_THREADS_H

#include "mem/reader.h"
#include "py/layout.h"

/* More are left out: sub-interpreters are counted in tens; a thread has a stack of its own, so that
 * tens of thousands already fill an address space. Also what ends a list that goes in circles. */
enum { HOP_INTERPRETERS_MAX = 256, HOP_THREADS_MAX = 1 << 16 };

struct hop_interpreter {
    uint64_t addr;
    uint64_t id;                /* 0: the main one */
    uint64_t threads_head_addr; /* the newest thread state: births change it */
};

struct hop_thread_state {
    uint64_t addr;
    uint64_t interpreter_id;
    uint64_t pthread;   /* what pthread_self() is there */
    uint64_t native_id; /* its tid in the target's PID namespace; 0 before 3.11 (not kept) */
};

/* The interpreters, newest first; their number, at most `capacity`; 0 when none can be read. */
size_t hop_interpreters_list(struct hop_reader *reader, const struct hop_layout *layout,
                             uint64_t runtime_addr, struct hop_interpreter *into, size_t capacity);

/* One thread state; *next is the one made before it, or 0. False: it can't be read, or does not
 * point back to the interpreter. */
bool hop_thread_state_read(struct hop_reader *reader, const struct hop_layout *layout,
                           const struct hop_interpreter *interpreter, uint64_t addr,
                           struct hop_thread_state *state, uint64_t *next);

/* The thread states of one interpreter, newest first; their number, at most `capacity`. States that
 * do not point back to the interpreter end the list. */
size_t hop_thread_states_list(struct hop_reader *reader, const struct hop_layout *layout,
                              const struct hop_interpreter *interpreter,
                              struct hop_thread_state *into, size_t capacity);

/* What one GIL says: the thread state that holds it, or 0. */
struct hop_gil {
    uint64_t locked_addr; /* int */
    uint64_t holder_addr; /* pointer */
};

/* Where the GIL lies that this interpreter has of its own. Up to 3.11 there is one for all. An
 * interpreter without a GIL of its own has one that is never locked. */
struct hop_gil hop_gil_of(const struct hop_layout *layout, uint64_t runtime_addr,
                          const struct hop_interpreter *interpreter);

#endif
