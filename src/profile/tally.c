/* The trie and the hash table that finds a node's child; what the numbers mean is the caller's.
 *
 * The table is a linear hash: every new node splits one bucket, so the table grows with the nodes,
 * page by page, and no add ever pays for rehashing the whole. */
#include "profile/tally.h"

#include "base/pages.h"

#include <stdlib.h>

enum {
    NO_NODE = UINT32_MAX,
    ROOT_CODE = UINT32_MAX,
    /* The last stack is remembered for this many threads (others share a place), and of it the
     * outermost frames: deeper ones are looked up. */
    PATH_COUNT = 64,
    PATH_DEPTH_MAX = 4096,
};

struct path {
    uint32_t thread;
    uint32_t depth; /* nodes kept, the root first; 0: none yet */
    uint32_t nodes[PATH_DEPTH_MAX];
};

struct hop_tally {
    size_t node_count, node_limit;
    uint32_t last_node; /* in which the last stack added ends */
    struct hop_tally_node *nodes;
    uint32_t *next;  /* by node: the next one in its bucket */
    uint32_t *heads; /* by bucket: its first node; as many buckets as nodes */
    size_t low_mask; /* the power of two below the number of buckets, less one */
    struct path *paths;
    struct hop_weights weights;
    struct hop_trace trace;
    size_t reserved_bytes; /* the one mapping that holds all of the above and this */
};

static size_t place(size_t *total, size_t bytes)
{
    size_t at = *total;
    *total += (bytes + 63) & ~(size_t)63; /* on a cache line of its own */
    return at;
}

static struct hop_tally *reserve(size_t node_limit)
{
    size_t bytes = 0;
    place(&bytes, sizeof(struct hop_tally));
    size_t nodes_at = place(&bytes, node_limit * sizeof(struct hop_tally_node));
    size_t next_at = place(&bytes, node_limit * sizeof(uint32_t));
    size_t heads_at = place(&bytes, node_limit * sizeof(uint32_t));
    size_t paths_at = place(&bytes, PATH_COUNT * sizeof(struct path));
    size_t last_of_at = place(&bytes, node_limit * sizeof(uint32_t));
    size_t records_at = place(&bytes, HOP_TRACE_RECORDS_MAX * sizeof(struct hop_trace_record));
    uint8_t *base = hop_pages_map(bytes);
    if (!base)
        return NULL;
    struct hop_tally *tally = (struct hop_tally *)base;
    tally->node_limit = node_limit;
    tally->nodes = (struct hop_tally_node *)(base + nodes_at);
    tally->next = (uint32_t *)(base + next_at);
    tally->heads = (uint32_t *)(base + heads_at);
    tally->paths = (struct path *)(base + paths_at);
    hop_trace_init(&tally->trace, (struct hop_trace_record *)(base + records_at),
                   HOP_TRACE_RECORDS_MAX, (uint32_t *)(base + last_of_at));
    tally->reserved_bytes = bytes;
    return tally;
}

struct hop_tally *hop_tally_create(void)
{
    return hop_tally_create_limited(HOP_TALLY_NODES_MAX);
}

struct hop_tally *hop_tally_create_limited(size_t nodes_max)
{
    size_t limit = nodes_max < HOP_TALLY_NODES_MAX ? nodes_max : HOP_TALLY_NODES_MAX;
    struct hop_tally *tally = reserve(limit);
    while (!tally && limit / 2 >= HOP_TALLY_NODES_MIN)
        tally = reserve(limit /= 2);
    return tally;
}

void hop_tally_take_memory(struct hop_tally *tally)
{
    hop_pages_take(tally->trace.records, tally->trace.limit * sizeof *tally->trace.records);
}

void hop_tally_destroy(struct hop_tally *tally)
{
    if (tally)
        munmap(tally, tally->reserved_bytes);
}

/* A root is told by its code, so its parent (itself, not known before it is made) stays out. */
static size_t hash(uint32_t parent, uint32_t code, uint32_t unit, uint8_t opcode)
{
    uint64_t a = ((uint64_t)(code == ROOT_CODE ? 0 : parent) << 32 | code) * 0x9e3779b97f4a7c15u;
    uint64_t b = (a ^ a >> 29 ^ ((uint64_t)unit << 8 | opcode)) * 0xbf58476d1ce4e5b9u;
    return (size_t)(b ^ b >> 32);
}

static size_t bucket_of(const struct hop_tally *tally, size_t hashed)
{
    size_t bucket = hashed & (tally->low_mask * 2 + 1);
    return bucket < tally->node_count ? bucket : hashed & tally->low_mask;
}

static uint32_t find(const struct hop_tally *tally, uint32_t parent, const struct hop_step *step)
{
    if (tally->node_count == 0)
        return NO_NODE;
    size_t bucket = bucket_of(tally, hash(parent, step->code, step->unit, step->opcode));
    for (uint32_t i = tally->heads[bucket]; i != NO_NODE; i = tally->next[i]) {
        const struct hop_tally_node *node = &tally->nodes[i];
        if (node->code == step->code && node->unit == step->unit && node->opcode == step->opcode &&
            (node->parent == parent || step->code == ROOT_CODE))
            return i;
    }
    return NO_NODE;
}

/* Opens bucket number node_count - 1 with what belongs there of the bucket it is split from. */
static void split_bucket(struct hop_tally *tally)
{
    size_t fresh = tally->node_count - 1;
    tally->heads[fresh] = NO_NODE;
    if (fresh == 0)
        return;
    if (fresh > tally->low_mask * 2 + 1)
        tally->low_mask = tally->low_mask * 2 + 1;
    uint32_t *link = &tally->heads[fresh & tally->low_mask];
    while (*link != NO_NODE) {
        uint32_t i = *link;
        const struct hop_tally_node *node = &tally->nodes[i];
        if (bucket_of(tally, hash(node->parent, node->code, node->unit, node->opcode)) == fresh) {
            *link = tally->next[i];
            tally->next[i] = tally->heads[fresh];
            tally->heads[fresh] = i;
        } else {
            link = &tally->next[i];
        }
    }
}

static uint32_t append(struct hop_tally *tally, uint32_t parent, const struct hop_step *step)
{
    uint32_t index = (uint32_t)tally->node_count++;
    tally->nodes[index] = (struct hop_tally_node){
        .parent = step->code == ROOT_CODE ? index : parent,
        .code = step->code,
        .unit = step->unit,
        .opcode = step->opcode,
    };
    split_bucket(tally);
    size_t bucket = bucket_of(tally, hash(parent, step->code, step->unit, step->opcode));
    tally->next[index] = tally->heads[bucket];
    tally->heads[bucket] = index;
    return index;
}

static bool is_node_of(const struct hop_tally_node *node, const struct hop_step *step)
{
    return node->code == step->code && node->unit == step->unit && node->opcode == step->opcode;
}

/* Counts a sample that ends in `node` at each of so many ticks up to `tick`. */
static void count(struct hop_tally *tally, uint32_t node, uint64_t samples, uint64_t tick,
                  uint64_t weight_ns)
{
    struct hop_weights *weights = &tally->weights;
    double sum_ns = (double)samples * (double)weight_ns;
    tally->nodes[node].self += samples;
    tally->nodes[node].self_ns += samples * weight_ns;
    if (weights->sum_ns == 0 || weight_ns < weights->least_ns)
        weights->least_ns = weight_ns;
    if (weight_ns > weights->most_ns)
        weights->most_ns = weight_ns;
    weights->sum_ns += sum_ns;
    weights->sum_of_squares += sum_ns * (double)weight_ns;
    hop_trace_add(&tally->trace, node, samples, tick, weight_ns);
}

bool hop_tally_add(struct hop_tally *tally, uint32_t thread, const struct hop_step *steps,
                   size_t depth, uint64_t tick, uint64_t weight_ns)
{
    return hop_tally_add_next(tally, thread, steps, depth, 0, tick, weight_ns);
}

bool hop_tally_add_next(struct hop_tally *tally, uint32_t thread, const struct hop_step *steps,
                        size_t depth, size_t same, uint64_t tick, uint64_t weight_ns)
{
    struct path *path = &tally->paths[thread % PATH_COUNT];
    struct hop_step root = {.code = ROOT_CODE, .unit = thread};
    uint32_t node = NO_NODE;
    size_t found = 0; /* of the depth + 1 nodes wanted, the root first */

    if (path->depth && path->thread == thread) { /* as far as the last stack went the same way */
        found = same < path->depth ? same + 1 : path->depth; /* the root, and what is known */
        node = path->nodes[found - 1];
        for (; found <= depth && found < path->depth; found++) {
            if (!is_node_of(&tally->nodes[path->nodes[found]], &steps[depth - found]))
                break;
            node = path->nodes[found];
        }
    }
    size_t known = found;
    for (; found <= depth; found++) { /* as far as any stack did */
        uint32_t child = find(tally, node, found ? &steps[depth - found] : &root);
        if (child == NO_NODE)
            break;
        node = child;
        if (found < PATH_DEPTH_MAX)
            path->nodes[found] = child;
    }
    if (depth + 1 - found > tally->node_limit - tally->node_count) {
        /* The remembered nodes are a path as far as they were found. */
        path->thread = thread;
        path->depth = (uint32_t)(found < PATH_DEPTH_MAX ? found : PATH_DEPTH_MAX);
        return false;
    }
    for (; found <= depth; found++) {
        node = append(tally, node, found ? &steps[depth - found] : &root);
        if (found < PATH_DEPTH_MAX)
            path->nodes[found] = node;
    }
    if (known <= depth || path->depth < found) {
        path->thread = thread;
        path->depth = (uint32_t)(found < PATH_DEPTH_MAX ? found : PATH_DEPTH_MAX);
    }
    count(tally, node, 1, tick, weight_ns);
    tally->last_node = node;
    return true;
}

uint32_t hop_tally_last(const struct hop_tally *tally)
{
    return tally->last_node;
}

void hop_tally_again(struct hop_tally *tally, uint32_t node, uint64_t samples, uint64_t tick,
                     uint64_t weight_ns)
{
    count(tally, node, samples, tick, weight_ns);
}

struct hop_weights hop_tally_weights(const struct hop_tally *tally)
{
    return tally->weights;
}

const struct hop_trace *hop_tally_trace(const struct hop_tally *tally)
{
    return &tally->trace;
}

const struct hop_tally_node *hop_tally_nodes(const struct hop_tally *tally, size_t *count)
{
    *count = tally->node_count;
    return tally->nodes;
}
