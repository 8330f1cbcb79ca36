/* What the writer of a profile's file is made of; for file_*.c alone. */
#ifndef HOP_PROFILE_FILE_PARTS_H
#define HOP_PROFILE_FILE_PARTS_H

#include "base/gzip.h"
#include "base/strings.h"
#include "profile/pprof.pb-c.h"
#include "profile/profile.h"

/* Of struct Heavyops. There was no release of version 1, which had a message for each code object,
 * nor of version 2, which wrote every number of the bytecode. */
enum { HOP_FILE_VERSION = 3 };

/* A file that is being written, piece by piece: a message that is written in pieces, one behind the
 * other, is the whole message (protobuf.dev, "Encoding", last one wins and repeated ones add up).
 */
struct hop_file_writer {
    const struct hop_profile *profile;
    struct hop_gzip *gzip;
    struct hop_strings strings;
    struct hop_arena arena; /* of what a piece is made of */
    uint32_t *order;        /* the profile's nodes, depth first */
    uint32_t *place_of;     /* by node: where it is in `order` */
    /* The profile's instructions by code object and offset, and by instruction its place there. */
    uint32_t *instruction_order, *number_of;
    uint8_t *packed; /* pieces that are not yet compressed */
    size_t used, room;
    bool has_failed; /* out of memory */
};

/* Memory for `count` items of a piece; NULL, and has_failed: out of memory. */
void *hop_file_alloc(struct hop_file_writer *writer, size_t count, size_t item_bytes);

/* Writes one piece. */
void hop_file_put(struct hop_file_writer *writer, const Hop__Pprof__Profile *piece);

/* Writes a field of the outermost message, itself a message, in pieces that are packed already. */
void hop_file_put_packed(struct hop_file_writer *writer, uint32_t number,
                         const ProtobufCBinaryData *pieces, size_t count);

/* Code objects and instructions, for file_heavyops.c. NULL: out of memory. */
Hop__Pprof__Codes *hop_file_make_codes(struct hop_file_writer *writer);
Hop__Pprof__Instructions *hop_file_make_instructions(struct hop_file_writer *writer);

/* Columns of `count` numbers; zero, and not to be filled, once out of memory. */
#define HOP_FILE_COLUMN(writer, message, name, count)                                              \
    ((message)->n_##name = (count),                                                                \
     (message)->name = hop_file_alloc(writer, count, sizeof *(message)->name))

/* The part that pprof reads, and the part that heavyops reads; all but the string table. */
void hop_file_put_pprof(struct hop_file_writer *writer);
void hop_file_put_heavyops(struct hop_file_writer *writer);

#endif
