/* An address space made of byte strings, with a reader on it that can be told to fail, or to change
 * what it shows, at the n-th read. It knows nothing of what the bytes mean. */
#ifndef TEST_FAKE_MEMORY_H
#define TEST_FAKE_MEMORY_H

#include "mem/reader.h"

/* A mapped range. Ranges do not overlap; two that touch are readable across their border. */
struct fake_range {
    uint64_t addr;
    size_t size;
    uint8_t *bytes;
};

/* One address space. Writing to it is plain C: it has no failures of its own. */
struct fake_memory {
    struct fake_range *ranges;
    size_t count, capacity;
    uint64_t next_addr; /* for fake_memory_alloc */
};

void fake_memory_init(struct fake_memory *memory);
void fake_memory_deinit(struct fake_memory *memory);
/* The same bytes at the same places, once more. */
void fake_memory_copy(struct fake_memory *copy, const struct fake_memory *memory);

/* Maps `size` bytes at `addr`: a copy of `bytes`, or zeros where that is NULL. Aborts when the
 * range overlaps another one. */
void fake_memory_map(struct fake_memory *memory, uint64_t addr, const void *bytes, size_t size);

/* The same at an address of its choice, 16-aligned, never 0, with unmapped bytes on both sides. */
uint64_t fake_memory_alloc(struct fake_memory *memory, const void *bytes, size_t size);

/* As many whole pages, zeroed: what memory really consists of, for what is read page by page. Two
 * such ranges do not touch. */
uint64_t fake_memory_alloc_pages(struct fake_memory *memory, size_t size);

/* The bytes [addr, addr + size), to be changed; aborts when they are not in one range. */
uint8_t *fake_memory_at(const struct fake_memory *memory, uint64_t addr, size_t size);

void fake_memory_put_u64(struct fake_memory *memory, uint64_t addr, uint64_t value);
void fake_memory_put_u32(struct fake_memory *memory, uint64_t addr, uint32_t value);

/* Forgets the range that begins at `addr`. */
void fake_memory_unmap(struct fake_memory *memory, uint64_t addr);

/* The reader. A read is one span; they are numbered from 1 over all calls. */
struct fake_reader {
    struct hop_reader base;
    const struct fake_memory *memory;
    uint64_t reads; /* spans asked for so far */
    uint64_t calls;
    uint64_t fails_at; /* this read and those behind it in its call fail; 0: none does */
    uint64_t swaps_at; /* from this read on, `after` is shown instead of `memory`; 0: never */
    const struct fake_memory *after;
};

/* Numbers start anew. `memory` is kept, not copied. */
void fake_reader_init(struct fake_reader *reader, const struct fake_memory *memory);

#endif
