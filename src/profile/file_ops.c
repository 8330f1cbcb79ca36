/* Guesses of a bytecode's next op, see file_ops.h. */
#include "profile/file_ops.h"

#include <stdlib.h>
#include <string.h>

bool hop_op_guesses_init(struct hop_op_guesses *guesses, size_t kinds, size_t arguments)
{
    *guesses = (struct hop_op_guesses){
        .kinds = calloc(kinds + 1, sizeof *guesses->kinds),
        .kind_count = kinds,
        .name_lengths = calloc(arguments + 1, 1),
        .argument_count = 1,
    };
    for (size_t i = 0; guesses->kinds && i < kinds; i++) {
        guesses->kinds[i].step = 2; /* most opcodes have no caches */
        guesses->kinds[i].oparg = -1;
    }
    return hop_id_table_init(&guesses->argument_of, 1024) && guesses->kinds &&
           guesses->name_lengths;
}

void hop_op_guesses_deinit(struct hop_op_guesses *guesses)
{
    free(guesses->kinds);
    free(guesses->name_lengths);
    hop_id_table_deinit(&guesses->argument_of);
    *guesses = (struct hop_op_guesses){0};
}

void hop_op_guesses_begin(struct hop_op_guesses *guesses, int first_line)
{
    guesses->last = NULL;
    guesses->position = (struct hop_op_position){first_line, first_line, -1, -1};
}

void hop_op_guesses_place(struct hop_op_guesses *guesses)
{
    size_t ops = 0, moved = 0, jumps = 0;
    for (size_t i = 0; i < guesses->kind_count; i++) {
        struct hop_op_kind *kind = &guesses->kinds[i];
        size_t its_ops = kind->next, its_moved = kind->next_moved, its_jumps = kind->next_jump;
        kind->next = ops;
        kind->next_moved = moved;
        kind->next_jump = jumps;
        ops += its_ops;
        moved += its_moved;
        jumps += its_jumps;
    }
}

/* Of "name + NULL|self" the name's: what stands in the source. */
uint32_t hop_op_guesses_add_argument(struct hop_op_guesses *guesses, const char *text)
{
    static const char behind[] = " + NULL";
    size_t length = strnlen(text, UINT8_MAX);
    const char *end = memmem(text, length, behind, sizeof behind - 1);
    guesses->name_lengths[guesses->argument_count] = (uint8_t)(end ? (size_t)(end - text) : length);
    return guesses->argument_count++;
}

static uint64_t key_of(uint32_t opcode, int64_t oparg)
{
    return (uint64_t)opcode << 33 | (uint64_t)(oparg + 1);
}

uint32_t hop_op_guesses_argument(const struct hop_op_guesses *guesses, uint32_t opcode,
                                 int64_t oparg)
{
    uint32_t argument = hop_id_table_get(&guesses->argument_of, key_of(opcode, oparg));
    return argument == HOP_NO_ID ? 0 : argument;
}

bool hop_op_guesses_set_argument(struct hop_op_guesses *guesses, uint32_t opcode, int64_t oparg,
                                 uint32_t argument)
{
    return hop_id_table_put(&guesses->argument_of, key_of(opcode, oparg), argument);
}

int64_t hop_op_guesses_step(const struct hop_op_guesses *guesses)
{
    return guesses->last ? guesses->last->step : 0;
}

int64_t hop_op_guesses_column(const struct hop_op_guesses *guesses, int64_t line)
{
    return line == guesses->position.line ? guesses->position.column : -1;
}

/* A name is as long as its text; an attribute follows the object that was loaded, and a dot; a call
 * ends behind its last argument. */
int64_t hop_op_guesses_end(const struct hop_op_guesses *guesses, int64_t line, int64_t column,
                           uint32_t argument)
{
    const struct hop_op_position *last = &guesses->position;
    int64_t length = guesses->name_lengths[argument];
    if (line == last->line && column <= last->column && length == 0)
        return last->end_column;
    if (line == last->line && column == last->column)
        return last->end_column + 1 + length;
    return column + length;
}
