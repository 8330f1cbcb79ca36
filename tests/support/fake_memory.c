/* An address space made of byte strings; see the header. */
#include "support/fake_memory.h"

#include <stdio.h>
#include <stdlib.h>

/* Where a heap might be; the first page is never given, so that small numbers are no addresses. */
enum { FIRST_ADDR = 0x10000, ALIGNMENT = 16, GAP = 64, PAGE = 4096 };

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "fake memory: not so: %s\n", #condition);                              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

void fake_memory_init(struct fake_memory *memory)
{
    *memory = (struct fake_memory){.next_addr = FIRST_ADDR};
}

void fake_memory_deinit(struct fake_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++)
        free(memory->ranges[i].bytes);
    free(memory->ranges);
    *memory = (struct fake_memory){0};
}

void fake_memory_copy(struct fake_memory *copy, const struct fake_memory *memory)
{
    fake_memory_init(copy);
    for (size_t i = 0; i < memory->count; i++)
        fake_memory_map(copy, memory->ranges[i].addr, memory->ranges[i].bytes,
                        memory->ranges[i].size);
    copy->next_addr = memory->next_addr;
}

/* The range that holds `addr`, or NULL. What was mapped last is asked for most. */
static const struct fake_range *range_of(const struct fake_memory *memory, uint64_t addr)
{
    for (size_t i = memory->count; i-- > 0;) {
        const struct fake_range *range = &memory->ranges[i];
        if (addr >= range->addr && addr - range->addr < range->size)
            return range;
    }
    return NULL;
}

void fake_memory_map(struct fake_memory *memory, uint64_t addr, const void *bytes, size_t size)
{
    MUST(size && addr + size > addr);
    for (size_t i = 0; i < memory->count; i++) {
        const struct fake_range *range = &memory->ranges[i];
        MUST(addr + size <= range->addr || range->addr + range->size <= addr);
    }
    if (memory->count == memory->capacity) {
        memory->capacity = memory->capacity ? 2 * memory->capacity : 64;
        memory->ranges = realloc(memory->ranges, memory->capacity * sizeof *memory->ranges);
        MUST(memory->ranges);
    }
    /* A block of its own for each range: valgrind and the sanitizers see what strays. */
    uint8_t *copy = calloc(1, size);
    MUST(copy);
    if (bytes)
        memcpy(copy, bytes, size);
    memory->ranges[memory->count++] = (struct fake_range){addr, size, copy};
}

uint64_t fake_memory_alloc(struct fake_memory *memory, const void *bytes, size_t size)
{
    uint64_t addr = memory->next_addr;
    memory->next_addr += (size + GAP + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    fake_memory_map(memory, addr, bytes, size);
    return addr;
}

uint64_t fake_memory_alloc_pages(struct fake_memory *memory, size_t size)
{
    memory->next_addr = (memory->next_addr + PAGE - 1) / PAGE * PAGE;
    return fake_memory_alloc(memory, NULL, (size + PAGE - 1) / PAGE * PAGE);
}

uint8_t *fake_memory_at(const struct fake_memory *memory, uint64_t addr, size_t size)
{
    const struct fake_range *range = range_of(memory, addr);
    MUST(range && range->size - (addr - range->addr) >= size);
    return range->bytes + (addr - range->addr);
}

void fake_memory_put_u64(struct fake_memory *memory, uint64_t addr, uint64_t value)
{
    memcpy(fake_memory_at(memory, addr, sizeof value), &value, sizeof value);
}

void fake_memory_put_u32(struct fake_memory *memory, uint64_t addr, uint32_t value)
{
    memcpy(fake_memory_at(memory, addr, sizeof value), &value, sizeof value);
}

void fake_memory_unmap(struct fake_memory *memory, uint64_t addr)
{
    for (size_t i = 0; i < memory->count; i++) {
        if (memory->ranges[i].addr != addr)
            continue;
        free(memory->ranges[i].bytes);
        memory->ranges[i] = memory->ranges[--memory->count];
        return;
    }
    MUST(!"a range begins there");
}

static bool copy_out(const struct fake_memory *memory, const struct hop_span *span)
{
    for (size_t done = 0; done < span->size;) {
        uint64_t addr = span->addr + done;
        const struct fake_range *range = range_of(memory, addr);
        if (!range)
            return false;
        size_t left = range->size - (size_t)(addr - range->addr);
        size_t part = left < span->size - done ? left : span->size - done;
        memcpy((uint8_t *)span->into + done, range->bytes + (addr - range->addr), part);
        done += part;
    }
    return true;
}

static size_t fill_fake(struct hop_reader *base, const struct hop_span *spans, size_t count)
{
    struct fake_reader *reader = (struct fake_reader *)base;
    MUST(count <= HOP_SPANS_MAX);
    reader->calls++;
    for (size_t i = 0; i < count; i++) {
        reader->reads++;
        bool is_after = reader->swaps_at && reader->reads >= reader->swaps_at;
        if (reader->reads == reader->fails_at ||
            !copy_out(is_after ? reader->after : reader->memory, &spans[i]))
            return i;
    }
    return count;
}

void fake_reader_init(struct fake_reader *reader, const struct fake_memory *memory)
{
    *reader = (struct fake_reader){.base.fill = fill_fake, .memory = memory};
}
