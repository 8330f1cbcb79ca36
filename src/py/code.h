/* Code objects of the target: read once at first sight, kept whole (the object may be gone when the
 * report is made), recognised afterwards by address and identity. */
#ifndef HOP_PY_CODE_H
#define HOP_PY_CODE_H

#include "base/arena.h"
#include "base/id_table.h"
#include "mem/reader.h"
#include "py/lines.h"
#include "py/operands.h"
#include "py/refusal.h"
#include "py/units.h"

/* The most code units and line-table bytes taken of one code object: CPython's own largest
 * generated functions have some 100,000 units. */
enum { HOP_CODE_UNITS_MAX = 1 << 22, HOP_LINE_TABLE_MAX = 1 << 24 };

/* What tells a code object from another one that later lives at the same address: type, pointers,
 * sizes, flags and line, with co_version, or where there is none the name's length and hash. */
enum { HOP_CODE_IDENTITY_WORDS = 9 };
struct hop_code_identity {
    uint64_t words[HOP_CODE_IDENTITY_WORDS];
};

static inline bool hop_code_identity_is(const struct hop_code_identity *a,
                                        const struct hop_code_identity *b)
{
    return !memcmp(a->words, b->words, sizeof a->words);
}

/* The same as one number, of a code object at its address: for who has little room, and no wish to
 * be deceived by chance. Another one may be made to have the same only by who can choose the
 * addresses of objects. */
#define HOP_CODE_NUMBER_FACTOR 0x9E3779B97F4A7C15u
static inline uint64_t hop_code_identity_number(uint64_t addr,
                                                const struct hop_code_identity *identity)
{
    uint64_t number = addr;
    for (int i = 0; i < HOP_CODE_IDENTITY_WORDS; i++)
        number = (number ^ identity->words[i]) * HOP_CODE_NUMBER_FACTOR;
    return number ^ number >> 32;
}

struct hop_code {
    uint64_t addr;
    struct hop_code_identity identity;
    uint64_t number;        /* hop_code_number_read */
    uint64_t bytecode_addr; /* of unit 0 */
    uint64_t name_addr;
    const char *name;     /* UTF-8 as hop_text_read gives it, not yet safe to show */
    const char *qualname; /* the plain name while not known: 3.8–3.10 do not keep it here */
    bool qualname_is_known;
    bool qualname_is_wanted; /* it is worth looking for (py/qualname.h, also the three below) */
    uint8_t qualname_tries;
    uint16_t qualname_pause;
    uint64_t qualname_round;
    const char *filename;
    uint32_t same_text_id; /* an older one's that may be of the same text, or HOP_NO_ID */
    int first_line;
    uint32_t
        first_traceable; /* a frame is not complete before it reached this unit; 0 up to 3.10 */
    const uint8_t *line_table;
    size_t line_table_size;
    struct hop_units units;
    struct hop_operands operands;
};

/* Whether its frames are CPython's own affair, which no traceback shows: one stands between a CALL
 * that was specialised for a class and its __init__ (_Py_InitCleanup of 3.13+; 3.12 has the like).
 */
static inline bool hop_code_is_trampoline(const struct hop_code *code)
{
    return code->first_traceable >= code->units.count;
}

/* Code objects by id, ids from 0 in order of first sight. */
struct hop_code_table {
    const struct hop_layout *layout;
    struct hop_reader *reader;
    struct hop_arena arena;
    struct hop_id_table by_addr; /* the newest id at an address */
    struct hop_id_table by_text; /* and of a text, by a hash of it */
    struct hop_code **codes;
    size_t count, capacity;
    uint64_t type_addr; /* PyCode_Type, once one was seen and its tp_name found to be "code" */
    struct hop_known_types constant_types;
    uint64_t reused;       /* addresses found to hold another code object than before */
    uint64_t refused_addr; /* of the last that was refused when it was to be added; 0: none */
};

/* Both must outlive the table. False: out of memory, or a layout whose code object makes no sense;
 * hop_code_table_deinit is allowed all the same. */
bool hop_code_table_init(struct hop_code_table *table, const struct hop_layout *layout,
                         struct hop_reader *reader);
void hop_code_table_deinit(struct hop_code_table *table);

/* Bytes of a code object, from its start, that its identity is taken from: at most
 * HOP_CODE_HEADER_MAX with a layout that hop_code_table_init took. */
enum { HOP_CODE_HEADER_MAX = 512 };
size_t hop_code_header_size(const struct hop_layout *layout);

/* Identity from a header copied from the target and, where hop_code_identity_needs_name (up
 * to 3.11), the name's fingerprint (hop_text_fingerprint of co_name); else that may be NULL.
 * Allocates nothing. */
bool hop_code_identity_needs_name(const struct hop_layout *layout);
void hop_code_identity_from(const struct hop_layout *layout, const uint8_t *header,
                            const uint64_t name_fingerprint[2], struct hop_code_identity *identity);

/* What tells it from all others, as one number: hop_code_identity_number of it, and where code
 * objects have no version (up to 3.11) also of parts of what hangs on it, as a loop that makes code
 * may find the same memory for all of it each time. Of the first three names and constants the
 * addresses, up to 3.10 the first bytes of bytecode; later these change as it runs. */
enum { HOP_CODE_PARTS = 3, HOP_CODE_PART_WORDS = 4 /* a size, and what comes first */ };
struct hop_code_part {
    int32_t pointer;    /* its offset in the header */
    int32_t size, data; /* offsets in what it points to */
    int32_t item_bytes;
};
size_t hop_code_parts(const struct hop_layout *layout, struct hop_code_part parts[HOP_CODE_PARTS]);

/* `header` is as for hop_code_identity_from. False: a part can't be read. */
bool hop_code_number_read(struct hop_reader *reader, const struct hop_layout *layout, uint64_t addr,
                          const uint8_t *header, const struct hop_code_identity *identity,
                          uint64_t *number);

/* The known code object at `addr`, or NULL; no check that it still is the same. */
struct hop_code *hop_code_table_find(const struct hop_code_table *table, uint64_t addr,
                                     uint32_t *id);

/* Reads the code object at `addr` and adds it under a new id, also when the address is known: then
 * another one lives there now (counted in table->reused). Only if that one is the same in all that
 * is reported as the one before, or as one anywhere whose address is another's by now, it takes
 * over the id, and the kept code its address and identity: some programs run one text over and
 * over, in code objects without end. Refusals, and *id is not set: HOP_REFUSED_UNREADABLE;
 * _NOT_CODE: no code object, or it changed while it was read; _BAD_OPCODE: its bytecode does not
 * decode; _NO_ROOM. What is refused uses nothing up. */
enum hop_refusal hop_code_table_add(struct hop_code_table *table, uint64_t addr, uint32_t *id);

/* Where a code object is read from, and what must be true of it. */
struct hop_code_source {
    struct hop_reader *reader; /* the target's memory, or a copy of it */
    bool with_all; /* else HOP_REFUSED_UNREADABLE: all its names and constants are there */
    /* NULL, or asked when all has been read; false: HOP_REFUSED_CODE_GONE. */
    bool (*is_proved)(const struct hop_code_table *table, const struct hop_code *read);
};

/* The same, of that source. */
enum hop_refusal hop_code_table_add_from(struct hop_code_table *table,
                                         const struct hop_code_source *source, uint64_t addr,
                                         uint32_t *id);

/* Forgets the code objects from id `count` on: they were read from memory that turned out to have
 * changed meanwhile. Ids given out for them are void. */
void hop_code_table_truncate(struct hop_code_table *table, size_t count);

/* The unit a frame's raw instruction pointer means (an address or f_lasti, see layout->ip_kind):
 * the opcode unit of the instruction that owns what it points to, be that a cache, a prefix or
 * itself. "Not started" gives the first instruction. HOP_REFUSED_BAD_OFFSET outside of the
 * bytecode. */
enum hop_refusal hop_code_unit_of_ip(const struct hop_layout *layout, const struct hop_code *code,
                                     uint64_t ip, uint32_t *unit);

#endif
