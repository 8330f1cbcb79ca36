/* The threads of a process: their ids here and in its own PID namespace, their names and states. */
#include "proc/process.h"

#include "proc/status_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Holds some 170 entries of the task directory; a process with more takes several calls. */
enum { ENTRIES_BYTES = 4096 };

/* Called for each thread; false ends the walk. */
typedef bool visit_fn(int tid, void *context);

/* Not readdir: it allocates, and threads are listed while we sample. */
static bool visit_threads(const struct hop_process *process, visit_fn *visit, void *context)
{
    _Alignas(struct dirent64) char entries[ENTRIES_BYTES];
    int fd = openat(process->dir_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_going = true;
    ssize_t size;
    while (is_going && (size = getdents64(fd, entries, sizeof entries)) > 0) {
        const struct dirent64 *entry;
        for (ssize_t at = 0; is_going && at < size; at += entry->d_reclen) {
            entry = (const struct dirent64 *)(entries + at);
            int tid = atoi(entry->d_name); /* 0 for "." and ".." */
            if (tid > 0)
                is_going = visit(tid, context);
        }
    }
    close(fd);
    return true;
}

struct listing {
    int *tids;
    size_t capacity;
    size_t total;
};

static bool list_thread(int tid, void *context)
{
    struct listing *listing = context;
    if (listing->total < listing->capacity)
        listing->tids[listing->total] = tid;
    listing->total++;
    return true;
}

ssize_t hop_process_threads(const struct hop_process *process, int *tids, size_t capacity,
                            size_t *total)
{
    struct listing listing = {tids, capacity, 0};
    if (!visit_threads(process, list_thread, &listing) || listing.total == 0)
        return -1;
    if (total)
        *total = listing.total;
    return (ssize_t)(listing.total < capacity ? listing.total : capacity);
}

struct stop_check {
    const struct hop_process *process;
    size_t stopped;
    bool is_other_found; /* one that is not stopped */
};

static bool check_thread(int tid, void *context)
{
    struct stop_check *check = context;
    struct hop_task_stat stat;
    char path[32];
    snprintf(path, sizeof path, "task/%d", tid);
    int fd = openat(check->process->dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return true; /* ended meanwhile */
    bool is_read = hop_task_stat_read(fd, &stat);
    close(fd);
    if (!is_read || stat.state == 'Z' || stat.state == 'X')
        return true;
    if (stat.state == 'T' || stat.state == 't')
        check->stopped++;
    else
        check->is_other_found = true;
    return !check->is_other_found;
}

bool hop_process_is_stopped(const struct hop_process *process)
{
    struct stop_check check = {.process = process};
    return visit_threads(process, check_thread, &check) && check.stopped > 0 &&
           !check.is_other_found;
}

bool hop_process_has_thread(const struct hop_process *process, int tid)
{
    char path[48];
    snprintf(path, sizeof path, "task/%d", tid);
    return !faccessat(process->dir_fd, path, F_OK, 0);
}

int hop_process_ns_tid(const struct hop_process *process, int tid)
{
    char path[48], status[HOP_STATUS_BYTES];
    long ns_tids[HOP_PID_NAMESPACES_MAX];
    snprintf(path, sizeof path, "task/%d/status", tid);
    if (hop_process_read_file(process, path, status, sizeof status) <= 0)
        return -1;
    size_t depth = hop_status_numbers(status, "NSpid", ns_tids, HOP_PID_NAMESPACES_MAX);
    return depth > 0 ? (int)ns_tids[depth - 1] : tid;
}

bool hop_process_thread_name(const struct hop_process *process, int tid, char *into, size_t size)
{
    char path[48];
    snprintf(path, sizeof path, "task/%d/comm", tid);
    ssize_t length = hop_process_read_file(process, path, into, size);
    if (length < 0) {
        into[0] = '\0';
        return false;
    }
    if (length > 0 && into[length - 1] == '\n') /* the kernel's; the name may hold others */
        into[length - 1] = '\0';
    return true;
}
