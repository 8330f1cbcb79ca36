/* Goes over the outermost message of a profile's file and leaves out what is for pprof alone: most
 * of the file, which protobuf-c would copy, sample by sample, as fields that it does not know. What
 * the numbers in our message mean is file_read.c's affair. (protobuf.dev, "Encoding") */
#include "profile/file_pieces.h"

/* As pprof.proto has them. */
enum { STRING_TABLE = 6, HEAVYOPS = 7741 };

enum wire_type { VARINT = 0, FIXED_64 = 1, BYTES = 2, FIXED_32 = 5 };

enum { VARINT_BYTES_MAX = 10 };

/* Takes a number off the front. */
static bool take_varint(struct hop_file_piece *rest, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < rest->size && i < VARINT_BYTES_MAX; i++) {
        *number |= (uint64_t)(rest->bytes[i] & 0x7f) << 7 * i;
        if (rest->bytes[i] & 0x80)
            continue;
        rest->bytes += i + 1;
        rest->size -= i + 1;
        return true;
    }
    return false;
}

static bool take_bytes(struct hop_file_piece *rest, uint64_t size, struct hop_file_piece *taken)
{
    if (size > rest->size)
        return false;
    *taken = (struct hop_file_piece){rest->bytes, (size_t)size};
    rest->bytes += size;
    rest->size -= (size_t)size;
    return true;
}

/* Takes a field off the front; `value` is what is in one of bytes. */
static bool take_field(struct hop_file_piece *rest, uint64_t *number, enum wire_type *type,
                       struct hop_file_piece *value)
{
    uint64_t key, size;
    if (!take_varint(rest, &key))
        return false;
    *number = key >> 3;
    *type = (enum wire_type)(key & 7);
    switch (*type) {
    case VARINT:
        return take_varint(rest, &size);
    case FIXED_64:
        return take_bytes(rest, 8, value);
    case FIXED_32:
        return take_bytes(rest, 4, value);
    case BYTES:
        return take_varint(rest, &size) && take_bytes(rest, size, value);
    }
    return false;
}

bool hop_file_find_pieces(const uint8_t *bytes, size_t size, struct hop_file_pieces *pieces)
{
    struct hop_file_piece rest = {bytes, size}, value;
    uint64_t number;
    enum wire_type type;
    *pieces = (struct hop_file_pieces){.string_count = 0};
    while (rest.size) {
        struct hop_file_piece field = rest;
        if (!take_field(&rest, &number, &type, &value))
            return false;
        if (type != BYTES)
            continue;
        if (number == HEAVYOPS) {
            pieces->has_another |= pieces->heavyops.bytes != NULL;
            pieces->heavyops = value;
        } else if (number == STRING_TABLE) {
            if (!pieces->strings.bytes)
                pieces->strings = field;
            pieces->string_count++;
            pieces->string_bytes += value.size;
        }
    }
    return true;
}

struct hop_file_piece hop_file_next_string(struct hop_file_piece *strings)
{
    struct hop_file_piece value = {0};
    uint64_t number;
    enum wire_type type;
    while (take_field(strings, &number, &type, &value))
        if (number == STRING_TABLE && type == BYTES)
            break;
    return value;
}
