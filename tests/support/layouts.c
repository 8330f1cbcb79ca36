/* The layouts compiled in; see the header. */
#include "support/layouts.h"

#include "py/layout_internal.h"

#include <stdio.h>
#include <stdlib.h>

void layout_of_version(struct hop_layout *layout, int minor, int micro)
{
    struct hop_error err = {0};
    if (hop_layout_builtin(3, minor, layout, &err) != HOP_OK) {
        fprintf(stderr, "no layout of 3.%d: %s\n", minor, err.message);
        abort();
    }
    /* In life hop_layout_overlay does this, told by the target's own table. */
    for (int i = 0; i < layout->patch_field_count; i++) {
        const struct hop_patch_field *it = &layout->patch_fields[i];
        if (it->first <= micro && micro <= it->last)
            *hop_layout_field(layout, it->field) = it->value;
    }
}

int layout_usual_micro(int minor)
{
    return minor == 13 ? 3 : 0; /* 3.13.3 changed how line events are kept */
}
