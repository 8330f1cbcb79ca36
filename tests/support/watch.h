/* A busy Python, and heavyops known to be looking at it; what the command says when it refuses. */
#ifndef TEST_WATCH_H
#define TEST_WATCH_H

#include "support/pythons.h"
#include "support/run.h"

/* The newest CPython from `minor_min` on that is no chroot's; aborts the test where there is none.
 */
void python_choose(struct python *python, int minor_min);

/* Runs tests/targets/spin.py (see there for the arguments, NULL-ended) and waits until it is. */
void spin_start(struct target *target, const struct python *python, const char *const arguments[]);

/* A pid as an argument; good until the fourth call after this one. */
const char *pid_word(pid_t pid);

/* Waits until process `heavyops`, just started, has sampled `target` some hundred times. */
void await_sampling(pid_t heavyops, pid_t target);

/* What await_sampling waits for first: a descriptor of /proc/TARGET/mem; -1: it has none. */
int memory_descriptor(pid_t heavyops, pid_t target);

/* Fails the test where `text` has no `part`. */
void assert_says(const char *text, const char *part);

/* heavyops ended with `code`, printed nothing on standard output, and said on standard error one
 * message, with `message` in it, and one remedy, with `remedy` in it. */
void assert_refuses(const struct run *run, int code, const char *message, const char *remedy);

/* heavyops ended with 0 and printed a report with `part` in it, and no message. */
void assert_reports(const struct run *run, const char *part);

#endif
