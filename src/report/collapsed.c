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
#include "report/stacks.h"
#include "report/xml.h"

#include <stdlib.h>
#include <string.h>

struct label {
    size_t start, length; /* of the text in `labels` */
};

/* The lines are made from one text, which grows and shrinks as the tree is walked. */
struct collapsed {
    struct hop_stacks stacks;
    struct label *labels; /* by frame, with the ';' that ends each */
    char *text;           /* of all labels */
    size_t text_bytes;
    char *line;
    size_t line_bytes, line_room;
    uint32_t *path; /* the nodes of the line from the root on, and where each one's text ends */
    size_t *ends;
    size_t depth, depth_room;
    size_t thread_depth; /* of those, threads: 1 or none */
    size_t limit;        /* of frames that are written of a stack */
};

/* Writes a frame's label to `out`; false: out of memory. */
static bool print_label(const struct hop_stacks *stacks, const struct hop_frame *frame, FILE *out)
{
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

static bool make_labels(struct collapsed *collapsed)
{
    const struct hop_stacks *stacks = &collapsed->stacks;
    collapsed->labels = calloc(stacks->frame_count + 1, sizeof *collapsed->labels);
    FILE *out = open_memstream(&collapsed->text, &collapsed->text_bytes);
    bool has_memory = collapsed->labels && out;
    for (size_t i = 0; has_memory && i < stacks->frame_count; i++) {
        collapsed->labels[i].start = (size_t)ftello(out);
        has_memory = print_label(stacks, &stacks->frames[i], out);
        collapsed->labels[i].length = (size_t)ftello(out) - collapsed->labels[i].start;
    }
    if (out && (ferror(out) | fclose(out)))
        has_memory = false;
    return has_memory;
}

static bool make_room(struct collapsed *collapsed, size_t bytes)
{
    if (collapsed->line_room - collapsed->line_bytes < bytes) {
        size_t room = 2 * collapsed->line_room + bytes + 256;
        char *line = realloc(collapsed->line, room);
        if (!line)
            return false;
        collapsed->line = line;
        collapsed->line_room = room;
    }
    if (collapsed->depth + 1 >= collapsed->depth_room) {
        size_t room = 2 * collapsed->depth_room + 64;
        uint32_t *path = realloc(collapsed->path, room * sizeof *path);
        if (path)
            collapsed->path = path;
        size_t *ends = realloc(collapsed->ends, room * sizeof *ends);
        if (ends)
            collapsed->ends = ends;
        if (!path || !ends)
            return false;
        collapsed->depth_room = room;
    }
    return true;
}

/* Makes the line that of `node`, whose parent is on the path. */
static bool step_to(struct collapsed *collapsed, uint32_t node)
{
    const struct hop_stack_node *at = &collapsed->stacks.nodes[node];
    const struct label *label = &collapsed->labels[at->frame];
    while (collapsed->depth && collapsed->path[collapsed->depth - 1] != at->parent)
        collapsed->depth--;
    collapsed->line_bytes = collapsed->depth ? collapsed->ends[collapsed->depth - 1] : 0;
    if (!make_room(collapsed, label->length))
        return false;
    memcpy(collapsed->line + collapsed->line_bytes, collapsed->text + label->start, label->length);
    collapsed->line_bytes += label->length;
    collapsed->path[collapsed->depth] = node;
    collapsed->ends[collapsed->depth++] = collapsed->line_bytes;
    return true;
}

/* The stack that the line is of. */
static void print_stack(const struct collapsed *collapsed, FILE *stream)
{
    size_t frames = collapsed->depth - collapsed->thread_depth, skipped = 0;
    if (frames > collapsed->limit) {
        size_t thread_bytes = collapsed->thread_depth ? collapsed->ends[0] : 0;
        skipped = collapsed->ends[collapsed->depth - collapsed->limit - 1];
        fwrite_unlocked(collapsed->line, 1, thread_bytes, stream);
        fputs_unlocked(HOP_STACK_LEFT_OUT ";", stream);
    }
    fwrite_unlocked(collapsed->line + skipped, 1, collapsed->line_bytes - skipped - 1, stream);
}

static bool print_lines(struct collapsed *collapsed, FILE *stream)
{
    const struct hop_stacks *stacks = &collapsed->stacks;
    for (uint32_t node = hop_stacks_next(stacks, 0, 0); node != 0;
         node = hop_stacks_next(stacks, 0, node)) {
        if (!step_to(collapsed, node))
            return false;
        uint64_t weight = hop_stacks_weight(stacks, node);
        if (weight == 0)
            continue;
        print_stack(collapsed, stream);
        putc_unlocked(' ', stream);
        hop_print_count(stream, weight);
        putc_unlocked('\n', stream);
    }
    return true;
}

static enum hop_status write_collapsed(const struct hop_profile *profile,
                                       const struct hop_report_options *options, FILE *stream,
                                       struct hop_error *err)
{
    struct hop_stacks_plan plan = {.by_thread = options->by_thread,
                                   .leaf = options->with_opcodes ? HOP_LEAF_OPCODE : HOP_LEAF_LINE,
                                   .options = options};
    struct collapsed collapsed = {.thread_depth = options->by_thread};
    struct hop_stack_sizes sizes = {0};
    bool has_memory = hop_stacks_init(&collapsed.stacks, profile, &plan) &&
                      hop_stacks_measure(&collapsed.stacks, &sizes) && make_labels(&collapsed);
    collapsed.limit = hop_stack_limit(&sizes);
    has_memory = has_memory && print_lines(&collapsed, stream);
    free(collapsed.labels);
    free(collapsed.text);
    free(collapsed.line);
    free(collapsed.path);
    free(collapsed.ends);
    hop_stacks_deinit(&collapsed.stacks);
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_collapsed = {
    .name = "collapsed",
    .suffixes = ".collapsed .folded",
    .write = write_collapsed,
};
