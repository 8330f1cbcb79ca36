/* Looks up what instrumentation and tier 2 replaced. The tables are hostile data: sizes are
 * bounded, what hides another opcode is followed only as often as there are ways to hide. */
#include "py/code_original.h"

#include "py/code.h"

/* An entry is an opcode and a line delta of at most four bytes (Python/instrumentation.c, 3.14). */
enum { LINE_ENTRY_MAX = 5 };

/* INSTRUMENTED_LINE over INSTRUMENTED_INSTRUCTION (or the other way round), at most; an executor is
 * never entered where something is instrumented, but one more step costs nothing. */
enum { HIDING_DEPTH_MAX = 3 };

static const uint8_t *copy_table(struct hop_code_originals *originals, uint64_t addr, size_t size)
{
    uint8_t *copy = hop_arena_alloc(originals->arena, size);
    return copy && hop_read(originals->reader, addr, copy, size) ? copy : NULL;
}

/* The value of the pointer at `offset` of the target's struct at `addr`; 0: there is none. */
static uint64_t pointer_in(struct hop_reader *reader, uint64_t addr, int32_t offset)
{
    uint64_t pointer;
    if (!addr || offset == HOP_ABSENT || !hop_read_u64(reader, addr + (uint64_t)offset, &pointer))
        return 0;
    return pointer;
}

static bool read_lines(struct hop_code_originals *originals)
{
    const struct hop_layout *layout = originals->layout;
    uint64_t addr =
        pointer_in(originals->reader, originals->monitoring_addr, layout->monitoring_lines);
    if (!addr)
        return false;
    if (layout->lines_bytes_per_entry != HOP_ABSENT) {
        uint8_t entry_bytes;
        if (!hop_read(originals->reader, addr + (uint64_t)layout->lines_bytes_per_entry,
                      &entry_bytes, 1) ||
            !entry_bytes || entry_bytes > LINE_ENTRY_MAX)
            return false;
        originals->line_entry_bytes = entry_bytes;
        addr += (uint64_t)layout->lines_data;
    } else if (layout->lines_entry_size > 0 && layout->lines_entry_size <= LINE_ENTRY_MAX) {
        originals->line_entry_bytes = (size_t)layout->lines_entry_size;
    } else {
        return false;
    }
    originals->lines = copy_table(originals, addr, originals->units * originals->line_entry_bytes);
    return originals->lines != NULL;
}

static bool find_under_line(struct hop_code_originals *originals, uint32_t unit, uint8_t *opcode)
{
    if (!originals->lines && !read_lines(originals))
        return false;
    /* lines.original_opcode is the first byte of an entry, in every version that has it. */
    *opcode = originals->lines[unit * originals->line_entry_bytes];
    return true;
}

static bool find_under_instruction(struct hop_code_originals *originals, uint32_t unit,
                                   uint8_t *opcode)
{
    if (!originals->instructions) {
        uint64_t addr = pointer_in(originals->reader, originals->monitoring_addr,
                                   originals->layout->monitoring_instructions);
        originals->instructions = addr ? copy_table(originals, addr, originals->units) : NULL;
        if (!originals->instructions)
            return false;
    }
    *opcode = originals->instructions[unit];
    return true;
}

/* ENTER_EXECUTOR's oparg is its index in co_executors; the executor keeps both bytes of the unit
 * that it replaced (_PyVMData). */
static bool find_under_executor(const struct hop_code_originals *originals, uint8_t *opcode,
                                uint8_t *oparg)
{
    const struct hop_layout *layout = originals->layout;
    int32_t size = 0;
    if (!originals->executors_addr || layout->executors_size == HOP_ABSENT ||
        layout->executors_array == HOP_ABSENT || layout->executor_opcode == HOP_ABSENT ||
        layout->executor_oparg == HOP_ABSENT ||
        !hop_read(originals->reader, originals->executors_addr + (uint64_t)layout->executors_size,
                  &size, sizeof size) ||
        *oparg >= size)
        return false;
    uint64_t executor = pointer_in(originals->reader, originals->executors_addr,
                                   layout->executors_array + 8 * *oparg);
    const struct hop_span replaced[] = {
        {executor + (uint64_t)layout->executor_opcode, 1, opcode},
        {executor + (uint64_t)layout->executor_oparg, 1, oparg},
    };
    return executor && hop_reader_fill(originals->reader, replaced, 2) == 2;
}

bool hop_code_original_find(void *context, uint32_t unit, uint8_t opcode, uint8_t oparg,
                            struct hop_unit_original *original)
{
    struct hop_code_originals *originals = context;
    const struct hop_opcode *opcodes = originals->layout->opcodes;
    for (int depth = 0; depth < HIDING_DEPTH_MAX; depth++) {
        bool found = true;
        switch (opcodes[opcode].role) {
        case HOP_ROLE_INSTRUMENTED_LINE:
            found = find_under_line(originals, unit, &opcode);
            break;
        case HOP_ROLE_INSTRUMENTED_INSTRUCTION:
            found = find_under_instruction(originals, unit, &opcode);
            break;
        case HOP_ROLE_ENTER_EXECUTOR:
            found = find_under_executor(originals, &opcode, &oparg);
            break;
        case HOP_ROLE_PLAIN:
        case HOP_ROLE_EXTENDED_ARG:
            *original = (struct hop_unit_original){opcode, oparg};
            return true;
        }
        if (!found)
            return false;
    }
    if (hop_opcode_hides_another(originals->layout, opcode))
        return false;
    *original = (struct hop_unit_original){opcode, oparg};
    return true;
}
