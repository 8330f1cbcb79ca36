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
bool hop_lines_next_lnotab(struct hop_lines *lines)
{
    lines->position = whole_line(lines->line);
    if (lines->end - lines->next < 2) {
        lines->range_end = UINT64_MAX;
        return true;
    }
    lines->range_end += lines->next[0];
    lines->line += (int8_t)lines->next[1];
    lines->next += 2;
    return true;
}

/* co_linetable of 3.10: a pair is a range of addresses and the step to its line. */
bool hop_lines_next_310(struct hop_lines *lines)
{
    if (lines->end - lines->next < 2)
        return false;
    int step = (int8_t)lines->next[1];
    lines->range_end += lines->next[0];
    if (step != NO_LINE_STEP)
        lines->line += step;
    lines->position = step == NO_LINE_STEP ? HOP_POSITION_UNKNOWN : whole_line(lines->line);
    lines->next += 2;
    return true;
}
