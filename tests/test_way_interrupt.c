/* Looking in timer interrupts: whom they fall on, and when it is left to wake-ups. */
#include "base/clock.h"
#include "heavyops.h"
#include "profile/profile.h"
#include "sample/bpf.h"
#include "sample/sampler.h"
#include "session/target.h"
#include "support/programs.h"
#include "support/pythons.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

static struct target program;
static struct hop_target *target;
static struct hop_profile *profile;

static void begin(const struct python *python, const char *kind)
{
    char line[16];
    struct hop_error err;
    target_start(&program, python, NULL, "interrupts.py", (const char *const[]){kind, NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    cr_assert_eq(hop_attach(program.pid, NULL, &target, &err), HOP_OK, "%s", err.message);
}

static void end(void)
{
    hop_profile_destroy(profile);
    hop_detach(target);
    target_kill(&program);
}

static enum hop_status look(enum hop_read read, double rate_hz, double seconds,
                            struct hop_error *err)
{
    struct hop_sample_options options = {
        .read = read, .rate_hz = rate_hz, .duration_ns = (uint64_t)(seconds * NS_PER_S), .seed = 1};
    return hop_sample(target, &options, &profile, err);
}

/* Where we may not, nothing of this can be tested, and the reason is printed. */
static void look_in_interrupts(double rate_hz, double seconds)
{
    struct hop_error err;
    enum hop_status status = look(HOP_READ_INTERRUPT, rate_hz, seconds, &err);
    if (status == HOP_ERR_UNSUPPORTED) {
        end();
        cr_skip_test("%s", err.message);
    }
    cr_assert_eq(status, HOP_OK, "%s", err.message);
}

static double share_of(const char *function, bool is_self)
{
    uint64_t samples = 0;
    for (size_t i = 0; i < profile->instruction_count; i++)
        if (!strcmp(profile->instructions[i].function, function))
            samples += is_self ? profile->instructions[i].self : profile->instructions[i].on_stack;
    return (double)samples / (double)profile->samples;
}

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

static struct criterion_test_params all_pythons(void)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t count = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, count, free_pythons);
}

/* Seen as often as they run: most of the program's time is theirs, though each is over after half a
 * millisecond, and an interrupt comes every two. */
ParameterizedTestParameters(way_interrupt, short_lived_threads_are_seen)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, short_lived_threads_are_seen,
                  .timeout = 240)
{
    begin(python, "births");
    look_in_interrupts(500, 2);
    cr_assert_str_eq(profile->way, "interrupts");
    cr_assert_gt(profile->samples, 100);
    cr_assert(share_of("short_lived", true) > 0.5, "%g", share_of("short_lived", true));
    end();
}

/* The same of threads that never have the GIL for long, so that it does not tell whose state is
 * whose. */
ParameterizedTestParameters(way_interrupt, successors_are_seen)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, successors_are_seen, .timeout = 240)
{
    clockid_t clock;
    struct timespec before, after;
    begin(python, "relay");
    cr_assert_eq(clock_getcpuclockid(program.pid, &clock), 0);
    clock_gettime(clock, &before);
    look_in_interrupts(500, 2);
    clock_gettime(clock, &after);
    double ran_s =
        (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
    cr_assert_gt((double)profile->samples, 0.7 * 500 * ran_s, "%g s", ran_s);
    cr_assert(share_of("hash_once", true) > 0.8, "%g", share_of("hash_once", true));
    end();
}

/* A child that was forked is another program. */
ParameterizedTestParameters(way_interrupt, children_are_left_alone)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, children_are_left_alone, .timeout = 240)
{
    begin(python, "forks");
    look_in_interrupts(1000, 1);
    cr_assert_gt(profile->samples, 50);
    cr_assert(share_of("child", false) == 0);
    cr_assert(share_of("parent", false) > 0.9);
    end();
}

/* What the next program does is not taken for the last one's. */
ParameterizedTestParameters(way_interrupt, ends_with_the_program)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, ends_with_the_program, .timeout = 240)
{
    begin(python, "executes");
    look_in_interrupts(1000, 30);
    cr_assert_eq(profile->ending, HOP_ENDED_EXEC);
    cr_assert_lt(profile->duration_ns, 10 * NS_PER_S);
    cr_assert_gt(profile->samples, 50);
    cr_assert(share_of("work", true) + share_of("executes", true) > 0.9);
    end();
}

/* A second interpreter, or a stack with more frames than there is room for in the kernel: wake-ups
 * go on, and nothing is lost. */
ParameterizedTestParameters(way_interrupt, leaves_it_to_wake_ups)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, leaves_it_to_wake_ups, .timeout = 240)
{
    begin(python, "interprets");
    look_in_interrupts(1000, 2);
    cr_assert_str_eq(profile->way, "same CPU");
    cr_assert_geq(profile->ticks + profile->missed, 1990);
    cr_assert(share_of("work", true) > 0.9);
    end();

    begin(python, "deep");
    look_in_interrupts(200, 2);
    cr_assert_str_eq(profile->way, "same CPU");
    cr_assert_gt(profile->samples, 100);
    cr_assert(share_of("deep", false) > 0.9);
    end();
}

/* In 3.11 and 3.12 interrupts fall between two states there, now and then. */
ParameterizedTestParameters(way_interrupt, stacks_in_question_are_found)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, stacks_in_question_are_found,
                  .timeout = 240)
{
    begin(python, "calls_back");
    look_in_interrupts(4000, 1);
    cr_assert_gt(profile->samples, 1000);
    cr_assert(share_of("called", true) > 0.2, "%g", share_of("called", true));
    cr_assert_leq(profile->refused_total, profile->samples / 500);
    end();
}

/* What the instructions of one of makes_code's functions stand for, none of it another's. */
static void check_born(const struct hop_profile_code *code)
{
    char number[16], constant[64];
    bool has_number = false, has_constant = false, has_name = false, has_local = false;
    int kind = atoi(code->function + strlen("born_"));
    snprintf(number, sizeof number, "%d", 1000 + kind);
    snprintf(constant, sizeof constant, "('born %d', (None, 2.5, (b'%d',)))", kind, kind);
    cr_assert_eq(strlen(code->file), 800);
    cr_assert_eq(code->first_line, kind + 2, "%s at %d", code->function, code->first_line);
    for (size_t i = 0; i < code->op_count; i++) {
        const struct hop_profile_op *op = &code->ops[i];
        has_number |= !strcmp(op->argument, number);
        has_constant |= !strcmp(op->argument, constant);
        has_name |= strstr(op->argument, "range") != NULL;
        has_local |= !strcmp(op->argument, "born");
        if (!strcmp(op->opcode, "LOAD_CONST"))
            cr_assert(strncmp(op->argument, "10", 2) || !strcmp(op->argument, number), "%s in %s",
                      op->argument, code->function);
    }
    if (has_number && has_constant && has_name && has_local)
        return;
    for (size_t i = 0; i < code->op_count; i++)
        cr_log_error("%s (%s)", code->ops[i].opcode, code->ops[i].argument);
    cr_assert_fail("%s", code->function);
}

/* Code objects that are gone before anybody could read them. */
ParameterizedTestParameters(way_interrupt, code_that_is_freed_at_once_has_names)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, code_that_is_freed_at_once_has_names,
                  .timeout = 240)
{
    size_t born = 0;
    begin(python, "makes_code");
    look_in_interrupts(2000, 2);
    cr_assert_str_eq(profile->way, "interrupts");
    cr_assert_leq(profile->refused_total, profile->samples / 200, "%lu of %lu",
                  profile->refused_total, profile->samples);
    for (size_t i = 0; i < profile->code_count; i++) {
        if (strncmp(profile->codes[i].function, "born_", strlen("born_")))
            continue;
        check_born(&profile->codes[i]);
        born++;
    }
    cr_assert_geq(born, 8);
    end();
}

static bool has_argument(const struct hop_profile_code *code, const char *word)
{
    for (size_t i = 0; i < code->op_count; i++)
        if (strstr(code->ops[i].argument, word))
            return true;
    return false;
}

/* Up to 3.11 code objects have no version, and all that these point to is where the last one's was:
 * what is called tells whether the caller was taken for another one. */
ParameterizedTestParameters(way_interrupt, alike_code_in_the_same_place_is_told_apart)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, alike_code_in_the_same_place_is_told_apart,
                  .timeout = 240)
{
    size_t calls = 0, wrong = 0;
    begin(python, "makes_alike_code");
    look_in_interrupts(2000, 2);
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        if (node->parent == i || profile->nodes[node->parent].parent == node->parent)
            continue;
        const struct hop_instruction *callee = &profile->instructions[node->instruction];
        const struct hop_instruction *caller =
            &profile->instructions[profile->nodes[node->parent].instruction];
        if (strncmp(callee->function, "callee_", strlen("callee_")))
            continue;
        cr_assert_str_eq(caller->function, "alike");
        calls += node->self;
        if (!has_argument(&profile->codes[caller->code], callee->function))
            wrong += node->self;
    }
    cr_assert_gt(calls, 100);
    cr_assert_eq(wrong, 0, "%zu of %zu", wrong, calls);
    cr_assert_leq(profile->refused_total, profile->samples / 100);
    end();
}

/* Frames that lie anywhere: all of a stack is found, and nothing else is. */
ParameterizedTestParameters(way_interrupt, frames_on_the_heap_are_found)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, frames_on_the_heap_are_found,
                  .timeout = 240)
{
    begin(python, "delegates");
    look_in_interrupts(2000, 2);
    cr_assert_gt(profile->samples, 500);
    cr_assert_leq(profile->refused_total, profile->samples / 100, "%lu of %lu",
                  profile->refused_total, profile->samples);
    cr_assert(share_of("innermost", true) > 0.6, "%g", share_of("innermost", true));
    cr_assert(share_of("delegate", false) > 0.8, "%g", share_of("delegate", false));
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        const struct hop_instruction *of = &profile->instructions[node->instruction];
        if (node->parent != i && !strcmp(of->function, "innermost"))
            cr_assert_str_eq(
                profile->instructions[profile->nodes[node->parent].instruction].function,
                "delegate");
    }
    end();
}

/* What can't be copied is read when the interrupt has woken us, if it lives for long enough; and
 * where it does not, that does not keep us from the rest. From 3.12 on tracing replaces
 * instructions, and where the old ones are is not copied. */
ParameterizedTestParameters(way_interrupt, code_that_is_not_copied_is_read)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, code_that_is_not_copied_is_read,
                  .timeout = 240)
{
    begin(python, "makes_traced_code");
    look_in_interrupts(1000, 2);
    cr_assert_gt(profile->samples, 100);
    cr_assert_leq(profile->refused_total, profile->samples / 3, "traced: %lu of %lu",
                  profile->refused_total, profile->samples);
    end();

    begin(python, "makes_large_code");
    look_in_interrupts(1000, 2);
    cr_assert_gt(profile->samples, 100);
    cr_assert_lt(profile->missed, 4 * profile->ticks, "large: %lu missed, %lu samples",
                 profile->missed, profile->samples);
    cr_assert(share_of("large", true) > 0.3, "%g", share_of("large", true));
    end();
}

/* Mode cpu counts a thread that keeps all others waiting, asleep as it is. */
ParameterizedTestParameters(way_interrupt, a_sleeper_with_the_gil_is_seen)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, a_sleeper_with_the_gil_is_seen,
                  .timeout = 240)
{
    begin(python, "sleeps");
    look_in_interrupts(1000, 1);
    cr_assert_str_eq(profile->way, "interrupts");
    cr_assert_gt(profile->samples, 5);
    cr_assert(share_of("sleep_with_the_gil", true) > 0.9);
    end();
}

/* A thread that has let go of the GIL runs too. */
ParameterizedTestParameters(way_interrupt, threads_without_the_gil_are_seen)
{
    return all_pythons();
}
ParameterizedTest(struct python *python, way_interrupt, threads_without_the_gil_are_seen,
                  .timeout = 240)
{
    begin(python, "hashes");
    look_in_interrupts(1000, 1);
    cr_assert(share_of("without_the_gil", true) > 0.2, "%g", share_of("without_the_gil", true));
    cr_assert(share_of("work", true) > 0.2, "%g", share_of("work", true));
    end();
}

Test(way_interrupt, is_the_kind_of_cpu_that_is_to_be_had, .timeout = 240)
{
    struct python pythons[PYTHONS_MAX];
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8);
    struct hop_error err;
    bool may_first = false;
    for (size_t i = 0; i < found; i++) {
        begin(&pythons[i], "forks");
        bool may = look(HOP_READ_INTERRUPT, 100, 0.1, &err) != HOP_ERR_UNSUPPORTED;
        hop_profile_destroy(profile);
        /* It is for the kernel to say, not for the version: a program that the verifier does not
         * take would make all other tests here be skipped. */
        may_first = i ? may_first : may;
        cr_assert_eq(may, may_first, "%s: %s", pythons[i].version, err.message);
        cr_assert_eq(look(HOP_READ_CPU, 1000, 0.3, &err), HOP_OK, "%s", err.message);
        cr_assert_str_eq(profile->way, may ? "interrupts" : "same CPU");
        hop_profile_destroy(profile);
        cr_assert_eq(look(HOP_READ_WAKEUP, 1000, 0.1, &err), HOP_OK, "%s", err.message);
        cr_assert_str_eq(profile->way, "same CPU");
        end();
    }
}

/* Both in one container: its numbers of threads are not the kernel's. */
Test(way_interrupt, works_inside_a_pid_namespace, .timeout = 60)
{
    struct python pythons[PYTHONS_MAX];
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8);
    cr_assert(found);
    if (system("unshare --pid --mount --fork mount -t proc proc /proc 2>/dev/null") != 0)
        cr_skip_test("no PID namespace may be made here");
    begin(&pythons[0], "forks");
    look_in_interrupts(100, 0.1); /* or it is skipped */
    end();
    run_command("unshare --pid --mount --fork bash -c 'mount -t proc proc /proc && "
                "exec 3< <(exec %s %s/tests/targets/interrupts.py forks) && read -r ready <&3 && "
                "%s attach --read interrupt --pid $! -d 0.3 -r 1000 2>&1' "
                "| grep -q 'mode cpu, interrupts'",
                pythons[0].command, HOP_TEST_ROOT, HOP_TEST_COMMAND);
}

/* A tenth of a millisecond for each, where there are twenty a millisecond. */
static bool count_slowly(void *context, uint32_t thread, const struct hop_step *frames,
                         size_t depth, size_t same, uint64_t tick, uint64_t weight_ns,
                         uint32_t *place)
{
    uint64_t until_ns = hop_now_ns() + 100 * 1000;
    (void)context, (void)thread, (void)frames, (void)depth, (void)same, (void)tick, (void)weight_ns;
    *place = 0;
    while (hop_now_ns() < until_ns)
        continue;
    return true;
}

static void count_again(void *context, uint32_t place, uint64_t times, uint64_t tick,
                        uint64_t weight_ns)
{
    (void)context, (void)place, (void)times, (void)tick, (void)weight_ns;
}

/* Records that we have no time for are not lost one by one: there come to be fewer of them. */
Test(way_interrupt, looks_less_often_where_it_falls_behind, .timeout = 240)
{
    struct python python;
    struct hop_sampler sampler;
    struct hop_error err;
    python_choose(&python, 8);
    spin_start(&program, &python, (const char *const[]){NULL});
    cr_assert_eq(hop_attach(program.pid, NULL, &target, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(
        hop_sampler_init(&sampler, &target->process, &target->python, &target->reader.base, &err),
        HOP_OK, "%s", err.message);
    struct hop_sampler_plan plan = {
        .rate_hz = 20000,
        .read = HOP_READ_INTERRUPT,
        .duration_ns = 2 * NS_PER_S,
        .seed = 1,
        .sink = {NULL, count_slowly, count_again},
    };
    enum hop_status status = hop_sampler_run(&sampler, &plan, &err);
    struct hop_sampler_counts counts = sampler.counts;
    hop_sampler_deinit(&sampler);
    end();
    if (status == HOP_ERR_UNSUPPORTED)
        cr_skip_test("%s", err.message);
    cr_assert_eq(status, HOP_OK, "%s", err.message);
    cr_assert_gt(counts.missed, counts.ticks);
    cr_assert_lt(counts.refused[HOP_REFUSED_NO_ROOM], counts.samples / 2, "%lu lost of %lu",
                 counts.refused[HOP_REFUSED_NO_ROOM], counts.samples);
}

Test(way_interrupt, says_what_it_cannot)
{
    struct python pythons[PYTHONS_MAX];
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8);
    struct hop_error err;
    cr_assert(found);
    begin(&pythons[found - 1], "forks");
    struct hop_sample_options wall = {
        .read = HOP_READ_INTERRUPT, .rate_hz = 100, .duration_ns = NS_PER_S, .mode = HOP_MODE_WALL};
    cr_assert_eq(hop_sample(target, &wall, &profile, &err), HOP_ERR_UNSUPPORTED);
    cr_assert(strstr(err.message, "only threads that run"), "%s", err.message);
    cr_assert_eq(look(HOP_READ_INTERRUPT, 1e6, 1, &err), HOP_ERR_UNSUPPORTED);
    cr_assert(strstr(err.message, "50,000 times a second"), "%s", err.message);
    end();
}

/* --- the assembler ---------------------------------------------------------------------------- */

Test(bpf, what_does_not_fit_is_not_loaded)
{
    struct hop_bpf_code code = {0};
    for (int i = 0; i <= HOP_BPF_INSTRUCTIONS_MAX; i++)
        hop_bpf_set(&code, 0, 0);
    cr_assert_eq(hop_bpf_load_code(&code), -1);
    cr_assert_eq(errno, E2BIG);

    code = (struct hop_bpf_code){0};
    hop_bpf_load(&code, BPF_DW, 1, 2, INT16_MAX + 1);
    cr_assert_eq(hop_bpf_load_code(&code), -1);
    cr_assert_eq(errno, E2BIG);
}

Test(bpf, jumps_lead_to_their_labels)
{
    struct hop_bpf_code code = {0};
    enum { FORWARD, BACK, OTHER };
    hop_bpf_label(&code, BACK);
    hop_bpf_jump(&code, FORWARD);
    hop_bpf_jump_if(&code, BPF_JEQ, 1, 0, BACK);
    hop_bpf_set_function(&code, 2, OTHER);
    hop_bpf_label(&code, FORWARD);
    hop_bpf_return(&code, 0);
    hop_bpf_begin_function(&code, OTHER);
    hop_bpf_return(&code, 1);
    int program_fd = hop_bpf_load_code(&code); /* refused: code that is never reached */
    cr_assert_eq(program_fd, -1);
    cr_assert_eq(code.instructions[0].off, 3);
    cr_assert_eq(code.instructions[1].off, -2);
    cr_assert_eq(code.instructions[2].imm, 3);
}
