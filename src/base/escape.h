/* Makes foreign text safe to show: what a target or a file gives may hold control characters,
 * bidirectional overrides and broken UTF-8. */
#ifndef HOP_BASE_ESCAPE_H
#define HOP_BASE_ESCAPE_H

#include "heavyops.h"

/* Copies `text` into `into` (always NUL-ended, at most `size` bytes) for a terminal: C0, C1, DEL,
 * bidi controls, line and paragraph separators, surrogates and bytes that are no UTF-8 become \n,
 * \r, \t, \xNN or \uNNNN as Python would write them; a backslash stays as it is. Returns the length
 * written; neither a character nor an escape is ever cut in two. */
size_t hop_escape_terminal(const char *text, char *into, size_t size);

/* The same to a stream is hop_print_escaped, which is public. */

/* Whether all of it is UTF-8 as RFC 3629 has it, surrogates not. */
bool hop_text_is_utf8(const char *text);

#endif
