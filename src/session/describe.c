/* Puts a code object's names, line table and bytecode together into described instructions. */
#include "session/describe.h"

#include <string.h>

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

static bool is_instruction(const struct hop_units *units, uint32_t unit)
{
    return units->starts[unit] == unit;
}

static bool describe_ops(const struct hop_layout *layout, const struct hop_code *code,
                         struct hop_arena *arena, struct hop_profile_code *described)
{
    const struct hop_units *units = &code->units;
    struct hop_lines lines;
    const char *names[256] = {NULL}; /* copies, by opcode */
    size_t count = 0;
    for (uint32_t unit = 0; unit < units->count; unit++)
        count += is_instruction(units, unit);
    described->ops = hop_arena_alloc(arena, count * sizeof *described->ops);
    if (!described->ops)
        return count == 0;
    hop_lines_init(&lines, layout->line_kind, code->line_table, code->line_table_size,
                   code->first_line);
    for (uint32_t unit = 0; unit < units->count; unit++) {
        if (!is_instruction(units, unit))
            continue;
        uint8_t number = units->bases[unit];
        const struct hop_opcode *base = &layout->opcodes[number];
        if (!names[number])
            names[number] = hop_arena_string(arena, base->name, strlen(base->name));
        if (!names[number])
            return false;
        char argument[HOP_OPERAND_TEXT_SIZE] = "";
        if (base->has_arg)
            hop_operand_write(layout, &code->operands, unit, number, units->args[unit], argument);
        const char *kept = argument[0] ? hop_arena_string(arena, argument, strlen(argument)) : "";
        if (!kept)
            return false;
        struct hop_position position = hop_lines_at(&lines, 2 * unit);
        described->ops[described->op_count++] = (struct hop_profile_op){
            .offset = 2 * unit,
            .opcode = names[number],
            .oparg = base->has_arg ? (int64_t)units->args[unit] : -1,
            .argument = kept,
            .line = position.line,
            .end_line = position.end_line,
            .column = position.column,
            .end_column = position.end_column,
        };
    }
    return true;
}

bool hop_describe_code(const struct hop_layout *layout, const struct hop_code *code,
                       bool with_bytecode, struct hop_arena *arena,
                       struct hop_profile_code *described)
{
    *described = (struct hop_profile_code){
        .function = hop_arena_string(arena, code->qualname, strlen(code->qualname)),
        .file = hop_arena_string(arena, code->filename, strlen(code->filename)),
        .first_line = code->first_line,
    };
    return described->function && described->file &&
           (!with_bytecode || describe_ops(layout, code, arena, described));
}
