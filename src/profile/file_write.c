/* Writes a profile's file: the pieces in order, and the string table that they filled. */
#include "profile/file.h"

#include "profile/file_parts.h"

#include <stdlib.h>

/* What the pieces of a profile take before they are packed: its size again, and more. */
static const size_t PIECES_BYTES_MAX = (size_t)2 << 30;

/* What is small is made as small as can be; what is large must not take seconds to write. */
enum { SMALL_NODES = 10000, SMALL_LEVEL = 9, LARGE_LEVEL = 4 };

void *hop_file_alloc(struct hop_file_writer *writer, size_t count, size_t item_bytes)
{
    if (writer->has_failed || count > SIZE_MAX / item_bytes)
        return NULL;
    void *memory = hop_arena_alloc(&writer->arena, (count ? count : 1) * item_bytes);
    writer->has_failed = !memory;
    return memory;
}

void hop_file_put(struct hop_file_writer *writer, const Hop__Pprof__Profile *piece)
{
    if (writer->has_failed)
        return;
    size_t size = hop__pprof__profile__get_packed_size(piece);
    if (size > writer->room) {
        uint8_t *grown = realloc(writer->packed, 2 * size);
        if (!grown) {
            writer->has_failed = true;
            return;
        }
        writer->packed = grown;
        writer->room = 2 * size;
    }
    hop__pprof__profile__pack(piece, writer->packed);
    hop_gzip_write(writer->gzip, writer->packed, size);
}

static void put_strings(struct hop_file_writer *writer)
{
    Hop__Pprof__Profile piece = HOP__PPROF__PROFILE__INIT;
    writer->has_failed |= writer->strings.has_failed;
    piece.n_string_table = writer->strings.count;
    piece.string_table = writer->strings.texts;
    hop_file_put(writer, &piece);
}

enum hop_status hop_profile_write(const struct hop_profile *profile, FILE *stream,
                                  struct hop_error *err)
{
    int level = profile->node_count > SMALL_NODES ? LARGE_LEVEL : SMALL_LEVEL;
    struct hop_file_writer writer = {.profile = profile, .gzip = hop_gzip_create(stream, level)};
    hop_arena_init(&writer.arena, PIECES_BYTES_MAX);
    writer.has_failed = !hop_strings_init(&writer.strings) || !writer.gzip;
    if (!writer.has_failed) {
        hop_file_put_pprof(&writer);
        hop_file_put_heavyops(&writer);
        put_strings(&writer);
    }
    hop_gzip_destroy(writer.gzip);
    hop_strings_deinit(&writer.strings);
    hop_arena_deinit(&writer.arena);
    free(writer.packed);
    if (writer.has_failed)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the profile's file");
    return HOP_OK;
}
