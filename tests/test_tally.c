/* The tally: every stack is counted where it belongs, whatever order they come in, and no node is
 * made twice; limits and memory. */
#include "profile/tally.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct hop_tally *tally;

static void create(void)
{
    tally = hop_tally_create();
    cr_assert_not_null(tally);
}

static void destroy(void)
{
    hop_tally_destroy(tally);
}

/* As many samples of one stack, of 1 ns each. */
static bool add(struct hop_tally *to, uint32_t thread, const struct hop_step *steps, size_t depth,
                uint64_t count)
{
    if (!hop_tally_add(to, thread, steps, depth, 1, 1))
        return false;
    if (count > 1)
        hop_tally_again(to, hop_tally_last(to), count - 1, 1, 1);
    return true;
}

TestSuite(tally, .init = create, .fini = destroy);

static size_t node_count(void)
{
    size_t count;
    hop_tally_nodes(tally, &count);
    return count;
}

Test(tally, makes_a_path_from_the_thread_to_the_innermost_frame)
{
    struct hop_step steps[] = {{7, 1, 10}, {8, 2, 20}, {9, 3, 30}};
    cr_assert(add(tally, 5, steps, 3, 1));
    cr_assert(add(tally, 5, steps, 3, 2));
    cr_assert(add(tally, 5, steps + 1, 2, 4));
    size_t count;
    const struct hop_tally_node *nodes = hop_tally_nodes(tally, &count);
    cr_assert_eq(count, 4);
    cr_assert_eq(nodes[0].parent, 0);
    cr_assert_eq(nodes[0].code, UINT32_MAX);
    cr_assert_eq(nodes[0].unit, 5);
    for (uint32_t i = 1; i < 4; i++) { /* outermost first */
        cr_assert_eq(nodes[i].parent, i - 1);
        cr_assert_eq(nodes[i].code, steps[3 - i].code);
        cr_assert_eq(nodes[i].unit, steps[3 - i].unit);
        cr_assert_eq(nodes[i].opcode, steps[3 - i].opcode);
    }
    cr_assert_eq(nodes[0].self + nodes[1].self, 0);
    cr_assert_eq(nodes[2].self, 4);
    cr_assert_eq(nodes[3].self, 3);
}

Test(tally, adds_up_what_samples_stand_for)
{
    struct hop_step steps[] = {{7, 1, 10}, {8, 2, 20}};
    cr_assert_eq(hop_tally_weights(tally).sum_ns, 0);
    cr_assert(hop_tally_add(tally, 0, steps, 2, 1, 1000));
    hop_tally_again(tally, hop_tally_last(tally), 3, 4, 1000);
    struct hop_weights weights = hop_tally_weights(tally);
    cr_assert_eq(weights.least_ns, 1000);
    cr_assert_eq(weights.most_ns, 1000);
    cr_assert(hop_tally_add(tally, 0, steps + 1, 1, 5, 20));
    cr_assert(hop_tally_add(tally, 0, steps + 1, 1, 6, 50000));
    weights = hop_tally_weights(tally);
    cr_assert_eq(weights.least_ns, 20);
    cr_assert_eq(weights.most_ns, 50000);
    cr_assert_eq(weights.sum_ns, 54020);
    cr_assert_eq(weights.sum_of_squares, 4 * 1e6 + 400 + 2.5e9);
    size_t count;
    const struct hop_tally_node *nodes = hop_tally_nodes(tally, &count);
    cr_assert_eq(nodes[1].self, 2);
    cr_assert_eq(nodes[1].self_ns, 50020);
    cr_assert_eq(nodes[2].self, 4);
    cr_assert_eq(nodes[2].self_ns, 4000);
}

Test(tally, tells_apart_what_differs_in_one_number)
{
    struct hop_step steps[] = {{1, 1, 1}, {2, 2, 2}};
    cr_assert(add(tally, 0, steps, 2, 1));
    for (int i = 0; i < 4; i++) {
        struct hop_step other[] = {steps[0], steps[1]};
        other[0].code += i == 0;
        other[0].unit += i == 1;
        other[0].opcode += i == 2;
        other[1].opcode += i == 3; /* a caller under another opcode */
        size_t before = node_count();
        cr_assert(add(tally, 0, other, 2, 1));
        cr_assert_eq(node_count(), before + (i == 3 ? 2 : 1), "difference %d", i);
    }
    size_t before = node_count();
    cr_assert(add(tally, 1, steps, 2, 1)); /* another thread */
    cr_assert_eq(node_count(), before + 3);
}

/* --- against a list of everything that was added ---------------------------------------------- */

struct counted {
    uint64_t print; /* of the path from the root */
    uint64_t count;
};

static uint64_t extend(uint64_t print, uint64_t code, uint64_t unit, uint64_t opcode)
{
    print = (print ^ (code << 32 | unit << 8 | opcode)) * 0x9e3779b97f4a7c15u;
    return print ^ print >> 29;
}

static int by_print(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    return (x->print > y->print) - (x->print < y->print);
}

static size_t join(struct counted *list, size_t count)
{
    size_t kept = 0;
    qsort(list, count, sizeof *list, by_print);
    for (size_t i = 0; i < count; i++) {
        if (kept && list[kept - 1].print == list[i].print)
            list[kept - 1].count += list[i].count;
        else
            list[kept++] = list[i];
    }
    return kept;
}

Test(tally, agrees_with_a_list_of_random_stacks)
{
    enum { STACKS = 200000, THREADS = 150, DEPTH_MAX = 12 };
    struct counted *wanted = calloc(STACKS, sizeof *wanted);
    unsigned short seed[3] = {1, 2, 3};
    for (size_t i = 0; i < STACKS; i++) {
        struct hop_step steps[DEPTH_MAX];
        uint32_t thread = (uint32_t)nrand48(seed) % THREADS;
        size_t depth = 1 + (size_t)nrand48(seed) % DEPTH_MAX;
        uint64_t print = extend(0, UINT32_MAX, thread, 0), count = 1 + (i & 3);
        for (size_t d = depth; d-- > 0;) {
            /* few choices far out, so that paths are shared */
            uint32_t choices = (uint32_t)(1 + DEPTH_MAX - d);
            steps[d] = (struct hop_step){.code = (uint32_t)nrand48(seed) % 3,
                                         .unit = (uint32_t)nrand48(seed) % choices,
                                         .opcode = (uint8_t)(nrand48(seed) % 2)};
            print = extend(print, steps[d].code, steps[d].unit, steps[d].opcode);
        }
        wanted[i] = (struct counted){print, count};
        cr_assert(add(tally, thread, steps, depth, count));
    }
    size_t wanted_count = join(wanted, STACKS), count, found_count = 0;
    const struct hop_tally_node *nodes = hop_tally_nodes(tally, &count);
    struct counted *found = calloc(count, sizeof *found);
    uint64_t *prints = calloc(count, sizeof *prints);
    for (size_t i = 0; i < count; i++) {
        bool is_root = nodes[i].code == UINT32_MAX;
        cr_assert_eq(nodes[i].parent == i, is_root);
        cr_assert(nodes[i].parent <= i, "a parent stands before its children");
        prints[i] = extend(is_root ? 0 : prints[nodes[i].parent], nodes[i].code, nodes[i].unit,
                           nodes[i].opcode);
        if (nodes[i].self)
            found[found_count++] = (struct counted){prints[i], nodes[i].self};
    }
    size_t unjoined = found_count;
    cr_assert_eq(join(found, found_count), unjoined, "two nodes for one path");
    cr_assert_eq(found_count, wanted_count);
    cr_assert_eq(memcmp(found, wanted, wanted_count * sizeof *wanted), 0);
    free(wanted);
    free(found);
    free(prints);
}

/* Who knows how much of a stack is that of the last one gets the same tree. */
Test(tally, what_is_known_to_be_the_same_is_not_looked_up)
{
    enum { DEPTH_MAX = 12, ROUNDS = 3000 };
    struct hop_tally *other = hop_tally_create();
    struct hop_step steps[DEPTH_MAX]; /* the outermost last, at the end */
    size_t depth = 0, count, other_count;
    unsigned random = 1;
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1103515245 + 12345;
        size_t wanted = 1 + (random >> 16) % DEPTH_MAX, same = (random >> 20) % 16;
        same = same < depth ? same : depth;
        same = same < wanted ? same : wanted;
        for (size_t i = same; i < wanted; i++) {
            random = random * 1103515245 + 12345;
            steps[DEPTH_MAX - 1 - i] = (struct hop_step){random >> 16 & 1, random >> 17 & 1, 7};
        }
        depth = wanted;
        const struct hop_step *stack = steps + DEPTH_MAX - depth;
        cr_assert(hop_tally_add_next(tally, 3, stack, depth, same, 1, 1));
        cr_assert(hop_tally_add(other, 3, stack, depth, 1, 1));
        cr_assert_eq(hop_tally_last(tally), hop_tally_last(other));
    }
    const struct hop_tally_node *nodes = hop_tally_nodes(tally, &count);
    const struct hop_tally_node *others = hop_tally_nodes(other, &other_count);
    cr_assert_eq(count, other_count);
    for (size_t i = 0; i < count; i++)
        cr_assert(nodes[i].parent == others[i].parent && nodes[i].self == others[i].self);
    hop_tally_destroy(other);
}

Test(tally, counts_stacks_deeper_than_it_remembers)
{
    enum { DEPTH = 20000 };
    struct hop_step *steps = calloc(DEPTH, sizeof *steps);
    for (uint32_t i = 0; i < DEPTH; i++)
        steps[i] = (struct hop_step){.code = 1, .unit = i % 7};
    cr_assert(add(tally, 0, steps, DEPTH, 1));
    cr_assert_eq(node_count(), DEPTH + 1);
    cr_assert(add(tally, 0, steps, DEPTH, 1));
    cr_assert(add(tally, 0, steps + 1, DEPTH - 1, 1));
    cr_assert_eq(node_count(), DEPTH + 1);
    steps[0].unit = 99; /* one new leaf under the same deep path */
    cr_assert(add(tally, 0, steps, DEPTH, 1));
    cr_assert_eq(node_count(), DEPTH + 2);
    free(steps);
}

Test(tally, adds_nothing_when_the_limit_is_reached)
{
    enum { LIMIT = 2048 };
    hop_tally_destroy(tally);
    tally = hop_tally_create_limited(LIMIT);
    uint64_t taken = 0;
    for (uint32_t i = 0; i < 2 * LIMIT; i++) {
        struct hop_step steps[] = {{i, 0, 0}, {i, 1, 0}, {7, 2, 0}};
        size_t before = node_count();
        bool is_added = add(tally, 0, steps, 3, 1);
        taken += is_added;
        cr_assert_eq(is_added, before + 2 <= LIMIT);
        if (!is_added)
            cr_assert_eq(node_count(), before);
    }
    /* what has its nodes is still counted, also right after a refusal in the same thread */
    struct hop_step known[] = {{0, 0, 0}, {0, 1, 0}, {7, 2, 0}};
    cr_assert(add(tally, 0, known, 3, 1));
    size_t count;
    const struct hop_tally_node *nodes = hop_tally_nodes(tally, &count);
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += nodes[i].self;
    cr_assert_eq(total, taken + 1);
}

static size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long total, resident;
    cr_assert_eq(fscanf(file, "%lu %lu", &total, &resident), 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

Test(tally, allocates_nothing_while_it_adds)
{
    size_t allocated = mallinfo2().uordblks;
    for (uint32_t i = 0; i < 10000; i++) {
        struct hop_step step = {.code = i};
        if (!add(tally, i % 3, &step, 1, 1))
            cr_assert_fail();
    }
    cr_assert_eq(mallinfo2().uordblks, allocated);
}

Test(tally, uses_memory_as_nodes_come)
{
    hop_tally_destroy(tally);
    size_t before = resident_bytes();
    tally = hop_tally_create();
    struct hop_step step = {0};
    cr_assert(add(tally, 0, &step, 1, 1));
    size_t few = resident_bytes() - before;
    cr_assert_lt(few, 3 << 20, "%zu bytes for two nodes", few);
    for (step.code = 0; step.code < 100000; step.code++)
        cr_assert(add(tally, 0, &step, 1, 1));
    size_t many = resident_bytes() - before;
    cr_assert_lt(many, 20 << 20, "%zu bytes for 100,000 nodes", many);
}

Test(tally, destroys_nothing)
{
    hop_tally_destroy(NULL);
}
