/* The format `pprof`: the profile's own file, which heavyops and pprof read. */
#include "profile/file.h"
#include "report/format.h"

/* Whole, whatever the options narrow: who reads it narrows then. */
static enum hop_status write_pprof(const struct hop_profile *profile,
                                   const struct hop_report_options *options, FILE *stream,
                                   struct hop_error *err)
{
    (void)options;
    return hop_profile_write(profile, stream, err);
}

const struct hop_format hop_format_pprof = {
    .name = "pprof",
    .suffixes = ".pb.gz .pb .prof .pprof",
    .is_binary = true,
    .write = write_pprof,
};
