/* The report for people: what was looked at and how (text_heading.c), then which instructions were
 * hit, then where. It lays out the rows that rows.c makes. */
#include "report/format.h"

#include "base/escape.h"
#include "report/groups.h"
#include "report/numbers.h"
#include "report/rows.h"
#include "report/text_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_LIMIT_DEFAULT = 30 /* both tables fit on a tall terminal */ };

struct text_report {
    FILE *stream;
    const struct hop_profile *profile;
    const struct hop_report_options *options;
    const struct hop_shares *shares;
    const char **short_files;
    size_t row_limit;
};

/* ":8", ":8:20", ":8:20-24", ":8:20-9:4"; columns from 1, as compilers and editors count, the last
 * one included. Code that is of no line (the start of a closure) is where its function is. */
static void print_line(FILE *stream, const struct hop_row *row)
{
    const struct hop_instruction *at = row->instruction;
    int line = at->line > 0 ? at->line : at->first_line;
    if (line > 0)
        fprintf(stream, ":%d", line);
    else
        fputs(":?", stream);
    if (!row->needs_column || at->column < 0)
        return;
    fprintf(stream, ":%" PRId64, (int64_t)at->column + 1);
    if (!row->needs_end || at->end_column < 0)
        return;
    if (at->end_line == at->line)
        fprintf(stream, "-%d", at->end_column);
    else
        fprintf(stream, "-%d:%d", at->end_line, at->end_column);
}

static void print_location(FILE *stream, const struct hop_row *row)
{
    hop_text_print_name(stream, row->file);
    print_line(stream, row);
    fputc(' ', stream);
    hop_text_print_name(stream,
                        row->needs_qualified_name ? row->instruction->function : row->function);
    fputc(' ', stream);
    hop_text_print_name(stream, row->name);
    if (row->needs_offset)
        fprintf(stream, " (offset %" PRIu32 ")", row->instruction->offset);
}

static void print_name(FILE *stream, const struct hop_row *row)
{
    hop_text_print_name(stream, row->name);
}

/* Of time, where samples stand for different times. */
static struct hop_number percent(const struct text_report *report, const struct hop_hits *part,
                                 const struct hop_hits *whole)
{
    return report->profile->has_weights ? hop_percent(part->ns, whole->ns)
                                        : hop_percent(part->samples, whole->samples);
}

enum { INTERVAL_WIDTH = 12 /* of "99.9 - 100.0" */ };

/* From which part on a row is hot: what a tenth is spent in is worth a look, what a hundredth is
 * spent in is not. */
static const double HOT = .10, WARM = .02, FAINT = .005;

/* What makes text look so on a terminal; "" where there are no colours. */
static const char *look(const struct text_report *report, const char *codes)
{
    return report->options->is_coloured ? codes : "";
}

static const char *look_of_share(const struct text_report *report, double share)
{
    return look(report, share >= HOT     ? "\033[1;31m"
                        : share >= WARM  ? "\033[33m"
                        : share >= FAINT ? ""
                                         : "\033[2m");
}

static void print_table(const struct text_report *report, const struct hop_rows *rows,
                        const char *title, void (*print_what)(FILE *, const struct hop_row *))
{
    FILE *stream = report->stream;
    size_t shown = rows->count < report->row_limit ? rows->count : report->row_limit;
    int width = (int)strlen("HITS");
    for (size_t i = 0; i < shown; i++) { /* the most hits are not first where weights differ */
        int length = (int)strlen(hop_thousands(rows->rows[i].hits.samples).text);
        width = length > width ? length : width;
    }
    fprintf(stream, "\n%s%*s |  SHARE | %*s | %s%s\n", look(report, "\033[1m"), width, "HITS",
            INTERVAL_WIDTH, "95 %    ", title, look(report, "\033[0m"));
    for (int i = 0; i < width + 1; i++)
        fputc('-', stream);
    fputs("+--------+--------------+-", stream);
    for (int i = 0; i < 40; i++)
        fputc('-', stream);
    fputc('\n', stream);
    for (size_t i = 0; i < shown; i++) {
        const struct hop_row *row = &rows->rows[i];
        const char *plain = look(report, "\033[0m");
        fprintf(stream, "%*s | %s%6s%s | %s%*s%s | ", width, hop_thousands(row->hits.samples).text,
                look_of_share(report, row->share.share),
                percent(report, &row->hits, &rows->hits).text, plain, look(report, "\033[2m"),
                INTERVAL_WIDTH, hop_percents(row->share.low, row->share.high).text, plain);
        print_what(stream, row);
        fputc('\n', stream);
    }
    if (shown < rows->count)
        fprintf(stream, "%*s |        | %*s | ... and %s more row%s (-n 0 shows all)\n", width, "",
                INTERVAL_WIDTH, "", hop_thousands(rows->count - shown).text,
                rows->count - shown == 1 ? "" : "s");
}

/* The tables of the whole profile or of one thread. */
static bool print_tables(const struct text_report *report, const struct hop_rows *rows)
{
    struct hop_rows by_name;
    if (!hop_rows_by_name(rows, report->shares, &by_name))
        return false;
    print_table(report, &by_name, "INSTRUCTION", print_name);
    print_table(report, rows, "LOCATION", print_location);
    hop_rows_deinit(&by_name);
    return true;
}

static void print_hint(const struct text_report *report)
{
    const struct hop_profile *profile = report->profile;
    const char *hint;
    if (profile->samples)
        hint = report->options->instruction_count || report->options->file_count
                   ? "Nothing that -i and -f ask for was hit; '-i all' without -f shows everything."
                   : "None of the instructions tracked by default was hit; '-i all' shows all.";
    else if (profile->idle)
        hint = "No thread was busy; '--mode wall' looks at sleeping and waiting threads too.";
    else if (profile->refused_total)
        hint = "Not one sample could be proved true; see 'refused' above.";
    else
        hint = "Nothing was sampled: the target ran too short a time, or had no Python thread.";
    fprintf(report->stream, "%s\n", hint);
}

/* "3,814 / 94,467 tracked instruction hits (4.0%, 95 %: 3.9 - 4.2)" */
static bool print_tracked(const struct text_report *report, const struct hop_rows *rows,
                          struct hop_hits whole)
{
    struct hop_share share;
    fprintf(report->stream, "%s / %s tracked instruction hits",
            hop_thousands(rows->hits.samples).text, hop_thousands(whole.samples).text);
    if (!whole.samples)
        return true;
    if (!hop_rows_share_of_all(rows, report->shares, &whole, &share))
        return false;
    fprintf(report->stream, " (%s", percent(report, &rows->hits, &whole).text);
    if (rows->hits.samples != whole.samples)
        fprintf(report->stream, ", 95 %%: %s", hop_percents(share.low, share.high).text);
    fputc(')', report->stream);
    return true;
}

static bool print_whole(const struct text_report *report)
{
    struct hop_rows rows;
    const struct hop_profile *profile = report->profile;
    if (!hop_rows_init(&rows, report->shares, report->options, report->short_files, NULL, 0))
        return false;
    fputc('\n', report->stream);
    bool has_memory =
        print_tracked(report, &rows, (struct hop_hits){profile->samples, profile->samples_ns});
    fprintf(report->stream, "%s\n", rows.hits.samples ? "; SHARE is of the tracked" : "");
    if (rows.hits.samples && profile->has_weights)
        fputs("Samples stand for different times; SHARE is of time\n", report->stream);
    if (rows.hits.samples == 0)
        print_hint(report);
    else if (has_memory && !report->options->by_thread)
        has_memory = print_tables(report, &rows);
    hop_rows_deinit(&rows);
    return has_memory;
}

static bool print_thread(const struct text_report *report, const struct hop_thread_hits *hits,
                         size_t count)
{
    const struct hop_profile_thread *thread = &report->profile->threads[hits->thread];
    struct hop_rows rows;
    if (!hop_rows_init(&rows, report->shares, report->options, report->short_files, hits, count))
        return false;
    fprintf(report->stream, "\nThread %d", thread->tid);
    if (thread->name[0]) {
        fputs(" (", report->stream);
        hop_print_escaped(report->stream, thread->name);
        fputc(')', report->stream);
    }
    fputs(": ", report->stream);
    bool has_memory =
        print_tracked(report, &rows, (struct hop_hits){thread->samples, thread->samples_ns});
    fputc('\n', report->stream);
    has_memory = has_memory && (rows.hits.samples == 0 || print_tables(report, &rows));
    hop_rows_deinit(&rows);
    return has_memory;
}

/* One thread's part of the list of hits. */
struct thread_part {
    const struct hop_thread_hits *hits;
    size_t count;
    uint64_t samples;
};

static int by_samples(const void *left, const void *right)
{
    const struct thread_part *a = left, *b = right;
    if (a->samples != b->samples)
        return a->samples > b->samples ? -1 : 1;
    return (a->hits > b->hits) - (a->hits < b->hits);
}

/* The busiest thread first. */
static bool print_threads(const struct text_report *report)
{
    size_t hit_count, part_count = 0;
    struct hop_thread_hits *hits = hop_profile_hits_by_thread(report->profile, &hit_count);
    if (hit_count == SIZE_MAX)
        return false;
    struct thread_part *parts = calloc(report->profile->thread_count + 1, sizeof *parts);
    bool has_memory = parts != NULL;
    for (size_t i = 0, next; has_memory && i < hit_count; i = next) {
        for (next = i + 1; next < hit_count && hits[next].thread == hits[i].thread;)
            next++;
        parts[part_count++] = (struct thread_part){
            &hits[i], next - i, report->profile->threads[hits[i].thread].samples};
    }
    if (part_count)
        qsort(parts, part_count, sizeof *parts, by_samples);
    for (size_t i = 0; has_memory && i < part_count; i++)
        has_memory = print_thread(report, parts[i].hits, parts[i].count);
    free(parts);
    free(hits);
    return has_memory;
}

/* --group: its table instead of the others. */
static enum hop_status write_groups(const struct hop_profile *profile,
                                    const struct hop_report_options *options, FILE *stream,
                                    struct hop_error *err)
{
    enum hop_grouping by;
    enum hop_status status = hop_groups_choose(options, HOP_BY_OPCODE, &by, err);
    if (status != HOP_OK)
        return status;
    hop_text_print_heading(stream, profile);
    return hop_groups_print(profile, options, by, stream, err);
}

static enum hop_status write_text(const struct hop_profile *profile,
                                  const struct hop_report_options *options, FILE *stream,
                                  struct hop_error *err)
{
    if (options->group)
        return write_groups(profile, options, stream, err);
    struct text_report report = {
        .stream = stream,
        .profile = profile,
        .options = options,
        .short_files = hop_short_file_names(profile),
        .row_limit = options->row_limit ? options->row_limit : ROW_LIMIT_DEFAULT,
    };
    struct hop_shares shares = {0};
    bool has_memory = report.short_files && hop_shares_init(&shares, profile);
    report.shares = &shares;
    if (has_memory) {
        hop_text_print_heading(stream, profile);
        has_memory = print_whole(&report);
    }
    if (has_memory && options->by_thread)
        has_memory = print_threads(&report);
    hop_shares_deinit(&shares);
    free(report.short_files);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_text = {
    .name = "text",
    .suffixes = ".txt",
    .groups = true,
    .write = write_text,
    .write_snapshot = hop_text_write_snapshot,
};
