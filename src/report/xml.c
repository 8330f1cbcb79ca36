/* Escapes what XML gives a meaning to; base/escape.h knows what must never be shown. */
#include "report/xml.h"

#include "base/escape.h"

#include <stddef.h>
#include <string.h>

/* What stands for the character at `text`, of `length` bytes; NULL: it may stand as it is. XML has
 * no U+FFFE and U+FFFF, not even escaped. */
static const char *entity(const char *text, size_t *length)
{
    *length = 1;
    switch (*text) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        break;
    }
    if (strncmp(text, "\xef\xbf\xbe", 3) != 0 && strncmp(text, "\xef\xbf\xbf", 3) != 0)
        return NULL;
    *length = 3;
    return text[2] == '\xbe' ? "\\ufffe" : "\\uffff";
}

/* How much of `text` is taken at once: whole characters, if they are any. */
static size_t next_part(const char *text, char *part, size_t size)
{
    size_t length = strnlen(text, size - 1);
    if (length == size - 1)
        while (length > size - 5 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    memcpy(part, text, length);
    part[length] = '\0';
    return length;
}

void hop_print_xml(FILE *stream, const char *text)
{
    char part[32], escaped[8 * sizeof part]; /* a byte becomes \xNN at most, a character \uNNNN */
    while (*text) {
        text += next_part(text, part, sizeof part);
        hop_escape_terminal(part, escaped, sizeof escaped);
        const char *plain = escaped, *at = escaped;
        while (*at) {
            size_t length;
            const char *instead = entity(at, &length);
            if (instead) {
                fwrite_unlocked(plain, 1, (size_t)(at - plain), stream);
                fputs_unlocked(instead, stream);
                plain = at + length;
            }
            at += length;
        }
        fwrite_unlocked(plain, 1, (size_t)(at - plain), stream);
    }
}

/* At least so many digits, zeros in front. One by one: a stream's functions for several bytes take
 * longer than so few are worth. */
static void print_digits(FILE *stream, uint64_t number, size_t least)
{
    char digits[20];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    for (; least > count; least--)
        putc_unlocked('0', stream);
    while (count)
        putc_unlocked(digits[--count], stream);
}

void hop_print_count(FILE *stream, uint64_t count)
{
    print_digits(stream, count, 1);
}

void hop_print_fraction(FILE *stream, uint64_t count, unsigned digits)
{
    uint64_t unit = 1;
    for (unsigned i = 0; i < digits; i++)
        unit *= 10;
    print_digits(stream, count / unit, 1);
    putc_unlocked('.', stream);
    print_digits(stream, count % unit, digits);
}
