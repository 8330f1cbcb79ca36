/* Large arrays of which mostly a small part is used: address space is reserved at once, memory is
 * taken page by page as it is touched. */
#ifndef HOP_BASE_PAGES_H
#define HOP_BASE_PAGES_H

#include <stddef.h>
#include <sys/mman.h>

/* Zeroed; NULL when the address space is not to be had. */
static inline void *hop_pages_map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

static inline void hop_pages_unmap(void *pages, size_t bytes)
{
    if (pages)
        munmap(pages, bytes);
}

#endif
