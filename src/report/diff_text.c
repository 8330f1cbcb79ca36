/* A comparison for people: what was compared and how much it tells, then a table for each way of
 * joining instructions, the largest change first. */
#include "report/diff.h"

#include "base/escape.h"
#include "report/numbers.h"
#include "report/text_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { ROW_LIMIT_DEFAULT = 30 };

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* "1.9 points" */
static struct hop_number points(double share)
{
    struct hop_number result;
    double number = 100 * share;
    snprintf(result.text, sizeof result.text, "%.*f point%s", number < .995 ? 2 : 1, number,
             number > .95 && number < 1.05 ? "" : "s");
    return result;
}

static struct hop_number percent_of(double share)
{
    struct hop_number result = {"<0.1%"};
    if (!(share > 0))
        return (struct hop_number){"-"};
    if (share >= .0005)
        snprintf(result.text, sizeof result.text, "%.1f%%", 100 * share);
    return result;
}

/* --- heading ---------------------------------------------------------------------------------- */

static void print_first_line(const struct hop_diff_view *view, FILE *stream)
{
    const struct hop_diff *diff = view->diff;
    size_t count = 0, moved = 0;
    double detectable = 0;
    for (size_t i = 0; i < diff->table_count; i++) {
        count += diff->tables[i].count;
        moved += diff->tables[i].moved;
        detectable = fmax(detectable, diff->tables[i].detectable);
    }
    fprintf(stream, "%s row%s compared, %s moved beyond chance; ", hop_thousands(count).text,
            plural(count), moved ? hop_thousands(moved).text : "none");
    if (detectable < HOP_DIFF_TYPICAL_SHARE)
        fprintf(stream, "of a row of %.0f%% a change by %s shows in 4 of 5 comparisons\n",
                100 * HOP_DIFF_TYPICAL_SHARE, points(detectable).text);
    else
        fputs("there are too few samples to tell much\n", stream);
}

static void print_side(const char *title, const struct hop_profile *profile, FILE *stream)
{
    fputs(title, stream);
    hop_text_print_target(stream, profile->pid, profile->python, profile->command_line);
    fprintf(stream, "        %s sample%s that stand for %s, in %s\n",
            hop_thousands(profile->samples).text, plural(profile->samples),
            hop_seconds(profile->samples_ns).text, hop_seconds(profile->duration_ns).text);
}

static void print_notes(const struct hop_diff_view *view, FILE *stream)
{
    const struct hop_diff *diff = view->diff;
    bool has_instructions = false;
    for (size_t i = 0; i < diff->table_count; i++)
        has_instructions |= diff->tables[i].by == HOP_BY_INSTRUCTION;
    if (strcmp(diff->before->mode, diff->after->mode) != 0) {
        fputs("The modes differ (", stream);
        hop_print_escaped(stream, diff->before->mode);
        fputs(", ", stream);
        hop_print_escaped(stream, diff->after->mode);
        fputs("): they do not sample the same.\n", stream);
    }
    if (!has_instructions && !view->options->by)
        fputs("The Pythons have different instructions: lines and functions are compared.\n",
              stream);
}

static void print_verdict(const struct hop_diff_view *view, FILE *stream)
{
    const struct hop_diff_options *options = view->options;
    double detectable = 0;
    if (!options->has_limit)
        return;
    for (size_t i = 0; i < view->diff->table_count; i++)
        detectable = fmax(detectable, view->diff->tables[i].detectable);
    if (view->is_exceeded)
        fprintf(stream, "\nFAILED: something grew beyond chance and by more than %s.\n",
                points(options->fail_above).text);
    else
        fprintf(stream, "\nNothing grew beyond chance and by more than %s.\n",
                points(options->fail_above).text);
    if (!view->is_exceeded && detectable > options->fail_above)
        fprintf(stream,
                "But there are too few samples to be sure of it: a growth by less than some %s may "
                "go unnoticed.\n",
                points(detectable).text);
}

/* --- tables ----------------------------------------------------------------------------------- */

static const char *file_of(const struct hop_diff_view *view, const struct hop_diff_row *row)
{
    if (row->after)
        return view->files_after[row->after - view->diff->after->instructions];
    return view->files_before[row->before - view->diff->before->instructions];
}

static void print_line_number(FILE *stream, int line)
{
    if (line > 0)
        fprintf(stream, "%d", line);
    else
        fputc('?', stream);
}

static void print_place(const struct hop_diff_view *view, const struct hop_diff_row *row,
                        enum hop_diff_by by, FILE *stream)
{
    const struct hop_instruction *at = hop_diff_newest(row);
    hop_text_print_name(stream, file_of(view, row));
    if (by != HOP_BY_FUNCTION) {
        fputc(':', stream);
        print_line_number(stream, at->line);
    }
    if (by == HOP_BY_INSTRUCTION && at->column >= 0)
        fprintf(stream, ":%" PRId64, (int64_t)at->column + 1);
    fputc(' ', stream);
    hop_text_print_name(stream, at->function);
    if (by == HOP_BY_INSTRUCTION) {
        fputc(' ', stream);
        hop_text_print_name(stream, at->base_opcode);
    }
    if (by != HOP_BY_FUNCTION && !row->after && row->function->after)
        fputs(" (before)", stream); /* the line's number is one of then */
    if (by != HOP_BY_FUNCTION && row->before && row->after &&
        row->before->line != row->after->line) {
        fputs(" (was line ", stream);
        print_line_number(stream, row->before->line);
        fputc(')', stream);
    }
}

static struct hop_number factor_of(const struct hop_diff_row *row)
{
    struct hop_number result;
    double before = row->share_before.share, after = row->share_after.share;
    if (strcmp(hop_diff_kind(row), "changed") != 0)
        snprintf(result.text, sizeof result.text, "%s", hop_diff_kind(row));
    else if (before > 0 && after > 0)
        snprintf(result.text, sizeof result.text, "x %.*f", after / before < .995 ? 2 : 1,
                 after / before);
    else
        snprintf(result.text, sizeof result.text, "-");
    return result;
}

enum { CHANGE_WIDTH = 7, INTERVAL_WIDTH = 15, FACTOR_WIDTH = 7 };

static void print_row(const struct hop_diff_view *view, const struct hop_diff_row *row,
                      enum hop_diff_by by, FILE *stream)
{
    bool is_coloured = view->options->report.is_coloured && row->chance.has_moved;
    char interval[48];
    snprintf(interval, sizeof interval, "%+.1f to %+.1f", 100 * row->interval.low,
             100 * row->interval.high);
    fprintf(stream, "%6s | %6s | ", percent_of(row->share_before.share).text,
            percent_of(row->share_after.share).text);
    if (is_coloured)
        fputs(row->difference > 0 ? "\033[31m" : "\033[32m", stream);
    fprintf(stream, "%+*.1f", CHANGE_WIDTH, 100 * row->difference);
    if (is_coloured)
        fputs("\033[0m", stream);
    fprintf(stream, "%s| %*s | %*s | ",
            view->options->shows_all && row->chance.has_moved ? "*" : " ", INTERVAL_WIDTH, interval,
            FACTOR_WIDTH, factor_of(row).text);
    print_place(view, row, by, stream);
    fputc('\n', stream);
}

static void print_table(const struct hop_diff_view *view, const struct hop_diff_table *table,
                        FILE *stream)
{
    static const char *const titles[] = {[HOP_BY_INSTRUCTION] = "INSTRUCTION",
                                         [HOP_BY_LINE] = "LINE",
                                         [HOP_BY_FUNCTION] = "FUNCTION"};
    size_t limit = view->options->report.row_limit, shown = 0, count = 0;
    limit = limit ? limit : ROW_LIMIT_DEFAULT;
    for (size_t i = 0; i < table->count; i++)
        count += hop_diff_is_shown(view, &table->rows[i]);
    fprintf(stream, "\n%s %s%s compared, %s seen often enough to tell, %s moved\n",
            hop_thousands(table->count).text, hop_diff_by_name(table->by), plural(table->count),
            hop_thousands(table->telling).text, hop_thousands(table->moved).text);
    if (count == 0)
        return;
    fprintf(stream, "BEFORE |  AFTER | %*s | %*s | %*s | %s\n", CHANGE_WIDTH, "POINTS",
            INTERVAL_WIDTH, "95 %     ", FACTOR_WIDTH, "FACTOR", titles[table->by]);
    fputs("-------+--------+---------+-----------------+---------+-", stream);
    fputs("------------------------\n", stream);
    for (size_t i = 0; i < table->count && shown < limit; i++) {
        if (!hop_diff_is_shown(view, &table->rows[i]))
            continue;
        print_row(view, &table->rows[i], table->by, stream);
        shown++;
    }
    if (shown < count)
        fprintf(stream, "... and %s more row%s (-n 0 shows all)\n",
                hop_thousands(count - shown).text, plural(count - shown));
}

bool hop_diff_write_text(const struct hop_diff_view *view, FILE *stream)
{
    const struct hop_diff *diff = view->diff;
    print_first_line(view, stream);
    print_side("before: ", diff->before, stream);
    print_side("after:  ", diff->after, stream);
    print_notes(view, stream);
    for (size_t i = diff->table_count; i-- > 0;) /* functions first: where to look */
        print_table(view, &diff->tables[i], stream);
    if (view->options->shows_all)
        fputs("\n* moved beyond chance\n", stream);
    print_verdict(view, stream);
    return true;
}
