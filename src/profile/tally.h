/* Counts stacks: a trie whose nodes are (parent, code, instruction, opcode), one root a thread. It
 * knows numbers only. Bounded memory, taken at the start; adding allocates nothing. */
#ifndef HOP_PROFILE_TALLY_H
#define HOP_PROFILE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One frame of a stack: which instruction of which code object, under which opcode in memory. */
struct hop_step {
    uint32_t code; /* id in the code table */
    uint32_t unit; /* code unit of the instruction's start */
    uint8_t opcode;
};

struct hop_tally_node {
    uint32_t parent; /* index of the calling frame's node; a root is its own parent */
    uint32_t code, unit;
    uint8_t opcode;
    uint64_t self; /* samples that end here */
};

struct hop_tally; /* private to tally.c */

/* The most nodes: address space is reserved for them, memory is used as they come. */
enum { HOP_TALLY_NODES_MAX = 1 << 24 };

struct hop_tally *hop_tally_create(void); /* NULL: out of memory */
void hop_tally_destroy(struct hop_tally *tally);

/* Adds `count` to the stack of `thread` (an index the caller gives out, from 0). Steps are innermost first, depth ≥ 1.
 * False: the limit is reached, nothing was added. */
bool hop_tally_add(struct hop_tally *tally, uint32_t thread, const struct hop_step *steps,
                   size_t depth, uint64_t count);

/* All nodes: a parent stands before its children. Roots have code UINT32_MAX and unit = thread. */
const struct hop_tally_node *hop_tally_nodes(const struct hop_tally *tally, size_t *count);

#endif
