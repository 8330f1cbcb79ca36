/* The command `heavyops annotate`: functions of a profile line by line, with their bytecode. */
#include "cli/command.h"

#include "cli/session.h"

static int run_annotate(struct hop_cli_settings *settings)
{
    if (settings->words.count == 2) {
        settings->focus = settings->words.items[1];
        settings->words.count = 1;
    }
    return hop_cli_show(settings, &hop_cli_annotate, "annotate");
}

const struct hop_cli_command hop_cli_annotate = {
    .name = "annotate",
    .synopsis = "[OPTION...] FILE [FUNCTION|FILE:LINE]",
    .summary = "show a profile's functions line by line, with their bytecode",
    .description =
        "Shows of the profile FILE (- is standard input) the hottest functions: each source line "
        "with its share of all samples and, under it, its instructions, as dis shows them, with "
        "theirs and with the specialised forms that were seen. What of a line was hit is "
        "underlined "
        "(~), and of that what was hit most (^); > marks 5 % and more. FUNCTION is a qualified "
        "name, "
        "its end, or a glob. The source is read from where the program had it; without it, the "
        "bytecode is shown alone.",
    .groups = (const struct hop_cli_group *const[]){&hop_cli_selection_group, &hop_cli_output_group,
                                                    &hop_cli_help_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops annotate profile.pb.gz", "the hottest lines of the hottest functions"},
            {"heavyops annotate profile.pb.gz Foo.intersects", "all of one method"},
            {"heavyops annotate profile.pb.gz app.py:120", "one line"},
            {0},
        },
    .run = run_annotate,
};
