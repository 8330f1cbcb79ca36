/* Parses CPython's version numbers and texts; every byte it is given is foreign. */
#include "py/find_version.h"

#include <stdio.h>
#include <string.h>

enum {
    LEVEL_ALPHA = 0xa,
    LEVEL_BETA = 0xb,
    LEVEL_CANDIDATE = 0xc,
    LEVEL_FINAL = 0xf,
    /* Py_GetVersion() has a buffer of 250 bytes (300 in newer ones). */
    COMPOSED_BYTES_MAX = 300,
};

static bool fill(struct hop_version *version, unsigned major, unsigned minor, unsigned micro,
                 unsigned level, unsigned serial)
{
    const char *name = level == LEVEL_ALPHA   ? "a"
                       : level == LEVEL_BETA  ? "b"
                       : level == LEVEL_FINAL ? NULL
                                              : "rc";
    if (level < LEVEL_ALPHA || (level > LEVEL_CANDIDATE && level != LEVEL_FINAL))
        return false;
    if (major < 2 || major > 9 || minor > 99 || micro > 255 || serial > 15)
        return false;
    *version = (struct hop_version){
        .hex = major << 24 | minor << 16 | micro << 8 | level << 4 | serial,
        .major = (int)major,
        .minor = (int)minor,
        .micro = (int)micro,
    };
    int length = snprintf(version->text, sizeof version->text, "%u.%u.%u", major, minor, micro);
    if (name)
        snprintf(version->text + length, sizeof version->text - (size_t)length, "%s%u", name,
                 serial);
    return true;
}

bool hop_version_from_hex(uint64_t hex, struct hop_version *version)
{
    return hex <= UINT32_MAX && fill(version, hex >> 24 & 0xff, hex >> 16 & 0xff, hex >> 8 & 0xff,
                                     hex >> 4 & 0xf, hex & 0xf);
}

struct cursor {
    const uint8_t *at, *end;
};

static bool take(struct cursor *cursor, char wanted)
{
    if (cursor->at == cursor->end || *cursor->at != (uint8_t)wanted)
        return false;
    cursor->at++;
    return true;
}

/* One to three digits. */
static bool take_number(struct cursor *cursor, unsigned *number)
{
    unsigned digits = 0;
    *number = 0;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' && digits < 3) {
        *number = *number * 10 + (unsigned)(*cursor->at++ - '0');
        digits++;
    }
    return digits > 0;
}

/* "3.8.18", "3.14.0rc2", "3.10.0+" (a build between releases). */
static bool take_version(struct cursor *cursor, struct hop_version *version)
{
    unsigned major, minor, micro, level = LEVEL_FINAL, serial = 0;
    if (!take_number(cursor, &major) || !take(cursor, '.') || !take_number(cursor, &minor) ||
        !take(cursor, '.') || !take_number(cursor, &micro))
        return false;
    if (take(cursor, 'a'))
        level = LEVEL_ALPHA;
    else if (take(cursor, 'b'))
        level = LEVEL_BETA;
    else if (take(cursor, 'r'))
        level = take(cursor, 'c') ? LEVEL_CANDIDATE : 0;
    if (level != LEVEL_FINAL && !take_number(cursor, &serial))
        return false;
    take(cursor, '+');
    return fill(version, major, minor, micro, level, serial);
}

/* What follows the version in sys.version: the build in parentheses, a blank, the compiler in
 * brackets, on a line of its own up to 3.9. Distributors put words between ("| packaged by … |").
 */
static bool take_build(struct cursor *cursor)
{
    if (!take(cursor, ' '))
        return false;
    const uint8_t *nul = memchr(cursor->at, 0, (size_t)(cursor->end - cursor->at));
    if (!nul || nul == cursor->at || nul[-1] != ']')
        return false;
    for (const uint8_t *at = cursor->at; at < nul; at++) {
        if ((*at < ' ' && *at != '\n') || *at >= 0x7f)
            return false;
    }
    size_t length = (size_t)(nul - cursor->at);
    const char *text = (const char *)cursor->at;
    if (!memchr(text, '(', length))
        return false;
    const char *compiler = memmem(text, length, ") [", 3);
    if (!compiler)
        compiler = memmem(text, length, ") \n[", 4);
    return compiler && !memmem(text, length, "[PyPy", 5);
}

/* The next place, from `at` on, where "2." or "3." (or a later major version) could start a
 * version; `size` when there is none. */
static size_t next_start(const uint8_t *bytes, size_t size, size_t at)
{
    while (at + 1 < size) {
        const uint8_t *dot = memchr(bytes + at + 1, '.', size - at - 1);
        if (!dot)
            break;
        size_t start = (size_t)(dot - bytes) - 1;
        if (bytes[start] >= '2' && bytes[start] <= '9')
            return start;
        at = start + 1;
    }
    return size;
}

/* Whether a text may start after this byte: not in the middle of a word or of a longer number. */
static bool ends_a_word(uint8_t byte)
{
    return !(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'z') &&
           !(byte >= 'A' && byte <= 'Z') && byte != '.' && byte != '-' && byte != '_';
}

bool hop_version_find_composed(const uint8_t *bytes, size_t size, struct hop_version *version)
{
    for (size_t at = 0; (at = next_start(bytes, size, at)) < size; at++) {
        if (at > 0 && !ends_a_word(bytes[at - 1]))
            continue;
        size_t left = size - at;
        struct cursor cursor = {
            bytes + at, bytes + at + (left < COMPOSED_BYTES_MAX ? left : COMPOSED_BYTES_MAX)};
        if (take_version(&cursor, version) && take_build(&cursor))
            return true;
    }
    return false;
}

bool hop_version_find_constant(const uint8_t *bytes, size_t size, size_t *at,
                               struct hop_version *version)
{
    for (; (*at = next_start(bytes, size, *at)) < size; ++*at) {
        if (*at > 0 && (bytes[*at - 1] == '.' || (bytes[*at - 1] >= '0' && bytes[*at - 1] <= '9')))
            continue;
        struct cursor cursor = {bytes + *at, bytes + size};
        if (take_version(&cursor, version) && take(&cursor, '\0')) {
            *at = (size_t)(cursor.at - bytes);
            return true;
        }
    }
    return false;
}
