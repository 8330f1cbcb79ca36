/* The format "annotate": functions line by line, each line's text with its share, under it its
 * instructions with theirs. Which functions, and in what order, is decided here; how one line with
 * its instructions looks is annotate_line.c's. */
#include "report/annotate.h"

#include "report/focus.h"
#include "report/format.h"
#include "report/numbers.h"
#include "report/select.h"
#include "report/text_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROW_LIMIT_DEFAULT = 30, /* lines that were hit */
    CONTEXT = 3,            /* lines before and behind one that is shown */
};

static int by_code_and_offset(const void *left, const void *right)
{
    const struct hop_instruction *a = *(const struct hop_instruction *const *)left;
    const struct hop_instruction *b = *(const struct hop_instruction *const *)right;
    int order = (a->code > b->code) - (a->code < b->code);
    if (!order)
        order = (a->offset > b->offset) - (a->offset < b->offset);
    if (!order)
        order = (a->self < b->self) - (a->self > b->self);
    return order ? order : strcmp(a->opcode, b->opcode);
}

/* The instructions that count, so that those of a place are neighbours. */
static bool sort_instructions(struct hop_annotation *annotation)
{
    const struct hop_profile *profile = annotation->profile;
    annotation->instructions =
        calloc(profile->instruction_count + 1, sizeof *annotation->instructions);
    if (!annotation->instructions)
        return false;
    for (size_t i = 0; i < profile->instruction_count; i++) {
        const struct hop_instruction *row = &profile->instructions[i];
        if (row->self && hop_select_counts(annotation->options, row))
            annotation->instructions[annotation->instruction_count++] = row;
    }
    qsort(annotation->instructions, annotation->instruction_count, sizeof *annotation->instructions,
          by_code_and_offset);
    return true;
}

/* Code of no line is shown at the function's first. */
static int line_of(const struct hop_profile_code *code, const struct hop_profile_op *op)
{
    return op->line > 0 ? op->line : code->first_line;
}

/* By line, the lines in order; of one line in the order of the bytecode. */
static int by_line(const void *left, const void *right, void *of)
{
    const struct hop_profile_op *a = *(const struct hop_profile_op *const *)left;
    const struct hop_profile_op *b = *(const struct hop_profile_op *const *)right;
    int line_a = line_of(of, a), line_b = line_of(of, b);
    int order = (line_a > line_b) - (line_a < line_b);
    return order ? order : (a->offset > b->offset) - (a->offset < b->offset);
}

static void print_function(const struct hop_annotation *annotation, uint32_t index,
                           const struct hop_total *row)
{
    const struct hop_profile_code *code = &annotation->profile->codes[index];
    FILE *stream = annotation->stream;
    fputc('\n', stream);
    hop_text_print_name(stream, code->function);
    fputs(" (", stream);
    hop_text_print_name(stream, code->file);
    fprintf(stream, ":%d): ", code->first_line);
    if (row && row->self.samples)
        fprintf(stream, "%s of all, 95 %%: %s; %s hit%s\n",
                hop_annotation_percent(annotation, &row->self).text,
                hop_percents(row->share.low, row->share.high).text,
                hop_thousands(row->self.samples).text, row->self.samples == 1 ? "" : "s");
    else
        fputs("not hit itself\n", stream);
}

/* What there is to show of one code object. */
struct body {
    uint32_t code;
    const struct hop_profile_op **ops; /* by line */
    size_t count;
    const struct hop_source *source;
    bool shows_all; /* asked for: also lines that were not hit */
    int only_line;  /* asked for; 0: all */
    size_t lines_left;
    int shown; /* up to which line the text was printed; -1: nothing yet */
};

static void print_gap(const struct hop_annotation *annotation, struct body *body, int from, int to)
{
    const char *text;
    size_t length;
    bool has_text = hop_source_line(body->source, to, &text, &length);
    if (body->shown >= 0 && from > body->shown + 1 && has_text)
        hop_annotation_print_ellipsis(annotation);
    for (int line = from > body->shown ? from : body->shown + 1; has_text && line <= to; line++)
        hop_annotation_print_text(annotation, body->source, line);
    if (to > body->shown)
        body->shown = to;
}

/* The instructions of one line with its text, and some text before. */
static bool print_line(const struct hop_annotation *annotation, struct body *body,
                       const struct hop_profile_op *const *ops, size_t count)
{
    const struct hop_profile_code *code = &annotation->profile->codes[body->code];
    int line = line_of(code, ops[0]);
    const struct hop_total *row =
        hop_totals_find(annotation->by_line, annotation->lines->count, body->code, line);
    bool is_hit = row && row->self.samples;
    if (body->only_line ? line != body->only_line : !is_hit && !body->shows_all)
        return true;
    if (is_hit && !body->lines_left)
        return true;
    body->lines_left -= is_hit;
    int from = line - CONTEXT > code->first_line ? line - CONTEXT : code->first_line;
    if (line < from)
        from = line;
    if (line > body->shown)
        print_gap(annotation, body, from, line - 1);
    if (line > body->shown)
        body->shown = line;
    return hop_annotation_print_line(annotation, body->code, body->source, line, row, ops, count,
                                     is_hit || body->shows_all);
}

/* What follows the last line that was shown. */
static void print_end(const struct hop_annotation *annotation, struct body *body)
{
    const struct hop_profile_code *code = &annotation->profile->codes[body->code];
    int last = 0;
    for (size_t i = 0; i < code->op_count; i++)
        last = code->ops[i].end_line > last ? code->ops[i].end_line : last;
    int64_t end = (int64_t)body->shown + CONTEXT, to = end < last ? end : last; /* any int */
    if (body->shown > 0)
        for (int64_t line = (int64_t)body->shown + 1; line <= to; line++)
            hop_annotation_print_text(annotation, body->source, (int)line);
}

static bool print_code(struct hop_annotation *annotation, uint32_t index,
                       const struct hop_focus *focus, size_t *lines_left)
{
    const struct hop_profile_code *code = &annotation->profile->codes[index];
    struct body body = {
        .code = index,
        .ops = calloc(code->op_count + 1, sizeof(*body.ops)),
        .source = hop_sources_find(&annotation->sources, code->file),
        .shows_all = focus->kind == HOP_FOCUS_FUNCTION,
        .only_line = focus->kind == HOP_FOCUS_LINE ? focus->line : 0,
        .lines_left = *lines_left,
        .shown = -1,
    };
    bool has_memory = body.ops && body.source;
    for (size_t i = 0; has_memory && i < code->op_count; i++)
        body.ops[body.count++] = &code->ops[i];
    if (has_memory) {
        if (body.count)
            qsort_r(body.ops, body.count, sizeof(*body.ops), by_line, (void *)code);
        hop_annotation_measure(annotation, index);
        print_function(annotation, index,
                       hop_totals_find(annotation->by_code, annotation->codes->count, index, 0));
        hop_listing_print_state(annotation->stream, body.source);
        hop_annotation_print_titles(annotation);
    }
    for (size_t i = 0, next; has_memory && i < body.count; i = next) {
        for (next = i + 1;
             next < body.count && line_of(code, body.ops[next]) == line_of(code, body.ops[i]);)
            next++;
        has_memory = print_line(annotation, &body, body.ops + i, next - i);
    }
    if (has_memory)
        print_end(annotation, &body);
    *lines_left = body.lines_left;
    free(body.ops);
    return has_memory;
}

/* The hottest first; those that were only called from count with what they called. */
static bool print_codes(struct hop_annotation *annotation, const struct hop_focus *focus)
{
    const struct hop_profile *profile = annotation->profile;
    size_t lines_left =
        annotation->options->row_limit ? annotation->options->row_limit : ROW_LIMIT_DEFAULT;
    size_t left_out = 0;
    bool has_memory = true, has_any = false;
    if (focus->kind == HOP_FOCUS_FUNCTION && !annotation->options->row_limit)
        lines_left = SIZE_MAX; /* all of what was asked for */
    for (size_t i = 0; has_memory && i < annotation->codes->count; i++) {
        const struct hop_total *row = &annotation->codes->rows[i];
        if (!hop_focus_has(focus, &profile->codes[row->code]))
            continue;
        if (!row->self.samples && focus->kind != HOP_FOCUS_FUNCTION)
            continue;
        has_any = true;
        if (lines_left)
            has_memory = print_code(annotation, row->code, focus, &lines_left);
        else
            left_out++;
    }
    if (has_memory && !has_any)
        fputs("\nNothing was hit.\n", annotation->stream);
    if (left_out)
        fprintf(annotation->stream, "\n... and %s more function%s (-n 0 shows all)\n",
                hop_thousands(left_out).text, left_out == 1 ? "" : "s");
    return has_memory;
}

static enum hop_status write_annotate(const struct hop_profile *profile,
                                      const struct hop_report_options *options, FILE *stream,
                                      struct hop_error *err)
{
    struct hop_focus focus;
    struct hop_totals codes = {0}, lines = {0};
    struct hop_annotation annotation = {
        .profile = profile,
        .options = options,
        .stream = stream,
        .codes = &codes,
        .lines = &lines,
    };
    enum hop_status status = hop_focus_find(profile, options->focus, &focus, err);
    if (status != HOP_OK)
        return status;
    bool has_memory = hop_totals_init(&codes, profile, options, HOP_BY_CODE) &&
                      hop_totals_init(&lines, profile, options, HOP_BY_CODE_LINE) &&
                      sort_instructions(&annotation) &&
                      (annotation.by_code = hop_totals_by_code(&codes)) &&
                      (annotation.by_line = hop_totals_by_code(&lines));
    if (has_memory && hop_sources_init(&annotation.sources, profile)) {
        hop_text_print_heading(stream, profile);
        has_memory = print_codes(&annotation, &focus);
        hop_sources_deinit(&annotation.sources);
    }
    free(annotation.by_code);
    free(annotation.by_line);
    free(annotation.instructions);
    hop_totals_deinit(&lines);
    hop_totals_deinit(&codes);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_annotate = {
    .name = "annotate", .joins_threads = true, .write = write_annotate};
