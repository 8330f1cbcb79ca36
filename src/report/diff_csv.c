/* A comparison as comma-separated values: a row for each row of all tables, told apart by the
 * column `by`. Quoted as RFC 4180 says, lines end in CR LF; unknown numbers are empty. */
#include "report/diff.h"

#include "report/csv_parts.h"

static void print_line(FILE *stream, const struct hop_instruction *instruction, enum hop_diff_by by)
{
    fputc(',', stream);
    if (instruction && by == HOP_BY_FUNCTION)
        fprintf(stream, "%d", instruction->first_line);
    else if (instruction && instruction->line > 0)
        fprintf(stream, "%d", instruction->line);
}

static bool print_row(const struct hop_diff_table *table, const struct hop_diff_row *row,
                      FILE *stream)
{
    const struct hop_instruction *at = hop_diff_newest(row);
    fprintf(stream, "%s,%s,%d,", hop_diff_by_name(table->by), hop_diff_kind(row),
            row->chance.has_moved);
    fprintf(stream, "%.6g,%.6g,%.6g,%.6g,%.6g,%.3g,", row->share_before.share,
            row->share_after.share, row->difference, row->interval.low, row->interval.high,
            row->chance.chance);
    bool has_memory = hop_csv_print_text(stream, at->file);
    fputc(',', stream);
    has_memory = has_memory && hop_csv_print_text(stream, at->function);
    print_line(stream, row->before, table->by);
    print_line(stream, row->after, table->by);
    fputc(',', stream);
    has_memory = has_memory &&
                 (table->by != HOP_BY_INSTRUCTION || hop_csv_print_text(stream, at->base_opcode));
    fputs("\r\n", stream);
    return has_memory;
}

bool hop_diff_write_csv(const struct hop_diff_view *view, FILE *stream)
{
    bool has_memory = true;
    fputs("by,kind,has_moved,share_before,share_after,difference,difference_low,difference_high,"
          "chance,file,function,line_before,line_after,opcode\r\n",
          stream);
    for (size_t i = 0; i < view->diff->table_count; i++) {
        const struct hop_diff_table *table = &view->diff->tables[i];
        size_t limit = view->options->report.row_limit, shown = 0;
        for (size_t j = 0; has_memory && j < table->count && (!limit || shown < limit); j++) {
            if (!hop_diff_is_shown(view, &table->rows[j]))
                continue;
            has_memory = print_row(table, &table->rows[j], stream);
            shown++;
        }
    }
    return has_memory;
}
