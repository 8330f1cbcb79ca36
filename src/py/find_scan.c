/* Finds an image's segments, copies them, and searches the copies; believes nothing it reads. */
#include "py/find_scan.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROGRAM_HEADERS_MAX = 64,
    /* Read at once; what cannot be read whole is read by pages. */
    COPY_BYTES = 1 << 20,
    PAGE_BYTES = 4096,
};

static void add_segment(struct hop_segment segments[HOP_SEGMENTS_MAX], size_t *count,
                        uint64_t start_addr, uint64_t size)
{
    if (size > HOP_SCAN_BYTES_MAX)
        size = HOP_SCAN_BYTES_MAX;
    if (size == 0 || *count == HOP_SEGMENTS_MAX || start_addr + size < start_addr)
        return;
    segments[(*count)++] = (struct hop_segment){start_addr, start_addr + size};
}

/* From the program headers, which lie in the first page of every image. */
static bool segments_of_headers(struct hop_reader *reader, const struct hop_image *image,
                                enum hop_segment_kind kind,
                                struct hop_segment segments[HOP_SEGMENTS_MAX], size_t *count)
{
    uint64_t base_addr = image->first->start_addr;
    Elf64_Ehdr header;
    Elf64_Phdr program[PROGRAM_HEADERS_MAX];
    if (image->first->file_offset != 0 || !hop_read(reader, base_addr, &header, sizeof header))
        return false;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phentsize != sizeof program[0] || header.e_phnum > PROGRAM_HEADERS_MAX ||
        header.e_phoff > PAGE_BYTES)
        return false;
    if (!hop_read(reader, base_addr + header.e_phoff, program, header.e_phnum * sizeof program[0]))
        return false;
    uint64_t lowest = UINT64_MAX;
    for (size_t i = 0; i < header.e_phnum; i++) {
        if (program[i].p_type == PT_LOAD && program[i].p_vaddr < lowest)
            lowest = program[i].p_vaddr;
    }
    uint64_t bias = base_addr - (lowest & -(uint64_t)PAGE_BYTES);
    for (size_t i = 0; i < header.e_phnum; i++) {
        bool is_writable = program[i].p_flags & PF_W;
        if (program[i].p_type == PT_LOAD && is_writable == (kind == HOP_SEGMENT_WRITABLE))
            add_segment(segments, count, bias + program[i].p_vaddr, program[i].p_memsz);
    }
    return true;
}

/* From the mappings: those of the file, and the anonymous one behind the last, which is .bss. */
static void segments_of_mappings(const struct hop_maps *maps, const struct hop_image *image,
                                 enum hop_segment_kind kind,
                                 struct hop_segment segments[HOP_SEGMENTS_MAX], size_t *count)
{
    const struct hop_mapping *end = maps->mappings + maps->count;
    const struct hop_mapping *last = image->first + image->mapping_count;
    for (const struct hop_mapping *mapping = image->first; mapping < last; mapping++) {
        if (mapping->is_readable && mapping->is_writable == (kind == HOP_SEGMENT_WRITABLE))
            add_segment(segments, count, mapping->start_addr,
                        mapping->end_addr - mapping->start_addr);
    }
    if (kind == HOP_SEGMENT_WRITABLE && last < end && last[-1].is_writable &&
        last->start_addr == last[-1].end_addr && last->is_writable && last->path[0] == '\0')
        add_segment(segments, count, last->start_addr, last->end_addr - last->start_addr);
}

size_t hop_segments_of(struct hop_reader *reader, const struct hop_maps *maps,
                       const struct hop_image *image, enum hop_segment_kind kind,
                       struct hop_segment segments[HOP_SEGMENTS_MAX])
{
    size_t count = 0;
    if (!segments_of_headers(reader, image, kind, segments, &count))
        segments_of_mappings(maps, image, kind, segments, &count);
    return count;
}

bool hop_segment_copy_init(struct hop_segment_copy *copy, struct hop_reader *reader,
                           const struct hop_segment *segment)
{
    copy->addr = segment->start_addr;
    copy->size = segment->end_addr - segment->start_addr;
    copy->bytes = calloc(1, copy->size);
    if (!copy->bytes)
        return false;
    for (size_t at = 0; at < copy->size;) {
        size_t piece = copy->size - at < COPY_BYTES ? copy->size - at : COPY_BYTES;
        if (!hop_read(reader, copy->addr + at, copy->bytes + at, piece)) {
            memset(copy->bytes + at, 0, piece);
            for (size_t page = at; page < at + piece;) {
                size_t left = at + piece - page;
                size_t size = PAGE_BYTES - (copy->addr + page) % PAGE_BYTES;
                size = size < left ? size : left;
                if (!hop_read(reader, copy->addr + page, copy->bytes + page, size))
                    memset(copy->bytes + page, 0, size);
                page += size;
            }
        }
        at += piece;
    }
    return true;
}

void hop_segment_copy_deinit(struct hop_segment_copy *copy)
{
    free(copy->bytes);
    copy->bytes = NULL;
}

/* _PyRuntime is aligned to 8 bytes at least; so is every index from here on. */
static size_t first_aligned(const struct hop_segment_copy *copy, size_t at)
{
    return at + (size_t)(-(copy->addr + at) & 7);
}

bool hop_scan_cookie(const struct hop_segment_copy *copy, size_t *at, uint64_t *runtime_addr)
{
    for (size_t i = first_aligned(copy, *at); i + 8 <= copy->size; i += 8) {
        if (memcmp(copy->bytes + i, "xdebugpy", 8) == 0) {
            *runtime_addr = copy->addr + i;
            *at = i + 8;
            return true;
        }
    }
    return false;
}

static bool could_be_interpreter(const struct hop_maps *maps, uint64_t addr)
{
    if (addr == 0 || addr % 8 != 0)
        return false;
    const struct hop_mapping *mapping = hop_maps_find(maps, addr);
    return mapping && mapping->is_writable;
}

bool hop_scan_runtime(const struct hop_segment_copy *copy, const struct hop_maps *maps,
                      const struct hop_layout *layout, size_t *at, uint64_t *runtime_addr)
{
    size_t head = (size_t)layout->runtime_interpreters_head;
    size_t main_offset = (size_t)layout->runtime_interpreters_main;
    size_t end = (head > main_offset ? head : main_offset) + 8;
    for (size_t i = first_aligned(copy, *at); i + end <= copy->size; i += 8) {
        uint64_t head_addr = hop_u64(copy->bytes + i + head);
        uint64_t main_addr = hop_u64(copy->bytes + i + main_offset);
        if (main_addr == 0 || head_addr == 0 || (main_addr | head_addr) & 7)
            continue;
        if (could_be_interpreter(maps, main_addr) && could_be_interpreter(maps, head_addr)) {
            *runtime_addr = copy->addr + i;
            *at = i + 8;
            return true;
        }
    }
    return false;
}

bool hop_scan_composed_version(struct hop_reader *reader, const struct hop_maps *maps,
                               const struct hop_image *image, struct hop_version *version)
{
    struct hop_segment segments[HOP_SEGMENTS_MAX];
    size_t count = hop_segments_of(reader, maps, image, HOP_SEGMENT_WRITABLE, segments);
    bool is_found = false;
    for (size_t i = 0; i < count && !is_found; i++) {
        struct hop_segment_copy copy;
        if (!hop_segment_copy_init(&copy, reader, &segments[i]))
            return false;
        is_found = hop_version_find_composed(copy.bytes, copy.size, version);
        hop_segment_copy_deinit(&copy);
    }
    return is_found;
}

/* The minor versions X for which the bytes hold "python3.X", as a set of bits. */
static uint64_t minors_of_paths(const struct hop_segment_copy *copy)
{
    static const char path[] = "python3.";
    uint64_t minors = 0;
    const uint8_t *end = copy->bytes + copy->size, *at = copy->bytes;
    while ((at = memmem(at, (size_t)(end - at), path, sizeof path - 1))) {
        unsigned minor = 0, digits = 0;
        for (at += sizeof path - 1; at < end && *at >= '0' && *at <= '9' && digits < 2; digits++)
            minor = minor * 10 + (unsigned)(*at++ - '0');
        if (digits > 0 && minor < 64)
            minors |= UINT64_C(1) << minor;
    }
    return minors;
}

/* Whether the constant Py_Version (3.11+, an unsigned long) with that value is among the bytes. */
static bool has_version_word(const struct hop_segment_copy *copy, uint32_t hex)
{
    for (size_t i = first_aligned(copy, 0); i + 8 <= copy->size; i += 8) {
        if (hop_u64(copy->bytes + i) == hex)
            return true;
    }
    return false;
}

bool hop_scan_constant_version(struct hop_reader *reader, const struct hop_maps *maps,
                               const struct hop_image *image, struct hop_version *version)
{
    enum { CANDIDATES_MAX = 16 };
    struct {
        struct hop_version version;
        bool is_confirmed;
    } candidates[CANDIDATES_MAX];
    size_t candidate_count = 0;
    uint64_t minors = 0;
    struct hop_segment segments[HOP_SEGMENTS_MAX];
    size_t count = hop_segments_of(reader, maps, image, HOP_SEGMENT_CONSTANT, segments);
    for (size_t i = 0; i < count; i++) {
        struct hop_segment_copy copy;
        struct hop_version next;
        if (!hop_segment_copy_init(&copy, reader, &segments[i]))
            return false;
        minors |= minors_of_paths(&copy);
        for (size_t at = 0; hop_version_find_constant(copy.bytes, copy.size, &at, &next);) {
            if (next.major != 3 || next.minor >= 64 || candidate_count == CANDIDATES_MAX)
                continue;
            candidates[candidate_count].version = next;
            candidates[candidate_count++].is_confirmed = has_version_word(&copy, next.hex);
        }
        hop_segment_copy_deinit(&copy);
    }
    const struct hop_version *only = NULL;
    for (size_t i = 0; i < candidate_count; i++) {
        const struct hop_version *candidate = &candidates[i].version;
        if (!candidates[i].is_confirmed && !(minors >> candidate->minor & 1))
            continue;
        if (only && only->hex != candidate->hex)
            return false;
        only = candidate;
    }
    if (only)
        *version = *only;
    return only;
}
