/* Stacks as lines of text that differ only in their ends: each frame's text is made once, and a
 * line grows and shrinks as the tree is walked. For formats that write each stack whole; what a
 * frame's text is, they say. */
#ifndef HOP_REPORT_STACK_TEXT_H
#define HOP_REPORT_STACK_TEXT_H

#include "report/stacks.h"

#include <stdio.h>

/* Writes the text of frame number `frame` to `out`, and what stands between frames behind it.
 * False: out of memory. */
typedef bool hop_frame_text(const struct hop_stacks *stacks, size_t frame, FILE *out);

struct hop_stack_text {
    const struct hop_stacks *stacks;
    size_t *starts; /* by frame: where its text begins in `texts`; and the end */
    char *texts;
    char *line;
    size_t line_bytes, line_room;
    uint32_t *path; /* the nodes of the line from the root on, and where each one's text ends */
    size_t *ends;
    size_t depth, depth_room;
};

/* False: out of memory. To be given to hop_stack_text_deinit all the same. */
bool hop_stack_text_init(struct hop_stack_text *text, const struct hop_stacks *stacks,
                         hop_frame_text *print);
void hop_stack_text_deinit(struct hop_stack_text *text);

/* Makes the line that of `node`; nodes are to come as hop_stacks_next has them. False: out of
 * memory. */
bool hop_stack_text_step(struct hop_stack_text *text, uint32_t node);

/* Writes the line, without the last byte: what would stand before the next frame. The `head`
 * outermost nodes are written always; of the others the `limit` innermost, and `left_out` in place
 * of more. */
void hop_stack_text_print(const struct hop_stack_text *text, size_t head, size_t limit,
                          const char *left_out, FILE *stream);

#endif
