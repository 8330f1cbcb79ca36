/* The live screen: shows a profile while it is made. It knows no sampler: who has one gives it as a
 * struct hop_live_source. */
#ifndef HOP_LIVE_LIVE_H
#define HOP_LIVE_LIVE_H

#include "base/status.h"

struct hop_live_source {
    void *context;
    int over_fd; /* becomes readable when nothing is added any more */
    /* What was seen so far; HOP_ERR_NOTHING: nothing yet. */
    enum hop_status (*look)(void *context, bool with_bytecode, struct hop_profile **profile,
                            struct hop_error *err);
    /* The looks to come are of what is not seen yet. */
    enum hop_status (*reset)(void *context, struct hop_error *err);
    /* Suspends the process; nothing is looked at meanwhile. */
    void (*suspend)(void *context);
};

/* Until the user leaves, or *options->sampling.stop. HOP_OK, or the terminal could not be had. */
enum hop_status hop_live_run(const struct hop_live_source *source,
                             const struct hop_top_options *options, struct hop_error *err);

#endif
