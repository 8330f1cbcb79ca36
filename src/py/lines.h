/* Line tables of code objects: which line (and columns, 3.11+) an instruction belongs to. Pure: it
 * works on bytes that were copied from the target, and trusts none of them. */
#ifndef HOP_PY_LINES_H
#define HOP_PY_LINES_H

#include "py/layout.h"

/* 0 means unknown for lines (a code object may say "no line"); columns are UTF-8 byte offsets in
 * the line from 0, as co_positions() gives, -1 where unknown. */
struct hop_position {
    int line, end_line;
    int column, end_column;
};

/* The position of the instruction at byte `offset` of the bytecode (co_code, caches included).
 * A table that is broken or too short gives all unknown. */
struct hop_position hop_lines_find(enum hop_line_kind kind, const uint8_t *table, size_t size,
                                   int first_line, uint32_t offset);

#endif
