/* Reads a str of the target (Latin-1, UCS-2, UCS-4; compact, ready strings only) as UTF-8. */
#ifndef HOP_PY_TEXT_H
#define HOP_PY_TEXT_H

#include "mem/reader.h"
#include "py/layout.h"

#include <sys/types.h>

/* The most code points taken of one string; what is longer is cut and ends in "…". File names are
 * at most PATH_MAX (4096), qualified names in the wild a few hundred. */
enum { HOP_TEXT_POINTS_MAX = 4096, HOP_TEXT_BYTES_MAX = 4 * HOP_TEXT_POINTS_MAX + 4 };

/* Bytes written to `into` (at least HOP_TEXT_BYTES_MAX large, NUL-ended), or -1 when `str_addr`
 * holds no such string. NUL characters become U+2400 (␀), so that the text has no NUL inside; lone
 * surrogates become WTF-8 as they are (escaping is for whoever shows it). */
ssize_t hop_text_read(struct hop_reader *reader, const struct hop_layout *layout, uint64_t str_addr,
                      char *into);

/* Where a str keeps its characters. */
struct hop_text_place {
    uint64_t length; /* code points */
    uint64_t data_addr;
    unsigned kind; /* bytes a code point: 1, 2, 4 */
};

/* The same from the object's first bytes, of which `size` are at `head`; reads but where an
 * instance of a subclass of str is concerned. False: no such string. */
bool hop_text_locate(struct hop_reader *reader, const struct hop_layout *layout, uint64_t str_addr,
                     const uint8_t *head, size_t size, struct hop_text_place *place);

/* Code point number `i` of characters copied from there, and one appended as UTF-8 (at most four
 * bytes; surrogates as any other): its end. */
uint32_t hop_text_point(const uint8_t *data, unsigned kind, size_t i);
char *hop_text_put(char *at, uint32_t point);

/* Length and hash field: cheap identity of a string's content. False when unreadable. */
bool hop_text_fingerprint(struct hop_reader *reader, const struct hop_layout *layout,
                          uint64_t str_addr, uint64_t fingerprint[2]);

#endif
