/* One code object, read out of the target whole. For code.c alone. */
#ifndef HOP_PY_CODE_READ_H
#define HOP_PY_CODE_READ_H

#include "py/code.h"

/* Room for the largest code object taken: its bytecode and what it decodes to, two tables of
 * originals, its line table, its names and its operands. */
enum {
    HOP_CODE_SCRATCH_MAX = HOP_CODE_UNITS_MAX * (2 + 9 + 5 + 1) + HOP_LINE_TABLE_MAX + (4 << 20)
};

/* Whether the offsets that hop_code_read and hop_code_identity_from use lie in the header. */
bool hop_code_layout_is_usable(const struct hop_layout *layout);

/* Reads the code object at `addr`; what *code points to is in `arena`. *type_addr is PyCode_Type,
 * or 0 as long as none was seen. Refusals: HOP_REFUSED_UNREADABLE, _NOT_CODE, _BAD_OPCODE,
 * _NO_ROOM. */
enum hop_refusal hop_code_read(struct hop_reader *reader, const struct hop_layout *layout,
                               uint64_t addr, uint64_t *type_addr,
                               struct hop_known_types *constant_types, struct hop_arena *arena,
                               struct hop_code *code);

/* A copy of *code with all it points to, or NULL; a file name that `neighbour` (may be NULL) has,
 * too, is shared with it. */
struct hop_code *hop_code_keep(struct hop_arena *arena, const struct hop_code *code,
                               const struct hop_code *neighbour);

#endif
