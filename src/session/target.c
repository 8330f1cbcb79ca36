/* Attaching: opens the process, waits for a CPython that is still starting up, proves the layout.
 */
#include "session/target.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long attach waits for a process that is starting up, when the caller does not say. */
static const uint64_t DEFAULT_WAIT_NS = 1000 * 1000 * 1000;

/* A process older than this has had its time to load an interpreter: no Python in it is an answer.
 */
enum { YOUNG_SECONDS = 5 };

/* Between two looks while waiting: short at first, for an interpreter starts in milliseconds and
 * nothing of it should be missed, then longer, for a shell script may go on for minutes. */
static const uint64_t FIRST_PAUSE_NS = 100 * 1000;
static const uint64_t LAST_PAUSE_NS = 5 * 1000 * 1000;

/* A runtime that was found and does not start is looked for anew now and then: the program may
 * have executed another one at the same place. */
enum { POLLS_BEFORE_NEW_SEARCH = 64 };

static bool is_young(const struct hop_process *process)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now); /* what starttime counts in, since Linux 3.4 */
    uint64_t started_s = process->start_time_ticks / (uint64_t)sysconf(_SC_CLK_TCK);
    return (uint64_t)now.tv_sec < started_s + YOUNG_SECONDS;
}

/* What changes when a process executes or loads something: the length of its list of mappings and
 * its program. Cheap beside looking through the images. */
struct outline {
    uint64_t mapped_bytes_read;
    char executable[512];
};

static struct outline outline_of(const struct hop_process *process)
{
    static const size_t LIMIT = 1 << 20;
    struct outline outline = {0};
    hop_process_executable(process, outline.executable, sizeof outline.executable);
    char *text = malloc(LIMIT);
    ssize_t got = text ? hop_process_read_file(process, "maps", text, LIMIT) : -1;
    outline.mapped_bytes_read = got > 0 ? (uint64_t)got : 0;
    free(text);
    return outline;
}

static bool is_same_outline(const struct outline *a, const struct outline *b)
{
    return a->mapped_bytes_read == b->mapped_bytes_read && !strcmp(a->executable, b->executable);
}

struct patience {
    uint64_t deadline_ns;
    uint64_t pause_ns;
    const volatile sig_atomic_t *stop;
};

/* False: no more waiting, and *status says why if it isn't simply over. */
static bool wait_a_little(struct patience *patience, const struct hop_process *process,
                          enum hop_status *status, struct hop_error *err)
{
    if (patience->stop && *patience->stop) {
        *status =
            hop_error_set(err, HOP_ERR_NOTHING, NULL,
                          "interrupted while waiting for process %d to start Python", process->pid);
        return false;
    }
    if (!hop_process_is_alive(process)) {
        *status =
            hop_error_set(err, HOP_ERR_GONE, "there is nothing left to look at; start it again",
                          "process %d ended before Python started", process->pid);
        return false;
    }
    uint64_t now_ns = hop_now_ns();
    if (now_ns >= patience->deadline_ns)
        return false;
    hop_sleep_until_ns(now_ns + patience->pause_ns);
    patience->pause_ns += patience->pause_ns / 8;
    if (patience->pause_ns > LAST_PAUSE_NS)
        patience->pause_ns = LAST_PAUSE_NS;
    return true;
}

/* Finds a CPython that has a thread, waiting for it if need be. */
static enum hop_status find_started(struct hop_target *target, const char *offsets_path,
                                    struct patience *patience, struct hop_error *err)
{
    struct hop_reader *reader = &target->reader.base;
    for (int searches = 0;; searches++) {
        /* Most are there at the first search, so that it goes without: then there is a second. */
        struct outline before = {0};
        if (searches > 0)
            before = outline_of(&target->process);
        enum hop_status status =
            hop_python_find(&target->process, reader, offsets_path, &target->python, err);
        if (status == HOP_OK && hop_python_is_started(reader, &target->python))
            return HOP_OK; /* and proved: the finder looks twice at one that is started */
        /* A program that is just executing may look like anything, unreadable included. */
        bool may_become_one = status == HOP_OK || status == HOP_ERR_NOT_PYTHON ||
                              (status == HOP_ERR_GONE && hop_process_is_alive(&target->process));
        if (!may_become_one)
            return status;
        bool is_found = status == HOP_OK;
        if (!is_found && !is_young(&target->process) && patience->deadline_ns != UINT64_MAX)
            return status;
        for (int polls = 0; polls < POLLS_BEFORE_NEW_SEARCH; polls++) {
            if (!wait_a_little(patience, &target->process, &status, err))
                return is_found && status == HOP_OK
                           ? hop_error_set(err, HOP_ERR_NOT_PYTHON,
                                           "try again, or see `heavyops info`",
                                           "process %d has loaded CPython %s but not started it",
                                           target->process.pid, target->python.version)
                           : status;
            if (is_found) {
                if (hop_python_is_started(reader, &target->python))
                    break;
                continue;
            }
            struct outline now = outline_of(&target->process);
            if (!is_same_outline(&before, &now))
                break;
        }
    }
}

enum hop_status hop_attach(int pid, const struct hop_attach_options *options,
                           struct hop_target **result, struct hop_error *err)
{
    static const struct hop_attach_options defaults = {0};
    if (!options)
        options = &defaults;
    struct hop_target *target = calloc(1, sizeof *target);
    if (!target)
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    enum hop_status status = hop_process_open(pid, &target->process, err);
    if (status != HOP_OK) {
        free(target);
        return status;
    }
    hop_live_reader_init(&target->reader, pid);
    uint64_t wait_ns = options->wait_ns ? options->wait_ns : DEFAULT_WAIT_NS;
    uint64_t now_ns = hop_now_ns();
    struct patience patience = {
        .deadline_ns = wait_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + wait_ns,
        .pause_ns = FIRST_PAUSE_NS,
        .stop = options->stop,
    };
    status = find_started(target, options->offsets_path, &patience, err);
    if (status != HOP_OK) {
        hop_detach(target);
        return status;
    }
    hop_process_command_line(&target->process, target->command_line, sizeof target->command_line);
    hop_process_directory(&target->process, target->directory, sizeof target->directory);
    target->has_other_root = hop_process_has_other_root(&target->process);
    *result = target;
    return HOP_OK;
}

void hop_detach(struct hop_target *target)
{
    if (!target)
        return;
    hop_process_close(&target->process);
    free(target);
}
