/* Where in the bytes of a profile's file the parts are that heavyops reads; for file_read.c alone.
 */
#ifndef HOP_PROFILE_FILE_PIECES_H
#define HOP_PROFILE_FILE_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hop_file_piece {
    const uint8_t *bytes; /* in the file's; NULL: there is none */
    size_t size;
};

struct hop_file_pieces {
    struct hop_file_piece heavyops; /* the message of that name */
    bool has_another;               /* one behind the other: which is read would be chance */
    struct hop_file_piece strings;  /* from the first text on, others of the file among them */
    size_t string_count;
    size_t string_bytes; /* of all together, without an end for each */
};

/* False: these bytes are no message. */
bool hop_file_find_pieces(const uint8_t *bytes, size_t size, struct hop_file_pieces *pieces);

/* Takes the next text off *strings, which has one more. */
struct hop_file_piece hop_file_next_string(struct hop_file_piece *strings);

#endif
