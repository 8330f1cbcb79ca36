/* Puts a code object's names, line table and bytecode together into one described instruction. */
#include "session/describe.h"

void hop_describe_instruction(const struct hop_layout *layout, const struct hop_code *code,
                              uint32_t unit, uint8_t opcode, struct hop_instruction *row)
{
    const struct hop_opcode *base = &layout->opcodes[code->units.bases[unit]];
    struct hop_position position = hop_lines_find(
        layout->line_kind, code->line_table, code->line_table_size, code->first_line, 2 * unit);
    *row = (struct hop_instruction){
        .function = code->qualname,
        .file = code->filename,
        .first_line = code->first_line,
        .offset = 2 * unit,
        .opcode = layout->opcodes[opcode].name,
        .base_opcode = base->name,
        .oparg = base->has_arg ? (int64_t)code->units.args[unit] : -1,
        .line = position.line,
        .end_line = position.end_line,
        .column = position.column,
        .end_column = position.end_column,
        .is_tracked = base->is_tracked,
    };
}
