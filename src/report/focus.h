/* What `annotate` is of: a function, a file, or a line of one, as people name them. */
#ifndef HOP_REPORT_FOCUS_H
#define HOP_REPORT_FOCUS_H

#include "profile/profile.h"

enum hop_focus_kind {
    HOP_FOCUS_ALL,
    HOP_FOCUS_FUNCTION, /* its qualified name, the end of that behind a dot, or a glob */
    HOP_FOCUS_FILE,     /* its path, or the end of that behind a slash */
    HOP_FOCUS_LINE,     /* FILE:LINE */
};

struct hop_focus {
    enum hop_focus_kind kind;
    const char *name;   /* as given */
    size_t name_length; /* of a line: of the file's part */
    int line;
};

/* What `text` (NULL: all) means in this profile. HOP_ERR_USAGE if it means none of its code
 * objects, with the nearest name. `text` has to outlive it. */
enum hop_status hop_focus_find(const struct hop_profile *profile, const char *text,
                               struct hop_focus *focus, struct hop_error *err);

/* Whether it is of this code object, or of a line of it. */
bool hop_focus_has(const struct hop_focus *focus, const struct hop_profile_code *code);

#endif
