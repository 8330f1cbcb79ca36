/* What --wrap puts in the place of the C library's functions; see the header. */
#include "support/system_calls.h"

#include <stdatomic.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_size_t made;

size_t system_calls_made(void)
{
    return made;
}

/* The linker's names. */
ssize_t __real_process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
                                const struct iovec *remote, unsigned long remote_count,
                                unsigned long flags);
ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
                                const struct iovec *remote, unsigned long remote_count,
                                unsigned long flags);
ssize_t __real_pread(int fd, void *into, size_t size, off_t at);
ssize_t __wrap_pread(int fd, void *into, size_t size, off_t at);
ssize_t __real_read(int fd, void *into, size_t size);
ssize_t __wrap_read(int fd, void *into, size_t size);

ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
                                const struct iovec *remote, unsigned long remote_count,
                                unsigned long flags)
{
    made++;
    return __real_process_vm_readv(pid, local, local_count, remote, remote_count, flags);
}

ssize_t __wrap_pread(int fd, void *into, size_t size, off_t at)
{
    made++;
    return __real_pread(fd, into, size, at);
}

ssize_t __wrap_read(int fd, void *into, size_t size)
{
    made++;
    return __real_read(fd, into, size);
}
