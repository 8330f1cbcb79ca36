/* What the arguments of a code object's instructions stand for: its names, variables and constants,
 * kept as text when it is first seen, since the object may be gone when the report is made. */
#ifndef HOP_PY_OPERANDS_H
#define HOP_PY_OPERANDS_H

#include "py/constant.h"

/* The most names, variables, cells and constants kept of one code object, each. */
enum { HOP_OPERANDS_MAX = 4096 };

/* Indexes of hop_operands.counts. */
enum hop_operand_tuple {
    HOP_OPERAND_NAMES,
    HOP_OPERAND_LOCALS, /* from 3.11 on cells and free variables, too */
    HOP_OPERAND_CELLS,  /* 3.8–3.10: cells, then free variables */
    HOP_OPERAND_FREE,   /* they are part of the cells once all is read: 0 */
    HOP_OPERAND_CONSTANTS,
    HOP_OPERAND_TUPLES
};

/* Texts by tuple, in order; text i reaches from ends[i - 1] to ends[i]. UTF-8, not yet safe to
 * show; what could not be read, or is beyond a limit, is empty or not there. */
struct hop_operands {
    uint32_t counts[HOP_OPERAND_TUPLES];
    uint32_t count;     /* of all */
    bool are_all_there; /* nothing was left out because it could not be read */
    const uint32_t *ends;
    const char *text;
};

static inline size_t hop_operands_text_size(const struct hop_operands *operands)
{
    return operands->count ? operands->ends[operands->count - 1] : 0;
}

/* Reads what `header`, the first `header_size` bytes of a code object, points to, into `arena`. As
 * a rule that takes three calls; what can't be read is left out, and nothing is refused. */
void hop_operands_read(struct hop_reader *reader, const struct hop_layout *layout,
                       const uint8_t *header, size_t header_size, struct hop_known_types *types,
                       struct hop_arena *arena, struct hop_operands *operands);

enum { HOP_OPERAND_TEXT_SIZE = 2 * HOP_CONSTANT_SIZE + 64 };

/* Writes what dis shows in brackets for the instruction at `unit` with this base opcode and
 * argument into `text` (HOP_OPERAND_TEXT_SIZE bytes, NUL-ended); "" for nothing. It differs from
 * dis in this:
 * - jumps are "to 84", the offset, in all versions; dis has labels ("to L3") from 3.13 on;
 * - IS_OP and CONTAINS_OP show "is", "not in" in all versions; dis does from 3.14 on;
 * - KW_NAMES shows the names in all of 3.11 and 3.12; dis of 3.11.2 does not;
 * - code objects are without their address, other objects than constants "<TYPE object>";
 * - a text longer than HOP_CONSTANT_BYTES_MAX ends in "…". */
void hop_operand_write(const struct hop_layout *layout, const struct hop_operands *operands,
                       uint32_t unit, uint8_t base, uint32_t argument, char *text);

#endif
