/* Python sources that are not in UTF-8. */
#ifndef HOP_REPORT_ENCODING_H
#define HOP_REPORT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a comment on one of the first two lines says so (PEP 263). Other encodings are not known:
 * their text is shown byte by byte where it is no UTF-8. */
bool hop_source_is_latin1(const char *text, size_t size);

/* The length that `text` has as UTF-8, in which columns of the bytecode count, and what it is. */
size_t hop_latin1_length(const char *text, size_t size);
void hop_latin1_decode(const char *text, size_t size, char *into);

#endif
