/* A small program in fake memory, of any layout: an interpreter, a thread, code objects, and calls
 * of them. */
#ifndef TEST_FAKE_PROGRAM_H
#define TEST_FAKE_PROGRAM_H

#include "support/fake_objects.h"
#include "support/fake_runtime.h"

/* The instructions of its code objects: LOAD_GLOBAL, with its caches where the version has some;
 * EXTENDED_ARG and FOR_ITER; RETURN_VALUE. */
enum { FAKE_INSTRUCTIONS = 3 };

struct fake_program {
    struct hop_layout layout;
    struct fake_memory memory;
    struct fake_reader reader;
    struct fake_runtime runtime;
    uint64_t interpreter_addr;
    struct fake_thread thread;
    struct fake_code code; /* what the next code object is made of */
    uint8_t bytecode[64];
    uint32_t starts[FAKE_INSTRUCTIONS]; /* the instructions' units */
};

void fake_program_start(struct fake_program *program, int minor);
void fake_program_end(struct fake_program *program);

/* A code object of that name, at `addr` (what is there is unmapped) or where it likes if that is 0.
 */
uint64_t fake_program_code(struct fake_program *program, uint64_t addr, const char *name);

/* Calls a function whose code is there, which then stands at that unit. */
void fake_program_call(struct fake_program *program, uint64_t code_addr, uint32_t unit);

/* What a frame says that stands at that unit. */
uint64_t fake_program_ip(const struct fake_program *program, uint64_t code_addr, uint32_t unit);

/* The byte of memory in which that unit's opcode is. */
uint8_t *fake_program_opcode(const struct fake_program *program, uint64_t code_addr, uint32_t unit);

#endif
