/* Programs at rest, what they say of their own stacks, and what the command's dump says of them. */
#ifndef TEST_STACKS_H
#define TEST_STACKS_H

#include "support/pythons.h"

#include <jansson.h>

/* Runs tests/targets/`script` under targets/truth.py with PYTHON_JIT=1; `word` may be NULL. */
void truth_start(struct target *target, const struct python *python, const char *script,
                 const char *word);

struct stacks {
    struct target target;
    json_t *truth; /* a list of what targets/truth.py wrote, a thread each */
};

/* Runs tests/targets/stacks/`kind`.py with PYTHON_JIT=1, and returns when all its threads are
 * asleep in the system calls they named. Fails the test when it does not come to rest. */
void stacks_start(struct stacks *stacks, const struct python *python, const char *kind);
void stacks_end(struct stacks *stacks);

/* `heavyops dump --format json` of a process; the caller's. */
json_t *stacks_dump(pid_t pid);

/* Compares a dump with the truth: the same threads, and in each the same frames, instruction by
 * instruction. Logs the first differences; their number. */
size_t stacks_differences(const struct stacks *stacks, const json_t *dump);

#endif
