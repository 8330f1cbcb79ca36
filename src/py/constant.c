/* Reads constants of the target and writes them as repr() does, see constant.h. How a number or a
 * text looks is constant_text.c's. */
#include "py/constant.h"

#include "py/constant_text.h"
#include "py/text.h"

#include <stdio.h>

enum {
    DEPTH_MAX = 8,       /* tuples in tuples */
    ITEMS_MAX = 72,      /* as many as 200 bytes can hold, "1, 2, 3", and some to say "…" for */
    SET_SLOTS_MAX = 256, /* likewise: tables are at least a fifth full */
    TYPE_NAME_BYTES = 48,
    PAGE_BYTES = 4096,
    FAILURES_MAX = 8, /* then what is left of a batch is taken for gone, too */
};

enum kind {
    KIND_OTHER,
    KIND_INT,
    KIND_BOOL,
    KIND_FLOAT,
    KIND_COMPLEX,
    KIND_STR,
    KIND_BYTES,
    KIND_NONE,
    KIND_ELLIPSIS,
    KIND_TUPLE,
    KIND_FROZENSET,
    KIND_SLICE,
    KIND_CODE,
};

void hop_object_heads_read(struct hop_reader *reader, const uint64_t *addrs, size_t count,
                           struct hop_object_head *heads)
{
    struct hop_span spans[HOP_SPANS_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t in_page = PAGE_BYTES - addrs[i] % PAGE_BYTES;
        heads[i].addr = addrs[i];
        heads[i].size = (uint16_t)hop_reader_extent(
            reader, addrs[i], in_page < sizeof heads[i].bytes ? in_page : sizeof heads[i].bytes);
        spans[i] = (struct hop_span){addrs[i], heads[i].size, heads[i].bytes};
    }
    size_t failures = 0;
    for (size_t next = 0; next < count;) {
        if (failures < FAILURES_MAX)
            next += hop_reader_fill(reader, spans + next, count - next);
        if (next < count) {
            heads[next++].size = 0;
            failures++;
        }
    }
}

/* `size` bytes at `offset` of the object, from its head or from the target; NULL: not to be had.
 * `room` is at least `size` large. */
static const uint8_t *bytes_of(struct hop_constant_reader *reader,
                               const struct hop_object_head *head, int32_t offset, size_t size,
                               void *room)
{
    if (offset < 0)
        return NULL;
    if ((size_t)offset + size <= head->size)
        return head->bytes + offset;
    bool is_read = hop_read(reader->reader, head->addr + (uint64_t)offset, room, size);
    return is_read ? room : NULL;
}

static bool word_of(struct hop_constant_reader *reader, const struct hop_object_head *head,
                    int32_t offset, uint64_t *word)
{
    uint8_t room[8];
    const uint8_t *bytes = bytes_of(reader, head, offset, sizeof room, room);
    *word = bytes ? hop_u64(bytes) : 0;
    return bytes != NULL;
}

static bool read_type_name(struct hop_constant_reader *reader, uint64_t type_addr,
                           char name[TYPE_NAME_BYTES])
{
    uint64_t name_addr;
    struct hop_reader *memory = reader->types->reader ? reader->types->reader : reader->reader;
    if (!hop_read_u64(memory, type_addr + (uint64_t)reader->layout->type_name, &name_addr))
        return false;
    size_t in_page = PAGE_BYTES - name_addr % PAGE_BYTES;
    size_t size = in_page < TYPE_NAME_BYTES - 1 ? in_page : TYPE_NAME_BYTES - 1;
    if (!hop_read(memory, name_addr, name, size))
        return false;
    name[size] = '\0';
    return true;
}

static enum kind kind_named(const char *name)
{
    static const char *const names[] = {
        [KIND_INT] = "int",       [KIND_BOOL] = "bool",
        [KIND_FLOAT] = "float",   [KIND_COMPLEX] = "complex",
        [KIND_STR] = "str",       [KIND_BYTES] = "bytes",
        [KIND_NONE] = "NoneType", [KIND_ELLIPSIS] = "ellipsis",
        [KIND_TUPLE] = "tuple",   [KIND_FROZENSET] = "frozenset",
        [KIND_SLICE] = "slice",   [KIND_CODE] = "code",
    };
    for (size_t i = KIND_INT; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return (enum kind)i;
    return KIND_OTHER;
}

/* What an object is; of KIND_OTHER its type's name is in `name`, which may be "". */
static enum kind kind_of(struct hop_constant_reader *reader, const struct hop_object_head *head,
                         char name[TYPE_NAME_BYTES])
{
    struct hop_known_types *known = reader->types;
    uint64_t type_addr;
    name[0] = '\0';
    if (!head->size || !word_of(reader, head, reader->layout->object_type, &type_addr))
        return KIND_OTHER;
    for (size_t i = 0; i < known->count; i++)
        if (known->types[i].addr == type_addr)
            return (enum kind)known->types[i].kind;
    if (!read_type_name(reader, type_addr, name))
        return KIND_OTHER;
    enum kind kind = kind_named(name);
    if (kind != KIND_OTHER && known->count < HOP_KNOWN_TYPES_MAX) {
        known->types[known->count].addr = type_addr;
        known->types[known->count++].kind = (uint8_t)kind;
    }
    return kind;
}

static void write_object(struct hop_constant_reader *reader, const struct hop_object_head *head,
                         int depth, struct hop_constant_text *text);

/* The characters of a str, with quotes or without. False: no str. */
static bool write_str(struct hop_constant_reader *reader, const struct hop_object_head *head,
                      bool is_quoted, struct hop_constant_text *text)
{
    uint8_t room[4 * HOP_CONSTANT_BYTES_MAX];
    struct hop_text_place place;
    if (!hop_text_locate(reader->reader, reader->layout, head->addr, head->bytes, head->size,
                         &place)) {
        uint8_t whole[HOP_HEAD_BYTES_MAX]; /* it lies across the end of a page */
        size_t size = (size_t)reader->layout->unicode_ascii_data;
        if (size > sizeof whole || !head->size ||
            !hop_read(reader->reader, head->addr, whole, size) ||
            !hop_text_locate(reader->reader, reader->layout, head->addr, whole, size, &place))
            return false;
    }
    size_t points = place.length < HOP_CONSTANT_BYTES_MAX ? place.length : HOP_CONSTANT_BYTES_MAX;
    const uint8_t *data = room;
    uint64_t at = place.data_addr - head->addr;
    if (at <= head->size && points * place.kind <= head->size - at)
        data = head->bytes + at;
    else if (points && !hop_read(reader->reader, place.data_addr, room, points * place.kind))
        return false;
    hop_constant_put_str(text, data, place.kind, points, is_quoted);
    if (points < place.length)
        hop_constant_cut(text);
    return true;
}

static bool write_bytes(struct hop_constant_reader *reader, const struct hop_object_head *head,
                        struct hop_constant_text *text)
{
    uint8_t room[HOP_CONSTANT_BYTES_MAX];
    uint64_t length;
    if (!word_of(reader, head, reader->layout->bytes_size, &length))
        return false;
    size_t size = length < sizeof room ? (size_t)length : sizeof room;
    const uint8_t *bytes = bytes_of(reader, head, reader->layout->bytes_data, size, room);
    if (!bytes)
        return false;
    hop_constant_put_bytes(text, bytes, size);
    if (size < length)
        hop_constant_cut(text);
    return true;
}

/* How many digits an int has, and whether it is below 0. */
static bool int_size(struct hop_constant_reader *reader, const struct hop_object_head *head,
                     uint64_t *digits, bool *is_negative)
{
    enum { SIGN_MASK = 3, NEGATIVE = 2, ZERO = 1, SIZE_SHIFT = 3 }; /* of lv_tag, 3.12+ */
    const struct hop_layout *layout = reader->layout;
    uint64_t word;
    if (layout->long_lv_tag != HOP_ABSENT) {
        if (!word_of(reader, head, layout->long_lv_tag, &word))
            return false;
        *digits = (word & SIGN_MASK) == ZERO ? 0 : word >> SIZE_SHIFT;
        *is_negative = (word & SIGN_MASK) == NEGATIVE;
        return true;
    }
    if (!word_of(reader, head, layout->long_size, &word))
        return false;
    *is_negative = word >> 63;
    *digits = *is_negative ? -word : word;
    return true;
}

static bool write_int(struct hop_constant_reader *reader, const struct hop_object_head *head,
                      enum kind kind, struct hop_constant_text *text)
{
    uint8_t room[HOP_CONSTANT_DIGITS_MAX * 4];
    uint32_t digits[HOP_CONSTANT_DIGITS_MAX];
    uint64_t count;
    bool is_negative;
    if (!int_size(reader, head, &count, &is_negative))
        return false;
    if (kind == KIND_BOOL) {
        hop_constant_put(text, count ? "True" : "False");
        return true;
    }
    if (count > HOP_CONSTANT_DIGITS_MAX) {
        hop_constant_put(text, "<int of ");
        hop_constant_put_int(text,
                             (const uint32_t[]){(uint32_t)(count & 0x3fffffff),
                                                (uint32_t)(count >> 30 & 0x3fffffff)},
                             2, false);
        hop_constant_put(text, " digits of 30 bits>");
        return true;
    }
    const uint8_t *bytes =
        bytes_of(reader, head, reader->layout->long_digits, (size_t)count * 4, room);
    if (!bytes)
        return false;
    for (size_t i = 0; i < count; i++)
        digits[i] = hop_u32(bytes + 4 * i);
    hop_constant_put_int(text, digits, (size_t)count, is_negative);
    return true;
}

static bool write_float(struct hop_constant_reader *reader, const struct hop_object_head *head,
                        struct hop_constant_text *text)
{
    uint8_t room[sizeof(double)];
    double value;
    const uint8_t *bytes = bytes_of(reader, head, reader->layout->float_value, sizeof room, room);
    if (!bytes)
        return false;
    memcpy(&value, bytes, sizeof value);
    hop_constant_put_float(text, value);
    return true;
}

static bool write_complex(struct hop_constant_reader *reader, const struct hop_object_head *head,
                          struct hop_constant_text *text)
{
    uint8_t room[2 * sizeof(double)];
    double parts[2];
    const uint8_t *bytes = bytes_of(reader, head, reader->layout->complex_value, sizeof room, room);
    if (!bytes)
        return false;
    memcpy(parts, bytes, sizeof parts);
    hop_constant_put_complex(text, parts[0], parts[1]);
    return true;
}

/* The objects at `addrs`, a comma between two. */
static void write_items(struct hop_constant_reader *reader, const uint64_t *addrs, size_t count,
                        int depth, struct hop_constant_text *text)
{
    if (count > reader->objects_left)
        count = reader->objects_left;
    reader->objects_left -= count;
    struct hop_object_head *heads = hop_arena_alloc(reader->arena, count * sizeof *heads);
    if (!heads) {
        hop_constant_cut(text);
        return;
    }
    hop_object_heads_read(reader->reader, addrs, count, heads);
    for (size_t i = 0; i < count && !text->is_cut; i++) {
        if (i)
            hop_constant_put(text, ", ");
        write_object(reader, &heads[i], depth + 1, text);
    }
}

static bool write_tuple(struct hop_constant_reader *reader, const struct hop_object_head *head,
                        int depth, struct hop_constant_text *text)
{
    const struct hop_layout *layout = reader->layout;
    uint64_t length, addrs[ITEMS_MAX];
    uint8_t room[sizeof addrs];
    if (!word_of(reader, head, layout->tuple_size, &length))
        return false;
    size_t count = length < ITEMS_MAX ? (size_t)length : ITEMS_MAX;
    const uint8_t *bytes = bytes_of(reader, head, layout->tuple_items, 8 * count, room);
    if (!bytes)
        return false;
    memcpy(addrs, bytes, 8 * count);
    hop_constant_put(text, "(");
    write_items(reader, addrs, count, depth, text);
    if (count < length)
        hop_constant_cut(text);
    hop_constant_put(text, length == 1 ? ",)" : ")");
    return true;
}

/* The keys in the order of the table, as iteration has them. */
static bool write_frozenset(struct hop_constant_reader *reader, const struct hop_object_head *head,
                            int depth, struct hop_constant_text *text)
{
    enum { ENTRY_BYTES = 16 }; /* setentry: key, hash; the hash of one that was taken out is -1 */
    uint64_t mask, table_addr, addrs[ITEMS_MAX];
    uint8_t table[SET_SLOTS_MAX * ENTRY_BYTES];
    size_t count = 0;
    if (!word_of(reader, head, reader->layout->set_mask, &mask) ||
        !word_of(reader, head, reader->layout->set_table, &table_addr))
        return false;
    size_t slots = mask < SET_SLOTS_MAX ? (size_t)mask + 1 : SET_SLOTS_MAX;
    if (!hop_read(reader->reader, table_addr, table, slots * ENTRY_BYTES))
        return false;
    bool is_whole = mask < SET_SLOTS_MAX;
    for (size_t i = 0; i < slots; i++) {
        uint64_t key = hop_u64(table + i * ENTRY_BYTES);
        if (!key || hop_u64(table + i * ENTRY_BYTES + 8) == UINT64_MAX)
            continue;
        if (count == ITEMS_MAX) {
            is_whole = false;
            break;
        }
        addrs[count++] = key;
    }
    hop_constant_put(text, count ? "frozenset({" : "frozenset(");
    write_items(reader, addrs, count, depth, text);
    if (!is_whole)
        hop_constant_cut(text);
    hop_constant_put(text, count ? "})" : ")");
    return true;
}

static bool write_slice(struct hop_constant_reader *reader, const struct hop_object_head *head,
                        int depth, struct hop_constant_text *text)
{
    const struct hop_layout *layout = reader->layout;
    uint64_t addrs[3];
    if (!word_of(reader, head, layout->slice_start, &addrs[0]) ||
        !word_of(reader, head, layout->slice_stop, &addrs[1]) ||
        !word_of(reader, head, layout->slice_step, &addrs[2]))
        return false;
    hop_constant_put(text, "slice(");
    write_items(reader, addrs, 3, depth, text);
    hop_constant_put(text, ")");
    return true;
}

/* Without its address, which means nothing afterwards. */
static bool write_code(struct hop_constant_reader *reader, const struct hop_object_head *head,
                       struct hop_constant_text *text)
{
    const struct hop_layout *layout = reader->layout;
    uint64_t addrs[2];
    struct hop_object_head heads[2];
    uint8_t room[4];
    const uint8_t *line = bytes_of(reader, head, layout->code_firstlineno, sizeof room, room);
    if (!line || !word_of(reader, head, layout->code_name, &addrs[0]) ||
        !word_of(reader, head, layout->code_filename, &addrs[1]))
        return false;
    int first_line = hop_i32(line);
    hop_object_heads_read(reader->reader, addrs, 2, heads);
    hop_constant_put(text, "<code object ");
    if (!write_str(reader, &heads[0], false, text))
        return false;
    hop_constant_put(text, ", file \"");
    if (!write_str(reader, &heads[1], false, text))
        return false;
    char number[32];
    snprintf(number, sizeof number, "\", line %d>", first_line);
    hop_constant_put(text, number);
    return true;
}

static void write_object(struct hop_constant_reader *reader, const struct hop_object_head *head,
                         int depth, struct hop_constant_text *text)
{
    char name[TYPE_NAME_BYTES];
    struct hop_constant_text before = *text;
    bool is_written = true;
    if (depth > DEPTH_MAX) {
        hop_constant_cut(text);
        return;
    }
    enum kind kind = kind_of(reader, head, name);
    switch (kind) {
    case KIND_INT:
    case KIND_BOOL:
        is_written = write_int(reader, head, kind, text);
        break;
    case KIND_FLOAT:
        is_written = write_float(reader, head, text);
        break;
    case KIND_COMPLEX:
        is_written = write_complex(reader, head, text);
        break;
    case KIND_STR:
        is_written = write_str(reader, head, true, text);
        break;
    case KIND_BYTES:
        is_written = write_bytes(reader, head, text);
        break;
    case KIND_NONE:
        hop_constant_put(text, "None");
        break;
    case KIND_ELLIPSIS:
        hop_constant_put(text, "Ellipsis");
        break;
    case KIND_TUPLE:
        is_written = write_tuple(reader, head, depth, text);
        break;
    case KIND_FROZENSET:
        is_written = write_frozenset(reader, head, depth, text);
        break;
    case KIND_SLICE:
        is_written = write_slice(reader, head, depth, text);
        break;
    case KIND_CODE:
        is_written = write_code(reader, head, text);
        break;
    case KIND_OTHER:
        is_written = false;
        break;
    }
    if (is_written)
        return;
    reader->has_missed |= kind != KIND_OTHER || !name[0];
    *text = before;
    hop_constant_put(text, "<");
    hop_constant_put_foreign(text, name[0] ? name : "unreadable");
    hop_constant_put(text, " object>");
}

size_t hop_constant_write(struct hop_constant_reader *reader, const struct hop_object_head *head,
                          char *into)
{
    struct hop_constant_text text = {.text = into};
    write_object(reader, head, 0, &text);
    return hop_constant_end(&text);
}

size_t hop_constant_write_name(struct hop_constant_reader *reader,
                               const struct hop_object_head *head, char *into)
{
    struct hop_constant_text text = {.text = into};
    if (!write_str(reader, head, false, &text)) {
        reader->has_missed = true;
        text = (struct hop_constant_text){.text = into};
    }
    return hop_constant_end(&text);
}
