/* Objects on a foreign heap that lead from one to the next, read without a call for each: the pages
 * where they were lately are read at once, before the chain is followed. It knows addresses and
 * bytes only.
 *
 * A heap gives out the same few pages again and again, and some eight objects of 3.8's frames fit
 * into one. So most of a chain is found in them, also where each object has moved since; and a page
 * in one span costs the kernel about as much as one object in it. */
#ifndef HOP_MEM_OBJECT_PAGES_H
#define HOP_MEM_OBJECT_PAGES_H

#include "mem/reader.h"

/* Pages that are remembered, each a span at worst: of some 8,000 frames, or 1,000 thread states. */
enum { HOP_OBJECT_PAGES_MAX = 1000 };

/* A part of a page, in bytes from the page's start. It may go on into the next page, where an
 * object does that begins in this one. */
struct hop_page_part {
    uint32_t first, end; /* equal: none */
};

struct hop_object_page {
    uint64_t addr;
    /* By whom objects in it were asked for, and where: in this age and in the last one. */
    uint64_t askers[2];
    struct hop_page_part asked[2];
    struct hop_page_part in_hand; /* what was read since open */
    uint32_t at;                  /* where in bytes that part begins */
    uint64_t span_addr;           /* where the span began that was read for it last */
};

enum { HOP_PAGE_ASKERS = 64 };

struct hop_object_pages {
    struct hop_reader base; /* for who asks for whole objects, one a span, within a round */
    struct hop_reader *reader;
    uint64_t asker; /* of the round: its bit */
    unsigned rounds[HOP_PAGE_ASKERS];
    struct hop_object_page *pages; /* [HOP_OBJECT_PAGES_MAX] */
    size_t count;
    size_t sorted_count; /* of them in the order of their addresses: those before this round */
    uint16_t *found;     /* by a hash of the address: which of the pages, + 1; 0: none */
    struct hop_object_page stray; /* the last one that there was no room for */
    struct hop_span *spans;
    uint8_t *bytes;
    size_t byte_count;
    unsigned misses; /* in this round: objects that were not in hand */
    uint64_t calls;  /* of the reader, for the statistics */
};

/* False: out of memory. The reader is kept. */
bool hop_object_pages_init(struct hop_object_pages *pages, struct hop_reader *reader);
void hop_object_pages_deinit(struct hop_object_pages *pages);

/* Begins a round: fills `first`, and reads the pages in which `asker` (any number, of a thread,
 * say) asked for objects lately. False: `first` could not be filled. */
bool hop_object_pages_open(struct hop_object_pages *pages, uint64_t asker,
                           const struct hop_span *first);

/* The `size` bytes (at most HOP_OBJECT_BYTES_MAX) at `addr`: as of the round's start, or read now.
 * NULL: not to be read. Valid until the next call. */
enum { HOP_OBJECT_BYTES_MAX = 1024 };
const uint8_t *hop_object_pages_find(struct hop_object_pages *pages, uint64_t addr, size_t size);

/* Where the span began in which the bytes at `addr` were read last. */
uint64_t hop_object_pages_span_of(const struct hop_object_pages *pages, uint64_t addr);

#endif
