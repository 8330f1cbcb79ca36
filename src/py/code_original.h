/* What an opcode in memory hides, looked up in the target: under sys.monitoring, tracing and
 * coverage (3.12+) in _co_monitoring, under tier 2 (3.13+) in co_executors. */
#ifndef HOP_PY_CODE_ORIGINAL_H
#define HOP_PY_CODE_ORIGINAL_H

#include "base/arena.h"
#include "mem/reader.h"
#include "py/units.h"

/* One code object's tables, each copied when first asked for; zero but for the first part. */
struct hop_code_originals {
    struct hop_reader *reader;
    const struct hop_layout *layout;
    struct hop_arena *arena;                  /* for the copies; outlives this */
    uint32_t units;                           /* of the code object */
    uint64_t monitoring_addr, executors_addr; /* 0: it has none */

    const uint8_t
        *lines; /* [units] entries of line_entry_bytes, the opcode first; NULL: not read */
    size_t line_entry_bytes;
    const uint8_t *instructions; /* [units]; NULL: not read */
};

/* A hop_unit_original_fn; `context` is a struct hop_code_originals. */
bool hop_code_original_find(void *context, uint32_t unit, uint8_t opcode, uint8_t oparg,
                            struct hop_unit_original *original);

#endif
