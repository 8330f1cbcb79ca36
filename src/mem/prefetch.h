/* A reader in front of another one that learns what is read again and again, and reads all of it
 * with one system call at the start of the next round. It knows addresses and bytes only.
 *
 * A call of process_vm_readv costs about as much as several spans in it, and a look at a thread
 * asks four or five times, nearly the same each time. Only its user can say at which moment all of
 * that may be read at once, and when it is no longer what it was. */
#ifndef HOP_MEM_PREFETCH_H
#define HOP_MEM_PREFETCH_H

#include "mem/reader.h"

/* The spans kept: the frames of a deep stack are in a few spans, its code objects in one each. */
enum { HOP_PREFETCH_SPANS = 64, HOP_PREFETCH_BYTES = 32 << 10 };

struct hop_prefetch_span {
    uint64_t addr;
    uint32_t size;
    uint32_t at;     /* in bytes */
    uint8_t idle;    /* rounds since it was asked for last */
    bool is_fetched; /* in this round */
};

struct hop_prefetch {
    struct hop_reader base; /* serves what was fetched, and reads and learns the rest */
    struct hop_reader *source;
    size_t count;
    size_t next; /* the span that is likely asked for next */
    bool is_open;
    struct hop_prefetch_span spans[HOP_PREFETCH_SPANS];
    uint8_t *bytes;
    uint64_t calls; /* of the source, for the statistics */
};

/* False: out of memory. The source is kept. */
bool hop_prefetch_init(struct hop_prefetch *prefetch, struct hop_reader *source);
void hop_prefetch_deinit(struct hop_prefetch *prefetch);

/* Begins a round: reads what was asked for in the last ones, the span that begins at `first_addr`
 * (0: none) before all others. Until the round ends it is served from there, as of now. */
void hop_prefetch_open(struct hop_prefetch *prefetch, uint64_t first_addr);

/* Ends the round: all is read anew, and nothing is learnt. May be called at any time. */
void hop_prefetch_close(struct hop_prefetch *prefetch);

#endif
