/* The instructions as comma-separated values, for spreadsheets and data frames: a row an
 * instruction, most hits first, the columns named as in the JSON. Quoted as RFC 4180 says, lines
 * end in CR LF.
 *
 * With --group the rows are those of that table, see groups_data.c.
 *
 * With --threads a row is what one thread hit, and two columns more come first. A text that a
 * spreadsheet would take for a formula gets an apostrophe in front; control characters are escaped
 * as for a terminal. Unknown numbers are empty. */
#include "report/format.h"

#include "base/escape.h"
#include "profile/shares.h"
#include "report/csv_parts.h"
#include "report/groups.h"
#include "report/select.h"
#include "report/xml.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is needed for the rows of one thread, or of all. */
struct csv {
    const struct hop_profile *profile;
    const struct hop_report_options *options;
    struct hop_shares shares;
    uint32_t *group_of;      /* by instruction: itself */
    struct hop_hits *hits;   /* by instruction */
    struct hop_share *found; /* by instruction */
    FILE *stream;
};

/* Whether a spreadsheet would compute what begins so; the wide forms are taken for the same. */
static bool looks_like_formula(const char *text)
{
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"};
    if (*text && strchr("=+-@", *text))
        return true;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (strncmp(text, wide[i], 3) == 0)
            return true;
    return false;
}

bool hop_csv_print_text(FILE *stream, const char *text)
{
    size_t room = strlen(text) * 4 + 1; /* a byte becomes \xNN at most */
    char *escaped = malloc(room);
    if (!escaped)
        return false;
    hop_escape_terminal(text, escaped, room);
    bool is_formula = looks_like_formula(escaped);
    bool is_quoted = is_formula || strpbrk(escaped, "\",'; ");
    if (is_quoted)
        putc('"', stream);
    if (is_formula)
        putc('\'', stream);
    for (const char *at = escaped; *at; at++) {
        if (*at == '"')
            putc('"', stream);
        putc(*at, stream);
    }
    if (is_quoted)
        putc('"', stream);
    free(escaped);
    return true;
}

/* A field that is empty where `value` is less than `smallest`. */
static void print_number(FILE *stream, int64_t value, int64_t smallest)
{
    putc(',', stream);
    if (value >= smallest)
        fprintf(stream, "%" PRId64, value);
}

static void print_count(FILE *stream, uint64_t count)
{
    putc(',', stream);
    hop_print_count(stream, count);
}

static bool print_row(const struct csv *csv, const struct hop_profile_thread *thread, size_t number)
{
    FILE *stream = csv->stream;
    const struct hop_instruction *row = &csv->profile->instructions[number];
    const struct hop_share *share = &csv->found[number];
    if (thread) {
        fprintf(stream, "%d,", thread->tid);
        if (!hop_csv_print_text(stream, thread->name))
            return false;
        putc(',', stream);
    }
    if (!hop_csv_print_text(stream, row->function) || putc(',', stream) == EOF ||
        !hop_csv_print_text(stream, row->file))
        return false;
    print_number(stream, row->first_line, 1);
    print_number(stream, row->line, 1);
    print_number(stream, row->end_line, 1);
    print_number(stream, row->column, 0);
    print_number(stream, row->end_column, 0);
    print_number(stream, row->offset, 0);
    putc(',', stream);
    if (!hop_csv_print_text(stream, row->opcode) || putc(',', stream) == EOF ||
        !hop_csv_print_text(stream, row->base_opcode))
        return false;
    print_number(stream, row->oparg, 0);
    print_count(stream, csv->hits[number].samples);
    print_count(stream, csv->hits[number].ns);
    if (!thread) /* how often it was on the stack is not known by thread */
        print_count(stream, row->on_stack);
    fprintf(stream, ",%.6g,%.6g,%.6g,%s\r\n", share->share, share->low, share->high,
            hop_select_tracks(csv->options, row) ? "true" : "false");
    return true;
}

/* The rows of one thread, or of all: HOP_ALL_THREADS. */
static bool print_rows(struct csv *csv, uint32_t thread)
{
    const struct hop_profile *profile = csv->profile;
    bool narrows = hop_select_narrows(csv->options);
    size_t limit = csv->options->row_limit ? csv->options->row_limit : SIZE_MAX;
    size_t count = profile->instruction_count;
    if (!hop_shares_find(&csv->shares, thread, csv->group_of, csv->hits, count, csv->found))
        return false;
    for (size_t i = 0; i < count && limit; i++) {
        if (narrows && !hop_select_tracks(csv->options, &profile->instructions[i]))
            continue;
        if (thread != HOP_ALL_THREADS && csv->hits[i].samples == 0)
            continue;
        if (!print_row(csv, thread == HOP_ALL_THREADS ? NULL : &profile->threads[thread], i))
            return false;
        limit--;
    }
    return true;
}

static bool print_threads(struct csv *csv)
{
    size_t count, at = 0, instructions = csv->profile->instruction_count;
    struct hop_thread_hits *hits = hop_profile_hits_by_thread(csv->profile, &count);
    bool is_whole = count != SIZE_MAX;
    while (is_whole && at < count) {
        uint32_t thread = hits[at].thread;
        memset(csv->hits, 0, instructions * sizeof *csv->hits);
        for (; at < count && hits[at].thread == thread; at++)
            csv->hits[hits[at].instruction] = (struct hop_hits){hits[at].self, hits[at].self_ns};
        is_whole = print_rows(csv, thread);
    }
    free(hits);
    return is_whole;
}

static bool print_all(struct csv *csv)
{
    for (size_t i = 0; i < csv->profile->instruction_count; i++)
        csv->hits[i] = (struct hop_hits){csv->profile->instructions[i].self,
                                         csv->profile->instructions[i].self_ns};
    return print_rows(csv, HOP_ALL_THREADS);
}

static bool write_rows(struct csv *csv)
{
    size_t room = csv->profile->instruction_count + 1;
    csv->group_of = calloc(room, sizeof *csv->group_of);
    csv->hits = calloc(room, sizeof *csv->hits);
    csv->found = calloc(room, sizeof *csv->found);
    if (!csv->group_of || !csv->hits || !csv->found)
        return false;
    for (size_t i = 0; i + 1 < room; i++)
        csv->group_of[i] = (uint32_t)i;
    fprintf(csv->stream,
            "%sfunction,file,first_line,line,end_line,column,end_column,offset,opcode,base_opcode,"
            "oparg,self,self_ns,%sshare,share_low,share_high,tracked\r\n",
            csv->options->by_thread ? "tid,thread," : "",
            csv->options->by_thread ? "" : "on_stack,");
    return csv->options->by_thread ? print_threads(csv) : print_all(csv);
}

static enum hop_status write_csv(const struct hop_profile *profile,
                                 const struct hop_report_options *options, FILE *stream,
                                 struct hop_error *err)
{
    struct csv csv = {.profile = profile, .options = options, .stream = stream};
    if (options->group) {
        enum hop_grouping by;
        enum hop_status status = hop_groups_choose(options, HOP_GROUPINGS, &by, err);
        if (status != HOP_OK || hop_groups_print_csv(profile, options, by, stream))
            return status;
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    }
    bool has_memory = hop_shares_init(&csv.shares, profile);
    if (has_memory) {
        has_memory = write_rows(&csv);
        hop_shares_deinit(&csv.shares);
    }
    free(csv.group_of);
    free(csv.hits);
    free(csv.found);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_csv = {
    .name = "csv",
    .suffixes = ".csv",
    .groups = true,
    .write = write_csv,
};
