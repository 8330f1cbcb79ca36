/* The command `heavyops report`: what a profile's file holds, in any format. */
#include "cli/command.h"

#include "cli/session.h"

static int run_report(struct hop_cli_settings *settings)
{
    struct hop_output *output;
    struct hop_error err;
    int code;
    if (!hop_cli_choose_format(settings, "text"))
        return HOP_EXIT_USAGE;
    struct hop_profile *profile = hop_cli_read_profile(settings, &hop_cli_report, &code);
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

const struct hop_cli_command hop_cli_report = {
    .name = "report",
    .synopsis = "[OPTION...] FILE",
    .summary = "write a recorded profile in another format",
    .description =
        "Reads the profile FILE, which record or attach wrote with -o FILE.pb.gz (- is standard "
        "input), and writes it as text, or in the format that --format or the suffix of -o says.\n"
        "pprof, collapsed and speedscope write each stack whole: where all together have more than "
        "four million frames, outer ones of the deepest are left out, and '[outer frames left "
        "out]' "
        "stands for them.",
    .groups = (const struct hop_cli_group *const[]){&hop_cli_selection_group, &hop_cli_output_group,
                                                    &hop_cli_help_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops report profile.pb.gz", "the table of the tracked instructions"},
            {"heavyops report profile.pb.gz -i all -f myapp/", "all of them, in files of myapp"},
            {"heavyops report profile.pb.gz -o profile.json", "all of it, for a script to read"},
            {0},
        },
    .run = run_report,
};
