/* A profile's file that is being read; for file_*.c alone. */
#ifndef HOP_PROFILE_FILE_READING_H
#define HOP_PROFILE_FILE_READING_H

#include "profile/pprof.pb-c.h"
#include "profile/profile.h"

struct hop_file_reading {
    const char *name; /* the file's, for messages */
    const Hop__Pprof__Heavyops *file;
    struct hop_profile *profile;
    const char **texts; /* of the string table: copies that live as long as the profile */
    size_t text_count;
    enum hop_status status;
    struct hop_error *err;
};

/* Says what is wrong, if nothing was said yet; false. */
bool hop_file_broken(struct hop_file_reading *reading, const char *what);

/* Memory that lives as long as the profile; NULL, and said: there is none. */
void *hop_file_keep(struct hop_file_reading *reading, size_t count, size_t item_bytes);

/* A text by its number; "", and said: it is not there. */
const char *hop_file_text(struct hop_file_reading *reading, uint32_t number);

/* False, and said: something is wrong. */
bool hop_file_read_codes(struct hop_file_reading *reading, const Hop__Pprof__Codes *from);
bool hop_file_read_instructions(struct hop_file_reading *reading,
                                const Hop__Pprof__Instructions *from);

#endif
