/* One look as text: a paragraph a thread, a line a frame, innermost first. */
#include "report/text_parts.h"

#include "base/escape.h"

#include <inttypes.h>
#include <string.h>

enum { COMMAND_LINE_BYTES_MAX = 160 /* a line or two of a terminal; the JSON has the whole */ };

void hop_text_print_target(FILE *stream, int pid, const char *python, const char *command_line)
{
    char shown[COMMAND_LINE_BYTES_MAX];
    size_t length = hop_escape_terminal(command_line ? command_line : "", shown, sizeof shown);
    /* Escaping stops at a whole character, so a cut text may be a few bytes short of the room. */
    bool is_cut = length + 8 >= sizeof shown;
    if (pid)
        fprintf(stream, "pid %d, Python ", pid);
    else
        fputs("several processes, Python ", stream);
    hop_text_print_name(stream, python);
    fprintf(stream, "%s%s%s\n", length ? ": " : "", shown, is_cut ? "..." : "");
}

void hop_text_print_name(FILE *stream, const char *name)
{
    hop_print_escaped(stream, name && *name ? name : "?");
}

/* "    Foo.intersects (/srv/foo.py:8:16)  36 LOAD_DEREF 1" */
static void print_frame(FILE *stream, const struct hop_instruction *frame)
{
    fputs("    ", stream);
    hop_text_print_name(stream, frame->function);
    fputs(" (", stream);
    hop_text_print_name(stream, frame->file);
    if (frame->line > 0)
        fprintf(stream, ":%d", frame->line);
    if (frame->line > 0 && frame->column >= 0)
        /* from 1, as compilers and editors count */
        fprintf(stream, ":%" PRId64, (int64_t)frame->column + 1);
    fprintf(stream, ")  %" PRIu32 " ", frame->offset);
    hop_print_escaped(stream, frame->base_opcode);
    if (frame->oparg >= 0)
        fprintf(stream, " %" PRId64, frame->oparg);
    if (strcmp(frame->opcode, frame->base_opcode) != 0) {
        fputs(" [", stream);
        hop_print_escaped(stream, frame->opcode);
        fputc(']', stream);
    }
    fputc('\n', stream);
}

static void print_thread(FILE *stream, const struct hop_snapshot_thread *thread)
{
    fprintf(stream, "\nThread %d", thread->tid);
    if (thread->name && *thread->name) {
        fputs(" (", stream);
        hop_print_escaped(stream, thread->name);
        fputc(')', stream);
    }
    fputs(": ", stream);
    hop_text_print_name(stream, thread->state);
    if (thread->has_gil)
        fputs(", holds the GIL", stream);
    if (thread->interpreter)
        fprintf(stream, ", interpreter %" PRIu64, thread->interpreter);
    fputc('\n', stream);
    if (thread->refused)
        fprintf(stream, "    no stack: %s\n", thread->refused);
    else if (thread->frame_count == 0)
        fputs("    no Python frame\n", stream);
    for (size_t i = 0; i < thread->frame_count; i++)
        print_frame(stream, &thread->frames[i]);
}

enum hop_status hop_text_write_snapshot(const struct hop_snapshot *snapshot, FILE *stream,
                                        struct hop_error *err)
{
    (void)err; /* nothing here can fail but the stream, which the caller looks at */
    hop_text_print_target(stream, snapshot->pid, snapshot->python, snapshot->command_line);
    for (size_t i = 0; i < snapshot->thread_count; i++)
        print_thread(stream, &snapshot->threads[i]);
    return HOP_OK;
}
