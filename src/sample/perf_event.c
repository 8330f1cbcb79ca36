/* Opens perf events and reads what they tell, from memory where it is there. */
#include "sample/perf_event.h"

#include "base/clock.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static int open_event(int tid, bool with_switches)
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
        attributes.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
        attributes.clockid = CLOCK_MONOTONIC;
    }
    return (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

bool hop_perf_event_open(struct hop_perf_event *event, int tid)
{
    int with_switches = open_event(tid, true);
    *event =
        (struct hop_perf_event){.fd = with_switches >= 0 ? with_switches : open_event(tid, false)};
    return event->fd >= 0;
}

void hop_perf_event_close(struct hop_perf_event *event)
{
    hop_perf_event_forget_switches(event);
    if (event->fd >= 0)
        close(event->fd);
    event->fd = -1;
}

/* --- the record of switches ------------------------------------------------------------------ */

/* What the kernel writes at each switch: the header, and what sample_id_all adds. */
struct switch_record {
    struct perf_event_header header;
    uint64_t ns;
    uint32_t cpu, reserved;
};

/* The event's own page, and one for records. Mapped for reading only, the kernel writes in a circle
 * and waits for nobody, and so leaves no record out. */
static size_t switches_bytes(void)
{
    return 2 * (size_t)sysconf(_SC_PAGESIZE);
}

void hop_perf_event_map_switches(struct hop_perf_event *event)
{
    void *pages = event->fd < 0 || event->switches
                      ? MAP_FAILED
                      : mmap(NULL, switches_bytes(), PROT_READ, MAP_SHARED, event->fd, 0);
    if (pages != MAP_FAILED)
        event->switches = pages;
}

void hop_perf_event_forget_switches(struct hop_perf_event *event)
{
    if (event->switches)
        munmap((void *)(uintptr_t)event->switches, switches_bytes());
    event->switches = NULL;
}

static uint64_t records_end(const struct hop_perf_event *event)
{
    return __atomic_load_n(&event->switches->data_head, __ATOMIC_ACQUIRE);
}

uint64_t hop_perf_event_switches(const struct hop_perf_event *event)
{
    return event->switches ? records_end(event) / sizeof(struct switch_record) : 0;
}

void hop_perf_event_note_asleep(struct hop_perf_event *event)
{
    struct hop_perf_times first, second;
    /* One that is about to sleep is said to sleep while it runs on, and may find that it need not:
     * then its time goes on. */
    event->began_asleep = event->switches && hop_perf_event_times(event, &first) &&
                          hop_perf_event_times(event, &second) &&
                          first.running_ns == second.running_ns && records_end(event) == 0;
}

bool hop_perf_event_last_switch(const struct hop_perf_event *event, struct hop_switch *last)
{
    struct switch_record record;
    if (!event->switches)
        return false;
    uint64_t size = event->switches->data_size, end = records_end(event);
    if (end == 0 && event->began_asleep) {
        *last = (struct hop_switch){.is_out = true, .cpu = -1};
        return true;
    }
    const char *records = (const char *)event->switches + event->switches->data_offset;
    if (end < sizeof record || !size || size & (size - 1))
        return false;
    for (size_t i = 0; i < sizeof record; i++)
        ((char *)&record)[i] = records[(end - sizeof record + i) & (size - 1)];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (records_end(event) != end || record.header.type != PERF_RECORD_SWITCH ||
        record.header.size != sizeof record)
        return false;
    *last = (struct hop_switch){
        .number = end,
        .ns = record.ns,
        .cpu = (int)record.cpu,
        .is_out = record.header.misc & PERF_RECORD_MISC_SWITCH_OUT,
        .wanted_to_go_on = record.header.misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT,
    };
    return true;
}

/* Whether one that was preempted is told from one that sleeps. */
static bool kernel_tells_preemption(void)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    return !uname(&name) && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
           (major > 4 || (major == 4 && minor >= 17));
}

bool hop_switches_are_fine(void)
{
    struct hop_perf_event event;
    struct hop_switch last;
    bool are_fine = false;
    if (!kernel_tells_preemption() || !hop_perf_event_open(&event, 0))
        return false;
    hop_perf_event_map_switches(&event);
    uint64_t before_ns = hop_now_ns();
    /* Off the CPU, and on again. */
    if (event.switches &&
        !clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = 100 * 1000}, NULL))
        are_fine = hop_perf_event_last_switch(&event, &last) && !last.is_out &&
                   last.ns >= before_ns && last.ns <= hop_now_ns();
    hop_perf_event_close(&event);
    return are_fine;
}

/* --- its times ------------------------------------------------------------------------------- */

bool hop_perf_event_times(const struct hop_perf_event *event, struct hop_perf_times *times)
{
    return event->fd >= 0 && read(event->fd, times, sizeof *times) == sizeof *times;
}

/* Two readings a microsecond apart, so many times. */
enum { READINGS = 200 };

bool hop_perf_clock_is_fine(void)
{
    struct hop_perf_event event = {.fd = open_event(0, false)};
    struct hop_perf_times last = {0}, now;
    int left = READINGS;
    if (event.fd < 0)
        return false;
    for (; left; left--, last = now)
        if (!hop_perf_event_times(&event, &now) || now.running_ns <= last.running_ns)
            break;
    hop_perf_event_close(&event);
    return !left;
}
