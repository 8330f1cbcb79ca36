/* One Linux process as /proc tells it: who it is, that it is still the same, its threads. It knows
 * nothing of Python. */
#ifndef HOP_PROC_PROCESS_H
#define HOP_PROC_PROCESS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hop_process {
    int pid;                   /* in our PID namespace */
    int ns_pid;                /* in its own innermost one: the last number of NSpid */
    int dir_fd;                /* /proc/PID, open: a recycled pid is not reached through it */
    uint64_t start_time_ticks; /* stat field 22: pid and this name a process for ever */
};

/* What stat(5) of one thread says. */
struct hop_task_stat {
    char comm[64];
    char state;    /* R S D T t Z X I */
    int processor; /* where it last ran, field 39 */
    int ppid;
    uint32_t flags;   /* PF_… of include/linux/sched.h, field 9 */
    int thread_count; /* of its process, field 20 */
    uint64_t start_time_ticks;
};

/* Opens it. HOP_ERR_NO_PROCESS: no such pid, a thread's id that is no process's, or a zombie;
 * HOP_ERR_UNSUPPORTED: a 32-bit or foreign-architecture program, as far as we may look at it;
 * HOP_ERR_NOT_PYTHON: a thread of the kernel; HOP_ERR_PERMISSION: hidden by hidepid. Needs no
 * ptrace permission. On failure there is nothing to close. */
enum hop_status hop_process_open(int pid, struct hop_process *process, struct hop_error *err);
void hop_process_close(struct hop_process *process);

/* False once it ended (a zombie has ended); exec does not change it. */
bool hop_process_is_alive(const struct hop_process *process);

/* `dir_fd` is /proc/PID or /proc/PID/task/TID. */
bool hop_task_stat_read(int dir_fd, struct hop_task_stat *stat);
/* Parses the text of a stat file; comm may hold anything, parentheses and newlines too. */
bool hop_task_stat_parse(const char *text, size_t size, struct hop_task_stat *stat);
/* For the stat of a process: true when it has ended and waits for its parent (a zombie). */
bool hop_task_stat_is_ended(const struct hop_task_stat *stat);

/* A file below /proc/PID, up to size - 1 bytes of it, NUL-ended; bytes read, or -1 with errno. */
ssize_t hop_process_read_file(const struct hop_process *process, const char *name, char *into,
                              size_t size);

/* The command line, arguments apart by blanks, raw (not escaped); kernel threads give "". */
void hop_process_command_line(const struct hop_process *process, char *into, size_t size);
/* Its working directory, raw, as we see it; "" when unreadable. */
void hop_process_directory(const struct hop_process *process, char *into, size_t size);
/* Whether its root is another directory than ours, as in a container or a chroot: then a path may
 * mean another file there. */
bool hop_process_has_other_root(const struct hop_process *process);
/* /proc/PID/exe; "" when unreadable. " (deleted)" is left as the kernel adds it. */
void hop_process_executable(const struct hop_process *process, char *into, size_t size);
/* The tracer's pid (TracerPid of status), 0 for none. */
int hop_process_tracer(const struct hop_process *process);
/* True when every thread is in state T or t: nothing will move until someone lets it. */
bool hop_process_is_stopped(const struct hop_process *process);

/* The thread ids in our namespace, in the kernel's order (the first thread, then by age; not
 * ascending once pids have wrapped); count, at most `capacity`, or -1 when the process is gone. A
 * larger true count is told through *total when not NULL. Allocates nothing. */
ssize_t hop_process_threads(const struct hop_process *process, int *tids, size_t capacity,
                            size_t *total);
/* Whether the process has a kernel thread of that id. */
bool hop_process_has_thread(const struct hop_process *process, int tid);

/* A thread's id in the target's own PID namespace (what gettid() says there); -1 when gone. */
int hop_process_ns_tid(const struct hop_process *process, int tid);
/* A thread's name as the kernel knows it (comm), raw. */
bool hop_process_thread_name(const struct hop_process *process, int tid, char *into, size_t size);

/* Namespaces that differ from ours, for `info`: "pid, mount", or "" when none does or the kernel
 * does not let us know. */
void hop_process_foreign_namespaces(const struct hop_process *process, char *into, size_t size);

/* One namespace by its name below /proc/PID/ns ("pid"); false: the kernel does not let us know. */
bool hop_process_shares_namespace(const struct hop_process *process, const char *name,
                                  bool *is_shared);

/* Explains why the kernel refuses to let us read the process (errno EPERM or EACCES of
 * process_vm_readv or of an open): another user, Yama's ptrace_scope, a process that is not
 * dumpable, a missing capability in a container, a user namespace above ours, seccomp. Sets err
 * (HOP_ERR_PERMISSION) with the cause and the one-line remedy for that cause. HOP_ERR_GONE where it
 * says that there is none any more (ESRCH, ENOENT). */
enum hop_status hop_process_explain_denied(const struct hop_process *process, int error,
                                           struct hop_error *err);

/* Tries to read one byte of the process; HOP_OK, HOP_ERR_GONE, or the explanation above. `addr` is
 * any mapped address; a page that no one may read (PROT_NONE) does too. */
enum hop_status hop_process_check_readable(const struct hop_process *process, uint64_t addr,
                                           struct hop_error *err);

#endif
