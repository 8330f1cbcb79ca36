/* Large profiles, see large_profile.h. */
#include "support/large_profile.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS_A_FILE = 10, LINES = 5, OPS_A_LINE = 3, OPS = LINES * OPS_A_LINE };

const struct large_shape large_shape_default = {100000, 30, 100, 4, 1, false};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t below(uint64_t *state, size_t limit)
{
    return (size_t)(next_random(state) % limit);
}

static struct hop_profile *new_profile(size_t threads, size_t codes, size_t nodes)
{
    struct hop_profile *profile = calloc(1, sizeof *profile);
    cr_assert_not_null(profile);
    hop_arena_init(&profile->arena, (size_t)4 << 30);
    struct hop_arena *arena = &profile->arena;
    profile->pid = 4321;
    profile->python = "3.13.0";
    profile->command_line = "python3 large.py";
    profile->mode = "cpu";
    profile->way = "same CPU";
    profile->asked_rate_hz = profile->true_rate_hz = 1000;
    profile->started_ns = UINT64_C(1790000000) * 1000000000;
    profile->threads = hop_arena_alloc(arena, threads * sizeof *profile->threads);
    profile->codes = hop_arena_alloc(arena, codes * sizeof *profile->codes);
    profile->instructions = hop_arena_alloc(arena, codes * OPS * sizeof *profile->instructions);
    profile->nodes = hop_arena_alloc(arena, nodes * sizeof *profile->nodes);
    cr_assert(profile->threads && profile->codes && profile->instructions && profile->nodes);
    for (size_t i = 0; i < threads; i++) {
        profile->threads[i].tid = 4321 + (int)i;
        profile->threads[i].name = hop_arena_printf(arena, "worker-%zu", i);
    }
    profile->thread_count = threads;
    return profile;
}

/* A function of OPS instructions: LOAD_FAST, LOAD_DEREF, CALL on each line. */
static void add_code(struct hop_profile *profile, const char *file, const char *function,
                     int first_line)
{
    static const char *const opcodes[] = {"LOAD_FAST", "LOAD_DEREF", "CALL"};
    uint32_t number = (uint32_t)profile->code_count++;
    struct hop_profile_code *code = &profile->codes[number];
    code->file = file;
    code->function = function;
    code->first_line = first_line;
    code->op_count = OPS;
    code->ops = hop_arena_alloc(&profile->arena, OPS * sizeof *code->ops);
    for (int i = 0; i < OPS; i++) {
        int place = i % OPS_A_LINE, line = first_line + 1 + i / OPS_A_LINE;
        code->ops[i] = (struct hop_profile_op){.offset = (uint32_t)i * 2,
                                               .opcode = opcodes[place],
                                               .oparg = place,
                                               .argument = "",
                                               .line = line,
                                               .end_line = line,
                                               .column = 4 + 4 * place,
                                               .end_column = 8 + 4 * place};
        profile->instructions[profile->instruction_count++] =
            (struct hop_instruction){.function = function,
                                     .file = file,
                                     .first_line = first_line,
                                     .offset = (uint32_t)i * 2,
                                     .opcode = opcodes[place],
                                     .base_opcode = opcodes[place],
                                     .oparg = place,
                                     .line = line,
                                     .end_line = line,
                                     .column = 4 + 4 * place,
                                     .end_column = 8 + 4 * place,
                                     .is_tracked = place == 1,
                                     .code = number};
    }
}

static void add_codes(struct hop_profile *profile, unsigned files)
{
    for (unsigned i = 0; i < files; i++) {
        const char *file =
            hop_arena_printf(&profile->arena, "/srv/app/package_%u/module_%u.py", i / 10, i);
        for (int j = 0; j < FUNCTIONS_A_FILE; j++)
            add_code(profile, file, hop_arena_printf(&profile->arena, "Class_%u.method_%d", i, j),
                     10 + 10 * j);
    }
}

/* An instruction of function `code` that calls; which one is by chance. */
static uint32_t call_in(size_t code, uint64_t *state)
{
    return (uint32_t)(code * OPS + below(state, LINES) * OPS_A_LINE + OPS_A_LINE - 1);
}

static uint32_t add_node(struct hop_profile *profile, uint32_t parent, uint32_t instruction)
{
    profile->nodes[profile->node_count] =
        (struct hop_profile_node){.parent = parent, .instruction = instruction};
    return (uint32_t)profile->node_count++;
}

static void hit(struct hop_profile *profile, uint32_t node, uint64_t samples, uint64_t ns_each)
{
    profile->nodes[node].self += samples;
    profile->nodes[node].self_ns += samples * ns_each;
}

/* Makes the profile's duration, rate and number of ticks those of its samples. */
static struct hop_profile *finish(struct hop_profile *profile)
{
    cr_assert(hop_profile_finish(profile));
    profile->ticks = profile->samples;
    profile->duration_ns = profile->samples_ns;
    return profile;
}

/* Each stack is an earlier one, left at some depth and gone on with from there, as a program's are:
 * a few functions call a few others. */
struct hop_profile *make_large_profile(const struct large_shape *shape)
{
    uint64_t state = 0x9e3779b97f4a7c15 ^ ((uint64_t)shape->seed << 32);
    size_t codes = (size_t)shape->files * FUNCTIONS_A_FILE;
    unsigned most = shape->depth + shape->depth / 2 + 2;
    struct hop_profile *profile =
        new_profile(shape->threads, codes, shape->threads + shape->stacks * most);
    add_codes(profile, shape->files);
    for (size_t i = 0; i < shape->threads; i++)
        add_node(profile, (uint32_t)i, (uint32_t)i);
    uint32_t *path = calloc(most + 1, sizeof *path); /* of the stack before: its nodes */
    size_t *codes_of = calloc(most + 1, sizeof *codes_of);
    size_t depth = 0;
    cr_assert(path && codes_of);
    for (size_t i = 0; i < shape->stacks; i++) {
        size_t wanted = shape->depth / 2 + below(&state, shape->depth + 1) + 1;
        size_t kept = depth ? depth - 1 - below(&state, depth < 12 ? depth : 12) : 0;
        if (kept == 0 || i % (shape->stacks / shape->threads + 1) == 0) {
            path[0] = (uint32_t)(i * shape->threads / shape->stacks);
            kept = 0;
        }
        for (depth = kept; depth < wanted || depth == kept;) {
            size_t code = (codes_of[depth] * 7 + 1 + below(&state, 5)) % codes;
            uint32_t parent = path[depth++];
            path[depth] = add_node(profile, parent, call_in(code, &state));
            codes_of[depth] = code;
        }
        size_t last = (codes_of[depth] + 1) % codes;
        uint32_t leaf = add_node(profile, path[depth], (uint32_t)(last * OPS + below(&state, OPS)));
        uint64_t ns_each = shape->has_weights ? 1000 + below(&state, 2000000) : 1000000;
        hit(profile, leaf, 1 + below(&state, 199), ns_each);
    }
    profile->has_weights = shape->has_weights;
    free(path);
    free(codes_of);
    return finish(profile);
}

struct hop_profile *make_deep_profile(unsigned depth)
{
    uint64_t state = 1;
    struct hop_profile *profile = new_profile(1, 2, depth + 1);
    add_code(profile, "/srv/app/deep.py", "even", 10);
    add_code(profile, "/srv/app/deep.py", "odd", 20);
    uint32_t node = add_node(profile, 0, 0);
    for (unsigned i = 0; i < depth; i++)
        node = add_node(profile, node, call_in(i % 2, &state));
    hit(profile, node, 10, 1000000);
    return finish(profile);
}
