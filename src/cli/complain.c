/* How errors are said, safe for a terminal whatever they quote, and which exit code stands for
 * which of the library's. */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void __attribute__((format(printf, 3, 0)))
print_complaint(FILE *stream, const char *remedy, const char *message, va_list args)
{
    char *text;
    int length = vasprintf(&text, message, args);
    fputs("heavyops: ", stream);
    hop_print_escaped(stream, length < 0 ? "out of memory" : text);
    fputc('\n', stream);
    if (remedy && *remedy) {
        fputs("  ", stream);
        hop_print_escaped(stream, remedy);
        fputc('\n', stream);
    }
    if (length >= 0)
        free(text);
}

/* In one piece, so that what a recorded program says at the same time does not come in between. */
void hop_cli_complain(const char *remedy, const char *message, ...)
{
    char *whole = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&whole, &length);
    va_list args;
    va_start(args, message);
    print_complaint(stream ? stream : stderr, remedy, message, args);
    va_end(args);
    if (stream && fclose(stream) == 0)
        fwrite(whole, 1, length, stderr);
    else if (stream)
        fputs("heavyops: out of memory\n", stderr);
    free(whole);
}

int hop_cli_exit_code(enum hop_status status)
{
    switch (status) {
    case HOP_OK:
        return HOP_EXIT_OK;
    case HOP_ERR_USAGE:
        return HOP_EXIT_USAGE;
    case HOP_ERR_NO_PROCESS:
    case HOP_ERR_PERMISSION:
    case HOP_ERR_NOT_PYTHON:
    case HOP_ERR_GONE:
    case HOP_ERR_STOPPED:
        return HOP_EXIT_CANNOT_ATTACH;
    case HOP_ERR_UNSUPPORTED:
    case HOP_ERR_OFFSETS:
        return HOP_EXIT_UNSUPPORTED;
    case HOP_ERR_NOTHING:
        return HOP_EXIT_NOTHING;
    case HOP_ERR_PROFILE:
        return HOP_EXIT_BAD_PROFILE;
    case HOP_ERR_LAUNCH:
        return HOP_EXIT_CANNOT_RUN;
    case HOP_ERR_IO:
    case HOP_ERR_MEMORY:
        break;
    }
    return HOP_EXIT_FAILED;
}

int hop_cli_fail(const struct hop_error *err)
{
    hop_cli_complain(err->remedy, "%s", err->message);
    return hop_cli_exit_code(err->status);
}
