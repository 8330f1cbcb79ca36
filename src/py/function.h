/* The function object that runs a code object, proved by content: its func_code is that code
 * object, and its func_qualname ends in the code's name. Where such an object may be is told by the
 * caller; what is found wherever is the function, or it is nothing. For 3.8–3.10, whose code
 * objects have no qualified name. */
#ifndef HOP_PY_FUNCTION_H
#define HOP_PY_FUNCTION_H

#include "mem/reader.h"
#include "py/layout.h"

#include <sys/types.h>

/* A search for the function of one code object. */
struct hop_function_search {
    struct hop_reader *reader;
    const struct hop_layout *layout;
    uint64_t code_addr;
    const char *name;            /* co_name as hop_text_read gives it */
    uint64_t name_hash;          /* of the str, as CPython keeps it */
    uint64_t function_type_addr; /* PyFunction_Type, or 0 as long as none was seen */
    unsigned reads_left;         /* calls of the reader it may still make */
    bool has_other_name;         /* the function was found, and its name is not the code's */
    char *qualname;              /* the result; at least HOP_TEXT_BYTES_MAX large */
};

/* Reads, unless the search has used up its reads. */
bool hop_function_read(struct hop_function_search *search, uint64_t addr, void *into, size_t size);

/* Two pointers or sizes in one read. */
bool hop_function_read_two(struct hop_function_search *search, uint64_t first_addr, uint64_t *first,
                           uint64_t second_addr, uint64_t *second);

/* The str there, as hop_text_read; -1 also when the reads are used up. */
ssize_t hop_function_read_text(struct hop_function_search *search, uint64_t str_addr, char *into);

/* Whether the str there is a qualified name of the code: "name" or "….name". It is in
 * search->qualname then. */
bool hop_function_take_name(struct hop_function_search *search, uint64_t str_addr);

/* Whether one of these is the function. Zeros and what can't be an address are passed over. */
bool hop_function_is_among(struct hop_function_search *search, const uint64_t *object_addrs,
                           size_t count);

/* Whether one of these holds the function in its first fields: a bound method, a cell, a property,
 * a staticmethod, functools.partial, an lru_cache, a map iterator do. */
bool hop_function_is_held_by(struct hop_function_search *search, const uint64_t *object_addrs,
                             size_t count);

/* Whether the function is a value of the dict there, or is held by the one under the code's name.
 * Only combined tables are searched: those of modules and classes. */
bool hop_function_is_in_dict(struct hop_function_search *search, uint64_t dict_addr);

/* The same of the class of an object and of its bases, and, if the object is a class, of itself. */
bool hop_function_is_in_class_of(struct hop_function_search *search, uint64_t object_addr);

#endif
