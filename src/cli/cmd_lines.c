/* The command `heavyops lines`: a profile by source line. */
#include "cli/command.h"

#include "cli/session.h"

static int run_lines(struct hop_cli_settings *settings)
{
    return hop_cli_show(settings, &hop_cli_lines, "lines");
}

const struct hop_cli_command hop_cli_lines = {
    .name = "lines",
    .synopsis = "[OPTION...] FILE",
    .summary = "show a profile by source line",
    .description =
        "Shows the hottest source lines of the profile FILE (- is standard input), file by file, "
        "with hits, share, its 95 % interval, and the text with what is around it.",
    .groups = (const struct hop_cli_group *const[]){&hop_cli_selection_group, &hop_cli_output_group,
                                                    &hop_cli_help_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops lines profile.pb.gz", "the 30 hottest lines"},
            {"heavyops lines profile.pb.gz -f myapp/ -n 0", "all lines of myapp that were hit"},
            {0},
        },
    .run = run_lines,
};
