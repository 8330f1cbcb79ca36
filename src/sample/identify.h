/* From addresses to instructions: which code object each frame of a stack runs, that it still is
 * the one known at that address, and which opcode stands at the frame's instruction. Memory of the
 * target is read, so it has to be done while the thread stands still. */
#ifndef HOP_SAMPLE_IDENTIFY_H
#define HOP_SAMPLE_IDENTIFY_H

#include "base/step.h"
#include "py/code.h"
#include "py/qualname.h"
#include "py/stack.h"

/* Of the last stack that was identified. */
struct hop_identifier_kept {
    size_t depth;                  /* 0: nothing is kept */
    uint64_t serial;               /* of the stack */
    uint64_t generation, since_ns; /* when their opcodes were read */
    uint32_t counter;
};

struct hop_identifier {
    struct hop_code_table *table;
    struct hop_reader *reader; /* for the checks; new code objects are read by the table's own */
    struct hop_step *frames;   /* innermost first: the last stack's result */
    bool has_trampolines;      /* of the last stack: hop_code_is_trampoline */
    uint32_t *opcode_at;       /* [HOP_DEPTH_MAX], by frame: where in bytes its opcode is */
    uint64_t round; /* counts batches; marks below are of the batch whose number they carry */
    struct hop_code_mark *marks; /* [mark_capacity], by code id */
    size_t mark_capacity;
    /* What was read of a code object is believed for so long, while `generation` stays the same.
     * 0: never, each stack's code objects are all checked. */
    uint64_t trust_ns;
    uint64_t generation;
    bool has_believed; /* at the last look something was found to be the code object known */
    uint64_t now_ns;   /* the user says what time it is */
    /* Where it is counted how many code objects were made (py/version_counter.h), and the count at
     * this stack: what was checked at the same count needs no check. 0: not known. */
    uint64_t counter_addr;
    uint32_t counter;
    uint32_t last_counter; /* when it was read last, at last_counter_ns */
    uint64_t last_counter_ns;
    /* The last stack's frames: those that are outermost in the next one too are not looked up. */
    struct hop_identifier_kept kept;
    /* So many of the outermost steps are, in every member, those of the stack identified before;
     * and how many stacks were, this one included. */
    size_t same;
    uint64_t stacks;
    struct hop_step *all_frames; /* [HOP_DEPTH_MAX]; frames is its end, so that a frame that stays
                                    keeps its place */
    struct hop_span *spans;      /* [HOP_SPANS_MAX] */
    struct hop_pending_check *checks;
    uint8_t *bytes;       /* what a batch reads */
    uint64_t reads;       /* calls of the reader */
    bool wants_qualnames; /* of the last stack: not all are known that may be found */
    struct hop_qualnames qualnames;
};

/* False: out of memory. */
bool hop_identifier_init(struct hop_identifier *identifier, struct hop_code_table *table,
                         struct hop_reader *reader);
void hop_identifier_deinit(struct hop_identifier *identifier);

/* What was read at the last look is not believed: it was not proved. */
void hop_identifier_distrust(struct hop_identifier *identifier);

/* Tries to find where that interpreter counts the code objects made, by the code objects of a
 * stack:
 * ->counter_addr. For interpreters that have the process for themselves. Reads some 200 KiB. */
void hop_identifier_seek_counter(struct hop_identifier *identifier, uint64_t interpreter_addr,
                                 const struct hop_raw_stack *stack);

/* Fills identifier->frames for the whole stack. New code objects are read and kept. */
enum hop_refusal hop_identify(struct hop_identifier *identifier, const struct hop_raw_stack *stack);

#endif
