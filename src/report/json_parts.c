/* Pieces of JSON that more than one document is made of; jansson knows the syntax. */
#include "report/json_parts.h"

#include "base/escape.h"

#include <stdlib.h>
#include <string.h>

/* The longest that an escaped byte becomes, and more. */
enum { ESCAPED_BYTES_MAX = 8 };

json_t *hop_json_text(const char *text)
{
    if (!text)
        text = "";
    json_t *string = json_string(text); /* refuses what is no UTF-8, surrogates too */
    if (string)
        return string;
    size_t room = strlen(text) * ESCAPED_BYTES_MAX + 1;
    char *escaped = malloc(room);
    if (!escaped)
        return NULL;
    hop_escape_terminal(text, escaped, room);
    string = json_string(escaped);
    free(escaped);
    return string;
}

bool hop_json_add(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new_nocheck(object, name, value) == 0;
}

json_t *hop_json_count(uint64_t count)
{
    return json_integer((json_int_t)(count > INT64_MAX ? INT64_MAX : count));
}

json_t *hop_json_instruction(const struct hop_instruction *at)
{
    json_t *object = json_object();
    if (object && hop_json_add(object, "function", hop_json_text(at->function)) &&
        hop_json_add(object, "file", hop_json_text(at->file)) &&
        hop_json_add(object, "first_line", json_integer(at->first_line)) &&
        hop_json_add(object, "offset", json_integer(at->offset)) &&
        hop_json_add(object, "opcode", hop_json_text(at->opcode)) &&
        hop_json_add(object, "base_opcode", hop_json_text(at->base_opcode)) &&
        hop_json_add(object, "oparg", at->oparg < 0 ? json_null() : json_integer(at->oparg)) &&
        hop_json_add(object, "line", at->line ? json_integer(at->line) : json_null()) &&
        hop_json_add(object, "end_line", at->end_line ? json_integer(at->end_line) : json_null()) &&
        hop_json_add(object, "column", at->column < 0 ? json_null() : json_integer(at->column)) &&
        hop_json_add(object, "end_column",
                     at->end_column < 0 ? json_null() : json_integer(at->end_column)))
        return object;
    json_decref(object);
    return NULL;
}

/* Jansson gives a few bytes at a time, most often one. */
static int put(const char *bytes, size_t size, void *stream)
{
    for (size_t i = 0; i < size; i++)
        if (putc_unlocked(bytes[i], (FILE *)stream) == EOF)
            return -1;
    return 0;
}

bool hop_json_print_line(const json_t *value, FILE *stream)
{
    return json_dump_callback(value, put, stream, HOP_JSON_FLAGS) == 0;
}

bool hop_json_print_shown(FILE *stream, const char *text)
{
    size_t room = strlen(text) * ESCAPED_BYTES_MAX + 1;
    char *escaped = malloc(room);
    if (!escaped)
        return false;
    hop_escape_terminal(text, escaped, room);
    json_t *string = json_string(escaped);
    free(escaped);
    bool is_written = string && json_dumpf(string, stream, JSON_ENCODE_ANY | HOP_JSON_FLAGS) == 0;
    json_decref(string);
    return is_written;
}
