/* Reads a thread's clocks and its stat, by descriptors kept open where there are enough. */
#include "sample/standstill.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors that are left to others: to the files that are opened for one use, to the program
 * that embeds us. */
enum { DESCRIPTORS_LEFT = 32 };

static int open_task_file(const struct hop_task *task, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "task/%d/%s", task->tid, name);
    return openat(task->process->dir_fd, path, O_RDONLY | O_CLOEXEC);
}

/* A descriptor to be kept open, or -1 when that would bring us near the limit of descriptors: there
 * may be more threads than that. (The kernel gives out the lowest free number.) */
static int keep(int fd)
{
    struct rlimit limit;
    if (fd < 0 || getrlimit(RLIMIT_NOFILE, &limit) ||
        (rlim_t)fd + DESCRIPTORS_LEFT < limit.rlim_cur)
        return fd;
    close(fd);
    return -1;
}

static int open_to_keep(const struct hop_task *task, const char *name)
{
    return keep(open_task_file(task, name));
}

void hop_task_init(struct hop_task *task, const struct hop_process *process, int tid)
{
    *task = (struct hop_task){.process = process,
                              .tid = tid,
                              .schedstat_fd = -1,
                              .stat_fd = -1,
                              .perf = HOP_NO_PERF_EVENT};
    task->schedstat_fd = open_to_keep(task, "schedstat");
}

void hop_task_deinit(struct hop_task *task)
{
    if (task->schedstat_fd >= 0)
        close(task->schedstat_fd);
    if (task->stat_fd >= 0)
        close(task->stat_fd);
    hop_perf_event_close(&task->perf);
    task->schedstat_fd = task->stat_fd = -1;
}

bool hop_task_open_perf(struct hop_task *task)
{
    struct hop_perf_times times;
    if (!hop_perf_event_open(&task->perf, task->tid))
        return false;
    task->perf.fd = keep(task->perf.fd);
    if (hop_perf_event_times(&task->perf, &times))
        hop_perf_event_map_switches(&task->perf);
    else
        hop_perf_event_close(&task->perf);
    return hop_task_has_perf(task);
}

static ssize_t read_task_file(const struct hop_task *task, int fd, const char *name, char *into,
                              size_t size)
{
    if (fd >= 0)
        return pread(fd, into, size, 0);
    int once = open_task_file(task, name);
    if (once < 0)
        return -1;
    ssize_t got = pread(once, into, size, 0);
    close(once);
    return got;
}

/* The last switch took it off its CPU: it is off until there is another. */
static bool read_switches(const struct hop_task *task, struct hop_standstill *now)
{
    struct hop_switch last;
    if (!hop_perf_event_last_switch(&task->perf, &last) || !last.is_out)
        return false;
    now->clock = HOP_CLOCK_SWITCHES;
    now->length = sizeof last.number;
    memcpy(now->text, &last.number, sizeof last.number);
    return true;
}

static bool read_perf_times(const struct hop_task *task, struct hop_standstill *now)
{
    struct hop_perf_times times;
    _Static_assert(sizeof times <= sizeof now->text, "the perf event's times fit");
    if (!hop_perf_event_times(&task->perf, &times))
        return false;
    now->clock = HOP_CLOCK_PERF_TIMES;
    now->length = sizeof times;
    memcpy(now->text, &times, sizeof times);
    return true;
}

bool hop_standstill_read(struct hop_task *task, struct hop_standstill *now)
{
    if (hop_task_has_perf(task))
        return read_switches(task, now) || read_perf_times(task, now);
    ssize_t got =
        read_task_file(task, task->schedstat_fd, "schedstat", now->text, sizeof now->text);
    now->clock = HOP_CLOCK_SCHEDSTAT;
    now->length = got > 0 ? (uint8_t)got : 0;
    return got > 0;
}

bool hop_task_exists(const struct hop_task *task)
{
    char text[72];
    return read_task_file(task, task->schedstat_fd, "schedstat", text, sizeof text) > 0;
}

bool hop_task_times(struct hop_task *task, struct hop_task_times *now)
{
    char text[2][72];
    struct hop_perf_times perf;
    struct hop_switch last;
    unsigned long long run_ns = 0, runs = 0;
    bool are_recorded = task->perf.switches;
    uint64_t switches = hop_perf_event_switches(&task->perf);
    /* Of one that runs elsewhere schedstat tells what it had run at the last tick of that CPU:
     * where a host has taken that away for a while, that is long ago, and a perf event knows
     * better. */
    if (are_recorded && !(hop_perf_event_last_switch(&task->perf, &last) && last.is_out))
        return false;
    ssize_t got = read_task_file(task, task->schedstat_fd, "schedstat", text[0], sizeof *text - 1);
    if (got <= 0 || !hop_perf_event_times(&task->perf, &perf) ||
        read_task_file(task, task->schedstat_fd, "schedstat", text[1], sizeof *text) != got ||
        memcmp(text[0], text[1], (size_t)got) != 0 ||
        hop_perf_event_switches(&task->perf) != switches)
        return false;
    text[0][got] = 0;
    if (sscanf(text[0], "%llu %*u %llu", &run_ns, &runs) != 2)
        return false;
    *now = (struct hop_task_times){
        .run_ns = run_ns,
        .perf_ns = perf.running_ns,
        .runs = runs,
        .switches = switches,
        .are_recorded = are_recorded,
    };
    return true;
}

/* schedstat is brought up to date at scheduler ticks, so a little of it tells nothing; and it
 * leaves out interrupts, so that it never is far ahead. */
static const uint64_t TELLING_NS = 40 * 1000 * 1000;

bool hop_task_times_are_telling(const struct hop_task_times *before,
                                const struct hop_task_times *after)
{
    return after->run_ns - before->run_ns >= TELLING_NS;
}

enum { NEARLY_NOTHING = 16 };

bool hop_task_times_agree(const struct hop_task_times *before, const struct hop_task_times *after)
{
    uint64_t perf_ns = after->perf_ns - before->perf_ns, run_ns = after->run_ns - before->run_ns;
    if (!hop_task_times_are_telling(before, after))
        return true;
    if (!before->are_recorded || !after->are_recorded)
        return perf_ns > run_ns / 2;
    /* Each run begins and ends with a record; one that is just going on may have been counted and
     * not recorded. Its time may well be less than schedstat's, which counts the switch as well:
     * most of it where somebody has many events on record, of us or of the target. */
    uint64_t runs = after->runs - before->runs, records = after->switches - before->switches;
    return (runs <= 1 || records >= runs) && perf_ns > run_ns / NEARLY_NOTHING;
}

bool hop_standstill_holds(struct hop_task *task, const struct hop_standstill *before)
{
    struct hop_standstill now;
    return hop_standstill_read(task, &now) && hop_standstill_is_same(&now, before);
}

uint64_t hop_standstill_waited_ns(const struct hop_standstill *standstill)
{
    const char *end = standstill->text + standstill->length;
    const char *at = memchr(standstill->text, ' ', standstill->length);
    uint64_t ns = 0;
    while (at && ++at < end && *at >= '0' && *at <= '9')
        ns = ns * 10 + (uint64_t)(*at - '0');
    return ns;
}

bool hop_task_where(struct hop_task *task, char *state, int *processor)
{
    char text[1024];
    if (task->stat_fd < 0)
        task->stat_fd = open_to_keep(task, "stat");
    ssize_t got = read_task_file(task, task->stat_fd, "stat", text, sizeof text - 1);
    if (got <= 0)
        return false;
    text[got] = 0;
    /* pid (comm) state ppid …: comm may hold anything, the last parenthesis ends it. */
    const char *at = strrchr(text, ')');
    if (!at || at[1] != ' ' || !at[2])
        return false;
    at += 2;
    *state = *at;
    for (int field = 3; field < 39; field++) {
        at = strchr(at, ' ');
        if (!at)
            return false;
        at++;
    }
    int value = 0;
    while (*at >= '0' && *at <= '9' && value < 1000000)
        value = value * 10 + (*at++ - '0');
    *processor = value;
    return true;
}

bool hop_standstill_is_provable(const struct hop_process *process)
{
    char text[72];
    unsigned long long run_ns = 0, wait_ns = 0, times = 0;
    ssize_t got = hop_process_read_file(process, "schedstat", text, sizeof text);
    return got > 0 && sscanf(text, "%llu %llu %llu", &run_ns, &wait_ns, &times) == 3 && times > 0;
}
