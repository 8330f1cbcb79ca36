/* Tells which namespaces (namespaces(7)) a process does not share with us. */
#include "proc/process.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool hop_process_shares_namespace(const struct hop_process *process, const char *name,
                                  bool *is_shared)
{
    char path[32], own_path[48];
    struct stat theirs, ours;
    snprintf(path, sizeof path, "ns/%s", name);
    snprintf(own_path, sizeof own_path, "/proc/thread-self/ns/%s", name);
    if (fstatat(process->dir_fd, path, &theirs, 0) != 0 || stat(own_path, &ours) != 0)
        return false;
    *is_shared = theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
    return true;
}

void hop_process_foreign_namespaces(const struct hop_process *process, char *into, size_t size)
{
    /* Those that change which numbers, files and permissions we meet come first. */
    static const char *const names[][2] = {
        {"pid", "pid"}, {"mnt", "mount"}, {"user", "user"},     {"net", "network"},
        {"ipc", "ipc"}, {"uts", "uts"},   {"cgroup", "cgroup"}, {"time", "time"},
    };
    size_t used = 0;
    into[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool is_shared;
        if (!hop_process_shares_namespace(process, names[i][0], &is_shared) || is_shared)
            continue;
        int length = snprintf(into + used, size - used, "%s%s", used ? ", " : "", names[i][1]);
        if (length < 0 || (size_t)length >= size - used) {
            into[used] = '\0';
            return;
        }
        used += (size_t)length;
    }
}
