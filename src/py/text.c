/* Reads str objects of the target as UTF-8. It knows how CPython stores text and leaves it to
 * others to make that text safe to show. */
#include "py/text.h"

/* The largest header of a str that any version has is 3.8–3.11's PyUnicodeObject, 80 bytes. */
enum { HEADER_MAX = 128 };

enum { CODE_POINT_MAX = 0x10ffff, VISIBLE_NUL = 0x2400, ELLIPSIS = 0x2026 };

static unsigned masked(uint32_t word, uint32_t mask)
{
    return mask ? (word & mask) >> __builtin_ctz(mask) : 0;
}

bool hop_text_locate(struct hop_reader *reader, const struct hop_layout *layout, uint64_t str_addr,
                     const uint8_t *head, size_t size, struct hop_text_place *place)
{
    /* The pointer to the characters of a str that is not compact lies where a compact one's
     * characters would (PyUnicodeObject.data, all versions). */
    const size_t pointer_at = (size_t)layout->unicode_compact_data;
    const size_t ascii_size = (size_t)layout->unicode_ascii_data;
    if (size < ascii_size || ascii_size > pointer_at ||
        (size_t)layout->unicode_length > ascii_size - 8 ||
        (size_t)layout->unicode_state > ascii_size - 4)
        return false;

    uint32_t state = hop_u32(head + layout->unicode_state);
    bool is_ascii = masked(state, layout->unicode_ascii_mask);
    place->length = hop_u64(head + layout->unicode_length);
    place->kind = masked(state, layout->unicode_kind_mask);
    if (place->kind != 1 && place->kind != 2 && place->kind != 4)
        return false; /* 0 is wchar_t text not yet made ready (up to 3.11) */
    if (place->length > INT64_MAX || (is_ascii && place->kind != 1))
        return false;
    if (masked(state, layout->unicode_compact_mask)) {
        place->data_addr = str_addr + (is_ascii ? ascii_size : pointer_at);
        return true;
    }
    /* Instances of a subclass of str are never compact. They do name code: compile() takes a path
     * class derived from str as the file name. */
    return hop_read_u64(reader, str_addr + pointer_at, &place->data_addr) && place->data_addr;
}

static bool read_header(struct hop_reader *reader, const struct hop_layout *layout,
                        uint64_t str_addr, struct hop_text_place *place)
{
    uint8_t bytes[HEADER_MAX];
    const size_t size = (size_t)layout->unicode_ascii_data;
    return size <= sizeof bytes && str_addr && hop_read(reader, str_addr, bytes, size) &&
           hop_text_locate(reader, layout, str_addr, bytes, size, place);
}

/* Appends one code point; surrogates are encoded like any other (WTF-8). */
char *hop_text_put(char *at, uint32_t point)
{
    if (point < 0x80) {
        *at++ = (char)point;
    } else if (point < 0x800) {
        *at++ = (char)(0xc0 | point >> 6);
        *at++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *at++ = (char)(0xe0 | point >> 12);
        *at++ = (char)(0x80 | (point >> 6 & 0x3f));
        *at++ = (char)(0x80 | (point & 0x3f));
    } else {
        *at++ = (char)(0xf0 | point >> 18);
        *at++ = (char)(0x80 | (point >> 12 & 0x3f));
        *at++ = (char)(0x80 | (point >> 6 & 0x3f));
        *at++ = (char)(0x80 | (point & 0x3f));
    }
    return at;
}

uint32_t hop_text_point(const uint8_t *data, unsigned kind, size_t i)
{
    if (kind == 1)
        return data[i];
    return kind == 2 ? hop_u16(data + 2 * i) : hop_u32(data + 4 * i);
}

ssize_t hop_text_read(struct hop_reader *reader, const struct hop_layout *layout, uint64_t str_addr,
                      char *into)
{
    uint8_t data[4 * HOP_TEXT_POINTS_MAX];
    struct hop_text_place header;
    if (!read_header(reader, layout, str_addr, &header))
        return -1;
    bool is_cut = header.length > HOP_TEXT_POINTS_MAX;
    size_t points = is_cut ? HOP_TEXT_POINTS_MAX : (size_t)header.length;
    if (points && !hop_read(reader, header.data_addr, data, points * header.kind))
        return -1;

    char *end = into;
    for (size_t i = 0; i < points; i++) {
        uint32_t point = hop_text_point(data, header.kind, i);
        if (point > CODE_POINT_MAX)
            return -1;
        end = hop_text_put(end, point ? point : VISIBLE_NUL);
    }
    if (is_cut)
        end = hop_text_put(end, ELLIPSIS);
    *end = '\0';
    return end - into;
}

bool hop_text_fingerprint(struct hop_reader *reader, const struct hop_layout *layout,
                          uint64_t str_addr, uint64_t fingerprint[2])
{
    const struct hop_span spans[] = {
        {str_addr + (uint64_t)layout->unicode_length, 8, &fingerprint[0]},
        {str_addr + (uint64_t)layout->unicode_hash, 8, &fingerprint[1]},
    };
    return str_addr && hop_reader_fill(reader, spans, 2) == 2;
}
