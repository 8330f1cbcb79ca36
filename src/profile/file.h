/* A profile's file: pprof's format, with all that heavyops knows beside it (pprof.proto).
 * hop_profile_read, which is public, is the other direction. */
#ifndef HOP_PROFILE_FILE_H
#define HOP_PROFILE_FILE_H

#include "profile/profile.h"

/* Writes a finished profile, compressed. Failures of the stream are left in the stream.
 * HOP_ERR_MEMORY. */
enum hop_status hop_profile_write(const struct hop_profile *profile, FILE *stream,
                                  struct hop_error *err);

#endif
