/* Large arrays of which mostly a small part is used: address space is reserved at once, memory is
 * taken page by page as it is touched. */
#ifndef HOP_BASE_PAGES_H
#define HOP_BASE_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Zeroed; NULL when the address space is not to be had. */
static inline void *hop_pages_map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

/* Takes the memory of the pages that lie wholly in there now, so that who uses it later does not
 * wait for the kernel to clear a page. Before Linux 5.14 nothing happens. */
static inline void hop_pages_take(void *memory, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)memory + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)memory + bytes) / page * page;
    if (end > first)
        madvise((void *)first, end - first, MADV_POPULATE_WRITE);
#else
    (void)memory;
    (void)bytes;
#endif
}

static inline void hop_pages_unmap(void *pages, size_t bytes)
{
    if (pages)
        munmap(pages, bytes);
}

#endif
