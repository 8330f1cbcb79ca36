/* What --wrap puts in the place of the allocator; see the header. */
#include "support/allocations.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

static atomic_size_t asked, failing;
static atomic_long left;

void allocations_begin(size_t fails_at)
{
    asked = 0;
    left = 0;
    failing = fails_at;
}

size_t allocations_asked(void)
{
    return asked;
}

long allocations_left(void)
{
    return left;
}

static int is_to_fail(void)
{
    if (++asked != failing)
        return 0;
    errno = ENOMEM;
    return 1;
}

/* The linker's names. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
void *__real_mmap(void *addr, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t size);
int __wrap_munmap(void *addr, size_t size);

static void *counted(void *memory)
{
    left += memory != NULL;
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return is_to_fail() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_to_fail() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (is_to_fail())
        return NULL;
    void *memory = __real_realloc(old, size);
    left += !old && memory;
    return memory;
}

void __wrap_free(void *memory)
{
    left -= memory != NULL;
    __real_free(memory);
}

void *__wrap_mmap(void *addr, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (is_to_fail())
        return MAP_FAILED;
    void *memory = __real_mmap(addr, size, protection, flags, fd, offset);
    left += memory != MAP_FAILED;
    return memory;
}

int __wrap_munmap(void *addr, size_t size)
{
    left -= 1;
    return __real_munmap(addr, size);
}
