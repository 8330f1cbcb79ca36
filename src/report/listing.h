/* What the reports that show source text have in common: how a line of it is put on a terminal, and
 * what is marked as hot. */
#ifndef HOP_REPORT_LISTING_H
#define HOP_REPORT_LISTING_H

#include "profile/profile.h"
#include "report/source.h"

#include <stdio.h>

/* From these shares of the whole on, something is hot (">", red) or worth a look (green). */
#define HOP_SHARE_HOT   .05
#define HOP_SHARE_NOTED .005

/* What turns a terminal's colour on for that share, and off again; "" without colours. */
const char *hop_listing_colour(const struct hop_report_options *options, double share);
const char *hop_listing_plain(const struct hop_report_options *options, double share);

/* Of a line of `length` bytes; what is longer than that is left out of both. */
enum { HOP_LISTING_LINE_BYTES = 512 };

/* A source line, escaped, tabs as blanks. */
void hop_listing_print(FILE *stream, const char *text, size_t length);

/* What belongs under it: marks[i] is to stand below byte i; 0 is nothing. Whether anything was
 * there is returned, and nothing written if not. `indent` is minus the columns before the text. */
bool hop_listing_underline(FILE *stream, const char *text, size_t length, const char *marks,
                           int indent);

/* "warning: app.py has changed since, lines may have moved"; or why there is no text. Nothing if
 * there is nothing to say. */
void hop_listing_print_state(FILE *stream, const struct hop_source *source);

#endif
