/* What attach and record share: from settings and a profile to a written report. */
#include "cli/session.h"

#include "cli/browser.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <string.h>
#include <sys/resource.h>

void hop_cli_allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* or fewer are kept open: slower, not wrong */
}

struct hop_report_options hop_cli_report_options(const struct hop_cli_settings *settings)
{
    return (struct hop_report_options){
        .instructions = settings->instructions.items,
        .instruction_count = settings->instructions.count,
        .files = settings->files.items,
        .file_count = settings->files.count,
        .by_thread = settings->by_thread,
        .row_limit = settings->row_limit,
        .with_opcodes = settings->with_opcodes,
    };
}

bool hop_cli_report(const struct hop_cli_settings *settings, const struct hop_profile *profile,
                    struct hop_output *output, struct hop_error *err)
{
    struct hop_report_options options = hop_cli_report_options(settings);
    options.is_coloured = hop_cli_wants_colour(settings, fileno(hop_output_stream(output)));
    if (hop_report(profile, settings->format, &options, hop_output_stream(output), err) == HOP_OK) {
        if (hop_output_commit(output, err) == HOP_OK) {
            if (settings->opens_browser)
                hop_cli_browser_open(settings);
            return true;
        }
    } else {
        hop_output_abandon(output);
    }
    /* A disk that is full by now must not cost what was sampled. Where the report was to go to a
     * terminal or a pipe that broke, there is nobody left to read it. */
    options.is_coloured = false;
    if (settings->output_path && strcmp(settings->output_path, "-") != 0 &&
        hop_report(profile, settings->format, &options, stderr, NULL) == HOP_OK)
        snprintf(err->remedy, sizeof err->remedy,
                 "the report was written to standard error instead");
    return false;
}
