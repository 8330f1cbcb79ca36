/* The command `heavyops top`: a profile on a live screen, while it is made. */
#include "cli/command.h"

#include "cli/session.h"
#include "cli/signals.h"
#include "cli/terminal.h"

/* So much is seen of a function within a second that its order in the table holds, and looking
 * still takes no more than a percent of the target's time. */
static const double RATE_HZ = 250;

static int show(const struct hop_cli_settings *settings, struct hop_target *target,
                struct hop_output *output)
{
    struct hop_profile *profile;
    struct hop_error err;
    struct hop_top_options options;
    hop_cli_live_options(settings, RATE_HZ, &options);
    enum hop_status status = hop_top(target, &options, &profile, &err);
    int code = HOP_EXIT_OK;
    /* Who leaves the screen before anything was sampled has not failed. */
    if (status != HOP_OK && (status != HOP_ERR_NOTHING || output))
        code = hop_cli_fail(&err);
    if (output && profile) {
        if (!hop_cli_write_report(settings, profile, output, &err))
            code = hop_cli_fail(&err);
    } else {
        hop_output_abandon(output);
    }
    hop_profile_destroy(profile);
    return code;
}

static int run_top(struct hop_cli_settings *settings)
{
    struct hop_output *output = NULL;
    struct hop_target *target;
    struct hop_error err;
    if (!hop_cli_require_pid(settings, &hop_cli_top))
        return HOP_EXIT_USAGE;
    if (settings->output_path && !hop_cli_choose_format(settings, "text"))
        return HOP_EXIT_USAGE;
    if (settings->output_path && hop_output_open(settings->output_path, &output, &err))
        return hop_cli_fail(&err);
    settings->sampling.stop = hop_cli_stop_on_signals();
    hop_cli_allow_descriptors();
    struct hop_attach_options options = {
        .offsets_path = settings->offsets_path,
        .wait_ns = HOP_CLI_START_WAIT_NS,
        .stop = settings->sampling.stop,
    };
    if (hop_attach(settings->pid, &options, &target, &err) != HOP_OK) {
        hop_output_abandon(output);
        return hop_cli_fail(&err);
    }
    int code = show(settings, target, output);
    hop_detach(target);
    return code;
}

const struct hop_cli_command hop_cli_top = {
    .name = "top",
    .synopsis = "[OPTION...] [--pid] PID",
    .summary = "watch a running process on a live screen",
    .description =
        "Samples the Python process PID and shows the profile in the terminal while it is made: "
        "instructions, opcodes, lines, functions or threads by share, all of them unless -i says "
        "otherwise; with Enter the bytecode of one function; '?' tells the keys. Sampling goes on "
        "until -d is over or the process ends, the screen until 'q' or Ctrl-C. With -o all that "
        "was seen is then written.",
    .groups =
        (const struct hop_cli_group *const[]){&hop_cli_target_group, &hop_cli_live_group,
                                              &hop_cli_sampling_group, &hop_cli_selection_group,
                                              &hop_cli_output_group, &hop_cli_other_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops top 1234", "where the time goes, now"},
            {"heavyops top --pid 1234 -r 1000 --delay 0.5", "more often, drawn twice a second"},
            {"heavyops top 1234 -i 'CALL*' -o calls.json", "calls only; all is in the file"},
            {0},
        },
    .run = run_top,
};
