/* A reader that stops at a deadline: what is read after it fails. It keeps one who holds a thread
 * up from reading on for as long as the target's memory leads on. */
#ifndef HOP_MEM_TIMED_H
#define HOP_MEM_TIMED_H

#include "mem/reader.h"

struct hop_timed_reader {
    struct hop_reader base;
    struct hop_reader *behind;
    uint64_t deadline_ns; /* of base/clock.h; 0: none */
    bool is_late;         /* something was not read because of it; cleared by who sets it */
};

/* Without a deadline it is `behind` itself. The reference is kept. */
void hop_timed_reader_init(struct hop_timed_reader *timed, struct hop_reader *behind);

#endif
