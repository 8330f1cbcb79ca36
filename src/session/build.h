/* From numbers to a profile. */
#ifndef HOP_SESSION_BUILD_H
#define HOP_SESSION_BUILD_H

#include "session/capture.h"
#include "session/target.h"

struct hop_build_source {
    const struct hop_target *target;
    const struct hop_capture *capture;
    const struct hop_lateness *lateness; /* NULL: not known yet */
    enum hop_mode mode;
    double rate_hz;     /* asked */
    bool with_bytecode; /* that of the code objects; else they have their names only */
};

/* capture->way is not NULL. HOP_ERR_MEMORY. */
enum hop_status hop_build_profile(const struct hop_build_source *source,
                                  struct hop_profile **profile, struct hop_error *err);

#endif
