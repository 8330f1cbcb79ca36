/* The layouts compiled in, one after the other: what holds for one version is tried on all. */
#ifndef TEST_LAYOUTS_H
#define TEST_LAYOUTS_H

#include "py/layout.h"

enum { LAYOUT_MINOR_FIRST = 8, LAYOUT_MINOR_LAST = 15 };

/* Fills *layout with 3.`minor`'s, as it is for patch release `micro`; aborts when there is none. */
void layout_of_version(struct hop_layout *layout, int minor, int micro);

/* A patch release of that minor version which is like most of them. */
int layout_usual_micro(int minor);

#define FOR_EACH_LAYOUT(layout)                                                                    \
    for (int minor_ = LAYOUT_MINOR_FIRST;                                                          \
         minor_ <= LAYOUT_MINOR_LAST &&                                                            \
         (layout_of_version(&(layout), minor_, layout_usual_micro(minor_)), true);                 \
         minor_++)

#endif
