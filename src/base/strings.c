/* Finds texts by a hash of their bytes; the texts themselves decide. */
#include "base/strings.h"

#include "base/escape.h"

#include <stdlib.h>
#include <string.h>

/* More text than any profile has, and no harm to a machine. */
static const size_t BYTES_MAX = (size_t)1 << 30;

/* The longest that an escaped byte becomes, and more. */
enum { ESCAPED_BYTES_MAX = 8 };

bool hop_strings_init(struct hop_strings *strings)
{
    *strings = (struct hop_strings){0};
    hop_arena_init(&strings->arena, BYTES_MAX);
    strings->has_failed = !hop_id_table_init(&strings->by_hash, 1024);
    hop_strings_add(strings, "");
    return !strings->has_failed;
}

void hop_strings_deinit(struct hop_strings *strings)
{
    hop_arena_deinit(&strings->arena);
    hop_id_table_deinit(&strings->by_hash);
    free(strings->texts);
    *strings = (struct hop_strings){0};
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static uint32_t append(struct hop_strings *strings, uint64_t key, const char *text)
{
    if (strings->count == strings->capacity) {
        size_t capacity = strings->capacity ? 2 * strings->capacity : 256;
        char **texts = realloc(strings->texts, capacity * sizeof *texts);
        if (!texts) {
            strings->has_failed = true;
            return 0;
        }
        strings->texts = texts;
        strings->capacity = capacity;
    }
    char *copy = hop_arena_string(&strings->arena, text, strlen(text));
    uint32_t number = (uint32_t)strings->count;
    if (!copy || !hop_id_table_put(&strings->by_hash, key, number)) {
        strings->has_failed = true;
        return 0;
    }
    strings->texts[strings->count++] = copy;
    return number;
}

static uint32_t add_valid(struct hop_strings *strings, const char *text)
{
    for (uint64_t key = hash_of(text);; key++) {
        uint32_t number = hop_id_table_get(&strings->by_hash, key);
        if (number == HOP_NO_ID)
            return append(strings, key, text);
        if (strcmp(strings->texts[number], text) == 0)
            return number;
    }
}

uint32_t hop_strings_add(struct hop_strings *strings, const char *text)
{
    if (strings->has_failed)
        return 0;
    if (!text)
        text = "";
    if (hop_text_is_utf8(text))
        return add_valid(strings, text);
    size_t room = strlen(text) * ESCAPED_BYTES_MAX + 1;
    char *escaped = malloc(room);
    if (!escaped) {
        strings->has_failed = true;
        return 0;
    }
    hop_escape_terminal(text, escaped, room);
    uint32_t number = add_valid(strings, escaped);
    free(escaped);
    return number;
}
