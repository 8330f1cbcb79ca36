/* Writes code objects and instructions into a profile's file, in the columns of pprof.proto. */
#include "profile/file_ops.h"
#include "profile/file_parts.h"

#include <inttypes.h>
#include <string.h>

static uint32_t text(struct hop_file_writer *writer, const char *string)
{
    return hop_strings_add(&writer->strings, string);
}

/* --- bytecode --------------------------------------------------------------------------------- */

struct ops {
    struct hop_file_writer *writer;
    Hop__Pprof__Codes *codes;
    struct hop_op_guesses guesses;
    struct hop_id_table opcode_of; /* by text: its number */
    struct hop_strings arguments;
};

static struct hop_op_position position_of(const struct hop_profile_op *op)
{
    return (struct hop_op_position){op->line, op->end_line, op->column, op->end_column};
}

static bool is_same(const struct hop_op_position *a, const struct hop_op_position *b)
{
    return a->line == b->line && a->end_line == b->end_line && a->column == b->column &&
           a->end_column == b->end_column;
}

/* "to 78"; false: it is another text. */
static bool is_jump(const char *argument, uint64_t *target)
{
    char again[32];
    uint32_t number;
    if (!argument || strncmp(argument, "to ", 3) != 0 ||
        sscanf(argument, "to %" SCNu32, &number) != 1)
        return false;
    snprintf(again, sizeof again, HOP_OP_JUMP_TEXT, (uint64_t)number);
    *target = number;
    return strcmp(argument, again) == 0;
}

/* Numbers the opcodes. */
static void fill_opcodes(struct ops *ops)
{
    const struct hop_profile *profile = ops->writer->profile;
    Hop__Pprof__Codes *codes = ops->codes;
    size_t at = 0;
    codes->n_opcode_text = 0;
    for (size_t i = 0; i < profile->code_count; i++) {
        for (size_t j = 0; j < profile->codes[i].op_count; j++) {
            uint32_t name = text(ops->writer, profile->codes[i].ops[j].opcode);
            uint32_t opcode = hop_id_table_get(&ops->opcode_of, name);
            if (opcode == HOP_NO_ID) {
                opcode = (uint32_t)codes->n_opcode_text++;
                codes->opcode_text[opcode] = name;
                ops->writer->has_failed |= !hop_id_table_put(&ops->opcode_of, name, opcode);
            }
            codes->opcode[at++] = opcode;
        }
    }
}

/* Counts how many ops each opcode has, and how many of these move and jump. */
static void count_kinds(struct ops *ops)
{
    const struct hop_profile *profile = ops->writer->profile;
    Hop__Pprof__Codes *codes = ops->codes;
    size_t at = 0;
    for (size_t i = 0; i < profile->code_count; i++) {
        const struct hop_profile_code *code = &profile->codes[i];
        hop_op_guesses_begin(&ops->guesses, code->first_line);
        for (size_t j = 0; j < code->op_count; j++) {
            struct hop_op_kind *kind = &ops->guesses.kinds[codes->opcode[at++]];
            struct hop_op_position position = position_of(&code->ops[j]);
            uint64_t target;
            bool moves = !is_same(&position, &ops->guesses.position);
            bool jumps = is_jump(code->ops[j].argument, &target);
            codes->n_line += moves;
            codes->n_target += jumps;
            kind->next++;
            kind->next_moved += moves;
            kind->next_jump += jumps;
            ops->guesses.position = position;
        }
    }
}

static uint32_t argument_number(struct ops *ops, const char *argument, bool *is_new)
{
    size_t count = ops->arguments.count;
    uint32_t number = hop_strings_add(&ops->arguments, argument);
    ops->writer->has_failed |= ops->arguments.has_failed;
    *is_new = ops->arguments.count > count;
    if (*is_new)
        hop_op_guesses_add_argument(&ops->guesses, ops->arguments.texts[number]);
    return number;
}

/* Returns the argument's number; 0 for a jump. */
static uint32_t fill_argument(struct ops *ops, const struct hop_profile_op *op, uint32_t opcode,
                              size_t place)
{
    struct hop_op_kind *kind = &ops->guesses.kinds[opcode];
    uint64_t target;
    bool is_new;
    if (is_jump(op->argument, &target)) {
        int64_t bias = (int64_t)target - op->offset - 2 * op->oparg;
        ops->codes->argument[place] = kind->jumps ? HOP_ARGUMENT_GUESSED : HOP_ARGUMENT_JUMP;
        ops->codes->target[kind->next_jump++] = bias - kind->bias;
        kind->bias = bias;
        kind->jumps = true;
        return 0;
    }
    uint32_t guess = hop_op_guesses_argument(&ops->guesses, opcode, op->oparg);
    uint32_t number = argument_number(ops, op->argument, &is_new);
    uint32_t last = ops->guesses.argument_count - 1;
    ops->codes->argument[place] = is_new ? HOP_ARGUMENT_NEW
                                  : number == guess && !kind->jumps
                                      ? HOP_ARGUMENT_GUESSED
                                      : HOP_ARGUMENT_KNOWN + last - number;
    kind->jumps = false;
    ops->writer->has_failed |=
        !hop_op_guesses_set_argument(&ops->guesses, opcode, op->oparg, number);
    return number;
}

static void fill_position(struct ops *ops, const struct hop_op_position *at, uint32_t argument,
                          size_t place)
{
    const struct hop_op_guesses *guesses = &ops->guesses;
    Hop__Pprof__Codes *codes = ops->codes;
    codes->line[place] = (int32_t)(at->line - guesses->position.line);
    codes->lines[place] = (int32_t)(at->end_line - at->line);
    codes->column[place] = at->column - hop_op_guesses_column(guesses, at->line);
    codes->end[place] =
        at->end_column - hop_op_guesses_end(guesses, at->line, at->column, argument);
}

static void fill_op(struct ops *ops, const struct hop_profile_op *op, bool is_first, size_t at)
{
    struct hop_op_guesses *guesses = &ops->guesses;
    Hop__Pprof__Codes *codes = ops->codes;
    uint32_t opcode = codes->opcode[at];
    struct hop_op_kind *kind = &guesses->kinds[opcode];
    struct hop_op_position position = position_of(op);
    size_t place = kind->next++;
    int64_t step = (int64_t)op->offset - (is_first ? 0 : op[-1].offset);
    codes->step[at] = step - hop_op_guesses_step(guesses);
    if (guesses->last)
        guesses->last->step = step;
    codes->oparg[place] = op->oparg - kind->oparg;
    kind->oparg = op->oparg;
    uint32_t argument = fill_argument(ops, op, opcode, place);
    codes->moves[place] = !is_same(&position, &guesses->position);
    if (codes->moves[place])
        fill_position(ops, &position, argument, kind->next_moved++);
    guesses->position = position;
    guesses->last = kind;
}

static void fill_argument_texts(struct ops *ops)
{
    const struct hop_strings *arguments = &ops->arguments;
    ProtobufCBinaryData *into = &ops->codes->argument_text;
    size_t bytes = 0, at = 0;
    for (size_t i = 1; i < arguments->count; i++)
        bytes += strlen(arguments->texts[i]) + 1;
    into->data = hop_file_alloc(ops->writer, bytes, 1);
    into->len = into->data ? bytes : 0;
    for (size_t i = 1; into->len && i < arguments->count; i++) {
        size_t size = strlen(arguments->texts[i]) + 1;
        memcpy(into->data + at, arguments->texts[i], size);
        at += size;
    }
}

static bool alloc_columns(struct ops *ops, size_t count)
{
    struct hop_file_writer *writer = ops->writer;
    Hop__Pprof__Codes *codes = ops->codes;
    HOP_FILE_COLUMN(writer, codes, step, count);
    HOP_FILE_COLUMN(writer, codes, oparg, count);
    HOP_FILE_COLUMN(writer, codes, argument, count);
    HOP_FILE_COLUMN(writer, codes, moves, count);
    HOP_FILE_COLUMN(writer, codes, target, codes->n_target);
    HOP_FILE_COLUMN(writer, codes, line, codes->n_line);
    HOP_FILE_COLUMN(writer, codes, lines, codes->n_line);
    HOP_FILE_COLUMN(writer, codes, column, codes->n_line);
    HOP_FILE_COLUMN(writer, codes, end, codes->n_line);
    return !writer->has_failed;
}

static void fill_ops(struct ops *ops, size_t count)
{
    const struct hop_profile *profile = ops->writer->profile;
    size_t at = 0;
    fill_opcodes(ops);
    ops->writer->has_failed |=
        !hop_op_guesses_init(&ops->guesses, ops->codes->n_opcode_text, count);
    if (ops->writer->has_failed)
        return;
    count_kinds(ops);
    if (!alloc_columns(ops, count))
        return;
    hop_op_guesses_place(&ops->guesses);
    for (size_t i = 0; i < profile->code_count; i++) {
        const struct hop_profile_code *code = &profile->codes[i];
        hop_op_guesses_begin(&ops->guesses, code->first_line);
        for (size_t j = 0; j < code->op_count; j++)
            fill_op(ops, &code->ops[j], j == 0, at++);
    }
    fill_argument_texts(ops);
}

Hop__Pprof__Codes *hop_file_make_codes(struct hop_file_writer *writer)
{
    const struct hop_profile_code *rows = writer->profile->codes;
    size_t count = writer->profile->code_count, op_count = 0;
    Hop__Pprof__Codes *codes = hop_file_alloc(writer, 1, sizeof *codes);
    if (!codes)
        return NULL;
    hop__pprof__codes__init(codes);
    for (size_t i = 0; i < count; i++)
        op_count += rows[i].op_count;
    HOP_FILE_COLUMN(writer, codes, function, count);
    HOP_FILE_COLUMN(writer, codes, file, count);
    HOP_FILE_COLUMN(writer, codes, first_line, count);
    HOP_FILE_COLUMN(writer, codes, op_count, count);
    HOP_FILE_COLUMN(writer, codes, opcode, op_count);
    HOP_FILE_COLUMN(writer, codes, opcode_text, op_count);
    if (writer->has_failed)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        codes->function[i] = text(writer, rows[i].function);
        codes->file[i] = text(writer, rows[i].file);
        codes->first_line[i] = rows[i].first_line;
        codes->op_count[i] = (uint32_t)rows[i].op_count;
    }
    struct ops ops = {.writer = writer, .codes = codes};
    writer->has_failed |=
        !hop_strings_init(&ops.arguments) || !hop_id_table_init(&ops.opcode_of, 256);
    if (!writer->has_failed)
        fill_ops(&ops, op_count);
    hop_op_guesses_deinit(&ops.guesses);
    hop_id_table_deinit(&ops.opcode_of);
    hop_strings_deinit(&ops.arguments);
    return writer->has_failed ? NULL : codes;
}

/* --- instructions ----------------------------------------------------------------------------- */

/* The op that says all of an instruction but its opcode; NULL: there is none. */
static const struct hop_profile_op *op_of(const struct hop_profile_code *code,
                                          const struct hop_instruction *at)
{
    size_t first = 0, end = code->op_count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (code->ops[middle].offset < at->offset)
            first = middle + 1;
        else
            end = middle;
    }
    const struct hop_profile_op *op = code->ops + first;
    bool is_like_it = first < code->op_count && op->offset == at->offset &&
                      op->oparg == at->oparg && op->line == at->line &&
                      op->end_line == at->end_line && op->column == at->column &&
                      op->end_column == at->end_column && strcmp(op->opcode, at->base_opcode) == 0;
    return is_like_it ? op : NULL;
}

/* An instruction that no op describes: number `i` of these, behind one on line `last_line`. */
static void fill_other(struct hop_file_writer *writer, Hop__Pprof__Instructions *columns, size_t i,
                       const struct hop_instruction *at, int last_line)
{
    Hop__Pprof__Positions *positions = columns->positions;
    columns->offset[i] = at->offset;
    columns->base_opcode[i] = text(writer, at->base_opcode);
    columns->oparg[i] = at->oparg;
    positions->line[i] = at->line - last_line;
    positions->lines[i] = at->end_line - at->line;
    positions->column[i] = (uint32_t)at->column + 1;
    positions->columns[i] = at->end_column - at->column;
}

static bool alloc_instructions(struct hop_file_writer *writer, Hop__Pprof__Instructions *columns,
                               Hop__Pprof__Positions *positions, size_t count)
{
    hop__pprof__instructions__init(columns);
    hop__pprof__positions__init(positions);
    columns->positions = positions;
    HOP_FILE_COLUMN(writer, columns, code_step, count);
    HOP_FILE_COLUMN(writer, columns, op_step, count);
    HOP_FILE_COLUMN(writer, columns, opcode, count);
    HOP_FILE_COLUMN(writer, columns, is_tracked, count);
    HOP_FILE_COLUMN(writer, columns, offset, count);
    HOP_FILE_COLUMN(writer, columns, base_opcode, count);
    HOP_FILE_COLUMN(writer, columns, oparg, count);
    HOP_FILE_COLUMN(writer, positions, line, count);
    HOP_FILE_COLUMN(writer, positions, lines, count);
    HOP_FILE_COLUMN(writer, positions, column, count);
    HOP_FILE_COLUMN(writer, positions, columns, count);
    return !writer->has_failed;
}

Hop__Pprof__Instructions *hop_file_make_instructions(struct hop_file_writer *writer)
{
    const struct hop_profile *profile = writer->profile;
    size_t count = profile->instruction_count, others = 0;
    Hop__Pprof__Instructions *columns = hop_file_alloc(writer, 1, sizeof *columns);
    Hop__Pprof__Positions *positions = hop_file_alloc(writer, 1, sizeof *positions);
    uint32_t code = 0, place = 0;
    int last_line = 0;
    if (!columns || !positions || !alloc_instructions(writer, columns, positions, count))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct hop_instruction *at = &profile->instructions[writer->instruction_order[i]];
        const struct hop_profile_op *op = op_of(&profile->codes[at->code], at);
        columns->code_step[i] = at->code - code;
        if (at->code != code)
            place = 0;
        code = at->code;
        columns->op_step[i] = 0;
        if (op) {
            uint32_t its_place = (uint32_t)(op - profile->codes[code].ops);
            columns->op_step[i] = 1 + its_place - place;
            place = its_place;
        } else {
            fill_other(writer, columns, others++, at, last_line);
            last_line = at->line;
        }
        bool is_base = strcmp(at->opcode, at->base_opcode) == 0;
        columns->opcode[i] = is_base ? 0 : 1 + text(writer, at->opcode);
        columns->is_tracked[i] = at->is_tracked;
    }
    columns->n_offset = columns->n_base_opcode = columns->n_oparg = others;
    positions->n_line = positions->n_lines = positions->n_column = positions->n_columns = others;
    return columns;
}
