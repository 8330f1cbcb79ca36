/* One thread's Python frames at one instant, as addresses and numbers. */
#ifndef HOP_PY_STACK_H
#define HOP_PY_STACK_H

#include "mem/reader.h"
#include "py/layout.h"
#include "py/refusal.h"

/* More frames than this are refused as too deep. CPython's own limit is 1,000 by default; programs
 * that raise it to six figures exist, deeper ones are a runaway recursion about to end. */
enum { HOP_DEPTH_MAX = 1 << 17 };

struct hop_raw_frame {
    uint64_t code_addr;
    uint64_t ip; /* as found: an address, or f_lasti sign-extended (layout->ip_kind) */
    uint64_t frame_addr;
    uint64_t previous_addr;   /* where its link to its caller leads, entry frames included */
    uint64_t localsplus_addr; /* where the frame's locals and value stack are */
    uint64_t gen_addr;        /* 3.8–3.10: the generator that owns the frame, or 0 */
    bool is_generator;        /* the frame is owned by a generator or coroutine */
    uint8_t owner;            /* 3.11+: who owns it, as found */
};

/* Innermost first. The frames' memory belongs to whoever made the stack. */
struct hop_raw_stack {
    size_t depth;
    struct hop_raw_frame *frames;
    /* So many of the outermost frames are, in every member, those of the stack whose `serial` is
     * one less. */
    size_t same;
    uint64_t serial;
};

#endif
