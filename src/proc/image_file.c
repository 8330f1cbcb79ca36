/* Gets hold of the file that a process has mapped, even if its name now means another one or lies
 * in another mount namespace; reads symbols and sections of it with libelf. */
#include "proc/image_file.h"

#include "proc/machine.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A symbol table or string table that is read into memory: some times the largest known ones
 * (browsers with debug information), so that a made-up file can't take all of ours. */
#define TABLE_BYTES_MAX ((size_t)512 << 20)

enum { PAGE_BYTES_MAX = 4096 };

/* All candidates are first taken with O_PATH, which has no effect on what they are: a name of the
 * target's choosing may lead to a device or a FIFO by now. */
static int open_for_reading(int path_fd)
{
    char link[48];
    snprintf(link, sizeof link, "/proc/thread-self/fd/%d", path_fd);
    return open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static bool is_content_same(int fd, const void *first_page, size_t size)
{
    char bytes[PAGE_BYTES_MAX];
    size_t wanted = size < sizeof bytes ? size : sizeof bytes;
    return wanted > 0 && pread(fd, bytes, wanted, 0) == (ssize_t)wanted &&
           memcmp(bytes, first_page, wanted) == 0;
}

/* Takes over path_fd. `is_surely_mapped`: we came by it through the mapping, not by a name.
 * A name leads to the mapped file if device and inode agree. Where the device doesn't (overlayfs
 * and btrfs tell another one in stat than in maps), the first page decides: ELF header, program
 * headers and mostly the build id. */
static int accept(int path_fd, bool is_surely_mapped, const struct hop_mapping *mapping,
                  const void *first_page, size_t size)
{
    struct stat file;
    int fd = -1;
    if (path_fd < 0)
        return -1;
    if (fstat(path_fd, &file) == 0 && S_ISREG(file.st_mode)) {
        bool is_device_same = major(file.st_dev) == mapping->device_major &&
                              minor(file.st_dev) == mapping->device_minor;
        bool is_inode_same = file.st_ino == mapping->inode;
        if (is_surely_mapped || !is_device_same || is_inode_same)
            fd = open_for_reading(path_fd);
        if (fd >= 0 && !is_surely_mapped && !is_device_same &&
            !is_content_same(fd, first_page, size)) {
            close(fd);
            fd = -1;
        }
    }
    close(path_fd);
    return fd;
}

/* `path` below the target's root directory, in its mount namespace; symbolic links are resolved
 * within it, as the target would. */
static int open_in_root(const struct hop_process *process, const char *path)
{
    int root_fd = openat(process->dir_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return -1;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how); /* Linux 5.6 */
    close(root_fd);
    return fd;
}

int hop_image_file_open(const struct hop_process *process, const struct hop_mapping *mapping,
                        const void *first_page, size_t size)
{
    /* The mapping itself: never wrong, but for CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE only. */
    char link[64];
    snprintf(link, sizeof link, "map_files/%llx-%llx", (unsigned long long)mapping->start_addr,
             (unsigned long long)mapping->end_addr);
    int fd =
        accept(openat(process->dir_fd, link, O_PATH | O_CLOEXEC), true, mapping, first_page, size);
    /* The executable, also one that was deleted or replaced. */
    if (fd < 0)
        fd = accept(openat(process->dir_fd, "exe", O_PATH | O_CLOEXEC), false, mapping, first_page,
                    size);
    /* The kernel prints paths as they are from our own root: a target in a chroot is found so. */
    if (fd < 0 && mapping->path[0] == '/')
        fd = accept(open(mapping->path, O_PATH | O_CLOEXEC), false, mapping, first_page, size);
    if (fd < 0 && mapping->path[0] == '/')
        fd = accept(open_in_root(process, mapping->path), false, mapping, first_page, size);
    return fd;
}

Elf *hop_image_elf_begin(int fd)
{
    /* Not ELF_C_READ_MMAP: who truncates a file that we have mapped kills us with SIGBUS. */
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    const Elf64_Ehdr *header = elf && elf_kind(elf) == ELF_K_ELF ? elf64_getehdr(elf) : NULL;
    if (header && header->e_ident[EI_DATA] == HOP_ELF_DATA && header->e_machine == HOP_ELF_MACHINE)
        return elf;
    elf_end(elf);
    return NULL;
}

/* The bytes of a section, in our byte order; NULL when it has none or too many. */
static const Elf_Data *section_data(Elf_Scn *section)
{
    const Elf64_Shdr *header = section ? elf64_getshdr(section) : NULL;
    if (!header || header->sh_type == SHT_NOBITS || header->sh_size > TABLE_BYTES_MAX)
        return NULL;
    const Elf_Data *data = elf_getdata(section, NULL);
    return data && data->d_buf ? data : NULL;
}

static bool is_place(const Elf64_Sym *symbol)
{
    unsigned char type = ELF64_ST_TYPE(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_COMMON && type != STT_TLS &&
           type != STT_SECTION && type != STT_FILE;
}

/* *symbol is that of a local one already found, if st_name is not 0. True: a global one. */
static bool find_in_table(const Elf_Data *symbols, const Elf_Data *strings, const char *name,
                          Elf64_Sym *symbol)
{
    const Elf64_Sym *all = symbols->d_buf;
    const char *names = strings->d_buf;
    size_t count = symbols->d_size / sizeof *all, name_bytes = strlen(name) + 1;
    if (strings->d_size < name_bytes)
        return false;
    for (size_t i = 1; i < count; i++) { /* 0 is the undefined one */
        size_t at = all[i].st_name;
        if (at > strings->d_size - name_bytes || names[at] != name[0] ||
            memcmp(names + at, name, name_bytes) != 0 || !is_place(&all[i]))
            continue;
        bool is_local = ELF64_ST_BIND(all[i].st_info) == STB_LOCAL;
        if (!is_local || symbol->st_name == 0)
            *symbol = all[i];
        if (!is_local)
            return true;
    }
    return false;
}

bool hop_image_elf_symbol(Elf *elf, uint32_t table_type, const char *name, Elf64_Sym *symbol)
{
    *symbol = (Elf64_Sym){0};
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        const Elf64_Shdr *header = elf64_getshdr(section);
        if (!header || header->sh_type != table_type)
            continue;
        const Elf_Data *symbols = section_data(section);
        const Elf_Data *strings = section_data(elf_getscn(elf, header->sh_link));
        if (symbols && strings && find_in_table(symbols, strings, name, symbol))
            return true;
    }
    return symbol->st_name != 0;
}

bool hop_image_elf_section(Elf *elf, const char *name, Elf64_Shdr *found)
{
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return false;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        const Elf64_Shdr *header = elf64_getshdr(section);
        const char *its_name = header ? elf_strptr(elf, names, header->sh_name) : NULL;
        if (its_name && strcmp(its_name, name) == 0 && header->sh_flags & SHF_ALLOC) {
            *found = *header;
            return true;
        }
    }
    return false;
}
