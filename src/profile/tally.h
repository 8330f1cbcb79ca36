/* Counts stacks: a trie whose nodes are (parent, code, instruction, opcode), one root a thread. It
 * knows numbers only. Bounded memory, reserved at the start; adding allocates nothing. */
#ifndef HOP_PROFILE_TALLY_H
#define HOP_PROFILE_TALLY_H

#include "base/step.h"
#include "profile/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hop_tally_node {
    uint32_t parent; /* index of the calling frame's node; a root is its own parent */
    uint32_t code, unit;
    uint8_t opcode;
    uint64_t self;    /* samples that end here */
    uint64_t self_ns; /* what they stand for */
};

struct hop_tally; /* private to tally.c */

/* The most nodes: 2^24 nodes are about 740 MB, more than a profile of any program seen needs by two
 * orders of magnitude. Address space is reserved for them, memory is used as they come. Where not
 * even the address space is to be had (ulimit -v, vm.overcommit_memory=2), the limit is the largest
 * power of two that is, down to HOP_TALLY_NODES_MIN. */
enum { HOP_TALLY_NODES_MAX = 1 << 24, HOP_TALLY_NODES_MIN = 1 << 10 };

struct hop_tally *hop_tally_create(void); /* NULL: out of memory */
struct hop_tally *hop_tally_create_limited(size_t nodes_max);
void hop_tally_destroy(struct hop_tally *tally); /* NULL is allowed */

/* Takes the memory of the record that each sample adds to, so that none waits for a page while a
 * thread may be held up by it: a megabyte, which takes the kernel some 300 µs. */
void hop_tally_take_memory(struct hop_tally *tally);

/* Adds a sample to the stack of `thread` (an index the caller gives out, from 0), taken at instant
 * number `tick` and standing for `weight_ns`. Steps are innermost first, depth >= 1. False: the
 * limit is reached, nothing was added. */
bool hop_tally_add(struct hop_tally *tally, uint32_t thread, const struct hop_step *steps,
                   size_t depth, uint64_t tick, uint64_t weight_ns);

/* The same of who knows that the `same` outermost steps are those of the last stack that was added,
 * which was of the same thread. */
bool hop_tally_add_next(struct hop_tally *tally, uint32_t thread, const struct hop_step *steps,
                        size_t depth, size_t same, uint64_t tick, uint64_t weight_ns);

/* The node in which the last stack added ends, and a way to count that stack again: a thread that
 * has not run since stands where it stood. One sample at each of the `count` instants up to `tick`,
 * each standing for `weight_ns`. */
uint32_t hop_tally_last(const struct hop_tally *tally);
void hop_tally_again(struct hop_tally *tally, uint32_t node, uint64_t count, uint64_t tick,
                     uint64_t weight_ns);

/* Of all samples: what they stand for, and whether each stands for as much as any other. */
struct hop_weights {
    uint64_t least_ns, most_ns;
    double sum_ns, sum_of_squares; /* ns, ns² */
};
struct hop_weights hop_tally_weights(const struct hop_tally *tally);

/* When the samples were. Valid until the next add. */
const struct hop_trace *hop_tally_trace(const struct hop_tally *tally);

/* All nodes: a parent stands before its children. Roots have code UINT32_MAX and unit = thread.
 * Valid until the next add. */
const struct hop_tally_node *hop_tally_nodes(const struct hop_tally *tally, size_t *count);

#endif
