/* Compares what was written with a file of tests/golden/. */
#ifndef TEST_GOLDEN_H
#define TEST_GOLDEN_H

#include <stddef.h>

/* Fails the test when `text` is not what tests/golden/`name` holds. With HEAVYOPS_UPDATE_GOLDEN=1
 * in the environment the file is written instead, to be looked at before it is committed. */
void assert_golden(const char *name, const char *text, size_t size);

/* The whole of a file of the project, NUL-ended, to be given to free(). */
char *read_project_file(const char *path, size_t *size);

#endif
