/* Constants of the target, the items of co_consts, as Python's repr() writes them: numbers, text,
 * bytes, None and so on, tuples and sets of these, code objects. Whatever is there, what is read
 * and written is bounded. */
#ifndef HOP_PY_CONSTANT_H
#define HOP_PY_CONSTANT_H

#include "base/arena.h"
#include "mem/reader.h"
#include "py/layout.h"

/* The most bytes of UTF-8 of one constant; what is longer is cut and ends in "…", which comes
 * behind them. */
enum { HOP_CONSTANT_BYTES_MAX = 200, HOP_CONSTANT_SIZE = HOP_CONSTANT_BYTES_MAX + 4 };

/* Longer ints are told by their size: to write them in decimal takes the square of it. */
enum { HOP_CONSTANT_DIGITS_MAX = 64 /* of 30 bits */ };

/* The first bytes of an object: all of most numbers and names. Never past the end of its page, for
 * the next one may not be there. */
enum { HOP_HEAD_BYTES_MAX = 192 };
struct hop_object_head {
    uint64_t addr;
    uint16_t size; /* 0: not readable */
    uint8_t bytes[HOP_HEAD_BYTES_MAX];
};

/* Which types were found where; types of constants are static, one for all interpreters. So they
 * are what they were also where constants are read from a copy of memory of some time ago. */
enum { HOP_KNOWN_TYPES_MAX = 16 };
struct hop_known_types {
    struct hop_reader *reader; /* for their names; NULL: the one for the constants */
    size_t count;
    struct {
        uint64_t addr;
        uint8_t kind;
    } types[HOP_KNOWN_TYPES_MAX];
};

/* What reading the constants of one code object shares. */
struct hop_constant_reader {
    struct hop_reader *reader;
    const struct hop_layout *layout;
    struct hop_known_types *types;
    struct hop_arena *arena; /* for what is given back with it */
    size_t objects_left;     /* how many more may be looked at inside of tuples and sets */
    bool has_missed;         /* something that is a constant could not be read */
};

/* Fills `count` (at most HOP_SPANS_MAX) heads from the objects at `addrs`, with one call if all can
 * be read. */
void hop_object_heads_read(struct hop_reader *reader, const uint64_t *addrs, size_t count,
                           struct hop_object_head *heads);

/* Both write into `text` (HOP_CONSTANT_SIZE bytes), NUL-ended, and return the length: an object as
 * repr() writes it, with "<TYPE object>" for what is no constant; a str as it is, "" for what is
 * none. */
size_t hop_constant_write(struct hop_constant_reader *reader, const struct hop_object_head *head,
                          char *text);
size_t hop_constant_write_name(struct hop_constant_reader *reader,
                               const struct hop_object_head *head, char *text);

#endif
