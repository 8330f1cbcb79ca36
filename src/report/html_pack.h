/* How the HTML report carries its data: columns of small numbers, strings kept once, all of it
 * compressed into text. It knows bytes; what they mean is html_data.c's and the page's. */
#ifndef HOP_REPORT_HTML_PACK_H
#define HOP_REPORT_HTML_PACK_H

#include "base/id_table.h"

#include <stdio.h>

/* A column. Failures are kept, so that a hundred numbers may be added and one thing be asked. */
struct hop_pack {
    unsigned char *bytes;
    size_t size, room;
    bool is_out_of_memory;
};

void hop_pack_deinit(struct hop_pack *pack);
void hop_pack_bytes(struct hop_pack *pack, const void *bytes, size_t size);
void hop_pack_number(struct hop_pack *pack, uint64_t number); /* 7 bits a byte, lowest first */
void hop_pack_signed(struct hop_pack *pack, int64_t number);  /* 0, -1, 1, -2, … as 0, 1, 2, 3 */

/* Foreign text, each string once, escaped as for a terminal: with nothing in it that is no UTF-8,
 * is not seen, or turns what follows around. */
struct hop_pack_strings {
    struct hop_id_table ids; /* by a hash */
    const char **texts;      /* as they came, by id */
    size_t count, room;
    struct hop_pack lengths, text; /* of all, in order; lengths in bytes */
};

bool hop_pack_strings_init(struct hop_pack_strings *strings); /* false: out of memory */
void hop_pack_strings_deinit(struct hop_pack_strings *strings);
/* The string's number. `text` has to outlive `strings`. Out of memory: 0, and `lengths` says so. */
uint32_t hop_pack_string(struct hop_pack_strings *strings, const char *text);

/* Writes `count` columns one behind the other, gzip in base64. False: out of memory; stream errors
 * are the stream's. */
bool hop_pack_write(const struct hop_pack *const *packs, size_t count, FILE *stream);

#endif
