/* The rows of the live screen: what is joined, shares of all and of now, trends, order, filter. */
#include "live/state.h"
#include "support/profiles.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const everything[] = {"all"};
static const struct hop_report_options all = {.instructions = everything, .instruction_count = 1};

static struct hop_profile *profile;
static struct hop_live_history history;
static struct hop_live_table table;

static void set_up(void)
{
    profile = make_closure_profile();
    hop_live_history_init(&history);
    cr_assert(hop_live_history_add(&history, profile));
}

static void tear_down(void)
{
    hop_live_table_deinit(&table);
    hop_live_history_deinit(&history);
    hop_profile_destroy(profile);
}

static void make(enum hop_live_view view, const struct hop_report_options *options)
{
    hop_live_table_deinit(&table);
    cr_assert(hop_live_table_init(&table, view, profile, &history, options));
    hop_live_table_sort(&table, profile, HOP_LIVE_BY_SHARE);
}

static const char *name_of(size_t row)
{
    static char name[256];
    hop_live_table_name(&table, profile, &table.rows[row], name, sizeof name);
    return name;
}

Test(live, has_every_sample_in_every_view, .init = set_up, .fini = tear_down)
{
    for (int view = 0; view < HOP_LIVE_VIEW_COUNT; view++) {
        uint64_t samples = 0;
        double shares = 0, now = 0;
        make((enum hop_live_view)view, &all);
        for (size_t i = 0; i < table.count; i++) {
            const struct hop_live_row *row = &table.rows[i];
            samples += row->hits.samples;
            shares += row->share.share;
            now += row->now;
            cr_assert(row->share.low <= row->share.share && row->share.share <= row->share.high);
            cr_assert(!i || table.rows[i - 1].share.share >= row->share.share);
        }
        cr_assert_eq(samples, profile->samples, "view %d", view);
        cr_assert_float_eq(shares, 1, 1e-9, "view %d", view);
        cr_assert_float_eq(now, 1, 1e-9, "view %d", view);
    }
}

Test(live, joins_what_a_view_is_of, .init = set_up, .fini = tear_down)
{
    make(HOP_LIVE_OPCODES, &all);
    for (size_t i = 0; i < table.count; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(table.rows[i].opcode, table.rows[j].opcode);
    size_t opcodes = table.count;
    make(HOP_LIVE_INSTRUCTIONS, &all);
    cr_assert_geq(table.count, opcodes);
    make(HOP_LIVE_FUNCTIONS, &all);
    double most = 0;
    for (size_t i = 0; i < table.count; i++) {
        const struct hop_live_row *row = &table.rows[i];
        most = row->total > most ? row->total : most;
        cr_assert_geq(row->total, row->share.share - 1e-9, "what calls is on the stack too");
        cr_assert_leq(row->total, 1 + 1e-9);
    }
    cr_assert_gt(most, .5);
    make(HOP_LIVE_THREADS, &all);
    cr_assert_leq(table.count, profile->thread_count);
}

Test(live, narrows_to_what_is_asked_for, .init = set_up, .fini = tear_down)
{
    static const char *const loads[] = {"LOAD_DEREF"};
    struct hop_report_options options = {.instructions = loads, .instruction_count = 1};
    make(HOP_LIVE_INSTRUCTIONS, &options);
    cr_assert_gt(table.count, 0);
    for (size_t i = 0; i < table.count; i++)
        cr_assert_str_eq(table.rows[i].opcode, "LOAD_DEREF");
    make(HOP_LIVE_OPCODES, &options);
    cr_assert_eq(table.count, 1);
    cr_assert_float_eq(table.rows[0].share.share, 1, 1e-9);
}

/* Those of the profile, and three of one line that the source tells apart no longer. */
Test(live, no_two_rows_look_alike, .init = set_up, .fini = tear_down)
{
    char first[256];
    for (size_t i = 1; i < 4; i++) {
        struct hop_instruction *row = &profile->instructions[i];
        uint32_t offset = row->offset;
        *row = profile->instructions[0];
        row->offset = 1000 + offset;
        row->end_column += i == 1; /* this one it does */
    }
    make(HOP_LIVE_INSTRUCTIONS, &all);
    cr_assert_geq(table.count, 4);
    for (size_t i = 0; i < table.count; i++) {
        snprintf(first, sizeof first, "%s", name_of(i));
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(name_of(j), first);
    }
}

/* Adds samples to the node of a row's that has most. */
static void add_samples(uint64_t count)
{
    size_t best = 0;
    for (size_t i = 0; i < profile->node_count; i++)
        if (profile->nodes[i].self > profile->nodes[best].self)
            best = i;
    profile->nodes[best].self += count;
    profile->nodes[best].self_ns += count * 1000000;
    cr_assert(hop_profile_finish(profile));
}

Test(live, tells_now_from_all, .init = set_up, .fini = tear_down)
{
    add_samples(10);
    cr_assert(hop_live_history_add(&history, profile));
    make(HOP_LIVE_FUNCTIONS, &all);
    size_t hot = 0;
    for (size_t i = 0; i < table.count; i++)
        if (table.rows[i].now > table.rows[hot].now)
            hot = i;
    cr_assert_float_eq(table.rows[hot].now, 1, 1e-9, "all of the last interval is its");
    cr_assert_lt(table.rows[hot].share.share, 1);
    double trend[4];
    cr_assert(hop_live_table_trends(&table, &history, hot, 1, 4, trend));
    cr_assert_lt(trend[0], 0, "no such interval");
    cr_assert_lt(trend[1], 0);
    cr_assert(trend[2] > 0 && trend[2] < 1);
    cr_assert_float_eq(trend[3], 1, 1e-9);
    /* Nothing at all since. */
    cr_assert(hop_live_history_add(&history, profile));
    make(HOP_LIVE_FUNCTIONS, &all);
    cr_assert_lt(table.rows[0].now, 0);
    /* From nothing again. */
    hop_live_history_clear(&history);
    cr_assert(hop_live_history_add(&history, profile));
    make(HOP_LIVE_FUNCTIONS, &all);
    cr_assert_float_eq(table.rows[0].now, table.rows[0].share.share, 1e-9);
}

Test(live, remembers_two_minutes, .init = set_up, .fini = tear_down)
{
    double trend[HOP_LIVE_MOMENTS_MAX + 1];
    for (int i = 0; i < 2 * HOP_LIVE_MOMENTS_MAX; i++) {
        add_samples(1);
        cr_assert(hop_live_history_add(&history, profile));
    }
    cr_assert_eq(history.count, HOP_LIVE_MOMENTS_MAX);
    make(HOP_LIVE_THREADS, &all);
    cr_assert(hop_live_table_trends(&table, &history, 0, 1, HOP_LIVE_MOMENTS_MAX + 1, trend));
    cr_assert_lt(trend[0], 0);
    for (int i = 1; i <= HOP_LIVE_MOMENTS_MAX; i++)
        cr_assert_float_eq(trend[i], 1, 1e-9);
}

Test(live, sorts_and_filters, .init = set_up, .fini = tear_down)
{
    char before[256];
    make(HOP_LIVE_INSTRUCTIONS, &all);
    hop_live_table_sort(&table, profile, HOP_LIVE_BY_NAME);
    for (size_t i = 1; i < table.count; i++) {
        strcpy(before, name_of(i - 1));
        cr_assert_leq(strcmp(before, name_of(i)), 0);
    }
    make(HOP_LIVE_OPCODES, &all);
    size_t count = table.count;
    cr_assert_eq(hop_live_table_filter(&table, profile, ""), count);
    cr_assert_lt(hop_live_table_filter(&table, profile, "load_d"), count, "case is ignored");
    cr_assert_eq(table.count, 1);
    cr_assert_str_eq(name_of(0), "LOAD_DEREF");
    cr_assert_eq(hop_live_table_filter(&table, profile, "nothing"), 0);
}

/* Also where there is nothing. */
Test(live, takes_every_profile)
{
    struct hop_live_history none;
    hop_live_history_init(&none);
    for (size_t i = 0; i < test_profile_count; i++) {
        profile = test_profiles[i].make();
        hop_live_history_clear(&none);
        cr_assert(hop_live_history_add(&none, profile));
        for (int view = 0; view < HOP_LIVE_VIEW_COUNT; view++) {
            cr_assert(hop_live_table_init(&table, (enum hop_live_view)view, profile, &none, &all));
            for (size_t row = 0; row < table.count; row++)
                cr_assert_str_not_empty(name_of(row));
            hop_live_table_deinit(&table);
        }
        hop_profile_destroy(profile);
    }
    hop_live_history_deinit(&none);
}

Test(live, draws_sparklines)
{
    char text[64];
    const double shares[] = {-1, 0, .01, .05, .1, .4};
    hop_live_spark(shares, 6, true, text);
    cr_assert_str_eq(text, "  ▁▁▂█");
    hop_live_spark(shares, 6, false, text);
    cr_assert_str_eq(text, "  ..:#");
    const double little[] = {.001, .002};
    hop_live_spark(little, 2, false, text);
    cr_assert_str_eq(text, ".:", "chance is no mountain");
}

Test(live, finds_a_functions_bytecode, .init = set_up, .fini = tear_down)
{
    struct hop_live_bytecode bytecode;
    struct hop_profile *next = make_closure_profile();
    cr_assert(hop_live_bytecode_open(&bytecode, profile, 0));
    cr_assert(hop_live_bytecode_fill(&bytecode, next, &history));
    cr_assert(bytecode.count);
    uint64_t hits = 0, wanted = 0;
    for (size_t i = 0; i < bytecode.count; i++)
        hits += bytecode.rows[i].op ? bytecode.rows[i].hits.samples : 0;
    for (size_t i = 0; i < next->instruction_count; i++)
        if (next->instructions[i].code == next->instructions[0].code)
            wanted += next->instructions[i].self;
    cr_assert_eq(hits, wanted);
    cr_assert_eq(bytecode.rows[bytecode.selected].op->offset, profile->instructions[0].offset);
    /* From the hottest on, each next one is no hotter; then the hottest again. */
    double last = bytecode.rows[bytecode.selected].share;
    for (int i = 0; i < 3; i++) {
        hop_live_bytecode_select_hottest(&bytecode);
        cr_assert(bytecode.rows[bytecode.selected].op);
        last = bytecode.rows[bytecode.selected].share;
        cr_assert_gt(last, 0);
    }
    struct hop_profile *other = make_idle_profile(); /* as after a reset: not seen */
    cr_assert(hop_live_bytecode_fill(&bytecode, other, &history));
    cr_assert_float_eq(bytecode.share, 0, 1e-9);
    hop_live_bytecode_close(&bytecode);
}

/* --- the progress line ----------------------------------------------------------------------- */

Test(live, tells_the_progress_in_a_line)
{
    char line[512];
    profile = make_closure_profile();
    hop_progress_line(profile, UINT64_C(60000000000), 200, line, sizeof line);
    cr_assert(strstr(line, " of 60.0 s, "), "%s", line);
    cr_assert(strstr(line, profile->instructions[0].base_opcode), "%s", line);
    hop_progress_line(profile, 0, 30, line, sizeof line);
    cr_assert_eq(strlen(line), 30, "%s", line);
    hop_profile_destroy(profile);
    for (size_t i = 0; i < test_profile_count; i++) {
        profile = test_profiles[i].make();
        hop_progress_line(profile, 0, 400, line, sizeof line);
        for (const char *at = line; *at; at++)
            cr_assert_geq((unsigned char)*at, ' ', "%s", line);
        hop_profile_destroy(profile);
    }
}
