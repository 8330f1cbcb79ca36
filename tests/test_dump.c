/* What `heavyops dump` tells of programs of every kind, run by every interpreter found, is what
 * they say of themselves: the same threads, frames, offsets, instructions, lines and columns. */
#include "support/stacks.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

static const struct {
    const char *name; /* of a file in targets/stacks */
    int minor_min;    /* the first version that has it */
} kinds[] = {
    {"functions", 8}, {"generators", 8}, {"coroutines", 8}, {"recursion", 8}, {"callbacks", 8},
    {"made", 8},      {"imports", 8},    {"threads", 8},    {"names", 8},     {"interpreters", 8},
    {"frames", 8},    {"extended", 8},   {"exceptions", 8}, {"traced", 8},    {"jit", 8},
    {"match", 10},    {"monitored", 12},
};

struct subject {
    struct python python;
    char kind[16];
};

static void free_subjects(struct criterion_test_params *params)
{
    cr_free(params->params);
}

ParameterizedTestParameters(dump, is_what_the_program_says)
{
    enum { KINDS = sizeof kinds / sizeof *kinds };
    struct python pythons[PYTHONS_MAX];
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8), count = 0;
    struct subject *subjects = cr_malloc((found * KINDS + 1) * sizeof *subjects);
    for (size_t i = 0; i < found; i++) {
        for (size_t kind = 0; kind < KINDS; kind++) {
            if (pythons[i].minor < kinds[kind].minor_min)
                continue;
            subjects[count].python = pythons[i];
            strcpy(subjects[count++].kind, kinds[kind].name);
        }
    }
    return cr_make_param_array(struct subject, subjects, count, free_subjects);
}

ParameterizedTest(struct subject *subject, dump, is_what_the_program_says, .timeout = 300)
{
    struct stacks stacks;
    stacks_start(&stacks, &subject->python, subject->kind);
    json_t *dump = stacks_dump(stacks.target.pid);
    size_t differences = stacks_differences(&stacks, dump);
    cr_assert_eq(differences, 0, "%s, %s: %zu of %zu threads differ", subject->python.version,
                 subject->kind, differences, json_array_size(stacks.truth));
    json_decref(dump);
    stacks_end(&stacks);
}
