/* One source line of an annotated function: its text, what of it is hot, its instructions. */
#include "report/annotate.h"

#include "report/text_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MARK_WIDTH = 1,
    SHARE_WIDTH = 6,
    LINE_WIDTH = 5,
    OPARG_WIDTH = 3,
    OPCODE_WIDTH_MAX = 26, /* longer ones, which are few, stick out */
};

/* What was counted at one instruction. */
struct counted {
    struct hop_hits hits;
    const struct hop_instruction *const *forms; /* the most hits first */
    size_t form_count;
};

struct hop_number hop_annotation_percent(const struct hop_annotation *annotation,
                                         const struct hop_hits *part)
{
    const struct hop_hits *whole = &annotation->codes->whole;
    return annotation->profile->has_weights ? hop_percent(part->ns, whole->ns)
                                            : hop_percent(part->samples, whole->samples);
}

static double share_of(const struct hop_annotation *annotation, const struct hop_hits *part)
{
    const struct hop_hits *whole = &annotation->codes->whole;
    if (annotation->profile->has_weights)
        return whole->ns ? (double)part->ns / (double)whole->ns : 0;
    return whole->samples ? (double)part->samples / (double)whole->samples : 0;
}

/* The first instruction at or behind that place. */
static size_t find_place(const struct hop_annotation *annotation, uint32_t code, uint32_t offset)
{
    size_t low = 0, high = annotation->instruction_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hop_instruction *row = annotation->instructions[middle];
        if (row->code < code || (row->code == code && row->offset < offset))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct counted count_at(const struct hop_annotation *annotation, uint32_t code,
                               uint32_t offset)
{
    size_t first = find_place(annotation, code, offset);
    struct counted counted = {.forms = annotation->instructions + first};
    for (size_t i = first; i < annotation->instruction_count; i++) {
        const struct hop_instruction *row = annotation->instructions[i];
        if (row->code != code || row->offset != offset)
            break;
        counted.hits.samples += row->self;
        counted.hits.ns += row->self_ns;
        counted.form_count++;
    }
    return counted;
}

static int wider(int width, int other)
{
    return other > width ? other : width;
}

void hop_annotation_measure(struct hop_annotation *annotation, uint32_t index)
{
    const struct hop_profile_code *code = &annotation->profile->codes[index];
    const struct hop_total *row =
        hop_totals_find(annotation->by_code, annotation->codes->count, index, 0);
    char offset[16];
    annotation->hits_width =
        wider((int)strlen("HITS"), row ? (int)strlen(hop_thousands(row->self.samples).text) : 0);
    annotation->opcode_width = 0;
    annotation->offset_width = 2;
    for (size_t i = 0; i < code->op_count; i++) {
        int length = (int)strlen(code->ops[i].opcode);
        annotation->opcode_width = wider(annotation->opcode_width, length);
        int digits = snprintf(offset, sizeof offset, "%" PRIu32, code->ops[i].offset);
        annotation->offset_width = wider(annotation->offset_width, digits);
    }
    if (annotation->opcode_width > OPCODE_WIDTH_MAX)
        annotation->opcode_width = OPCODE_WIDTH_MAX;
}

/* Up to where the text of a line begins. */
static int text_column(const struct hop_annotation *annotation)
{
    return MARK_WIDTH + SHARE_WIDTH + 1 + annotation->hits_width + 1 + LINE_WIDTH + 2;
}

void hop_annotation_print_titles(const struct hop_annotation *annotation)
{
    fprintf(annotation->stream, "%*s%*s %*s %*s  SOURCE, INSTRUCTIONS\n", MARK_WIDTH, "",
            SHARE_WIDTH, "SHARE", annotation->hits_width, "HITS", LINE_WIDTH, "LINE");
}

static void print_line_number(const struct hop_annotation *annotation, const char *share,
                              const char *hits, int line)
{
    fprintf(annotation->stream, "%*s %*s %*d", SHARE_WIDTH, share, annotation->hits_width, hits,
            LINE_WIDTH, line);
}

void hop_annotation_print_text(const struct hop_annotation *annotation,
                               const struct hop_source *source, int line)
{
    const char *text;
    size_t length;
    if (!hop_source_line(source, line, &text, &length))
        return;
    fputc(' ', annotation->stream);
    print_line_number(annotation, "", "", line);
    if (length) {
        fputs("  ", annotation->stream);
        hop_listing_print(annotation->stream, text, length);
    }
    fputc('\n', annotation->stream);
}

void hop_annotation_print_ellipsis(const struct hop_annotation *annotation)
{
    fprintf(annotation->stream, "%*s...\n", text_column(annotation) - 5, "");
}

/* Marks the columns of one expression on its first line. */
static void mark(char *marks, size_t length, const struct hop_profile_op *op, char with)
{
    if (op->column < 0)
        return;
    size_t end = op->end_line == op->line && op->end_column >= 0 ? (size_t)op->end_column : length;
    for (size_t i = (size_t)op->column; i < length && i < end; i++)
        marks[i] = with;
}

/* "~~~^^^": what was hit, and of that what was hit most. */
static bool underline(const struct hop_annotation *annotation, uint32_t code, const char *text,
                      size_t length, const struct hop_profile_op *const *ops, size_t count)
{
    const struct hop_profile_op *most = NULL;
    uint64_t most_ns = 0;
    char *marks = calloc(length + 1, 1);
    if (!marks)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct hop_hits hits = count_at(annotation, code, ops[i]->offset).hits;
        if (!hits.samples)
            continue;
        mark(marks, length, ops[i], '~');
        if (hits.ns > most_ns || !most) {
            most = ops[i];
            most_ns = hits.ns;
        }
    }
    if (most) {
        /* All of the line tells nothing more. */
        size_t first = 0, marked = 0, blanks = 0;
        while (first < length && (text[first] == ' ' || text[first] == '\t'))
            first++;
        mark(marks, length, most, '^');
        for (size_t i = first; i < length; i++) {
            marked += marks[i] == '^';
            blanks += text[i] == '\r';
        }
        if (marked + blanks < length - first)
            hop_listing_underline(annotation->stream, text, length, marks,
                                  -text_column(annotation));
    }
    free(marks);
    return true;
}

/* "LOAD_ATTR_INSTANCE_VALUE 89.2%, LOAD_ATTR 10.8%"; nothing where it is the base opcode alone. */
static void print_forms(const struct hop_annotation *annotation, const struct hop_profile_op *op,
                        const struct counted *counted)
{
    FILE *stream = annotation->stream;
    if (counted->form_count == 0 ||
        (counted->form_count == 1 && strcmp(counted->forms[0]->opcode, op->opcode) == 0))
        return;
    fputs("  ", stream);
    for (size_t i = 0; i < counted->form_count; i++) {
        const struct hop_instruction *form = counted->forms[i];
        fputs(i ? ", " : "", stream);
        hop_text_print_name(stream, form->opcode);
        if (counted->form_count > 1)
            fprintf(stream, " %s",
                    annotation->profile->has_weights
                        ? hop_percent(form->self_ns, counted->hits.ns).text
                        : hop_percent(form->self, counted->hits.samples).text);
    }
}

static void print_instruction(const struct hop_annotation *annotation, uint32_t code,
                              const struct hop_profile_op *op)
{
    FILE *stream = annotation->stream;
    struct counted counted = count_at(annotation, code, op->offset);
    double share = share_of(annotation, &counted.hits);
    bool is_hit = counted.hits.samples > 0;
    fprintf(stream, "%s%c%*s %*s%s%*s", hop_listing_colour(annotation->options, share),
            share >= HOP_SHARE_HOT ? '>' : ' ', SHARE_WIDTH,
            is_hit ? hop_annotation_percent(annotation, &counted.hits).text : "",
            annotation->hits_width, is_hit ? hop_thousands(counted.hits.samples).text : "",
            hop_listing_plain(annotation->options, share), LINE_WIDTH + 3, "");
    fprintf(stream, "%*" PRIu32 " ", annotation->offset_width, op->offset);
    hop_text_print_name(stream, op->opcode);
    bool has_forms = counted.form_count > 1 ||
                     (counted.form_count && strcmp(counted.forms[0]->opcode, op->opcode) != 0);
    if (op->oparg >= 0 || has_forms)
        for (int i = (int)strlen(op->opcode); i < annotation->opcode_width; i++)
            fputc(' ', stream);
    if (op->oparg >= 0)
        fprintf(stream, " %*" PRId64, OPARG_WIDTH, op->oparg);
    if (op->argument[0]) {
        fputs(" (", stream);
        hop_text_print_name(stream, op->argument);
        fputc(')', stream);
    }
    print_forms(annotation, op, &counted);
    fputc('\n', stream);
}

bool hop_annotation_print_line(const struct hop_annotation *annotation, uint32_t code,
                               const struct hop_source *source, int line,
                               const struct hop_total *row, const struct hop_profile_op *const *ops,
                               size_t count, bool wants_instructions)
{
    FILE *stream = annotation->stream;
    const struct hop_hits none = {0}, *hits = row ? &row->self : &none;
    double share = share_of(annotation, hits);
    fprintf(stream, "%s%c", hop_listing_colour(annotation->options, share),
            share >= HOP_SHARE_HOT ? '>' : ' ');
    print_line_number(annotation,
                      hits->samples ? hop_annotation_percent(annotation, hits).text : "",
                      hits->samples ? hop_thousands(hits->samples).text : "", line);
    fputs(hop_listing_plain(annotation->options, share), stream);
    const char *text;
    size_t length;
    bool has_memory = true;
    if (hop_source_line(source, line, &text, &length)) {
        fputs(length ? "  " : "", stream);
        hop_listing_print(stream, text, length);
        fputc('\n', stream);
        has_memory = underline(annotation, code, text, length, ops, count);
    } else {
        fputc('\n', stream);
    }
    for (size_t i = 0; wants_instructions && i < count; i++)
        print_instruction(annotation, code, ops[i]);
    return has_memory;
}
