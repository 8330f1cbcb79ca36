/* Collapsed stacks: a line a stack, frames from the outermost to the innermost, "name (file:line)"
 * with ';' between them, a blank, and how many samples end there. What flamegraph.pl, inferno,
 * speedscope and many others read.
 *
 * The number is of samples. Where samples stand for different times (a run whose beginning was
 * looked at more often), it is of nanoseconds instead, for else the beginning would look longer
 * than it was; readers want an integer, and nanoseconds are what is known, so that nothing is
 * rounded.
 *
 * Of very many and deep stacks the outer frames are left out, and one stands in place of them
 * (profile/stack_limit.h).
 *
 * In names, what is no printable text is escaped as for a terminal, and ';' is written \x3b. */
#include "report/format.h"

#include "base/escape.h"
#include "report/stack_text.h"
#include "report/xml.h"

#include <stdlib.h>
#include <string.h>

static bool print_label(const struct hop_stacks *stacks, size_t number, FILE *out)
{
    const struct hop_frame *frame = &stacks->frames[number];
    size_t length = hop_frame_label(stacks, frame, NULL, NULL, 0);
    size_t room = length * 4 + 1; /* a byte becomes \xNN at most */
    char *raw = malloc(length + 1), *escaped = malloc(room);
    bool has_memory = raw && escaped;
    if (has_memory) {
        hop_frame_label(stacks, frame, NULL, raw, length + 1);
        hop_escape_terminal(raw, escaped, room);
        for (const char *at = escaped; *at; at++)
            if (*at == ';')
                fputs("\\x3b", out);
            else
                putc(*at, out);
        putc(';', out);
    }
    free(raw);
    free(escaped);
    return has_memory;
}

/* Nodes of threads, `head` of them a line, are no frames to `limit`. */
static bool print_lines(const struct hop_stacks *stacks, size_t head, size_t limit, FILE *stream)
{
    struct hop_stack_text text;
    bool has_memory = hop_stack_text_init(&text, stacks, print_label);
    for (uint32_t node = hop_stacks_next(stacks, 0, 0); has_memory && node != 0;
         node = hop_stacks_next(stacks, 0, node)) {
        has_memory = hop_stack_text_step(&text, node);
        uint64_t weight = hop_stacks_weight(stacks, node);
        if (weight == 0 || !has_memory)
            continue;
        hop_stack_text_print(&text, head, limit, HOP_STACK_LEFT_OUT ";", stream);
        putc_unlocked(' ', stream);
        hop_print_count(stream, weight);
        putc_unlocked('\n', stream);
    }
    hop_stack_text_deinit(&text);
    return has_memory;
}

static enum hop_status write_collapsed(const struct hop_profile *profile,
                                       const struct hop_report_options *options, FILE *stream,
                                       struct hop_error *err)
{
    struct hop_stacks_plan plan = {.by_thread = options->by_thread,
                                   .leaf = options->with_opcodes ? HOP_LEAF_OPCODE : HOP_LEAF_LINE,
                                   .options = options};
    struct hop_stacks stacks;
    struct hop_stack_sizes sizes;
    bool has_memory = hop_stacks_init(&stacks, profile, &plan);
    if (has_memory) {
        has_memory = hop_stacks_measure(&stacks, &sizes) &&
                     print_lines(&stacks, options->by_thread, hop_stack_limit(&sizes), stream);
        hop_stacks_deinit(&stacks);
    }
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_collapsed = {
    .name = "collapsed",
    .suffixes = ".collapsed .folded",
    .write = write_collapsed,
};
