/* Processes for tests to look at: forks of the test itself, and `cat`, known to be up and running
 * without a sleep. They die with the test. */
#ifndef TEST_CHILDREN_H
#define TEST_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>

/* Runs in the fork; calls child_is_ready() and then does not return, or ends by returning. */
typedef void child_body_fn(void *argument);

/* Forks, runs `body` in the child, waits until it is ready; the child's pid. */
int child_start(child_body_fn *body, void *argument);
/* Tells the parent; for child_body_fn only. */
void child_is_ready(void);
/* A body: is ready, and waits until the test ends. */
void child_idle(void *unused);
/* Kills a child and waits for it. */
void child_end(int pid);

/* Starts `cat` with these words added to its environment ("LD_LIBRARY_PATH=…", or NULL), returns
 * once it has echoed a byte: it is loaded and in its main loop. `program` is a path; `prepare`
 * (may be NULL) runs before exec. */
int child_start_cat(const char *program, char *environment, child_body_fn *prepare, void *argument);

/* A copy of a file, readable and executable by all. */
void copy_file(const char *from, const char *to);
/* A new directory that all may enter; `path` takes at least 64 bytes. */
void make_directory(char *path, size_t size);

/* From now on the test is `nobody`: without capabilities, and dumpable. False: we are not root and
 * are no one special anyway. */
bool become_nobody(void);
/* Makes a file or directory nobody's; for root. */
void give_to_nobody(const char *path);

#endif
