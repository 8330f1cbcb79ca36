/* Which function of one profile is which of another one, and which of their lines are the same:
 * edits above a function, another place of the file, and another version of Python change neither.
 */
#ifndef HOP_PROFILE_DIFF_FUNCTIONS_H
#define HOP_PROFILE_DIFF_FUNCTIONS_H

#include "profile/profile.h"

/* A function of both profiles, or of one of them. */
struct hop_diff_function {
    const struct hop_instruction *before, *after; /* an instruction of it; NULL: not there */
};

/* Where an instruction is, in terms that are the same in both profiles. */
struct hop_diff_place {
    uint32_t function;  /* index of functions */
    int64_t line;       /* equal where the line is the same; only compared, not shown */
    const char *opcode; /* the base opcode's name, or between different bytecodes its family's */
    uint32_t ordinal;   /* of instructions of that name on its line, from 0 */
};

struct hop_diff_functions {
    struct hop_diff_function *functions;
    size_t count;
    struct hop_diff_place *before, *after; /* by instruction of either profile */
};

/* Files are the same by path behind site-packages or the standard library's folder, else by as much
 * of the path's end as they have in common, else by the names of the functions in them. Functions
 * are the same by file and qualified name; several of one name by first line, then by order. Lines
 * are the same by what their bytecode does, in order (the longest common subsequence); where that
 * is not known, by distance from the function's first line.
 *
 * False: out of memory. The profiles have to outlive it. */
bool hop_diff_functions_init(struct hop_diff_functions *functions, const struct hop_profile *before,
                             const struct hop_profile *after);
void hop_diff_functions_deinit(struct hop_diff_functions *functions);

/* Whether two versions ("3.13.0") have the same bytecode: the first two numbers are equal. */
bool hop_diff_same_bytecode(const char *python, const char *other);

#endif
