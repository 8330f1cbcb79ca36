/* The memory that somebody is likely to want next, read with one system call: spans that were
 * wanted lately, for one instant or for several that follow each other. It knows addresses and
 * bytes only.
 *
 * To begin a call of process_vm_readv is a good part of its cost: to read a thread's stack for some
 * instants with one call is cheaper than with as many calls. The kernel fills the spans one
 * after the other, so that each copy is of an instant of its own. */
#ifndef HOP_MEM_AHEAD_H
#define HOP_MEM_AHEAD_H

#include "mem/reader.h"

/* As many as the stack chunks of some 30,000 frames; what is not among them is read when it is
 * asked for. */
enum { HOP_AHEAD_SPANS = 256, HOP_AHEAD_BYTES = 4 << 20 };

struct hop_ahead_span {
    uint64_t addr;
    uint32_t size; /* to be read the next time */
    uint32_t used; /* of that, as much was wanted lately */
    uint32_t held; /* of what is in hand */
    uint32_t at;   /* in a copy */
    uint32_t idle; /* rounds since it was wanted last */
};

struct hop_ahead {
    struct hop_reader *reader;
    struct hop_ahead_span spans[HOP_AHEAD_SPANS];
    size_t count; /* 0: nothing is known yet */
    uint8_t *bytes;
    size_t copy_bytes;
    size_t copies; /* in hand: instants that were read with one call */
    size_t copy;   /* the one in use */
    size_t found;  /* the span that was found last */
    uint32_t rounds;
    struct hop_span *asked; /* [HOP_SPANS_MAX] */
    uint64_t calls;         /* of the reader, for the statistics */
};

/* False: out of memory. The reader is kept. */
bool hop_ahead_init(struct hop_ahead *ahead, struct hop_reader *reader);
void hop_ahead_deinit(struct hop_ahead *ahead);

/* Begins a round for who always wants `size` bytes at `addr`, and is told from others by that. The
 * next copy in hand is used, or else up to `copies` are read. False: not even these bytes are to be
 * had. */
bool hop_ahead_open(struct hop_ahead *ahead, uint64_t addr, size_t size, size_t copies);

/* The span in hand that has those bytes, or NULL; and where its bytes are, in this round. */
const struct hop_ahead_span *hop_ahead_find(struct hop_ahead *ahead, uint64_t addr, size_t size);
static inline const uint8_t *hop_ahead_bytes(const struct hop_ahead *ahead,
                                             const struct hop_ahead_span *span)
{
    return ahead->bytes + ahead->copy * ahead->copy_bytes + span->at;
}

/* The span that was found last is of use up to `end_addr`. */
static inline void hop_ahead_use(struct hop_ahead *ahead, uint64_t end_addr)
{
    struct hop_ahead_span *span = &ahead->spans[ahead->found];
    if (end_addr - span->addr > span->used && end_addr - span->addr <= span->held)
        span->used = (uint32_t)(end_addr - span->addr);
}

/* They were not in hand: to be read from now on, and `slack` bytes behind them at first. */
void hop_ahead_want(struct hop_ahead *ahead, uint64_t addr, size_t size, size_t slack);

/* How many copies in hand have not been used yet. */
static inline size_t hop_ahead_left(const struct hop_ahead *ahead)
{
    return ahead->copies ? ahead->copies - 1 - ahead->copy : 0;
}

/* All that is in hand is of the past. */
void hop_ahead_drop(struct hop_ahead *ahead);

/* The span that is read before all others; 0: none but that of `addr`. */
uint64_t hop_ahead_first_addr(const struct hop_ahead *ahead);

#endif
