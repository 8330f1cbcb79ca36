/* From settings and a profile to a written report. */
#include "cli/session.h"

#include "cli/command.h"

bool hop_cli_report(const struct hop_cli_settings *settings, const struct hop_profile *profile,
                    struct hop_output *output, struct hop_error *err)
{
    struct hop_report_options options = {
        .instructions = settings->instructions.items,
        .instruction_count = settings->instructions.count,
        .files = settings->files.items,
        .file_count = settings->files.count,
        .by_thread = settings->by_thread,
        .row_limit = settings->row_limit,
    };
    if (hop_report(profile, settings->format, &options, hop_output_stream(output), err) == HOP_OK)
        return hop_output_commit(output, err) == HOP_OK;
    hop_output_abandon(output);
    return false;
}
