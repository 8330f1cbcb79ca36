/* Maps, events, and the ring of records, see interrupt.h. */
#include "sample/interrupt.h"

#include "base/clock.h"
#include "py/threads.h"
#include "sample/bpf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A tenth of a second of 10,000 stacks a second of usual depth. */
enum { RING_BYTES = 512 << 10 };

/* Threads by their tid: those that were interrupted lately. */
enum { THREADS = 4096 };

/* Threads may be born while the others get their events. */
enum { BEGINNINGS_MAX = 10 };

/* include/linux/proc_ns.h: PROC_PID_INIT_INO. */
static const ino_t FIRST_PID_NAMESPACE = 0xEFFFFFFC;

/* --- opening ---------------------------------------------------------------------------------- */

static bool make_maps(struct hop_interrupts *interrupts)
{
    struct hop_interrupt_plan *plan = &interrupts->plan;
    uint32_t cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
    plan->scratch =
        hop_bpf_map_create(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct hop_interrupt_scratch), cpus, 0);
    plan->shared = hop_bpf_map_create(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct hop_interrupt_shared), 1,
                                      BPF_F_MMAPABLE);
    plan->threads = hop_bpf_map_create(BPF_MAP_TYPE_LRU_HASH, 4,
                                       sizeof(struct hop_interrupt_thread), THREADS, 0);
    plan->ring = hop_bpf_map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, RING_BYTES, 0);
    plan->ring_bytes = RING_BYTES;
    return plan->scratch >= 0 && plan->shared >= 0 && plan->threads >= 0 && plan->ring >= 0;
}

static void *map_shared(int map, size_t bytes, int protection, off_t from)
{
    void *memory = mmap(NULL, bytes, protection, MAP_SHARED, map, from);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Edge-triggered: poll() would return at once where there is any record, and most of them do not
 * ask to be looked at soon. */
static int open_wakeups(int ring)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int wakeups = epoll_create1(EPOLL_CLOEXEC);
    if (wakeups >= 0 && epoll_ctl(wakeups, EPOLL_CTL_ADD, ring, &event) != 0) {
        close(wakeups);
        return -1;
    }
    return wakeups;
}

/* BPF_MAP_TYPE_RINGBUF (Documentation/bpf/ringbuf.rst): a page for each position, then the data
 * twice. */
static bool map_memory(struct hop_interrupts *interrupts)
{
    const struct hop_interrupt_plan *plan = &interrupts->plan;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    interrupts->shared =
        map_shared(plan->shared, sizeof *interrupts->shared, PROT_READ | PROT_WRITE, 0);
    interrupts->read_to = map_shared(plan->ring, page, PROT_READ | PROT_WRITE, 0);
    uint8_t *written = map_shared(plan->ring, page + 2 * RING_BYTES, PROT_READ, (off_t)page);
    if (written) {
        interrupts->written_to = (const uint64_t *)written;
        interrupts->ring = written + page;
    }
    interrupts->wakeups = open_wakeups(plan->ring);
    return interrupts->shared && interrupts->read_to && interrupts->ring &&
           interrupts->wakeups >= 0;
}

/* Threads are known to the kernel by their numbers in the first namespace. */
static bool are_in_first_pid_namespace(void)
{
    struct stat ours;
    return stat("/proc/self/ns/pid", &ours) == 0 && ours.st_ino == FIRST_PID_NAMESPACE;
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
    case EMFILE:
    case ENFILE:
        return "the target has more threads than we may have files open";
    default:
        return "the kernel has no memory for it";
    }
}

static void clear(struct hop_interrupts *interrupts)
{
    interrupts->plan.scratch = interrupts->plan.shared = interrupts->plan.threads =
        interrupts->plan.ring = -1;
    interrupts->program = interrupts->wakeups = -1;
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
    *why = NULL;
    if (!hop_interrupt_can(plan->layout))
        *why = "it takes CPython 3.13 or later";
    else if (!are_in_first_pid_namespace())
        *why = "we are in a container, where the kernel's numbers of threads are not ours";
    if (*why)
        return false;
    errno = 0;
    interrupts->tids = malloc(HOP_THREADS_MAX * sizeof *interrupts->tids);
    bool is_ready = interrupts->tids && hop_id_table_init(&interrupts->event_of, 64) &&
                    make_maps(interrupts) && map_memory(interrupts);
    if (is_ready)
        interrupts->program = hop_interrupt_program_load(&interrupts->plan);
    if (interrupts->program >= 0)
        return true;
    *why = why_not(errno);
    hop_interrupts_close(interrupts);
    return false;
}

static void close_events(struct hop_interrupt_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(events[i].fd);
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
    close_events(interrupts->events, interrupts->event_count);
    if (interrupts->shared)
        munmap(interrupts->shared, sizeof *interrupts->shared);
    if (interrupts->read_to)
        munmap(interrupts->read_to, page);
    if (interrupts->written_to)
        munmap((void *)(uintptr_t)interrupts->written_to, page + 2 * RING_BYTES);
    close_map(interrupts->wakeups);
    close_map(interrupts->program);
    close_map(interrupts->plan.scratch);
    close_map(interrupts->plan.shared);
    close_map(interrupts->plan.threads);
    close_map(interrupts->plan.ring);
    hop_id_table_deinit(&interrupts->event_of);
    free(interrupts->tids);
    *interrupts = (struct hop_interrupts){0};
    clear(interrupts);
}

/* --- events ----------------------------------------------------------------------------------- */

/* xorshift64*, as in deadline.c. A tenth to either side of the mean. */
static void draw_period(struct hop_interrupts *interrupts)
{
    uint64_t x = interrupts->random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    interrupts->random_state = x;
    double part = (double)(x * 0x2545F4914F6CDD1Du >> 11) / (double)(UINT64_C(1) << 53);
    interrupts->period_ns = (uint64_t)((double)interrupts->mean_ns * (0.9 + 0.2 * part));
    interrupts->records = 0;
}

void hop_interrupts_jitter(struct hop_interrupts *interrupts)
{
    if (interrupts->records >= HOP_INTERRUPTS_A_PERIOD)
        draw_period(interrupts);
}

static int open_event(const struct hop_interrupts *interrupts, int tid)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = interrupts->period_ns,
        .disabled = 1,
        .inherit = 1,
        .inherit_thread = 1, /* since 5.13; not to processes that it forks */
        .remove_on_exec = 1, /* since 5.13; what the next program is we do not know */
    };
    int fd = (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_BPF, interrupts->program) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

struct events {
    struct hop_interrupt_event *items;
    size_t count, capacity;
};

/* 0: as many threads as were listed have events, ESRCH: some had ended. */
static int open_events(struct hop_interrupts *interrupts, size_t threads, struct events *events)
{
    *events = (struct events){.items = calloc(threads, sizeof *events->items), .capacity = threads};
    if (!events->items)
        return ENOMEM;
    int result = 0;
    for (size_t i = 0; i < threads; i++) {
        int tid = interrupts->tids[i];
        int fd = open_event(interrupts, tid);
        if (fd >= 0)
            events->items[events->count++] = (struct hop_interrupt_event){
                .tid = tid, .fd = fd, .period_ns = interrupts->period_ns};
        else if (errno == ESRCH)
            result = ESRCH;
        else
            return errno;
    }
    return result;
}

/* Whether the threads are those that the events are of: else one was born before its parent had an
 * event, and has none, or after, and would have two. */
static bool are_all(struct hop_interrupts *interrupts, const struct events *events)
{
    size_t total = 0;
    ssize_t listed =
        hop_process_threads(interrupts->process, interrupts->tids, HOP_THREADS_MAX, &total);
    if (listed < 0 || (size_t)listed != events->count)
        return false;
    for (size_t i = 0; i < events->count; i++)
        if (interrupts->tids[i] != events->items[i].tid)
            return false;
    return true;
}

static bool take_events(struct hop_interrupts *interrupts, struct events *events)
{
    if (!hop_id_table_reserve(&interrupts->event_of, interrupts->event_of.used + events->count))
        return false;
    close_events(interrupts->events, interrupts->event_count);
    interrupts->events = events->items;
    interrupts->event_count = events->count;
    for (size_t i = 0; i < events->count; i++) {
        hop_id_table_put(&interrupts->event_of, (uint64_t)events->items[i].tid, (uint32_t)i);
        ioctl(events->items[i].fd, PERF_EVENT_IOC_ENABLE, 0);
    }
    return true;
}

bool hop_interrupts_begin(struct hop_interrupts *interrupts, uint64_t mean_ns)
{
    struct events events = {0};
    interrupts->mean_ns = mean_ns;
    draw_period(interrupts);
    for (int i = 0; i < BEGINNINGS_MAX; i++) {
        size_t total = 0;
        close_events(events.items, events.count);
        ssize_t threads =
            hop_process_threads(interrupts->process, interrupts->tids, HOP_THREADS_MAX, &total);
        int failed = threads <= 0 ? ESRCH : open_events(interrupts, (size_t)threads, &events);
        if (threads <= 0)
            events = (struct events){0};
        if (failed && failed != ESRCH) {
            close_events(events.items, events.count);
            errno = failed;
            return false;
        }
        if (!failed && are_all(interrupts, &events))
            break;
    }
    if (events.count && take_events(interrupts, &events))
        return true;
    close_events(events.items, events.count);
    errno = ESRCH;
    return false;
}

void hop_interrupts_note(struct hop_interrupts *interrupts, int tid)
{
    uint32_t index = hop_id_table_get(&interrupts->event_of, (uint64_t)tid);
    interrupts->records++;
    if (index >= interrupts->event_count || interrupts->events[index].tid != tid)
        return;
    struct hop_interrupt_event *event = &interrupts->events[index];
    if (event->period_ns == interrupts->period_ns)
        return;
    event->period_ns = interrupts->period_ns;
    ioctl(event->fd, PERF_EVENT_IOC_PERIOD, &event->period_ns);
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

/* --- records ---------------------------------------------------------------------------------- */

void hop_interrupts_wait(struct hop_interrupts *interrupts, uint64_t until_ns)
{
    const uint64_t now_ns = hop_now_ns(), ns_a_ms = 1000 * 1000;
    struct epoll_event event;
    if (until_ns > now_ns)
        epoll_wait(interrupts->wakeups, &event, 1, (int)((until_ns - now_ns) / ns_a_ms + 1));
}

const struct hop_interrupt_record *hop_interrupts_next(struct hop_interrupts *interrupts)
{
    __atomic_store_n(interrupts->read_to, interrupts->taken_to, __ATOMIC_RELEASE);
    if (interrupts->taken_to >= __atomic_load_n(interrupts->written_to, __ATOMIC_ACQUIRE))
        return NULL;
    const uint8_t *header = interrupts->ring + (interrupts->taken_to & (RING_BYTES - 1));
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
