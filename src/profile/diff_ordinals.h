/* The how-manieth of its name an instruction is on its line. */
#ifndef HOP_PROFILE_DIFF_ORDINALS_H
#define HOP_PROFILE_DIFF_ORDINALS_H

#include "profile/profile.h"

/* The bytecode of a profile's code objects, by line and name. The profile has to outlive it. */
struct hop_diff_ordinals {
    const struct hop_profile *profile;
    struct hop_diff_op {
        int line;
        const char *name;
        uint32_t offset;
    } * ops;          /* by code object, then line, name and offset */
    size_t *first_of; /* by code object; one more: their number */
    bool is_same_bytecode;
};

/* Where the profiles' bytecodes differ, names are those of families. False: out of memory. */
bool hop_diff_ordinals_init(struct hop_diff_ordinals *ordinals, const struct hop_profile *profile,
                            bool is_same_bytecode);
void hop_diff_ordinals_deinit(struct hop_diff_ordinals *ordinals);

/* What an instruction is called in a comparison: its base opcode, or that one's family. */
const char *hop_diff_name(const struct hop_diff_ordinals *ordinals, const char *base_opcode);

/* How many of the instruction's name are before it on its line. A PRECALL is counted with the CALL
 * it is of. */
uint32_t hop_diff_ordinal(const struct hop_diff_ordinals *ordinals,
                          const struct hop_instruction *instruction);

#endif
