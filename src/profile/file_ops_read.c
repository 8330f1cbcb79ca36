/* Reads code objects and instructions of a profile's file, in which nothing is believed: the
 * columns of pprof.proto, by the guesses of file_ops.h. */
#include "profile/file_ops.h"
#include "profile/file_reading.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* No version has more than 300 names of opcodes; and each takes some memory at once. */
enum { OPCODES_MAX = 1 << 16 };

static bool is_oparg(int64_t oparg)
{
    return oparg >= -1 && oparg <= UINT32_MAX;
}

/* Sums of what a file says: none of it is so large that they could run over. */
static bool is_small(int64_t number)
{
    return number >= -(INT64_C(1) << 40) && number <= INT64_C(1) << 40;
}

static bool is_position(const struct hop_op_position *position)
{
    return position->line >= 0 && position->line <= INT_MAX && position->end_line >= 0 &&
           position->end_line <= INT_MAX && position->column >= -1 && position->column <= INT_MAX &&
           position->end_column >= -1 && position->end_column <= INT_MAX;
}

/* --- bytecode --------------------------------------------------------------------------------- */

struct ops {
    struct hop_file_reading *reading;
    const Hop__Pprof__Codes *from;
    struct hop_op_guesses guesses;
    const char **arguments; /* by number: its text, copied */
    size_t argument_count;
};

static bool is_out_of_range(struct ops *ops)
{
    return hop_file_broken(ops->reading, "an instruction of a code object is out of range");
}

static bool has_no_memory(struct hop_file_reading *reading)
{
    if (reading->status == HOP_OK)
        reading->status = hop_error_set(reading->err, HOP_ERR_MEMORY, NULL,
                                        "out of memory for the profile '%s'", reading->name);
    return false;
}

/* Counts how many ops each opcode has, and how many of these move and jump; where each one's are
 * follows from that. */
static bool place_columns(struct ops *ops)
{
    const Hop__Pprof__Codes *from = ops->from;
    struct hop_op_guesses *guesses = &ops->guesses;
    size_t at = 0, moved = 0, jumps = 0;
    for (size_t i = 0; i < from->n_opcode; i++) {
        if (from->opcode[i] >= from->n_opcode_text)
            return is_out_of_range(ops);
        guesses->kinds[from->opcode[i]].next++;
    }
    for (size_t i = 0; i < from->n_opcode_text; i++) {
        struct hop_op_kind *kind = &guesses->kinds[i];
        bool is_jump = false;
        for (size_t end = at + kind->next; at < end; at++) {
            is_jump = from->argument[at] == HOP_ARGUMENT_JUMP ||
                      (is_jump && from->argument[at] == HOP_ARGUMENT_GUESSED);
            kind->next_moved += from->moves[at] != 0;
            kind->next_jump += is_jump;
        }
        moved += kind->next_moved;
        jumps += kind->next_jump;
    }
    hop_op_guesses_place(guesses);
    return (from->n_target == jumps && from->n_line == moved && from->n_lines == moved &&
            from->n_column == moved && from->n_end == moved) ||
           hop_file_broken(ops->reading, "its code objects are not whole");
}

/* A jump's text, and what is behind the guess of its target. */
static const char *read_jump(struct ops *ops, struct hop_op_kind *kind,
                             const struct hop_profile_op *op)
{
    int64_t more = ops->from->target[kind->next_jump++];
    if (!is_small(more)) {
        is_out_of_range(ops);
        return "";
    }
    kind->bias += more;
    int64_t target = kind->bias + op->offset + 2 * op->oparg;
    kind->jumps = true;
    if (target < 0 || target > UINT32_MAX) {
        is_out_of_range(ops);
        return "";
    }
    const char *text =
        hop_arena_printf(&ops->reading->profile->arena, HOP_OP_JUMP_TEXT, (uint64_t)target);
    if (!text)
        has_no_memory(ops->reading);
    return text ? text : "";
}

/* Fills the op's argument; `number` is 0 for a jump. */
static bool read_argument(struct ops *ops, uint32_t opcode, uint32_t told,
                          struct hop_profile_op *op, uint32_t *number)
{
    struct hop_op_guesses *guesses = &ops->guesses;
    struct hop_op_kind *kind = &guesses->kinds[opcode];
    uint32_t last = guesses->argument_count - 1;
    *number = 0;
    if (told == HOP_ARGUMENT_JUMP || (told == HOP_ARGUMENT_GUESSED && kind->jumps)) {
        op->argument = read_jump(ops, kind, op);
        return ops->reading->status == HOP_OK;
    }
    if (told == HOP_ARGUMENT_GUESSED)
        *number = hop_op_guesses_argument(guesses, opcode, op->oparg);
    else if (told >= HOP_ARGUMENT_KNOWN && told - HOP_ARGUMENT_KNOWN <= last)
        *number = last - (told - HOP_ARGUMENT_KNOWN);
    else if (told != HOP_ARGUMENT_NEW)
        return is_out_of_range(ops);
    if (told == HOP_ARGUMENT_NEW) {
        if (guesses->argument_count >= ops->argument_count)
            return is_out_of_range(ops);
        *number = hop_op_guesses_add_argument(guesses, ops->arguments[guesses->argument_count]);
    }
    kind->jumps = false;
    op->argument = ops->arguments[*number];
    return hop_op_guesses_set_argument(guesses, opcode, op->oparg, *number) ||
           has_no_memory(ops->reading);
}

static bool read_position(struct ops *ops, struct hop_op_kind *kind, uint32_t argument)
{
    const Hop__Pprof__Codes *from = ops->from;
    struct hop_op_guesses *guesses = &ops->guesses;
    struct hop_op_position at;
    size_t place = kind->next_moved++;
    at.line = guesses->position.line + from->line[place];
    at.end_line = at.line + from->lines[place];
    bool is_good = is_small(from->column[place]) && is_small(from->end[place]);
    if (is_good) {
        at.column = from->column[place] + hop_op_guesses_column(guesses, at.line);
        at.end_column =
            from->end[place] + hop_op_guesses_end(guesses, at.line, at.column, argument);
        is_good = is_position(&at);
        guesses->position = at;
    }
    return is_good || hop_file_broken(ops->reading, "a line or column is out of range");
}

static bool read_op(struct ops *ops, size_t at, bool is_first, uint32_t last_offset,
                    struct hop_profile_op *op)
{
    const Hop__Pprof__Codes *from = ops->from;
    struct hop_op_guesses *guesses = &ops->guesses;
    uint32_t opcode = from->opcode[at], argument;
    struct hop_op_kind *kind = &guesses->kinds[opcode];
    size_t place = kind->next++;
    if (!is_small(from->step[at]) || !is_small(from->oparg[place]))
        return is_out_of_range(ops);
    int64_t step = from->step[at] + hop_op_guesses_step(guesses);
    int64_t offset = (is_first ? 0 : (int64_t)last_offset) + step;
    kind->oparg += from->oparg[place];
    if (step < !is_first || offset > UINT32_MAX || !is_oparg(kind->oparg))
        return is_out_of_range(ops);
    if (guesses->last)
        guesses->last->step = step;
    op->offset = (uint32_t)offset;
    op->opcode = hop_file_text(ops->reading, from->opcode_text[opcode]);
    op->oparg = kind->oparg;
    if (!read_argument(ops, opcode, from->argument[place], op, &argument) ||
        (from->moves[place] && !read_position(ops, kind, argument)))
        return false;
    op->line = (int)guesses->position.line;
    op->end_line = (int)guesses->position.end_line;
    op->column = (int)guesses->position.column;
    op->end_column = (int)guesses->position.end_column;
    guesses->last = kind;
    return ops->reading->status == HOP_OK;
}

/* The bytecode of all code objects. */
static bool read_ops(struct ops *ops)
{
    struct hop_profile *profile = ops->reading->profile;
    size_t at = 0;
    for (size_t i = 0; i < profile->code_count; i++) {
        struct hop_profile_code *code = &profile->codes[i];
        code->ops = hop_file_keep(ops->reading, code->op_count, sizeof *code->ops);
        if (!code->ops)
            return false;
        hop_op_guesses_begin(&ops->guesses, code->first_line);
        for (size_t j = 0; j < code->op_count; j++)
            if (!read_op(ops, at++, j == 0, j ? code->ops[j - 1].offset : 0, &code->ops[j]))
                return false;
    }
    return true;
}

static bool are_whole(const Hop__Pprof__Codes *codes)
{
    size_t count = codes->n_function, ops = 0;
    if (codes->n_file != count || codes->n_first_line != count || codes->n_op_count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        ops += codes->op_count[i]; /* of 32 bits each: no overflow in what fits a file */
    return codes->n_opcode == ops && codes->n_step == ops && codes->n_oparg == ops &&
           codes->n_argument == ops && codes->n_moves == ops;
}

/* Copies the arguments, and finds where each begins. */
static bool copy_arguments(struct ops *ops)
{
    const ProtobufCBinaryData *from = &ops->from->argument_text;
    size_t count = 1;
    if (from->len && from->data[from->len - 1])
        return hop_file_broken(ops->reading, "an argument has no end");
    for (size_t i = 0; i < from->len; i++)
        count += from->data[i] == 0;
    char *texts = hop_file_keep(ops->reading, from->len, 1);
    ops->arguments = calloc(count, sizeof(*ops->arguments));
    if (!texts || !ops->arguments || count > UINT32_MAX)
        return has_no_memory(ops->reading);
    if (from->len)
        memcpy(texts, from->data, from->len);
    ops->arguments[0] = "";
    for (size_t i = 1; i < count; i++) {
        ops->arguments[i] = texts;
        texts += strlen(texts) + 1;
    }
    ops->argument_count = count;
    return true;
}

bool hop_file_read_codes(struct hop_file_reading *reading, const Hop__Pprof__Codes *from)
{
    struct hop_profile *profile = reading->profile;
    size_t count = from ? from->n_function : 0;
    if (!from || !are_whole(from) || from->n_opcode_text > OPCODES_MAX)
        return hop_file_broken(reading, "its code objects are not whole");
    profile->codes = hop_file_keep(reading, count, sizeof *profile->codes);
    if (!profile->codes)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct hop_profile_code *code = &profile->codes[i];
        if (from->first_line[i] < 0)
            return hop_file_broken(reading, "a code object is out of range");
        code->function = hop_file_text(reading, from->function[i]);
        code->file = hop_file_text(reading, from->file[i]);
        code->first_line = from->first_line[i];
        code->op_count = from->op_count[i];
    }
    profile->code_count = count;
    struct ops ops = {.reading = reading, .from = from};
    bool is_good = copy_arguments(&ops);
    if (is_good && !hop_op_guesses_init(&ops.guesses, from->n_opcode_text, ops.argument_count))
        is_good = has_no_memory(reading);
    is_good = is_good && place_columns(&ops) && read_ops(&ops);
    hop_op_guesses_deinit(&ops.guesses);
    free(ops.arguments);
    return is_good && reading->status == HOP_OK;
}

/* --- instructions ----------------------------------------------------------------------------- */

/* What is not among its code object's ops: number `i` of those, with the running line. */
static bool read_other(struct hop_file_reading *reading, const Hop__Pprof__Instructions *from,
                       size_t i, int64_t *line, struct hop_profile_op *op)
{
    const Hop__Pprof__Positions *positions = from->positions;
    struct hop_op_position at;
    if (!positions || i >= from->n_offset || i >= from->n_base_opcode || i >= from->n_oparg ||
        i >= positions->n_line || i >= positions->n_lines || i >= positions->n_column ||
        i >= positions->n_columns)
        return hop_file_broken(reading, "its instructions are not whole");
    if (!is_oparg(from->oparg[i]))
        return hop_file_broken(reading, "an instruction is out of range");
    *line += positions->line[i];
    at.line = *line;
    at.end_line = at.line + positions->lines[i];
    at.column = (int64_t)positions->column[i] - 1;
    at.end_column = at.column + positions->columns[i];
    if (!is_position(&at))
        return hop_file_broken(reading, "a line or column is out of range");
    *op = (struct hop_profile_op){
        .offset = from->offset[i],
        .opcode = hop_file_text(reading, from->base_opcode[i]),
        .oparg = from->oparg[i],
        .line = (int)at.line,
        .end_line = (int)at.end_line,
        .column = (int)at.column,
        .end_column = (int)at.end_column,
    };
    return true;
}

bool hop_file_read_instructions(struct hop_file_reading *reading,
                                const Hop__Pprof__Instructions *from)
{
    struct hop_profile *profile = reading->profile;
    size_t count = from ? from->n_code_step : 0, others = 0;
    uint64_t number = 0, place = 0;
    int64_t line = 0;
    if (!from || from->n_op_step != count || from->n_opcode != count || from->n_is_tracked != count)
        return hop_file_broken(reading, "its instructions are not whole");
    profile->instructions = hop_file_keep(reading, count, sizeof *profile->instructions);
    if (!profile->instructions)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct hop_profile_op op = {0};
        number += from->code_step[i];
        if (number >= profile->code_count)
            return hop_file_broken(reading, "an instruction is out of range");
        const struct hop_profile_code *code = &profile->codes[number];
        place = from->code_step[i] ? 0 : place;
        if (from->op_step[i]) {
            place += from->op_step[i] - 1;
            if (place >= code->op_count)
                return hop_file_broken(reading, "an instruction is out of range");
            op = code->ops[place];
        } else if (!read_other(reading, from, others++, &line, &op)) {
            return false;
        }
        profile->instructions[i] = (struct hop_instruction){
            .function = code->function,
            .file = code->file,
            .first_line = code->first_line,
            .offset = op.offset,
            .opcode = from->opcode[i] ? hop_file_text(reading, from->opcode[i] - 1) : op.opcode,
            .base_opcode = op.opcode,
            .oparg = op.oparg,
            .line = op.line,
            .end_line = op.end_line,
            .column = op.column,
            .end_column = op.end_column,
            .is_tracked = from->is_tracked[i],
            .code = (uint32_t)number,
        };
    }
    profile->instruction_count = count;
    return reading->status == HOP_OK;
}
