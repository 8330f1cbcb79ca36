/* Runs a command some times, its output thrown away, and prints what each run took: a line of wall
 * nanoseconds, CPU nanoseconds, peak memory in KiB, and the wait status.
 *
 *   run TIMES COMMAND [ARGUMENT…]
 *
 * A small program of its own, because a child's peak memory (ru_maxrss) begins with what its parent
 * had when it forked, and because a large parent takes its time to fork. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t ns_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

int main(int argc, char *argv[])
{
    if (argc < 3) {
        fprintf(stderr, "usage: run TIMES COMMAND [ARGUMENT…]\n");
        return 2;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int failed = 0;
    for (int times = atoi(argv[1]); times > 0 && !failed; times--) {
        pid_t pid;
        int status;
        struct rusage usage;
        uint64_t start_ns = now_ns();
        failed = posix_spawnp(&pid, argv[2], &actions, NULL, argv + 2, environ);
        if (!failed && wait4(pid, &status, 0, &usage) != pid)
            failed = errno;
        if (!failed)
            printf("%" PRIu64 " %" PRIu64 " %ld %d\n", now_ns() - start_ns,
                   ns_of(usage.ru_utime) + ns_of(usage.ru_stime), usage.ru_maxrss, status);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        fprintf(stderr, "run: %s: %s\n", argv[2], strerror(failed));
    return failed ? 1 : 0;
}
