/* Drives zlib; what the bytes mean is the caller's affair. */
#include "base/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    CHUNK_BYTES = 1 << 16,
    WITH_GZIP_HEADER = 16, /* added to the window's bits: zlib.h, deflateInit2 */
    /* Where size is what counts, blocks are short, for what is packed changes its kind often, and
     * each block has its own code. */
    SMALL_LEVEL = 9,
    SMALL_MEM_LEVEL = 5,
};

struct hop_gzip {
    FILE *stream;
    z_stream zlib;
    uint8_t chunk[CHUNK_BYTES];
};

struct hop_gzip *hop_gzip_create(FILE *stream, int level)
{
    struct hop_gzip *gzip = calloc(1, sizeof *gzip);
    if (!gzip)
        return NULL;
    gzip->stream = stream;
    if (deflateInit2(&gzip->zlib, level, Z_DEFLATED, MAX_WBITS + WITH_GZIP_HEADER,
                     level >= SMALL_LEVEL ? SMALL_MEM_LEVEL : MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) == Z_OK)
        return gzip;
    free(gzip);
    return NULL;
}

static void compress_bytes(struct hop_gzip *gzip, int flush)
{
    do {
        gzip->zlib.next_out = gzip->chunk;
        gzip->zlib.avail_out = CHUNK_BYTES;
        deflate(&gzip->zlib, flush);
        fwrite(gzip->chunk, 1, CHUNK_BYTES - gzip->zlib.avail_out, gzip->stream);
    } while (gzip->zlib.avail_out == 0);
}

void hop_gzip_write(struct hop_gzip *gzip, const void *bytes, size_t size)
{
    const uint8_t *next = bytes;
    while (size) {
        uInt part = size > INT32_MAX ? INT32_MAX : (uInt)size;
        gzip->zlib.next_in = (Bytef *)(uintptr_t)next; /* zlib takes no const, and writes nothing */
        gzip->zlib.avail_in = part;
        compress_bytes(gzip, Z_NO_FLUSH);
        next += part;
        size -= part;
    }
}

void hop_gzip_destroy(struct hop_gzip *gzip)
{
    if (!gzip)
        return;
    gzip->zlib.avail_in = 0;
    compress_bytes(gzip, Z_FINISH);
    deflateEnd(&gzip->zlib);
    free(gzip);
}

/* --- reading --------------------------------------------------------------------------------- */

struct bytes {
    uint8_t *bytes;
    size_t size, room, limit;
};

/* Room for a chunk more. False: out of memory, or past the limit. */
static bool make_room(struct bytes *bytes)
{
    if (bytes->room - bytes->size >= CHUNK_BYTES)
        return true;
    if (bytes->size > bytes->limit)
        return false;
    size_t room = bytes->room ? 2 * bytes->room : 4 * (size_t)CHUNK_BYTES;
    uint8_t *grown = realloc(bytes->bytes, room);
    if (!grown)
        return false;
    bytes->bytes = grown;
    bytes->room = room;
    return true;
}

static enum hop_status too_large(const char *name, const struct bytes *bytes, struct hop_error *err)
{
    if (bytes->size <= bytes->limit)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for '%s'", name);
    return hop_error_set(err, HOP_ERR_PROFILE, NULL,
                         "'%s' holds more than %zu MiB: no profile does", name, bytes->limit >> 20);
}

static enum hop_status cannot_read(const char *name, int error, struct hop_error *err)
{
    return hop_error_set(err, HOP_ERR_IO, NULL, "cannot read '%s': %s", name, strerror(error));
}

static enum hop_status read_plain(FILE *stream, const char *name, struct bytes *into,
                                  struct hop_error *err)
{
    for (;;) {
        if (!make_room(into))
            return too_large(name, into, err);
        errno = 0;
        size_t got = fread(into->bytes + into->size, 1, CHUNK_BYTES, stream);
        if (ferror(stream))
            return cannot_read(name, errno ? errno : EIO, err);
        into->size += got;
        if (got == 0)
            return into->size > into->limit ? too_large(name, into, err) : HOP_OK;
    }
}

static enum hop_status inflate_stream(FILE *stream, z_stream *zlib, const char *name,
                                      struct bytes *into, struct hop_error *err)
{
    static const char broken[] = "'%s' is broken: its compressed data is damaged or cut off";
    uint8_t chunk[CHUNK_BYTES];
    bool is_between_members = true;
    for (;;) {
        if (zlib->avail_in == 0) {
            errno = 0;
            zlib->avail_in = (uInt)fread(chunk, 1, sizeof chunk, stream);
            zlib->next_in = chunk;
            if (ferror(stream))
                return cannot_read(name, errno ? errno : EIO, err);
            if (zlib->avail_in == 0)
                return is_between_members ? HOP_OK
                                          : hop_error_set(err, HOP_ERR_PROFILE, NULL, broken, name);
        }
        if (!make_room(into))
            return too_large(name, into, err);
        zlib->next_out = into->bytes + into->size;
        zlib->avail_out = CHUNK_BYTES;
        int result = inflate(zlib, Z_NO_FLUSH);
        into->size += CHUNK_BYTES - zlib->avail_out;
        if (into->size > into->limit)
            return too_large(name, into, err);
        is_between_members = result == Z_STREAM_END;
        if (result == Z_STREAM_END)
            inflateReset(zlib);
        else if (result != Z_OK && result != Z_BUF_ERROR)
            return hop_error_set(err, HOP_ERR_PROFILE, NULL, broken, name);
    }
}

static enum hop_status read_compressed(FILE *stream, const char *name, struct bytes *into,
                                       struct hop_error *err)
{
    z_stream zlib = {0};
    if (inflateInit2(&zlib, MAX_WBITS + WITH_GZIP_HEADER) != Z_OK)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for '%s'", name);
    enum hop_status status = inflate_stream(stream, &zlib, name, into, err);
    inflateEnd(&zlib);
    return status;
}

enum hop_status hop_gzip_read_all(FILE *stream, const char *name, size_t limit, uint8_t **bytes,
                                  size_t *size, struct hop_error *err)
{
    enum { GZIP_FIRST_BYTE = 0x1f }; /* RFC 1952; no profile begins with it as it is */
    struct bytes into = {.limit = limit};
    errno = 0;
    int first = getc(stream);
    if (first != EOF)
        ungetc(first, stream);
    enum hop_status status = ferror(stream) ? cannot_read(name, errno ? errno : EIO, err)
                             : first == GZIP_FIRST_BYTE ? read_compressed(stream, name, &into, err)
                                                        : read_plain(stream, name, &into, err);
    if (status != HOP_OK) {
        free(into.bytes);
        into = (struct bytes){0};
    }
    *bytes = into.bytes;
    *size = into.size;
    return status;
}
