/* The three formats of line tables, for lines.c alone, and what they have in common. */
#ifndef HOP_PY_LINES_FORMATS_H
#define HOP_PY_LINES_FORMATS_H

#include "py/lines.h"

#include <limits.h>

#define HOP_POSITION_UNKNOWN ((struct hop_position){.column = -1, .end_column = -1})

/* Step on to the next range: its end and position. False: the table ends, or is broken. */
bool hop_lines_next_lnotab(struct hop_lines *lines);
bool hop_lines_next_310(struct hop_lines *lines);
bool hop_lines_next_location(struct hop_lines *lines);

/* Lines are summed up in 64 bits, which no table that fits into memory overflows; a sum that is no
 * line number means that the table is broken. */
static inline int hop_line_or_unknown(int64_t line)
{
    return line > 0 && line <= INT_MAX ? (int)line : 0;
}

#endif
