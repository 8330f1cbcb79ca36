/* The format "functions": what each function has itself, and with all that it called. It is the
 * table of groups.c by function, unless --group says by what else. */
#include "report/format.h"
#include "report/groups.h"
#include "report/text_parts.h"

static enum hop_status write_functions(const struct hop_profile *profile,
                                       const struct hop_report_options *options, FILE *stream,
                                       struct hop_error *err)
{
    enum hop_grouping by;
    enum hop_status status = hop_groups_choose(options, HOP_BY_FUNCTION, &by, err);
    if (status != HOP_OK)
        return status;
    hop_text_print_heading(stream, profile);
    return hop_groups_print(profile, options, by, stream, err);
}

const struct hop_format hop_format_functions = {
    .name = "functions", .groups = true, .joins_threads = true, .write = write_functions};
