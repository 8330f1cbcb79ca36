/* Draws one function's bytecode: its source lines, and under each its instructions. */
#include "live/state.h"

#include "report/numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    TITLE_ROW = 2, /* over the tabs */
    COLUMN_ROW = 3,
    FIRST_ROW = 4,
    PERCENT_WIDTH = 6,
    NOW_COLUMN = 7,
    TEXT_COLUMN = 15,
    OPCODE_WIDTH = 26,
    SOURCE_BYTES_MAX = 4096,
    PLACE_BYTES_MAX = 8192,
};

static void draw_title(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    const struct hop_live_bytecode *bytecode = &state->bytecode;
    int width = hop_terminal_columns(terminal), at = 0;
    for (int i = 0; i < width; i++)
        hop_terminal_put(terminal, TITLE_ROW, i, 1, HOP_PLAIN, " ");
    at += hop_terminal_put(terminal, TITLE_ROW, at, width, HOP_BOLD, bytecode->function);
    at += hop_terminal_print(terminal, TITLE_ROW, at, width - at, HOP_PLAIN, "  %.1f%%  ",
                             100 * bytecode->share);
    if (state->is_paused)
        at += hop_terminal_put(terminal, TITLE_ROW, at, width - at, HOP_HOT | HOP_REVERSE,
                               " paused ") +
              1;
    char place[PLACE_BYTES_MAX];
    int length = snprintf(place, sizeof place, "%s:%d", bytecode->file, bytecode->first_line);
    int room = width - at;
    /* The end of a long path tells more than its beginning. */
    const char *shown =
        length > room && room > 0 && length < (int)sizeof place ? place + length - room : place;
    while (((unsigned char)*shown & 0xc0) == 0x80)
        shown++;
    hop_terminal_put(terminal, TITLE_ROW, at, room, HOP_CALM, shown);
    hop_terminal_put(terminal, COLUMN_ROW, 1, PERCENT_WIDTH, HOP_TITLE, "SHARE");
    hop_terminal_put(terminal, COLUMN_ROW, NOW_COLUMN + 3, PERCENT_WIDTH, HOP_TITLE, "NOW");
    hop_terminal_put(terminal, COLUMN_ROW, TEXT_COLUMN, width, HOP_TITLE,
                     "LINE / OFFSET  INSTRUCTION");
}

static void draw_share(struct hop_terminal *terminal, int row, int column, double share)
{
    if (share > 0)
        hop_terminal_print(
            terminal, row, column, PERCENT_WIDTH, hop_live_look_of(share), "%*s", PERCENT_WIDTH,
            share < .0005 ? "<0.1%" : hop_percent((uint64_t)(share * 1e6 + .5), 1000000).text);
}

static void draw_op(struct hop_terminal *terminal, int row, const struct hop_live_op *shown)
{
    const struct hop_profile_op *op = shown->op;
    int width = hop_terminal_columns(terminal), at = TEXT_COLUMN;
    unsigned look = shown->share > 0 ? HOP_PLAIN : HOP_FAINT;
    hop_terminal_print(terminal, row, at, width - at, HOP_FAINT, "%6" PRIu32, op->offset);
    at += 8;
    hop_terminal_put(terminal, row, at, width - at < OPCODE_WIDTH ? width - at : OPCODE_WIDTH, look,
                     op->opcode);
    at += OPCODE_WIDTH + 1;
    if (op->oparg < 0 || at >= width)
        return;
    at += hop_terminal_print(terminal, row, at, width - at, look, "%" PRId64, op->oparg);
    if (*op->argument) {
        at += hop_terminal_put(terminal, row, at, width - at, HOP_FAINT, " (");
        at += hop_terminal_put(terminal, row, at, width - at, HOP_CALM, op->argument);
        hop_terminal_put(terminal, row, at, width - at, HOP_FAINT, ")");
    }
}

/* "  25  def f(): ...", or the number alone where there is no source. */
static void draw_line(const struct hop_live_bytecode *bytecode, struct hop_terminal *terminal,
                      int row, int line)
{
    int width = hop_terminal_columns(terminal), at = TEXT_COLUMN;
    char text[SOURCE_BYTES_MAX];
    const char *found;
    size_t length;
    /* Looking a file up fills its place in the table of sources. */
    struct hop_sources *sources = (struct hop_sources *)&bytecode->sources;
    const struct hop_source *source = hop_sources_find(sources, bytecode->file);
    at += hop_terminal_print(terminal, row, at, width - at, HOP_BOLD, "%d", line) + 1;
    if (!source || !hop_source_line(source, line, &found, &length))
        return;
    for (; length && (*found == ' ' || *found == '\t'); length--)
        found++;
    if (length >= sizeof text)
        length = sizeof text - 1;
    memcpy(text, found, length);
    text[length] = '\0';
    hop_terminal_put(terminal, row, at, width - at, HOP_BOLD, text);
}

void hop_live_draw_bytecode(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    const struct hop_live_bytecode *bytecode = &state->bytecode;
    size_t room = hop_live_rows_shown(terminal);
    draw_title(state, terminal);
    if (!bytecode->count)
        hop_terminal_put(terminal, FIRST_ROW + 1, 2, hop_terminal_columns(terminal), HOP_FAINT,
                         "Its bytecode is not known.");
    for (size_t i = 0; i < room && bytecode->first + i < bytecode->count; i++) {
        const struct hop_live_op *row = &bytecode->rows[bytecode->first + i];
        int at = FIRST_ROW + (int)i;
        draw_share(terminal, at, 0, row->share);
        draw_share(terminal, at, NOW_COLUMN, row->now);
        if (row->op)
            draw_op(terminal, at, row);
        else
            draw_line(bytecode, terminal, at, row->line);
        if (bytecode->first + i == bytecode->selected)
            hop_terminal_paint(terminal, at, 0, hop_terminal_columns(terminal), HOP_REVERSE);
    }
}
