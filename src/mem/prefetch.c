/* Keeps a short list of spans, in the order in which they are asked for. */
#include "mem/prefetch.h"

#include <stdlib.h>

/* A larger span is as dear as a call of its own. The memory of a thread's frames is in one of up to
 * this size (HOP_WINDOW_BYTES). */
enum { SPAN_BYTES_MAX = 16 << 10 };

/* Rounds in which a span was not asked for, until it is given up: a span costs a part of a call, so
 * that one that is asked for now and then is worth its place. */
enum { IDLE_MAX = 3 };

static struct hop_prefetch_span *find(struct hop_prefetch *prefetch, uint64_t addr, size_t size)
{
    for (size_t i = 0; i < prefetch->count; i++) {
        size_t at = prefetch->next + i < prefetch->count ? prefetch->next + i
                                                         : prefetch->next + i - prefetch->count;
        struct hop_prefetch_span *span = &prefetch->spans[at];
        if (addr >= span->addr && size <= span->size && addr - span->addr <= span->size - size) {
            prefetch->next = at + 1 < prefetch->count ? at + 1 : 0;
            return span;
        }
    }
    return NULL;
}

/* To be fetched from the next round on. One that begins where a known one does takes its place:
 * memory in use grows. */
static void learn(struct hop_prefetch *prefetch, uint64_t addr, size_t size)
{
    if (size > SPAN_BYTES_MAX)
        return;
    struct hop_prefetch_span span = {.addr = addr, .size = (uint32_t)size};
    for (size_t i = 0; i < prefetch->count; i++) {
        if (prefetch->spans[i].addr == addr) {
            prefetch->spans[i] = span;
            return;
        }
    }
    if (prefetch->count < HOP_PREFETCH_SPANS)
        prefetch->spans[prefetch->count++] = span;
}

static size_t fill(struct hop_reader *reader, const struct hop_span *spans, size_t count)
{
    struct hop_prefetch *prefetch = (struct hop_prefetch *)reader;
    if (!prefetch->is_open || count > HOP_PREFETCH_SPANS) {
        prefetch->calls++;
        return hop_reader_fill(prefetch->source, spans, count);
    }
    struct hop_span misses[HOP_PREFETCH_SPANS];
    size_t which[HOP_PREFETCH_SPANS], miss_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct hop_prefetch_span *known = find(prefetch, spans[i].addr, spans[i].size);
        if (known)
            known->idle = 0;
        if (known && known->is_fetched) {
            memcpy(spans[i].into, prefetch->bytes + known->at + (spans[i].addr - known->addr),
                   spans[i].size);
            continue;
        }
        if (!known)
            learn(prefetch, spans[i].addr, spans[i].size);
        which[miss_count] = i;
        misses[miss_count++] = spans[i];
    }
    if (!miss_count)
        return count;
    prefetch->calls++;
    size_t filled = hop_reader_fill(prefetch->source, misses, miss_count);
    return filled < miss_count ? which[filled] : count;
}

bool hop_prefetch_init(struct hop_prefetch *prefetch, struct hop_reader *source)
{
    *prefetch = (struct hop_prefetch){.base.fill = fill, .source = source};
    prefetch->bytes = malloc(HOP_PREFETCH_BYTES);
    return prefetch->bytes;
}

void hop_prefetch_deinit(struct hop_prefetch *prefetch)
{
    free(prefetch->bytes);
    *prefetch = (struct hop_prefetch){0};
}

/* Gives up what was not asked for lately, and what there is no room for. */
static void tidy(struct hop_prefetch *prefetch)
{
    size_t kept = 0, bytes = 0;
    for (size_t i = 0; i < prefetch->count; i++) {
        struct hop_prefetch_span span = prefetch->spans[i];
        if (span.idle++ >= IDLE_MAX || bytes + span.size > HOP_PREFETCH_BYTES)
            continue;
        span.is_fetched = false;
        prefetch->spans[kept++] = span;
        bytes += span.size;
    }
    prefetch->count = kept;
    prefetch->next = 0;
}

/* The span that is read at that place, where `first` is read before the others. */
static struct hop_prefetch_span *at_place(struct hop_prefetch *prefetch, size_t place, size_t first)
{
    return &prefetch->spans[place == 0 ? first : place <= first ? place - 1 : place];
}

/* Reads all spans, the one at `first_addr` before the others, and each to where the last one ends,
 * as the reader likes it. */
static void fetch(struct hop_prefetch *prefetch, uint64_t first_addr)
{
    struct hop_span wanted[HOP_PREFETCH_SPANS];
    size_t first = 0, bytes = 0;
    while (first < prefetch->count && prefetch->spans[first].addr != first_addr)
        first++;
    if (first == prefetch->count)
        first = 0;
    for (size_t place = 0; place < prefetch->count; place++) {
        struct hop_prefetch_span *span = at_place(prefetch, place, first);
        span->at = (uint32_t)bytes;
        wanted[place] = (struct hop_span){span->addr, span->size, prefetch->bytes + bytes};
        bytes += span->size;
    }
    prefetch->calls++;
    size_t filled = hop_reader_fill(prefetch->source, wanted, prefetch->count);
    for (size_t place = 0; place < prefetch->count; place++)
        at_place(prefetch, place, first)->is_fetched = place < filled;
    /* The first that is gone ends the transfer. It is given up; those behind it are read when they
     * are asked for. */
    if (filled < prefetch->count)
        at_place(prefetch, filled, first)->idle = IDLE_MAX;
}

void hop_prefetch_open(struct hop_prefetch *prefetch, uint64_t first_addr)
{
    tidy(prefetch);
    prefetch->is_open = true;
    if (prefetch->count)
        fetch(prefetch, first_addr);
}

void hop_prefetch_close(struct hop_prefetch *prefetch)
{
    prefetch->is_open = false;
}
