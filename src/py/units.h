/* Bytecode as code units of two bytes: where instructions start, which one owns a unit, what an
 * instruction really is under specialisation, instrumentation and tier 2. */
#ifndef HOP_PY_UNITS_H
#define HOP_PY_UNITS_H

#include "base/arena.h"
#include "py/layout.h"
#include "py/refusal.h"

/* The shape of one code object's bytecode, which does not change while it lives. Made once, at
 * first sight, from a copy of the bytecode and, where instrumented, the monitoring data. */
struct hop_units {
    uint32_t count;       /* code units, caches included */
    const uint8_t *bases; /* [count] base opcode of the unit's instruction (for cache and
                             EXTENDED_ARG units: that of the instruction they belong to) */
    const uint32_t
        *starts; /* [count] unit index of the instruction that owns the unit: a cache unit or an
                   EXTENDED_ARG prefix gives the instruction itself (its opcode unit) */
    const uint32_t *args; /* [count] full oparg of that instruction, EXTENDED_ARG applied; 0 where
                             it takes none, whatever the byte in memory is */
};

/* Whether this opcode in memory stands for one that is kept elsewhere. */
static inline bool hop_opcode_hides_another(const struct hop_layout *layout, uint8_t opcode)
{
    return layout->opcodes[opcode].role >= HOP_ROLE_INSTRUMENTED_LINE;
}

/* What really is in a unit whose opcode in memory hides it, looked up in the target. It may be an
 * EXTENDED_ARG: line events and executors are put on an instruction's first prefix. */
struct hop_unit_original {
    uint8_t opcode; /* may itself be specialised or instrumented, but hides no other */
    uint8_t oparg;
};

/* Asked for units that hold INSTRUMENTED_LINE, INSTRUMENTED_INSTRUCTION or ENTER_EXECUTOR.
 * False: could not be found. */
typedef bool hop_unit_original_fn(void *context, uint32_t unit, uint8_t opcode, uint8_t oparg,
                                  struct hop_unit_original *original);

/* `code` holds count*2 bytes, opcode then oparg. `original` may be NULL: then no unit may hide
 * another. Memory of *units comes from the arena; what was taken of it is not given back on
 * failure. HOP_REFUSED_BAD_OPCODE when it does not decode: an unknown opcode, a cache where an
 * instruction should be, caches or a prefix past the end. HOP_REFUSED_NO_ROOM. */
enum hop_refusal hop_units_decode(const struct hop_layout *layout, const uint8_t *code,
                                  uint32_t count, hop_unit_original_fn *original, void *context,
                                  struct hop_arena *arena, struct hop_units *units);

/* Whether `opcode`, read live at an instruction's start, is one that the instruction with this base
 * may show: itself, a specialised or an instrumented form, ENTER_EXECUTOR,
 * INSTRUMENTED_LINE/INSTRUCTION. */
static inline bool hop_opcode_may_stand_for(const struct hop_layout *layout, uint8_t opcode,
                                            uint8_t base)
{
    const struct hop_opcode *found = &layout->opcodes[opcode];
    if (!found->name)
        return false;
    return found->base == base || hop_opcode_hides_another(layout, opcode);
}

#endif
