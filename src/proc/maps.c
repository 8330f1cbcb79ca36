/* Reads /proc/PID/maps (proc_pid_maps(5)), however long; what is mapped there is others' affair. */
#include "proc/maps.h"

#include "proc/maps_parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line is some 75 characters and a path; the kernel's buffer for a path is a page, in which each
 * newline takes four characters. */
enum { LINE_BYTES_MAX = 32 * 1024 };

/* A path per mapping at worst; far more than vm.max_map_count lets most processes have. */
#define PATHS_BYTES_MAX ((size_t)256 << 20)

/* Hexadecimal or decimal, at least one digit, followed by `end`; moves *at behind it. */
static bool take_number(const char **at, int base, char end, uint64_t *value)
{
    const char *start = *at;
    uint64_t sum = 0;
    for (;; ++*at) {
        int digit = **at >= '0' && **at <= '9'   ? **at - '0'
                    : **at >= 'a' && **at <= 'f' ? **at - 'a' + 10
                                                 : base;
        if (digit >= base)
            break;
        if (sum > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base)
            return false;
        sum = sum * (uint64_t)base + (uint64_t)digit;
    }
    if (*at == start || **at != end)
        return false;
    ++*at;
    *value = sum;
    return true;
}

/* Only newlines are escaped in maps (seq_file_path(m, file, "\n")), as \012; a backslash is not, so
 * any other \NNN is the file's own name. A file named with those four characters reads wrongly. */
static size_t decode_path(const char *text, size_t length, char *into)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (length - i >= 4 && memcmp(text + i, "\\012", 4) == 0) {
            into[used++] = '\n';
            i += 3;
        } else {
            into[used++] = text[i];
        }
    }
    into[used] = '\0';
    return used;
}

bool hop_mapping_parse(const char *line, size_t length, struct hop_mapping *mapping, char *path)
{
    /* "start-end rwxp offset major:minor inode   path" */
    uint64_t major, minor;
    const char *at = line;
    *mapping = (struct hop_mapping){.path = ""};
    if (!take_number(&at, 16, '-', &mapping->start_addr) ||
        !take_number(&at, 16, ' ', &mapping->end_addr) || mapping->end_addr <= mapping->start_addr)
        return false;
    if ((size_t)(line + length - at) < 5 || at[4] != ' ')
        return false;
    mapping->is_readable = at[0] == 'r';
    mapping->is_writable = at[1] == 'w';
    mapping->is_executable = at[2] == 'x';
    mapping->is_shared = at[3] == 's';
    at += 5;
    if (!take_number(&at, 16, ' ', &mapping->file_offset) || !take_number(&at, 16, ':', &major) ||
        !take_number(&at, 16, ' ', &minor) || major > UINT32_MAX || minor > UINT32_MAX)
        return false;
    mapping->device_major = (uint32_t)major;
    mapping->device_minor = (uint32_t)minor;
    /* The inode ends with a blank also where no path follows. */
    if (!take_number(&at, 10, ' ', &mapping->inode))
        return false;
    while (at < line + length && *at == ' ')
        at++;
    decode_path(at, (size_t)(line + length - at), path);
    return true;
}

static bool is_same_file(const struct hop_mapping *a, const struct hop_mapping *b)
{
    return a->inode == b->inode && a->device_major == b->device_major &&
           a->device_minor == b->device_minor;
}

/* Takes one line; HOP_OK also for one that says nothing to us. */
static enum hop_status add_line(struct hop_maps *maps, size_t *capacity, const char *line,
                                size_t length, char *path)
{
    struct hop_mapping mapping;
    if (!hop_mapping_parse(line, length, &mapping, path))
        return HOP_OK;
    const struct hop_mapping *last = maps->count ? &maps->mappings[maps->count - 1] : NULL;
    /* The kernel lists them by address; what does not follow was moved while it was listed. */
    if (last && mapping.start_addr < last->end_addr)
        return HOP_OK;
    if (maps->count == *capacity) {
        size_t larger = *capacity ? *capacity * 2 : 256;
        if (*capacity >= HOP_MAPPINGS_MAX)
            return HOP_ERR_MEMORY;
        struct hop_mapping *mappings = realloc(maps->mappings, larger * sizeof *mappings);
        if (!mappings)
            return HOP_ERR_MEMORY;
        maps->mappings = mappings;
        *capacity = larger;
        last = maps->count ? &mappings[maps->count - 1] : NULL;
    }
    if (last && is_same_file(last, &mapping) && strcmp(last->path, path) == 0)
        mapping.path = last->path;
    else if (path[0])
        mapping.path = hop_arena_string(&maps->arena, path, strlen(path));
    if (!mapping.path)
        return HOP_ERR_MEMORY;
    maps->mappings[maps->count++] = mapping;
    return HOP_OK;
}

/* `buffer` holds two lines: the rest of one, and room to read on; then the decoded path. */
static enum hop_status read_lines(int fd, struct hop_maps *maps, char *buffer)
{
    char *path = buffer + 2 * LINE_BYTES_MAX;
    size_t held = 0, capacity = 0;
    for (;;) {
        ssize_t got = read(fd, buffer + held, 2 * LINE_BYTES_MAX - held);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? HOP_ERR_IO : HOP_OK;
        held += (size_t)got;
        char *line = buffer, *end;
        while ((end = memchr(line, '\n', held - (size_t)(line - buffer)))) {
            *end = '\0';
            enum hop_status status = add_line(maps, &capacity, line, (size_t)(end - line), path);
            if (status != HOP_OK)
                return status;
            line = end + 1;
        }
        held -= (size_t)(line - buffer);
        memmove(buffer, line, held);
        if (held == 2 * LINE_BYTES_MAX) /* no newline in all that: not a maps file */
            return HOP_ERR_IO;
    }
}

static enum hop_status cannot_read(const struct hop_process *process, int error,
                                   struct hop_error *err)
{
    if (error == EACCES || error == EPERM)
        return hop_process_explain_denied(process, error, err);
    if (error == ENOENT || error == ESRCH || !hop_process_is_alive(process))
        return hop_error_set(err, HOP_ERR_GONE, "there is nothing left to look at; start it again",
                             "process %d has ended", process->pid);
    return hop_error_set(err, HOP_ERR_IO, NULL, "/proc/%d/maps: %s", process->pid, strerror(error));
}

enum hop_status hop_maps_read(const struct hop_process *process, struct hop_maps *maps,
                              struct hop_error *err)
{
    *maps = (struct hop_maps){0};
    hop_arena_init(&maps->arena, PATHS_BYTES_MAX);
    int fd = openat(process->dir_fd, "maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cannot_read(process, errno, err);
    char *buffer = malloc(3 * LINE_BYTES_MAX);
    enum hop_status status = buffer ? read_lines(fd, maps, buffer) : HOP_ERR_MEMORY;
    int error = errno;
    free(buffer);
    close(fd);
    if (status == HOP_ERR_MEMORY)
        hop_error_set(err, status, NULL,
                      "the memory map of process %d is too large to hold (at most %d mappings)",
                      process->pid, HOP_MAPPINGS_MAX);
    else if (status != HOP_OK)
        status = cannot_read(process, error, err);
    else if (maps->count == 0) /* what a process without memory shows: it is ending */
        status =
            hop_error_set(err, HOP_ERR_GONE, "there is nothing left to look at; start it again",
                          "process %d has ended", process->pid);
    if (status != HOP_OK)
        hop_maps_deinit(maps);
    return status;
}

void hop_maps_deinit(struct hop_maps *maps)
{
    free(maps->mappings);
    maps->mappings = NULL;
    maps->count = 0;
    hop_arena_deinit(&maps->arena);
}

const struct hop_mapping *hop_maps_find(const struct hop_maps *maps, uint64_t addr)
{
    size_t low = 0, high = maps->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (maps->mappings[middle].end_addr <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low < maps->count && maps->mappings[low].start_addr <= addr ? &maps->mappings[low]
                                                                       : NULL;
}
