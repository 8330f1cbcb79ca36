/* Makes stacks' lines piece by piece, see stack_text.h. */
#include "report/stack_text.h"

#include <stdlib.h>
#include <string.h>

bool hop_stack_text_init(struct hop_stack_text *text, const struct hop_stacks *stacks,
                         hop_frame_text *print)
{
    size_t bytes;
    *text = (struct hop_stack_text){.stacks = stacks};
    text->starts = calloc(stacks->frame_count + 1, sizeof *text->starts);
    FILE *out = open_memstream(&text->texts, &bytes);
    bool has_memory = text->starts && out;
    for (size_t i = 0; has_memory && i < stacks->frame_count; i++) {
        has_memory = print(stacks, i, out);
        text->starts[i + 1] = (size_t)ftello(out);
    }
    if (out && (ferror(out) | fclose(out)))
        has_memory = false;
    return has_memory;
}

void hop_stack_text_deinit(struct hop_stack_text *text)
{
    free(text->starts);
    free(text->texts);
    free(text->line);
    free(text->path);
    free(text->ends);
    *text = (struct hop_stack_text){0};
}

static bool make_room(struct hop_stack_text *text, size_t bytes)
{
    if (!text->line || text->line_room - text->line_bytes < bytes) {
        size_t room = 2 * text->line_room + bytes + 256;
        char *line = realloc(text->line, room);
        if (!line)
            return false;
        text->line = line;
        text->line_room = room;
    }
    if (text->depth + 1 >= text->depth_room) {
        size_t room = 2 * text->depth_room + 64;
        uint32_t *path = realloc(text->path, room * sizeof *path);
        if (path)
            text->path = path;
        size_t *ends = realloc(text->ends, room * sizeof *ends);
        if (ends)
            text->ends = ends;
        if (!path || !ends)
            return false;
        text->depth_room = room;
    }
    return true;
}

bool hop_stack_text_step(struct hop_stack_text *text, uint32_t node)
{
    const struct hop_stack_node *at = &text->stacks->nodes[node];
    size_t start = text->starts[at->frame], length = text->starts[at->frame + 1] - start;
    while (text->depth && text->path[text->depth - 1] != at->parent)
        text->depth--;
    text->line_bytes = text->depth ? text->ends[text->depth - 1] : 0;
    if (!make_room(text, length))
        return false;
    memcpy(text->line + text->line_bytes, text->texts + start, length);
    text->line_bytes += length;
    text->path[text->depth] = node;
    text->ends[text->depth++] = text->line_bytes;
    return true;
}

void hop_stack_text_print(const struct hop_stack_text *text, size_t head, size_t limit,
                          const char *left_out, FILE *stream)
{
    size_t skipped = 0;
    if (text->depth > head + limit) {
        skipped = text->ends[text->depth - limit - 1];
        fwrite_unlocked(text->line, 1, head ? text->ends[head - 1] : 0, stream);
        fputs_unlocked(left_out, stream);
    }
    if (text->line_bytes > skipped)
        fwrite_unlocked(text->line + skipped, 1, text->line_bytes - skipped - 1, stream);
}
