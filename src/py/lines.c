/* Picks the decoder of a version's line table. The formats themselves are in lines_pairs.c (up to
 * 3.10) and lines_locations.c (3.11 on). */
#include "py/lines.h"

#include "py/lines_formats.h"

struct hop_position hop_lines_find(enum hop_line_kind kind, const uint8_t *table, size_t size,
                                   int first_line, uint32_t offset)
{
    switch (kind) {
    case HOP_LINES_LNOTAB:
        return hop_lines_find_lnotab(table, size, first_line, offset);
    case HOP_LINES_310:
        return hop_lines_find_310(table, size, first_line, offset);
    case HOP_LINES_LOCATIONS:
        return hop_lines_find_locations(table, size, first_line, offset);
    }
    return HOP_POSITION_UNKNOWN;
}
