/* Reads the lines of a file of offsets/ into a layout; the grammar is told in offsets/README.md.
 * Lines of opcodes are left to layout_opcode.c and layout_operand.c, and to layout_check.c whether
 * all is there. The text may be anybody's (`--offsets FILE`), so every line is either understood
 * wholly or refused. */
#include "py/layout.h"
#include "py/layout_internal.h"
#include "py/layout_parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char remedy[] = "offsets/README.md tells what a line may be; scripts/make-offsets "
                             "writes such a file.";

enum hop_status hop_parser_refuse_line(struct hop_parser *p, unsigned line, const char *what,
                                       const char *word)
{
    return hop_error_set(p->err, HOP_ERR_OFFSETS, remedy, "line %u: %s '%s'", line, what, word);
}

enum hop_status hop_parser_refuse(struct hop_parser *p, const char *what, const char *word)
{
    return hop_parser_refuse_line(p, p->line_number, what, word);
}

bool hop_parser_number(const char *word, uint64_t limit, uint64_t *value)
{
    unsigned base = 10;
    if (word[0] == '0' && word[1] == 'x') {
        base = 16;
        word += 2;
    }
    if (!*word)
        return false;
    uint64_t sum = 0;
    for (; *word; word++) {
        unsigned digit;
        if (*word >= '0' && *word <= '9')
            digit = (unsigned)(*word - '0');
        else if (base == 16 && *word >= 'a' && *word <= 'f')
            digit = (unsigned)(*word - 'a') + 10;
        else
            return false;
        if (digit > limit || sum > (limit - digit) / base)
            return false;
        sum = sum * base + digit;
    }
    *value = sum;
    return true;
}

static size_t find_field(struct hop_parser *p, const char *name)
{
    for (size_t i = 0; i < HOP_FIELD_COUNT; i++) {
        size_t field = (p->next_field + i) % HOP_FIELD_COUNT;
        if (!strcmp(hop_layout_field_name(field), name)) {
            p->next_field = field + 1;
            return field;
        }
    }
    return HOP_FIELD_COUNT;
}

/* `3.13` or, of an alpha or beta, `3.15.0a3`, whose PY_VERSION_HEX it has to be exactly. */
static enum hop_status parse_python(struct hop_parser *p)
{
    struct hop_layout *layout = p->layout;
    if (p->has_python)
        return hop_parser_refuse(p, "a second", "python");
    p->has_python = true;
    int major, minor, patch, serial, end = -1;
    char level;
    const char *word = p->words[1];
    if (strlen(word) > 12 || strspn(word, "0123456789.ab") != strlen(word))
        return hop_parser_refuse(p, "no version:", word);
    if (sscanf(word, "%3d.%3d%n", &major, &minor, &end) == 2 && end >= 0 && !word[end]) {
        layout->prerelease_hex = 0;
    } else if (sscanf(word, "%3d.%3d.%3d%c%2d%n", &major, &minor, &patch, &level, &serial, &end) ==
                   5 &&
               end >= 0 && !word[end] && (level == 'a' || level == 'b') && patch <= 255 &&
               serial <= 15) {
        layout->prerelease_hex = (uint32_t)major << 24 | (uint32_t)minor << 16 |
                                 (uint32_t)patch << 8 | (level == 'a' ? 0xa0u : 0xb0u) |
                                 (uint32_t)serial;
    } else {
        return hop_parser_refuse(p, "no version:", word);
    }
    if (major != 3 || minor < 8 || minor > 255)
        return hop_parser_refuse(p, "no version that this program can read:", word);
    layout->major = major;
    layout->minor = minor;
    return HOP_OK;
}

static enum hop_status parse_word(struct hop_parser *p)
{
    static const struct {
        const char *topic, *word;
        int value;
    } known[] = {
        {"frames", "frame-object", HOP_ROOT_FRAME_OBJECT},
        {"frames", "cframe", HOP_ROOT_CFRAME},
        {"frames", "current-frame", HOP_ROOT_CURRENT_FRAME},
        {"ip", "lasti-bytes", HOP_IP_LASTI_BYTES},
        {"ip", "lasti-units", HOP_IP_LASTI_UNITS},
        {"ip", "prev-instr", HOP_IP_PREV_INSTR},
        {"ip", "instr-ptr", HOP_IP_INSTR_PTR},
        {"lines", "lnotab", HOP_LINES_LNOTAB},
        {"lines", "3.10", HOP_LINES_310},
        {"lines", "locations", HOP_LINES_LOCATIONS},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(p->words[1], known[i].topic) || strcmp(p->words[2], known[i].word))
            continue;
        enum hop_parser_topic topic = known[i].topic[0] == 'f'   ? HOP_TOPIC_FRAMES
                                      : known[i].topic[0] == 'i' ? HOP_TOPIC_IP
                                                                 : HOP_TOPIC_LINES;
        if (p->has_topic[topic])
            return hop_parser_refuse(p, "a second word", p->words[1]);
        p->has_topic[topic] = true;
        if (topic == HOP_TOPIC_FRAMES)
            p->layout->frame_root = (enum hop_frame_root)known[i].value;
        else if (topic == HOP_TOPIC_IP)
            p->layout->ip_kind = (enum hop_ip_kind)known[i].value;
        else
            p->layout->line_kind = (enum hop_line_kind)known[i].value;
        return HOP_OK;
    }
    return hop_parser_refuse(p, "unknown word", p->words[2]);
}

/* `from 3.13.3` or `before 3.13.3`: the version has to be the file's own. */
static enum hop_status parse_patch_field(struct hop_parser *p, size_t field, int32_t value)
{
    struct hop_layout *layout = p->layout;
    const char *word = p->words[4];
    int major, minor, patch, end = -1;
    if (strlen(word) > 11 || strspn(word, "0123456789.") != strlen(word) ||
        sscanf(word, "%3d.%3d.%3d%n", &major, &minor, &patch, &end) != 3 || end < 0 || word[end] ||
        patch < 1 || patch > 255)
        return hop_parser_refuse(p, "no patch release:", word);
    if (!p->has_python || major != layout->major || minor != layout->minor)
        return hop_parser_refuse(p, "not a patch release of the file's version:", word);
    struct hop_patch_field new = {(uint16_t)field, 0, 255, value};
    if (!strcmp(p->words[3], "from"))
        new.first = (uint8_t)patch;
    else if (!strcmp(p->words[3], "before"))
        new.last = (uint8_t)(patch - 1);
    else
        return hop_parser_refuse(p, "neither from nor before:", p->words[3]);
    for (int i = 0; i < layout->patch_field_count; i++) {
        const struct hop_patch_field *it = &layout->patch_fields[i];
        if (it->field == field && it->first <= new.last &&new.first <= it->last)
            return hop_parser_refuse(p, "a second field", p->words[1]);
    }
    if (layout->patch_field_count == HOP_PATCH_FIELDS_MAX)
        return hop_parser_refuse(p, "too many fields by patch release:", p->words[1]);
    layout->patch_fields[layout->patch_field_count++] = new;
    return HOP_OK;
}

static enum hop_status parse_field(struct hop_parser *p)
{
    size_t field = find_field(p, p->words[1]);
    if (field == HOP_FIELD_COUNT)
        return hop_parser_refuse(p, "unknown field", p->words[1]);
    uint64_t value;
    if (!hop_parser_number(p->words[2], (uint64_t)hop_layout_field_limit(field), &value))
        return hop_parser_refuse(p, "no offset:", p->words[2]);
    bool has_patch = false;
    for (int i = 0; i < p->layout->patch_field_count; i++)
        has_patch |= p->layout->patch_fields[i].field == field;
    int32_t *place = hop_layout_field(p->layout, field);
    if (*place != HOP_ABSENT || (has_patch && p->word_count == 3))
        return hop_parser_refuse(p, "a second field", p->words[1]);
    if (p->word_count == 5)
        return parse_patch_field(p, field, (int32_t)value);
    if (p->word_count != 3)
        return hop_parser_refuse(p, "too few words after", p->words[2]);
    *place = (int32_t)value;
    return HOP_OK;
}

static enum hop_status parse_mask(struct hop_parser *p)
{
    uint32_t *place = NULL;
#define X(member, name)                                                                            \
    if (!strcmp(p->words[1], name))                                                                \
        place = &p->layout->member##_mask;
    HOP_LAYOUT_MASKS(X)
#undef X
    if (!place)
        return hop_parser_refuse(p, "unknown mask", p->words[1]);
    if (*place)
        return hop_parser_refuse(p, "a second mask", p->words[1]);
    uint64_t value;
    if (!hop_parser_number(p->words[2], UINT32_MAX, &value) || value == 0)
        return hop_parser_refuse(p, "no mask:", p->words[2]);
    *place = (uint32_t)value;
    return HOP_OK;
}

static enum hop_status parse_value(struct hop_parser *p)
{
    static const struct {
        const char *name;
        uint64_t limit;
    } known[] = {
        [HOP_VALUE_CODE_POINTER_MASK] = {"code_pointer_mask", UINT64_MAX},
        [HOP_VALUE_OWNER_GENERATOR] = {"owner.generator", 31},
        [HOP_VALUE_OWNERS_WITHOUT_CODE] = {"owners_without_code", UINT32_MAX},
    };
    size_t i = 0;
    while (i < sizeof known / sizeof known[0] && strcmp(known[i].name, p->words[1]))
        i++;
    if (i == sizeof known / sizeof known[0])
        return hop_parser_refuse(p, "unknown value", p->words[1]);
    if (p->has_value[i])
        return hop_parser_refuse(p, "a second value", p->words[1]);
    p->has_value[i] = true;
    uint64_t value;
    if (!hop_parser_number(p->words[2], known[i].limit, &value))
        return hop_parser_refuse(p, "no value:", p->words[2]);
    if (i == HOP_VALUE_CODE_POINTER_MASK)
        p->layout->code_pointer_mask = value;
    else if (i == HOP_VALUE_OWNER_GENERATOR)
        p->layout->owner_generator = (uint32_t)value;
    else
        p->layout->owners_without_code = (uint32_t)value;
    return HOP_OK;
}

static bool parse_position(const char *word, uint64_t *position)
{
    return hop_parser_number(word, HOP_DEBUG_OFFSETS_BYTES_MAX - sizeof(uint64_t), position) &&
           *position % sizeof(uint64_t) == 0;
}

static enum hop_status parse_debug(struct hop_parser *p)
{
    struct hop_layout *layout = p->layout;
    size_t field = find_field(p, p->words[1]);
    if (field == HOP_FIELD_COUNT)
        return hop_parser_refuse(p, "unknown field", p->words[1]);
    for (int i = 0; i < layout->debug_offset_count; i++)
        if (layout->debug_offsets[i].field == field)
            return hop_parser_refuse(p, "a second debug", p->words[1]);
    uint64_t position;
    if (!parse_position(p->words[2], &position))
        return hop_parser_refuse(p, "no position:", p->words[2]);
    if (layout->debug_offset_count == HOP_DEBUG_OFFSETS_MAX)
        return hop_parser_refuse(p, "too many debug lines:", p->words[1]);
    layout->debug_offsets[layout->debug_offset_count++] =
        (struct hop_debug_offset){(uint16_t)position, (uint16_t)field};
    return HOP_OK;
}

static enum hop_status parse_debug_size(struct hop_parser *p)
{
    uint64_t size;
    if (p->layout->debug_offsets_size)
        return hop_parser_refuse(p, "a second", p->words[0]);
    if (!hop_parser_number(p->words[1], HOP_DEBUG_OFFSETS_BYTES_MAX, &size) || size == 0)
        return hop_parser_refuse(p, "no size:", p->words[1]);
    p->layout->debug_offsets_size = (int)size;
    return HOP_OK;
}

static enum hop_status parse_debug_word(struct hop_parser *p, bool *seen, int *place)
{
    uint64_t position;
    if (*seen)
        return hop_parser_refuse(p, "a second", p->words[0]);
    *seen = true;
    if (!parse_position(p->words[1], &position))
        return hop_parser_refuse(p, "no position:", p->words[1]);
    *place = (int)position;
    return HOP_OK;
}

static enum hop_status parse_debug_version(struct hop_parser *p)
{
    return parse_debug_word(p, &p->has_debug_version, &p->layout->debug_version_position);
}

static enum hop_status parse_debug_free_threaded(struct hop_parser *p)
{
    return parse_debug_word(p, &p->has_debug_free_threaded,
                            &p->layout->debug_free_threaded_position);
}

static const struct {
    const char *name;
    size_t words_min, words_max; /* `name` included */
    enum hop_status (*parse)(struct hop_parser *p);
} line_kinds[] = {
    {"python", 2, 2, parse_python},
    {"word", 3, 3, parse_word},
    {"field", 3, 5, parse_field},
    {"mask", 3, 3, parse_mask},
    {"value", 3, 3, parse_value},
    {"debug", 3, 3, parse_debug},
    {"debug-size", 2, 2, parse_debug_size},
    {"debug-version", 2, 2, parse_debug_version},
    {"debug-free-threaded", 2, 2, parse_debug_free_threaded},
    {"opcode", 5, 11, hop_parser_opcode},
    {"argument", 3, 5, hop_parser_argument},
    {"operand", 4, HOP_PARSER_WORDS_MAX, hop_parser_operand},
    {"form", 4, HOP_PARSER_WORDS_MAX, hop_parser_form},
};

/* Cuts p->line into p->words; what follows a # is a remark. By hand, because strtok makes a set of
 * its two blanks for each word, which is felt in how long an attach takes. */
static enum hop_status split_line(struct hop_parser *p)
{
    p->word_count = 0;
    for (char *at = p->line;;) {
        while (*at == ' ' || *at == '\t')
            at++;
        if (*at == '\0' || *at == '#')
            return HOP_OK;
        char *word = at;
        while (*at != ' ' && *at != '\t' && *at != '\0' && *at != '#')
            at++;
        bool is_last = *at == '\0' || *at == '#';
        *at = '\0';
        if (p->word_count == HOP_PARSER_WORDS_MAX)
            return hop_parser_refuse(p, "too many words:", word);
        p->words[p->word_count++] = word;
        if (is_last)
            return HOP_OK;
        at++;
    }
}

/* One line without its newline. */
static enum hop_status parse_line(struct hop_parser *p, const char *text, size_t size)
{
    if (size > HOP_PARSER_LINE_BYTES_MAX)
        return hop_parser_refuse(p, "too long a", "line");
    for (size_t i = 0; i < size; i++)
        if ((text[i] < ' ' && text[i] != '\t') || text[i] > '~')
            return hop_parser_refuse(p, "other than printable", "ASCII");
    memcpy(p->line, text, size);
    p->line[size] = '\0';
    enum hop_status status = split_line(p);
    if (status != HOP_OK || p->word_count == 0)
        return status;
    for (size_t i = 0; i < sizeof line_kinds / sizeof line_kinds[0]; i++) {
        if (strcmp(p->words[0], line_kinds[i].name))
            continue;
        if (p->word_count < line_kinds[i].words_min)
            return hop_parser_refuse(p, "too few words after", p->words[p->word_count - 1]);
        if (p->word_count > line_kinds[i].words_max)
            return hop_parser_refuse(p, "too many words:", p->words[line_kinds[i].words_max]);
        return line_kinds[i].parse(p);
    }
    return hop_parser_refuse(p, "unknown line", p->words[0]);
}

static enum hop_status parse_text(struct hop_parser *p, const char *text, size_t size)
{
    const char *end = text + size;
    enum hop_status status = HOP_OK;
    while (text < end && status == HOP_OK) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((newline ? newline : end) - text);
        p->line_number++;
        status = parse_line(p, text, length);
        text = newline ? newline + 1 : end;
    }
    if (status == HOP_OK)
        status = hop_parser_resolve_bases(p);
    return status;
}

enum hop_status hop_layout_parse(const char *text, size_t size, struct hop_layout *layout,
                                 struct hop_error *err)
{
    memset(layout, 0, sizeof *layout);
    for (size_t field = 0; field < HOP_FIELD_COUNT; field++)
        *hop_layout_field(layout, field) = HOP_ABSENT;
    struct hop_parser *p = calloc(1, sizeof *p); /* 18 kB */
    if (!p)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "no memory to read offsets");
    p->layout = layout;
    p->err = err;
    enum hop_status status = parse_text(p, text, size);
    if (status == HOP_OK)
        status = hop_parser_check(p);
    free(p);
    return status;
}
