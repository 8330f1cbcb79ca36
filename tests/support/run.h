/* Runs the command (or any program) and keeps what it wrote. */
#ifndef TEST_RUN_H
#define TEST_RUN_H

#include <sys/types.h>

struct run {
    pid_t pid;
    int code;                        /* exit status, or 128 + the signal that killed it */
    char out[1 << 16], err[1 << 16]; /* what it wrote, cut */
    int out_fd, err_fd;
};

/* In a new process: signals are as a shell's user has them, and not as ignored or blocked as
 * whoever runs the tests may have them (nohup, a shell's background job). */
void run_default_signals(void);

/* Starts argv[0] with empty input, SIGINT and the like as by default, and, if `folder` is not NULL,
 * there. Returned by hand to run_wait, which fills the rest; it kills what runs four minutes. */
void run_start(struct run *run, const char *folder, const char *const argv[]);
void run_wait(struct run *run);

/* Both, with "heavyops" of the build as argv[0] and the words that follow, up to NULL. */
void run_heavyops(struct run *run, const char *folder, ...) __attribute__((sentinel));

#endif
