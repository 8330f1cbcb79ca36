/* Which encoding a Python source declares, and Latin-1 as UTF-8; see encoding.h. */
#include "report/encoding.h"

#include <ctype.h>
#include <string.h>

/* A line of a source, without its end. */
struct line {
    const char *text;
    size_t length;
};

static struct line next_line(const char **text, size_t *size)
{
    struct line line = {*text, 0};
    while (line.length < *size && (*text)[line.length] != '\n' && (*text)[line.length] != '\r')
        line.length++;
    size_t passed = line.length < *size ? line.length + 1 : line.length;
    passed += passed < *size && passed > line.length && (*text)[passed - 1] == '\r' &&
              (*text)[passed] == '\n';
    *text += passed;
    *size -= passed;
    return line;
}

/* Skips what may be before a comment. */
static void skip_blanks(struct line *line)
{
    while (line->length && strchr(" \t\f", *line->text) && *line->text) {
        line->text++;
        line->length--;
    }
}

/* The name behind "coding:" or "coding=" of a comment, as Python compares it: in small letters,
 * with
 * '-' for '_'. False: there is none, or a longer one. */
static bool find_name(struct line comment, char *name, size_t size)
{
    static const char word[] = "coding";
    size_t length = strlen(word), used = 0;
    for (; comment.length > length; comment.text++, comment.length--)
        if (memcmp(comment.text, word, length) == 0 &&
            (comment.text[length] == ':' || comment.text[length] == '='))
            break;
    if (comment.length <= length)
        return false;
    comment = (struct line){comment.text + length + 1, comment.length - length - 1};
    skip_blanks(&comment);
    for (; used < comment.length; used++) {
        unsigned char byte = (unsigned char)comment.text[used];
        if (!isalnum(byte) && !(byte && strchr("-_.", byte)))
            break;
        if (used + 1 == size)
            return false;
        name[used] = byte == '_' ? '-' : (char)tolower(byte);
    }
    name[used] = '\0';
    return used > 0;
}

static bool is_latin1(const char *name)
{
    static const char *const names[] = {"latin-1", "iso-8859-1", "iso-latin-1", "latin1",
                                        "iso8859-1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(name, names[i], length) == 0 && (!name[length] || name[length] == '-'))
            return true; /* "latin-1-unix" is one too */
    }
    return false;
}

bool hop_source_is_latin1(const char *text, size_t size)
{
    for (int i = 0; i < 2; i++) {
        struct line line = next_line(&text, &size);
        char name[32];
        skip_blanks(&line);
        if (!line.length)
            continue;
        if (*line.text != '#') /* the second line counts only behind one without code */
            return false;
        if (find_name(line, name, sizeof name))
            return is_latin1(name);
    }
    return false;
}

size_t hop_latin1_length(const char *text, size_t size)
{
    size_t length = size;
    for (size_t i = 0; i < size; i++)
        length += (unsigned char)text[i] >= 0x80;
    return length;
}

void hop_latin1_decode(const char *text, size_t size, char *into)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x80)
            *into++ = (char)(0xc0 | byte >> 6);
        *into++ = (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte);
    }
}
