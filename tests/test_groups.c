/* Instructions joined by line, function, class and so on: that every opcode has a class, that
 * totals count recursion once, and the names of --group. */
#include "py/layout.h"
#include "report/opcode_class.h"
#include "report/totals.h"
#include "support/allocations.h"
#include "support/large_profile.h"
#include "support/layouts.h"
#include "support/profiles.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct hop_report_options all_options;

Test(groups, every_opcode_of_every_version_has_a_class)
{
    static struct hop_layout layout;
    size_t seen = 0;
    FOR_EACH_LAYOUT(layout)
    {
        for (size_t i = 0; i < HOP_OPCODE_COUNT; i++) {
            const struct hop_opcode *opcode = &layout.opcodes[i];
            if (!opcode->name || opcode->base != i)
                continue;
            seen++;
            cr_expect(strcmp(hop_opcode_class(opcode->name), "other") != 0,
                      "3.%d: %s has no class: give it one in src/report/opcode_class.c",
                      layout.minor, opcode->name);
        }
    }
    cr_expect_gt(seen, 800u);
    cr_expect_str_eq(hop_opcode_class("LOAD"), "other");
    cr_expect_str_eq(hop_opcode_class(""), "other");
    cr_expect_str_eq(hop_opcode_class("CALL"), "call");
    cr_expect_str_eq(hop_opcode_class("LOAD_DEREF"), "closure");
}

#define AT(function_, first_, offset_, line_)                                                      \
    {                                                                                              \
        .file = "/srv/app.py", .function = function_, .first_line = first_, .offset = offset_,     \
        .opcode = "CALL", .base_opcode = "CALL", .oparg = 1, .line = line_, .end_line = line_,     \
        .column = -1, .end_column = -1,                                                            \
    }

/* main calls f, which calls itself three deep, and then g. */
static struct hop_profile *make_recursive(void)
{
    static const struct hop_instruction rows[] = {AT("main", 1, 2, 1), AT("f", 5, 2, 5),
                                                  AT("f", 5, 8, 6), AT("g", 9, 2, 9)};
    static const struct hop_profile_node nodes[] = {
        {0, 0, 0, 0},      {0, 0, 1, 1000},   {1, 1, 10, 10000}, {2, 2, 20, 20000},
        {3, 1, 30, 30000}, {4, 3, 40, 40000}, {1, 3, 5, 5000},
    };
    static const struct hop_profile_thread threads[] = {{.tid = 7, .name = "worker"}};
    struct hop_profile *profile = calloc(1, sizeof *profile);
    cr_assert_not_null(profile);
    hop_arena_init(&profile->arena, 1 << 20);
    profile->instructions = hop_arena_copy(&profile->arena, rows, sizeof rows);
    profile->instruction_count = 4;
    profile->nodes = hop_arena_copy(&profile->arena, nodes, sizeof nodes);
    profile->node_count = 7;
    profile->threads = hop_arena_copy(&profile->arena, threads, sizeof threads);
    profile->thread_count = 1;
    static const struct hop_profile_code codes[] = {{.function = "main", .file = "/srv/app.py"},
                                                    {.function = "f", .file = "/srv/app.py"},
                                                    {.function = "g", .file = "/srv/app.py"}};
    profile->codes = hop_arena_copy(&profile->arena, codes, sizeof codes);
    profile->code_count = 3;
    profile->instructions[1].code = profile->instructions[2].code = 1;
    profile->instructions[3].code = 2;
    cr_assert(hop_profile_finish(profile));
    return profile;
}

static const struct hop_total *row_named(const struct hop_totals *totals, const char *name)
{
    for (size_t i = 0; i < totals->count; i++)
        if (strcmp(totals->rows[i].name, name) == 0)
            return &totals->rows[i];
    cr_assert(false, "no row %s", name);
    return NULL;
}

Test(groups, totals_count_recursion_once)
{
    struct hop_profile *profile = make_recursive();
    struct hop_totals totals;
    struct hop_share shares[4];
    cr_assert(hop_totals_init(&totals, profile, &all_options, HOP_BY_FUNCTION));
    cr_expect_eq(totals.whole.samples, 106u);
    const struct hop_total *f = row_named(&totals, "f");
    cr_expect_eq(f->self.samples, 60u);
    cr_expect_eq(f->total.samples, 100u);
    cr_expect_eq(f->total.ns, 100000u);
    cr_expect_eq(row_named(&totals, "main")->total.samples, 106u);
    cr_expect_eq(row_named(&totals, "g")->total.samples, 45u);
    cr_expect_eq(row_named(&totals, "g")->self.samples, 45u);
    cr_assert(hop_totals_find_totals(&totals, totals.count, shares));
    const struct hop_share *share = &shares[f - totals.rows];
    cr_expect_float_eq(share->share, 100 / 106., 1e-9);
    cr_expect_leq(share->low, share->share);
    cr_expect_geq(share->high, share->share);
    hop_totals_deinit(&totals);
    hop_profile_destroy(profile);
}

/* --- all that is on the stack ----------------------------------------------------------------- */

/* Of chance, with a record of when its samples were. */
static struct hop_profile *make_recorded(unsigned seed)
{
    const struct large_shape shape = {.stacks = 400,
                                      .depth = 14,
                                      .files = 3,
                                      .threads = 2,
                                      .seed = seed,
                                      .has_weights = seed % 2};
    struct hop_profile *profile = make_large_profile(&shape);
    size_t room = 2 * profile->node_count, block = 0;
    profile->records = hop_arena_alloc(&profile->arena, room * sizeof *profile->records);
    cr_assert_not_null(profile->records);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < profile->node_count; i++) {
            const struct hop_profile_node *node = &profile->nodes[i];
            if (!node->self)
                continue;
            /* Now and then one of before; blocks that are empty. */
            uint32_t at = (uint32_t)(block % 7 == 3 ? block / 2 : block);
            block += 1 + block % 5 / 4;
            profile->records[profile->record_count++] =
                (struct hop_trace_record){i, at, (double)(node->self_ns / 2)};
        }
    }
    return profile;
}

/* The share of one row's total, by itself: of all samples, those whose stack has it are one group,
 * those whose stack has not another one. */
static struct hop_share share_of_stacks_with(const struct hop_totals *totals,
                                             const struct hop_total *row)
{
    const struct hop_profile *profile = totals->profile;
    uint32_t *side_of = calloc(profile->node_count, sizeof *side_of);
    bool *passes = calloc(profile->node_count, sizeof *passes);
    const struct hop_hits hits[] = {
        row->total, {totals->whole.samples - row->total.samples, totals->whole.ns - row->total.ns}};
    struct hop_share found[2];
    for (size_t i = 0; i < profile->node_count; i++) {
        uint32_t parent = profile->nodes[i].parent;
        passes[i] = totals->group_of[i] == row->group || (parent != i && passes[parent]);
        side_of[i] = !totals->is_counted[i] ? HOP_NO_GROUP : !passes[i];
    }
    cr_assert(hop_shares_find(&totals->shares, HOP_ALL_THREADS, side_of, hits, 2, found));
    free(side_of);
    free(passes);
    return found[0];
}

static void assert_totals_are_those_of_each(const struct hop_profile *profile,
                                            const struct hop_report_options *options,
                                            enum hop_grouping by)
{
    struct hop_totals totals;
    cr_assert(hop_totals_init(&totals, profile, options, by));
    struct hop_share *shares = calloc(totals.count, sizeof *shares);
    for (size_t count = totals.count; count; count /= 3) {
        memset(shares, 0, totals.count * sizeof *shares);
        cr_assert(hop_totals_find_totals(&totals, count, shares));
        for (size_t i = 0; i < count; i++) {
            struct hop_share wanted = share_of_stacks_with(&totals, &totals.rows[i]);
            cr_expect_float_eq(shares[i].share, wanted.share, 1e-12);
            cr_expect_float_eq(shares[i].low, wanted.low, 1e-9, "row %zu by %d", i, by);
            cr_expect_float_eq(shares[i].high, wanted.high, 1e-9, "row %zu by %d", i, by);
            cr_expect(wanted.low < wanted.share || wanted.share == 0);
        }
    }
    free(shares);
    hop_totals_deinit(&totals);
}

Test(groups, totals_of_all_rows_are_those_of_each)
{
    static const char *const calls[] = {"CALL"};
    const struct hop_report_options narrow = {.instructions = calls, .instruction_count = 1};
    struct hop_profile *profiles[] = {make_recorded(1), make_recorded(2), NULL};
    cr_assert_eq(
        hop_profile_merge((const struct hop_profile *const *)profiles, 2, &profiles[2], NULL),
        HOP_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_totals_are_those_of_each(profiles[i], &all_options, HOP_BY_FUNCTION);
        assert_totals_are_those_of_each(profiles[i], &all_options, HOP_BY_FILE);
        assert_totals_are_those_of_each(profiles[i], &narrow, HOP_BY_LINE);
        hop_profile_destroy(profiles[i]);
    }
}

/* No row goes over the profile by itself. */
Test(groups, totals_of_many_rows_are_no_more_work)
{
    struct hop_profile *profile = make_recorded(1);
    struct hop_totals totals;
    size_t few, many;
    cr_assert(hop_totals_init(&totals, profile, &all_options, HOP_BY_LINE));
    struct hop_share *shares = calloc(totals.count, sizeof *shares);
    cr_assert_gt(totals.count, 60);
    allocations_begin(0);
    cr_assert(hop_totals_find_totals(&totals, 1, shares));
    few = allocations_asked();
    allocations_begin(0);
    cr_assert(hop_totals_find_totals(&totals, totals.count, shares));
    many = allocations_asked();
    cr_expect_eq(few, many, "%zu, %zu", few, many);
    allocations_begin(0);
    free(shares);
    hop_totals_deinit(&totals);
    hop_profile_destroy(profile);
}

Test(groups, only_what_is_asked_for_counts)
{
    static const char *const none[] = {"LOAD_FAST"};
    const char *files[] = {"elsewhere.py"};
    struct hop_report_options by_opcode = {.instructions = none, .instruction_count = 1};
    struct hop_report_options by_file = {.files = files, .file_count = 1};
    struct hop_profile *profile = make_recursive();
    struct hop_totals totals;
    cr_assert(hop_totals_init(&totals, profile, &by_opcode, HOP_BY_LINE));
    cr_expect_eq(totals.whole.samples, 0u);
    hop_totals_deinit(&totals);
    cr_assert(hop_totals_init(&totals, profile, &by_file, HOP_BY_LINE));
    cr_expect_eq(totals.whole.samples, 0u);
    hop_totals_deinit(&totals);
    files[0] = "app.py";
    cr_assert(hop_totals_init(&totals, profile, &by_file, HOP_BY_LINE));
    cr_expect_eq(totals.whole.samples,
                 106u); /* without -i all instructions, not the tracked ones */
    hop_totals_deinit(&totals);
    hop_profile_destroy(profile);
}

Test(groups, each_grouping_counts_every_sample_once)
{
    for (size_t i = 0; i < test_profile_count; i++) {
        struct hop_profile *profile = test_profiles[i].make();
        for (int by = 0; by <= HOP_BY_CODE_LINE; by++) {
            struct hop_totals totals;
            uint64_t sum = 0;
            if (by == HOP_GROUPINGS)
                continue;
            cr_assert(hop_totals_init(&totals, profile, &all_options, (enum hop_grouping)by));
            for (size_t row = 0; row < totals.count; row++) {
                sum += totals.rows[row].self.samples;
                cr_expect_geq(totals.rows[row].total.samples, totals.rows[row].self.samples);
                cr_expect_leq(totals.rows[row].total.samples, profile->samples);
            }
            cr_expect_eq(sum, profile->samples, "%s by %d", test_profiles[i].name, by);
            hop_totals_deinit(&totals);
        }
        hop_profile_destroy(profile);
    }
}

Test(groups, names_are_found)
{
    for (size_t i = 0; hop_report_group(i); i++)
        cr_expect_eq(hop_grouping_find(hop_report_group(i)), (enum hop_grouping)i);
    cr_expect_eq(hop_grouping_find("nothing"), HOP_GROUPINGS);
}

Test(groups, modules_are_named_from_where_they_are_looked_for)
{
    static const struct {
        const char *file, *module;
    } cases[] = {
        {"/usr/lib/python3.13/json/decoder.py", "json.decoder"},
        {"/usr/lib/python3.13/json/__init__.py", "json"},
        {"/venv/lib/python3.13/site-packages/flask/app.py", "flask.app"},
        {"/usr/lib/python3/dist-packages/yaml/__init__.py", "yaml"},
        {"/home/me/app.py", "app"},
        {"/home/me/pkg/__init__.py", "pkg"},
        {"app.py", "app"},
        {"<frozen importlib._bootstrap>", "<frozen importlib._bootstrap>"},
        {"", ""},
        {"/", "/"},
        {"__init__.py", "__init__"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        hop_module_name(cases[i].file, name, sizeof name);
        cr_expect_str_eq(name, cases[i].module, "%s: %s", cases[i].file, name);
    }
}
