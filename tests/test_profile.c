/* The profile that is made of nodes: hits, order, joined rows, hits by thread. */
#include "profile/profile.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A node with so many hits, which stand for a millisecond each. */
#define NODE(parent, instruction, self)                                                            \
    {                                                                                              \
        parent, instruction, self, (self)*UINT64_C(1000000)                                        \
    }

static struct hop_instruction row(const char *function, uint32_t offset)
{
    return (struct hop_instruction){.function = function,
                                    .file = "a.py",
                                    .offset = offset,
                                    .opcode = "NOP",
                                    .base_opcode = "NOP",
                                    .oparg = -1,
                                    .line = 1};
}

/* A profile on the heap, as hop_profile_destroy wants it, of copies of what is given. */
static struct hop_profile *finish(const struct hop_instruction *rows, size_t row_count,
                                  const struct hop_profile_node *nodes, size_t node_count,
                                  size_t thread_count)
{
    struct hop_profile *profile = calloc(1, sizeof *profile);
    hop_arena_init(&profile->arena, 1 << 20);
    profile->instructions = hop_arena_copy(&profile->arena, rows, row_count * sizeof *rows);
    profile->instruction_count = row_count;
    profile->nodes = hop_arena_copy(&profile->arena, nodes, node_count * sizeof *nodes);
    profile->node_count = node_count;
    profile->threads = hop_arena_alloc(&profile->arena, thread_count * sizeof *profile->threads);
    profile->thread_count = thread_count;
    cr_assert(hop_profile_finish(profile));
    return profile;
}

static const struct hop_instruction *find(const struct hop_profile *profile, const char *function)
{
    size_t count;
    const struct hop_instruction *rows = hop_profile_instructions(profile, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].function, function) == 0)
            return &rows[i];
    cr_assert_fail("no row of %s", function);
    return NULL;
}

Test(profile, counts_self_and_callers_apart)
{
    struct hop_instruction rows[] = {row("main", 0), row("f", 0), row("g", 0)};
    struct hop_profile_node nodes[] = {
        NODE(0, 0, 0), /* thread 0 */
        NODE(0, 0, 5), /* main */
        NODE(1, 1, 7), /* main f */
        NODE(2, 2, 11) /* main f g */
    };
    struct hop_profile *profile = finish(rows, 3, nodes, 4, 1);
    cr_assert_eq(hop_profile_samples(profile), 23);
    cr_assert_eq(profile->samples_ns, 23000000);
    cr_assert_eq(profile->threads[0].samples, 23);
    cr_assert_eq(profile->threads[0].samples_ns, 23000000);
    cr_assert_eq(find(profile, "main")->self, 5);
    cr_assert_eq(find(profile, "main")->self_ns, 5000000);
    cr_assert_eq(find(profile, "main")->on_stack, 18);
    cr_assert_eq(find(profile, "f")->self, 7);
    cr_assert_eq(find(profile, "f")->on_stack, 11);
    cr_assert_eq(find(profile, "g")->self, 11);
    cr_assert_eq(find(profile, "g")->on_stack, 0);
    hop_profile_destroy(profile);
}

Test(profile, counts_recursion_once_a_sample)
{
    struct hop_instruction rows[] = {row("main", 0), row("f", 0), row("g", 0)};
    struct hop_profile_node nodes[] = {
        NODE(0, 0, 0), NODE(0, 0, 0), /* main */
        NODE(1, 1, 0),                /* main f */
        NODE(2, 1, 3),                /* main f f */
        NODE(3, 2, 0),                /* main f f g */
        NODE(4, 1, 4),                /* main f f g f */
        NODE(1, 2, 8),                /* main g: f is not on it */
    };
    struct hop_profile *profile = finish(rows, 3, nodes, 7, 1);
    cr_assert_eq(find(profile, "f")->self, 7);
    cr_assert_eq(find(profile, "f")->on_stack, 7);
    cr_assert_eq(find(profile, "g")->self, 8);
    cr_assert_eq(find(profile, "g")->on_stack, 4);
    cr_assert_eq(find(profile, "main")->on_stack, 15);
    hop_profile_destroy(profile);
}

Test(profile, counts_a_recursion_as_deep_as_can_be)
{
    enum { DEPTH = 200000 };
    struct hop_instruction rows[] = {row("f", 0), row("g", 0)};
    struct hop_profile_node *nodes = calloc(DEPTH + 1, sizeof *nodes);
    for (uint32_t i = 1; i <= DEPTH; i++)
        nodes[i] = (struct hop_profile_node)NODE(i - 1, i % 2, 1);
    struct hop_profile *profile = calloc(1, sizeof *profile);
    hop_arena_init(&profile->arena, 16 << 20);
    profile->instructions = rows;
    profile->instruction_count = 2;
    profile->nodes = nodes;
    profile->node_count = DEPTH + 1;
    profile->threads = hop_arena_alloc(&profile->arena, sizeof *profile->threads);
    profile->thread_count = 1;
    cr_assert(hop_profile_finish(profile));
    cr_assert_eq(find(profile, "g")->on_stack, DEPTH - 1); /* g is the outermost frame */
    cr_assert_eq(find(profile, "f")->on_stack, DEPTH - 2);
    hop_profile_destroy(profile);
    free(nodes);
}

Test(profile, puts_most_hits_first_and_keeps_the_nodes_right)
{
    struct hop_instruction rows[] = {row("few", 0), row("none", 0), row("many", 0), row("few", 2)};
    struct hop_profile_node nodes[] = {NODE(0, 0, 0), NODE(0, 1, 0), NODE(1, 0, 2), NODE(1, 2, 9),
                                       NODE(1, 3, 2)};
    struct hop_profile *profile = finish(rows, 4, nodes, 5, 1);
    cr_assert_str_eq(profile->instructions[0].function, "many");
    cr_assert_str_eq(profile->instructions[1].function, "few");
    cr_assert_eq(profile->instructions[1].offset, 0);
    cr_assert_eq(profile->instructions[2].offset, 2);
    cr_assert_str_eq(profile->instructions[3].function, "none");
    cr_assert_eq(profile->nodes[1].instruction, 3);
    cr_assert_eq(profile->nodes[2].instruction, 1);
    cr_assert_eq(profile->nodes[3].instruction, 0);
    cr_assert_eq(profile->nodes[4].instruction, 2);
    hop_profile_destroy(profile);
}

Test(profile, joins_rows_that_nothing_tells_apart)
{
    struct hop_instruction rows[] = {row("f", 0), row("g", 0), row("f", 0), row("f", 0)};
    rows[3].opcode = "NOP_SPECIALISED"; /* the same place under another opcode stays apart */
    struct hop_profile_node nodes[] = {NODE(0, 0, 0), NODE(0, 0, 1), NODE(0, 1, 2),
                                       NODE(0, 2, 4), NODE(0, 3, 8), NODE(4, 0, 16)};
    struct hop_profile *profile = finish(rows, 4, nodes, 6, 1);
    cr_assert_eq(profile->instruction_count, 3);
    cr_assert_eq(profile->instructions[0].self, 21);
    cr_assert_str_eq(profile->instructions[0].opcode, "NOP");
    cr_assert_eq(profile->instructions[1].self, 8);
    cr_assert_eq(profile->instructions[1].on_stack, 16);
    cr_assert_eq(profile->instructions[2].self, 2);
    cr_assert_eq(profile->nodes[1].instruction, profile->nodes[3].instruction);
    hop_profile_destroy(profile);
}

Test(profile, splits_hits_by_thread)
{
    struct hop_instruction rows[] = {row("f", 0), row("g", 0)};
    struct hop_profile_node nodes[] = {
        NODE(0, 1, 0),  /* thread 1 */
        NODE(0, 0, 3),  /* f */
        NODE(1, 0, 5),  /* f f */
        NODE(3, 0, 0),  /* thread 0 */
        NODE(3, 1, 7),  /* g */
        NODE(4, 0, 11), /* g f */
        NODE(0, 1, 1),  /* thread 1: g */
    };
    struct hop_profile *profile = finish(rows, 2, nodes, 7, 2);
    size_t count;
    struct hop_thread_hits *hits = hop_profile_hits_by_thread(profile, &count);
    /* f has 19 hits, g 8: f is row 0 */
    struct hop_thread_hits wanted[] = {NODE(0, 0, 11), NODE(0, 1, 7), NODE(1, 0, 8), NODE(1, 1, 1)};
    cr_assert_eq(count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(hits[i].thread, wanted[i].thread);
        cr_assert_eq(hits[i].instruction, wanted[i].instruction);
        cr_assert_eq(hits[i].self, wanted[i].self);
        cr_assert_eq(hits[i].self_ns, wanted[i].self_ns);
    }
    cr_assert_eq(profile->threads[0].samples, 18);
    cr_assert_eq(profile->threads[1].samples, 9);
    free(hits);
    hop_profile_destroy(profile);
}

Test(profile, is_whole_without_anything)
{
    struct hop_profile *profile = calloc(1, sizeof *profile);
    hop_arena_init(&profile->arena, 1 << 10);
    cr_assert(hop_profile_finish(profile));
    size_t count = 1;
    hop_profile_instructions(profile, &count);
    cr_assert_eq(count, 0);
    cr_assert_eq(hop_profile_samples(profile), 0);
    cr_assert_str_eq(profile->command_line, "");
    cr_assert_null(hop_profile_hits_by_thread(profile, &count));
    cr_assert_eq(count, 0);
    hop_profile_destroy(profile);
    hop_profile_destroy(NULL);
}
