/* The interpreters of this machine, and programs run by them. */
#ifndef TEST_PYTHONS_H
#define TEST_PYTHONS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

enum { PYTHONS_MAX = 64, PYTHON_WORDS_MAX = 8, TARGET_WORDS_MAX = 16 };

/* One line of scripts/find-pythons. Holds no pointers, so that it can be a test's parameter. */
struct python {
    int major, minor, micro;
    bool is_free_threaded;
    char version[16];  /* "3.13.0", as printed */
    char kind[16];     /* "pyenv", "system", "suite" */
    char command[256]; /* words, separated by spaces */
};

/* The CPythons found, of versions from `minor_min` on (of 3.x, with a GIL); their number. */
size_t pythons_find(struct python *pythons, size_t capacity, int minor_min);

/* A program under test: what it writes is read from `out`, what it waits for is written to `in`. */
struct target {
    pid_t pid;
    FILE *out, *in;
};

/* Runs tests/targets/`script` (handed over as text, for the interpreter may live in another root)
 * with arguments, NULL-ended. `environment` is NULL or "NAME=value". The program is killed when the
 * test ends. Aborts the test when it can't be started. */
void target_start(struct target *target, const struct python *python, const char *environment,
                  const char *script, const char *const arguments[]);

/* The text of tests/targets/`script`; the caller frees it. At most 128 KiB, as an argument may be.
 */
char *target_text(const char *script);
/* Runs `text` itself. */
void target_start_text(struct target *target, const struct python *python, const char *environment,
                       char *text, const char *const arguments[]);

/* Kills it, for one that waits for ever; closes both pipes, waits for it. */
void target_kill(struct target *target);
/* Closes both pipes, which ends a program that waits for a line, and waits for it: its wait status.
 */
int target_end(struct target *target);

#endif
