/* Puts together what the memory map, the file and the memory of an image tell: where it was loaded,
 * and where its symbols and sections are. */
#include "proc/image.h"

#include "base/escape.h"
#include "proc/image_file.h"
#include "proc/machine.h"

#include <string.h>
#include <unistd.h>

/* Linkers make a dozen. */
enum { PROGRAM_HEADERS_MAX = 64 };

/* What of the file's start is looked at in memory; headers and build id mostly lie in it. */
enum { FIRST_BYTES = 4096 };

static bool is_same_file(const struct hop_mapping *a, const struct hop_mapping *b)
{
    return a->inode == b->inode && a->device_major == b->device_major &&
           a->device_minor == b->device_minor;
}

static bool is_file(const struct hop_mapping *mapping)
{
    return mapping->inode != 0 && mapping->path[0] != '\0';
}

bool hop_image_next(const struct hop_maps *maps, size_t *at, struct hop_image *image)
{
    size_t first = *at;
    while (first < maps->count && !is_file(&maps->mappings[first]))
        first++;
    if (first >= maps->count) {
        *at = maps->count;
        return false;
    }
    const struct hop_mapping *lowest = &maps->mappings[first];
    bool is_start_seen = lowest->file_offset == 0;
    size_t end = first + 1; /* behind the last mapping that is the file's */
    for (size_t i = end; i < maps->count; i++) {
        const struct hop_mapping *mapping = &maps->mappings[i];
        /* Between two segments may lie a piece without a file: a hole, or pages moved to huge
         * ones. Behind the last it is .bss, or no longer the image's. */
        if (!is_file(mapping) && i == end)
            continue;
        if (!is_file(mapping) || !is_same_file(lowest, mapping))
            break;
        if (mapping->file_offset == 0 && is_start_seen)
            break; /* loaded once more (dlmopen) */
        is_start_seen |= mapping->file_offset == 0;
        end = i + 1;
    }
    *image = (struct hop_image){.first = lowest, .mapping_count = end - first, .fd = -1};
    *at = end;
    return true;
}

/* The file's first bytes as they are in memory; how many, 0 when its start is not mapped. */
static size_t read_start(struct hop_reader *reader, const struct hop_image *image, void *into)
{
    for (size_t i = 0; i < image->mapping_count; i++) {
        const struct hop_mapping *mapping = &image->first[i];
        if (!is_file(mapping) || mapping->file_offset != 0)
            continue;
        size_t size = mapping->end_addr - mapping->start_addr;
        size = size < FIRST_BYTES ? size : FIRST_BYTES;
        if (hop_read(reader, mapping->start_addr, into, size))
            return size;
    }
    return 0;
}

static bool is_readable_elf(const Elf64_Ehdr *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == HOP_ELF_DATA &&
           header->e_machine == HOP_ELF_MACHINE &&
           (header->e_type == ET_EXEC || header->e_type == ET_DYN);
}

/* Program headers, from the file or else from its start in memory; how many. */
static size_t read_program_headers(const struct hop_image *image, const void *start, size_t size,
                                   Elf64_Ehdr *header, Elf64_Phdr headers[PROGRAM_HEADERS_MAX])
{
    size_t count = 0;
    const Elf64_Phdr *source = NULL;
    if (image->elf) {
        const Elf64_Ehdr *its_header = elf64_getehdr(image->elf);
        source = elf64_getphdr(image->elf);
        if (!its_header || !source || elf_getphdrnum(image->elf, &count) != 0)
            return 0;
        *header = *its_header;
        count = count < PROGRAM_HEADERS_MAX ? count : PROGRAM_HEADERS_MAX;
        memcpy(headers, source, count * sizeof headers[0]);
        return count;
    }
    memcpy(header, start, sizeof *header);
    count = header->e_phnum < PROGRAM_HEADERS_MAX ? header->e_phnum : PROGRAM_HEADERS_MAX;
    if (header->e_phentsize != sizeof headers[0] || header->e_phoff > size ||
        count * sizeof headers[0] > size - header->e_phoff)
        return 0;
    memcpy(headers, (const char *)start + header->e_phoff, count * sizeof headers[0]);
    return count;
}

/* The segment that the lowest mapping holds the beginning of tells the bias: the loader maps whole
 * pages of the file, and page by page address and offset go together. */
static bool find_load_bias(const struct hop_mapping *first, const Elf64_Ehdr *header,
                           const Elf64_Phdr *headers, size_t count, uint64_t *load_bias)
{
    uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
    for (size_t i = 0; i < count; i++) {
        const Elf64_Phdr *segment = &headers[i];
        if (segment->p_type != PT_LOAD || segment->p_filesz == 0 ||
            first->file_offset < (segment->p_offset & ~page_mask) ||
            first->file_offset - (segment->p_offset & ~page_mask) >=
                segment->p_filesz + (segment->p_offset & page_mask))
            continue;
        *load_bias = first->start_addr - first->file_offset + segment->p_offset - segment->p_vaddr;
        if (header->e_type == ET_EXEC)
            *load_bias = 0;
        return true;
    }
    return false;
}

static enum hop_status unreadable(const struct hop_image *image, const char *why,
                                  struct hop_error *err)
{
    char shown[256];
    hop_escape_terminal(image->first->path, shown, sizeof shown);
    return hop_error_set(err, HOP_ERR_UNSUPPORTED, NULL, "%s: %s", shown, why);
}

enum hop_status hop_image_open(const struct hop_process *process, struct hop_reader *reader,
                               struct hop_image *image, struct hop_error *err)
{
    _Alignas(Elf64_Ehdr) char start[FIRST_BYTES];
    image->reader = reader;
    image->elf = NULL;
    image->fd = -1;
    size_t size = read_start(reader, image, start);
    /* Most mapped files that are not programs end here, before any file is looked for. */
    if (size > 0 &&
        (size < sizeof(Elf64_Ehdr) || !is_readable_elf((const Elf64_Ehdr *)(void *)start)))
        return unreadable(image, "not a program or library of this machine", err);

    image->fd = hop_image_file_open(process, image->first, start, size);
    image->elf = image->fd >= 0 ? hop_image_elf_begin(image->fd) : NULL;
    if (!image->elf && size == 0) {
        enum hop_status status =
            unreadable(image,
                       image->fd < 0 ? "its file can't be read and its first page is not mapped"
                                     : "not a program or library of this machine",
                       err);
        hop_image_close(image);
        return status;
    }

    Elf64_Ehdr header;
    Elf64_Phdr headers[PROGRAM_HEADERS_MAX];
    size_t count = read_program_headers(image, start, size, &header, headers);
    if (!find_load_bias(image->first, &header, headers, count, &image->load_bias)) {
        hop_image_close(image);
        return unreadable(image, "its mappings and its program headers don't agree", err);
    }
    uint64_t end_addr = image->first[image->mapping_count - 1].end_addr;
    hop_image_dynamic_read(reader, headers, count, image->load_bias, image->first->start_addr,
                           end_addr, &image->dynamic);
    return HOP_OK;
}

void hop_image_close(struct hop_image *image)
{
    if (image->elf)
        elf_end(image->elf);
    if (image->fd >= 0)
        close(image->fd);
    image->elf = NULL;
    image->fd = -1;
}

bool hop_image_symbol(const struct hop_image *image, const char *name, uint64_t *addr,
                      uint64_t *size)
{
    Elf64_Sym symbol;
    bool has_dynamic = image->dynamic.symbols_addr != 0;
    if (!(has_dynamic && hop_image_dynamic_symbol(image->reader, &image->dynamic, name, &symbol)) &&
        !(image->elf && !has_dynamic &&
          hop_image_elf_symbol(image->elf, SHT_DYNSYM, name, &symbol)) &&
        !(image->elf && hop_image_elf_symbol(image->elf, SHT_SYMTAB, name, &symbol)))
        return false;
    *addr = symbol.st_value + (symbol.st_shndx == SHN_ABS ? 0 : image->load_bias);
    if (size)
        *size = symbol.st_size;
    return true;
}

bool hop_image_section(const struct hop_image *image, const char *name, uint64_t *addr,
                       uint64_t *size)
{
    Elf64_Shdr section;
    if (!image->elf || !hop_image_elf_section(image->elf, name, &section))
        return false;
    *addr = section.sh_addr + image->load_bias;
    if (size)
        *size = section.sh_size;
    return true;
}
