/* Code objects of the target: read once at first sight, kept whole (the object may be gone when the
 * report is made), recognised afterwards by address and identity. */
#ifndef HOP_PY_CODE_H
#define HOP_PY_CODE_H

#include "base/arena.h"
#include "base/id_table.h"
#include "mem/reader.h"
#include "py/lines.h"
#include "py/units.h"

/* The most code units and line-table bytes taken of one code object: CPython's own largest generated
 * functions have some 100,000 units. */
enum { HOP_CODE_UNITS_MAX = 1 << 22, HOP_LINE_TABLE_MAX = 1 << 24 };

/* What tells a code object from another one that later lives at the same address. */
struct hop_code_identity {
    uint64_t words[8]; /* see hop_code_identity_from: co_version where it is unique, else pointers,
                          sizes, line, name's length and hash */
};

struct hop_code {
    uint64_t addr;
    struct hop_code_identity identity;
    uint64_t bytecode_addr; /* of unit 0 */
    uint64_t name_addr;
    const char *name;      /* UTF-8, raw */
    const char *qualname;  /* the plain name where the version does not keep it (3.8–3.10) and none was found */
    bool qualname_is_known;
    const char *filename;
    int first_line;
    uint32_t first_traceable; /* code units before it run while the frame is not complete; 0 before 3.11 */
    const uint8_t *line_table;
    size_t line_table_size;
    struct hop_units units;
};

/* Code objects by id, ids from 0 in order of first sight. */
struct hop_code_table {
    const struct hop_layout *layout;
    struct hop_reader *reader;
    struct hop_arena arena;
    struct hop_id_table by_addr; /* the newest id at an address */
    struct hop_code **codes;
    size_t count, capacity;
    uint64_t type_addr; /* PyCode_Type, once one was seen and its tp_name found to be "code" */
    uint64_t reused;    /* addresses found to hold another code object than before */
};

bool hop_code_table_init(struct hop_code_table *table, const struct hop_layout *layout,
                         struct hop_reader *reader);
void hop_code_table_deinit(struct hop_code_table *table);

/* Bytes of the code object's header that identity needs: [0, hop_code_header_size). At most HOP_CODE_HEADER_MAX. */
enum { HOP_CODE_HEADER_MAX = 512 };
size_t hop_code_header_size(const struct hop_layout *layout);

/* Identity from a header copied from the target and (where hop_code_identity_needs_name) the name's fingerprint. */
bool hop_code_identity_needs_name(const struct hop_layout *layout);
void hop_code_identity_from(const struct hop_layout *layout, const uint8_t *header,
                            const uint64_t name_fingerprint[2], struct hop_code_identity *identity);

/* The known code object at `addr`, or NULL; no check that it still is the same. */
struct hop_code *hop_code_table_find(const struct hop_code_table *table, uint64_t addr,
                                     uint32_t *id);

/* Reads the code object at `addr` and adds it under a new id (also when the address is known: it was reused). Checks that it is a
 * code object (type's name), sizes, that its strings are strings, its bytecode decodes. */
enum hop_refusal hop_code_table_add(struct hop_code_table *table, uint64_t addr, uint32_t *id);

/* The unit a raw instruction pointer means. `ip` is as found in the frame (address or f_lasti, see layout->ip_kind);
 * result: the unit index of the owning instruction's start. "Not started" (before the first) gives unit 0. */
enum hop_refusal hop_code_unit_of_ip(const struct hop_layout *layout, const struct hop_code *code,
                                     uint64_t ip, uint32_t *unit);

#endif
