/* Opens a process and tells whether it is still the same one; refuses with words what is none, or
 * none that this build can read. Its threads, memory map and permissions are other files' affair.
 */
#include "proc/process.h"

#include "base/escape.h"
#include "proc/machine.h"
#include "proc/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* PF_KTHREAD of include/linux/sched.h, in the flags of stat. */
enum { PF_KTHREAD = 0x00200000 };

enum { NAME_BYTES = 256 };

ssize_t hop_process_read_file(const struct hop_process *process, const char *name, char *into,
                              size_t size)
{
    int fd = openat(process->dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t used = 0;
    ssize_t got = 0;
    while (used < size - 1 && (got = read(fd, into + used, size - 1 - used)) > 0)
        used += (size_t)got;
    int error = errno;
    close(fd);
    errno = error;
    into[used] = '\0';
    return got < 0 && used == 0 ? -1 : (ssize_t)used;
}

/* The name of some other process, " (name)", or "". */
static void other_name(int pid, char *into, size_t size)
{
    struct hop_task_stat stat;
    char path[32], name[NAME_BYTES];
    snprintf(path, sizeof path, "/proc/%d", pid);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    into[0] = '\0';
    if (fd < 0)
        return;
    if (hop_task_stat_read(fd, &stat)) {
        hop_escape_terminal(stat.comm, name, sizeof name);
        snprintf(into, size, " (%s)", name);
    }
    close(fd);
}

static enum hop_status no_such_process(int pid, int error, struct hop_error *err)
{
    if (error == EMFILE || error == ENFILE || error == ENOMEM)
        return hop_error_set(err, HOP_ERR_IO, "raise the limit of open files: ulimit -n",
                             "/proc/%d: %s", pid, strerror(error));
    if (access("/proc/thread-self/stat", R_OK) != 0)
        return hop_error_set(err, HOP_ERR_IO, "mount it: sudo mount -t proc proc /proc",
                             "/proc is not mounted here, so no process can be looked at");
    /* The system call knows it, though /proc mounted with hidepid hides it. */
    if (pid > 0 && (getpgid(pid) >= 0 || errno == EPERM))
        return hop_error_set(err, HOP_ERR_PERMISSION,
                             "run as the user that owns it, or as root: sudo heavyops ...",
                             "process %d exists, but /proc hides it from this user (hidepid)", pid);
    return hop_error_set(err, HOP_ERR_NO_PROCESS,
                         "list the processes to be seen from here: ps -e (a container has process "
                         "numbers of its own)",
                         "there is no process %d", pid);
}

static enum hop_status check_is_process(int pid, const char *status,
                                        const struct hop_task_stat *stat, struct hop_error *err)
{
    char name[NAME_BYTES], other[NAME_BYTES + 4], remedy[96];
    hop_escape_terminal(stat->comm, name, sizeof name);
    long tgid = 0;
    if (hop_status_numbers(status, "Tgid", &tgid, 1) == 1 && tgid != pid) {
        other_name((int)tgid, other, sizeof other);
        snprintf(remedy, sizeof remedy, "name the process instead: %ld", tgid);
        return hop_error_set(err, HOP_ERR_NO_PROCESS, remedy,
                             "%d is not a process but a thread (%s) of process %ld%s", pid, name,
                             tgid, other);
    }
    if (hop_task_stat_is_ended(stat)) {
        other_name(stat->ppid, other, sizeof other);
        return hop_error_set(err, HOP_ERR_NO_PROCESS,
                             "there is nothing left to look at; start it again",
                             "process %d (%s) has ended; its parent, process %d%s, has not yet "
                             "fetched its exit status (a zombie)",
                             pid, name, stat->ppid, other);
    }
    if (stat->flags & PF_KTHREAD)
        return hop_error_set(err, HOP_ERR_NOT_PYTHON, "name the process of a program",
                             "process %d (%s) is a thread of the kernel and runs no program", pid,
                             name);
    if (stat->state == 'Z' || stat->state == 'X')
        return hop_error_set(err, HOP_ERR_UNSUPPORTED,
                             "start the program so that its main thread waits for the others",
                             "the first thread of process %d (%s) has ended while others run on; "
                             "the kernel shows no memory of such a process under its number",
                             pid, name);
    return HOP_OK;
}

/* Refuses programs of another word size or machine, where the kernel lets us look at all. */
static enum hop_status check_machine(const struct hop_process *process, struct hop_error *err)
{
    char shown[NAME_BYTES], path[NAME_BYTES];
    unsigned char header[EI_NIDENT + 4 + 1]; /* e_ident, e_type, e_machine; and the added NUL */
    ssize_t got = hop_process_read_file(process, "exe", (char *)header, sizeof header);
    bool is_wide = true, is_ours = true;
    if (got == sizeof header - 1 && memcmp(header, ELFMAG, SELFMAG) == 0) {
        uint16_t machine;
        memcpy(&machine, header + EI_NIDENT + 2, sizeof machine);
        is_wide = header[EI_CLASS] == ELFCLASS64;
        is_ours = header[EI_DATA] == HOP_ELF_DATA && machine == HOP_ELF_MACHINE;
    } else {
        /* A file that may be executed but not read. The auxiliary vector is pairs of words, the
         * first of each a small number: read as 64-bit words, two 32-bit ones make a huge one. */
        uint64_t type[2] = {0};
        got = hop_process_read_file(process, "auxv", (char *)type, sizeof type);
        is_wide = got < (ssize_t)sizeof type[0] || type[0] <= UINT32_MAX;
    }
    if (is_wide && is_ours)
        return HOP_OK;
    hop_process_executable(process, path, sizeof path);
    hop_escape_terminal(path, shown, sizeof shown);
    return hop_error_set(err, HOP_ERR_UNSUPPORTED,
                         "run it with a 64-bit Python of this machine (" HOP_MACHINE_NAME ")",
                         "process %d (%s) is a %s program; only 64-bit " HOP_MACHINE_NAME
                         " ones can be read",
                         process->pid, shown, is_wide ? "foreign-machine" : "32-bit");
}

enum hop_status hop_process_open(int pid, struct hop_process *process, struct hop_error *err)
{
    char path[32], status[HOP_STATUS_BYTES];
    *process = (struct hop_process){.pid = pid, .ns_pid = pid, .dir_fd = -1};
    snprintf(path, sizeof path, "/proc/%d", pid);
    process->dir_fd = pid > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (process->dir_fd < 0)
        return no_such_process(pid, pid > 0 ? errno : ENOENT, err);

    /* From here on all is read through dir_fd, hence of one process even if the pid is recycled. */
    struct hop_task_stat stat;
    ssize_t size = hop_process_read_file(process, "status", status, sizeof status);
    if (size < 0 || !hop_task_stat_read(process->dir_fd, &stat)) {
        int error = errno;
        hop_process_close(process);
        return no_such_process(pid, error, err);
    }
    process->start_time_ticks = stat.start_time_ticks;

    long ns_pids[HOP_PID_NAMESPACES_MAX];
    size_t depth = hop_status_numbers(status, "NSpid", ns_pids, HOP_PID_NAMESPACES_MAX);
    if (depth > 0)
        process->ns_pid = (int)ns_pids[depth - 1];

    enum hop_status result = check_is_process(pid, status, &stat, err);
    if (result == HOP_OK)
        result = check_machine(process, err);
    if (result != HOP_OK)
        hop_process_close(process);
    return result;
}

void hop_process_close(struct hop_process *process)
{
    if (process->dir_fd >= 0)
        close(process->dir_fd);
    process->dir_fd = -1;
}

bool hop_process_is_alive(const struct hop_process *process)
{
    struct hop_task_stat stat;
    return hop_task_stat_read(process->dir_fd, &stat) && !hop_task_stat_is_ended(&stat);
}

void hop_process_command_line(const struct hop_process *process, char *into, size_t size)
{
    ssize_t length = hop_process_read_file(process, "cmdline", into, size);
    if (length < 0)
        length = 0;
    while (length > 0 && into[length - 1] == '\0')
        length--;
    for (ssize_t i = 0; i < length; i++)
        if (into[i] == '\0')
            into[i] = ' ';
    into[length] = '\0';
}

void hop_process_directory(const struct hop_process *process, char *into, size_t size)
{
    ssize_t length = readlinkat(process->dir_fd, "cwd", into, size - 1);
    into[length > 0 ? length : 0] = '\0';
}

bool hop_process_has_other_root(const struct hop_process *process)
{
    struct stat ours, its;
    return stat("/", &ours) == 0 && fstatat(process->dir_fd, "root", &its, 0) == 0 &&
           (ours.st_dev != its.st_dev || ours.st_ino != its.st_ino);
}

void hop_process_executable(const struct hop_process *process, char *into, size_t size)
{
    ssize_t length = readlinkat(process->dir_fd, "exe", into, size - 1);
    into[length > 0 ? length : 0] = '\0';
}

int hop_process_tracer(const struct hop_process *process)
{
    char status[HOP_STATUS_BYTES];
    long tracer = 0;
    if (hop_process_read_file(process, "status", status, sizeof status) > 0)
        hop_status_numbers(status, "TracerPid", &tracer, 1);
    return (int)tracer;
}
