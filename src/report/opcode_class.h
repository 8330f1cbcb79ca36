/* What kind of work an opcode does, for every opcode of every supported version: one table. */
#ifndef HOP_REPORT_OPCODE_CLASS_H
#define HOP_REPORT_OPCODE_CLASS_H

#include <stddef.h>

/* "call", "attribute", … of a base opcode; "other" for one that is not in the table. */
const char *hop_opcode_class(const char *base_opcode);

#endif
