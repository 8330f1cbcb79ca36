/* Writes a profile's file: the pieces in order, and the string table that they filled. */
#include "profile/file.h"

#include "profile/file_parts.h"

#include <stdlib.h>
#include <string.h>

/* What the pieces of a profile take before they are packed: its size again, and more. */
static const size_t PIECES_BYTES_MAX = (size_t)2 << 30;

/* What is small is made as small as can be; what is large must not take seconds to write, and has
 * little in it that repeats itself. */
static int level_for(size_t nodes)
{
    enum { SMALL_NODES = 30000, SMALL_LEVEL = 9, MEDIUM_NODES = 100000, MEDIUM_LEVEL = 5 };
    enum { LARGE_LEVEL = 1 };
    return nodes <= SMALL_NODES ? SMALL_LEVEL : nodes <= MEDIUM_NODES ? MEDIUM_LEVEL : LARGE_LEVEL;
}

/* Pieces are compressed so many bytes at a time: most have a hundred. */
enum { PACKED_BYTES = 1 << 16 };

void *hop_file_alloc(struct hop_file_writer *writer, size_t count, size_t item_bytes)
{
    if (writer->has_failed || count > SIZE_MAX / item_bytes)
        return NULL;
    void *memory = hop_arena_alloc(&writer->arena, (count ? count : 1) * item_bytes);
    writer->has_failed = !memory;
    return memory;
}

/* Where the next `size` bytes go; NULL: out of memory. */
static uint8_t *make_room(struct hop_file_writer *writer, size_t size)
{
    if (writer->used >= PACKED_BYTES) {
        hop_gzip_write(writer->gzip, writer->packed, writer->used);
        writer->used = 0;
    }
    if (size > writer->room - writer->used) {
        size_t room = writer->used + size + PACKED_BYTES;
        uint8_t *grown = realloc(writer->packed, room);
        if (!grown) {
            writer->has_failed = true;
            return NULL;
        }
        writer->packed = grown;
        writer->room = room;
    }
    uint8_t *place = writer->packed + writer->used;
    writer->used += size;
    return place;
}

void hop_file_put(struct hop_file_writer *writer, const Hop__Pprof__Profile *piece)
{
    if (writer->has_failed)
        return;
    uint8_t *place = make_room(writer, hop__pprof__profile__get_packed_size(piece));
    if (place)
        hop__pprof__profile__pack(piece, place);
}

static size_t pack_varint(uint64_t number, uint8_t *into)
{
    size_t size = 0;
    for (; number >= 0x80; number >>= 7)
        into[size++] = (uint8_t)(number | 0x80);
    into[size++] = (uint8_t)number;
    return size;
}

void hop_file_put_packed(struct hop_file_writer *writer, uint32_t number,
                         const ProtobufCBinaryData *pieces, size_t count)
{
    enum { BYTES = 2 /* the kind of field: protobuf.dev, "Encoding" */ };
    uint8_t head[16];
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += pieces[i].len;
    size_t head_size = pack_varint(number << 3 | BYTES, head);
    head_size += pack_varint(size, head + head_size);
    uint8_t *place = writer->has_failed ? NULL : make_room(writer, head_size + size);
    if (!place)
        return;
    memcpy(place, head, head_size);
    place += head_size;
    for (size_t i = 0; i < count; i++) {
        memcpy(place, pieces[i].data, pieces[i].len);
        place += pieces[i].len;
    }
}

/* Fills `order` and `place_of`. Children stay in the order in which they are. */
static void order_nodes(struct hop_file_writer *writer)
{
    enum { NONE = UINT32_MAX };
    const struct hop_profile_node *nodes = writer->profile->nodes;
    size_t count = writer->profile->node_count, placed = 0;
    uint32_t *first_child = hop_file_alloc(writer, count, sizeof *first_child);
    uint32_t *next_sibling = hop_file_alloc(writer, count, sizeof *next_sibling);
    uint32_t root = NONE;
    writer->order = hop_file_alloc(writer, count, sizeof *writer->order);
    writer->place_of = hop_file_alloc(writer, count, sizeof *writer->place_of);
    if (writer->has_failed)
        return;
    memset(first_child, 0xff, count * sizeof *first_child);
    for (size_t i = count; i-- > 0;) {
        uint32_t *first = nodes[i].parent == i ? &root : &first_child[nodes[i].parent];
        next_sibling[i] = *first;
        *first = (uint32_t)i;
    }
    for (uint32_t node = root; node != NONE;) {
        writer->place_of[node] = (uint32_t)placed;
        writer->order[placed++] = node;
        if (first_child[node] != NONE) {
            node = first_child[node];
            continue;
        }
        while (next_sibling[node] == NONE && nodes[node].parent != node)
            node = nodes[node].parent;
        node = next_sibling[node];
    }
}

static int by_place(const void *left, const void *right, void *instructions)
{
    uint32_t x = *(const uint32_t *)left, y = *(const uint32_t *)right;
    const struct hop_instruction *a = (const struct hop_instruction *)instructions + x;
    const struct hop_instruction *b = (const struct hop_instruction *)instructions + y;
    if (a->code != b->code)
        return a->code < b->code ? -1 : 1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (x > y) - (x < y);
}

/* Neighbours in the bytecode are so in the file. */
static void order_instructions(struct hop_file_writer *writer)
{
    const struct hop_profile *profile = writer->profile;
    size_t count = profile->instruction_count;
    writer->instruction_order = hop_file_alloc(writer, count, sizeof *writer->instruction_order);
    writer->number_of = hop_file_alloc(writer, count, sizeof *writer->number_of);
    if (writer->has_failed)
        return;
    for (size_t i = 0; i < count; i++)
        writer->instruction_order[i] = (uint32_t)i;
    qsort_r(writer->instruction_order, count, sizeof *writer->instruction_order, by_place,
            profile->instructions);
    for (size_t i = 0; i < count; i++)
        writer->number_of[writer->instruction_order[i]] = (uint32_t)i;
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
    struct hop_file_writer writer = {
        .profile = profile,
        .gzip = hop_gzip_create(stream, level_for(profile->node_count)),
    };
    hop_arena_init(&writer.arena, PIECES_BYTES_MAX);
    writer.has_failed = !hop_strings_init(&writer.strings) || !writer.gzip;
    if (!writer.has_failed) {
        order_nodes(&writer);
        order_instructions(&writer);
    }
    if (!writer.has_failed) {
        hop_file_put_pprof(&writer);
        hop_file_put_heavyops(&writer);
        put_strings(&writer);
    }
    if (!writer.has_failed)
        hop_gzip_write(writer.gzip, writer.packed, writer.used);
    hop_gzip_destroy(writer.gzip);
    hop_strings_deinit(&writer.strings);
    hop_arena_deinit(&writer.arena);
    free(writer.packed);
    if (writer.has_failed)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory for the profile's file");
    return HOP_OK;
}
