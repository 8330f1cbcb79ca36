/* Compares two profiles for a report, and gives that to one of its formats. What moved is
 * profile/diff.c's to say. */
#include "report/diff.h"

#include "report/format.h"
#include "report/rows.h"
#include "report/select.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool (*write)(const struct hop_diff_view *view, FILE *stream);
} formats[] = {
    {"text", hop_diff_write_text}, {"json", hop_diff_write_json}, {"csv", hop_diff_write_csv}};

enum { FORMAT_COUNT = sizeof formats / sizeof *formats };

const char *hop_diff_by_name(enum hop_diff_by by)
{
    static const char *const names[] = {[HOP_BY_INSTRUCTION] = "instruction",
                                        [HOP_BY_LINE] = "line",
                                        [HOP_BY_FUNCTION] = "function"};
    return names[by];
}

const struct hop_instruction *hop_diff_newest(const struct hop_diff_row *row)
{
    return row->after ? row->after : row->before;
}

bool hop_diff_is_shown(const struct hop_diff_view *view, const struct hop_diff_row *row)
{
    return row->chance.has_moved || view->options->shows_all;
}

const char *hop_diff_kind(const struct hop_diff_row *row)
{
    if (!row->function->before)
        return "new";
    return row->function->after ? "changed" : "gone";
}

/* Which instructions the options are about; NULL: all of them, or out of memory. */
static bool *find_wanted(const struct hop_profile *profile,
                         const struct hop_report_options *options, bool *has_memory)
{
    static const char *const all[] = {"all"};
    struct hop_report_options selection = *options;
    if (!selection.instruction_count && !selection.file_count)
        return NULL;
    if (!selection.instruction_count) {
        selection.instructions = all;
        selection.instruction_count = 1;
    }
    bool *is_wanted = calloc(profile->instruction_count + 1, sizeof *is_wanted);
    *has_memory = *has_memory && is_wanted;
    for (size_t i = 0; is_wanted && i < profile->instruction_count; i++)
        is_wanted[i] = hop_select_tracks(&selection, &profile->instructions[i]);
    return is_wanted;
}

static unsigned tables_of(const struct hop_diff_options *options, const struct hop_profile *before,
                          const struct hop_profile *after)
{
    unsigned all = 1u << HOP_BY_INSTRUCTION | 1u << HOP_BY_LINE | 1u << HOP_BY_FUNCTION;
    unsigned asked = options->by & all;
    if (asked)
        return asked;
    return hop_diff_same_bytecode(before->python, after->python)
               ? all
               : all & ~(1u << HOP_BY_INSTRUCTION);
}

static bool compare_and_write(const struct hop_profile *before, const struct hop_profile *after,
                              const struct hop_diff_options *options,
                              bool (*write)(const struct hop_diff_view *view, FILE *stream),
                              FILE *stream, bool *is_exceeded)
{
    struct hop_diff diff = {0};
    bool has_memory = true;
    bool *wanted_before = find_wanted(before, &options->report, &has_memory);
    bool *wanted_after = find_wanted(after, &options->report, &has_memory);
    struct hop_diff_view view = {
        .diff = &diff,
        .options = options,
        .files_before = hop_short_file_names(before),
        .files_after = hop_short_file_names(after),
    };
    has_memory = has_memory && view.files_before && view.files_after &&
                 hop_diff_init(&diff, before, after, tables_of(options, before, after),
                               wanted_before, wanted_after);
    if (has_memory) {
        view.is_exceeded = hop_diff_exceeds(&diff, options->fail_above);
        if (is_exceeded)
            *is_exceeded = view.is_exceeded;
        has_memory = write(&view, stream);
    }
    hop_diff_deinit(&diff);
    free(view.files_before);
    free(view.files_after);
    free(wanted_before);
    free(wanted_after);
    return has_memory;
}

enum hop_status hop_diff(const struct hop_profile *before, const struct hop_profile *after,
                         const struct hop_diff_options *options, const char *format, FILE *stream,
                         bool *is_exceeded, struct hop_error *err)
{
    static const struct hop_diff_options defaults;
    size_t i = 0;
    if (is_exceeded)
        *is_exceeded = false;
    while (i < FORMAT_COUNT && strcmp(formats[i].name, format) != 0)
        i++;
    if (i == FORMAT_COUNT)
        return hop_error_set(err, HOP_ERR_USAGE, "it is text, json or csv",
                             "a comparison cannot be written as %s", format);
    if (!compare_and_write(before, after, options ? options : &defaults, formats[i].write, stream,
                           is_exceeded))
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    return hop_format_check_stream(stream, err);
}
