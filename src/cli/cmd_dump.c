/* The command `heavyops dump`: every thread's stack, once. */
#include "cli/command.h"

#include "cli/session.h"
#include "cli/signals.h"

static int run_dump(struct hop_cli_settings *settings)
{
    struct hop_output *output;
    struct hop_target *target;
    struct hop_error err;
    if (!hop_cli_require_pid(settings, &hop_cli_dump))
        return HOP_EXIT_USAGE;
    hop_cli_format_by_suffix(settings, "text");
    if (hop_output_open(settings->output_path ? settings->output_path : "-", &output, &err))
        return hop_cli_fail(&err);
    hop_cli_allow_descriptors();
    struct hop_attach_options options = {
        .offsets_path = settings->offsets_path,
        .wait_ns = HOP_CLI_START_WAIT_NS,
    };
    enum hop_status status = hop_attach(settings->pid, &options, &target, &err);
    if (status == HOP_OK) {
        status = hop_dump(target, settings->format, hop_output_stream(output), &err);
        hop_detach(target);
    }
    if (status == HOP_OK)
        status = hop_output_commit(output, &err);
    else
        hop_output_abandon(output);
    return status == HOP_OK ? HOP_EXIT_OK : hop_cli_fail(&err);
}

const struct hop_cli_command hop_cli_dump = {
    .name = "dump",
    .synopsis = "[OPTION...] [--pid] PID",
    .summary = "print every thread's stack, once",
    .description =
        "Prints the stack of every thread of the Python process PID, innermost frame first: "
        "function, file, line and column, and the instruction the frame is at (its offset as dis "
        "counts, its name, its argument; in brackets its name in memory, where that differs).",
    .groups =
        (const struct hop_cli_group *const[]){&hop_cli_target_group, &hop_cli_look_output_group,
                                              &hop_cli_other_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops dump 1234", "what is it doing just now?"},
            {"heavyops dump --pid 1234 --format json", "the same for a script"},
            {0},
        },
    .run = run_dump,
};
