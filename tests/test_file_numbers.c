/* Each number of a profile's file, made wrong alone: it is refused. What is still right is reported
 * without a number that is none. */
#include "profile/file_ops.h"
#include "profile/merge.h"
#include "support/large_profile.h"
#include "support/profile_file.h"
#include "support/profiles.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The first code object gets a bytecode in which its instructions are not, with a jump; the others
 * lose theirs. */
static void change_ops(struct hop_profile *profile)
{
    static struct hop_profile_op ops[] = {
        {2, "POP_JUMP_IF_FALSE", 3, "to 12", 3, 3, 4, 8},
        {4, "LOAD_NAME", 0, "x", 4, 4, 5, 9},
        {6, "POP_JUMP_IF_FALSE", 3, "to 16", 4, 4, 5, 9},
    };
    for (size_t i = 0; i < profile->code_count; i++)
        profile->codes[i].op_count = 0;
    profile->codes[0].ops = ops;
    profile->codes[0].op_count = sizeof ops / sizeof *ops;
}

/* Two profiles made one: with parts, and records of when samples were. */
static struct hop_profile *make_merged_profile(void)
{
    struct hop_profile *parts[] = {make_closure_profile(), make_closure_profile()}, *merged;
    for (size_t i = 0; i < 2; i++) {
        struct hop_profile *part = parts[i];
        part->records = hop_arena_alloc(&part->arena, 20 * sizeof *part->records);
        for (uint32_t j = 0; j < 20; j++)
            part->records[part->record_count++] =
                (struct hop_trace_record){1 + j % 8, j, 1e6 * (1 + j % 3)};
        part->weights_squared_ns2 = (double)part->samples_ns * 1e6;
        part->pid = 10 + (int)i;
    }
    cr_assert_eq(hop_profile_merge((const struct hop_profile *const *)parts, 2, &merged, NULL),
                 HOP_OK);
    hop_profile_destroy(parts[0]);
    hop_profile_destroy(parts[1]);
    change_ops(merged);
    return merged;
}

/* --- what is refused ----------------------------------------------------------------------------
 */

struct change {
    const char *name;
    profile_file_change *change;
};

#define CHANGE(name, ...)                                                                          \
    static void name(Hop__Pprof__Heavyops *file)                                                   \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#define ROW(name, ...) {#name, name},

/* clang-format off */
#define HOSTILE(X)                                                                                 \
    X(version, file->version = HOP_FILE_VERSION + 1)                                               \
    X(no_version, file->version = 0)                                                               \
    X(no_codes, file->codes = NULL)                                                                \
    X(code_ops, file->codes->op_count[0]++)                                                        \
    X(code_many_ops, file->codes->op_count[0] = UINT32_MAX)                                        \
    X(code_files, file->codes->n_file--)                                                           \
    X(old_version, file->version = HOP_FILE_VERSION - 1)                                           \
    X(no_statistics, file->statistics = NULL)                                                      \
    X(text_number, file->statistics->python = 100000)                                              \
    X(ending, file->statistics->ending = 9)                                                        \
    X(pid, file->statistics->pid = -5)                                                             \
    X(rate, file->statistics->true_rate_hz = -1)                                                   \
    X(rate_that_is_none, file->statistics->true_rate_hz = NAN)                                     \
    X(rate_without_end, file->statistics->true_rate_hz = INFINITY)                                 \
    X(rate_too_small, file->statistics->true_rate_hz = 1e-300)                                     \
    X(asked_rate, file->statistics->asked_rate_hz = -1)                                            \
    X(asked_rate_that_is_none, file->statistics->asked_rate_hz = NAN)                              \
    X(asked_rate_too_large, file->statistics->asked_rate_hz = 1e300)                               \
    X(asked_rate_too_small, file->statistics->asked_rate_hz = 1e-300)                              \
    X(squares, file->statistics->weights_squared_ns2 = -1)                                         \
    X(squares_that_are_none, file->statistics->weights_squared_ns2 = NAN)                          \
    X(squares_without_end, file->statistics->weights_squared_ns2 = INFINITY)                       \
    X(squares_too_large, file->statistics->weights_squared_ns2 = 1e300)                            \
    X(squares_too_small, file->statistics->weights_squared_ns2 = 1e-300)                           \
    X(started, file->statistics->started_ns = UINT64_MAX)                                          \
    X(duration, file->statistics->duration_ns = UINT64_MAX)                                        \
    X(ticks, file->statistics->ticks = UINT64_MAX)                                                 \
    X(opening, file->statistics->opening_ns = UINT64_MAX)                                          \
    X(opening_samples, file->statistics->opening_samples = UINT64_MAX)                             \
    X(missed, file->statistics->missed = UINT64_MAX)                                               \
    X(idle, file->statistics->idle = UINT64_MAX)                                                   \
    X(longest_stop, file->statistics->longest_stop_ns = UINT64_MAX)                                \
    X(syscall_stops, file->statistics->syscall_stops = UINT64_MAX)                                 \
    X(late_median, file->statistics->late_median_ns = UINT64_MAX)                                  \
    X(late_p99, file->statistics->late_p99_ns = UINT64_MAX)                                        \
    X(late_max, file->statistics->late_max_ns = UINT64_MAX)                                        \
    X(live_samples, file->statistics->live_samples = UINT64_MAX)                                   \
    X(refused, file->statistics->refused[0]->count = UINT64_MAX)                                   \
    X(tid, file->thread[0]->tid = INT64_C(1) << 40)                                                \
    X(thread_name, file->thread[0]->name = UINT32_MAX)                                             \
    X(code_name, file->codes->function[0] = UINT32_MAX)                                            \
    X(code_opargs, file->codes->n_oparg--)                                                         \
    X(code_positions, file->codes->n_lines--)                                                      \
    X(code_ends, file->codes->n_end--)                                                             \
    X(code_moves, file->codes->moves[1] ^= 1)                                                      \
    X(code_opcode, file->codes->opcode[1] = UINT32_MAX)                                            \
    X(code_opcodes, file->codes->n_opcode_text = 0)                                                \
    X(code_opcode_name, file->codes->opcode_text[0] = UINT32_MAX)                                  \
    X(code_many_opcodes, static uint32_t texts[(1 << 16) + 1];                                     \
                         file->codes->opcode_text = texts;                                         \
                         file->codes->n_opcode_text = (1 << 16) + 1)                               \
    X(code_same_offset, file->codes->step[1] -= INT64_C(1) << 33)                                  \
    X(code_offset, file->codes->step[1] = INT64_C(1) << 33)                                        \
    X(code_step_without_end, file->codes->step[1] = INT64_MAX)                                     \
    X(code_oparg, file->codes->oparg[0] = -1)                                                      \
    X(code_large_oparg, file->codes->oparg[0] = INT64_C(1) << 33)                                  \
    X(code_oparg_without_end, file->codes->oparg[0] = INT64_MAX)                                   \
    X(code_argument, file->codes->argument[0] = UINT32_MAX)                                        \
    X(code_new_argument, file->codes->argument[0] = HOP_ARGUMENT_NEW;                              \
                         file->codes->argument_text.len = 0)                                       \
    X(code_argument_text, file->codes->argument_text.len--)                                        \
    X(code_jump, file->codes->argument[2] = HOP_ARGUMENT_JUMP)                                     \
    X(code_jumps, file->codes->n_target--)                                                         \
    X(code_target, file->codes->target[0] = -(INT64_C(1) << 33))                                   \
    X(code_large_target, file->codes->target[0] = INT64_C(1) << 33)                                \
    X(code_target_without_end, file->codes->target[0] = INT64_MIN)                                 \
    X(code_line, file->codes->line[0] = INT_MIN)                                                   \
    X(code_lines, file->codes->lines[0] = INT_MIN)                                                 \
    X(code_column, file->codes->column[0] = INT64_C(1) << 33)                                      \
    X(code_column_without_end, file->codes->column[0] = INT64_MAX)                                 \
    X(code_end, file->codes->end[0] = -(INT64_C(1) << 33))                                         \
    X(code_end_without_end, file->codes->end[0] = INT64_MIN)                                       \
    X(code_first_line, file->codes->first_line[0] = -1)                                            \
    X(instruction_code, file->instructions->code_step[0] = 1000)                                   \
    X(instruction_op, file->instructions->op_step[0] = 1000)                                       \
    X(instruction_opcode, file->instructions->opcode[0] = 1000000)                                 \
    X(instruction_base_opcode, file->instructions->base_opcode[0] = 1000000)                       \
    X(instruction_others, file->instructions->n_base_opcode--)                                     \
    X(instruction_no_positions, file->instructions->positions = NULL)                              \
    X(instruction_positions, file->instructions->positions->n_columns--)                           \
    X(instruction_oparg, file->instructions->oparg[0] = -2)                                        \
    X(instruction_column, file->instructions->positions->column[0] = UINT32_MAX)                   \
    X(instruction_end, file->instructions->positions->columns[0] = INT32_MIN)                      \
    X(instruction_lines, file->instructions->positions->lines[0] = INT32_MIN)                      \
    X(instruction_columns, file->instructions->n_offset--)                                         \
    X(no_instructions, file->instructions = NULL)                                                  \
    X(node_up, file->nodes->up[1] = 2)                                                             \
    X(node_instruction, file->nodes->instruction[1] = 1000)                                        \
    X(node_thread, file->nodes->instruction[0] = 2)                                                \
    X(node_root_self, file->nodes->self[0] = 1)                                                    \
    X(node_self, file->nodes->self[1] = UINT64_MAX)                                                \
    X(node_sum, file->nodes->self[1] = file->nodes->self[2] = UINT64_C(3) << 60;                   \
                file->nodes->ns_per_sample = 1)                                                    \
    X(node_ns, file->nodes->ns_per_sample = UINT64_MAX)                                            \
    X(node_columns, file->nodes->n_self--)                                                         \
    X(no_nodes, file->nodes = NULL)                                                                \
    X(record_node, file->records->node[3] = 1000000)                                               \
    X(record_of_a_root, file->records->node[3] = 0)                                                \
    X(record_columns, file->records->n_block_step--)                                               \
    X(record_weight, file->records->weight_ns[3] = -1)                                             \
    X(record_weight_that_is_none, file->records->weight_ns[3] = NAN)                               \
    X(record_weight_without_end, file->records->weight_ns[3] = INFINITY)                           \
    X(record_weight_too_large, file->records->weight_ns[3] = 1e300)                                \
    X(record_weight_too_small, file->records->weight_ns[3] = 1e-300)                               \
    X(record_weights, file->records->n_weight_ns--)                                                \
    X(part_first, file->part[0]->first_record = 1)                                                 \
    X(part_beyond, file->part[1]->first_record = 1000000)                                          \
    X(part_backwards, file->n_part = 3; file->part[2] = file->part[0])                             \
    X(part_samples, file->part[1]->samples = UINT64_MAX)                                           \
    X(part_ns, file->part[1]->samples_ns = UINT64_MAX)                                             \
    X(part_squares, file->part[1]->weights_squared_ns2 = -1)                                       \
    X(part_squares_that_are_none, file->part[1]->weights_squared_ns2 = NAN)                        \
    X(part_squares_without_end, file->part[1]->weights_squared_ns2 = INFINITY)                     \
    X(part_squares_too_large, file->part[1]->weights_squared_ns2 = 1e300)                          \
    X(part_squares_too_small, file->part[1]->weights_squared_ns2 = 1e-300)

/* The largest and smallest that there may be. */
#define EXTREME(X)                                                                                 \
    X(large_lines, int32_t was = file->instructions->positions->line[0];                           \
                   file->instructions->positions->line[0] = INT_MAX;                               \
                   file->instructions->positions->line[1] += was - INT_MAX;                        \
                   file->instructions->positions->lines[0] = 0)                                    \
    X(large_columns, file->instructions->positions->column[0] = UINT32_C(1) << 31;                 \
                     file->instructions->positions->columns[0] = 0;                                \
                     file->instructions->positions->column[1] = UINT32_C(1) << 31;                 \
                     file->instructions->positions->columns[1] = 0)                                \
    X(large_first_line, file->codes->first_line[1] = INT_MAX)                                      \
    X(large_offset, file->instructions->offset[0] = UINT32_MAX)                                    \
    X(large_oparg, file->instructions->oparg[0] = UINT32_MAX)                                      \
    X(large_counts, file->statistics->idle = file->statistics->missed =                            \
                    file->statistics->ticks = file->statistics->duration_ns = UINT64_C(1) << 62)   \
    X(large_rates, file->statistics->true_rate_hz = file->statistics->asked_rate_hz = 1e12)        \
    X(small_rates, file->statistics->true_rate_hz = file->statistics->asked_rate_hz = 1e-9)        \
    X(large_squares, file->statistics->weights_squared_ns2 = ldexp(1, 124);                        \
                     file->part[0]->weights_squared_ns2 = ldexp(1, 124))                           \
    X(small_squares, file->statistics->weights_squared_ns2 = 1;                                    \
                     file->part[0]->weights_squared_ns2 = 1)                                       \
    X(no_squares, file->statistics->weights_squared_ns2 = 0;                                       \
                  file->part[0]->weights_squared_ns2 = 0)                                          \
    X(large_weight, file->records->weight_ns[0] = ldexp(1, 62))                                    \
    X(no_weights, for (size_t i = 0; i < file->records->n_weight_ns; i++)                          \
                      file->records->weight_ns[i] = 0)                                             \
    X(part_of_nothing, file->part[0]->samples = file->part[0]->samples_ns = 0)                     \
    X(part_of_all, file->part[0]->samples = file->part[0]->samples_ns = UINT64_C(1) << 62)         \
    X(parts_without_records, file->part[1]->first_record = file->records->n_node)                  \
    X(all_of_one_block, memset(file->records->block_step, 0,                                       \
                               file->records->n_block_step * sizeof(uint32_t)))
/* clang-format on */

HOSTILE(CHANGE)
EXTREME(CHANGE)

static const struct change hostile[] = {HOSTILE(ROW)}, extreme[] = {EXTREME(ROW)};

Test(file_numbers, hostile_ones_are_refused)
{
    struct hop_profile *profile = make_merged_profile(), *read;
    size_t size, changed_size;
    uint8_t *plain = profile_file_plain(profile, &size);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        uint8_t *changed = profile_file_changed(plain, size, hostile[i].change, &changed_size);
        struct hop_error err = {0};
        cr_expect_eq(profile_file_read(changed, changed_size, &read, &err), HOP_ERR_PROFILE, "%s",
                     hostile[i].name);
        cr_assert_null(read);
        free(changed);
    }
    free(plain);
    hop_profile_destroy(profile);
}

/* --- what is not ------------------------------------------------------------------------------ */

/* "nan", "inf" or a number that has run over, as a word of its own. */
static bool has_no_number(const char *text)
{
    static const char *const words[] = {"nan", "inf", "-nan", "-inf", "-2147483648"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        for (const char *at = text; (at = strstr(at, words[i])); at += length)
            if ((at == text || !isalnum((unsigned char)at[-1])) &&
                !isalnum((unsigned char)at[length]))
                return true;
    }
    return false;
}

static void assert_reported(const struct hop_profile *profile, const char *name)
{
    static const char *const all[] = {"all"};
    for (size_t i = 0; hop_report_format(i); i++) {
        const char *format = hop_report_format(i);
        struct hop_report_options options = {.instructions = all,
                                             .instruction_count = 1,
                                             .by_thread = true,
                                             .with_opcodes = true,
                                             .row_limit = SIZE_MAX};
        char *text;
        size_t size;
        struct hop_error err = {0};
        FILE *stream = open_memstream(&text, &size);
        options.by_thread =
            hop_report_check(format, &options, &err) == HOP_OK; /* some never split */
        cr_expect_eq(hop_report(profile, format, &options, stream, &err), HOP_OK, "%s as %s: %s",
                     name, format, err.message);
        fclose(stream);
        if (!hop_report_format_is_binary(format) && strcmp(format, "html") != 0)
            cr_expect(!has_no_number(text), "%s as %s", name, format);
        if (strcmp(format, "json") == 0 || strcmp(format, "gecko") == 0) {
            json_t *value = json_loadb(text, size, 0, NULL);
            cr_expect_not_null(value, "%s as %s", name, format);
            json_decref(value);
        }
        free(text);
    }
}

static void assert_compared(const struct hop_profile *before, const struct hop_profile *after,
                            const char *name)
{
    static const char *const formats[] = {"text", "json", "csv"};
    const struct hop_diff_options options = {.shows_all = true};
    for (size_t i = 0; i < 3; i++) {
        char *text;
        size_t size;
        struct hop_error err = {0};
        FILE *stream = open_memstream(&text, &size);
        cr_expect_eq(hop_diff(before, after, &options, formats[i], stream, NULL, &err), HOP_OK,
                     "%s as %s: %s", name, formats[i], err.message);
        fclose(stream);
        cr_expect(!has_no_number(text), "%s as %s", name, formats[i]);
        free(text);
    }
}

Test(file_numbers, extreme_ones_are_reported_as_they_are, .timeout = 300)
{
    struct hop_profile *profile = make_merged_profile(), *read;
    size_t size, changed_size;
    uint8_t *plain = profile_file_plain(profile, &size);
    for (size_t i = 0; i < sizeof extreme / sizeof *extreme; i++) {
        uint8_t *changed = profile_file_changed(plain, size, extreme[i].change, &changed_size);
        struct hop_error err = {0};
        cr_assert_eq(profile_file_read(changed, changed_size, &read, &err), HOP_OK, "%s: %s",
                     extreme[i].name, err.message);
        assert_reported(read, extreme[i].name);
        assert_compared(profile, read, extreme[i].name);
        assert_compared(read, profile, extreme[i].name);
        hop_profile_destroy(read);
        free(changed);
    }
    free(plain);
    hop_profile_destroy(profile);
}

/* What is whole in each file may be too much in one. */
Test(file_numbers, too_many_samples_for_one_profile_are_refused)
{
    struct hop_profile *a = make_closure_profile(), *b = make_closure_profile(), *merged;
    const struct hop_profile *const profiles[] = {a, b};
    struct hop_error err = {0};
    a->samples_ns = b->samples_ns = (UINT64_C(1) << 62) - 1;
    cr_assert_eq(hop_profile_merge(profiles, 2, &merged, &err), HOP_ERR_PROFILE, "%s", err.message);
    cr_assert_null(merged);
    a->samples_ns = 1;
    a->idle = b->idle = UINT64_C(1) << 62;
    cr_assert_eq(hop_profile_merge(profiles, 2, &merged, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(merged->idle, UINT64_C(1) << 62);
    hop_profile_destroy(merged);
    hop_profile_destroy(a);
    hop_profile_destroy(b);
}

/* A code object may say that it is of a line before the first: that is no line. */
Test(file_numbers, a_first_line_below_the_first_comes_back_as_none)
{
    struct hop_profile *profile = make_closure_profile(), *read;
    size_t size;
    struct hop_error err = {0};
    for (size_t i = 0; i < profile->code_count; i++)
        profile->codes[i].first_line = INT_MIN;
    for (size_t i = 0; i < profile->instruction_count; i++)
        profile->instructions[i].first_line = INT_MIN;
    cr_assert(hop_profile_finish(profile));
    char *bytes = profile_file_written(profile, &size);
    cr_assert_eq(profile_file_read(bytes, size, &read, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(read->instructions[0].first_line, 0);
    assert_reported(read, "first line");
    hop_profile_destroy(read);
    hop_profile_destroy(profile);
    free(bytes);
}
