/* The files of offsets/ as scripts/embed-offsets compiles them in; what is in them is
 * py/layout_parse.c's business. */
#ifndef HOP_PY_BUILTIN_OFFSETS_H
#define HOP_PY_BUILTIN_OFFSETS_H

#include <stddef.h>

struct hop_builtin_offsets {
    const char *version; /* "3.12" */
    const char *text;    /* the whole file, `size` bytes and a NUL */
    size_t size;
};

/* In order of version. */
extern const struct hop_builtin_offsets hop_builtin_offsets[];
extern const size_t hop_builtin_offsets_count;

/* "3.8, 3.9, …" */
extern const char hop_builtin_versions[];

#endif
