/* Line tables up to 3.10: pairs of an address step and a line step, without columns. */
#include "py/lines_formats.h"

/* In 3.10 a line step of this value says that the range has no line (PEP 626). */
enum { NO_LINE_STEP = -128 };

static struct hop_position whole_line(int64_t line)
{
    struct hop_position position = HOP_POSITION_UNKNOWN;
    position.line = position.end_line = hop_line_or_unknown(line);
    return position;
}

/* co_lnotab (3.8, 3.9): a pair's line step counts from the address it steps to. What is behind the
 * last pair has the last line. Steps of the line are signed since 3.6. */
struct hop_position hop_lines_find_lnotab(const uint8_t *table, size_t size, int first_line,
                                          uint32_t offset)
{
    int64_t line = first_line;
    uint64_t address = 0;
    for (size_t i = 0; i + 2 <= size; i += 2) {
        address += table[i];
        if (address > offset)
            break;
        line += (int8_t)table[i + 1];
    }
    return whole_line(line);
}

/* co_linetable of 3.10: a pair is a range of addresses and the step to its line. */
struct hop_position hop_lines_find_310(const uint8_t *table, size_t size, int first_line,
                                       uint32_t offset)
{
    int64_t line = first_line;
    uint64_t end = 0;
    for (size_t i = 0; i + 2 <= size; i += 2) {
        int step = (int8_t)table[i + 1];
        end += table[i];
        if (step != NO_LINE_STEP)
            line += step;
        if (offset < end)
            return step == NO_LINE_STEP ? HOP_POSITION_UNKNOWN : whole_line(line);
    }
    return HOP_POSITION_UNKNOWN;
}
