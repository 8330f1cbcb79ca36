/* Packs the source lines of the functions that an HTML report shows: these and not the files, which
 * are larger, and may hold what is nobody's business who is shown a profile. */
#include "report/html_data.h"

#include "report/rows.h"
#include "report/source.h"

#include <stdlib.h>
#include <string.h>

enum {
    AROUND = 2,               /* lines before and behind those of a code object */
    GAP_LINES_MAX = 12,       /* more than these that have no bytecode are left out */
    STATEMENT_LINES_MAX = 50, /* of an instruction; more are a mistake, or a table of constants */
    LINE_BYTES_MAX = 1000,    /* what is longer was not written by a person */
    TEXT_BYTES_MAX = 6 << 20, /* of all lines; compressed a quarter */
};

enum { IS_NEWER_FLAG = 16, IS_CUT_FLAG = 32, MAY_BE_OTHER_FLAG = 64 };

/* Marks `first` to `last` and what is around them. */
static void mark(bool *is_wanted, size_t line_count, int64_t first, int64_t last)
{
    if (first < 1) /* no line */
        return;
    first = first > AROUND ? first - AROUND : 1;
    last += AROUND;
    for (int64_t line = first; line <= last && line <= (int64_t)line_count; line++)
        is_wanted[line] = true;
}

static void mark_code(bool *is_wanted, size_t line_count, const struct hop_profile_code *code)
{
    mark(is_wanted, line_count, code->first_line, code->first_line);
    for (size_t i = 0; i < code->op_count; i++) {
        const struct hop_profile_op *op = &code->ops[i];
        int64_t last = op->end_line > op->line ? op->end_line : op->line;
        if (last - op->line > STATEMENT_LINES_MAX)
            last = op->line;
        mark(is_wanted, line_count, op->line, last);
    }
}

static void close_gaps(bool *is_wanted, size_t line_count)
{
    size_t last = 0; /* wanted one */
    for (size_t line = 1; line <= line_count; line++) {
        if (!is_wanted[line])
            continue;
        for (size_t gap = last + 1; last && line - last <= GAP_LINES_MAX && gap < line; gap++)
            is_wanted[gap] = true;
        last = line;
    }
}

/* False: not all lines have their place. */
static bool pack_lines(struct hop_html_data *data, const struct hop_source *source,
                       const bool *is_wanted)
{
    bool is_whole = true;
    struct hop_pack *text_column = &data->columns[HOP_HTML_LINE_TEXT];
    size_t packed = 0, before = 0;
    for (size_t line = 1; line <= source->line_count; line++) {
        const char *text;
        size_t length;
        if (!is_wanted[line] || !hop_source_line(source, (int)line, &text, &length))
            continue;
        size_t kept = length < LINE_BYTES_MAX ? length : LINE_BYTES_MAX;
        is_whole = kept <= TEXT_BYTES_MAX - text_column->size;
        if (!is_whole)
            break;
        hop_pack_number(&data->columns[HOP_HTML_LINE_NUMBER], line - before);
        hop_pack_number(&data->columns[HOP_HTML_LINE_LENGTH], kept + (kept < length));
        hop_pack_bytes(text_column, text, kept);
        before = line;
        packed++;
    }
    hop_pack_number(&data->columns[HOP_HTML_FILE_LINES], packed);
    return is_whole;
}

/* The code objects, by file; to be given to free(). */
struct placed_code {
    const struct hop_source *source;
    uint32_t code;
};

static int by_file(const void *a, const void *b)
{
    const struct placed_code *x = a, *y = b;
    if (x->source != y->source)
        return x->source > y->source ? 1 : -1; /* of one array */
    return (x->code > y->code) - (x->code < y->code);
}

static struct placed_code *place_codes(struct hop_sources *sources,
                                       const struct hop_profile *profile)
{
    struct placed_code *placed = calloc(profile->code_count + 1, sizeof *placed);
    for (size_t i = 0; placed && i < profile->code_count; i++) {
        placed[i] =
            (struct placed_code){hop_sources_find(sources, profile->codes[i].file), (uint32_t)i};
        if (!placed[i].source) {
            free(placed);
            return NULL;
        }
    }
    if (placed)
        qsort(placed, profile->code_count, sizeof *placed, by_file);
    return placed;
}

/* One file, whose code objects are the `count` at `placed`. */
static bool pack_file(struct hop_html_data *data, const struct hop_profile *profile,
                      const struct placed_code *placed, size_t count, const bool *is_shown,
                      const char *short_name)
{
    const struct hop_source *source = placed->source;
    bool *is_wanted = calloc(source->line_count + 1, sizeof *is_wanted);
    if (!is_wanted)
        return false;
    for (size_t i = 0; i < count; i++)
        if (is_shown[placed[i].code])
            mark_code(is_wanted, source->line_count, &profile->codes[placed[i].code]);
    close_gaps(is_wanted, source->line_count);
    hop_pack_number(&data->columns[HOP_HTML_FILE_NAME],
                    hop_pack_string(&data->strings, source->file));
    hop_pack_number(&data->columns[HOP_HTML_FILE_SHORT],
                    hop_pack_string(&data->strings, short_name));
    bool is_whole = pack_lines(data, source, is_wanted);
    hop_pack_number(&data->columns[HOP_HTML_FILE_STATE],
                    (uint64_t)source->state | (source->is_newer ? IS_NEWER_FLAG : 0) |
                        (source->may_be_other ? MAY_BE_OTHER_FLAG : 0) |
                        (is_whole ? 0 : IS_CUT_FLAG));
    data->files_cut += !is_whole;
    free(is_wanted);
    return true;
}

/* The short names of the code objects' files, as hop_short_file_names has them for instructions. */
static const char **short_names(const struct hop_profile *profile)
{
    const char **of_rows = hop_short_file_names(profile);
    const char **names = calloc(profile->code_count + 1, sizeof *names);
    for (size_t i = 0; names && i < profile->code_count; i++)
        names[i] = profile->codes[i].file;
    for (size_t i = 0; names && of_rows && i < profile->instruction_count; i++)
        names[profile->instructions[i].code] = of_rows[i];
    free(of_rows);
    if (of_rows)
        return names;
    free(names);
    return NULL;
}

bool hop_html_pack_source(struct hop_html_data *data, const struct hop_profile *profile,
                          const bool *is_shown)
{
    struct hop_sources sources;
    bool has_memory = hop_sources_init(&sources, profile);
    struct placed_code *placed = has_memory ? place_codes(&sources, profile) : NULL;
    const char **names = short_names(profile);
    uint32_t *file_of = calloc(profile->code_count + 1, sizeof *file_of);
    size_t files = 0;
    has_memory = placed && names && file_of;
    for (size_t i = 0, end; has_memory && i < profile->code_count; i = end) {
        for (end = i; end < profile->code_count && placed[end].source == placed[i].source; end++)
            file_of[placed[end].code] = (uint32_t)files;
        has_memory = pack_file(data, profile, &placed[i], end - i, is_shown, names[placed[i].code]);
        files++;
    }
    for (size_t i = 0; has_memory && i < profile->code_count; i++)
        hop_pack_number(&data->columns[HOP_HTML_CODE_FILE], file_of[i]);
    free(file_of);
    free(names);
    free(placed);
    hop_sources_deinit(&sources);
    return has_memory;
}
