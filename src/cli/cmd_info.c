/* The command `heavyops info`: what a process is, or why it cannot be attached. */
#include "cli/command.h"

#include "cli/session.h"

static int run_info(struct hop_cli_settings *settings)
{
    struct hop_output *output;
    struct hop_error err, output_err;
    if (!hop_cli_require_pid(settings, &hop_cli_info))
        return HOP_EXIT_USAGE;
    hop_cli_format_by_suffix(settings, "text");
    if (hop_output_open(settings->output_path ? settings->output_path : "-", &output, &output_err))
        return hop_cli_fail(&output_err);
    struct hop_attach_options options = {
        .offsets_path = settings->offsets_path,
        .wait_ns = HOP_CLI_START_WAIT_NS,
    };
    /* What is known is written even when the process cannot be attached. */
    enum hop_status status =
        hop_info(settings->pid, &options, settings->format, hop_output_stream(output), &err);
    if (hop_output_commit(output, &output_err) != HOP_OK)
        return hop_cli_fail(&output_err);
    int code = hop_cli_exit_code(status);
    /* Why it cannot be attached is what was asked for, and written: not to be said twice. */
    bool is_told = code == HOP_EXIT_CANNOT_ATTACH || code == HOP_EXIT_UNSUPPORTED;
    return status == HOP_OK || is_told ? code : hop_cli_fail(&err);
}

const struct hop_cli_command hop_cli_info = {
    .name = "info",
    .synopsis = "[OPTION...] [--pid] PID",
    .summary = "tell what a process is, or why it cannot be attached",
    .description =
        "Tells the version and build of the Python in process PID, the layout that would "
        "be used to read it, its threads, interpreters and namespaces; or why it cannot "
        "be attached, and what to do about it.",
    .groups =
        (const struct hop_cli_group *const[]){&hop_cli_target_group, &hop_cli_look_output_group,
                                              &hop_cli_other_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops info 1234", "can it be attached, and what is it?"},
            {0},
        },
    .run = run_info,
};
