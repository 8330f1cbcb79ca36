/* The record of a run in blocks of time, see trace.h. */
#include "profile/trace.h"

void hop_trace_init(struct hop_trace *trace, struct hop_trace_record *records, size_t limit,
                    uint32_t *last_of)
{
    *trace = (struct hop_trace){
        .records = records,
        .limit = limit,
        .last_of = last_of,
        .stride = 1,
    };
}

/* Joins what belongs to one node and one block, as far as it is seen in one pass. */
static void put(struct hop_trace *trace, uint32_t node, uint32_t block, double weight_ns)
{
    uint32_t last = trace->last_of[node];
    if (last < trace->count && trace->records[last].node == node &&
        trace->records[last].block == block) {
        trace->records[last].weight_ns += weight_ns;
        return;
    }
    trace->last_of[node] = (uint32_t)trace->count;
    trace->records[trace->count++] = (struct hop_trace_record){node, block, weight_ns};
}

/* Puts all records anew, which only ever moves them to the front. */
static void rewrite(struct hop_trace *trace, unsigned shift)
{
    size_t count = trace->count;
    trace->count = 0;
    trace->rewrites++;
    for (size_t i = 0; i < count; i++) {
        const struct hop_trace_record record = trace->records[i];
        if (record.block % trace->stride == 0)
            put(trace, record.node, record.block >> shift, record.weight_ns);
    }
}

static void make_room(struct hop_trace *trace)
{
    while (trace->count > trace->limit / 4 * 3) {
        if (trace->stride == 1 && trace->newest_block >= 2 * HOP_TRACE_BLOCKS_MIN) {
            trace->block_shift++;
            trace->newest_block >>= 1;
            rewrite(trace, 1);
        } else if (trace->stride <= trace->newest_block) {
            trace->stride *= 2;
            rewrite(trace, 0);
        } else {
            trace->is_given_up = true;
            trace->rewrites++;
            trace->count = 0;
        }
    }
}

/* A tick so late that its block's number is none: possible where blocks are never joined, as there
 * are hardly any samples. */
static void lengthen_blocks(struct hop_trace *trace, uint64_t tick)
{
    while (tick >> trace->block_shift > UINT32_MAX) {
        trace->block_shift++;
        trace->newest_block >>= 1;
        rewrite(trace, 1);
    }
}

/* What of the ticks from `first` to `last` lies in the block of `first`. */
static uint64_t ticks_in_block(const struct hop_trace *trace, uint64_t first, uint64_t last)
{
    uint64_t end = first | ((UINT64_C(1) << trace->block_shift) - 1);
    return (end < last ? end : last) - first + 1;
}

void hop_trace_add(struct hop_trace *trace, uint32_t node, uint64_t count, uint64_t tick,
                   uint64_t weight_ns)
{
    uint64_t left = count <= tick ? count : tick + 1;
    lengthen_blocks(trace, tick);
    while (left && !trace->is_given_up) {
        uint64_t first = tick - left + 1;
        uint32_t block = (uint32_t)(first >> trace->block_shift);
        if (block > trace->newest_block)
            trace->newest_block = block;
        uint64_t here = ticks_in_block(trace, first, tick);
        if (block % trace->stride == 0) {
            if (trace->count == trace->limit) {
                make_room(trace);
                continue; /* it may be in another block now */
            }
            put(trace, node, block, (double)here * (double)weight_ns);
        }
        left -= here;
    }
}
