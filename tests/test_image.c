/* Symbols and sections of images in other processes: with their file, without it, and with another
 * file in its place; and what a hostile image may do. */
#include "proc/image.h"
#include "support/children.h"
#include "support/fake_memory.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Something of our own that can be found by its name. */
int hop_test_image_marker(void);
int hop_test_image_marker(void)
{
    return 42;
}

static int hop_test_image_local(void)
{
    return 43;
}

/* The marked variable lies in a section of its own. */
__attribute__((section(".hop_marked"), used)) static int marked[4] = {1, 2, 3, 4};

struct looked_at {
    struct hop_process process;
    struct hop_maps maps;
    struct hop_live_reader reader;
    struct hop_image image;
};

/* Opens the image whose path starts with `path`. */
static void look_at(struct looked_at *looked_at, int pid, const char *path)
{
    struct hop_error err;
    size_t at = 0;
    cr_assert_eq(hop_process_open(pid, &looked_at->process, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(hop_maps_read(&looked_at->process, &looked_at->maps, &err), HOP_OK, "%s",
                 err.message);
    hop_live_reader_init(&looked_at->reader, pid);
    while (hop_image_next(&looked_at->maps, &at, &looked_at->image)) {
        if (strncmp(looked_at->image.first->path, path, strlen(path)) != 0)
            continue;
        cr_assert_eq(
            hop_image_open(&looked_at->process, &looked_at->reader.base, &looked_at->image, &err),
            HOP_OK, "%s", err.message);
        return;
    }
    cr_assert(false, "no image %s in process %d", path, pid);
}

static void look_away(struct looked_at *looked_at)
{
    hop_image_close(&looked_at->image);
    hop_maps_deinit(&looked_at->maps);
    hop_process_close(&looked_at->process);
}

static uint64_t addr_of(const struct hop_image *image, const char *name)
{
    uint64_t addr = 0;
    return hop_image_symbol(image, name, &addr, NULL) ? addr : 0;
}

static const char *own_path(void)
{
    static char path[4096];
    cr_assert_gt(readlink("/proc/self/exe", path, sizeof path - 1), 0);
    return path;
}

/* The libc that the tests run with, and where a function of it lies in it: one that no sanitizer
 * puts its own in the place of. */
static const char *libc_path(uint64_t *function_offset)
{
    static char path[4096];
    Dl_info info;
    void *function = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    cr_assert(dladdr(function, &info));
    cr_assert_not_null(realpath(info.dli_fname, path));
    *function_offset = (uint64_t)((char *)function - (char *)info.dli_fbase);
    return path;
}

/* --- With the file -----------------------------------------------------------------------------
 */

Test(image, symbols_and_sections_of_a_program)
{
    struct looked_at target;
    uint64_t addr, size;
    int pid = child_start(child_idle, NULL); /* our own addresses */
    look_at(&target, pid, own_path());
    cr_assert_not_null(target.image.elf);
    cr_assert(hop_image_symbol(&target.image, "hop_test_image_marker", &addr, &size));
    cr_assert_eq(addr, (uint64_t)(uintptr_t)hop_test_image_marker);
    cr_assert_gt(size, 0);
    cr_assert_eq(addr_of(&target.image, "hop_test_image_local"),
                 (uint64_t)(uintptr_t)hop_test_image_local);
    cr_assert_eq(hop_test_image_marker() + hop_test_image_local(), 85);
    cr_assert(hop_image_section(&target.image, ".hop_marked", &addr, &size));
    cr_assert_eq(addr, (uint64_t)(uintptr_t)marked);
    cr_assert_eq(size, sizeof marked);
    cr_assert_eq(addr_of(&target.image, "hop_test_no_such_symbol"), 0);
    cr_assert_eq(addr_of(&target.image, ""), 0);
    cr_assert_eq(addr_of(&target.image, "getpid"), 0, "used, but not defined there");
    cr_assert_not(hop_image_section(&target.image, ".no_such_section", &addr, &size));
    cr_assert_not(hop_image_section(&target.image, ".comment", &addr, &size), "not in memory");
    look_away(&target);
    child_end(pid);
}

/* Every image is walked, none twice, and each function is found where dlsym has it. */
Test(image, every_library_agrees_with_the_loader)
{
    static const char *const names[] = {"qsort",  "getenv",    "malloc",   "environ",
                                        "dlopen", "elf_begin", "_r_debug", "__tls_get_addr"};
    size_t found = 0, at = 0;
    struct looked_at target;
    int pid = child_start(child_idle, NULL);
    look_at(&target, pid, own_path());
    struct hop_image image;
    const struct hop_mapping *last = NULL;
    while (hop_image_next(&target.maps, &at, &image)) {
        cr_assert(image.first > last);
        last = image.first + image.mapping_count - 1;
        if (hop_image_open(&target.process, &target.reader.base, &image, NULL) != HOP_OK)
            continue;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            Dl_info info;
            uint64_t addr = addr_of(&image, names[i]);
            void *expected = dlsym(RTLD_DEFAULT, names[i]);
            if (!addr || !expected || !dladdr(expected, &info) ||
                (uint64_t)(uintptr_t)info.dli_fbase != image.first->start_addr)
                continue;
            cr_assert_eq(addr, (uint64_t)(uintptr_t)expected, "%s of %s", names[i],
                         image.first->path);
            found++;
        }
        hop_image_close(&image);
    }
    cr_assert_geq(found, 3);
    look_away(&target);
    child_end(pid);
}

Test(image, files_that_are_no_programs_are_refused)
{
    struct hop_error err;
    struct hop_image image;
    char directory[64], path[96];
    long page = sysconf(_SC_PAGESIZE);
    make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/data", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    cr_assert_eq(ftruncate(fd, page), 0);
    void *data = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, 0);
    int pid = child_start(child_idle, NULL);
    struct looked_at target;
    look_at(&target, pid, own_path());
    /* Nothing, the magic alone, another word size, another machine. */
    static const unsigned char starts[][20] = {
        {0},
        {0x7f, 'E', 'L', 'F'},
        {0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 3, 0},
        {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 8, 0},
    };
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        cr_assert_eq(pwrite(fd, starts[i], sizeof starts[i], 0), (ssize_t)sizeof starts[i]);
        bool is_seen = false;
        for (size_t at = 0; hop_image_next(&target.maps, &at, &image);) {
            if (image.first->start_addr != (uint64_t)(uintptr_t)data)
                continue;
            is_seen = true;
            cr_assert_eq(hop_image_open(&target.process, &target.reader.base, &image, &err),
                         HOP_ERR_UNSUPPORTED);
            cr_assert(strstr(err.message, path));
            cr_assert_eq(image.fd, -1);
        }
        cr_assert(is_seen);
    }
    unlink(path);
    rmdir(directory);
    look_away(&target);
    child_end(pid);
}

/* --- Without it --------------------------------------------------------------------------------
 */

/* `cat` with a libc of its own, a copy in a new directory. */
struct moved {
    char directory[64], library[96], environment[96];
    uint64_t function_offset;
    const char *original;
};

static void move_libc(struct moved *moved)
{
    moved->original = libc_path(&moved->function_offset);
    const char *name = strrchr(moved->original, '/') + 1;
    make_directory(moved->directory, sizeof moved->directory);
    snprintf(moved->library, sizeof moved->library, "%s/%s", moved->directory, name);
    snprintf(moved->environment, sizeof moved->environment, "LD_LIBRARY_PATH=%s", moved->directory);
}

static void remove_libc(const struct moved *moved)
{
    unlink(moved->library);
    rmdir(moved->directory);
}

static void expect_function(const struct looked_at *target, const struct moved *moved)
{
    cr_assert_eq(addr_of(&target->image, "gnu_get_libc_version"),
                 target->image.first->start_addr + moved->function_offset);
    cr_assert_eq(addr_of(&target->image, "hop_no_such_symbol"), 0);
}

enum change { UNTOUCHED, DELETED, REPLACED };

/* Who may follow map_files reads the very file; who may not falls back on names, and on memory
 * where the name is gone or another file's. */
static void expect_library(enum change change, bool is_file_wanted)
{
    struct moved moved;
    struct looked_at target;
    move_libc(&moved);
    copy_file(moved.original, moved.library);
    int pid = child_start_cat("/bin/cat", moved.environment, NULL, NULL);
    if (change != UNTOUCHED)
        cr_assert_eq(unlink(moved.library), 0);
    if (change == REPLACED)
        copy_file(own_path(), moved.library);
    look_at(&target, pid, moved.directory);
    expect_function(&target, &moved);
    cr_assert_eq(target.image.elf != NULL, is_file_wanted);
    cr_assert_eq(addr_of(&target.image, "hop_test_image_marker"), 0, "the wrong file");
    look_away(&target);
    child_end(pid);
    remove_libc(&moved);
}

Test(image, root_reads_the_mapped_file_whatever_became_of_its_name)
{
    if (geteuid() != 0)
        cr_skip_test("map_files are for root");
    expect_library(UNTOUCHED, true);
    expect_library(DELETED, true);
    expect_library(REPLACED, true);
}

Test(image, others_read_the_file_by_name_or_the_memory)
{
    if (!become_nobody() && geteuid() == 0)
        cr_skip_test("cannot become someone else");
    expect_library(UNTOUCHED, true);
    expect_library(DELETED, false);
    expect_library(REPLACED, false);
}

Test(image, a_deleted_executable_is_read_through_exe)
{
    char directory[64], path[96];
    struct looked_at target;
    if (!become_nobody() && geteuid() == 0)
        cr_skip_test("cannot become someone else");
    make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/cat", directory);
    copy_file("/bin/cat", path);
    int pid = child_start_cat(path, NULL, NULL, NULL);
    cr_assert_eq(unlink(path), 0);
    copy_file(own_path(), path);
    look_at(&target, pid, path);
    uint64_t addr, size;
    cr_assert_not_null(target.image.elf);
    cr_assert(hop_image_section(&target.image, ".text", &addr, &size));
    cr_assert(target.image.first->start_addr < addr &&
              addr < target.image.first[target.image.mapping_count - 1].end_addr);
    cr_assert_eq(addr_of(&target.image, "hop_test_image_marker"), 0, "the wrong file");
    look_away(&target);
    child_end(pid);
    unlink(path);
    rmdir(directory);
}

/* --- In another mount namespace ----------------------------------------------------------------
 */

static void mount_and_leave_root(void *argument)
{
    const struct moved *moved = argument;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", moved->directory, "tmpfs", 0, "mode=777") != 0)
        _exit(73);
    copy_file(moved->original, moved->library);
    become_nobody();
}

Test(image, a_file_that_only_the_target_sees)
{
    struct moved moved;
    struct looked_at target;
    char text[64];
    if (geteuid() != 0)
        cr_skip_test("needs root to mount");
    move_libc(&moved);
    int pid = child_start_cat("/bin/cat", moved.environment, mount_and_leave_root, &moved);
    give_to_nobody(moved.directory); /* so that we can remove it in the end */
    become_nobody();
    cr_assert_neq(access(moved.library, F_OK), 0, "it is to be seen from here");
    look_at(&target, pid, moved.directory);
    hop_process_foreign_namespaces(&target.process, text, sizeof text);
    cr_assert_str_eq(text, "mount");
    cr_assert_not_null(target.image.elf, "not found below /proc/PID/root");
    expect_function(&target, &moved);
    look_away(&target);
    child_end(pid);
    cr_assert_eq(rmdir(moved.directory), 0);
}

/* --- Hostile memory ----------------------------------------------------------------------------
 */

enum { BASE = 0x10000000, IMAGE_BYTES = 8192, SYMBOLS_AT = 0x1000, HASH_AT = 0x1400 };

/* A made-up image: headers, dynamic section, three symbols, a hash table of either kind. */
static void build_image(uint8_t bytes[IMAGE_BYTES], bool is_gnu)
{
    static const char strings[] = "\0first\0second\0absolute";
    memset(bytes, 0, IMAGE_BYTES);
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_DYN,
#ifdef __aarch64__
                         .e_machine = EM_AARCH64,
#else
                         .e_machine = EM_X86_64,
#endif
                         .e_phoff = sizeof header,
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = 2};
    /* Linked at 0x400000: the bias is not where it was loaded. */
    Elf64_Phdr segments[] = {
        {.p_type = PT_LOAD, .p_vaddr = 0x400000, .p_filesz = IMAGE_BYTES, .p_memsz = IMAGE_BYTES},
        {.p_type = PT_DYNAMIC, .p_vaddr = 0x400800, .p_memsz = 0x200},
    };
    /* One address as glibc leaves it, the others as they are in the file. */
    Elf64_Dyn dynamic[] = {
        {.d_tag = DT_SYMTAB, .d_un.d_ptr = BASE + SYMBOLS_AT},
        {.d_tag = DT_STRTAB, .d_un.d_ptr = 0x400c00},
        {.d_tag = DT_STRSZ, .d_un.d_val = sizeof strings},
        {.d_tag = DT_SYMENT, .d_un.d_val = sizeof(Elf64_Sym)},
        {.d_tag = is_gnu ? DT_GNU_HASH : DT_HASH, .d_un.d_ptr = 0x400000 + HASH_AT},
        {.d_tag = DT_NULL},
    };
    Elf64_Sym symbols[] = {
        {0},
        {.st_name = 1, .st_value = 0x400123, .st_size = 7, .st_shndx = 1},
        {.st_name = 7, .st_value = 0x400456, .st_shndx = SHN_UNDEF},
        {.st_name = 14, .st_value = 0x777, .st_shndx = SHN_ABS},
    };
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + sizeof header, segments, sizeof segments);
    memcpy(bytes + 0x800, dynamic, sizeof dynamic);
    memcpy(bytes + 0xc00, strings, sizeof strings);
    memcpy(bytes + SYMBOLS_AT, symbols, sizeof symbols);
    if (is_gnu) { /* one bucket, a bloom word that lets all pass, hashes of the three names */
        uint32_t hashes[3] = {5381, 5381, 5381};
        const char *names[] = {"first", "second", "absolute"};
        for (int i = 0; i < 3; i++) {
            for (const char *at = names[i]; *at; at++)
                hashes[i] = hashes[i] * 33 + (unsigned char)*at;
            hashes[i] = (hashes[i] & ~1u) | (i == 2);
        }
        uint32_t table[] = {1, 1, 1, 6, UINT32_MAX, UINT32_MAX, 1, hashes[0], hashes[1], hashes[2]};
        memcpy(bytes + HASH_AT, table, sizeof table);
    } else { /* one bucket: 1, 2, 3 */
        uint32_t table[] = {1, 4, 1, 0, 2, 3, 0};
        memcpy(bytes + HASH_AT, table, sizeof table);
    }
}

/* What looking up names in it gives; how is up to the sanitizers and the time limit. */
static enum hop_status search_mapped(const uint8_t bytes[IMAGE_BYTES], struct hop_mapping *mappings,
                                     size_t count, uint64_t addrs[3])
{
    static const char *const names[] = {"first", "second", "absolute"};
    struct hop_maps maps = {.mappings = mappings, .count = count};
    struct hop_process process = {.pid = getpid(),
                                  .dir_fd = open("/proc/self", O_RDONLY | O_CLOEXEC)};
    struct fake_memory memory;
    struct fake_reader reader;
    struct hop_image image;
    size_t at = 0;
    fake_memory_init(&memory);
    fake_memory_map(&memory, BASE, bytes, IMAGE_BYTES);
    fake_reader_init(&reader, &memory);
    cr_assert(hop_image_next(&maps, &at, &image));
    cr_assert_eq(at, count);
    enum hop_status status = hop_image_open(&process, &reader.base, &image, NULL);
    if (status == HOP_OK) {
        cr_assert_null(image.elf);
        for (int i = 0; i < 3; i++)
            addrs[i] = addr_of(&image, names[i]);
        hop_image_close(&image);
    }
    cr_assert_lt(reader.calls, 20000, "it went round in circles");
    close(process.dir_fd);
    fake_memory_deinit(&memory);
    return status;
}

static struct hop_mapping mapping_of(uint64_t start_addr, uint64_t size, uint64_t file_offset)
{
    return (struct hop_mapping){.start_addr = start_addr,
                                .end_addr = start_addr + size,
                                .file_offset = file_offset,
                                .inode = 1,
                                .device_major = 0xfff,
                                .path = "/nonexistent/image"};
}

static enum hop_status search(const uint8_t bytes[IMAGE_BYTES], uint64_t addrs[3])
{
    struct hop_mapping mapping = mapping_of(BASE, IMAGE_BYTES, 0);
    return search_mapped(bytes, &mapping, 1, addrs);
}

Test(image, memory_alone_is_enough_with_either_hash_table)
{
    uint8_t bytes[IMAGE_BYTES];
    for (int is_gnu = 0; is_gnu < 2; is_gnu++) {
        uint64_t addrs[3];
        build_image(bytes, is_gnu);
        cr_assert_eq(search(bytes, addrs), HOP_OK);
        cr_assert_eq(addrs[0], BASE + 0x123);
        cr_assert_eq(addrs[1], 0, "undefined");
        cr_assert_eq(addrs[2], 0x777, "absolute: not moved");
    }
}

/* patchelf puts a new segment, from the end of the file, before the others of an executable. */
Test(image, the_first_segment_need_not_be_the_files_start)
{
    uint8_t bytes[IMAGE_BYTES];
    uint64_t addrs[3];
    build_image(bytes, true);
    Elf64_Phdr segments[] = {
        {.p_type = PT_LOAD, .p_offset = 0x9010, .p_vaddr = 0x3ff010, .p_filesz = 0xff0},
        {.p_type = PT_LOAD, .p_vaddr = 0x400000, .p_filesz = IMAGE_BYTES, .p_memsz = IMAGE_BYTES},
        {.p_type = PT_DYNAMIC, .p_vaddr = 0x400800, .p_memsz = 0x200},
    };
    memcpy(bytes + sizeof(Elf64_Ehdr), segments, sizeof segments);
    bytes[offsetof(Elf64_Ehdr, e_phnum)] = 3;
    struct hop_mapping mappings[] = {mapping_of(BASE - 0x1000, 0x1000, 0x9000),
                                     mapping_of(BASE, IMAGE_BYTES, 0)};
    cr_assert_eq(search_mapped(bytes, mappings, 2, addrs), HOP_OK);
    cr_assert_eq(addrs[0], BASE + 0x123);
}

Test(image, a_name_ends_within_its_table)
{
    uint8_t bytes[IMAGE_BYTES];
    uint64_t addrs[3];
    build_image(bytes, true);
    uint64_t cut = 6; /* "\0first" without its end */
    memcpy(bytes + 0x800 + 2 * sizeof(Elf64_Dyn) + offsetof(Elf64_Dyn, d_un), &cut, sizeof cut);
    cr_assert_eq(search(bytes, addrs), HOP_OK);
    cr_assert_eq(addrs[0], 0);
}

Test(image, a_chain_without_end_is_left)
{
    uint8_t bytes[IMAGE_BYTES];
    uint64_t addrs[3];
    build_image(bytes, false);
    uint32_t cycle[] = {1, 4, 1, 0, 2, 2, 0}; /* 1, 2, 2, 2 … */
    memcpy(bytes + HASH_AT, cycle, sizeof cycle);
    cr_assert_eq(search(bytes, addrs), HOP_OK);
    cr_assert_eq(addrs[0], BASE + 0x123);
    cr_assert_eq(addrs[2], 0);
}

Test(image, made_up_memory_does_no_harm, .timeout = 240)
{
    uint8_t good[IMAGE_BYTES], bytes[IMAGE_BYTES];
    static const struct {
        size_t at, size;
    } parts[] = {{0, 64}, {64, 112}, {0x800, 96}, {0xc00, 24}, {SYMBOLS_AT, 96}, {HASH_AT, 40}};
    srand(2);
    for (int round = 0; round < 6000; round++) {
        uint64_t addrs[3];
        build_image(good, round % 2);
        memcpy(bytes, good, sizeof bytes);
        for (int changes = 1 + rand() % 3; changes > 0; changes--) {
            size_t part = (size_t)rand() % (sizeof parts / sizeof parts[0]);
            bytes[parts[part].at + (size_t)rand() % parts[part].size] =
                (uint8_t)(rand() % 3 ? rand() : 0xff);
        }
        search(bytes, addrs);
    }
}

/* --- The walk over the map ---------------------------------------------------------------------
 */

Test(image, mappings_are_put_together_to_images)
{
    enum { PAGE = 0x1000 };
    /* address in pages, offset in pages, inode */
    static const struct {
        uint64_t page, offset, inode;
    } rows[] = {
        {1, 0, 5},  {2, 1, 5},  {3, 2, 5},  {4, 0, 0},  /* an image and its .bss */
        {10, 0, 6}, {11, 0, 0}, {12, 2, 6},             /* with a hole */
        {20, 0, 6}, {21, 1, 6}, {22, 0, 6}, {23, 1, 6}, /* loaded twice more, side by side */
        {30, 9, 7}, {31, 0, 7}, {32, 1, 7}, /* the first segment is not the file's start */
        {40, 0, 0},
    };
    static const size_t firsts[] = {0, 4, 7, 9, 11}, counts[] = {3, 3, 2, 2, 3};
    struct hop_mapping mappings[sizeof rows / sizeof rows[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        mappings[i] = (struct hop_mapping){.start_addr = rows[i].page * PAGE,
                                           .end_addr = (rows[i].page + 1) * PAGE,
                                           .file_offset = rows[i].offset * PAGE,
                                           .inode = rows[i].inode,
                                           .path = rows[i].inode ? "/file" : ""};
    struct hop_maps maps = {.mappings = mappings, .count = sizeof rows / sizeof rows[0]};
    struct hop_image image;
    size_t at = 0, found = 0;
    while (hop_image_next(&maps, &at, &image)) {
        cr_assert_lt(found, 5);
        cr_assert_eq(image.first, &mappings[firsts[found]]);
        cr_assert_eq(image.mapping_count, counts[found]);
        found++;
    }
    cr_assert_eq(found, 5);
    cr_assert_not(hop_image_next(&maps, &at, &image));
}
