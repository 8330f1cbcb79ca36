/* The report for people: what was looked at and how, then which instructions were hit, then where.
 * It lays out the rows that rows.c makes. */
#include "report/format.h"

#include "base/escape.h"
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
    const char **short_files;
    size_t row_limit;
};

static const char *ending_words(enum hop_ending ending)
{
    switch (ending) {
    case HOP_ENDED_DURATION:
        return NULL; /* as asked: nothing to tell */
    case HOP_ENDED_STOPPED:
        return "stopped by the user";
    case HOP_ENDED_EXITED:
        return "the process exited";
    case HOP_ENDED_EXEC:
        return "the process became another program (exec)";
    }
    return NULL;
}

static void print_refused(const struct text_report *report)
{
    const struct hop_profile *profile = report->profile;
    if (profile->refused_total == 0)
        return;
    fprintf(report->stream,
            "refused: %s (%s of what was looked at):", hop_thousands(profile->refused_total).text,
            hop_percent(profile->refused_total, profile->samples + profile->refused_total).text);
    for (size_t i = 0; i < profile->refused_count; i++)
        fprintf(report->stream, "%s %s %s", i ? ";" : "",
                hop_thousands(profile->refused[i].count).text, profile->refused[i].words);
    fputc('\n', report->stream);
}

static void print_heading(const struct text_report *report)
{
    const struct hop_profile *profile = report->profile;
    FILE *stream = report->stream;
    hop_text_print_target(stream, profile->pid, profile->python, profile->command_line);
    fprintf(stream, "%s samples in %s at %s", hop_thousands(profile->samples).text,
            hop_seconds(profile->duration_ns).text, hop_frequency(profile->true_rate_hz).text);
    fprintf(stream, " (%s asked; mode %s, %s)\n", hop_frequency(profile->asked_rate_hz).text,
            profile->mode, profile->way);
    print_refused(report);
    if (profile->longest_stop_ns)
        fprintf(stream,
                "stopped: for %s at the longest; %s of the samples (%s) at the end of a system "
                "call\n",
                hop_moment(profile->longest_stop_ns).text,
                hop_thousands(profile->syscall_stops).text,
                hop_percent(profile->syscall_stops, profile->samples).text);
    if (profile->idle)
        fprintf(stream, "idle: %s time%s a thread slept or waited and was left out\n",
                hop_thousands(profile->idle).text, profile->idle == 1 ? "" : "s");
    if (profile->missed)
        fprintf(stream, "missed: %s instant%s that had passed before heavyops got to run\n",
                hop_thousands(profile->missed).text, profile->missed == 1 ? "" : "s");
    const char *ending = ending_words(profile->ending);
    if (ending)
        fprintf(stream, "ended: %s\n", ending);
}

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
    fprintf(stream, ":%d", at->column + 1);
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

static void print_table(const struct text_report *report, const struct hop_rows *rows,
                        const char *title, void (*print_what)(FILE *, const struct hop_row *))
{
    FILE *stream = report->stream;
    size_t shown = rows->count < report->row_limit ? rows->count : report->row_limit;
    int width = (int)strlen("HITS");
    if (shown && (int)strlen(hop_thousands(rows->rows[0].hits).text) > width)
        width = (int)strlen(hop_thousands(rows->rows[0].hits).text);
    fprintf(stream, "\n%*s |  SHARE | %s\n", width, "HITS", title);
    for (int i = 0; i < width + 1; i++)
        fputc('-', stream);
    fputs("+--------+-", stream);
    for (int i = 0; i < 40; i++)
        fputc('-', stream);
    fputc('\n', stream);
    for (size_t i = 0; i < shown; i++) {
        const struct hop_row *row = &rows->rows[i];
        fprintf(stream, "%*s | %6s | ", width, hop_thousands(row->hits).text,
                hop_percent(row->hits, rows->hits).text);
        print_what(stream, row);
        fputc('\n', stream);
    }
    if (shown < rows->count)
        fprintf(stream, "%*s |        | ... and %s more row%s (-n 0 shows all)\n", width, "",
                hop_thousands(rows->count - shown).text, rows->count - shown == 1 ? "" : "s");
}

/* The tables of the whole profile or of one thread. */
static bool print_tables(const struct text_report *report, const struct hop_rows *rows)
{
    struct hop_rows by_name;
    if (!hop_rows_by_name(rows, &by_name))
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

static bool print_whole(const struct text_report *report)
{
    struct hop_rows rows;
    if (!hop_rows_init(&rows, report->profile, report->options, report->short_files, NULL, 0))
        return false;
    fprintf(report->stream, "\n%s / %s tracked instruction hits", hop_thousands(rows.hits).text,
            hop_thousands(report->profile->samples).text);
    if (report->profile->samples)
        fprintf(report->stream, " (%s)", hop_percent(rows.hits, report->profile->samples).text);
    fprintf(report->stream, "%s\n", rows.hits ? "; SHARE is of the tracked" : "");
    bool has_memory = true;
    if (rows.hits == 0)
        print_hint(report);
    else if (!report->options->by_thread)
        has_memory = print_tables(report, &rows);
    hop_rows_deinit(&rows);
    return has_memory;
}

static bool print_thread(const struct text_report *report, const struct hop_thread_hits *hits,
                         size_t count)
{
    const struct hop_profile_thread *thread = &report->profile->threads[hits->thread];
    struct hop_rows rows;
    if (!hop_rows_init(&rows, report->profile, report->options, report->short_files, hits, count))
        return false;
    fprintf(report->stream, "\nThread %d", thread->tid);
    if (thread->name[0]) {
        fputs(" (", report->stream);
        hop_print_escaped(report->stream, thread->name);
        fputc(')', report->stream);
    }
    fprintf(report->stream, ": %s / %s tracked instruction hits (%s)\n",
            hop_thousands(rows.hits).text, hop_thousands(thread->samples).text,
            hop_percent(rows.hits, thread->samples).text);
    bool has_memory = rows.hits == 0 || print_tables(report, &rows);
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

static enum hop_status write_text(const struct hop_profile *profile,
                                  const struct hop_report_options *options, FILE *stream,
                                  struct hop_error *err)
{
    struct text_report report = {
        .stream = stream,
        .profile = profile,
        .options = options,
        .short_files = hop_short_file_names(profile),
        .row_limit = options->row_limit ? options->row_limit : ROW_LIMIT_DEFAULT,
    };
    bool has_memory = report.short_files != NULL;
    if (has_memory) {
        print_heading(&report);
        has_memory = print_whole(&report);
    }
    if (has_memory && options->by_thread)
        has_memory = print_threads(&report);
    free(report.short_files);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_text = {
    .name = "text",
    .write = write_text,
    .write_snapshot = hop_text_write_snapshot,
};
