/* What commands share: from a file to a profile, from settings and a profile to a written report.
 */
#include "cli/session.h"

#include "cli/browser.h"
#include "cli/command.h"
#include "cli/terminal.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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
        .focus = settings->focus,
        .group = settings->group,
    };
}

bool hop_cli_write_report(const struct hop_cli_settings *settings,
                          const struct hop_profile *profile, struct hop_output *output,
                          struct hop_error *err)
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
    bool is_shown = !hop_report_format_is_binary(settings->format);
    /* A disk that is full by now must not cost what was sampled. Where the report was to go to a
     * terminal or a pipe that broke, there is nobody left to read it. */
    options.is_coloured = false;
    if (settings->output_path && strcmp(settings->output_path, "-") != 0 &&
        hop_report(profile, is_shown ? settings->format : "text", &options, stderr, NULL) == HOP_OK)
        snprintf(err->remedy, sizeof err->remedy,
                 "the report was written to standard error instead");
    return false;
}

/* A name for a file, and not for standard output, a device or a descriptor. */
static bool is_file_name(const char *path)
{
    if (path && strncmp(path, "/dev/shm/", 9) == 0) /* a folder of files */
        return true;
    return path && strcmp(path, "-") != 0 && strncmp(path, "/dev/", 5) != 0 &&
           strncmp(path, "/proc/", 6) != 0;
}

void hop_cli_format_by_suffix(struct hop_cli_settings *settings, const char *otherwise)
{
    if (!settings->format && is_file_name(settings->output_path))
        settings->format = hop_report_format_of_file(settings->output_path);
    if (!settings->format)
        settings->format = otherwise;
}

bool hop_cli_choose_format(struct hop_cli_settings *settings, const char *otherwise)
{
    const char *path = settings->output_path;
    bool is_file = is_file_name(path);
    hop_cli_format_by_suffix(settings, is_file ? "pprof" : otherwise);
    struct hop_report_options options = hop_cli_report_options(settings);
    struct hop_error err;
    if (hop_report_check(settings->format, &options, &err) != HOP_OK) {
        hop_cli_fail(&err);
        return false;
    }
    int fd = path && strcmp(path, "/dev/stderr") == 0 ? STDERR_FILENO : STDOUT_FILENO;
    if (is_file || !hop_report_format_is_binary(settings->format) || !isatty(fd))
        return true;
    hop_cli_complain("give it a file: -o profile.pb.gz", "%s is no text for a terminal",
                     settings->format);
    return false;
}

struct hop_profile *hop_cli_read_profile(struct hop_cli_settings *settings,
                                         const struct hop_cli_command *command, int *exit_code)
{
    struct hop_profile *profile;
    struct hop_error err;
    char remedy[200];
    snprintf(remedy, sizeof remedy, "for example: heavyops %s profile.pb.gz", command->name);
    *exit_code = HOP_EXIT_USAGE;
    if (settings->words.count == 0)
        hop_cli_complain(remedy, "%s needs the file of a profile", command->name);
    else if (settings->words.count > 1)
        hop_cli_complain(remedy, "%s takes one file; '%s' is one word too many", command->name,
                         settings->words.items[1]);
    else if (hop_profile_read(settings->words.items[0], &profile, &err) == HOP_OK)
        return profile;
    else
        *exit_code = hop_cli_fail(&err);
    return NULL;
}

int hop_cli_show(struct hop_cli_settings *settings, const struct hop_cli_command *command,
                 const char *format)
{
    struct hop_output *output;
    struct hop_error err;
    int code;
    if (!settings->format)
        settings->format = format;
    if (!hop_cli_choose_format(settings, format))
        return HOP_EXIT_USAGE;
    struct hop_profile *profile = hop_cli_read_profile(settings, command, &code);
    if (!profile)
        return code;
    if (hop_output_open(settings->output_path ? settings->output_path : "-", &output, &err) ==
            HOP_OK &&
        hop_cli_write_report(settings, profile, output, &err))
        code = HOP_EXIT_OK;
    else
        code = hop_cli_fail(&err);
    hop_profile_destroy(profile);
    return code;
}
