/* Which line of a function is which of the function's other edition. */
#ifndef HOP_PROFILE_DIFF_LINES_H
#define HOP_PROFILE_DIFF_LINES_H

#include "profile/profile.h"

/* The lines of the later edition that have bytecode, and which they were. */
struct hop_diff_lines {
    struct hop_diff_line {
        int after, before; /* before 0: it is new */
    } * lines;             /* by `after` */
    size_t count;
};

/* Lines are the same whose bytecode does the same, in order; lines between two of these are, when
 * there are as many as before. What a line does are its opcodes and what they stand for. Between
 * different bytecodes it is only the names in it; and where there are not as many lines as before,
 * those are the same that are as far from their neighbours. False: out of memory. */
bool hop_diff_lines_init(struct hop_diff_lines *lines, const struct hop_profile_code *before,
                         const struct hop_profile_code *after, bool is_same_bytecode);
void hop_diff_lines_deinit(struct hop_diff_lines *lines);

/* The row of a line, or NULL. */
const struct hop_diff_line *hop_diff_lines_find(const struct hop_diff_lines *lines, int after);

#endif
