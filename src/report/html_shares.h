/* The instructions of a profile, joined in each way that the HTML report shows a share of, with the
 * shares' intervals. */
#ifndef HOP_REPORT_HTML_SHARES_H
#define HOP_REPORT_HTML_SHARES_H

#include "profile/shares.h"

/* In the page: profile.groups[…]. */
#define HOP_HTML_GROUPINGS(X)                                                                      \
    X(FORM, form)             /* each row for itself: a place and the opcode it had in memory */   \
    X(PLACE, place)           /* an instruction of a code object */                                \
    X(EXPRESSION, expression) /* columns of a line */                                              \
    X(LINE, line)                                                                                  \
    X(FUNCTION, function) /* file, name and first line */                                          \
    X(OPCODE, opcode)     /* the base opcode */

#define HOP_HTML_GROUPING(name, word) HOP_HTML_BY_##name,
enum { HOP_HTML_GROUPINGS(HOP_HTML_GROUPING) HOP_HTML_GROUPING_COUNT };
#undef HOP_HTML_GROUPING

/* The line an instruction is shown at: code that has none (what prepares a frame) is its function's
 * first. */
int hop_html_line(const struct hop_instruction *row);

struct hop_html_group {
    uint32_t *group_of;       /* by instruction of the profile */
    struct hop_share *shares; /* by group */
    size_t count;
};

/* False: out of memory. */
bool hop_html_groups_init(struct hop_html_group groups[HOP_HTML_GROUPING_COUNT],
                          const struct hop_profile *profile);
void hop_html_groups_deinit(struct hop_html_group groups[HOP_HTML_GROUPING_COUNT]);

#endif
