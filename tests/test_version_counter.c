/* The count of versions, found in every interpreter that has one: it stands still while no code
 * object is made, and only then. */
#include "py/threads.h"
#include "py/version_counter.h"
#include "session/target.h"
#include "support/pythons.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

static void do_as_told(struct target *program, const char *what)
{
    char line[16];
    fprintf(program->in, "%s\n", what);
    fflush(program->in);
    cr_assert(fgets(line, sizeof line, program->out));
    cr_assert_str_eq(line, "done\n");
}

static uint32_t read_count(struct hop_target *target, uint64_t addr)
{
    uint32_t count;
    cr_assert(hop_read(&target->reader.base, addr, &count, sizeof count));
    return count;
}

ParameterizedTestParameters(version_counter, tells_whether_code_was_made)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

ParameterizedTest(struct python *python, version_counter, tells_whether_code_was_made,
                  .timeout = 240)
{
    struct target program;
    struct hop_target *target;
    struct hop_error err;
    struct hop_interpreter interpreter;
    static uint8_t scratch[HOP_VERSION_CACHE_BYTES];
    char line[32];
    target_start(&program, python, NULL, "versions.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    uint64_t code_addr = strtoull(line, NULL, 10);
    cr_assert_eq(hop_attach(program.pid, NULL, &target, &err), HOP_OK, "%s", err.message);
    struct hop_reader *reader = &target->reader.base;
    const struct hop_layout *layout = &target->python.layout;
    cr_assert_eq(
        hop_interpreters_list(reader, layout, target->python.runtime_addr, &interpreter, 1), 1);
    uint64_t addr = hop_version_counter_find(reader, layout, interpreter.addr, code_addr, scratch);
    cr_assert_eq(addr != 0, python->minor >= 13, "%s", python->version);
    /* What is no code object has no place in the cache. */
    cr_assert_eq(
        hop_version_counter_find(reader, layout, interpreter.addr, interpreter.addr, scratch), 0);
    for (int i = 0; addr && i < 5; i++) {
        uint32_t before = read_count(target, addr);
        do_as_told(&program, "run");
        cr_assert_eq(read_count(target, addr), before, "%s", python->version);
        do_as_told(&program, "make");
        cr_assert_geq(read_count(target, addr), before + 10, "%s", python->version);
    }
    hop_detach(target);
    target_kill(&program);
}
