/* When the samples were that a tally counts: a bounded record of the run, from which a report can
 * see how the samples of whatever it joins hang together in time (a program stays where it is for a
 * while, then is elsewhere).
 *
 * Time is counted in blocks of ticks. At first a block is one tick. When the room is full, blocks
 * are joined two by two; and when that would leave too few blocks to tell anything, as there are so
 * many different stacks in each, every other one is forgotten. So a run of any length has its
 * place, and adding a sample takes the same short time on the average. */
#ifndef HOP_PROFILE_TRACE_H
#define HOP_PROFILE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The samples of one block that end in one node. There may be several for the same. */
struct hop_trace_record {
    uint32_t node, block;
    double weight_ns;
};

/* A minute at 1 kHz before blocks are joined; a megabyte. */
enum { HOP_TRACE_RECORDS_MAX = 1 << 16 };

/* As many blocks are kept at the least, of a run that has had as many: enough to tell how much
 * blocks differ. */
enum { HOP_TRACE_BLOCKS_MIN = 64 };

struct hop_trace {
    struct hop_trace_record *records;
    size_t count, limit;
    uint32_t *last_of; /* by node: the index of its last record, if it is still there */
    uint32_t newest_block;
    unsigned block_shift; /* a block is 2^block_shift ticks */
    uint32_t stride;      /* only blocks whose number is a multiple of it are kept */
    uint64_t rewrites;    /* how often records were changed otherwise than by adding */
    bool is_given_up;     /* not even one block has its place; there are no records */
};

/* The memory is the caller's, zero at first: `records` for `limit` of them, `last_of` for as many
 * nodes as there may be. */
void hop_trace_init(struct hop_trace *trace, struct hop_trace_record *records, size_t limit,
                    uint32_t *last_of);

/* A sample that ends in `node` at each of the `count` (>= 1) ticks up to `tick`, standing for
 * `weight_ns` each. */
void hop_trace_add(struct hop_trace *trace, uint32_t node, uint64_t count, uint64_t tick,
                   uint64_t weight_ns);

#endif
