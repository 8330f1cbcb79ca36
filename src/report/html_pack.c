/* Columns of numbers, strings, gzip, base64: see html_pack.h. */
#include "report/html_pack.h"

#include "base/escape.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Longer names are cut: nobody reads them, and each byte may become an escape of four. */
enum { STRING_BYTES_MAX = 4096 };

void hop_pack_deinit(struct hop_pack *pack)
{
    free(pack->bytes);
    *pack = (struct hop_pack){0};
}

static bool make_room(struct hop_pack *pack, size_t more)
{
    if (pack->is_out_of_memory)
        return false;
    if (more <= pack->room - pack->size)
        return true;
    size_t room = pack->room + pack->room / 2 + more + 256;
    unsigned char *bytes = realloc(pack->bytes, room);
    pack->is_out_of_memory = !bytes;
    if (bytes) {
        pack->bytes = bytes;
        pack->room = room;
    }
    return bytes;
}

void hop_pack_bytes(struct hop_pack *pack, const void *bytes, size_t size)
{
    if (size && make_room(pack, size)) {
        memcpy(pack->bytes + pack->size, bytes, size);
        pack->size += size;
    }
}

void hop_pack_number(struct hop_pack *pack, uint64_t number)
{
    if (!make_room(pack, 10))
        return;
    while (number >= 0x80) {
        pack->bytes[pack->size++] = (unsigned char)(number | 0x80);
        number >>= 7;
    }
    pack->bytes[pack->size++] = (unsigned char)number;
}

void hop_pack_signed(struct hop_pack *pack, int64_t number)
{
    hop_pack_number(pack, (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
}

bool hop_pack_strings_init(struct hop_pack_strings *strings)
{
    *strings = (struct hop_pack_strings){0};
    return hop_id_table_init(&strings->ids, 1024);
}

void hop_pack_strings_deinit(struct hop_pack_strings *strings)
{
    hop_id_table_deinit(&strings->ids);
    free(strings->texts);
    hop_pack_deinit(&strings->lengths);
    hop_pack_deinit(&strings->text);
}

/* FNV-1a. Whoever makes two strings of one hash only has the second one written as often as it is
 * used. */
static uint64_t hash(const char *text)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (; *text; text++)
        sum = (sum ^ (unsigned char)*text) * 0x100000001b3u;
    return sum;
}

static uint32_t add_string(struct hop_pack_strings *strings, const char *text, uint64_t key)
{
    char escaped[STRING_BYTES_MAX];
    if (strings->count == strings->room) {
        size_t room = strings->room * 2 + 1024;
        const char **texts = realloc(strings->texts, room * sizeof *texts);
        if (!texts) {
            strings->lengths.is_out_of_memory = true;
            return 0;
        }
        strings->texts = texts;
        strings->room = room;
    }
    size_t length = hop_escape_terminal(text, escaped, sizeof escaped);
    hop_pack_number(&strings->lengths, length);
    hop_pack_bytes(&strings->text, escaped, length);
    uint32_t id = (uint32_t)strings->count++;
    strings->texts[id] = text;
    if (hop_id_table_get(&strings->ids, key) == HOP_NO_ID &&
        !hop_id_table_put(&strings->ids, key, id))
        strings->lengths.is_out_of_memory = true;
    return id;
}

uint32_t hop_pack_string(struct hop_pack_strings *strings, const char *text)
{
    uint64_t key = hash(text);
    uint32_t id = hop_id_table_get(&strings->ids, key);
    if (id != HOP_NO_ID && (strings->texts[id] == text || strcmp(strings->texts[id], text) == 0))
        return id;
    return add_string(strings, text, key);
}

/* A multiple of 3, so that only the last piece of base64 is padded. */
enum { PIECE_BYTES = 3 * 8192 };

static void write_base64(const unsigned char *bytes, size_t size, FILE *stream)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[PIECE_BYTES / 3 * 4], *out = text;
    for (size_t i = 0; i < size; i += 3, out += 4) {
        unsigned second = i + 1 < size ? bytes[i + 1] : 0, third = i + 2 < size ? bytes[i + 2] : 0;
        unsigned word = (unsigned)bytes[i] << 16 | second << 8 | third;
        out[0] = digits[word >> 18];
        out[1] = digits[word >> 12 & 63];
        out[2] = i + 1 < size ? digits[word >> 6 & 63] : '=';
        out[3] = i + 2 < size ? digits[word & 63] : '=';
    }
    fwrite(text, 1, (size_t)(out - text), stream);
}

bool hop_pack_write(const struct hop_pack *const *packs, size_t count, FILE *stream)
{
    enum { GZIP = 15 + 16, LEVEL = 5, MEMORY = 8 };
    unsigned char piece[PIECE_BYTES];
    z_stream gzip = {0};
    if (deflateInit2(&gzip, LEVEL, Z_DEFLATED, GZIP, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    gzip.next_out = piece;
    gzip.avail_out = sizeof piece;
    for (size_t i = 0; i <= count; i++) {
        bool is_last = i == count;
        int status = Z_OK;
        gzip.next_in = is_last ? NULL : packs[i]->bytes;
        gzip.avail_in = is_last ? 0 : (uInt)packs[i]->size;
        while (is_last ? status != Z_STREAM_END : gzip.avail_in > 0) {
            status = deflate(&gzip, is_last ? Z_FINISH : Z_NO_FLUSH);
            if (gzip.avail_out == 0) {
                write_base64(piece, sizeof piece, stream);
                gzip.next_out = piece;
                gzip.avail_out = sizeof piece;
            }
        }
    }
    write_base64(piece, sizeof piece - gzip.avail_out, stream);
    deflateEnd(&gzip);
    return true;
}
