/* How `record` begins: a script of a millisecond, over before the second instant of the usual rate,
 * is seen with its hot instruction. */
#include "heavyops.h"
#include "profile/profile.h"
#include "support/offline.h"
#include "support/pythons.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

/* The closure's line in closure.py. */
enum { HOT_LINE = 8 };

/* Judged are runs before and after which a CPU was to spare: half of them at least. Without an
 * opening hardly any of them shows the instruction: the script is a thousandth of a second long,
 * and does other things too. */
enum { TRIES_MAX = 60, RUNS_WANTED = 10 };

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

static struct criterion_test_params every_python(void)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

#ifdef __SANITIZE_ADDRESS__
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

/* Whether no more threads run or want to than there are CPUs besides the one for the program; we
 * are one of them. */
static bool has_cpu_to_spare(void)
{
    long runnable;
    FILE *file = fopen("/proc/loadavg", "re");
    cr_assert(file && fscanf(file, "%*s %*s %*s %ld/", &runnable) == 1);
    fclose(file);
    return runnable < sysconf(_SC_NPROCESSORS_ONLN);
}

/* The whole of a run, as record samples it; NULL: it was over before it was attached. */
static struct hop_profile *record(const struct python *python)
{
    struct target program;
    struct hop_target *target;
    struct hop_profile *profile;
    struct hop_error err;
    const struct hop_attach_options attaching = {.wait_ns = 60 * NS_PER_S};
    const struct hop_sample_options sampling = {.rate_hz = 1000, .opens_live = true};
    target_start(&program, python, NULL, "closure.py", (const char *const[]){NULL});
    if (hop_attach(program.pid, &attaching, &target, &err) != HOP_OK) {
        target_end(&program);
        return NULL;
    }
    enum hop_status status = hop_sample(target, &sampling, &profile, &err);
    hop_detach(target);
    target_end(&program);
    if (status == HOP_ERR_GONE)
        return NULL;
    cr_assert(status == HOP_OK || status == HOP_ERR_NOTHING, "%s", err.message);
    cr_assert_eq(hop_profile_ending(profile), HOP_ENDED_EXITED);
    return profile;
}

static bool shows_the_hot_instruction(const struct hop_profile *profile)
{
    size_t count;
    const struct hop_instruction *rows = hop_profile_instructions(profile, &count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].self && rows[i].line == HOT_LINE && strstr(rows[i].function, "intersects") &&
            !strcmp(rows[i].base_opcode, "LOAD_DEREF"))
            return true;
    return false;
}

ParameterizedTestParameters(opening, a_script_of_a_millisecond_shows_its_hot_instruction)
{
    return every_python();
}

ParameterizedTest(struct python *python, opening,
                  a_script_of_a_millisecond_shows_its_hot_instruction, .timeout = 240)
{
    cpu_set_t ours;
    int runs = 0, shown = 0;
    cr_assert_eq(sched_getaffinity(0, sizeof ours, &ours), 0);
    if (CPU_COUNT(&ours) < 2)
        cr_skip_test("there is one CPU only: no opening");
    for (int i = 0; i < TRIES_MAX && runs < RUNS_WANTED; i++) {
        bool was_to_spare = has_cpu_to_spare();
        struct hop_profile *profile = record(python);
        cr_assert(!profile || profile->opening_ns, "it began without an opening");
        if (profile && was_to_spare && has_cpu_to_spare()) {
            runs++;
            shown += shows_the_hot_instruction(profile);
        }
        hop_profile_destroy(profile);
    }
    if (runs < RUNS_WANTED)
        cr_skip_test("%s: a CPU was to spare in %d of %d runs", python->version, runs, TRIES_MAX);
    /* Sanitized, we are several times as slow as we are. */
    cr_assert_geq(is_sanitized ? runs * shown : 2 * shown, runs, "%s: %d of %d runs",
                  python->version, shown, runs);
}

/* Where others want all CPUs there is none for an opening: it ends at once. */
Test(opening, on_a_busy_machine_is_short)
{
    struct python pythons[PYTHONS_MAX];
    if (!pythons_find(pythons, PYTHONS_MAX, 8))
        cr_skip_test("no interpreter was found");
    pretend_cpus(1); /* the program and we are two */
    struct hop_profile *profile = record(&pythons[0]);
    if (!profile)
        cr_skip_test("too busy: it was over before it was attached");
    cr_assert_lt(profile->opening_ns, HOP_OPENING_NS);
    cr_assert_lt(profile->opening_ns, profile->duration_ns);
    hop_profile_destroy(profile);
}
