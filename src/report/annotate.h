/* What the two files of the format "annotate" share. */
#ifndef HOP_REPORT_ANNOTATE_H
#define HOP_REPORT_ANNOTATE_H

#include "report/listing.h"
#include "report/numbers.h"
#include "report/totals.h"

struct hop_annotation {
    const struct hop_profile *profile;
    const struct hop_report_options *options;
    FILE *stream;
    const struct hop_totals *codes, *lines; /* HOP_BY_CODE, HOP_BY_CODE_LINE */
    const struct hop_total **by_code, **by_line;
    const struct hop_instruction **instructions; /* those that count, by code, offset, hits */
    size_t instruction_count;
    struct hop_sources sources;
    int hits_width, offset_width, opcode_width; /* of the code object at hand */
};

/* Of all samples that count. */
struct hop_number hop_annotation_percent(const struct hop_annotation *annotation,
                                         const struct hop_hits *part);

/* Sees how wide the columns have to be. */
void hop_annotation_measure(struct hop_annotation *annotation, uint32_t code);

void hop_annotation_print_titles(const struct hop_annotation *annotation);
/* A line of text that no instruction is shown of; one that stands for several. */
void hop_annotation_print_text(const struct hop_annotation *annotation,
                               const struct hop_source *source, int line);
void hop_annotation_print_ellipsis(const struct hop_annotation *annotation);

/* A line's text with its share (`row`, NULL: none), what of it is hot underlined, and below it its
 * instructions, if wanted. False: out of memory. */
bool hop_annotation_print_line(const struct hop_annotation *annotation, uint32_t code,
                               const struct hop_source *source, int line,
                               const struct hop_total *row, const struct hop_profile_op *const *ops,
                               size_t count, bool wants_instructions);

#endif
