/* Foreign text inside XML and HTML, and the numbers that long documents are full of. */
#ifndef HOP_REPORT_XML_H
#define HOP_REPORT_XML_H

#include <stdint.h>
#include <stdio.h>

/* Writes `text` as the content of an element or of an attribute in quotes of either kind: markup is
 * escaped for XML; control and bidi characters and bytes that are no UTF-8 as for a terminal, so
 * that the document is well-formed whatever a target's names are. */
void hop_print_xml(FILE *stream, const char *text);

/* Writes a number in decimal, several times faster than printf does. */
void hop_print_count(FILE *stream, uint64_t count);

/* The same of a number of 10^-digits, with so many digits (1 to 9) behind the point. */
void hop_print_fraction(FILE *stream, uint64_t count, unsigned digits);

#endif
