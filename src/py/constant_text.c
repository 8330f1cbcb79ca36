/* Writes numbers, text and bytes as repr() does, see constant_text.h. */
#include "py/constant_text.h"

#include "py/constant.h"
#include "py/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VISIBLE_NUL = 0x2400 };

void hop_constant_cut(struct hop_constant_text *text)
{
    text->is_cut = true;
}

size_t hop_constant_end(struct hop_constant_text *text)
{
    if (text->is_cut) {
        memcpy(text->text + text->length, "\xe2\x80\xa6", 3);
        text->length += 3;
    }
    text->text[text->length] = '\0';
    return text->length;
}

/* A piece that is never cut in two. */
static void put_piece(struct hop_constant_text *text, const char *piece, size_t length)
{
    if (text->is_cut || length > HOP_CONSTANT_BYTES_MAX - text->length) {
        text->is_cut = true;
        return;
    }
    memcpy(text->text + text->length, piece, length);
    text->length += length;
}

void hop_constant_put(struct hop_constant_text *text, const char *words)
{
    put_piece(text, words, strlen(words));
}

void hop_constant_put_foreign(struct hop_constant_text *text, const char *foreign)
{
    for (; *foreign; foreign++)
        put_piece(text, *foreign >= ' ' && *foreign <= '~' ? foreign : "?", 1);
}

/* What str.isprintable() says no to: Cc, Cf, Cs, Co, Zl, Zp, Zs but the blank. */
static bool is_printable(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0, 0x1f},          {0x7f, 0xa0},       {0xad, 0xad},        {0x600, 0x605},
        {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},      {0x890, 0x891},
        {0x8e2, 0x8e2},     {0x1680, 0x1680},   {0x180e, 0x180e},    {0x2000, 0x200f},
        {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},    {0xd800, 0xf8ff},
        {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},    {0xfffe, 0xffff},
        {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},  {0x1bca0, 0x1bca3},
        {0x1d173, 0x1d17a}, {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return false;
    return true;
}

static void put_point(struct hop_constant_text *text, uint32_t point)
{
    char utf8[4];
    size_t length = (size_t)(hop_text_put(utf8, point) - utf8);
    put_piece(text, utf8, length);
}

static void put_escaped(struct hop_constant_text *text, uint32_t point, char quote)
{
    char escape[16];
    if (point == (unsigned char)quote || point == '\\')
        snprintf(escape, sizeof escape, "\\%c", (char)point);
    else if (point == '\n' || point == '\r' || point == '\t')
        snprintf(escape, sizeof escape, "\\%c", point == '\n' ? 'n' : point == '\r' ? 'r' : 't');
    else if (point < 0x100)
        snprintf(escape, sizeof escape, "\\x%02x", (unsigned)point);
    else
        snprintf(escape, sizeof escape, point < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)point);
    put_piece(text, escape, strlen(escape));
}

static char quote_of(const uint8_t *data, unsigned kind, size_t points)
{
    bool has_single = false, has_double = false;
    for (size_t i = 0; i < points; i++) {
        uint32_t point = hop_text_point(data, kind, i);
        has_single |= point == '\'';
        has_double |= point == '"';
    }
    return has_single && !has_double ? '"' : '\'';
}

void hop_constant_put_str(struct hop_constant_text *text, const uint8_t *data, unsigned kind,
                          size_t points, bool is_quoted)
{
    char quote = is_quoted ? quote_of(data, kind, points) : '\0';
    if (is_quoted)
        put_piece(text, &quote, 1);
    for (size_t i = 0; i < points && !text->is_cut; i++) {
        uint32_t point = hop_text_point(data, kind, i);
        if (point > 0x10ffff)
            point = 0xfffd;
        if (!is_quoted)
            put_point(text, point ? point : VISIBLE_NUL);
        else if (point == (unsigned char)quote || point == '\\' || !is_printable(point))
            put_escaped(text, point, quote);
        else
            put_point(text, point);
    }
    if (is_quoted)
        put_piece(text, &quote, 1);
}

void hop_constant_put_bytes(struct hop_constant_text *text, const uint8_t *bytes, size_t size)
{
    char quote = quote_of(bytes, 1, size);
    put_piece(text, "b", 1);
    put_piece(text, &quote, 1);
    for (size_t i = 0; i < size && !text->is_cut; i++) {
        if (bytes[i] == quote || bytes[i] == '\\' || bytes[i] < ' ' || bytes[i] > '~')
            put_escaped(text, bytes[i], quote);
        else
            put_piece(text, (const char *)&bytes[i], 1);
    }
    put_piece(text, &quote, 1);
}

void hop_constant_put_int(struct hop_constant_text *text, const uint32_t *digits, size_t count,
                          bool is_negative)
{
    enum { GROUP = 1000000000, GROUP_DIGITS = 9, DIGIT_BITS = 30 };
    uint32_t groups[HOP_CONSTANT_DIGITS_MAX * 2] = {0}; /* of nine decimals, the lowest first */
    size_t used = 1;
    for (size_t i = count; i-- > 0;) {
        uint64_t carry = digits[i] & ((1u << DIGIT_BITS) - 1);
        for (size_t j = 0; j < used; j++) {
            carry += (uint64_t)groups[j] << DIGIT_BITS;
            groups[j] = (uint32_t)(carry % GROUP);
            carry /= GROUP;
        }
        while (carry && used < sizeof groups / sizeof groups[0]) {
            groups[used++] = (uint32_t)(carry % GROUP);
            carry /= GROUP;
        }
    }
    char decimals[16];
    if (is_negative)
        put_piece(text, "-", 1);
    for (size_t i = used; i-- > 0;) {
        snprintf(decimals, sizeof decimals, i + 1 == used ? "%u" : "%09u", (unsigned)groups[i]);
        for (const char *at = decimals; *at; at++)
            put_piece(text, at, 1);
    }
}

/* The shortest decimals that mean the same number, as repr() has them: with an exponent below
 * -4 and from 16 on. No locale's decimal point gets in. */
static void format_float(double value, bool wants_point, char into[64])
{
    /* A number that up to 15 digits tell shows these, and then noughts, when 15 are asked for, if
     * it is not too small to have as many. */
    enum { EXPONENT_LEAST = -4, EXPONENT_MOST = 16, PRECISION_SURE = 15, PRECISION_MAX = 17 };
    char scientific[48], digits[24];
    if (!isfinite(value)) {
        strcpy(into, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    int precision = isnormal(value) ? PRECISION_SURE : 1;
    for (; precision <= PRECISION_MAX; precision++) {
        snprintf(scientific, sizeof scientific, "%.*e", precision - 1, value);
        if (strtod(scientific, NULL) == value)
            break;
    }
    size_t count = 0;
    char *exponent_at = strchr(scientific, 'e');
    for (char *at = scientific; at < exponent_at && count < sizeof digits - 1; at++)
        if (*at >= '0' && *at <= '9')
            digits[count++] = *at;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    int exponent = atoi(exponent_at + 1), length = (int)count;
    char *end = into;
    if (signbit(value))
        *end++ = '-';
    if (exponent < EXPONENT_LEAST || exponent >= EXPONENT_MOST) {
        *end++ = digits[0];
        if (length > 1)
            end += sprintf(end, ".%.*s", length - 1, digits + 1);
        sprintf(end, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    } else if (exponent < 0) {
        sprintf(end, "0.%.*s%.*s", -exponent - 1, "0000", length, digits);
    } else if (length <= exponent + 1) {
        sprintf(end, "%.*s%.*s%s", length, digits, exponent + 1 - length, "0000000000000000",
                wants_point ? ".0" : "");
    } else {
        sprintf(end, "%.*s.%.*s", exponent + 1, digits, length - exponent - 1,
                digits + exponent + 1);
    }
}

void hop_constant_put_float(struct hop_constant_text *text, double value)
{
    char decimals[64];
    format_float(value, true, decimals);
    hop_constant_put(text, decimals);
}

void hop_constant_put_complex(struct hop_constant_text *text, double real, double imaginary)
{
    char decimals[64];
    bool is_pure = real == 0 && !signbit(real);
    if (!is_pure) {
        format_float(real, false, decimals);
        hop_constant_put(text, "(");
        hop_constant_put(text, decimals);
        if (!signbit(imaginary) || isnan(imaginary))
            hop_constant_put(text, "+");
    }
    format_float(imaginary, false, decimals);
    hop_constant_put(text, decimals);
    hop_constant_put(text, is_pure ? "j" : "j)");
}
