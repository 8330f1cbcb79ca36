/* CPython's version as the target itself tells it: a number, or the text that Py_GetVersion() made.
 * It knows how these are written, not where they are. */
#ifndef HOP_PY_FIND_VERSION_H
#define HOP_PY_FIND_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hop_version {
    uint32_t hex; /* as PY_VERSION_HEX: major, minor, micro a byte each, level (0xA alpha … 0xF
                     final), serial; 0: not known */
    int major, minor, micro;
    char text[32]; /* "3.13.0", "3.14.0rc2" */
};

/* From PY_VERSION_HEX: the symbol Py_Version (3.11+) or _Py_DebugOffsets.version (3.13+). False
 * when it is no Python's. */
bool hop_version_from_hex(uint64_t hex, struct hop_version *version);

/* Finds, among `size` bytes of writable data, the static buffer in which Py_GetVersion() composed
 * sys.version: "3.8.18 (default, May  9 2023, 07:33:04) \n[GCC 12.2.0]". It is in every version
 * from 2.7 to 3.15, and filled early in Py_Initialize(). PyPy's text is not taken. */
bool hop_version_find_composed(const uint8_t *bytes, size_t size, struct hop_version *version);

/* Finds the next string constant, from *at on, that is a version ("3.8.18") or ends in one: linkers
 * keep a string that another one ends in only there ("/opt/python-3.8.18"). *at is left behind it.
 * Other libraries have such strings too: it is a hint only. */
bool hop_version_find_constant(const uint8_t *bytes, size_t size, size_t *at,
                               struct hop_version *version);

/* An alpha or beta: structs and opcodes still change from one to the next. */
static inline bool hop_version_is_unfinished(const struct hop_version *version)
{
    unsigned level = version->hex >> 4 & 0xf;
    return level == 0xa || level == 0xb;
}

#endif
