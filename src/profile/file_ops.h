/* What the bytecode in a profile's file is guessed from: the same when it is written and when it is
 * read, so that only what the guesses miss needs to be in the file (pprof.proto, Codes). It knows
 * nothing of opcodes but that those with the same name are alike. */
#ifndef HOP_PROFILE_FILE_OPS_H
#define HOP_PROFILE_FILE_OPS_H

#include "base/id_table.h"
#include "profile/profile.h"

/* How the argument of an op is told. Arguments have numbers, in the order in which they come;
 * number 0 is no argument. */
enum hop_op_argument {
    HOP_ARGUMENT_GUESSED, /* a jump, if the last one of this opcode was; else the last one's of this
                             opcode and oparg */
    HOP_ARGUMENT_JUMP,    /* a jump, though the last one was none */
    HOP_ARGUMENT_NEW,     /* the next number */
    HOP_ARGUMENT_KNOWN,   /* and above: the last number less what it is above */
};

/* The text of a jump's argument. */
#define HOP_OP_JUMP_TEXT "to %" PRIu64

/* What is known of an opcode, and where in the columns its next op is. */
struct hop_op_kind {
    int64_t step;  /* the last one behind it */
    int64_t oparg; /* the last one's; at first -1 */
    int64_t bias;  /* of the last jump: its target beyond its offset and twice its oparg */
    bool jumps;
    size_t next, next_moved, next_jump;
};

struct hop_op_position {
    int64_t line, end_line, column, end_column;
};

struct hop_op_guesses {
    struct hop_op_kind *kinds; /* by opcode */
    size_t kind_count;
    struct hop_id_table argument_of; /* by opcode and oparg */
    uint8_t *name_lengths;           /* by argument */
    uint32_t argument_count;
    /* Of the last op. */
    struct hop_op_kind *last;
    struct hop_op_position position;
};

/* With room for so many arguments, and number 0 among them. False: out of memory; to be deinited
 * all the same. */
bool hop_op_guesses_init(struct hop_op_guesses *guesses, size_t kinds, size_t arguments);
void hop_op_guesses_deinit(struct hop_op_guesses *guesses);

/* A code object begins. */
void hop_op_guesses_begin(struct hop_op_guesses *guesses, int first_line);

/* Turns how many each kind has, in next, next_moved and next_jump, into where the first one is. */
void hop_op_guesses_place(struct hop_op_guesses *guesses);

/* The next argument's text is this one; its number. */
uint32_t hop_op_guesses_add_argument(struct hop_op_guesses *guesses, const char *text);

/* The argument that an op most likely has, and that it has: false: out of memory. */
uint32_t hop_op_guesses_argument(const struct hop_op_guesses *guesses, uint32_t opcode,
                                 int64_t oparg);
bool hop_op_guesses_set_argument(struct hop_op_guesses *guesses, uint32_t opcode, int64_t oparg,
                                 uint32_t argument);

/* The step from the last op's offset. */
int64_t hop_op_guesses_step(const struct hop_op_guesses *guesses);

/* The column at which an op on `line` most likely begins; and at which it ends, when it begins at
 * `column` of it and has this argument. */
int64_t hop_op_guesses_column(const struct hop_op_guesses *guesses, int64_t line);
int64_t hop_op_guesses_end(const struct hop_op_guesses *guesses, int64_t line, int64_t column,
                           uint32_t argument);

#endif
