/* Looks for what is wanted in each span, see copied.h: there are some dozens. */
#include "mem/copied.h"

/* The longest run of bytes that there is from `addr` on in one span, and in *size how long it is;
 * NULL: there is none. */
static const uint8_t *find(const struct hop_copied_reader *copied, uint64_t addr, size_t *size)
{
    const uint8_t *found = NULL;
    *size = 0;
    for (size_t at = 0; copied->size - at >= sizeof(struct hop_copied_span);) {
        const struct hop_copied_span *span = (const void *)(copied->spans + at);
        size_t room = copied->size - at - sizeof *span;
        uint64_t from = addr - span->addr;
        if (span->size > room)
            break;
        if (addr >= span->addr && from < span->size && span->size - from > *size) {
            *size = (size_t)(span->size - from);
            found = span->bytes + from;
        }
        size_t whole = (size_t)(span->size + 7) & ~(size_t)7;
        at += sizeof *span + (whole < room ? whole : room);
    }
    return found;
}

static size_t fill_copied(struct hop_reader *reader, const struct hop_span *spans, size_t count)
{
    size_t size;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes = find((const struct hop_copied_reader *)reader, spans[i].addr, &size);
        if (!bytes || size < spans[i].size)
            return i;
        memcpy(spans[i].into, bytes, spans[i].size);
    }
    return count;
}

static size_t extent_of_copied(struct hop_reader *reader, uint64_t addr)
{
    size_t size;
    (void)find((const struct hop_copied_reader *)reader, addr, &size);
    return size;
}

void hop_copied_reader_init(struct hop_copied_reader *copied, const void *spans, size_t size)
{
    *copied = (struct hop_copied_reader){{fill_copied, extent_of_copied}, spans, size};
}
