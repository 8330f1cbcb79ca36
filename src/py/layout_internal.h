/* What the files that fill a layout share: its fields by number, and the checks that hold for the
 * numbers of a file and of a target's own table alike. For layout*.c only. */
#ifndef HOP_PY_LAYOUT_INTERNAL_H
#define HOP_PY_LAYOUT_INTERNAL_H

#include "py/layout.h"

/* HOP_FIELD_interp_next and so on: the fields' numbers, in HOP_LAYOUT_FIELDS order. */
enum hop_layout_field {
#define X(member, name) HOP_FIELD_##member,
    HOP_LAYOUT_FIELDS(X)
#undef X
        HOP_FIELD_COUNT
};

/* Where field number `field` (below HOP_FIELD_COUNT) is kept. */
int32_t *hop_layout_field(struct hop_layout *layout, size_t field);

/* The field's name in a data file. */
const char *hop_layout_field_name(size_t field);

/* How much a field may be: HOP_STATE_BYTES_MAX for the two large structs, else
 * HOP_STRUCT_BYTES_MAX. */
int32_t hop_layout_field_limit(size_t field);

/* The first field that lies beyond the end of its struct, or HOP_FIELD_COUNT if none does. */
size_t hop_layout_field_outside(const struct hop_layout *layout);

#endif
