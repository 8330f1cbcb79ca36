/* Maps, events, and the ring of records, see interrupt.h. */
#include "sample/interrupt.h"

#include "base/clock.h"
#include "base/random.h"
#include "sample/bpf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Room for the longest record that may lie across the ring's end, in pages of any size: of its
 * beginning, as much is seen a second time behind that. */
enum { AGAIN_BYTES = 128 << 10 };
_Static_assert(sizeof(struct hop_interrupt_record) +
                       HOP_INTERRUPT_FRAMES_MAX * sizeof(struct hop_interrupt_frame) +
                       HOP_INTERRUPT_SPANS_BYTES <=
                   AGAIN_BYTES,
               "it is long enough for any record");

/* Threads by their tid: those that were interrupted lately. */
enum { THREADS = 4096 };

/* Each takes a file and, in the kernel, room for a deep stack. */
enum { CPUS_MAX = 1024 };

/* include/linux/proc_ns.h: PROC_PID_INIT_INO. */
static const ino_t FIRST_PID_NAMESPACE = 0xEFFFFFFC;

/* --- opening ---------------------------------------------------------------------------------- */

/* How many CPUs there may ever be. The highest number is the last in the list: cpu(5),
 * Documentation/admin-guide/cputopology.rst. */
static size_t count_possible_cpus(void)
{
    char text[256];
    size_t highest = 0;
    FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
    if (file && fgets(text, sizeof text, file)) {
        size_t end = strcspn(text, "\n"), start = end;
        while (start && text[start - 1] >= '0' && text[start - 1] <= '9')
            start--;
        highest = strtoul(text + start, NULL, 10);
    }
    if (file)
        fclose(file);
    return highest < CPUS_MAX ? highest + 1 : CPUS_MAX;
}

static bool make_maps(struct hop_interrupts *interrupts)
{
    struct hop_interrupt_plan *plan = &interrupts->plan;
    uint32_t cpus = (uint32_t)interrupts->cpu_count;
    plan->scratch =
        hop_bpf_map_create(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct hop_interrupt_scratch), cpus, 0);
    plan->shared = hop_bpf_map_create(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct hop_interrupt_shared), 1,
                                      BPF_F_MMAPABLE);
    plan->threads = hop_bpf_map_create(BPF_MAP_TYPE_LRU_HASH, 4,
                                       sizeof(struct hop_interrupt_thread), THREADS, 0);
    plan->ring = hop_bpf_map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, plan->ring_bytes, 0);
    return plan->scratch >= 0 && plan->shared >= 0 && plan->threads >= 0 && plan->ring >= 0;
}

static void *map_shared(int map, size_t bytes, int protection, off_t from)
{
    void *memory = mmap(NULL, bytes, protection, MAP_SHARED, map, from);
    return memory == MAP_FAILED ? NULL : memory;
}

static bool add_wakeup(int wakeups, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    return epoll_ctl(wakeups, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Edge-triggered: poll() would return at once where there is any record, and most of them do not
 * ask to be looked at soon. */
static bool open_wakeups(struct hop_interrupts *interrupts)
{
    interrupts->wakeups = epoll_create1(EPOLL_CLOEXEC);
    if (interrupts->wakeups < 0 || !add_wakeup(interrupts->wakeups, interrupts->plan.ring))
        return false;
    /* Its end is noticed a little later without. */
    interrupts->exit = (int)syscall(SYS_pidfd_open, interrupts->process->pid, 0);
    if (interrupts->exit >= 0)
        add_wakeup(interrupts->wakeups, interrupts->exit);
    return true;
}

/* BPF_MAP_TYPE_RINGBUF (Documentation/bpf/ringbuf.rst): a page for each position, then the data
 * twice. All that is mapped counts as memory of ours. */
static bool map_memory(struct hop_interrupts *interrupts)
{
    const struct hop_interrupt_plan *plan = &interrupts->plan;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    interrupts->shared =
        map_shared(plan->shared, sizeof *interrupts->shared, PROT_READ | PROT_WRITE, 0);
    interrupts->read_to = map_shared(plan->ring, page, PROT_READ | PROT_WRITE, 0);
    uint8_t *written =
        map_shared(plan->ring, page + plan->ring_bytes + AGAIN_BYTES, PROT_READ, (off_t)page);
    if (written) {
        interrupts->written_to = (const uint64_t *)written;
        interrupts->ring = written + page;
    }
    return interrupts->shared && interrupts->read_to && interrupts->ring;
}

/* Where we are not in the first one, the kernel has to be told by which numbers we know threads. It
 * does not tell us those of a namespace within ours. */
static const char *note_pid_namespace(struct hop_interrupt_plan *plan)
{
    struct stat ours;
    if (stat("/proc/self/ns/pid", &ours) != 0)
        return "it is not known by which numbers the kernel knows threads: there is no /proc";
    if (ours.st_ino == FIRST_PID_NAMESPACE)
        return NULL;
    if (plan->has_own_pids)
        return "we and the target are in two containers, one in the other";
    /* include/linux/kdev_t.h: MKDEV */
    plan->pid_namespace_dev = (uint64_t)major(ours.st_dev) << 20 | minor(ours.st_dev);
    plan->pid_namespace_ino = ours.st_ino;
    return NULL;
}

static const char *why_not(int error)
{
    switch (error) {
    case EPERM:
    case EACCES:
        return "the kernel allows it to root only, or with CAP_BPF and CAP_PERFMON";
    case ENOSYS:
        return "this kernel has no BPF";
    case EINVAL:
    case ENOENT:
        return "this kernel is too old for it (Linux 5.17 is not)";
    case E2BIG:
        return "the program that it takes is too long for this kernel";
    case EMFILE:
    case ENFILE:
        return "there are more CPUs than we may have files open";
    default:
        return "the kernel has no memory for it";
    }
}

static void clear(struct hop_interrupts *interrupts)
{
    interrupts->plan.scratch = interrupts->plan.shared = interrupts->plan.threads =
        interrupts->plan.ring = -1;
    interrupts->program = interrupts->wakeups = interrupts->exit = -1;
}

void hop_interrupts_init(struct hop_interrupts *interrupts, const struct hop_process *process,
                         uint64_t seed)
{
    *interrupts = (struct hop_interrupts){.process = process, .random_state = seed};
    clear(interrupts);
}

bool hop_interrupts_open(struct hop_interrupts *interrupts, const struct hop_interrupt_plan *plan,
                         const char **why)
{
    interrupts->plan = *plan;
    clear(interrupts);
    *why = note_pid_namespace(&interrupts->plan);
    if (*why)
        return false;
    errno = 0;
    interrupts->cpu_count = count_possible_cpus();
    bool is_ready = make_maps(interrupts) && map_memory(interrupts) && open_wakeups(interrupts);
    if (is_ready)
        interrupts->program = hop_interrupt_program_load(&interrupts->plan);
    if (interrupts->program >= 0)
        return true;
    *why = why_not(errno);
    hop_interrupts_close(interrupts);
    return false;
}

static void close_events(int *events, size_t count)
{
    for (size_t i = 0; events && i < count; i++)
        if (events[i] >= 0)
            close(events[i]);
    free(events);
}

static void close_map(int map)
{
    if (map >= 0)
        close(map);
}

void hop_interrupts_close(struct hop_interrupts *interrupts)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    close_events(interrupts->events, interrupts->cpu_count);
    if (interrupts->shared)
        munmap(interrupts->shared, sizeof *interrupts->shared);
    if (interrupts->read_to)
        munmap(interrupts->read_to, page);
    if (interrupts->written_to)
        munmap((void *)(uintptr_t)interrupts->written_to,
               page + interrupts->plan.ring_bytes + AGAIN_BYTES);
    close_map(interrupts->wakeups);
    close_map(interrupts->exit);
    close_map(interrupts->program);
    close_map(interrupts->plan.scratch);
    close_map(interrupts->plan.shared);
    close_map(interrupts->plan.threads);
    close_map(interrupts->plan.ring);
    *interrupts = (struct hop_interrupts){0};
    clear(interrupts);
}

/* --- events ----------------------------------------------------------------------------------- */

/* A tenth to either side of the mean. */
static void draw_period(struct hop_interrupts *interrupts)
{
    double part = (double)hop_random(&interrupts->random_state) / (double)(UINT64_C(1) << 53);
    interrupts->period_ns = (uint64_t)((double)interrupts->mean_ns * (0.9 + 0.2 * part));
    interrupts->drawn_ns = hop_now_ns();
}

void hop_interrupts_jitter(struct hop_interrupts *interrupts, uint64_t now_ns)
{
    if (now_ns - interrupts->drawn_ns < HOP_INTERRUPTS_ALIKE * interrupts->mean_ns)
        return;
    draw_period(interrupts);
    for (size_t i = 0; i < interrupts->cpu_count; i++)
        if (interrupts->events[i] >= 0)
            ioctl(interrupts->events[i], PERF_EVENT_IOC_PERIOD, &interrupts->period_ns);
}

static int open_event(const struct hop_interrupts *interrupts, int cpu)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = interrupts->period_ns,
        .disabled = 1,
    };
    int fd = (int)syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_BPF, interrupts->program) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

void hop_interrupts_turn(struct hop_interrupts *interrupts, bool is_on)
{
    unsigned long request = is_on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE;
    interrupts->is_on = is_on;
    for (size_t i = 0; interrupts->events && i < interrupts->cpu_count; i++)
        if (interrupts->events[i] >= 0)
            ioctl(interrupts->events[i], request, 0);
}

bool hop_interrupts_begin(struct hop_interrupts *interrupts, uint64_t mean_ns)
{
    uint64_t mean_before_ns = interrupts->mean_ns;
    size_t online = 0;
    int *events = malloc(interrupts->cpu_count * sizeof *events);
    if (!events)
        return false;
    interrupts->mean_ns = mean_ns;
    draw_period(interrupts);
    for (size_t i = 0; i < interrupts->cpu_count; i++) {
        events[i] = open_event(interrupts, (int)i);
        if (events[i] < 0 && errno != ENODEV) { /* ENODEV: it is offline */
            int why = errno;
            close_events(events, i);
            interrupts->mean_ns = mean_before_ns;
            errno = why;
            return false;
        }
        online += events[i] >= 0;
    }
    close_events(interrupts->events, interrupts->cpu_count);
    interrupts->events = events;
    interrupts->online = online;
    if (interrupts->is_on)
        hop_interrupts_turn(interrupts, true);
    return true;
}

/* --- what interrupts know --------------------------------------------------------------------- */

void hop_interrupts_know_thread(struct hop_interrupts *interrupts, int tid, uint64_t addr)
{
    const struct hop_interrupt_thread thread = {addr};
    const uint32_t key = (uint32_t)tid;
    hop_bpf_map_put(interrupts->plan.threads, &key, &thread);
}

void hop_interrupts_know_counter(struct hop_interrupts *interrupts, uint64_t addr)
{
    __atomic_store_n(&interrupts->shared->counter_addr, addr, __ATOMIC_RELAXED);
}

void hop_interrupts_know_code(struct hop_interrupts *interrupts, uint64_t identity)
{
    uint64_t *known = interrupts->shared->known;
    size_t at = identity & (HOP_INTERRUPT_KNOWN - 1) & ~(uint64_t)1;
    if (known[at] == identity || known[at + 1] == identity)
        return;
    /* The older one of the two goes. */
    __atomic_store_n(&known[at + 1], known[at], __ATOMIC_RELAXED);
    __atomic_store_n(&known[at], identity, __ATOMIC_RELAXED);
}

void hop_interrupts_forget_code(struct hop_interrupts *interrupts, uint64_t identity)
{
    uint64_t *known = interrupts->shared->known;
    size_t at = identity & (HOP_INTERRUPT_KNOWN - 1) & ~(uint64_t)1;
    for (size_t i = at; i < at + 2; i++)
        if (known[i] == identity)
            __atomic_store_n(&known[i], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&interrupts->shared->forgotten, interrupts->shared->forgotten + 1,
                     __ATOMIC_RELEASE);
}

void hop_interrupts_know_code_type(struct hop_interrupts *interrupts, uint64_t addr)
{
    __atomic_store_n(&interrupts->shared->code_type_addr, addr, __ATOMIC_RELAXED);
}

/* --- records ---------------------------------------------------------------------------------- */

void hop_interrupts_wait(struct hop_interrupts *interrupts, uint64_t until_ns)
{
    const uint64_t now_ns = hop_now_ns(), ns_a_ms = 1000 * 1000;
    struct epoll_event event;
    if (until_ns > now_ns)
        epoll_wait(interrupts->wakeups, &event, 1, (int)((until_ns - now_ns) / ns_a_ms + 1));
}

uint64_t hop_interrupts_written(const struct hop_interrupts *interrupts)
{
    return __atomic_load_n(interrupts->written_to, __ATOMIC_ACQUIRE);
}

const struct hop_interrupt_record *hop_interrupts_next(struct hop_interrupts *interrupts,
                                                       uint64_t until)
{
    __atomic_store_n(interrupts->read_to, interrupts->taken_to, __ATOMIC_RELEASE);
    if (interrupts->taken_to >= until)
        return NULL;
    const uint8_t *header =
        interrupts->ring + (interrupts->taken_to & (interrupts->plan.ring_bytes - 1));
    uint32_t length = __atomic_load_n((const uint32_t *)header, __ATOMIC_ACQUIRE);
    if (length & BPF_RINGBUF_BUSY_BIT)
        return NULL;
    interrupts->taken_to += (length + BPF_RINGBUF_HDR_SZ + 7) & ~UINT64_C(7);
    return (const void *)(header + BPF_RINGBUF_HDR_SZ);
}

uint64_t hop_interrupts_lost(const struct hop_interrupts *interrupts)
{
    return __atomic_load_n(&interrupts->shared->lost, __ATOMIC_RELAXED);
}
