/* The command `heavyops diff`: what has changed between two profiles, beyond chance. */
#include "cli/command.h"

#include "cli/session.h"
#include "cli/terminal.h"

/* The report of -q goes nowhere, but what it says decides how we end. */
static int compare(const struct hop_cli_settings *settings, const struct hop_profile *before,
                   const struct hop_profile *after)
{
    const char *path = settings->output_path ? settings->output_path : "-";
    struct hop_output *output;
    struct hop_error err;
    bool is_exceeded = false;
    if (settings->is_quiet && !settings->output_path)
        path = "/dev/null";
    if (hop_output_open(path, &output, &err) != HOP_OK)
        return hop_cli_fail(&err);
    struct hop_diff_options options = {
        .by = settings->diff_by,
        .shows_all = settings->shows_all,
        .fail_above = settings->fail_above,
        .has_limit = settings->has_fail_above,
        .report = hop_cli_report_options(settings),
    };
    FILE *stream = hop_output_stream(output);
    options.report.is_coloured = hop_cli_wants_colour(settings, fileno(stream));
    if (hop_diff(before, after, &options, settings->format, stream, &is_exceeded, &err) != HOP_OK) {
        hop_output_abandon(output);
        return hop_cli_fail(&err);
    }
    if (hop_output_commit(output, &err) != HOP_OK)
        return hop_cli_fail(&err);
    return settings->has_fail_above && is_exceeded ? HOP_EXIT_GREW : HOP_EXIT_OK;
}

static int run_diff(struct hop_cli_settings *settings)
{
    struct hop_profile *before = NULL, *after = NULL;
    struct hop_error err;
    hop_cli_format_by_suffix(settings, "text");
    if (!hop_cli_choose_format(settings, settings->format))
        return HOP_EXIT_USAGE;
    if (settings->words.count != 2) {
        hop_cli_complain("for example: heavyops diff before.pb.gz after.pb.gz",
                         "diff needs the files of two profiles");
        return HOP_EXIT_USAGE;
    }
    int code = HOP_EXIT_OK;
    if (hop_profile_read(settings->words.items[0], &before, &err) != HOP_OK ||
        hop_profile_read(settings->words.items[1], &after, &err) != HOP_OK)
        code = hop_cli_fail(&err);
    else
        code = compare(settings, before, after);
    hop_profile_destroy(before);
    hop_profile_destroy(after);
    return code;
}

const struct hop_cli_command hop_cli_diff = {
    .name = "diff",
    .synopsis = "[OPTION...] FILE_BEFORE FILE_AFTER",
    .summary = "tell what moved between two profiles beyond chance",
    .description =
        "Compares two profiles by function, line and instruction, and shows what has another share "
        "of the time than before, where that is more than chance: of comparisons of a program with "
        "itself, one in twenty shows any row. The share before and after, the difference in points "
        "with its 95 % interval, the factor.\n"
        "Functions are the same by file and qualified name, lines by what their bytecode does, so "
        "that edits above and another place of the file change nothing. Between two versions of "
        "Python, whose instructions differ, lines and functions are compared.\n"
        "Shares are of all samples: when one function becomes slower, the shares of all others "
        "become smaller.",
    .groups = (const struct hop_cli_group *const[]){&hop_cli_diff_group, &hop_cli_rows_group,
                                                    &hop_cli_diff_output_group, &hop_cli_help_group,
                                                    NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops diff before.pb.gz after.pb.gz", "what has changed"},
            {"heavyops diff --by function --all main.pb.gz branch.pb.gz",
             "all functions, also those that have not moved"},
            {"heavyops diff --fail-above 5% main.pb.gz branch.pb.gz",
             "ends with 6 when anything grew beyond chance and by more than 5 points"},
            {0},
        },
    .run = run_diff,
};
