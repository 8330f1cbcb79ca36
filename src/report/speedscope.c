/* A profile for https://www.speedscope.app: its own file format, a "sampled" profile for each
 * thread, weights in nanoseconds. Frames are named once; a sample is a list of their indexes, the
 * outermost first. Stacks stand side by side as in the tree, not in the order they were seen; of
 * very many and deep ones the outer frames are left out (profile/stack_limit.h). */
#include "report/format.h"

#include "report/json_parts.h"
#include "report/stack_text.h"
#include "report/xml.h"

#include <inttypes.h>
#include <stdlib.h>

static bool print_name(FILE *stream, const char *text)
{
    return hop_json_print_shown(stream, *text ? text : "?");
}

static bool print_frame(const struct hop_stacks *stacks, const struct hop_frame *frame,
                        FILE *stream)
{
    const struct hop_instruction *row = hop_frame_instruction(stacks, frame);
    bool is_leaf = frame->kind == HOP_FRAME_INSTRUCTION;
    fputs("\n{\"name\":", stream);
    if (!print_name(stream, is_leaf ? row->base_opcode : row->function))
        return false;
    fputs(",\"file\":", stream);
    if (!print_name(stream, row->file))
        return false;
    if (frame->line)
        fprintf(stream, ",\"line\":%d", frame->line);
    if (is_leaf && row->column >= 0) /* from 1, as editors count */
        fprintf(stream, ",\"col\":%" PRId64, (int64_t)row->column + 1);
    putc('}', stream);
    return true;
}

/* Threads, which come first, are no frames here: `skipped` of them. Behind the others stands, where
 * it is needed, what is in place of those left out. */
static bool print_frames(const struct hop_stacks *stacks, size_t skipped, bool leaves_frames_out,
                         FILE *stream)
{
    fputs("\"shared\":{\"frames\":[", stream);
    for (size_t i = skipped; i < stacks->frame_count; i++) {
        if (i > skipped)
            putc(',', stream);
        if (!print_frame(stacks, &stacks->frames[i], stream))
            return false;
    }
    if (leaves_frames_out)
        fputs(",\n{\"name\":\"" HOP_STACK_LEFT_OUT "\"}", stream);
    fputs("]}", stream);
    return true;
}

/* How samples are written: lists of indexes, `limit` of them, and `left_out` in place of more. */
struct lists {
    struct hop_stack_text text;
    size_t limit;
    char left_out[24];
};

/* A frame in a list; a thread is none. */
static bool print_index(const struct hop_stacks *stacks, size_t frame, FILE *out)
{
    size_t threads = stacks->profile->thread_count;
    if (frame >= threads) {
        hop_print_count(out, frame - threads);
        putc(',', out);
    }
    return true;
}

static bool lists_init(struct lists *lists, const struct hop_stacks *stacks, size_t limit)
{
    lists->limit = limit;
    snprintf(lists->left_out, sizeof lists->left_out, "%zu,",
             stacks->frame_count - stacks->profile->thread_count);
    return hop_stack_text_init(&lists->text, stacks, print_index);
}

/* The samples of a thread; false: out of memory. */
static bool print_samples(const struct hop_stacks *stacks, uint32_t thread, struct lists *lists,
                          FILE *stream)
{
    bool is_first = true;
    if (!hop_stack_text_step(&lists->text, thread))
        return false;
    for (uint32_t at = hop_stacks_next(stacks, thread, thread); at != thread;
         at = hop_stacks_next(stacks, thread, at)) {
        if (!hop_stack_text_step(&lists->text, at))
            return false;
        if (stacks->nodes[at].self_ns == 0)
            continue;
        fputs_unlocked(is_first ? "\n[" : ",\n[", stream);
        is_first = false;
        hop_stack_text_print(&lists->text, 1, lists->limit, lists->left_out, stream);
        putc_unlocked(']', stream);
    }
    return true;
}

static bool print_thread(const struct hop_stacks *stacks, uint32_t thread, struct lists *lists,
                         FILE *stream)
{
    const struct hop_stack_node *nodes = stacks->nodes;
    size_t size = hop_frame_label(stacks, &stacks->frames[nodes[thread].frame], NULL, NULL, 0) + 1;
    char *label = malloc(size);
    uint64_t end_ns = 0;
    bool is_first = true;
    if (!label)
        return false;
    hop_frame_label(stacks, &stacks->frames[nodes[thread].frame], NULL, label, size);
    fputs("\n{\"type\":\"sampled\",\"name\":", stream);
    bool is_written = print_name(stream, label);
    free(label);
    if (!is_written)
        return false;
    fputs(",\"unit\":\"nanoseconds\",\"startValue\":0,\"samples\":[", stream);
    if (!print_samples(stacks, thread, lists, stream))
        return false;
    fputs("],\n\"weights\":[", stream);
    for (uint32_t at = hop_stacks_next(stacks, thread, thread); at != thread;
         at = hop_stacks_next(stacks, thread, at)) {
        if (nodes[at].self_ns == 0)
            continue;
        if (!is_first)
            putc_unlocked(',', stream);
        is_first = false;
        hop_print_count(stream, nodes[at].self_ns);
        end_ns += nodes[at].self_ns;
    }
    fputs("],\"endValue\":", stream);
    hop_print_count(stream, end_ns);
    putc('}', stream);
    return true;
}

static bool print_document(const struct hop_stacks *stacks, FILE *stream)
{
    const struct hop_profile *profile = stacks->profile;
    size_t skipped = profile->thread_count;
    struct hop_stack_sizes sizes;
    if (!hop_stacks_measure(stacks, &sizes))
        return false;
    struct lists lists;
    bool is_whole = lists_init(&lists, stacks, hop_stack_limit(&sizes));
    fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
          "\"exporter\":\"heavyops " HOP_VERSION "\",\"name\":",
          stream);
    is_whole = is_whole && print_name(stream, profile->command_line);
    fputs(",\n", stream);
    is_whole = is_whole && print_frames(stacks, skipped, lists.limit < sizes.deepest, stream);
    fputs(",\n\"profiles\":[", stream);
    for (uint32_t i = 0; is_whole && i < stacks->nodes[0].child_count; i++) {
        if (i)
            putc(',', stream);
        is_whole = print_thread(stacks, stacks->nodes[0].first_child + i, &lists, stream);
    }
    if (stacks->nodes[0].child_count == 0) /* its readers want at least one */
        fputs("\n{\"type\":\"sampled\",\"name\":\"no samples\",\"unit\":\"nanoseconds\","
              "\"startValue\":0,\"endValue\":0,\"samples\":[],\"weights\":[]}",
              stream);
    fputs("]}\n", stream);
    hop_stack_text_deinit(&lists.text);
    return is_whole;
}

static enum hop_status write_speedscope(const struct hop_profile *profile,
                                        const struct hop_report_options *options, FILE *stream,
                                        struct hop_error *err)
{
    struct hop_stacks_plan plan = {.by_thread = true,
                                   .leaf =
                                       options->with_opcodes ? HOP_LEAF_INSTRUCTION : HOP_LEAF_LINE,
                                   .options = options};
    struct hop_stacks stacks;
    bool has_memory = hop_stacks_init(&stacks, profile, &plan);
    if (has_memory) {
        has_memory = print_document(&stacks, stream);
        hop_stacks_deinit(&stacks);
    }
    return has_memory ? HOP_OK : hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
}

const struct hop_format hop_format_speedscope = {
    .name = "speedscope",
    .suffixes = ".speedscope.json",
    .write = write_speedscope,
};
