/* Where an interpreter counts the versions that it gives to code objects and functions, found by
 * what lies behind it. While the count stands still, no code object is made, so that a code object
 * that a frame runs is the one that was known at its address. */
#ifndef HOP_PY_VERSION_COUNTER_H
#define HOP_PY_VERSION_COUNTER_H

#include "mem/reader.h"
#include "py/layout.h"

/* Bytes that the search works with. */
enum { HOP_VERSION_CACHE_BYTES = 64 << 10 };

/* The address of the count (uint32_t; 0 once it is used up), or 0: not found, or not certain. From
 * 3.13 on it is interp->func_state.next_version, which no _Py_DebugOffsets tells and patch releases
 * move: it lies in front of a cache of functions and code objects by version, and that is found by
 * `code_addr`, the code object of some function, and proved by the versions of the other code
 * objects in it. `scratch` holds HOP_VERSION_CACHE_BYTES. */
uint64_t hop_version_counter_find(struct hop_reader *reader, const struct hop_layout *layout,
                                  uint64_t interpreter_addr, uint64_t code_addr, uint8_t *scratch);

#endif
