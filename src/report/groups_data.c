/* The table of --group for programs: in JSON, beside what the document holds already, and as
 * comma-separated values, in place of the instructions. The names are the same. */
#include "report/format.h"
#include "report/groups.h"

#include "report/csv_parts.h"
#include "report/json_parts.h"
#include "report/xml.h"

#include <stdlib.h>

struct table {
    struct hop_totals totals;
    struct hop_share *shares; /* of the rows' totals */
    enum hop_grouping by;
    size_t count; /* rows that are shown: those that were hit */
};

static bool is_hit(const struct table *table, const struct hop_total *row)
{
    return row->self.samples || (hop_groups_have_total(table->by) && row->total.samples);
}

static void table_deinit(struct table *table)
{
    free(table->shares);
    hop_totals_deinit(&table->totals);
}

static bool table_init(struct table *table, const struct hop_profile *profile,
                       const struct hop_report_options *options, enum hop_grouping by)
{
    size_t limit = options->row_limit ? options->row_limit : SIZE_MAX;
    *table = (struct table){.by = by};
    if (!hop_totals_init(&table->totals, profile, options, by))
        return false;
    while (table->count < table->totals.count && table->count < limit &&
           is_hit(table, &table->totals.rows[table->count]))
        table->count++;
    table->shares = calloc(table->count + 1, sizeof *table->shares);
    if (table->shares && (!hop_groups_have_total(by) ||
                          hop_totals_find_totals(&table->totals, table->count, table->shares)))
        return true;
    table_deinit(table);
    return false;
}

static const struct hop_instruction *instruction_of(const struct table *table,
                                                    const struct hop_total *row)
{
    return &table->totals.profile->instructions[row->instruction];
}

/* --- JSON ------------------------------------------------------------------------------------- */

static bool add_line(json_t *object, const char *name, int line)
{
    return hop_json_add(object, name, line > 0 ? json_integer(line) : json_null());
}

static bool add_what(json_t *object, const struct table *table, const struct hop_total *row)
{
    switch (table->by) {
    case HOP_BY_OPCODE:
        return hop_json_add(object, "base_opcode", hop_json_text(row->name));
    case HOP_BY_LINE:
        return hop_json_add(object, "file", hop_json_text(row->file)) &&
               add_line(object, "line", row->line) &&
               hop_json_add(object, "function",
                            hop_json_text(instruction_of(table, row)->function));
    case HOP_BY_FUNCTION:
        return hop_json_add(object, "function", hop_json_text(row->name)) &&
               hop_json_add(object, "file", hop_json_text(row->file)) &&
               add_line(object, "first_line", row->line);
    case HOP_BY_FILE:
        return hop_json_add(object, "file", hop_json_text(row->file));
    case HOP_BY_THREAD:
        return hop_json_add(object, "tid",
                            json_integer(table->totals.profile->threads[row->thread].tid)) &&
               hop_json_add(object, "thread", hop_json_text(row->name));
    default:
        return hop_json_add(object, hop_grouping_name(table->by), hop_json_text(row->name));
    }
}

static bool add_numbers(json_t *object, const struct table *table, const struct hop_total *row,
                        const struct hop_share *total)
{
    return hop_json_add(object, "self", hop_json_count(row->self.samples)) &&
           hop_json_add(object, "self_ns", hop_json_count(row->self.ns)) &&
           hop_json_add(object, "share", json_real(row->share.share)) &&
           hop_json_add(object, "share_low", json_real(row->share.low)) &&
           hop_json_add(object, "share_high", json_real(row->share.high)) &&
           (!hop_groups_have_total(table->by) ||
            (hop_json_add(object, "total", hop_json_count(row->total.samples)) &&
             hop_json_add(object, "total_ns", hop_json_count(row->total.ns)) &&
             hop_json_add(object, "total_share", json_real(total->share)) &&
             hop_json_add(object, "total_share_low", json_real(total->low)) &&
             hop_json_add(object, "total_share_high", json_real(total->high))));
}

static bool print_json_row(const struct table *table, size_t number, FILE *stream)
{
    const struct hop_total *row = &table->totals.rows[number];
    json_t *object = json_object();
    bool is_written = object && add_what(object, table, row) &&
                      add_numbers(object, table, row, &table->shares[number]);
    fputs(number ? ",\n  " : "\n  ", stream);
    is_written = is_written && hop_json_print_line(object, stream);
    json_decref(object);
    return is_written;
}

bool hop_groups_print_json(const struct hop_profile *profile,
                           const struct hop_report_options *options, enum hop_grouping by,
                           FILE *stream)
{
    struct table table;
    if (!table_init(&table, profile, options, by))
        return false;
    bool is_whole = true;
    fprintf(stream, ",\n\"grouped_by\": \"%s\",\n\"groups\": [", hop_grouping_name(by));
    for (size_t i = 0; is_whole && i < table.count; i++)
        is_whole = print_json_row(&table, i, stream);
    putc(']', stream);
    table_deinit(&table);
    return is_whole;
}

/* --- comma-separated values ------------------------------------------------------------------- */

static void print_head(enum hop_grouping by, FILE *stream)
{
    static const char *const columns[HOP_GROUPINGS] = {
        [HOP_BY_OPCODE] = "base_opcode",
        [HOP_BY_LINE] = "file,line,function",
        [HOP_BY_FUNCTION] = "function,file,first_line",
        [HOP_BY_FILE] = "file",
        [HOP_BY_MODULE] = "module",
        [HOP_BY_THREAD] = "tid,thread",
        [HOP_BY_CLASS] = "class",
    };
    fprintf(stream, "%s,self,self_ns,share,share_low,share_high%s\r\n", columns[by],
            hop_groups_have_total(by)
                ? ",total,total_ns,total_share,total_share_low,total_share_high"
                : "");
}

/* Empty where it is not known. */
static void print_line_number(FILE *stream, int line)
{
    if (line > 0)
        fprintf(stream, "%d", line);
}

static bool print_csv_what(const struct table *table, const struct hop_total *row, FILE *stream)
{
    bool is_written;
    switch (table->by) {
    case HOP_BY_LINE:
        is_written = hop_csv_print_text(stream, row->file);
        putc(',', stream);
        print_line_number(stream, row->line);
        putc(',', stream);
        return is_written && hop_csv_print_text(stream, instruction_of(table, row)->function);
    case HOP_BY_FUNCTION:
        is_written = hop_csv_print_text(stream, row->name);
        putc(',', stream);
        is_written = is_written && hop_csv_print_text(stream, row->file);
        putc(',', stream);
        print_line_number(stream, row->line);
        return is_written;
    case HOP_BY_FILE:
        return hop_csv_print_text(stream, row->file);
    case HOP_BY_THREAD:
        fprintf(stream, "%d,", table->totals.profile->threads[row->thread].tid);
        return hop_csv_print_text(stream, row->name);
    default:
        return hop_csv_print_text(stream, row->name);
    }
}

static void print_csv_numbers(const struct hop_hits *hits, const struct hop_share *share,
                              FILE *stream)
{
    putc(',', stream);
    hop_print_count(stream, hits->samples);
    putc(',', stream);
    hop_print_count(stream, hits->ns);
    fprintf(stream, ",%.6g,%.6g,%.6g", share->share, share->low, share->high);
}

bool hop_groups_print_csv(const struct hop_profile *profile,
                          const struct hop_report_options *options, enum hop_grouping by,
                          FILE *stream)
{
    struct table table;
    if (!table_init(&table, profile, options, by))
        return false;
    bool is_whole = true;
    print_head(by, stream);
    for (size_t i = 0; is_whole && i < table.count; i++) {
        const struct hop_total *row = &table.totals.rows[i];
        is_whole = print_csv_what(&table, row, stream);
        print_csv_numbers(&row->self, &row->share, stream);
        if (hop_groups_have_total(by))
            print_csv_numbers(&row->total, &table.shares[i], stream);
        fputs("\r\n", stream);
    }
    table_deinit(&table);
    return is_whole;
}
