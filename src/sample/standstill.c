/* Reads a thread's clocks and its stat, by descriptors kept open where there are enough. */
#include "sample/standstill.h"

#include "base/clock.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
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
    *task = (struct hop_task){
        .process = process, .tid = tid, .schedstat_fd = -1, .stat_fd = -1, .perf_fd = -1};
    task->schedstat_fd = open_to_keep(task, "schedstat");
}

void hop_task_deinit(struct hop_task *task)
{
    if (task->schedstat_fd >= 0)
        close(task->schedstat_fd);
    if (task->stat_fd >= 0)
        close(task->stat_fd);
    hop_task_close_perf(task);
    task->schedstat_fd = task->stat_fd = -1;
}

/* What a read of the perf event gives, by its read_format. */
struct perf_times {
    uint64_t count, enabled_ns, running_ns;
};
_Static_assert(sizeof(struct perf_times) <= sizeof((struct hop_standstill){0}.text),
               "the perf event's times fit");

/* An event of the kernel thread; 0: of the calling one. -1: not to be had. */
static int open_perf_event(int tid, bool with_switches)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_DUMMY,
        .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
        .exclude_kernel = 1, /* what perf_event_paranoid 2, the kernel's default, allows users */
        .exclude_hv = 1,
    };
    if (with_switches) {
        attributes.context_switch = attributes.sample_id_all = attributes.use_clockid = 1;
        attributes.sample_type = PERF_SAMPLE_TIME;
        attributes.clockid = CLOCK_MONOTONIC;
    }
    return (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* What the kernel writes at each switch: the header, and the time that sample_id_all adds. */
struct switch_record {
    struct perf_event_header header;
    uint64_t ns;
};

/* The event's own page, and one for records. Mapped for reading only, the kernel writes in a circle
 * and waits for nobody. */
static size_t switches_bytes(void)
{
    return 2 * (size_t)sysconf(_SC_PAGESIZE);
}

static const struct perf_event_mmap_page *map_switches(int perf_fd)
{
    void *pages =
        perf_fd < 0 ? MAP_FAILED : mmap(NULL, switches_bytes(), PROT_READ, MAP_SHARED, perf_fd, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void hop_task_forget_switches(struct hop_task *task)
{
    if (task->switches)
        munmap((void *)(uintptr_t)task->switches, switches_bytes());
    task->switches = NULL;
}

static uint64_t records_end(const struct hop_task *task)
{
    return __atomic_load_n(&task->switches->data_head, __ATOMIC_ACQUIRE);
}

bool hop_task_last_switch(const struct hop_task *task, struct hop_switch *last)
{
    struct switch_record record;
    if (!task->switches)
        return false;
    uint64_t size = task->switches->data_size, end = records_end(task);
    const char *records = (const char *)task->switches + task->switches->data_offset;
    if (end < sizeof record || !size || size & (size - 1))
        return false;
    for (size_t i = 0; i < sizeof record; i++)
        ((char *)&record)[i] = records[(end - sizeof record + i) & (size - 1)];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (records_end(task) != end || record.header.type != PERF_RECORD_SWITCH ||
        record.header.size != sizeof record)
        return false;
    *last = (struct hop_switch){
        .ns = record.ns,
        .is_out = record.header.misc & PERF_RECORD_MISC_SWITCH_OUT,
        .wanted_to_go_on = record.header.misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT,
    };
    return true;
}

bool hop_switches_are_fine(void)
{
    struct hop_task task = {.perf_fd = open_perf_event(0, true)};
    struct hop_switch last;
    bool are_fine = false;
    task.switches = map_switches(task.perf_fd);
    uint64_t before_ns = hop_now_ns();
    /* Off the CPU, and on again. */
    if (task.switches &&
        !clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = 100 * 1000}, NULL))
        are_fine = hop_task_last_switch(&task, &last) && !last.is_out && last.ns >= before_ns &&
                   last.ns <= hop_now_ns();
    hop_task_forget_switches(&task);
    if (task.perf_fd >= 0)
        close(task.perf_fd);
    return are_fine;
}

bool hop_task_open_perf(struct hop_task *task)
{
    struct hop_standstill now;
    int with_switches = open_perf_event(task->tid, true);
    task->perf_fd = keep(with_switches >= 0 ? with_switches : open_perf_event(task->tid, false));
    if (task->perf_fd < 0)
        return false;
    /* There is a limit to what a user may have mapped (perf_event_mlock_kb). */
    task->switches = with_switches >= 0 ? map_switches(task->perf_fd) : NULL;
    if (hop_standstill_read(task, &now) && now.length == sizeof(struct perf_times))
        return true;
    hop_task_close_perf(task);
    return false;
}

void hop_task_close_perf(struct hop_task *task)
{
    hop_task_forget_switches(task);
    if (task->perf_fd >= 0)
        close(task->perf_fd);
    task->perf_fd = -1;
}

/* Two readings a microsecond apart, so many times. */
enum { READINGS = 200 };

bool hop_perf_clock_is_fine(void)
{
    struct perf_times last = {0}, now;
    int fd = open_perf_event(0, false), left = READINGS;
    if (fd < 0)
        return false;
    for (; left; left--, last = now)
        if (read(fd, &now, sizeof now) != sizeof now || now.running_ns <= last.running_ns)
            break;
    close(fd);
    return !left;
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

bool hop_standstill_read(struct hop_task *task, struct hop_standstill *now)
{
    ssize_t got = task->perf_fd >= 0 ? read(task->perf_fd, now->text, sizeof now->text)
                                     : read_task_file(task, task->schedstat_fd, "schedstat",
                                                      now->text, sizeof now->text);
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
    char text[72];
    struct perf_times perf;
    unsigned long long run_ns = 0;
    ssize_t got = read_task_file(task, task->schedstat_fd, "schedstat", text, sizeof text - 1);
    if (got <= 0 || task->perf_fd < 0 || read(task->perf_fd, &perf, sizeof perf) != sizeof perf)
        return false;
    text[got] = 0;
    if (sscanf(text, "%llu", &run_ns) != 1)
        return false;
    *now = (struct hop_task_times){.run_ns = run_ns, .perf_ns = perf.running_ns};
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

bool hop_task_times_agree(const struct hop_task_times *before, const struct hop_task_times *after)
{
    return !hop_task_times_are_telling(before, after) ||
           after->perf_ns - before->perf_ns > (after->run_ns - before->run_ns) / 2;
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
