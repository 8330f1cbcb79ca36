/* The machine this build is for, in ELF's terms (elf.h): the only one whose programs it reads. */
#ifndef HOP_PROC_MACHINE_H
#define HOP_PROC_MACHINE_H

#include <elf.h>

#if defined(__x86_64__) && !defined(__ILP32__)
enum { HOP_ELF_MACHINE = EM_X86_64 };
#define HOP_MACHINE_NAME "x86-64"
#elif defined(__aarch64__) && !defined(__ILP32__)
enum { HOP_ELF_MACHINE = EM_AARCH64 };
#define HOP_MACHINE_NAME "aarch64"
#else
#error "heavyops knows x86-64 and aarch64; a new machine is added here"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { HOP_ELF_DATA = ELFDATA2LSB };
#else
enum { HOP_ELF_DATA = ELFDATA2MSB };
#endif

#endif
