/* What the live screen shows at a moment, and how that is drawn. */
#ifndef HOP_LIVE_STATE_H
#define HOP_LIVE_STATE_H

#include "live/bytecode.h"
#include "live/table.h"
#include "live/terminal.h"

enum { HOP_LIVE_FILTER_MAX = 64 };

struct hop_live_state {
    const struct hop_top_options *options;
    struct hop_report_options selection; /* with "all" where nothing was asked for */
    struct hop_profile *profile;         /* of the last look; NULL: none yet */
    struct hop_live_history history;
    struct hop_live_table table; /* of the profile; rows NULL: none yet */
    enum hop_live_view view;
    enum hop_live_order order;
    size_t first, selected; /* row at the top, row under the cursor */
    uint64_t selected_key;  /* 0: the first row, whichever that is */
    char filter[HOP_LIVE_FILTER_MAX];
    char typed[HOP_LIVE_FILTER_MAX]; /* while it is being typed */
    bool is_typing, is_paused, is_over, shows_help, was_reset;
    struct hop_live_bytecode bytecode; /* the function drilled into */
    char problem[480];                 /* why what was asked for could not be done */
};

/* How many rows of the table (or of the bytecode) there is room for. */
size_t hop_live_rows_shown(const struct hop_terminal *terminal);

void hop_live_draw(const struct hop_live_state *state, struct hop_terminal *terminal);

/* Parts of the above: the heading (3 lines), the foot (1 line), and what is between. */
void hop_live_draw_heading(const struct hop_live_state *state, struct hop_terminal *terminal);
void hop_live_draw_foot(const struct hop_live_state *state, struct hop_terminal *terminal);
void hop_live_draw_help(struct hop_terminal *terminal);
void hop_live_draw_bytecode(const struct hop_live_state *state, struct hop_terminal *terminal);

/* How a share looks. */
unsigned hop_live_look_of(double share);

/* A sparkline of `count` shares (negative: a gap), each of so many as `most`; `text` takes
 * 3 * count + 1 bytes. */
void hop_live_spark(const double *shares, size_t count, bool is_utf8, char *text);

#endif
