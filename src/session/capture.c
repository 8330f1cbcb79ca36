/* Copies what a running sampler holds, piece by piece, see capture.h.
 *
 * While the gate is held the sampler cannot tick. So a piece is no more than what is copied in
 * about ten microseconds; all that is larger is copied over several holds. That is sound because of
 * how it grows: nodes and code objects stay where they are and what they are, but for counters and
 * names; the record of the run is only ever added to, or else has been rewritten, which its counter
 * tells, and is copied anew. Nothing is allocated while the gate is held. */
#include "session/capture.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* Copied in some microseconds, also from memory that no cache holds. */
enum { PIECE_BYTES = 64 << 10 };

/* The record is rewritten once in a minute at the most where samples are a thousand a second. One
 * that is rewritten as often as this while we copy it is left out: the intervals are wider then. */
enum { RECORD_TRIES_MAX = 4 };

void hop_capture_borrow(struct hop_capture *capture, const struct hop_sampler *sampler,
                        const struct hop_tally *tally)
{
    const struct hop_trace *trace = hop_tally_trace(tally);
    *capture = (struct hop_capture){
        .counts = sampler->counts,
        .ending = sampler->ending,
        .way = sampler->way,
        .seen = sampler->roster.seen,
        .seen_count = sampler->roster.seen_count,
        .codes = (const struct hop_code *const *)sampler->codes.codes,
        .code_count = sampler->codes.count,
        .records = trace->records,
        .record_count = trace->count,
        .weights = hop_tally_weights(tally),
    };
    capture->nodes = hop_tally_nodes(tally, &capture->node_count);
}

void hop_captures_init(struct hop_captures *captures, pthread_mutex_t *gate)
{
    *captures = (struct hop_captures){.gate = gate};
}

void hop_captures_deinit(struct hop_captures *captures)
{
    free(captures->seen);
    free(captures->codes);
    free(captures->code_pointers);
    free(captures->originals);
    free(captures->nodes);
    free(captures->records);
    free(captures->nodes_then);
    *captures = (struct hop_captures){0};
}

static bool make_room(void *room, size_t *capacity, size_t count, size_t size)
{
    void **array = room;
    if (count <= *capacity)
        return true;
    size_t wanted = count + count / 2 + 64;
    void *grown = reallocarray(*array, wanted, size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

static bool make_room_for_codes(struct hop_captures *captures, size_t count)
{
    size_t before = captures->code_room, rooms[3] = {before, before, before};
    bool has_room =
        make_room(&captures->codes, &rooms[0], count, sizeof *captures->codes) &&
        make_room(&captures->code_pointers, &rooms[1], count, sizeof *captures->code_pointers) &&
        make_room(&captures->originals, &rooms[2], count, sizeof *captures->originals);
    if (!has_room)
        return false;
    if (rooms[2] > before)
        memset(captures->originals + before, 0, (rooms[2] - before) * sizeof *captures->originals);
    captures->code_room = rooms[2];
    for (size_t i = 0; i < captures->code_room; i++)
        captures->code_pointers[i] = &captures->codes[i];
    return true;
}

/* The next piece of `count` things of this size, from number `from` on. */
static size_t end_of_piece(size_t from, size_t count, size_t size)
{
    size_t most = PIECE_BYTES / size;
    return count - from < most ? count : from + most;
}

static void take_threads(struct hop_captures *captures, const struct hop_sampler *sampler,
                         size_t *done)
{
    pthread_mutex_lock(captures->gate);
    size_t end = end_of_piece(*done, captures->last.seen_count, sizeof *captures->seen);
    memcpy(captures->seen + *done, sampler->roster.seen + *done,
           (end - *done) * sizeof *captures->seen);
    pthread_mutex_unlock(captures->gate);
    *done = end;
}

/* Names of 3.8 - 3.10 may be found later than the code object, so what has none yet is copied
 * again.
 */
static void take_codes(struct hop_captures *captures, const struct hop_sampler *sampler,
                       size_t *done)
{
    pthread_mutex_lock(captures->gate);
    size_t end = end_of_piece(*done, captures->last.code_count, sizeof *captures->codes);
    for (size_t i = *done; i < end; i++) {
        const struct hop_code *code = sampler->codes.codes[i];
        if (captures->originals[i] == code && captures->codes[i].qualname_is_known)
            continue;
        captures->originals[i] = code;
        captures->codes[i] = *code;
    }
    pthread_mutex_unlock(captures->gate);
    *done = end;
}

static void take_nodes(struct hop_captures *captures, const struct hop_tally *tally, size_t *done)
{
    size_t ignored, end = end_of_piece(*done, captures->last.node_count, sizeof *captures->nodes);
    pthread_mutex_lock(captures->gate);
    memcpy(captures->nodes + *done, hop_tally_nodes(tally, &ignored) + *done,
           (end - *done) * sizeof *captures->nodes);
    pthread_mutex_unlock(captures->gate);
    *done = end;
}

/* One pass over the record; false: it was rewritten meanwhile. */
static bool take_records(struct hop_captures *captures, const struct hop_tally *tally,
                         unsigned *shift)
{
    const struct hop_trace *trace = hop_tally_trace(tally);
    struct hop_trace_record *records = captures->records;
    size_t done = 0, count = 0, kept = 0;
    uint64_t rewrites = 0;
    bool is_same = true;
    do {
        pthread_mutex_lock(captures->gate);
        if (!done) {
            rewrites = trace->rewrites;
            count = trace->count;
            *shift = trace->block_shift;
        }
        is_same = rewrites == trace->rewrites;
        size_t end = end_of_piece(done, count, sizeof *records);
        if (is_same)
            memcpy(records + done, trace->records + done, (end - done) * sizeof *records);
        pthread_mutex_unlock(captures->gate);
        done = end;
    } while (is_same && done < count);
    /* Of nodes that are newer than our copy of them nothing is known. */
    for (size_t i = 0; is_same && i < count; i++)
        if (records[i].node < captures->last.node_count)
            records[kept++] = records[i];
    captures->last.record_count = kept;
    return is_same;
}

/* --- since when ------------------------------------------------------------------------------ */

static void subtract_counts(struct hop_sampler_counts *counts,
                            const struct hop_sampler_counts *then)
{
    counts->started_ns = then->ended_ns;
    counts->ticks -= then->ticks;
    counts->missed -= then->missed < counts->missed ? then->missed : counts->missed;
    counts->samples -= then->samples;
    counts->idle -= then->idle;
    counts->hops -= then->hops;
    counts->live_samples -= then->live_samples;
    counts->unproved_samples -= then->unproved_samples;
    counts->syscall_stops -= then->syscall_stops;
    counts->opening_ns = counts->opening_ticks = counts->opening_samples = 0;
    for (size_t i = 0; i < HOP_REFUSAL_COUNT; i++)
        counts->refused[i] -= then->refused[i];
}

static void subtract_then(struct hop_captures *captures, unsigned shift)
{
    struct hop_capture *last = &captures->last;
    size_t kept = 0;
    uint64_t block_then = captures->counts_then.ticks >> shift;
    for (size_t i = 0; i < captures->node_count_then; i++) {
        captures->nodes[i].self -= captures->nodes_then[i].self;
        captures->nodes[i].self_ns -= captures->nodes_then[i].self_ns;
    }
    for (size_t i = 0; i < last->record_count; i++)
        if (captures->records[i].block > block_then)
            captures->records[kept++] = captures->records[i];
    last->record_count = kept;
    last->weights.sum_ns -= captures->weights_then.sum_ns;
    last->weights.sum_of_squares -= captures->weights_then.sum_of_squares;
    subtract_counts(&last->counts, &captures->counts_then);
}

bool hop_captures_reset(struct hop_captures *captures)
{
    const struct hop_capture *last = &captures->last;
    size_t count = last->node_count;
    if (!make_room(&captures->nodes_then, &captures->node_room_then, count,
                   sizeof *captures->nodes_then))
        return false;
    for (size_t i = captures->node_count_then; i < count; i++)
        captures->nodes_then[i] = (struct hop_tally_node){0};
    for (size_t i = 0; i < count; i++) { /* what is counted since then lies behind us too */
        captures->nodes_then[i].self += last->nodes[i].self;
        captures->nodes_then[i].self_ns += last->nodes[i].self_ns;
    }
    captures->node_count_then = count;
    captures->counts_then = captures->whole_counts;
    captures->weights_then = captures->whole_weights;
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* What is small is copied at once, and tells how much there is of the rest. */
static bool reserve(struct hop_captures *captures, const struct hop_capture *small)
{
    return make_room(&captures->seen, &captures->seen_room, small->seen_count,
                     sizeof *captures->seen) &&
           make_room_for_codes(captures, small->code_count) &&
           make_room(&captures->nodes, &captures->node_room, small->node_count,
                     sizeof *captures->nodes) &&
           make_room(&captures->records, &captures->record_room, HOP_TRACE_RECORDS_MAX,
                     sizeof *captures->records);
}

bool hop_captures_take(struct hop_captures *captures, const struct hop_sampler *sampler,
                       const struct hop_tally *tally)
{
    struct hop_capture *last = &captures->last;
    size_t threads = 0, codes = 0, nodes = 0;
    unsigned shift = 0;
    pthread_mutex_lock(captures->gate);
    hop_capture_borrow(last, sampler, tally);
    pthread_mutex_unlock(captures->gate);
    if (!last->counts.ended_ns)
        last->counts.ended_ns = hop_now_ns();
    if (!reserve(captures, last))
        return false;
    while (threads < last->seen_count)
        take_threads(captures, sampler, &threads);
    while (codes < last->code_count)
        take_codes(captures, sampler, &codes);
    while (nodes < last->node_count)
        take_nodes(captures, tally, &nodes);
    for (int i = 0; i < RECORD_TRIES_MAX; i++)
        if (take_records(captures, tally, &shift))
            break;
    last->seen = captures->seen;
    last->codes = captures->code_pointers;
    last->nodes = captures->nodes;
    last->records = captures->records;
    captures->whole_counts = last->counts;
    captures->whole_weights = last->weights;
    if (captures->counts_then.ended_ns)
        subtract_then(captures, shift);
    return true;
}
