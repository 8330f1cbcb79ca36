/* From ids to words: what an instruction of a kept code object is called and where it stands. */
#ifndef HOP_SESSION_DESCRIBE_H
#define HOP_SESSION_DESCRIBE_H

#include "profile/profile.h"
#include "py/code.h"

/* Fills everything of *row but its counts and its `code`. Strings are the code object's and the
 * layout's own. */
void hop_describe_instruction(const struct hop_layout *layout, const struct hop_code *code,
                              uint32_t unit, uint8_t opcode, struct hop_instruction *row);

/* Fills *described, its bytecode included if that is wanted, with copies in `arena`; false: out of
 * memory. */
bool hop_describe_code(const struct hop_layout *layout, const struct hop_code *code,
                       bool with_bytecode, struct hop_arena *arena,
                       struct hop_profile_code *described);

#endif
