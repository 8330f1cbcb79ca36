/* The location table of 3.11 and later (co_linetable, PEP 657): one entry a range of code units,
 * with lines and columns. The format is told in CPython's Objects/locations.md (3.11–3.13) and
 * InternalDocs/code_objects.md (3.14 on). */
#include "py/lines_formats.h"

/* An entry begins with a byte 1ccccnnn: its form c, and its length less one in code units. */
enum entry_form {
    /* 0–9: short, columns below 80 on the same line */
    FORM_ONE_LINE_FIRST = 10, /* 10–12: step to the line = form − 10, then two bytes of columns */
    FORM_ONE_LINE_LAST = 12,
    FORM_NO_COLUMNS = 13,
    FORM_LONG = 14,
    FORM_NONE = 15,
};

enum { CODE_UNIT_BYTES = 2 };

/* A cursor that remembers having run past the end instead of doing so. */
struct cursor {
    const uint8_t *next, *end;
    bool is_broken;
};

static unsigned next_byte(struct cursor *cursor)
{
    /* The high bit marks an entry's first byte; within an entry it is always clear. */
    if (cursor->next == cursor->end || *cursor->next & 0x80) {
        cursor->is_broken = true;
        return 0;
    }
    return *cursor->next++;
}

/* Six bits a byte, the lowest first; bit 6 says that more follow. */
static uint32_t next_varint(struct cursor *cursor)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 32; shift += 6) {
        unsigned byte = next_byte(cursor);
        value |= (uint32_t)(byte & 0x3f) << shift;
        if (!(byte & 0x40))
            return value;
    }
    cursor->is_broken = true;
    return 0;
}

/* The lowest bit is the sign. */
static int64_t next_signed_varint(struct cursor *cursor)
{
    uint32_t value = next_varint(cursor);
    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

static int column_or_unknown(int64_t column)
{
    return column >= 0 && column <= INT_MAX ? (int)column : -1;
}

/* Decodes the rest of an entry of this form. *line is the running line, stepped on. */
static struct hop_position next_position(struct cursor *cursor, unsigned form, int64_t *line)
{
    struct hop_position position = HOP_POSITION_UNKNOWN;
    if (form == FORM_NONE)
        return position;

    int64_t lines = 0; /* end_line − line */
    if (form == FORM_LONG) {
        *line += next_signed_varint(cursor);
        lines = next_varint(cursor);
        position.column = column_or_unknown((int64_t)next_varint(cursor) - 1);
        position.end_column = column_or_unknown((int64_t)next_varint(cursor) - 1);
    } else if (form == FORM_NO_COLUMNS) {
        *line += next_signed_varint(cursor);
    } else if (form >= FORM_ONE_LINE_FIRST) {
        *line += form - FORM_ONE_LINE_FIRST;
        position.column = (int)next_byte(cursor);
        position.end_column = (int)next_byte(cursor);
    } else {
        unsigned columns = next_byte(cursor);
        position.column = (int)(form << 3 | columns >> 4);
        position.end_column = position.column + (int)(columns & 0xf);
    }
    position.line = hop_line_or_unknown(*line);
    position.end_line = hop_line_or_unknown(*line + lines);
    return position;
}

bool hop_lines_next_location(struct hop_lines *lines)
{
    struct cursor cursor = {lines->next, lines->end, false};
    if (cursor.next == cursor.end)
        return false;
    unsigned head = *cursor.next++;
    if (!(head & 0x80))
        return false;
    lines->position = next_position(&cursor, head >> 3 & 0xf, &lines->line);
    lines->next = cursor.next;
    lines->range_end += ((head & 7) + 1) * CODE_UNIT_BYTES;
    return !cursor.is_broken;
}
