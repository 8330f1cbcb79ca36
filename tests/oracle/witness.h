/* Registers as a witness: what perf events say of the instructions of a loop. */
#ifndef ORACLE_WITNESS_H
#define ORACLE_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* General registers of the machine, instruction pointer and stack pointer included. */
enum { WITNESS_REGISTERS_MAX = 33 };

struct witness {
    size_t register_count, ip_register;
    size_t sample_count, capacity;
    uint64_t *registers; /* [capacity * register_count] */
    uint64_t lost;       /* samples that the kernel could not deliver */
    char why_not[160];   /* what the kernel says when it does not permit it */
};

/* Takes the registers of thread `tid` in user mode, `rate_hz` times a second of its CPU time, for
 * `seconds`. The kernel's timer interrupts the thread, stores them, and lets it go on; nothing is
 * read from its memory. False: not permitted, or no such machine; witness->why_not says it.
 * witness_free() in any case. */
bool witness_take(struct witness *witness, pid_t tid, double rate_hz, double seconds);
void witness_free(struct witness *witness);

/* The register that points into [start, start + bytes) in most places, and how many samples of it
 * do: in the interpreter's loop that is the one that holds next_instr, whichever the compiler took.
 * (Others hold an address of the loop for long; so it is places that count, not samples.) */
size_t witness_find_register(const struct witness *witness, uint64_t start, uint64_t bytes,
                             size_t *hits);

static inline uint64_t witness_register(const struct witness *witness, size_t sample, size_t n)
{
    return witness->registers[sample * witness->register_count + n];
}

#endif
