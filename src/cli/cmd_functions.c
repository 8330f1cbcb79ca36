/* The command `heavyops functions`: a profile by function. */
#include "cli/command.h"

#include "cli/session.h"

static int run_functions(struct hop_cli_settings *settings)
{
    return hop_cli_show(settings, &hop_cli_functions, "functions");
}

const struct hop_cli_command hop_cli_functions = {
    .name = "functions",
    .synopsis = "[OPTION...] FILE",
    .summary = "show a profile by function",
    .description =
        "Shows for each function in the profile FILE (- is standard input) what was spent in "
        "itself "
        "(SELF) and with all that it called (TOTAL; recursion counts once), with the 95 % interval "
        "of each share. --group shows files, modules, threads, opcodes and so on instead.",
    .groups = (const struct hop_cli_group *const[]){&hop_cli_selection_group, &hop_cli_output_group,
                                                    &hop_cli_help_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops functions profile.pb.gz", "the 30 hottest functions"},
            {"heavyops functions profile.pb.gz --group module", "the same by module"},
            {"heavyops functions profile.pb.gz --group class", "by the kind of work opcodes do"},
            {0},
        },
    .run = run_functions,
};
