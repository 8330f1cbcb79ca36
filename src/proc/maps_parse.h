/* One line of /proc/PID/maps: text in, a mapping out. Apart from maps.h for tests and fuzzing. */
#ifndef HOP_PROC_MAPS_PARSE_H
#define HOP_PROC_MAPS_PARSE_H

#include "proc/maps.h"

/* `line` is `length` bytes and then a NUL (or the newline). The path, newlines decoded, is written
 * to `path`, which takes length + 1 bytes; mapping->path is "". False: not such a line. */
bool hop_mapping_parse(const char *line, size_t length, struct hop_mapping *mapping, char *path);

#endif
