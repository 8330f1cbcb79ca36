/* The record of when samples were: nothing is lost while blocks are joined, half of the blocks go
 * when there is too much in each, and hostile numbers do no harm. */
#include "profile/trace.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { LIMIT = 1 << 12, NODES = 1 << 14 };

static struct hop_trace trace;
static struct hop_trace_record *records;
static uint32_t *last_of;

static void create(void)
{
    records = calloc(LIMIT, sizeof *records);
    last_of = calloc(NODES, sizeof *last_of);
    hop_trace_init(&trace, records, LIMIT, last_of);
}

static void destroy(void)
{
    free(records);
    free(last_of);
}

TestSuite(trace, .init = create, .fini = destroy);

static double weight_of(uint32_t node)
{
    double sum = 0;
    for (size_t i = 0; i < trace.count; i++)
        sum += trace.records[i].node == node ? trace.records[i].weight_ns : 0;
    return sum;
}

Test(trace, joins_blocks_and_loses_nothing)
{
    enum { TICKS = 100000 };
    double wanted[3] = {0};
    for (uint64_t tick = 1; tick <= TICKS; tick++) {
        uint32_t node = (uint32_t)(tick * 2654435761u >> 7) % 3;
        hop_trace_add(&trace, node, 1, tick, 10);
        wanted[node] += 10;
        cr_assert_leq(trace.count, LIMIT);
    }
    cr_assert_eq(trace.stride, 1);
    cr_assert_gt(trace.block_shift, 0);
    cr_assert_eq(trace.newest_block, TICKS >> trace.block_shift);
    for (uint32_t node = 0; node < 3; node++)
        cr_assert_eq(weight_of(node), wanted[node]);
    for (size_t i = 1; i < trace.count; i++)
        cr_assert_geq(trace.records[i].block, trace.records[i - 1].block);
    cr_assert_geq(trace.newest_block, HOP_TRACE_BLOCKS_MIN);
}

/* Ticks of the past, of a thread that slept: each block gets its part. */
Test(trace, spreads_what_was_skipped)
{
    trace.block_shift = 3;
    hop_trace_add(&trace, 1, 20, 29, 5); /* ticks 10 to 29; blocks of 8 */
    cr_assert_eq(trace.count, 3);
    const double weights[] = {6 * 5, 8 * 5, 6 * 5};
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(trace.records[i].block, i + 1);
        cr_assert_eq(trace.records[i].weight_ns, weights[i]);
    }
    hop_trace_add(&trace, 1, 4, 33, 5); /* goes on in the last one */
    cr_assert_eq(trace.count, 4);
    cr_assert_eq(trace.records[2].weight_ns, 8 * 5);
    cr_assert_eq(trace.records[3].weight_ns, 2 * 5);
}

/* Ever other stacks: blocks cannot be joined to less. Whole ones are forgotten. */
Test(trace, forgets_whole_blocks_where_all_is_different)
{
    enum { TICKS = 1 << 16 };
    for (uint64_t tick = 0; tick < TICKS; tick++) {
        hop_trace_add(&trace, (uint32_t)(tick % NODES), 1, tick, 1);
        cr_assert_leq(trace.count, LIMIT);
    }
    cr_assert_gt(trace.stride, 1);
    cr_assert_not(trace.is_given_up);
    cr_assert_lt(trace.newest_block / trace.stride, 2 * HOP_TRACE_BLOCKS_MIN);
    cr_assert_geq(trace.newest_block / trace.stride, HOP_TRACE_BLOCKS_MIN / 2);
    double *in_block = calloc(trace.newest_block + 1, sizeof *in_block);
    for (size_t i = 0; i < trace.count; i++)
        in_block[trace.records[i].block] += trace.records[i].weight_ns;
    for (uint32_t i = 0; i <= trace.newest_block; i++)
        cr_assert_eq(in_block[i], i % trace.stride ? 0 : 1 << trace.block_shift, "block %u", i);
    free(in_block);
}

Test(trace, gives_up_when_not_even_a_block_has_room)
{
    for (uint32_t node = 0; node < NODES; node++)
        hop_trace_add(&trace, node, 1, 0, 1);
    cr_assert(trace.is_given_up);
    cr_assert_eq(trace.count, 0);
    hop_trace_add(&trace, 1, 1, 2, 1);
    cr_assert_eq(trace.count, 0);
}

Test(trace, takes_any_number, .timeout = 240)
{
    hop_trace_add(&trace, 1, UINT64_MAX, 5, 1); /* no more than there were */
    cr_assert_eq(weight_of(1), 6);
    hop_trace_add(&trace, 2, 1, UINT64_MAX, 1);
    hop_trace_add(&trace, 3, 3, 0, 1);
    hop_trace_add(&trace, 4, 0, 7, 1);
    cr_assert_eq(weight_of(1), 6);
    cr_assert_eq(weight_of(2), 1);
    cr_assert_eq(weight_of(3), 1);
    cr_assert_eq(weight_of(4), 0);
    hop_trace_add(&trace, 5, UINT64_MAX, UINT64_MAX, 1);
    cr_assert_gt(weight_of(5), 1.8e19);
}
