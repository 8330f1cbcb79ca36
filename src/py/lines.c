/* Goes through a version's line table. The formats themselves are in lines_pairs.c (up to 3.10) and
 * lines_locations.c (3.11 on). */
#include "py/lines.h"

#include "py/lines_formats.h"

void hop_lines_init(struct hop_lines *lines, enum hop_line_kind kind, const uint8_t *table,
                    size_t size, int first_line)
{
    *lines = (struct hop_lines){
        .kind = kind,
        .next = table,
        .end = size ? table + size : table,
        .line = first_line,
        .position = HOP_POSITION_UNKNOWN,
    };
}

static bool next_range(struct hop_lines *lines)
{
    switch (lines->kind) {
    case HOP_LINES_LNOTAB:
        return hop_lines_next_lnotab(lines);
    case HOP_LINES_310:
        return hop_lines_next_310(lines);
    case HOP_LINES_LOCATIONS:
        return hop_lines_next_location(lines);
    }
    return false;
}

struct hop_position hop_lines_at(struct hop_lines *lines, uint32_t offset)
{
    while (lines->range_end <= offset) {
        if (!next_range(lines)) {
            lines->position = HOP_POSITION_UNKNOWN;
            lines->range_end = UINT64_MAX;
        }
    }
    return lines->position;
}

struct hop_position hop_lines_find(enum hop_line_kind kind, const uint8_t *table, size_t size,
                                   int first_line, uint32_t offset)
{
    struct hop_lines lines;
    hop_lines_init(&lines, kind, table, size, first_line);
    return hop_lines_at(&lines, offset);
}
