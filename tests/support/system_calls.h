/* The system calls by which the code under test looks at a target, counted: the tests are linked
 * with --wrap of their functions (see the Makefile). Of this process and all its threads. */
#ifndef TEST_SYSTEM_CALLS_H
#define TEST_SYSTEM_CALLS_H

#include <stddef.h>

/* process_vm_readv, pread and read since the process started; the times it waited are not. */
size_t system_calls_made(void);

#endif
