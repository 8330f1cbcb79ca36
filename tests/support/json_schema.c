/* A small part of JSON Schema, see json_schema.h. */
#include "support/json_schema.h"

#include <criterion/criterion.h>
#include <string.h>

static bool is_of_type(const json_t *value, const char *type)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return strcmp(type, "object") == 0;
    case JSON_ARRAY:
        return strcmp(type, "array") == 0;
    case JSON_STRING:
        return strcmp(type, "string") == 0;
    case JSON_INTEGER:
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    case JSON_REAL:
        return strcmp(type, "number") == 0;
    case JSON_NULL:
        return strcmp(type, "null") == 0;
    default:
        return strcmp(type, "boolean") == 0;
    }
}

static bool is_one_of_types(const json_t *value, const json_t *types)
{
    if (json_is_string(types))
        return is_of_type(value, json_string_value(types));
    for (size_t i = 0; i < json_array_size(types); i++)
        if (is_of_type(value, json_string_value(json_array_get(types, i))))
            return true;
    return false;
}

static bool is_in(const json_t *list, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), value))
            return true;
    return false;
}

static void assert_members_follow(const json_t *schema, const json_t *object, const char *path)
{
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)object, name, member)
    {
        char below[500];
        const json_t *wanted = json_object_get(json_object_get(schema, "properties"), name);
        if (!wanted)
            wanted = json_object_get(schema, "additionalProperties");
        snprintf(below, sizeof below, "%s.%s", path, name);
        cr_assert_not_null(wanted, "%s: not in the schema", below);
        assert_json_follows(wanted, member, below);
    }
}

void assert_json_follows(const json_t *schema, const json_t *value, const char *path)
{
    const char *word;
    json_t *wanted;
    json_object_foreach((json_t *)schema, word, wanted)
    {
        if (strcmp(word, "type") == 0) {
            cr_assert(is_one_of_types(value, wanted), "%s: wrong type", path);
        } else if (strcmp(word, "const") == 0) {
            cr_assert(json_equal(value, wanted), "%s: wrong value", path);
        } else if (strcmp(word, "enum") == 0) {
            cr_assert(is_in(wanted, value), "%s: no such value", path);
        } else if (strcmp(word, "minimum") == 0) {
            cr_assert(json_is_null(value) || json_number_value(value) >= json_number_value(wanted),
                      "%s: too small", path);
        } else if (strcmp(word, "required") == 0) {
            for (size_t i = 0; i < json_array_size(wanted); i++) {
                const char *name = json_string_value(json_array_get(wanted, i));
                cr_assert_not_null(json_object_get(value, name), "%s: no %s", path, name);
            }
        } else if (strcmp(word, "items") == 0) {
            for (size_t i = 0; i < json_array_size(value); i++) {
                char below[500];
                snprintf(below, sizeof below, "%s[%zu]", path, i);
                assert_json_follows(wanted, json_array_get(value, i), below);
            }
        } else {
            static const char *const others[] = {"$schema", "title", "description", "properties",
                                                 "additionalProperties"};
            bool is_known = false;
            for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                is_known |= strcmp(word, others[i]) == 0;
            cr_assert(is_known, "%s: the schema's word %s is not checked", path, word);
        }
    }
    if (json_is_object(value))
        assert_members_follow(schema, value, path);
}
