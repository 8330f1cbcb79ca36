/* The format "lines": the hottest source lines, file by file in the order of the file, each with
 * its text and some lines around it, of which those that were hit have their numbers too. */
#include "report/format.h"
#include "report/listing.h"
#include "report/numbers.h"
#include "report/text_parts.h"
#include "report/totals.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROW_LIMIT_DEFAULT = 30,
    CONTEXT = 2, /* lines before and behind one that was hit */
    INTERVAL_WIDTH = 12,
};

/* A line that was hit. */
struct row {
    const struct hop_total *total;
    struct hop_hits file; /* all of its file */
    size_t file_lines;
    bool is_hot; /* one of those that are shown for their own sake */
};

struct listing {
    const struct hop_profile *profile;
    const struct hop_report_options *options;
    const struct hop_totals *totals;
    struct hop_sources sources;
    FILE *stream;
    int hits_width;
    size_t printed; /* lines that were hit */
};

static struct hop_number percent(const struct listing *listing, const struct hop_hits *part)
{
    const struct hop_hits *whole = &listing->totals->whole;
    return listing->profile->has_weights ? hop_percent(part->ns, whole->ns)
                                         : hop_percent(part->samples, whole->samples);
}

/* By file, the most hits first, then by line. */
static int by_place(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    int order = (a->file.ns < b->file.ns) - (a->file.ns > b->file.ns);
    if (!order)
        order = strcmp(a->total->file, b->total->file);
    return order ? order : (a->total->line > b->total->line) - (a->total->line < b->total->line);
}

static void print_text(const struct listing *listing, const struct hop_source *source, int line,
                       const struct hop_total *row)
{
    const char *text;
    size_t length;
    if (hop_source_line(source, line, &text, &length)) {
        if (length) {
            fputs("  ", listing->stream);
            hop_listing_print(listing->stream, text, length);
        }
    } else if (row) {
        fputs("  in ", listing->stream);
        hop_text_print_name(listing->stream,
                            listing->profile->instructions[row->instruction].function);
    }
    fputc('\n', listing->stream);
}

static void print_hit(struct listing *listing, const struct hop_source *source,
                      const struct hop_total *row)
{
    double share = row->share.share;
    fprintf(listing->stream, "%s%c%5d %*s %6s  %-*s%s", hop_listing_colour(listing->options, share),
            share >= HOP_SHARE_HOT ? '>' : ' ', row->line, listing->hits_width,
            hop_thousands(row->self.samples).text, percent(listing, &row->self).text,
            INTERVAL_WIDTH, hop_percents(row->share.low, row->share.high).text,
            hop_listing_plain(listing->options, share));
    print_text(listing, source, row->line, row);
    listing->printed++;
}

/* Lines `first` to `last`; *rows are the file's, of which those up to `last` are passed. */
static void print_around(struct listing *listing, const struct hop_source *source,
                         const struct row **rows, const struct row *end, int64_t first,
                         int64_t last)
{
    const char *text;
    size_t length;
    for (int64_t at = first > 1 ? first : 1; at <= last && at <= INT32_MAX; at++) {
        int line = (int)at;
        if (!hop_source_line(source, line, &text, &length))
            return;
        while (*rows < end && (*rows)->total->line < line)
            ++*rows;
        if (*rows < end && (*rows)->total->line == line) {
            print_hit(listing, source, (*rows)->total);
            continue;
        }
        fprintf(listing->stream, " %5d", line);
        if (length)
            fprintf(listing->stream, "%*s", 1 + listing->hits_width + 1 + 6 + 2 + INTERVAL_WIDTH,
                    "");
        print_text(listing, source, line, NULL);
    }
}

static bool print_file_heading(struct listing *listing, const struct row *rows,
                               const struct hop_source **source)
{
    *source = hop_sources_find(&listing->sources, rows->total->file);
    if (!*source)
        return false;
    fputc('\n', listing->stream);
    hop_text_print_name(listing->stream, rows->total->file);
    fprintf(listing->stream, ": %s in %zu line%s\n", percent(listing, &rows->file).text,
            rows->file_lines, rows->file_lines == 1 ? "" : "s");
    hop_listing_print_state(listing->stream, *source);
    fprintf(listing->stream, " %5s %*s %6s  %-*s  SOURCE\n", "LINE", listing->hits_width, "HITS",
            "SHARE", INTERVAL_WIDTH, "95 %");
    return true;
}

/* The rows of one file, by line; nothing if none is hot. */
static bool print_file(struct listing *listing, const struct row *rows, size_t count)
{
    const struct hop_source *source = NULL;
    const struct row *around = rows;
    int64_t shown = 0; /* up to which line; these may be any int */
    for (size_t i = 0; i < count; i++) {
        int64_t line = rows[i].total->line;
        if (!rows[i].is_hot)
            continue;
        bool is_first = !source;
        if (is_first && !print_file_heading(listing, rows, &source))
            return false;
        int64_t from = line > shown + CONTEXT + 1 ? line - CONTEXT : shown + 1;
        if (!is_first && from > shown + 1 && source->state == HOP_SOURCE_READ)
            fprintf(listing->stream, " %5s\n", "...");
        print_around(listing, source, &around, rows + count, from, line - 1);
        print_hit(listing, source, rows[i].total);
        size_t next = i + 1;
        while (next < count && !rows[next].is_hot)
            next++;
        int64_t before_next = next < count ? rows[next].total->line - INT64_C(1) : INT32_MAX;
        int64_t to = before_next > line + CONTEXT ? line + CONTEXT : before_next;
        print_around(listing, source, &around, rows + count, line + 1, to);
        shown = to;
    }
    return true;
}

static int by_file(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    return strcmp(a->total->file, b->total->file);
}

/* Puts what the file of each row counts in all its rows into `file`, and sorts by place. */
static void sort_by_place(struct row *rows, size_t count)
{
    if (!count)
        return;
    qsort(rows, count, sizeof *rows, by_file);
    for (size_t i = 0, next; i < count; i = next) {
        struct hop_hits sum = {0};
        for (next = i; next < count && by_file(&rows[i], &rows[next]) == 0; next++) {
            sum.samples += rows[next].total->self.samples;
            sum.ns += rows[next].total->self.ns;
        }
        for (size_t j = i; j < next; j++) {
            rows[j].file = sum;
            rows[j].file_lines = next - i;
        }
    }
    qsort(rows, count, sizeof *rows, by_place);
}

static bool print_lines(struct listing *listing)
{
    const struct hop_totals *totals = listing->totals;
    size_t limit = listing->options->row_limit ? listing->options->row_limit : ROW_LIMIT_DEFAULT;
    size_t count = 0;
    while (count < totals->count && totals->rows[count].self.samples)
        count++;
    struct row *rows = calloc(count + 1, sizeof *rows);
    if (!rows)
        return false;
    listing->hits_width = (int)strlen("HITS");
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct row){.total = &totals->rows[i], .is_hot = i < limit};
        int length = (int)strlen(hop_thousands(totals->rows[i].self.samples).text);
        listing->hits_width = length > listing->hits_width ? length : listing->hits_width;
    }
    sort_by_place(rows, count);
    bool has_memory = true;
    for (size_t i = 0, next; has_memory && i < count; i = next) {
        for (next = i + 1; next < count && by_file(&rows[i], &rows[next]) == 0;)
            next++;
        has_memory = print_file(listing, &rows[i], next - i);
    }
    free(rows);
    if (!count)
        fputs("\nNothing was hit.\n", listing->stream);
    size_t left = count - listing->printed;
    if (has_memory && left)
        fprintf(listing->stream, "\n... and %s more line%s (-n 0 shows all)\n",
                hop_thousands(left).text, left == 1 ? "" : "s");
    return has_memory;
}

static enum hop_status write_lines(const struct hop_profile *profile,
                                   const struct hop_report_options *options, FILE *stream,
                                   struct hop_error *err)
{
    struct hop_totals totals;
    struct listing listing = {
        .profile = profile, .options = options, .totals = &totals, .stream = stream};
    if (!hop_totals_init(&totals, profile, options, HOP_BY_LINE))
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    bool has_memory = hop_sources_init(&listing.sources, profile);
    if (has_memory) {
        hop_text_print_heading(stream, profile);
        has_memory = print_lines(&listing);
        hop_sources_deinit(&listing.sources);
    }
    hop_totals_deinit(&totals);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_lines = {
    .name = "lines", .joins_threads = true, .write = write_lines};
