/* The live screen's loop: looks, keys, drawing. */
#include "live/live.h"

#include "base/clock.h"
#include "live/state.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/* The first look, so that the screen is not empty for long, and how soon to look again where there
 * was nothing to see yet. */
static const uint64_t FIRST_NS = 250 * NS_PER_MS, AGAIN_NS = 50 * NS_PER_MS;
/* While nothing is to be done. */
static const uint64_t IDLE_NS = 3600 * NS_PER_S;

/* How often it may be continued in the background. */
enum { BACKGROUND_MAX = 100 };

struct live {
    struct hop_live_state state;
    const struct hop_live_source *source;
    struct hop_terminal *terminal;
    uint64_t next_look_ns;
    bool wants_to_leave;
};

/* --- the table ------------------------------------------------------------------------------- */

static void report_problem(struct hop_live_state *state, const char *words)
{
    snprintf(state->problem, sizeof state->problem, "%s", words);
}

/* Where the row is that was selected; it may have gone. */
static void find_selected(struct hop_live_state *state)
{
    const struct hop_live_table *table = &state->table;
    if (!state->selected_key)
        state->selected = 0;
    for (size_t i = 0; state->selected_key && i < table->count; i++)
        if (table->rows[i].key == state->selected_key)
            state->selected = i;
    if (state->selected >= table->count)
        state->selected = table->count ? table->count - 1 : 0;
}

/* Moves what is shown so that the selected row is among it. */
static void keep_in_sight(size_t *first, size_t selected, size_t count, size_t room)
{
    if (selected < *first)
        *first = selected;
    if (room && selected >= *first + room)
        *first = selected - room + 1;
    if (*first + room > count) /* no empty rows below while there are some above */
        *first = count > room ? count - room : 0;
}

static void make_table(struct live *live)
{
    struct hop_live_state *state = &live->state;
    hop_live_table_deinit(&state->table);
    if (!state->profile)
        return;
    if (!hop_live_table_init(&state->table, state->view, state->profile, &state->history,
                             &state->selection)) {
        report_problem(state, "out of memory");
        return;
    }
    hop_live_table_sort(&state->table, state->profile, state->order);
    hop_live_table_filter(&state->table, state->profile,
                          state->is_typing ? state->typed : state->filter);
    find_selected(state);
}

/* --- looking --------------------------------------------------------------------------------- */

/* Takes a look. One that is `counted` begins a new interval. */
static void look(struct live *live, bool is_counted)
{
    struct hop_live_state *state = &live->state;
    struct hop_profile *profile;
    struct hop_error err;
    uint64_t delay_ns = state->options->delay_ns ? state->options->delay_ns : NS_PER_S;
    bool is_first = !state->profile;
    if (live->source->look(live->source->context, state->bytecode.is_open, &profile, &err) !=
        HOP_OK) {
        if (err.status != HOP_ERR_NOTHING)
            report_problem(state, err.message);
        live->next_look_ns = hop_now_ns() + AGAIN_NS;
        return;
    }
    /* The next instant of a steady beat. */
    uint64_t now_ns = hop_now_ns();
    if (is_counted) {
        live->next_look_ns += is_first ? FIRST_NS : delay_ns;
        if (live->next_look_ns < now_ns)
            live->next_look_ns = now_ns + delay_ns;
        if (!hop_live_history_add(&state->history, profile))
            report_problem(state, "out of memory");
    }
    hop_live_table_deinit(&state->table); /* it is of the old profile */
    if (state->bytecode.is_open) {
        if (!hop_live_bytecode_fill(&state->bytecode, profile, &state->history))
            report_problem(state, "out of memory");
        return;
    }
    hop_profile_destroy(state->profile);
    state->profile = profile;
    make_table(live);
}

static void reset(struct live *live)
{
    struct hop_live_state *state = &live->state;
    struct hop_error err;
    look(live, false); /* what is seen up to here is what will not count */
    if (live->source->reset(live->source->context, &err) != HOP_OK) {
        report_problem(state, err.message);
        return;
    }
    state->was_reset = true;
    hop_live_history_clear(&state->history);
    hop_live_bytecode_clear(&state->bytecode);
    look(live, false);
}

/* --- keys ------------------------------------------------------------------------------------ */

static size_t moved(size_t selected, size_t count, size_t page, int key)
{
    size_t last = count ? count - 1 : 0;
    switch (key) {
    case HOP_KEY_UP:
    case 'k':
        return selected ? selected - 1 : 0;
    case HOP_KEY_DOWN:
    case 'j':
        return selected < last ? selected + 1 : last;
    case HOP_KEY_PAGE_UP:
        return selected > page ? selected - page : 0;
    case HOP_KEY_PAGE_DOWN:
        return selected + page < last ? selected + page : last;
    case HOP_KEY_HOME:
    case 'g':
        return 0;
    case HOP_KEY_END:
    case 'G':
        return last;
    default:
        return selected;
    }
}

static void select_row(struct hop_live_state *state, size_t row)
{
    state->selected = row;
    /* At the top one looks at what is first, whichever that is. */
    state->selected_key = row && row < state->table.count ? state->table.rows[row].key : 0;
}

static void open_bytecode(struct live *live)
{
    struct hop_live_state *state = &live->state;
    if (state->selected >= state->table.count)
        return;
    uint32_t instruction = state->table.rows[state->selected].instruction;
    if (instruction == HOP_NO_GROUP)
        return;
    if (!hop_live_bytecode_open(&state->bytecode, state->profile, instruction)) {
        report_problem(state, "out of memory");
        return;
    }
    look(live, false);
}

static void close_bytecode(struct live *live)
{
    hop_live_bytecode_close(&live->state.bytecode);
    look(live, false);
}

static void change_view(struct live *live, int view)
{
    struct hop_live_state *state = &live->state;
    state->view = (enum hop_live_view)((view + HOP_LIVE_VIEW_COUNT) % HOP_LIVE_VIEW_COUNT);
    if (state->order == HOP_LIVE_BY_TOTAL && state->view != HOP_LIVE_FUNCTIONS)
        state->order = HOP_LIVE_BY_SHARE;
    state->selected_key = 0;
    state->first = 0;
    make_table(live);
}

static void change_order(struct live *live, enum hop_live_order order)
{
    live->state.order = order;
    make_table(live);
}

/* The last character, which may have several bytes. */
static void erase_last(char *text)
{
    size_t length = strlen(text);
    while (length && ((unsigned char)text[length - 1] & 0xc0) == 0x80)
        length--;
    text[length ? length - 1 : 0] = '\0';
}

static void append(char *text, int character)
{
    char bytes[5] = "";
    unsigned code = (unsigned)character;
    if (code < 0x80)
        snprintf(bytes, sizeof bytes, "%c", (char)code);
    else if (code < 0x800)
        snprintf(bytes, sizeof bytes, "%c%c", (char)(0xc0 | code >> 6), (char)(0x80 | (code & 63)));
    else if (code < 0x10000)
        snprintf(bytes, sizeof bytes, "%c%c%c", (char)(0xe0 | code >> 12),
                 (char)(0x80 | (code >> 6 & 63)), (char)(0x80 | (code & 63)));
    if (strlen(text) + strlen(bytes) < HOP_LIVE_FILTER_MAX)
        strcat(text, bytes);
}

static void type(struct live *live, int key)
{
    struct hop_live_state *state = &live->state;
    if (key == HOP_KEY_ENTER || key == HOP_KEY_ESCAPE) {
        state->is_typing = false;
        strcpy(state->filter, key == HOP_KEY_ENTER ? state->typed : "");
    } else if (key == HOP_KEY_ERASE) {
        erase_last(state->typed);
    } else if (key >= ' ' && key < HOP_KEY_UP) {
        append(state->typed, key);
    }
    state->selected_key = 0;
    make_table(live);
}

static void press_in_bytecode(struct live *live, int key)
{
    struct hop_live_bytecode *bytecode = &live->state.bytecode;
    size_t page = hop_live_rows_shown(live->terminal);
    if (key == HOP_KEY_ESCAPE || key == HOP_KEY_LEFT || key == HOP_KEY_ENTER)
        close_bytecode(live);
    else if (key == 'n')
        hop_live_bytecode_select_hottest(bytecode);
    else
        bytecode->selected = moved(bytecode->selected, bytecode->count, page, key);
}

static void press_in_table(struct live *live, int key)
{
    struct hop_live_state *state = &live->state;
    switch (key) {
    case HOP_KEY_TAB:
    case HOP_KEY_RIGHT:
        change_view(live, (int)state->view + 1);
        return;
    case HOP_KEY_BACK_TAB:
    case HOP_KEY_LEFT:
        change_view(live, (int)state->view - 1);
        return;
    case HOP_KEY_ENTER:
        open_bytecode(live);
        return;
    case HOP_KEY_ESCAPE:
        state->filter[0] = '\0';
        make_table(live);
        return;
    case '/':
        state->is_typing = true;
        strcpy(state->typed, state->filter);
        return;
    case 's':
        change_order(live, HOP_LIVE_BY_SHARE);
        return;
    case 'n':
        change_order(live, HOP_LIVE_BY_NOW);
        return;
    case 'a':
        change_order(live, HOP_LIVE_BY_NAME);
        return;
    case 't':
        if (state->view == HOP_LIVE_FUNCTIONS)
            change_order(live, HOP_LIVE_BY_TOTAL);
        return;
    default:
        if (key >= '1' && key < '1' + HOP_LIVE_VIEW_COUNT)
            change_view(live, key - '1');
        else
            select_row(state, moved(state->selected, state->table.count,
                                    hop_live_rows_shown(live->terminal), key));
    }
}

static void press(struct live *live, int key)
{
    struct hop_live_state *state = &live->state;
    state->problem[0] = '\0';
    if (key == HOP_KEY_RESIZED)
        return;
    if (state->is_typing) {
        type(live, key);
    } else if (state->shows_help) {
        state->shows_help = false;
    } else if (key == 'q' || key == 'Q') {
        live->wants_to_leave = true;
    } else if (key == '?' || key == 'h') {
        state->shows_help = true;
    } else if (key == 'p' || key == ' ') {
        state->is_paused = !state->is_paused;
        live->next_look_ns = hop_now_ns();
    } else if (key == 'r') {
        reset(live);
    } else if (state->bytecode.is_open) {
        press_in_bytecode(live, key);
    } else {
        press_in_table(live, key);
    }
}

/* --- the loop -------------------------------------------------------------------------------- */

static void draw(struct live *live)
{
    struct hop_live_state *state = &live->state;
    struct hop_live_bytecode *bytecode = &state->bytecode;
    size_t room = hop_live_rows_shown(live->terminal);
    keep_in_sight(&state->first, state->selected, state->table.count, room);
    if (bytecode->is_centred) /* with what stands around it */
        bytecode->first = bytecode->selected > room / 2 ? bytecode->selected - room / 2 : 0;
    bytecode->is_centred = false;
    keep_in_sight(&bytecode->first, bytecode->selected, bytecode->count, room);
    hop_live_draw(state, live->terminal);
}

static uint64_t time_to_wait(const struct live *live)
{
    uint64_t now_ns = hop_now_ns();
    if (live->state.is_over || live->state.is_paused)
        return IDLE_NS;
    return live->next_look_ns > now_ns ? live->next_look_ns - now_ns : 0;
}

static bool is_stopped(const struct live *live)
{
    const volatile sig_atomic_t *stop = live->state.options->sampling.stop;
    return live->wants_to_leave || (stop && *stop);
}

static void run(struct live *live)
{
    struct hop_live_state *state = &live->state;
    live->next_look_ns = hop_now_ns() + FIRST_NS;
    while (!is_stopped(live)) {
        draw(live);
        struct hop_terminal_event event = hop_terminal_wait(
            live->terminal, state->is_over ? -1 : live->source->over_fd, time_to_wait(live));
        if (event.is_lost)
            return;
        if (event.is_suspending) {
            hop_terminal_leave(live->terminal);
            /* In the background there is nothing to be done: to draw would stop us. But where
             * nobody could continue us we are not suspended at all. */
            for (int left = BACKGROUND_MAX; left; left--) {
                live->source->suspend(live->source->context);
                if (hop_terminal_is_ours(live->terminal))
                    break;
            }
        }
        for (int key; event.has_keys && !live->wants_to_leave &&
                      (key = hop_terminal_key(live->terminal)) != HOP_KEY_NONE;)
            press(live, key);
        if (event.is_over) {
            state->is_over = true;
            look(live, true);
        } else if (!state->is_over && !state->is_paused && hop_now_ns() >= live->next_look_ns) {
            look(live, true);
        }
    }
}

enum hop_status hop_live_run(const struct hop_live_source *source,
                             const struct hop_top_options *options, struct hop_error *err)
{
    static const char *const all[] = {"all"};
    struct live live = {.source = source, .state = {.options = options}};
    live.state.selection = options->selection;
    if (!options->selection.instruction_count) {
        live.state.selection.instructions = all;
        live.state.selection.instruction_count = 1;
    }
    enum hop_status status =
        hop_terminal_create(options->selection.is_coloured, options->rescue, &live.terminal, err);
    if (status != HOP_OK)
        return status;
    hop_live_history_init(&live.state.history);
    run(&live);
    hop_terminal_destroy(live.terminal);
    hop_live_table_deinit(&live.state.table);
    hop_live_bytecode_close(&live.state.bytecode);
    hop_live_history_deinit(&live.state.history);
    hop_profile_destroy(live.state.profile);
    return HOP_OK;
}
