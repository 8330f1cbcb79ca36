/* A profile's file in memory: written, unpacked, changed, read. */
#ifndef TEST_PROFILE_FILE_H
#define TEST_PROFILE_FILE_H

#include "profile/file_parts.h"

/* The bytes of the file that `profile` becomes. To be given to free(), as all that follows. */
char *profile_file_written(const struct hop_profile *profile, size_t *size);

/* The same, not compressed, which is a file too. */
uint8_t *profile_file_plain(const struct hop_profile *profile, size_t *size);

uint8_t *profile_file_inflated(const char *bytes, size_t size, size_t *plain_size);

/* Changes a message of ours in place, whose memory goes as a whole: pointers in it may be lost. */
typedef void profile_file_change(Hop__Pprof__Heavyops *file);

/* A plain file as it is after a change. */
uint8_t *profile_file_changed(const uint8_t *plain, size_t size, profile_file_change *change,
                              size_t *changed_size);

/* Reads bytes as if they were a file. */
enum hop_status profile_file_read(const void *bytes, size_t size, struct hop_profile **profile,
                                  struct hop_error *err);

#endif
