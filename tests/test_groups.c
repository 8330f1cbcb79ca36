/* Instructions joined by line, function, class and so on: that every opcode has a class, that
 * totals count recursion once, and the names of --group. */
#include "py/layout.h"
#include "report/opcode_class.h"
#include "report/totals.h"
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
    struct hop_share share;
    cr_assert(hop_totals_init(&totals, profile, &all_options, HOP_BY_FUNCTION));
    cr_expect_eq(totals.whole.samples, 106u);
    const struct hop_total *f = row_named(&totals, "f");
    cr_expect_eq(f->self.samples, 60u);
    cr_expect_eq(f->total.samples, 100u);
    cr_expect_eq(f->total.ns, 100000u);
    cr_expect_eq(row_named(&totals, "main")->total.samples, 106u);
    cr_expect_eq(row_named(&totals, "g")->total.samples, 45u);
    cr_expect_eq(row_named(&totals, "g")->self.samples, 45u);
    cr_assert(hop_totals_find_total(&totals, f, &share));
    cr_expect_float_eq(share.share, 100 / 106., 1e-9);
    cr_expect_leq(share.low, share.share);
    cr_expect_geq(share.high, share.share);
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
