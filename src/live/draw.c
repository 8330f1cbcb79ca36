/* Draws the live screen: heading, tabs, the table, the foot, the help. Everything is drawn anew
 * into the terminal's grid, which sends only what has changed. */
#include "live/state.h"

#include "report/numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADING_ROWS = 4, /* what is looked at, how, the tabs, the columns' names */
    FOOT_ROWS = 1,
    GAP = 1,
    SHARE_WIDTH = 6,     /* "100.0%" */
    INTERVAL_WIDTH = 12, /* "99.9 - 100.0" */
    TREND_MIN = 8,
    TREND_MAX = 60,
    /* Columns that a narrower terminal goes without. */
    NARROWEST_WITH_NOW = 34,
    NARROWEST_WITH_TREND = 60,
    NARROWEST_WITH_INTERVAL = 72,
};

/* From which share on a row is hot: what a tenth of the time is spent in is worth a look, and what
 * a hundredth is spent in is not. */
static const double HOT = .10, WARM = .02, FAINT = .005;

unsigned hop_live_look_of(double share)
{
    return share >= HOT     ? HOP_HOT
           : share >= WARM  ? HOP_WARM
           : share >= FAINT ? HOP_PLAIN
                            : HOP_FAINT;
}

size_t hop_live_rows_shown(const struct hop_terminal *terminal)
{
    int rows = hop_terminal_rows(terminal) - HEADING_ROWS - FOOT_ROWS;
    return rows > 0 ? (size_t)rows : 0;
}

/* --- the heading ----------------------------------------------------------------------------- */

/* The last look: where a function is open, it has the newer one. */
static const struct hop_profile *newest(const struct hop_live_state *state)
{
    const struct hop_live_bytecode *bytecode = &state->bytecode;
    return bytecode->is_open && bytecode->profile ? bytecode->profile : state->profile;
}

static void draw_target(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    const struct hop_profile *profile = newest(state);
    int width = hop_terminal_columns(terminal), at = 0;
    at += hop_terminal_put(terminal, 0, at, width, HOP_BOLD, "heavyops");
    if (!profile) {
        hop_terminal_put(terminal, 0, at + 2, width - at, HOP_FAINT, "waiting for the first look");
        return;
    }
    at += hop_terminal_print(terminal, 0, at, width - at, HOP_PLAIN, "  pid %d  Python %s  ",
                             profile->pid, profile->python);
    hop_terminal_put(terminal, 0, at, width - at, HOP_CALM, profile->command_line);
}

static void draw_sampling(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    const struct hop_profile *profile = newest(state);
    int width = hop_terminal_columns(terminal), at = 0;
    uint64_t duration_ns = state->options->sampling.duration_ns;
    if (!profile)
        return;
    at += hop_terminal_print(terminal, 1, at, width - at, HOP_PLAIN, "%s",
                             hop_seconds(profile->duration_ns).text);
    if (duration_ns && !state->was_reset)
        at += hop_terminal_print(terminal, 1, at, width - at, HOP_PLAIN, " of %s",
                                 hop_seconds(duration_ns).text);
    at += hop_terminal_print(terminal, 1, at, width - at, HOP_PLAIN, "  %s samples  %s of %s",
                             hop_thousands(profile->samples).text,
                             hop_frequency(profile->true_rate_hz).text,
                             hop_frequency(profile->asked_rate_hz).text);
    uint64_t looks = profile->samples + profile->refused_total;
    at += hop_terminal_print(terminal, 1, at, width - at,
                             profile->refused_total * 100 > looks ? HOP_HOT : HOP_PLAIN,
                             "  refused %s", hop_percent(profile->refused_total, looks).text);
    hop_terminal_print(terminal, 1, at, width - at, HOP_FAINT, "  %s, %s%s", profile->way,
                       profile->mode, state->was_reset ? ", since reset" : "");
}

static void draw_tabs(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    static const char *const names[HOP_LIVE_VIEW_COUNT] = {
        [HOP_LIVE_INSTRUCTIONS] = "Instructions",
        [HOP_LIVE_OPCODES] = "Opcodes",
        [HOP_LIVE_LINES] = "Lines",
        [HOP_LIVE_FUNCTIONS] = "Functions",
        [HOP_LIVE_THREADS] = "Threads",
    };
    int width = hop_terminal_columns(terminal), at = 0, wanted = 0;
    for (int i = 0; i < HOP_LIVE_VIEW_COUNT; i++)
        wanted += (int)strlen(names[i]) + 4;
    for (int i = 0; i < HOP_LIVE_VIEW_COUNT; i++) {
        unsigned look = (int)state->view == i ? HOP_REVERSE : HOP_PLAIN;
        /* Cut to three letters where there is no room for all of it. */
        at += hop_terminal_print(terminal, 2, at, width - at, look,
                                 wanted > width ? "%d%.3s" : " %d %s ", i + 1, names[i]);
        at++;
    }
    if (state->is_paused)
        at += hop_terminal_put(terminal, 2, at, width - at, HOP_HOT | HOP_REVERSE, " paused ") + 1;
    if (*state->filter)
        hop_terminal_print(terminal, 2, at, width - at, HOP_WARM, "/%s", state->filter);
}

void hop_live_draw_heading(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    draw_target(state, terminal);
    draw_sampling(state, terminal);
    draw_tabs(state, terminal);
}

/* --- the table ------------------------------------------------------------------------------- */

/* Where columns begin; 0 width: left out. */
struct columns {
    int interval, total, now, trend, name;
    int trend_width, name_width;
};

static struct columns lay_out(const struct hop_live_state *state, int width)
{
    struct columns columns = {0};
    int at = SHARE_WIDTH + GAP;
    if (width >= NARROWEST_WITH_INTERVAL) {
        columns.interval = at;
        at += INTERVAL_WIDTH + GAP;
    }
    if (state->view == HOP_LIVE_FUNCTIONS && width >= NARROWEST_WITH_TREND) {
        columns.total = at;
        at += SHARE_WIDTH + GAP;
    }
    if (width >= NARROWEST_WITH_NOW) {
        columns.now = at;
        at += SHARE_WIDTH + GAP;
    }
    if (width >= NARROWEST_WITH_TREND) {
        int trend = (width - NARROWEST_WITH_TREND) / 3;
        columns.trend = at;
        columns.trend_width = trend < TREND_MIN ? TREND_MIN : trend > TREND_MAX ? TREND_MAX : trend;
        at += columns.trend_width + GAP;
    }
    columns.name = at;
    columns.name_width = width - at > 0 ? width - at : 0;
    return columns;
}

static unsigned title_look(const struct hop_live_state *state, enum hop_live_order order)
{
    return state->order == order ? HOP_TITLE | HOP_UNDERLINE : HOP_TITLE;
}

static void draw_titles(const struct hop_live_state *state, struct hop_terminal *terminal,
                        const struct columns *columns)
{
    static const char *const names[HOP_LIVE_VIEW_COUNT] = {
        [HOP_LIVE_INSTRUCTIONS] = "LOCATION",
        [HOP_LIVE_OPCODES] = "OPCODE",
        [HOP_LIVE_LINES] = "LINE",
        [HOP_LIVE_FUNCTIONS] = "FUNCTION",
        [HOP_LIVE_THREADS] = "THREAD",
    };
    int row = HEADING_ROWS - 1;
    hop_terminal_put(terminal, row, 1, SHARE_WIDTH, title_look(state, HOP_LIVE_BY_SHARE), "SHARE");
    if (columns->interval)
        hop_terminal_put(terminal, row, columns->interval + 4, INTERVAL_WIDTH, HOP_TITLE, "95 %");
    if (columns->total)
        hop_terminal_put(terminal, row, columns->total + 1, SHARE_WIDTH,
                         title_look(state, HOP_LIVE_BY_TOTAL), "TOTAL");
    if (columns->now)
        hop_terminal_put(terminal, row, columns->now + 3, SHARE_WIDTH,
                         title_look(state, HOP_LIVE_BY_NOW), "NOW");
    if (columns->trend)
        hop_terminal_put(terminal, row, columns->trend, columns->trend_width, HOP_TITLE, "TREND");
    hop_terminal_put(terminal, row, columns->name, columns->name_width,
                     title_look(state, HOP_LIVE_BY_NAME), names[state->view]);
}

/* "12.3%", right-aligned; "-" where nothing is known. */
static void draw_percent(struct hop_terminal *terminal, int row, int column, unsigned look,
                         double share)
{
    if (share < 0)
        hop_terminal_print(terminal, row, column, SHARE_WIDTH, look, "%*s", SHARE_WIDTH, "-");
    else if (share > 0 && share < .0005)
        hop_terminal_print(terminal, row, column, SHARE_WIDTH, look, "%*s", SHARE_WIDTH, "<0.1%");
    else
        hop_terminal_print(terminal, row, column, SHARE_WIDTH, look, "%*.1f%%", SHARE_WIDTH - 1,
                           100 * share);
}

static void draw_row(const struct hop_live_state *state, struct hop_terminal *terminal, int at,
                     const struct columns *columns, const struct hop_live_row *row,
                     const double *trend)
{
    char name[2048], spark[3 * TREND_MAX + 1];
    unsigned look = hop_live_look_of(row->share.share);
    draw_percent(terminal, at, 0, look, row->share.share);
    if (columns->interval)
        hop_terminal_print(terminal, at, columns->interval, INTERVAL_WIDTH, HOP_FAINT, "%*s",
                           INTERVAL_WIDTH, hop_percents(row->share.low, row->share.high).text);
    if (columns->total)
        draw_percent(terminal, at, columns->total, hop_live_look_of(row->total), row->total);
    if (columns->now)
        draw_percent(terminal, at, columns->now, hop_live_look_of(row->now), row->now);
    if (columns->trend) {
        hop_live_spark(trend, (size_t)columns->trend_width, hop_terminal_is_utf8(terminal), spark);
        hop_terminal_put(terminal, at, columns->trend, columns->trend_width, HOP_CALM, spark);
    }
    hop_live_table_name(&state->table, state->profile, row, name, sizeof name);
    hop_terminal_put(terminal, at, columns->name, columns->name_width,
                     look == HOP_FAINT ? HOP_FAINT : HOP_PLAIN, name);
}

static void draw_nothing(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    const char *words = "Nothing was sampled yet.";
    if (*state->filter)
        words = "No row is called so; / and Enter shows all again.";
    else if (state->profile && state->profile->samples)
        words = "Nothing that -i and -f ask for was hit yet.";
    else if (state->profile && state->profile->refused_total)
        words = "Nothing could be proved true yet; see 'refused' above.";
    else if (state->profile && state->profile->idle)
        words = "No thread was busy; '--mode wall' looks at sleeping threads too.";
    hop_terminal_put(terminal, HEADING_ROWS + 1, 2, hop_terminal_columns(terminal) - 2, HOP_FAINT,
                     words);
}

static void draw_table(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    const struct hop_live_table *table = &state->table;
    struct columns columns = lay_out(state, hop_terminal_columns(terminal));
    size_t room = hop_live_rows_shown(terminal);
    draw_titles(state, terminal, &columns);
    if (!table->rows || !table->count) {
        draw_nothing(state, terminal);
        return;
    }
    size_t shown = table->count - state->first < room ? table->count - state->first : room;
    size_t width = (size_t)columns.trend_width;
    double *trends = calloc(shown * width + 1, sizeof *trends);
    if (!trends ||
        !hop_live_table_trends(table, &state->history, state->first, shown, width, trends)) {
        free(trends);
        return;
    }
    for (size_t i = 0; i < shown; i++) {
        int at = HEADING_ROWS + (int)i;
        draw_row(state, terminal, at, &columns, &table->rows[state->first + i], trends + i * width);
        if (state->first + i == state->selected)
            hop_terminal_paint(terminal, at, 0, hop_terminal_columns(terminal), HOP_REVERSE);
    }
    free(trends);
}

/* --- the foot -------------------------------------------------------------------------------- */

static const char *ending_words(const struct hop_live_state *state)
{
    if (!newest(state))
        return "It has ended";
    switch (newest(state)->ending) {
    case HOP_ENDED_EXITED:
        return "The process exited";
    case HOP_ENDED_EXEC:
        return "The process became another program";
    case HOP_ENDED_STOPPED:
        return "Stopped";
    default:
        return "The time is over";
    }
}

void hop_live_draw_foot(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    int row = hop_terminal_rows(terminal) - 1, width = hop_terminal_columns(terminal), at = 0;
    if (state->is_typing) {
        at = hop_terminal_print(terminal, row, 0, width, HOP_BOLD, "/%s", state->typed);
        hop_terminal_put(terminal, row, at + 3, width - at - 3, HOP_FAINT,
                         "Enter shows these, Esc all");
        hop_terminal_cursor(terminal, row, at);
        return;
    }
    if (*state->problem)
        at += hop_terminal_print(terminal, row, at, width, HOP_HOT, "%s  ", state->problem);
    else if (state->is_over)
        at += hop_terminal_print(terminal, row, at, width, HOP_WARM | HOP_BOLD, "%s; q leaves  ",
                                 ending_words(state));
    else
        at += hop_terminal_put(terminal, row, at, width - at, HOP_FAINT, "q quit  ");
    hop_terminal_put(terminal, row, at, width - at, HOP_FAINT,
                     state->bytecode.is_open
                         ? "? help  n next hottest  Esc back  p pause  r reset"
                         : "? help  Tab view  Enter bytecode  / filter  s n a sort  p pause  "
                           "r reset");
}

/* --- the help -------------------------------------------------------------------------------- */

void hop_live_draw_help(struct hop_terminal *terminal)
{
    static const char *const lines[][2] = {
        {"q", "leave"},
        {"Tab, 1 - 5", "what rows are: instructions, opcodes, lines, functions, threads"},
        {"s n t a", "sort by share, now, total (functions), name"},
        {"arrows, j k", "move; Page Up, Page Down, Home, End"},
        {"Enter", "the bytecode of the function, with shares; n: the next hottest"},
        {"Esc", "back; and forget the filter"},
        {"/", "only rows whose name contains what is typed"},
        {"p, Space", "pause the screen, not the sampling"},
        {"r", "count from here on (-o still writes the whole)"},
        {"", ""},
        {"SHARE", "of the samples, since the start or the reset"},
        {"95 %", "where the true share lies, with that certainty, in percent"},
        {"TOTAL", "of the samples, those with the function anywhere on the stack"},
        {"NOW", "share in the last interval"},
        {"TREND", "share in each interval; a row's highest fills its line"},
        {"refused", "looks at a thread that were not counted: it had run meanwhile"},
    };
    int width = hop_terminal_columns(terminal), row = 0;
    hop_terminal_put(terminal, row++, 0, width, HOP_BOLD, "heavyops top: keys and columns");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++, row++) {
        hop_terminal_put(terminal, row, 1, 13, HOP_TITLE, lines[i][0]);
        hop_terminal_put(terminal, row, 14, width - 14, HOP_PLAIN, lines[i][1]);
    }
    hop_terminal_put(terminal, hop_terminal_rows(terminal) - 1, 0, width, HOP_FAINT,
                     "any key goes back");
}

void hop_live_draw(const struct hop_live_state *state, struct hop_terminal *terminal)
{
    hop_terminal_clear(terminal);
    hop_terminal_cursor(terminal, -1, 0);
    if (state->shows_help) {
        hop_live_draw_help(terminal);
    } else if (state->bytecode.is_open) {
        hop_live_draw_heading(state, terminal);
        hop_live_draw_bytecode(state, terminal);
        hop_live_draw_foot(state, terminal);
    } else {
        hop_live_draw_heading(state, terminal);
        draw_table(state, terminal);
        hop_live_draw_foot(state, terminal);
    }
    hop_terminal_show(terminal);
}
