/* Decodes bytecode into instructions. It knows prefixes, caches and specialised forms from the
 * layout's opcode table; what instrumentation and tier 2 hide is asked of its caller. */
#include "py/units.h"

enum { CODE_UNIT_BYTES = 2, PREFIXES_MAX = 3 /* an oparg has 32 bits */ };

/* CACHE since 3.11, and no instruction before: a unit that only ever stands behind another one. */
enum { OPCODE_CACHE = 0 };

struct decoder {
    const struct hop_layout *layout;
    const uint8_t *code;
    uint32_t count;
    hop_unit_original_fn *original;
    void *context;
};

/* The instruction that really stands at `unit`, or false. The first byte of a unit is the opcode in
 * every supported version: 3.6–3.10 store it so on any byte order of the two-byte word that they
 * read, 3.11 on has a struct. */
static bool original_at(const struct decoder *decoder, uint32_t unit, uint8_t *opcode,
                        uint8_t *oparg)
{
    const struct hop_opcode *opcodes = decoder->layout->opcodes;
    *opcode = decoder->code[CODE_UNIT_BYTES * (size_t)unit];
    *oparg = decoder->code[CODE_UNIT_BYTES * (size_t)unit + 1];
    if (hop_opcode_hides_another(decoder->layout, *opcode)) {
        struct hop_unit_original original;
        if (!decoder->original ||
            !decoder->original(decoder->context, unit, *opcode, *oparg, &original))
            return false;
        *opcode = original.opcode;
        *oparg = original.oparg;
    }
    return *opcode != OPCODE_CACHE && opcodes[*opcode].name &&
           !hop_opcode_hides_another(decoder->layout, *opcode);
}

/* Fills the units from `first`, a prefix or the instruction itself, to the last cache. Returns the
 * units taken, or 0 where they are no instruction. */
static uint32_t decode_one(const struct decoder *decoder, uint32_t first, uint8_t *bases,
                           uint32_t *starts, uint32_t *args)
{
    const struct hop_opcode *opcodes = decoder->layout->opcodes;
    uint32_t arg = 0;
    uint32_t unit = first;
    uint8_t base;
    for (;; unit++) {
        uint8_t opcode, oparg;
        if (unit == decoder->count || unit - first > PREFIXES_MAX ||
            !original_at(decoder, unit, &opcode, &oparg))
            return 0;
        base = opcodes[opcode].base;
        arg = arg << 8 | oparg;
        /* 3.11 specialises the prefix, too (EXTENDED_ARG_QUICK): its base tells. */
        if (opcodes[base].role != HOP_ROLE_EXTENDED_ARG)
            break;
    }
    if (opcodes[base].caches > decoder->count - unit - 1)
        return 0;
    uint32_t end = unit + 1 + opcodes[base].caches;
    for (uint32_t i = first; i < end; i++) {
        bases[i] = base;
        starts[i] = unit;
        args[i] = opcodes[base].has_arg ? arg : 0;
    }
    return end - first;
}

enum hop_refusal hop_units_decode(const struct hop_layout *layout, const uint8_t *code,
                                  uint32_t count, hop_unit_original_fn *original, void *context,
                                  struct hop_arena *arena, struct hop_units *units)
{
    const struct decoder decoder = {layout, code, count, original, context};
    uint8_t *bases = hop_arena_alloc(arena, count * sizeof *bases);
    uint32_t *starts = hop_arena_alloc(arena, count * sizeof *starts);
    uint32_t *args = hop_arena_alloc(arena, count * sizeof *args);
    if (!bases || !starts || !args)
        return HOP_REFUSED_NO_ROOM;
    for (uint32_t unit = 0; unit < count;) {
        uint32_t taken = decode_one(&decoder, unit, bases, starts, args);
        if (!taken)
            return HOP_REFUSED_BAD_OPCODE;
        unit += taken;
    }
    *units = (struct hop_units){.count = count, .bases = bases, .starts = starts, .args = args};
    return HOP_TAKEN;
}
