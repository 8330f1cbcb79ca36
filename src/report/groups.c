/* The format "groups": a table of opcodes, lines, functions, files, modules, threads or classes of
 * opcodes, with what each has itself and with all that it called. */
#include "report/groups.h"

#include "report/format.h"
#include "report/numbers.h"
#include "report/rows.h"
#include "report/text_parts.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_LIMIT_DEFAULT = 30, INTERVAL_WIDTH = 12 /* of "99.9 - 100.0" */ };

enum hop_status hop_groups_choose(const struct hop_report_options *options,
                                  enum hop_grouping otherwise, enum hop_grouping *by,
                                  struct hop_error *err)
{
    *by = options->group ? hop_grouping_find(options->group) : otherwise;
    if (*by != HOP_GROUPINGS)
        return HOP_OK;
    char known[128] = "it is one of:";
    for (size_t i = 0; i < HOP_GROUPINGS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s %s", i ? "," : "",
                 hop_grouping_name((enum hop_grouping)i));
    }
    return hop_error_set(err, HOP_ERR_USAGE, known, "no way to group is called '%s'",
                         options->group);
}

const char *hop_report_group(size_t index)
{
    return index < HOP_GROUPINGS ? hop_grouping_name((enum hop_grouping)index) : NULL;
}

bool hop_groups_have_total(enum hop_grouping by)
{
    return by == HOP_BY_FUNCTION || by == HOP_BY_FILE || by == HOP_BY_MODULE || by == HOP_BY_LINE;
}

struct table {
    const struct hop_totals *totals;
    const char *const *short_files; /* by instruction */
    enum hop_grouping by;
    FILE *stream;
    bool has_total; /* "with all that it called" means something */
    int self_width, total_width;
};

static struct hop_number percent(const struct table *table, const struct hop_hits *part)
{
    const struct hop_hits *whole = &table->totals->whole;
    return table->totals->profile->has_weights ? hop_percent(part->ns, whole->ns)
                                               : hop_percent(part->samples, whole->samples);
}

static void print_what(const struct table *table, const struct hop_total *row)
{
    FILE *stream = table->stream;
    const char *file = table->by == HOP_BY_THREAD ? "" : table->short_files[row->instruction];
    switch (table->by) {
    case HOP_BY_FUNCTION:
        hop_text_print_name(stream, row->name);
        fputs(" (", stream);
        hop_text_print_name(stream, file);
        fprintf(stream, ":%d)", row->line);
        break;
    case HOP_BY_LINE:
        hop_text_print_name(stream, file);
        fprintf(stream, ":%d ", row->line);
        hop_text_print_name(stream,
                            table->totals->profile->instructions[row->instruction].function);
        break;
    case HOP_BY_FILE:
        hop_text_print_name(stream, file);
        break;
    case HOP_BY_THREAD:
        fprintf(stream, "%d", table->totals->profile->threads[row->thread].tid);
        if (row->name[0]) {
            fputc(' ', stream);
            hop_text_print_name(stream, row->name);
        }
        break;
    default:
        hop_text_print_name(stream, row->name);
        break;
    }
}

/* `total`: the share of all that it has on the stack. */
static void print_row(const struct table *table, const struct hop_total *row,
                      const struct hop_share *total)
{
    FILE *stream = table->stream;
    fprintf(stream, "%*s %6s  %-*s", table->self_width, hop_thousands(row->self.samples).text,
            percent(table, &row->self).text, INTERVAL_WIDTH,
            hop_percents(row->share.low, row->share.high).text);
    if (table->has_total)
        fprintf(stream, " %*s %6s  %-*s", table->total_width,
                hop_thousands(row->total.samples).text, percent(table, &row->total).text,
                INTERVAL_WIDTH, hop_percents(total->low, total->high).text);
    fputs("  ", stream);
    print_what(table, row);
    fputc('\n', stream);
}

static int wider(int width, uint64_t number)
{
    int length = (int)strlen(hop_thousands(number).text);
    return length > width ? length : width;
}

static bool is_hit(const struct table *table, const struct hop_total *row)
{
    return row->self.samples || (table->has_total && row->total.samples);
}

static bool print_rows(struct table *table, size_t limit)
{
    const struct hop_totals *totals = table->totals;
    size_t count = 0;
    while (count < totals->count && is_hit(table, &totals->rows[count]))
        count++;
    size_t shown = count < limit ? count : limit;
    struct hop_share *shares = calloc(shown + 1, sizeof *shares);
    if (!shares || (table->has_total && !hop_totals_find_totals(totals, shown, shares))) {
        free(shares);
        return false;
    }
    table->self_width = (int)strlen("SELF");
    table->total_width = (int)strlen("TOTAL");
    for (size_t i = 0; i < shown; i++) {
        table->self_width = wider(table->self_width, totals->rows[i].self.samples);
        table->total_width = wider(table->total_width, totals->rows[i].total.samples);
    }
    char title[16];
    snprintf(title, sizeof title, "%s", hop_grouping_name(table->by));
    for (char *at = title; *at; at++)
        *at = (char)(*at - 'a' + 'A');
    fprintf(table->stream, "\n%*s %6s  %-*s", table->self_width, table->has_total ? "SELF" : "HITS",
            "SHARE", INTERVAL_WIDTH, "95 %");
    if (table->has_total)
        fprintf(table->stream, " %*s %6s  %-*s", table->total_width, "TOTAL", "SHARE",
                INTERVAL_WIDTH, "95 %");
    fprintf(table->stream, "  %s\n", title);
    for (size_t i = 0; i < shown; i++)
        print_row(table, &totals->rows[i], &shares[i]);
    free(shares);
    if (shown < count)
        fprintf(table->stream, "... and %s more row%s (-n 0 shows all)\n",
                hop_thousands(count - shown).text, count - shown == 1 ? "" : "s");
    return true;
}

enum hop_status hop_groups_print(const struct hop_profile *profile,
                                 const struct hop_report_options *options, enum hop_grouping by,
                                 FILE *stream, struct hop_error *err)
{
    struct hop_totals totals;
    const char **short_files = hop_short_file_names(profile);
    bool has_memory = short_files && hop_totals_init(&totals, profile, options, by);
    if (has_memory) {
        struct table table = {
            .totals = &totals,
            .short_files = short_files,
            .by = by,
            .stream = stream,
            .has_total = hop_groups_have_total(by),
        };
        if (totals.whole.samples)
            has_memory =
                print_rows(&table, options->row_limit ? options->row_limit : ROW_LIMIT_DEFAULT);
        else
            fputs("\nNothing was hit.\n", stream);
        hop_totals_deinit(&totals);
    }
    free(short_files);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

static enum hop_status write_groups(const struct hop_profile *profile,
                                    const struct hop_report_options *options, FILE *stream,
                                    struct hop_error *err)
{
    enum hop_grouping by;
    enum hop_status status = hop_groups_choose(options, HOP_BY_CLASS, &by, err);
    if (status != HOP_OK)
        return status;
    hop_text_print_heading(stream, profile);
    return hop_groups_print(profile, options, by, stream, err);
}

const struct hop_format hop_format_groups = {
    .name = "groups", .groups = true, .joins_threads = true, .write = write_groups};
