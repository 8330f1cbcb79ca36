/* The command `heavyops attach`: samples a process that runs already, and reports. */
#include "cli/command.h"

#include "cli/progress.h"
#include "cli/session.h"
#include "cli/signals.h"

static int sample_and_report(const struct hop_cli_settings *settings, struct hop_target *target,
                             struct hop_output *output)
{
    struct hop_profile *profile;
    struct hop_error sampling_err, err;
    enum hop_status sampled =
        hop_cli_sample(settings, target, &settings->sampling, true, &profile, &sampling_err);
    if (!profile) {
        hop_output_abandon(output);
        return hop_cli_fail(&sampling_err);
    }
    /* Without a sample the report still says what was refused and idle. */
    int code =
        hop_cli_write_report(settings, profile, output, &err) ? HOP_EXIT_OK : hop_cli_fail(&err);
    hop_profile_destroy(profile);
    if (sampled == HOP_OK)
        return code;
    int sampling_code = hop_cli_fail(&sampling_err);
    return code == HOP_EXIT_OK ? sampling_code : code;
}

static int run_attach(struct hop_cli_settings *settings)
{
    struct hop_output *output;
    struct hop_target *target;
    struct hop_error err;
    if (!hop_cli_require_pid(settings, &hop_cli_attach))
        return HOP_EXIT_USAGE;
    if (!hop_cli_choose_format(settings, "text"))
        return HOP_EXIT_USAGE;
    if (hop_output_open(settings->output_path ? settings->output_path : "-", &output, &err))
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
    int code = sample_and_report(settings, target, output);
    hop_detach(target);
    return code;
}

const struct hop_cli_command hop_cli_attach = {
    .name = "attach",
    .synopsis = "[OPTION...] [--pid] PID",
    .summary = "sample a running process and report",
    .description =
        "Samples the Python process PID until -d is over, until Ctrl-C (a second one quits without "
        "a report) or until the process ends, and prints a report. The process is never written "
        "to, and stopped only by --read stop.",
    .groups = (const struct hop_cli_group *const[]){&hop_cli_target_group, &hop_cli_sampling_group,
                                                    &hop_cli_selection_group, &hop_cli_output_group,
                                                    &hop_cli_other_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops attach 1234", "until Ctrl-C: which of the tracked instructions are hit"},
            {"heavyops attach --pid 1234 -d 30 -i all", "half a minute: where the time goes"},
            {"heavyops attach 1234 -d 5 -i 'LOAD_*,-LOAD_FAST*' -f myapp/",
             "all loads but those of locals, in the files of myapp"},
            {"heavyops attach 1234 -d 10 -r 10k --format json -o profile.json",
             "10,000 times a second, for a script to read"},
            {"heavyops attach 1234 -d 10 -o profile.pb.gz",
             "to be looked at later: heavyops report, go tool pprof"},
            {0},
        },
    .run = run_attach,
};
