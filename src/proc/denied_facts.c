/* Collects what denied.c decides on, from /proc and by trying the system call on ourselves. */
#include "proc/denied.h"

#include "base/escape.h"
#include "proc/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* PROC_USER_INIT_INO of include/linux/proc_ns.h: the inode of the first user namespace. */
#define INITIAL_USER_NAMESPACE 0xEFFFFFFDu

enum { NAME_BYTES = 256 };

static void take_ids(const char *status, const char *key, unsigned ids[4])
{
    long numbers[4] = {0};
    hop_status_numbers(status, key, numbers, 4);
    for (int i = 0; i < 4; i++)
        ids[i] = (unsigned)numbers[i];
}

static int read_yama_scope(void)
{
    char text[16];
    int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (size <= 0)
        return -1;
    text[size] = '\0';
    return atoi(text);
}

/* The kernel lets everyone read its own memory, so only a filter can refuse this. */
static bool is_own_memory_refused(void)
{
    char wanted = 1, got = 0;
    struct iovec local = {&got, 1}, remote = {&wanted, 1};
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1;
}

/* The files of a process that is not dumpable belong to root, its directory does not
 * (task_dump_owner of fs/proc/base.c). */
static bool is_dumpable(const struct hop_process *process, unsigned target_euid)
{
    struct stat file;
    return fstatat(process->dir_fd, "maps", &file, 0) != 0 || file.st_uid == target_euid;
}

void hop_denied_gather(const struct hop_process *process, struct hop_denied_facts *facts)
{
    char status[HOP_STATUS_BYTES];
    struct stat namespace;
    bool is_shared = false;
    *facts = (struct hop_denied_facts){.our_uid = getuid(),
                                       .our_gid = getgid(),
                                       .yama_scope = read_yama_scope(),
                                       .is_own_memory_refused = is_own_memory_refused()};
    if (hop_process_read_file(process, "status", status, sizeof status) > 0) {
        take_ids(status, "Uid", facts->target_uids);
        take_ids(status, "Gid", facts->target_gids);
        facts->target_permitted = hop_status_mask(status, "CapPrm");
    }
    facts->is_dumpable = is_dumpable(process, facts->target_uids[1]);

    struct hop_process ourselves = {.dir_fd = open("/proc/thread-self", O_RDONLY | O_CLOEXEC)};
    if (ourselves.dir_fd >= 0 &&
        hop_process_read_file(&ourselves, "status", status, sizeof status) > 0) {
        facts->our_effective = hop_status_mask(status, "CapEff");
        facts->our_permitted = hop_status_mask(status, "CapPrm");
        facts->our_bounding = hop_status_mask(status, "CapBnd");
    }
    if (ourselves.dir_fd >= 0)
        close(ourselves.dir_fd);

    facts->is_user_namespace_shared =
        hop_process_shares_namespace(process, "user", &is_shared) && is_shared;
    facts->is_initial_user_namespace = stat("/proc/thread-self/ns/user", &namespace) == 0 &&
                                       namespace.st_ino == INITIAL_USER_NAMESPACE;
    facts->is_in_kubernetes =
        getenv("KUBERNETES_SERVICE_HOST") || access("/var/run/secrets/kubernetes.io", F_OK) == 0;
    facts->is_containered = facts->is_in_kubernetes || access("/.dockerenv", F_OK) == 0 ||
                            access("/run/.containerenv", F_OK) == 0;
}

static enum hop_status explain_gone(const struct hop_process *process, struct hop_error *err)
{
    return hop_error_set(err, HOP_ERR_GONE, "there is nothing left to look at; start it again",
                         "process %d has ended", process->pid);
}

enum hop_status hop_process_explain_denied(const struct hop_process *process, int error,
                                           struct hop_error *err)
{
    struct hop_denied_facts facts;
    struct hop_task_stat stat;
    char name[NAME_BYTES] = "?";
    if (error == ESRCH || error == ENOENT)
        return explain_gone(process, err);
    if (hop_task_stat_read(process->dir_fd, &stat))
        hop_escape_terminal(stat.comm, name, sizeof name);
    hop_denied_gather(process, &facts);
    facts.error = error;
    return hop_denied_explain(hop_denied_decide(&facts), &facts, process->pid, name, err);
}

enum hop_status hop_process_check_readable(const struct hop_process *process, uint64_t addr,
                                           struct hop_error *err)
{
    char byte;
    struct iovec local = {&byte, 1}, remote = {(void *)(uintptr_t)addr, 1};
    if (process_vm_readv(process->pid, &local, 1, &remote, 1, 0) == 1)
        return HOP_OK;
    switch (errno) {
    case EPERM:
    case EACCES:
    case ENOSYS: /* some filters say so */
        return hop_process_explain_denied(process, errno, err);
    case ESRCH:
        return explain_gone(process, err);
    case EFAULT: /* we were let in; there is nothing to be read at that address */
        return HOP_OK;
    default:
        return hop_error_set(err, HOP_ERR_IO, NULL, "process_vm_readv of process %d: %s",
                             process->pid, strerror(errno));
    }
}
