/* Decides which bytes of a foreign text may reach a terminal as they are, and writes the others as
 * Python's repr() would; it leaves the quoting of file formats to the formats. */
#include "base/escape.h"

#include <stdint.h>
#include <string.h>

/* The longest that one character becomes: "\uNNNN". */
enum { PIECE_BYTES = 8 };

/* Lengths and ranges of RFC 3629, surrogates included so that they can be named; returns the
 * number of bytes and the code point, or 0 where the bytes are no UTF-8. A NUL is no continuation
 * byte, so nothing behind the end of the text is looked at. */
static size_t decode(const unsigned char *bytes, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = bytes[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length == 0 || lead >= 0xf8)
        return 0;
    *code = length == 1 ? lead : lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (bytes[i] & 0x3fu);
    }
    return *code >= smallest[length] && *code <= 0x10ffff ? length : 0;
}

static bool is_harmless(uint32_t code)
{
    bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    bool is_bidi = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
                   code == 0x200e || code == 0x200f || code == 0x61c;
    bool is_separator = code == 0x2028 || code == 0x2029;
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return !is_control && !is_bidi && !is_separator && !is_surrogate;
}

/* Writes the next character of `text` to `piece`, as it is or escaped; returns the bytes taken. */
static size_t next_piece(const char *text, char piece[PIECE_BYTES])
{
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t code;
    size_t length = decode(bytes, &code);
    if (length == 0) {
        snprintf(piece, PIECE_BYTES, "\\x%02x", (unsigned)bytes[0]);
        return 1;
    }
    if (is_harmless(code)) {
        memcpy(piece, text, length);
        piece[length] = '\0';
    } else if (code == '\n' || code == '\r' || code == '\t') {
        snprintf(piece, PIECE_BYTES, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    } else {
        snprintf(piece, PIECE_BYTES, code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code & 0xffff);
    }
    return length;
}

size_t hop_escape_terminal(const char *text, char *into, size_t size)
{
    size_t written = 0;
    char piece[PIECE_BYTES];
    if (size == 0)
        return 0;
    while (*text) {
        text += next_piece(text, piece);
        size_t length = strlen(piece);
        if (length >= size - written)
            break;
        memcpy(into + written, piece, length);
        written += length;
    }
    into[written] = '\0';
    return written;
}

void hop_print_escaped(FILE *stream, const char *text)
{
    char piece[PIECE_BYTES];
    while (*text) {
        text += next_piece(text, piece);
        fputs(piece, stream);
    }
}

bool hop_text_is_utf8(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    while (*bytes) {
        uint32_t code;
        size_t length = decode(bytes, &code);
        if (length == 0 || (code >= 0xd800 && code <= 0xdfff))
            return false;
        bytes += length;
    }
    return true;
}
