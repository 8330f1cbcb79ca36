/* The file behind an image: finding the very file that is mapped, and what libelf reads in it. */
#ifndef HOP_PROC_IMAGE_FILE_H
#define HOP_PROC_IMAGE_FILE_H

#include "proc/image.h"

#include <libelf.h>

/* Opens the mapped file for reading; `first_page` are the first bytes of it as they are in memory,
 * size 0 when they are not to be had. -1: it is gone, replaced, or not for us to read. */
int hop_image_file_open(const struct hop_process *process, const struct hop_mapping *mapping,
                        const void *first_page, size_t size);

/* A 64-bit ELF file of this machine; NULL otherwise. The caller ends it with elf_end(). */
Elf *hop_image_elf_begin(int fd);

/* The defined symbol of that name in tables of that type (SHT_DYNSYM, SHT_SYMTAB): a global one if
 * there is, else a local one. Looks at every symbol. */
bool hop_image_elf_symbol(Elf *elf, uint32_t table_type, const char *name, Elf64_Sym *symbol);
/* The section of that name that is loaded to memory. */
bool hop_image_elf_section(Elf *elf, const char *name, Elf64_Shdr *section);

#endif
