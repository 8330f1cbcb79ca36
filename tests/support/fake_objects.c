/* Objects of CPython in a fake address space; see the header. */
#include "support/fake_objects.h"

#include "py/code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger than any object's fixed part. */
enum { OBJECT_BYTES = 512 };

/* What a hash looks like: anything but −1. */
static uint64_t hash_of(const void *bytes, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
    return hash >> 1;
}

static void put(uint8_t *object, int32_t offset, const void *value, size_t size)
{
    if (offset != HOP_ABSENT)
        memcpy(object + offset, value, size);
}

static void put_u64(uint8_t *object, int32_t offset, uint64_t value)
{
    put(object, offset, &value, sizeof value);
}

static void put_u32(uint8_t *object, int32_t offset, uint32_t value)
{
    put(object, offset, &value, sizeof value);
}

uint64_t fake_type(struct fake_memory *memory, const struct hop_layout *layout, const char *name)
{
    uint8_t object[OBJECT_BYTES] = {0};
    put_u64(object, layout->type_name, fake_memory_alloc(memory, name, strlen(name) + 1));
    return fake_memory_alloc(memory, object, sizeof object);
}

static uint32_t state_bits(uint32_t mask, uint32_t value)
{
    return value << __builtin_ctz(mask);
}

uint64_t fake_str(struct fake_memory *memory, const struct hop_layout *layout, unsigned kind,
                  const void *text, size_t length)
{
    bool is_ascii = kind == 1;
    for (size_t i = 0; is_ascii && i < length; i++)
        is_ascii = ((const uint8_t *)text)[i] < 0x80;
    size_t header = (size_t)(is_ascii ? layout->unicode_ascii_data : layout->unicode_compact_data);
    size_t size = header + kind * (length + 1); /* with the NUL that CPython adds */
    uint8_t *object = calloc(1, size);
    put_u64(object, layout->unicode_length, length);
    put_u64(object, layout->unicode_hash, hash_of(text, kind * length));
    put_u32(object, layout->unicode_state,
            state_bits(layout->unicode_kind_mask, kind) |
                state_bits(layout->unicode_compact_mask, 1) |
                state_bits(layout->unicode_ascii_mask, is_ascii));
    memcpy(object + header, text, kind * length);
    uint64_t addr = fake_memory_alloc(memory, object, size);
    free(object);
    return addr;
}

uint64_t fake_ascii(struct fake_memory *memory, const struct hop_layout *layout, const char *text)
{
    return fake_str(memory, layout, 1, text, strlen(text));
}

uint64_t fake_bytes(struct fake_memory *memory, const struct hop_layout *layout, const void *bytes,
                    size_t size)
{
    size_t header = (size_t)layout->bytes_data;
    uint8_t *object = calloc(1, header + size + 1);
    put_u64(object, layout->bytes_size, size);
    if (size)
        memcpy(object + header, bytes, size);
    uint64_t addr = fake_memory_alloc(memory, object, header + size + 1);
    free(object);
    return addr;
}

uint8_t fake_opcode(const struct hop_layout *layout, const char *name)
{
    for (int i = 0; i < HOP_OPCODE_COUNT; i++)
        if (layout->opcodes[i].name && !strcmp(layout->opcodes[i].name, name))
            return (uint8_t)i;
    fprintf(stderr, "%d.%d has no opcode %s\n", layout->major, layout->minor, name);
    abort();
}

uint64_t fake_code_at(struct fake_memory *memory, const struct hop_layout *layout, uint64_t addr,
                      const struct fake_code *code)
{
    size_t header = hop_code_header_size(layout);
    bool is_inline = layout->code_adaptive != HOP_ABSENT;
    size_t size = header + (is_inline ? 2 * code->unit_count : 0);
    uint8_t *object = calloc(1, size);
    put_u64(object, layout->object_type, code->type_addr);
    put_u64(object, layout->code_name, fake_ascii(memory, layout, code->name));
    put_u64(object, layout->code_filename, fake_ascii(memory, layout, code->filename));
    put_u64(object, layout->code_qualname, fake_ascii(memory, layout, code->qualname));
    put_u64(object, layout->code_lines, fake_bytes(memory, layout, code->lines, code->lines_size));
    put_u32(object, layout->code_firstlineno, (uint32_t)code->first_line);
    put_u32(object, layout->code_firsttraceable, code->first_traceable);
    put_u32(object, layout->code_version, code->version);
    put_u64(object, layout->code_monitoring, code->monitoring_addr);
    put_u64(object, layout->code_executors, code->executors_addr);
    if (is_inline) {
        put_u64(object, layout->code_units, code->unit_count);
        memcpy(object + header, code->units, 2 * code->unit_count);
    } else {
        put_u64(object, layout->code_code,
                fake_bytes(memory, layout, code->units, 2 * code->unit_count));
    }
    if (addr)
        fake_memory_map(memory, addr, object, size);
    else
        addr = fake_memory_alloc(memory, object, size);
    free(object);
    return addr;
}
