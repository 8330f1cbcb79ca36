/* The allocations that the code under test makes, counted, and made to fail: the tests are linked
 * with --wrap of malloc, calloc, realloc, free, mmap and munmap (see the Makefile). Of this process
 * and all its threads. */
#ifndef TEST_ALLOCATIONS_H
#define TEST_ALLOCATIONS_H

#include <stddef.h>

/* Starts to count anew; the n-th allocation from now on fails, 0: none does. */
void allocations_begin(size_t fails_at);

/* Allocations asked for since then. */
size_t allocations_asked(void);

/* Those that have been made since then and not been freed; what was there before counts when it is
 * freed, so it may be negative. */
long allocations_left(void);

#endif
