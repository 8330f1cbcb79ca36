/* The finder on programs that embed CPython: linked statically or loading a library, with and
 * without symbols, sections, exports; before, during and after the time that CPython is
 * initialized. */
#include "support/programs.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

/* What is left in a program that CPython was linked into, and how it is found then. */
enum strip { STRIP_NOTHING, STRIP_SYMBOLS, STRIP_SECTIONS };

struct embedding {
    struct python python;
    enum strip strip;
    bool is_pie;
};

static void free_programs(struct criterion_test_params *params)
{
    cr_free(params->params);
}

static const char *expected_found_by(const struct embedding *program)
{
    bool has_section = program->python.minor >= 10, has_cookie = program->python.minor >= 13;
    switch (program->strip) {
    case STRIP_NOTHING:
        return "symbol";
    case STRIP_SYMBOLS:
        return has_section ? ".PyRuntime section" : "scan";
    case STRIP_SECTIONS:
        return has_cookie ? "debug cookie" : "scan";
    }
    return NULL;
}

/* Links tests/targets/embed.c with the static libpython, whose symbols it does not export. */
static void link_program(const struct embedding *program, const char *archive, const char *path)
{
    run_command("%s -w -O1 -DEMBED_LINKED %s '" HOP_TEST_ROOT
                "/tests/targets/embed.c' '%s' -o '%s' "
                "-lpthread -ldl -lutil -lm %s",
                getenv("CC") ? getenv("CC") : "cc", program->is_pie ? "-fPIE -pie" : "-no-pie",
                archive, path,
                /* Debian builds more modules in. */
                strcmp(program->python.kind, "system") == 0 ? "-lz -lexpat" : "");
    if (program->strip >= STRIP_SYMBOLS)
        run_command("strip -s '%s'", path);
    if (program->strip >= STRIP_SECTIONS)
        forget_sections(path);
}

/* Looks at the program in the phase it says it is in. */
static struct finding *find_in_phase(struct target *target, const char *phase, uint64_t *number)
{
    program_says(target, phase, number, NULL);
    return finding_create(target->pid, NULL);
}

static void assert_found(const struct finding *finding, const struct embedding *program,
                         const char *phase, uint64_t runtime_addr)
{
    const struct hop_python *found = &finding->python;
    cr_assert_eq(finding->status, HOP_OK, "%s: %s: %s", program->python.version, phase,
                 finding->err.message);
    cr_assert_str_eq(found->version, program->python.version, "%s", phase);
    cr_assert_str_eq(found->found_by, expected_found_by(program), "%s: %s for %s", phase,
                     found->found_by, expected_found_by(program));
    cr_assert_eq(found->runtime_addr, runtime_addr, "%s: 0x%lx for 0x%lx", phase,
                 (long)found->runtime_addr, (long)runtime_addr);
}

/* Before and after: found as not started, or, where only what it does when it is started gives it
 * away, not found. */
static void assert_not_started(struct finding *finding, const struct embedding *program,
                               const char *phase, uint64_t runtime_addr)
{
    if (strcmp(expected_found_by(program), "scan") == 0) {
        cr_assert_eq(finding->status, HOP_ERR_NOT_PYTHON, "%s: %s", phase, finding->err.message);
        return;
    }
    assert_found(finding, program, phase, runtime_addr);
    cr_assert(!hop_python_is_started(&finding->reader.base, &finding->python), "%s", phase);
    cr_assert_eq(hop_python_validate(&finding->reader.base, &finding->python, &finding->err),
                 HOP_ERR_NOT_PYTHON);
}

static void assert_started(struct finding *finding, const struct embedding *program,
                           const char *phase, uint64_t runtime_addr)
{
    assert_found(finding, program, phase, runtime_addr);
    cr_assert(hop_python_is_started(&finding->reader.base, &finding->python), "%s", phase);
    cr_assert_eq(hop_python_validate(&finding->reader.base, &finding->python, &finding->err),
                 HOP_OK, "%s: %s", phase, finding->err.message);
}

/* All phases of tests/targets/embed.c from "loaded" on. */
static void look_through_life(struct target *target, const struct embedding *program)
{
    uint64_t runtime_addr, code_type_addr;
    struct finding *finding = find_in_phase(target, "loaded", &runtime_addr);
    assert_not_started(finding, program, "loaded", runtime_addr);
    finding_destroy(finding);
    program_continue(target);

    /* Its thread runs C, and has no Python frame. */
    finding = find_in_phase(target, "initialized", NULL);
    assert_started(finding, program, "initialized", runtime_addr);
    finding_destroy(finding);
    program_continue(target);

    finding = find_in_phase(target, "running", &code_type_addr);
    assert_started(finding, program, "running", runtime_addr);
    cr_assert_eq(finding->python.code_type_addr, code_type_addr);
    finding_destroy(finding);
    program_continue(target);

    finding = find_in_phase(target, "finalized", NULL);
    assert_not_started(finding, program, "finalized", runtime_addr);
    finding_destroy(finding);
}

/* Every python, as often as `per_python` says. */
static struct criterion_test_params
programs_of_all(const struct embedding *variants, size_t per_python,
                bool (*has_library)(const struct python *, char *, size_t))
{
    struct python pythons[PYTHONS_MAX];
    char library[512];
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8), count = 0;
    struct embedding *programs = cr_malloc((found * per_python + 1) * sizeof *programs);
    for (size_t i = 0; i < found; i++) {
        if (!has_library(&pythons[i], library, sizeof library))
            continue;
        for (size_t j = 0; j < per_python; j++) {
            programs[count] = variants[j];
            programs[count++].python = pythons[i];
        }
    }
    return cr_make_param_array(struct embedding, programs, count, free_programs);
}

ParameterizedTestParameters(find_embedded, linked_statically)
{
    static const struct embedding variants[] = {
        {.strip = STRIP_NOTHING, .is_pie = true},   {.strip = STRIP_SYMBOLS, .is_pie = true},
        {.strip = STRIP_SECTIONS, .is_pie = true},  {.strip = STRIP_NOTHING, .is_pie = false},
        {.strip = STRIP_SECTIONS, .is_pie = false},
    };
    return programs_of_all(variants, sizeof variants / sizeof variants[0], static_libpython);
}

ParameterizedTest(struct embedding *program, find_embedded, linked_statically, .timeout = 240)
{
    char archive[512], path[512], home[512];
    struct folder folder;
    struct target target;
    cr_assert(static_libpython(&program->python, archive, sizeof archive));
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/server", folder.path);
    snprintf(home, sizeof home, "PYTHONHOME=%s", python_home(&program->python));
    link_program(program, archive, path);
    program_start(&target, (char *[]){path, NULL}, home);
    look_through_life(&target, program);
    target_end(&target);
    folder_remove(&folder);
}

/* Neither is started; a call of Py_Initialize would start the program's own. */
Test(find_embedded, linked_statically_and_a_libpython_besides, .timeout = 240)
{
    struct python pythons[PYTHONS_MAX];
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8), tried = 0;
    struct folder folder;
    folder_make(&folder);
    for (size_t i = 0; i < count; i++) {
        struct embedding program = {.python = pythons[i], .strip = STRIP_NOTHING, .is_pie = true};
        char archive[512], shared[512], preload[600], path[512];
        struct target target;
        struct finding *finding;
        uint64_t runtime_addr;
        if (!static_libpython(&pythons[i], archive, sizeof archive) ||
            !shared_libpython(&pythons[i], shared, sizeof shared))
            continue;
        snprintf(path, sizeof path, "%s/server", folder.path);
        snprintf(preload, sizeof preload, "LD_PRELOAD=%s", shared);
        link_program(&program, archive, path);
        program_start(&target, (char *[]){path, NULL}, preload);
        finding = find_in_phase(&target, "loaded", &runtime_addr);
        assert_not_started(finding, &program, "loaded", runtime_addr);
        finding_destroy(finding);
        target_end(&target);
        tried++;
    }
    folder_remove(&folder);
    if (tried == 0)
        cr_skip_test("no interpreter here has both a static and a shared libpython");
}

ParameterizedTestParameters(find_embedded, loaded_late)
{
    static const struct embedding variant = {.strip = STRIP_NOTHING};
    return programs_of_all(&variant, 1, shared_libpython);
}

/* A library that is not named like Python, loaded by a program that has nothing to do with it, and
 * gone from the disk. */
ParameterizedTest(struct embedding *program, find_embedded, loaded_late, .timeout = 240)
{
    char shared[512], plugin[512], path[512], home[512];
    struct folder folder;
    struct target target;
    cr_assert(shared_libpython(&program->python, shared, sizeof shared));
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/server", folder.path);
    snprintf(plugin, sizeof plugin, "%s/plugin.so", folder.path);
    snprintf(home, sizeof home, "PYTHONHOME=%s", python_home(&program->python));
    run_command("cp '%s' '%s'", shared, plugin);
    run_command("%s -w -O1 '" HOP_TEST_ROOT "/tests/targets/embed.c' -o '%s' -ldl",
                getenv("CC") ? getenv("CC") : "cc", path);
    program_start(&target, (char *[]){path, plugin, NULL}, home);
    struct finding *finding = find_in_phase(&target, "empty", NULL);
    cr_assert_eq(finding->status, HOP_ERR_NOT_PYTHON);
    finding_destroy(finding);
    program_continue(&target);
    look_through_life(&target, program);
    target_end(&target);
    folder_remove(&folder);
}
