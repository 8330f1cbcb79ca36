/* What all outputs of comma-separated values have in common. */
#ifndef HOP_REPORT_CSV_PARTS_H
#define HOP_REPORT_CSV_PARTS_H

#include <stdbool.h>
#include <stdio.h>

/* Foreign text as a field: quoted where it has to be, control characters escaped as for a terminal,
 * an apostrophe before what a spreadsheet would take for a formula. False: out of memory. */
bool hop_csv_print_text(FILE *stream, const char *text);

#endif
