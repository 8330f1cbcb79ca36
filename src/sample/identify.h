/* From addresses to instructions: which code object each frame of a stack runs, that it still is
 * the one known at that address, and which opcode stands at the frame's instruction. Memory of the
 * target is read, so it has to be done while the thread stands still. */
#ifndef HOP_SAMPLE_IDENTIFY_H
#define HOP_SAMPLE_IDENTIFY_H

#include "base/step.h"
#include "py/code.h"
#include "py/qualname.h"
#include "py/stack.h"

struct hop_identifier {
    struct hop_code_table *table;
    struct hop_reader *reader; /* for the checks; new code objects are read by the table's own */
    struct hop_step *frames;   /* [HOP_DEPTH_MAX], innermost first: the last stack's result */
    uint32_t *opcode_at;       /* [HOP_DEPTH_MAX], by frame: where in bytes its opcode is */
    uint64_t round; /* counts batches; marks below are of the batch whose number they carry */
    struct hop_code_mark *marks; /* [mark_capacity], by code id */
    size_t mark_capacity;
    /* What was read of a code object is believed for so long, while `generation` stays the same.
     * 0: never, each stack's code objects are all checked. */
    uint64_t trust_ns;
    uint64_t generation;
    uint64_t now_ns;        /* with trust_ns: the user says what time it is */
    struct hop_span *spans; /* [HOP_SPANS_MAX] */
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

/* What was read lately is not believed any more: it was not proved. */
void hop_identifier_distrust(struct hop_identifier *identifier);

/* Fills identifier->frames for the whole stack. New code objects are read and kept. */
enum hop_refusal hop_identify(struct hop_identifier *identifier, const struct hop_raw_stack *stack);

#endif
