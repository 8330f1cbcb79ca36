/* Where the live screen and the sampler meet. */
#include "live/live.h"

static enum hop_status look(void *context, bool with_bytecode, struct hop_profile **profile,
                            struct hop_error *err)
{
    return hop_sampling_look(context, with_bytecode, profile, err);
}

static enum hop_status reset(void *context, struct hop_error *err)
{
    return hop_sampling_reset(context, err);
}

static void suspend(void *context)
{
    hop_sampling_suspend(context);
}

enum hop_status hop_top(struct hop_target *target, const struct hop_top_options *options,
                        struct hop_profile **profile, struct hop_error *err)
{
    struct hop_sampling *sampling;
    struct hop_error screen_err;
    *profile = NULL;
    enum hop_status status = hop_sampling_start(target, &options->sampling, &sampling, err);
    if (status != HOP_OK)
        return status;
    struct hop_live_source source = {
        .context = sampling,
        .over_fd = hop_sampling_fd(sampling),
        .look = look,
        .reset = reset,
        .suspend = suspend,
    };
    enum hop_status shown = hop_live_run(&source, options, &screen_err);
    hop_sampling_stop(sampling);
    status = hop_sampling_finish(sampling, profile, err);
    if (shown == HOP_OK)
        return status;
    hop_profile_destroy(*profile);
    *profile = NULL;
    if (err)
        *err = screen_err;
    return shown;
}
