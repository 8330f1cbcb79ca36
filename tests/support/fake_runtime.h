/* A CPython in a fake address space, built from any layout: the runtime, interpreters, thread
 * states, and frames that are pushed and popped where the version has them. */
#ifndef TEST_FAKE_RUNTIME_H
#define TEST_FAKE_RUNTIME_H

#include "py/stack.h"
#include "support/fake_memory.h"

struct fake_runtime {
    struct fake_memory *memory;
    const struct hop_layout *layout;
    uint64_t addr;
};

/* One without interpreters. */
void fake_runtime_init(struct fake_runtime *runtime, struct fake_memory *memory,
                       const struct hop_layout *layout);

/* A new interpreter at the head of the list; its address. */
uint64_t fake_interpreter_add(struct fake_runtime *runtime, uint64_t id);

/* What the GIL says that is this interpreter's own (up to 3.11: the one of all). */
void fake_gil_set(const struct fake_runtime *runtime, uint64_t interpreter_addr, uint32_t locked,
                  uint64_t holder_addr);

enum fake_frame_kind {
    FAKE_PLAIN,     /* a call of a function: in the stack chunk from 3.11 on */
    FAKE_GENERATOR, /* a generator's: from 3.11 on in its object */
    FAKE_ENTRY,     /* what 3.12 on has on the C stack below the calls from C; before, nothing */
};

struct fake_frame {
    enum fake_frame_kind kind;
    struct hop_raw_frame raw; /* what a walk should find; of an entry frame only the address */
    uint64_t range_addr;      /* unmapped when it is popped; 0: nothing is */
};

/* Its frames are kept here too, outermost first: what a walk should find. */
struct fake_thread {
    struct fake_memory *memory;
    const struct hop_layout *layout;
    uint64_t addr;
    uint64_t cframe_addr; /* 3.11, 3.12 */
    uint64_t chunk_addr, top_addr, chunk_end_addr;
    struct fake_frame *frames;
    size_t depth, capacity;
    bool keeps_frame_memory; /* 3.8–3.10: frames lie close together and are never unmapped, as with
                                pymalloc; else each has pages of its own */
    uint64_t arena_addr, arena_end_addr;
};

/* A new thread state at the head of its interpreter's list. */
void fake_thread_init(struct fake_thread *thread, const struct fake_runtime *runtime,
                      uint64_t interpreter_addr, uint64_t pthread, uint64_t native_id);
/* Frees what is ours; the fake memory stays as it is. */
void fake_thread_deinit(struct fake_thread *thread);
/* The same thread, in a copy of its memory. */
void fake_thread_copy(struct fake_thread *copy, const struct fake_thread *thread,
                      struct fake_memory *memory);

/* Pushes a frame with `slots` words of variables and stack; its address, 0 where the version has
 * none of that kind. */
uint64_t fake_frame_push(struct fake_thread *thread, enum fake_frame_kind kind, uint64_t code_addr,
                         uint64_t ip, size_t slots);
void fake_frame_pop(struct fake_thread *thread);

/* Makes the frame at `addr` say that it was called by the one at `previous_addr`. */
void fake_frame_link(const struct fake_thread *thread, uint64_t addr, uint64_t previous_addr);

/* Fails the test when `stack` is not what the thread has. */
void assert_stack_of(const struct fake_thread *thread, const struct hop_raw_stack *stack);
bool is_stack_of(const struct fake_thread *thread, const struct hop_raw_stack *stack);

#endif
