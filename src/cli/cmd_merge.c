/* The command `heavyops merge`: several profiles as one. */
#include "cli/command.h"

#include "cli/session.h"

#include <stdlib.h>

static int merge_and_report(const struct hop_cli_settings *settings,
                            const struct hop_profile *const *profiles, size_t count)
{
    struct hop_output *output;
    struct hop_profile *merged;
    struct hop_error err;
    if (hop_profile_merge(profiles, count, &merged, &err) != HOP_OK)
        return hop_cli_fail(&err);
    int code = HOP_EXIT_OK;
    if (hop_output_open(settings->output_path ? settings->output_path : "-", &output, &err) !=
            HOP_OK ||
        !hop_cli_write_report(settings, merged, output, &err))
        code = hop_cli_fail(&err);
    hop_profile_destroy(merged);
    return code;
}

static int run_merge(struct hop_cli_settings *settings)
{
    size_t count = settings->words.count, read = 0;
    int code;
    if (!hop_cli_choose_format(settings, "text"))
        return HOP_EXIT_USAGE;
    if (count == 0) {
        hop_cli_complain("for example: heavyops merge one.pb.gz two.pb.gz -o both.pb.gz",
                         "merge needs the files of the profiles");
        return HOP_EXIT_USAGE;
    }
    struct hop_profile **profiles = calloc(count, sizeof(*profiles));
    if (!profiles) {
        hop_cli_complain(NULL, "out of memory");
        return HOP_EXIT_FAILED;
    }
    struct hop_error err;
    while (read < count &&
           hop_profile_read(settings->words.items[read], &profiles[read], &err) == HOP_OK)
        read++;
    if (read < count)
        code = hop_cli_fail(&err);
    else
        code = merge_and_report(settings, (const struct hop_profile *const *)profiles, count);
    for (size_t i = 0; i < read; i++)
        hop_profile_destroy(profiles[i]);
    free(profiles);
    return code;
}

const struct hop_cli_command hop_cli_merge = {
    .name = "merge",
    .synopsis = "[OPTION...] FILE...",
    .summary = "make one profile of several",
    .description =
        "Reads profiles and writes one in which all their samples are: of several runs, or of the "
        "processes of a service. Threads stay apart by process, number and name; code that is the "
        "same is joined. Where samples of the profiles stand for different times, as they were "
        "taken at different rates, shares are shares of time.",
    .groups = (const struct hop_cli_group *const[]){&hop_cli_selection_group, &hop_cli_output_group,
                                                    &hop_cli_help_group, NULL},
    .examples =
        (const struct hop_cli_example[]){
            {"heavyops merge one.pb.gz two.pb.gz -o both.pb.gz", "a profile of both runs"},
            {"heavyops merge worker-*.pb.gz -i all", "where all workers spend their time"},
            {0},
        },
    .run = run_merge,
};
