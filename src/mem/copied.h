/* Memory of the target that somebody has copied before: a reader of spans that lie one after the
 * other, each a head and its bytes, up to whole words. What is in none of them is not to be had. */
#ifndef HOP_MEM_COPIED_H
#define HOP_MEM_COPIED_H

#include "mem/reader.h"

struct hop_copied_span {
    uint64_t addr, size;
    uint8_t bytes[];
};

struct hop_copied_reader {
    struct hop_reader base;
    const uint8_t *spans; /* aligned to words */
    size_t size;          /* of all, in bytes */
    size_t found;         /* where the span is that was found last */
};

/* References are kept. A span that is not whole ends them. */
void hop_copied_reader_init(struct hop_copied_reader *copied, const void *spans, size_t size);

#endif
