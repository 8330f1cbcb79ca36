/* Looks for what is wanted in one span after the other, see copied.h: there are some dozens, mostly
 * in the order in which they are wanted. */
#include "mem/copied.h"

/* The span at `at`, and where the next one is; NULL: there is none. */
static const struct hop_copied_span *span_at(const struct hop_copied_reader *copied, size_t at,
                                             size_t *next)
{
    if (copied->size - at < sizeof(struct hop_copied_span))
        return NULL;
    const struct hop_copied_span *span = (const void *)(copied->spans + at);
    size_t room = copied->size - at - sizeof *span;
    if (span->size > room)
        return NULL;
    size_t whole = (size_t)(span->size + 7) & ~(size_t)7;
    *next = at + sizeof *span + (whole < room ? whole : room);
    return span;
}

/* Where `size` bytes from `addr` on are in one span, and how many there are in all; NULL: nowhere.
 * The search begins where the last one ended. */
static const uint8_t *find(struct hop_copied_reader *copied, uint64_t addr, size_t size,
                           size_t *there)
{
    const size_t first = copied->found;
    size_t at = first, next = 0;
    for (bool is_second_lap = false;;) {
        const struct hop_copied_span *span = span_at(copied, at, &next);
        if (!span) {
            if (is_second_lap || !first)
                return NULL;
            is_second_lap = true;
            at = 0;
            continue;
        }
        uint64_t from = addr - span->addr;
        if (addr >= span->addr && from < span->size && span->size - from >= size) {
            copied->found = at;
            *there = (size_t)(span->size - from);
            return span->bytes + from;
        }
        at = next;
        if (is_second_lap && at >= first)
            return NULL;
    }
}

static size_t fill_copied(struct hop_reader *reader, const struct hop_span *spans, size_t count)
{
    size_t there;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes =
            find((struct hop_copied_reader *)reader, spans[i].addr, spans[i].size, &there);
        if (!bytes)
            return i;
        memcpy(spans[i].into, bytes, spans[i].size);
    }
    return count;
}

static size_t extent_of_copied(struct hop_reader *reader, uint64_t addr)
{
    size_t there;
    return find((struct hop_copied_reader *)reader, addr, 1, &there) ? there : 0;
}

void hop_copied_reader_init(struct hop_copied_reader *copied, const void *spans, size_t size)
{
    *copied = (struct hop_copied_reader){{fill_copied, extent_of_copied}, spans, size, 0};
}
