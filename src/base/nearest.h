/* How near two names are, as people mistype. */
#ifndef HOP_BASE_NEAREST_H
#define HOP_BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/* Letters added, left out, changed or swapped with the next, to get from `word` to `name`, case
 * ignored; of each at most the first 63 bytes. */
size_t hop_edit_distance(const char *word, const char *name);

/* Whether a word so far from a name may have been meant to be it. */
bool hop_is_near(const char *word, size_t distance);

#endif
