/* A foreign address space as one tiny interface: fill these spans. It knows addresses and bytes,
 * never what the bytes mean, and it has no way to write. */
#ifndef HOP_MEM_READER_H
#define HOP_MEM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One piece of foreign memory wanted: `size` bytes at `addr`, to be put into `into`. */
struct hop_span {
    uint64_t addr;
    size_t size;
    void *into;
};

/* The most spans one call takes: the kernel's IOV_MAX (process_vm_readv(2): EINVAL above it). */
enum { HOP_SPANS_MAX = 1024 };

struct hop_reader;

/* Fills spans in order and returns how many were filled whole; it stops at the first that could
 * not be (unmapped page, target gone). What a span holds that was not filled is undefined. */
typedef size_t hop_reader_fill_fn(struct hop_reader *reader, const struct hop_span *spans,
                                  size_t count);

/* How many bytes there are to be had in one piece from `addr` on, at least. */
typedef size_t hop_reader_extent_fn(struct hop_reader *reader, uint64_t addr);

/* Back ends embed this as their first member. */
struct hop_reader {
    hop_reader_fill_fn *fill;
    hop_reader_extent_fn *extent; /* NULL: that is not known before they are read */
};

static inline size_t hop_reader_fill(struct hop_reader *reader, const struct hop_span *spans,
                                     size_t count)
{
    return reader->fill(reader, spans, count);
}

/* All of one span, or false. */
static inline bool hop_read(struct hop_reader *reader, uint64_t addr, void *into, size_t size)
{
    struct hop_span span = {addr, size, into};
    return reader->fill(reader, &span, 1) == 1;
}

/* `most`, or less where it is known that there are less. */
static inline size_t hop_reader_extent(struct hop_reader *reader, uint64_t addr, size_t most)
{
    size_t extent = reader->extent ? reader->extent(reader, addr) : most;
    return extent < most ? extent : most;
}

static inline bool hop_read_u64(struct hop_reader *reader, uint64_t addr, uint64_t *value)
{
    return hop_read(reader, addr, value, sizeof *value);
}

/* Fields of a remote struct that has been copied to `bytes`: the host's byte order is the
 * target's, for both run on one kernel. Unaligned is fine. */
static inline uint64_t hop_u64(const void *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline uint32_t hop_u32(const void *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline int32_t hop_i32(const void *bytes)
{
    int32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline uint16_t hop_u16(const void *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* The live back end: process_vm_readv(2) on `pid`, a pid in our own PID namespace. */
struct hop_live_reader {
    struct hop_reader base;
    int pid;
};

void hop_live_reader_init(struct hop_live_reader *live, int pid);

#endif
