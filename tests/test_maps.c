/* The memory map of a process: every line the kernel may print, and some that it never would. */
#include "proc/maps.h"
#include "proc/maps_parse.h"
#include "support/children.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool parse(const char *line, struct hop_mapping *mapping, char *path)
{
    return hop_mapping_parse(line, strlen(line), mapping, path);
}

Test(maps, a_line_is_taken_apart)
{
    struct hop_mapping mapping;
    char path[256];
    cr_assert(
        parse("7f0012345000-7f0012346000 r-xp 0000a000 fe:1b 1234567890123   /a b/c (deleted)",
              &mapping, path));
    cr_assert_eq(mapping.start_addr, 0x7f0012345000);
    cr_assert_eq(mapping.end_addr, 0x7f0012346000);
    cr_assert_eq(mapping.file_offset, 0xa000);
    cr_assert_eq(mapping.device_major, 0xfe);
    cr_assert_eq(mapping.device_minor, 0x1b);
    cr_assert_eq(mapping.inode, 1234567890123);
    cr_assert(mapping.is_readable && !mapping.is_writable && mapping.is_executable &&
              !mapping.is_shared);
    cr_assert_str_eq(path, "/a b/c (deleted)");
    cr_assert(parse("00400000-00401000 -w-s 00000000 00:00 0 ", &mapping, path));
    cr_assert(!mapping.is_readable && mapping.is_writable && !mapping.is_executable &&
              mapping.is_shared);
    cr_assert_str_eq(path, "");
    cr_assert(parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0     [vsyscall]",
                    &mapping, path));
    cr_assert_eq(mapping.end_addr, 0xffffffffff601000);
}

Test(maps, only_what_the_kernel_escapes_is_decoded)
{
    struct hop_mapping mapping;
    char path[256];
    cr_assert(parse("1000-2000 r--p 00000000 00:01 5 /a\\012b\\101\\\\c\\01", &mapping, path));
    cr_assert_str_eq(path, "/a\nb\\101\\\\c\\01");
}

Test(maps, what_is_no_line_is_refused)
{
    static const char *const lines[] = {
        "",
        "1000",
        "1000-",
        "1000-2000",
        "1000-2000 ",
        "1000-2000 r--p",
        "1000-2000 r--p 0",
        "1000-2000 r--p 0 00",
        "1000-2000 r--p 0 00:00",
        "1000-2000 r--p 0 00:00 ",
        "1000-2000 r--p 0 00:00 7",
        "2000-1000 r--p 0 00:00 0 ",
        "1000-1000 r--p 0 00:00 0 ",
        "10000000000000000-10000000000001000 r--p 0 00:00 0 ",
        "g000-h000 r--p 0 00:00 0 ",
        "1000-2000 r--p 0 100000000:00 0 ",
        "1000-2000 r--p 0 00:00 99999999999999999999 ",
        "-1000-2000 r--p 0 00:00 0 ",
    };
    struct hop_mapping mapping;
    char path[256];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_not(parse(lines[i], &mapping, path), "taken: %s", lines[i]);
}

/* For the sanitizers: every line is on the heap, with nothing behind its NUL. */
Test(maps, garbage_is_read_within_bounds)
{
    static const char good[] = "7f00-7f01 r-xp 0a 08:01 12 /lib/x\\012y";
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t length = (size_t)rand() % sizeof good;
        char *line = malloc(length + 1), *path = malloc(length + 1);
        memcpy(line, good, length);
        line[length] = '\0';
        for (int changes = rand() % 3; changes > 0 && length > 0; changes--)
            line[(size_t)rand() % length] = (char)(rand() % 255 + 1);
        struct hop_mapping mapping;
        if (hop_mapping_parse(line, length, &mapping, path))
            cr_assert_lt(mapping.start_addr, mapping.end_addr);
        free(line);
        free(path);
    }
}

enum { MANY = 9000 };

struct mapped {
    char *many; /* every second page is unreadable: as many mappings */
    char *file;
    char path[96];
};

static struct hop_maps read_maps(int pid, struct hop_process *process)
{
    struct hop_maps maps;
    struct hop_error err;
    cr_assert_eq(hop_process_open(pid, process, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(hop_maps_read(process, &maps, &err), HOP_OK, "%s", err.message);
    return maps;
}

Test(maps, thousands_of_mappings_and_a_hostile_name)
{
    struct mapped mapped;
    char directory[64];
    long page = sysconf(_SC_PAGESIZE);
    make_directory(directory, sizeof directory);
    snprintf(mapped.path, sizeof mapped.path, "%s/a\n00-ff rwxp \x1b[31m", directory);
    int fd = open(mapped.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, 3 * page), 0);
    mapped.file = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, 2 * page);
    mapped.many = mmap(NULL, (size_t)(MANY * page), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long i = 0; i < MANY; i += 2)
        cr_assert_eq(mprotect(mapped.many + i * page, (size_t)page, PROT_NONE), 0);
    struct stat status;
    cr_assert_eq(fstat(fd, &status), 0);

    int pid = child_start(child_idle, NULL); /* has the same addresses */
    struct hop_process process;
    struct hop_maps maps = read_maps(pid, &process);
    cr_assert_geq(maps.count, MANY);
    for (size_t i = 1; i < maps.count; i++)
        cr_assert_leq(maps.mappings[i - 1].end_addr, maps.mappings[i].start_addr);
    for (long i = 0; i < MANY; i++) {
        uint64_t addr = (uint64_t)(uintptr_t)(mapped.many + i * page);
        const struct hop_mapping *mapping = hop_maps_find(&maps, addr + 7);
        cr_assert_not_null(mapping);
        cr_assert_eq(mapping->is_readable, i % 2 == 1);
        cr_assert(mapping->start_addr <= addr && addr < mapping->end_addr);
    }
    const struct hop_mapping *file = hop_maps_find(&maps, (uint64_t)(uintptr_t)mapped.file);
    cr_assert_not_null(file);
    cr_assert_str_eq(file->path, mapped.path);
    cr_assert_eq(file->inode, status.st_ino);
    cr_assert_eq(file->file_offset, (uint64_t)page * 2);
    cr_assert(file->is_shared);
    cr_assert_null(hop_maps_find(&maps, 0));
    cr_assert_null(hop_maps_find(&maps, UINT64_MAX));
    hop_maps_deinit(&maps);

    unlink(mapped.path);
    rmdir(directory);
    maps = read_maps(pid, &process);
    file = hop_maps_find(&maps, (uint64_t)(uintptr_t)mapped.file);
    cr_assert_not_null(file);
    cr_assert(strstr(file->path, " (deleted)"));
    hop_maps_deinit(&maps);
    child_end(pid);
    hop_process_close(&process);
}

Test(maps, an_ended_process_is_said_to_be_gone)
{
    int pid = child_start(child_idle, NULL);
    struct hop_process process;
    struct hop_maps maps = read_maps(pid, &process);
    struct hop_error err;
    hop_maps_deinit(&maps);
    child_end(pid);
    cr_assert_eq(hop_maps_read(&process, &maps, &err), HOP_ERR_GONE);
    cr_assert_eq(maps.count, 0);
    hop_maps_deinit(&maps); /* harmless */
    hop_process_close(&process);
}

/* A map in a file: unlike the kernel's, what one read() gives of it ends within lines. */
static enum hop_status read_text(const char *text, size_t size, struct hop_maps *maps)
{
    char directory[64], path[96];
    make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/maps", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, text, size), (ssize_t)size);
    close(fd);
    struct hop_process process = {.pid = getpid(), .dir_fd = open(directory, O_RDONLY | O_CLOEXEC)};
    enum hop_status status = hop_maps_read(&process, maps, NULL);
    close(process.dir_fd);
    unlink(path);
    rmdir(directory);
    return status;
}

Test(maps, lines_may_come_in_pieces_and_be_nonsense)
{
    enum { LINES = 4000, NAME_BYTES = 300 };
    struct hop_maps maps;
    char *text = NULL, name[NAME_BYTES + 1];
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    for (int i = 1; i <= LINES; i++) {
        memset(name, 'a' + i % 26, NAME_BYTES);
        name[i % NAME_BYTES] = '\0';
        fprintf(stream, "%x000-%x000 r--p 00000000 08:01 %d /%s\n", i, i + 1, i, name);
        if (i % 100 == 0) /* no line; one that goes back */
            fprintf(stream, "%s\n1000-2000 r--p 00000000 08:01 1 /back\n", name);
    }
    fclose(stream);
    cr_assert_eq(read_text(text, size, &maps), HOP_OK);
    cr_assert_eq(maps.count, LINES);
    for (int i = 1; i <= LINES; i++) {
        const struct hop_mapping *mapping = &maps.mappings[i - 1];
        cr_assert_eq(mapping->start_addr, (uint64_t)i << 12);
        cr_assert_eq(mapping->inode, (uint64_t)i);
        cr_assert_eq(strlen(mapping->path), (size_t)(i % NAME_BYTES) + 1);
        cr_assert_eq(mapping->path[i % NAME_BYTES ? 1 : 0], i % NAME_BYTES ? 'a' + i % 26 : '/');
    }
    hop_maps_deinit(&maps);
    memset(text, 'x', size); /* one line without an end */
    cr_assert_neq(read_text(text, size, &maps), HOP_OK);
    cr_assert_neq(read_text(text, 0, &maps), HOP_OK, "a map of nothing");
    free(text);
}
