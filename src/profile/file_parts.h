/* What the writer of a profile's file is made of; for file_*.c alone. */
#ifndef HOP_PROFILE_FILE_PARTS_H
#define HOP_PROFILE_FILE_PARTS_H

#include "base/gzip.h"
#include "base/strings.h"
#include "profile/pprof.pb-c.h"
#include "profile/profile.h"

/* Of struct Heavyops. An older one is read as long as nothing in it is misread. */
enum { HOP_FILE_VERSION = 1 };

/* A file that is being written, piece by piece: a message that is written in pieces, one behind the
 * other, is the whole message (protobuf.dev, "Encoding", last one wins and repeated ones add up).
 */
struct hop_file_writer {
    const struct hop_profile *profile;
    struct hop_gzip *gzip;
    struct hop_strings strings;
    struct hop_arena arena; /* of what a piece is made of */
    uint8_t *packed;        /* room for a piece */
    size_t room;
    bool has_failed; /* out of memory */
};

/* Memory for `count` items of a piece; NULL, and has_failed: out of memory. */
void *hop_file_alloc(struct hop_file_writer *writer, size_t count, size_t item_bytes);

/* Writes one piece. */
void hop_file_put(struct hop_file_writer *writer, const Hop__Pprof__Profile *piece);

/* The part that pprof reads, and the part that heavyops reads; all but the string table. */
void hop_file_put_pprof(struct hop_file_writer *writer);
void hop_file_put_heavyops(struct hop_file_writer *writer);

#endif
