/* Reads code objects of the target: header, names, line table, bytecode; and what tells one from
 * another. It checks all of it, for the target may free the object while it is read. */
#include "py/code_read.h"

#include "py/code_original.h"
#include "py/text.h"

static bool fits(int32_t offset, size_t size, size_t header_size)
{
    return offset >= 0 && (size_t)offset + size <= header_size;
}

static bool fits_or_absent(int32_t offset, size_t size, size_t header_size)
{
    return offset == HOP_ABSENT || fits(offset, size, header_size);
}

size_t hop_code_header_size(const struct hop_layout *layout)
{
    /* All fields come before the bytecode where that is inline. Of the two, this is the offset that
     * the target itself tells (3.13+). */
    return (size_t)(layout->code_adaptive != HOP_ABSENT ? layout->code_adaptive
                                                        : layout->code_size);
}

bool hop_code_layout_is_usable(const struct hop_layout *layout)
{
    size_t size = hop_code_header_size(layout);
    bool has_bytecode = layout->code_adaptive != HOP_ABSENT ? fits(layout->code_units, 8, size)
                                                            : fits(layout->code_code, 8, size);
    return size <= HOP_CODE_HEADER_MAX && has_bytecode && fits(layout->object_type, 8, size) &&
           fits(layout->code_filename, 8, size) && fits(layout->code_name, 8, size) &&
           fits(layout->code_lines, 8, size) && fits(layout->code_firstlineno, 4, size) &&
           fits(layout->code_flags, 4, size) && fits(layout->code_consts, 8, size) &&
           fits(layout->code_names, 8, size) && fits_or_absent(layout->code_qualname, 8, size) &&
           fits_or_absent(layout->code_firsttraceable, 4, size) &&
           fits_or_absent(layout->code_version, 4, size) &&
           fits_or_absent(layout->code_monitoring, 8, size) &&
           fits_or_absent(layout->code_executors, 8, size);
}

static uint64_t pointer_of(const uint8_t *header, int32_t offset)
{
    return offset == HOP_ABSENT ? 0 : hop_u64(header + offset);
}

bool hop_code_identity_needs_name(const struct hop_layout *layout)
{
    return layout->code_version == HOP_ABSENT;
}

void hop_code_identity_from(const struct hop_layout *layout, const uint8_t *header,
                            const uint64_t name_fingerprint[2], struct hop_code_identity *identity)
{
    /* None of these fields changes while the code object lives and may be executing. */
    uint32_t version =
        layout->code_version == HOP_ABSENT ? 0 : hop_u32(header + layout->code_version);
    bool has_name = hop_code_identity_needs_name(layout);
    *identity = (struct hop_code_identity){{
        hop_u64(header + layout->object_type),
        hop_u64(header + layout->code_name),
        hop_u64(header + layout->code_filename),
        hop_u64(header + layout->code_lines),
        hop_u64(header +
                (layout->code_adaptive != HOP_ABSENT ? layout->code_units : layout->code_code)),
        (uint64_t)hop_u32(header + layout->code_flags) << 32 |
            hop_u32(header + layout->code_firstlineno),
        /* The version is 0 in code that CPython itself holds statically, and in all new code once
         * the interpreter ran out of versions. */
        version ? version : hop_u64(header + layout->code_consts),
        has_name ? name_fingerprint[0] : 0,
        has_name ? name_fingerprint[1] : 0,
    }};
}

size_t hop_code_parts(const struct hop_layout *layout, struct hop_code_part parts[HOP_CODE_PARTS])
{
    if (!hop_code_identity_needs_name(layout))
        return 0;
    parts[0] =
        (struct hop_code_part){layout->code_names, layout->tuple_size, layout->tuple_items, 8};
    parts[1] =
        (struct hop_code_part){layout->code_consts, layout->tuple_size, layout->tuple_items, 8};
    parts[2] = (struct hop_code_part){layout->code_code, layout->bytes_size, layout->bytes_data, 1};
    return layout->code_adaptive == HOP_ABSENT ? 3 : 2;
}

static bool read_part(struct hop_reader *reader, const struct hop_code_part *part,
                      const uint8_t *header, uint64_t words[HOP_CODE_PART_WORDS])
{
    const uint64_t most = (HOP_CODE_PART_WORDS - 1) * sizeof *words / (uint64_t)part->item_bytes;
    uint64_t addr = hop_u64(header + part->pointer);
    memset(words, 0, HOP_CODE_PART_WORDS * sizeof *words);
    if (!addr)
        return true;
    if (!hop_read_u64(reader, addr + (uint64_t)part->size, &words[0]))
        return false;
    size_t bytes = (size_t)(words[0] < most ? words[0] : most) * (size_t)part->item_bytes;
    return !bytes || hop_read(reader, addr + (uint64_t)part->data, &words[1], bytes);
}

bool hop_code_number_read(struct hop_reader *reader, const struct hop_layout *layout, uint64_t addr,
                          const uint8_t *header, const struct hop_code_identity *identity,
                          uint64_t *number)
{
    struct hop_code_part parts[HOP_CODE_PARTS];
    uint64_t words[HOP_CODE_PART_WORDS];
    size_t count = hop_code_parts(layout, parts);
    *number = hop_code_identity_number(addr, identity);
    for (size_t i = 0; i < count; i++) {
        if (!read_part(reader, &parts[i], header, words))
            return false;
        for (size_t j = 0; j < HOP_CODE_PART_WORDS; j++)
            *number = (*number ^ words[j]) * HOP_CODE_NUMBER_FACTOR;
        *number ^= *number >> 32;
    }
    return true;
}

/* Reads the header, refuses what is no code object, and takes its identity. */
static enum hop_refusal read_header(struct hop_reader *reader, const struct hop_layout *layout,
                                    uint64_t addr, struct hop_reader *types_reader,
                                    uint64_t *type_addr, uint8_t header[HOP_CODE_HEADER_MAX],
                                    struct hop_code_identity *identity)
{
    if (!hop_read(reader, addr, header, hop_code_header_size(layout)))
        return HOP_REFUSED_UNREADABLE;
    uint64_t type = hop_u64(header + layout->object_type);
    /* PyCode_Type is static, one for all interpreters of a process. */
    if (!*type_addr) {
        uint64_t name_addr;
        char name[sizeof "code"];
        if (!hop_read_u64(types_reader, type + (uint64_t)layout->type_name, &name_addr) ||
            !hop_read(types_reader, name_addr, name, sizeof name) ||
            memcmp(name, "code", sizeof name))
            return HOP_REFUSED_NOT_CODE;
        *type_addr = type;
    }
    if (type != *type_addr)
        return HOP_REFUSED_NOT_CODE;

    uint64_t fingerprint[2] = {0, 0};
    if (hop_code_identity_needs_name(layout) &&
        !hop_text_fingerprint(reader, layout, pointer_of(header, layout->code_name), fingerprint))
        return HOP_REFUSED_UNREADABLE;
    hop_code_identity_from(layout, header, fingerprint, identity);
    return HOP_TAKEN;
}

static enum hop_refusal read_text(struct hop_reader *reader, const struct hop_layout *layout,
                                  uint64_t str_addr, struct hop_arena *arena, const char **text)
{
    char utf8[HOP_TEXT_BYTES_MAX];
    ssize_t length = hop_text_read(reader, layout, str_addr, utf8);
    if (length < 0)
        return HOP_REFUSED_NOT_CODE;
    *text = hop_arena_string(arena, utf8, (size_t)length);
    return *text ? HOP_TAKEN : HOP_REFUSED_NO_ROOM;
}

/* Where the characters of a bytes object are, and how many. */
static bool find_bytes(struct hop_reader *reader, const struct hop_layout *layout,
                       uint64_t bytes_addr, uint64_t *data_addr, uint64_t *size)
{
    *data_addr = bytes_addr + (uint64_t)layout->bytes_data;
    return bytes_addr && hop_read_u64(reader, bytes_addr + (uint64_t)layout->bytes_size, size);
}

static enum hop_refusal read_raw(struct hop_reader *reader, uint64_t addr, uint64_t size,
                                 uint64_t limit, struct hop_arena *arena, const uint8_t **raw)
{
    uint8_t *copy = size <= limit ? hop_arena_alloc(arena, (size_t)size) : NULL;
    if (!copy)
        return HOP_REFUSED_NO_ROOM;
    if (size && !hop_read(reader, addr, copy, (size_t)size))
        return HOP_REFUSED_UNREADABLE;
    *raw = copy;
    return HOP_TAKEN;
}

static enum hop_refusal read_names(struct hop_reader *reader, const struct hop_layout *layout,
                                   const uint8_t *header, struct hop_arena *arena,
                                   struct hop_code *code)
{
    code->name_addr = pointer_of(header, layout->code_name);
    enum hop_refusal refusal = read_text(reader, layout, code->name_addr, arena, &code->name);
    if (refusal == HOP_TAKEN)
        refusal = read_text(reader, layout, pointer_of(header, layout->code_filename), arena,
                            &code->filename);
    code->qualname = code->name;
    code->qualname_is_known = layout->code_qualname != HOP_ABSENT;
    code->qualname_is_wanted = !code->qualname_is_known;
    if (refusal == HOP_TAKEN && code->qualname_is_known)
        refusal = read_text(reader, layout, pointer_of(header, layout->code_qualname), arena,
                            &code->qualname);
    return refusal;
}

static enum hop_refusal read_lines(struct hop_reader *reader, const struct hop_layout *layout,
                                   const uint8_t *header, struct hop_arena *arena,
                                   struct hop_code *code)
{
    uint64_t data_addr, size;
    if (!find_bytes(reader, layout, pointer_of(header, layout->code_lines), &data_addr, &size))
        return HOP_REFUSED_UNREADABLE;
    code->first_line = hop_i32(header + layout->code_firstlineno);
    code->line_table_size = (size_t)size;
    return read_raw(reader, data_addr, size, HOP_LINE_TABLE_MAX, arena, &code->line_table);
}

static enum hop_refusal read_units(struct hop_reader *reader, const struct hop_layout *layout,
                                   const uint8_t *header, struct hop_arena *arena,
                                   struct hop_code *code)
{
    uint64_t bytes;
    if (layout->code_adaptive != HOP_ABSENT) {
        uint64_t units = hop_u64(header + layout->code_units);
        bytes = units <= HOP_CODE_UNITS_MAX ? 2 * units : UINT64_MAX - 1;
        code->bytecode_addr = code->addr + (uint64_t)layout->code_adaptive;
    } else if (!find_bytes(reader, layout, pointer_of(header, layout->code_code),
                           &code->bytecode_addr, &bytes)) {
        return HOP_REFUSED_UNREADABLE;
    }
    if (!bytes || bytes % 2)
        return HOP_REFUSED_NOT_CODE;
    const uint8_t *raw;
    enum hop_refusal refusal =
        read_raw(reader, code->bytecode_addr, bytes, 2 * HOP_CODE_UNITS_MAX, arena, &raw);
    if (refusal != HOP_TAKEN)
        return refusal;
    uint32_t count = (uint32_t)(bytes / 2);
    struct hop_code_originals originals = {
        .reader = reader,
        .layout = layout,
        .arena = arena,
        .units = count,
        .monitoring_addr = pointer_of(header, layout->code_monitoring),
        .executors_addr = pointer_of(header, layout->code_executors),
    };
    if (layout->code_firsttraceable != HOP_ABSENT)
        code->first_traceable = hop_u32(header + layout->code_firsttraceable);
    refusal = hop_units_decode(layout, raw, count, hop_code_original_find, &originals, arena,
                               &code->units);
    /* A trampoline ends in a RESUME that is never carried out; 3.15 left out its cache. */
    if (refusal == HOP_REFUSED_BAD_OPCODE && code->first_traceable > count && count > 1)
        refusal = hop_units_decode(layout, raw, count - 1, hop_code_original_find, &originals,
                                   arena, &code->units);
    return refusal;
}

enum hop_refusal hop_code_read(struct hop_reader *reader, const struct hop_layout *layout,
                               uint64_t addr, uint64_t *type_addr,
                               struct hop_known_types *constant_types, struct hop_arena *arena,
                               struct hop_code *code)
{
    uint8_t header[HOP_CODE_HEADER_MAX];
    struct hop_reader *types_reader = constant_types->reader ? constant_types->reader : reader;
    *code = (struct hop_code){.addr = addr};
    enum hop_refusal refusal =
        read_header(reader, layout, addr, types_reader, type_addr, header, &code->identity);
    if (refusal == HOP_TAKEN)
        refusal = read_names(reader, layout, header, arena, code);
    if (refusal == HOP_TAKEN)
        refusal = read_lines(reader, layout, header, arena, code);
    if (refusal == HOP_TAKEN)
        refusal = read_units(reader, layout, header, arena, code);
    if (refusal == HOP_TAKEN &&
        !hop_code_number_read(reader, layout, addr, header, &code->identity, &code->number))
        refusal = HOP_REFUSED_UNREADABLE;
    if (refusal != HOP_TAKEN)
        return refusal;
    hop_operands_read(reader, layout, header, hop_code_header_size(layout), constant_types, arena,
                      &code->operands);

    /* Read live, the object may have been freed and another one made in its place meanwhile. */
    struct hop_code_identity identity;
    refusal = read_header(reader, layout, addr, types_reader, type_addr, header, &identity);
    if (refusal == HOP_TAKEN && !hop_code_identity_is(&identity, &code->identity))
        refusal = HOP_REFUSED_NOT_CODE;
    return refusal;
}

/* Copies `bytes` to the front of *piece, which then is what remains of it. */
static void *carve(uint8_t **piece, const void *bytes, size_t size)
{
    void *copy = *piece;
    if (size)
        memcpy(copy, bytes, size);
    *piece += size;
    return copy;
}

struct hop_code *hop_code_keep(struct hop_arena *arena, const struct hop_code *code,
                               const struct hop_code *neighbour)
{
    const struct hop_units *units = &code->units;
    bool has_qualname = strcmp(code->qualname, code->name);
    bool has_filename = !neighbour || strcmp(neighbour->filename, code->filename);
    size_t name_size = strlen(code->name) + 1;
    size_t qualname_size = has_qualname ? strlen(code->qualname) + 1 : 0;
    size_t filename_size = has_filename ? strlen(code->filename) + 1 : 0;
    size_t words_size = units->count * sizeof(uint32_t);
    const struct hop_operands *operands = &code->operands;
    size_t ends_size = operands->count * sizeof(uint32_t);
    size_t operands_size = hop_operands_text_size(operands);
    /* One piece, so that a full arena is not filled up further by halves of code objects; what has
     * an alignment comes first. */
    uint8_t *piece = hop_arena_alloc(
        arena, sizeof *code + 2 * words_size + ends_size + units->count + operands_size +
                   code->line_table_size + name_size + qualname_size + filename_size);
    if (!piece)
        return NULL;
    struct hop_code *kept = carve(&piece, code, sizeof *code);
    kept->units.starts = carve(&piece, units->starts, words_size);
    kept->units.args = carve(&piece, units->args, words_size);
    kept->operands.ends = carve(&piece, operands->ends, ends_size);
    kept->units.bases = carve(&piece, units->bases, units->count);
    kept->line_table = carve(&piece, code->line_table, code->line_table_size);
    kept->operands.text = carve(&piece, operands->text, operands_size);
    kept->name = carve(&piece, code->name, name_size);
    kept->qualname = kept->name;
    if (has_qualname)
        kept->qualname = carve(&piece, code->qualname, qualname_size);
    kept->filename =
        has_filename ? carve(&piece, code->filename, filename_size) : neighbour->filename;
    return kept;
}
