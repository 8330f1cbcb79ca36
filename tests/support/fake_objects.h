/* Objects of CPython, built from any layout in a fake address space: what the reading side of
 * src/py reads of them, and nothing else. */
#ifndef TEST_FAKE_OBJECTS_H
#define TEST_FAKE_OBJECTS_H

#include "py/layout.h"
#include "support/fake_memory.h"

/* A type object with that tp_name. */
uint64_t fake_type(struct fake_memory *memory, const struct hop_layout *layout, const char *name);

/* A compact str. kind 1: `text` is Latin-1 (ASCII if all of it is); else it holds uint16_t or
 * uint32_t, `length` of them. */
uint64_t fake_str(struct fake_memory *memory, const struct hop_layout *layout, unsigned kind,
                  const void *text, size_t length);

/* The same of an ASCII string. */
uint64_t fake_ascii(struct fake_memory *memory, const struct hop_layout *layout, const char *text);

uint64_t fake_bytes(struct fake_memory *memory, const struct hop_layout *layout, const void *bytes,
                    size_t size);

/* The number of the version's opcode of that name; aborts where it has none. */
uint8_t fake_opcode(const struct hop_layout *layout, const char *name);

/* What a code object is made of. */
struct fake_code {
    uint64_t type_addr;                     /* of the type "code" */
    const char *name, *qualname, *filename; /* ASCII */
    int first_line;
    const uint8_t *lines;
    size_t lines_size;
    const uint8_t *units; /* two bytes each */
    size_t unit_count;
    uint32_t version;         /* co_version, where there is one */
    uint32_t first_traceable; /* where there is one */
    uint64_t monitoring_addr, executors_addr;
};

/* A code object at `addr`, or where it likes if that is 0. */
uint64_t fake_code_at(struct fake_memory *memory, const struct hop_layout *layout, uint64_t addr,
                      const struct fake_code *code);

#endif
