/* The dynamic symbol table of an image as the target itself has it in memory (PT_DYNAMIC; System V
 * gABI, "Dynamic Linking"): what is left when its file is gone, and the quickest way to a name even
 * when it is not. All of it is the target's word: every read is bounded, every chain too. */
#ifndef HOP_PROC_IMAGE_DYNAMIC_H
#define HOP_PROC_IMAGE_DYNAMIC_H

#include "mem/reader.h"

#include <elf.h>

struct hop_image_dynamic {
    uint64_t symbols_addr; /* DT_SYMTAB; 0: there is nothing to look up */
    uint64_t strings_addr; /* DT_STRTAB */
    uint64_t strings_bytes;
    uint64_t gnu_hash_addr; /* DT_GNU_HASH, else 0 */
    uint64_t hash_addr;     /* DT_HASH, else 0 */
};

/* Reads the dynamic section that the program headers name. `start_addr` and `end_addr` bound the
 * image in memory. What is missing or makes no sense leaves symbols_addr 0. */
void hop_image_dynamic_read(struct hop_reader *reader, const Elf64_Phdr *headers, size_t count,
                            uint64_t load_bias, uint64_t start_addr, uint64_t end_addr,
                            struct hop_image_dynamic *dynamic);

/* The defined symbol of that name, through the hash table; false: none. */
bool hop_image_dynamic_symbol(struct hop_reader *reader, const struct hop_image_dynamic *dynamic,
                              const char *name, Elf64_Sym *symbol);

#endif
