/* Puts source text on a terminal, see listing.h. Where the text comes from is source.c's. */
#include "report/listing.h"

#include "base/escape.h"

#include <string.h>

enum { TAB_COLUMNS = 8, PIECE_BYTES = 64, CHARACTER_BYTES = 4 };

static const char hot[] = "\033[1;31m", noted[] = "\033[32m", plain[] = "\033[0m";

const char *hop_listing_colour(const struct hop_report_options *options, double share)
{
    if (!options->is_coloured || share < HOP_SHARE_NOTED)
        return "";
    return share >= HOP_SHARE_HOT ? hot : noted;
}

const char *hop_listing_plain(const struct hop_report_options *options, double share)
{
    return options->is_coloured && share >= HOP_SHARE_NOTED ? plain : "";
}

/* Columns that a terminal gives to a code point that is not escaped: none to combining ones, two to
 * those of East Asia and to pictures. */
static int columns_of(uint32_t point)
{
    static const struct {
        uint32_t first, last;
        int columns;
    } ranges[] = {
        {0x300, 0x36f, 0},     {0x1100, 0x115f, 2},   {0x200b, 0x200d, 0},   {0x20d0, 0x20f0, 0},
        {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
        {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},
        {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return ranges[i].columns;
    return 1;
}

struct character {
    char shown[PIECE_BYTES];
    size_t bytes; /* of the text */
    int columns;
};

/* The character at `text`, of which `length` bytes (at least 1) are left, at this column. */
static struct character next_character(const char *text, size_t length, int column)
{
    struct character character = {.bytes = 1};
    unsigned char lead = (unsigned char)text[0];
    char copy[CHARACTER_BYTES + 1] = {text[0]};
    if (lead == '\0') {
        strcpy(character.shown, "\\x00");
        character.columns = 4;
        return character;
    }
    if (lead == '\t') {
        character.columns = TAB_COLUMNS - column % TAB_COLUMNS;
        memset(character.shown, ' ', (size_t)character.columns);
        return character;
    }
    size_t wanted = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    while (character.bytes < wanted && character.bytes < length &&
           ((unsigned char)text[character.bytes] & 0xc0) == 0x80) {
        copy[character.bytes] = text[character.bytes];
        character.bytes++;
    }
    size_t shown = hop_escape_terminal(copy, character.shown, sizeof character.shown);
    if (strcmp(copy, character.shown) != 0 || lead < 0x80) {
        character.columns = (int)shown;
        return character;
    }
    uint32_t point = lead & (0x7fu >> wanted);
    for (size_t i = 1; i < character.bytes; i++)
        point = point << 6 | ((unsigned char)text[i] & 0x3fu);
    character.columns = columns_of(point);
    return character;
}

static size_t shown_part(size_t length)
{
    return length < HOP_LISTING_LINE_BYTES ? length : HOP_LISTING_LINE_BYTES;
}

void hop_listing_print(FILE *stream, const char *text, size_t length)
{
    int column = 0;
    size_t part = shown_part(length);
    for (size_t at = 0; at < part;) {
        struct character character = next_character(text + at, part - at, column);
        fputs(character.shown, stream);
        at += character.bytes;
        column += character.columns;
    }
    if (part < length)
        fputs("…", stream);
}

bool hop_listing_underline(FILE *stream, const char *text, size_t length, const char *marks,
                           int indent)
{
    int column = 0, written = indent;
    bool has_any = false;
    size_t part = shown_part(length);
    for (size_t at = 0; at < part;) {
        struct character character = next_character(text + at, part - at, column);
        if (marks[at]) {
            for (; written < column; written++)
                fputc(' ', stream);
            for (int i = 0; i < character.columns; i++, written++)
                fputc(marks[at], stream);
            has_any = true;
        }
        at += character.bytes;
        column += character.columns;
    }
    if (has_any)
        fputc('\n', stream);
    return has_any;
}

void hop_listing_print_state(FILE *stream, const struct hop_source *source)
{
    if (source->state == HOP_SOURCE_READ && source->may_be_other)
        fputs("warning: the program had other files (a container, a chroot); this is ours of that "
              "name\n",
              stream);
    if (source->state == HOP_SOURCE_READ && source->is_newer)
        fputs("warning: the file was changed after sampling began; lines may have moved\n", stream);
    else if (source->state != HOP_SOURCE_READ)
        fprintf(stream, "without its text: %s\n", hop_source_words(source));
}
