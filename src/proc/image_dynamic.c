/* Looks up names in the dynamic symbol table that lies in the target's memory, through DT_GNU_HASH
 * or DT_HASH; where the image lies and whether it has a file is image.c's affair. */
#include "proc/image_dynamic.h"

/* Entries of a dynamic section: a shared object has some 30. */
enum { DYNAMIC_ENTRIES_MAX = 512 };

/* Symbols of one hash chain that are looked at: linkers make chains of one or two. */
enum { CHAIN_STEPS_MAX = 4096 };

/* The longest name that is looked for. */
enum { NAME_BYTES_MAX = 256 };

/* glibc's loader adds the bias to the addresses of the dynamic section where it lies, musl's and
 * the kernel's vDSO don't, and none has yet when the program is just starting. */
static uint64_t relocated(uint64_t value, uint64_t load_bias, uint64_t start_addr,
                          uint64_t end_addr)
{
    if (value >= start_addr && value < end_addr)
        return value;
    uint64_t moved = value + load_bias;
    return moved >= start_addr && moved < end_addr ? moved : 0;
}

void hop_image_dynamic_read(struct hop_reader *reader, const Elf64_Phdr *headers, size_t count,
                            uint64_t load_bias, uint64_t start_addr, uint64_t end_addr,
                            struct hop_image_dynamic *dynamic)
{
    Elf64_Dyn entries[DYNAMIC_ENTRIES_MAX];
    *dynamic = (struct hop_image_dynamic){0};
    const Elf64_Phdr *header = headers;
    while (header < headers + count && header->p_type != PT_DYNAMIC)
        header++;
    if (header == headers + count)
        return;
    size_t entry_count = header->p_memsz / sizeof entries[0];
    if (entry_count > DYNAMIC_ENTRIES_MAX)
        entry_count = DYNAMIC_ENTRIES_MAX;
    if (!hop_read(reader, load_bias + header->p_vaddr, entries, entry_count * sizeof entries[0]))
        return;

    uint64_t entry_size = sizeof(Elf64_Sym);
    struct hop_image_dynamic found = {0};
    for (size_t i = 0; i < entry_count && entries[i].d_tag != DT_NULL; i++) {
        uint64_t value = entries[i].d_un.d_val;
        uint64_t addr = relocated(value, load_bias, start_addr, end_addr);
        switch (entries[i].d_tag) {
        case DT_SYMTAB:
            found.symbols_addr = addr;
            break;
        case DT_STRTAB:
            found.strings_addr = addr;
            break;
        case DT_STRSZ:
            found.strings_bytes = value;
            break;
        case DT_SYMENT:
            entry_size = value;
            break;
        case DT_GNU_HASH:
            found.gnu_hash_addr = addr;
            break;
        case DT_HASH:
            found.hash_addr = addr;
            break;
        }
    }
    if (entry_size == sizeof(Elf64_Sym) && found.symbols_addr && found.strings_addr)
        *dynamic = found;
}

static bool is_named(struct hop_reader *reader, const struct hop_image_dynamic *dynamic,
                     uint32_t name_offset, const char *name, size_t length)
{
    char found[NAME_BYTES_MAX];
    return name_offset < dynamic->strings_bytes &&
           length + 1 <= dynamic->strings_bytes - name_offset &&
           hop_read(reader, dynamic->strings_addr + name_offset, found, length + 1) &&
           memcmp(found, name, length + 1) == 0;
}

/* True when the symbol of that index is defined here and has that name. */
static bool is_symbol(struct hop_reader *reader, const struct hop_image_dynamic *dynamic,
                      uint32_t index, const char *name, size_t length, Elf64_Sym *symbol)
{
    return hop_read(reader, dynamic->symbols_addr + (uint64_t)index * sizeof *symbol, symbol,
                    sizeof *symbol) &&
           symbol->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(symbol->st_info) != STT_TLS &&
           is_named(reader, dynamic, symbol->st_name, name, length);
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* Header: bucket count, first hashed symbol, bloom words, bloom shift; then bloom words of 64 bits,
 * buckets, and one word a symbol: its hash, the lowest bit set at the end of a chain. */
static bool find_gnu(struct hop_reader *reader, const struct hop_image_dynamic *dynamic,
                     const char *name, size_t length, Elf64_Sym *symbol)
{
    uint32_t header[4], bucket, hash = gnu_hash(name);
    uint64_t bloom, at = dynamic->gnu_hash_addr;
    if (!hop_read(reader, at, header, sizeof header))
        return false;
    uint32_t bucket_count = header[0], first = header[1], bloom_count = header[2];
    uint32_t shift = header[3] & 63;
    if (bucket_count == 0 || bloom_count == 0)
        return false;
    uint64_t bloom_addr = at + sizeof header;
    uint64_t buckets_addr = bloom_addr + (uint64_t)bloom_count * sizeof bloom;
    uint64_t chains_addr = buckets_addr + (uint64_t)bucket_count * sizeof bucket;
    struct hop_span spans[] = {
        {bloom_addr + hash / 64 % bloom_count * sizeof bloom, sizeof bloom, &bloom},
        {buckets_addr + (uint64_t)(hash % bucket_count) * sizeof bucket, sizeof bucket, &bucket},
    };
    if (hop_reader_fill(reader, spans, 2) != 2)
        return false;
    uint64_t bits = UINT64_C(1) << (hash & 63) | UINT64_C(1) << ((uint64_t)hash >> shift & 63);
    if ((bloom & bits) != bits || bucket < first)
        return false;
    for (uint32_t step = 0; step < CHAIN_STEPS_MAX; step++) {
        uint32_t index = bucket + step, word;
        if (!hop_read(reader, chains_addr + (uint64_t)(index - first) * sizeof word, &word,
                      sizeof word))
            return false;
        if ((word | 1) == (hash | 1) && is_symbol(reader, dynamic, index, name, length, symbol))
            return true;
        if (word & 1)
            return false;
    }
    return false;
}

static uint32_t elf_hash_of(const char *name)
{
    uint32_t hash = 0;
    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
    }
    return hash;
}

/* Header: bucket count, symbol count; then the buckets, and one word a symbol: the next of its
 * chain, 0 at the end. */
static bool find_sysv(struct hop_reader *reader, const struct hop_image_dynamic *dynamic,
                      const char *name, size_t length, Elf64_Sym *symbol)
{
    uint32_t header[2], index;
    uint64_t at = dynamic->hash_addr;
    if (!hop_read(reader, at, header, sizeof header) || header[0] == 0)
        return false;
    uint64_t buckets_addr = at + sizeof header;
    uint64_t chains_addr = buckets_addr + (uint64_t)header[0] * sizeof index;
    uint64_t link_addr = buckets_addr + (uint64_t)(elf_hash_of(name) % header[0]) * sizeof index;
    for (uint32_t step = 0; step < CHAIN_STEPS_MAX; step++) {
        if (!hop_read(reader, link_addr, &index, sizeof index) || index == 0 || index >= header[1])
            return false;
        if (is_symbol(reader, dynamic, index, name, length, symbol))
            return true;
        link_addr = chains_addr + (uint64_t)index * sizeof index;
    }
    return false;
}

bool hop_image_dynamic_symbol(struct hop_reader *reader, const struct hop_image_dynamic *dynamic,
                              const char *name, Elf64_Sym *symbol)
{
    size_t length = strlen(name);
    if (!dynamic->symbols_addr || length == 0 || length >= NAME_BYTES_MAX)
        return false;
    if (dynamic->gnu_hash_addr)
        return find_gnu(reader, dynamic, name, length, symbol);
    return dynamic->hash_addr && find_sysv(reader, dynamic, name, length, symbol);
}
