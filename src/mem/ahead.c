/* Keeps the list of spans: what is wanted is added, what is not wanted any more is given up. */
#include "mem/ahead.h"

#include "base/pages.h"

#include <stdlib.h>

enum {
    SPAN_BYTES_MAX = 64 << 10,
    /* Several instants: as much as stays in the processor's nearer caches, and what the live reader
     * asks for in one call. */
    COPIES_BYTES_MAX = 96 << 10,
    COPIES_SPANS_MAX = 128,
    /* Rounds without being wanted, after which a span is given up; where what is not in hand is
     * lost, it is kept for longer. */
    IDLE_MAX = 8,
    IDLE_AHEAD_MAX = 64,
    ROUNDS_AN_AGE = 64,
};

bool hop_ahead_init(struct hop_ahead *ahead, struct hop_reader *reader)
{
    *ahead = (struct hop_ahead){.reader = reader};
    ahead->bytes = hop_pages_map(HOP_AHEAD_BYTES);
    ahead->asked = malloc(HOP_SPANS_MAX * sizeof *ahead->asked);
    if (ahead->bytes && ahead->asked)
        return true;
    hop_ahead_deinit(ahead);
    return false;
}

void hop_ahead_deinit(struct hop_ahead *ahead)
{
    hop_pages_unmap(ahead->bytes, HOP_AHEAD_BYTES);
    free(ahead->asked);
    *ahead = (struct hop_ahead){0};
}

void hop_ahead_drop(struct hop_ahead *ahead)
{
    ahead->copies = ahead->copy = 0;
    for (size_t i = 0; i < ahead->count; i++)
        ahead->spans[i].held = 0;
}

uint64_t hop_ahead_first_addr(const struct hop_ahead *ahead)
{
    return ahead->count > 1 ? ahead->spans[1].addr : 0;
}

/* --- what is wanted -------------------------------------------------------------------------- */

void hop_ahead_want(struct hop_ahead *ahead, uint64_t addr, size_t size, size_t slack)
{
    for (size_t i = 1; i < ahead->count; i++) {
        struct hop_ahead_span *span = &ahead->spans[i];
        if (addr < span->addr || addr > span->addr + span->size ||
            addr + size + slack - span->addr > SPAN_BYTES_MAX)
            continue;
        uint32_t used = (uint32_t)(addr + size - span->addr);
        if (span->size < used)
            span->size = used + (uint32_t)slack;
        span->used = span->used > used ? span->used : used;
        span->idle = 0;
        return;
    }
    if (ahead->count == HOP_AHEAD_SPANS || size + slack > SPAN_BYTES_MAX)
        return;
    ahead->spans[ahead->count++] =
        (struct hop_ahead_span){addr, (uint32_t)(size + slack), .used = (uint32_t)size};
}

/* Gives up what was not wanted for a while, and the end of a span that was not for longer. */
static void grow_old(struct hop_ahead *ahead, uint32_t idle_max)
{
    bool is_of_age = ++ahead->rounds % ROUNDS_AN_AGE == 0;
    size_t kept = 1;
    for (size_t i = 1; i < ahead->count; i++) {
        struct hop_ahead_span span = ahead->spans[i];
        if (span.idle > idle_max)
            continue;
        if (is_of_age && span.used) {
            span.size = span.used;
            span.used = 0;
        }
        ahead->spans[kept++] = span;
    }
    ahead->count = kept;
}

/* --- reading --------------------------------------------------------------------------------- */

/* The second span before the first: what is read first is the nearest to the truth, and the stack
 * matters most. */
static size_t span_at(size_t place, size_t count)
{
    return count > 1 && place < 2 ? 1 - place : place;
}

/* To the next word's end: no page ends within a word. */
static uint32_t whole_words(const struct hop_ahead_span *span)
{
    return (span->size + (span->addr & 7) + 7) / 8 * 8 - (span->addr & 7);
}

/* There is room for two, so that those that are left out are the last in either order. */
_Static_assert(2 * (SPAN_BYTES_MAX + 8) <= HOP_AHEAD_BYTES, "room for two spans");

/* Finds places for as many spans as there is room for, side by side as the reader likes them; their
 * number. */
static size_t lay_out(struct hop_ahead *ahead)
{
    size_t bytes = 0, count = 0;
    for (; count < ahead->count; count++) {
        struct hop_ahead_span *span = &ahead->spans[span_at(count, ahead->count)];
        uint32_t size = whole_words(span);
        if (bytes + size > HOP_AHEAD_BYTES)
            break;
        span->at = (uint32_t)bytes;
        span->held = size;
        bytes += size;
    }
    for (size_t i = count; i < ahead->count; i++)
        ahead->spans[i].held = 0;
    ahead->copy_bytes = bytes;
    return count;
}

static void give_up(struct hop_ahead *ahead, size_t index)
{
    memmove(&ahead->spans[index], &ahead->spans[index + 1],
            (ahead->count - index - 1) * sizeof *ahead->spans);
    ahead->count--;
}

/* Reads all spans, `copies` times. The number of whole copies; 0: not even the first span. */
static size_t read_copies(struct hop_ahead *ahead, size_t copies)
{
    for (;;) {
        size_t count = lay_out(ahead), total = 0;
        if (copies * count > COPIES_SPANS_MAX)
            copies = count > COPIES_SPANS_MAX ? 1 : COPIES_SPANS_MAX / count;
        if (copies > 1 && copies * ahead->copy_bytes > COPIES_BYTES_MAX)
            copies =
                ahead->copy_bytes > COPIES_BYTES_MAX ? 1 : COPIES_BYTES_MAX / ahead->copy_bytes;
        for (size_t copy = 0; copy < copies; copy++)
            for (size_t place = 0; place < count; place++) {
                const struct hop_ahead_span *span = &ahead->spans[span_at(place, count)];
                ahead->asked[total++] = (struct hop_span){
                    span->addr, span->held, ahead->bytes + copy * ahead->copy_bytes + span->at};
            }
        ahead->calls++;
        size_t filled = hop_reader_fill(ahead->reader, ahead->asked, total);
        if (filled >= count)
            return filled / count;
        /* A span that is gone ends the transfer. Those behind it are read when they are asked for;
         * without the first one there is nothing to begin with. */
        size_t gone = span_at(filled, count);
        if (gone == 0)
            return 0;
        for (size_t place = filled; place < count; place++)
            ahead->spans[span_at(place, count)].held = 0;
        bool has_first = ahead->spans[0].held;
        give_up(ahead, gone);
        if (has_first)
            return 1;
        copies = 1;
    }
}

bool hop_ahead_open(struct hop_ahead *ahead, uint64_t addr, size_t size, size_t copies)
{
    bool is_known = ahead->count && ahead->spans[0].addr == addr;
    ahead->found = 0;
    for (size_t i = 1; i < ahead->count; i++)
        ahead->spans[i].idle++;
    if (is_known && hop_ahead_left(ahead)) {
        ahead->copy++;
        return true;
    }
    if (is_known) {
        grow_old(ahead, copies > 1 ? IDLE_AHEAD_MAX : IDLE_MAX);
    } else {
        ahead->spans[0] = (struct hop_ahead_span){.addr = addr, .size = (uint32_t)size};
        ahead->count = 1;
    }
    ahead->copy = 0;
    ahead->copies = read_copies(ahead, copies);
    return ahead->copies;
}

const struct hop_ahead_span *hop_ahead_find(struct hop_ahead *ahead, uint64_t addr, size_t size)
{
    for (size_t i = 0, at = ahead->found; i < ahead->count; i++, at++) {
        if (at >= ahead->count)
            at = 0;
        struct hop_ahead_span *span = &ahead->spans[at];
        uint64_t first = addr - span->addr;
        if (addr < span->addr || first > span->held || span->held - first < size)
            continue;
        ahead->found = at;
        span->idle = 0;
        hop_ahead_use(ahead, addr + size);
        return span;
    }
    return NULL;
}
