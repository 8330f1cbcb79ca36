/* What the JSON of a profile and the JSON of a snapshot have in common. Every function that returns
 * a json_t gives it to the caller, or NULL when out of memory. */
#ifndef HOP_REPORT_JSON_PARTS_H
#define HOP_REPORT_JSON_PARTS_H

#include "profile/profile.h"
#include "profile/snapshot.h"

#include <jansson.h>
#include <stdio.h>

/* How all of it is written: ASCII, so that control and bidi characters of a target's names do
 * nothing on a terminal; reals without the digits that mean nothing. */
#define HOP_JSON_FLAGS (JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12))

/* Foreign text: as it is where it is UTF-8, else with what is not written as in a terminal, \\xNN
 * or \\uNNNN, so that the JSON is valid whatever a target's names are. NULL gives "". */
json_t *hop_json_text(const char *text);

/* Where and what an instruction is: all names but those of the counts. */
json_t *hop_json_instruction(const struct hop_instruction *instruction);

/* Adds `value`, which it takes over; false: `value` was NULL or out of memory. */
bool hop_json_add(json_t *object, const char *name, json_t *value);

/* A number that may not fit JSON's integers: 2^63 and more is written as 2^63 - 1. */
json_t *hop_json_count(uint64_t count);

/* One value on one line; false: the stream failed or out of memory. */
bool hop_json_print_line(const json_t *value, FILE *stream);

/* Writes a string for a viewer, with its quotes: what is no printable text (control and bidi
 * characters, what is no UTF-8) is escaped as for a terminal before it is escaped for JSON. False:
 * out of memory. */
bool hop_json_print_shown(FILE *stream, const char *text);

enum hop_status hop_json_write_snapshot(const struct hop_snapshot *snapshot, FILE *stream,
                                        struct hop_error *err);

#endif
