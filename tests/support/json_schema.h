/* Checks JSON against the part of JSON Schema that our schema files use: type, properties,
 * required, items, additionalProperties (a schema), enum, const, minimum. */
#ifndef TEST_JSON_SCHEMA_H
#define TEST_JSON_SCHEMA_H

#include <jansson.h>

/* Fails the test, saying where, when `value` is not as `schema` wants it, has a name that the
 * schema does not know, or when the schema uses a word that is not checked here. */
void assert_json_follows(const json_t *schema, const json_t *value, const char *path);

#endif
