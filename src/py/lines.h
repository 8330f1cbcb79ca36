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

/* A way through a table, range by range; private to lines*.c. */
struct hop_lines {
    enum hop_line_kind kind;
    const uint8_t *next, *end;
    int64_t line;                 /* the running line */
    uint64_t range_end;           /* bytes of bytecode */
    struct hop_position position; /* of what is before range_end */
};

/* The table must outlive *lines. */
void hop_lines_init(struct hop_lines *lines, enum hop_line_kind kind, const uint8_t *table,
                    size_t size, int first_line);

/* The position of the instruction at byte `offset` of the bytecode (co_code, caches included), at
 * or behind the last one asked for. A table that is broken or too short gives all unknown. */
struct hop_position hop_lines_at(struct hop_lines *lines, uint32_t offset);

/* The same for one alone. */
struct hop_position hop_lines_find(enum hop_line_kind kind, const uint8_t *table, size_t size,
                                   int first_line, uint32_t offset);

#endif
