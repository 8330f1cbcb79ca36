/* What this machine asks for the least that any sampler does: a wake-up by a timer, one read of
 * another process, one preemption of a busy thread. Knows nothing of Python or heavyops.
 *
 *   limits wake RATE SECONDS CPU           wakes up RATE times a second; SECONDS 0: until killed
 *   limits read PID BYTES SPANS SECONDS    reads BYTES at one place, and 64 at each of SPANS pages
 *   limits look RATE SECONDS CPU PID BYTES SPANS
 *                                          wakes up and reads, between two looks at the record of
 * the switches of the process' first thread: what a proved look asks the kernel at the least limits
 * preempt RATE SECONDS CPU        preempts a busy thread of its own
 *
 * CPU -1 is any. Each prints one line: names and numbers. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000u

static void __attribute__((noreturn)) give_up(const char *what)
{
    fprintf(stderr, "limits: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Where the program's heap begins, which is in memory and not only mapped. */
static uint64_t heap_addr(const char *pid)
{
    char path[64], line[4096];
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    FILE *maps = fopen(path, "r");
    if (!maps)
        give_up(path);
    uint64_t addr = 0;
    while (!addr && fgets(line, sizeof line, maps))
        if (strstr(line, "[heap]"))
            addr = strtoull(line, NULL, 16);
    fclose(maps);
    if (!addr)
        give_up("it has no heap");
    return addr;
}

enum { SPANS_MAX = 1023, SPAN_BYTES = 64, PAGE_BYTES = 4096 };

struct reading {
    pid_t pid;
    int memory_fd;
    const struct perf_event_mmap_page *switches; /* those of its first thread, on record */
    size_t spans;
    struct iovec local[SPANS_MAX + 1], remote[SPANS_MAX + 1];
    struct iovec whole; /* all of local, which lie side by side */
};

typedef bool read_fn(const struct reading *it);

static bool read_in_one_call(const struct reading *it)
{
    return process_vm_readv(it->pid, &it->whole, 1, it->remote, it->spans, 0) > 0;
}

static bool read_one_by_one(const struct reading *it)
{
    for (size_t i = 0; i < it->spans; i++)
        if (pread(it->memory_fd, it->local[i].iov_base, it->local[i].iov_len,
                  (off_t)(uintptr_t)it->remote[i].iov_base) < 0)
            return false;
    return true;
}

static double reads_a_second(read_fn *read_all, const struct reading *it, double seconds)
{
    uint64_t start_ns = now_ns(CLOCK_MONOTONIC), ns = 0, count = 0;
    for (; (double)ns < seconds * NS_PER_S; count++) {
        if (!read_all(it))
            give_up("reading");
        ns = now_ns(CLOCK_MONOTONIC) - start_ns;
    }
    return (double)count * NS_PER_S / (double)ns;
}

/* --- wake-ups -------------------------------------------------------------------------------- */

struct wakes {
    double rate_hz;
    uint64_t duration_ns;       /* 0: no end */
    int cpu;                    /* -1: any */
    const struct reading *look; /* what is read at each; NULL: nothing */
    _Atomic uint64_t count;
    uint64_t cpu_ns; /* of the thread that woke up */
};

static void pin(int cpu)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET((size_t)cpu, &only);
    if (cpu >= 0 && sched_setaffinity(0, sizeof only, &only))
        give_up("sched_setaffinity");
}

/* As heavyops' lookers are, where it is allowed: real-time threads of the lowest priority. */
static void be_prompt(void)
{
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest);
}

/* Between two readings of the thread's clock, as a sampler proves that it stood still. */
static uint64_t looks_proved;

static void look(const struct reading *it)
{
    uint64_t before = __atomic_load_n(&it->switches->data_head, __ATOMIC_ACQUIRE);
    if (!read_in_one_call(it))
        give_up("looking");
    looks_proved += __atomic_load_n(&it->switches->data_head, __ATOMIC_ACQUIRE) == before;
}

/* Sleeps until a random instant of each period, as heavyops does, and does no more than it is told
 * to then. */
static void *wake_up(void *data)
{
    struct wakes *wakes = data;
    pin(wakes->cpu);
    be_prompt();
    uint64_t period_ns = (uint64_t)(NS_PER_S / wakes->rate_hz);
    uint64_t start_ns = now_ns(CLOCK_MONOTONIC);
    uint64_t start_cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
    uint64_t end_ns = wakes->duration_ns ? start_ns + wakes->duration_ns : UINT64_MAX;
    unsigned seed = 1;
    for (uint64_t now = start_ns, period = start_ns; now < end_ns; wakes->count++) {
        uint64_t until_ns = period + (uint64_t)rand_r(&seed) % period_ns;
        struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                 .tv_nsec = (long)(until_ns % NS_PER_S)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        if (wakes->look)
            look(wakes->look);
        now = now_ns(CLOCK_MONOTONIC);
        /* Periods that are over are left out: no delay piles up. */
        do
            period += period_ns;
        while (period + period_ns < now);
    }
    wakes->cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - start_cpu_ns;
    return NULL;
}

static int wake(char *argv[])
{
    struct wakes wakes = {.rate_hz = atof(argv[0]),
                          .duration_ns = (uint64_t)(atof(argv[1]) * NS_PER_S),
                          .cpu = atoi(argv[2])};
    wake_up(&wakes);
    printf("wakes %" PRIu64 " cpu_ns %" PRIu64 "\n", wakes.count, wakes.cpu_ns);
    return 0;
}

/* What is to be read of the process `pid`. */
static void prepare(struct reading *it, const char *pid, const char *byte_count, const char *spans)
{
    char path[64];
    size_t bytes = strtoul(byte_count, NULL, 10), pages = strtoul(spans, NULL, 10);
    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    *it = (struct reading){.pid = atoi(pid), .memory_fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (it->memory_fd < 0)
        give_up(path);
    it->spans = 1 + (pages < SPANS_MAX ? pages : SPANS_MAX);
    size_t whole = bytes + (it->spans - 1) * SPAN_BYTES;
    char *place = malloc(whole); /* kept to the end */
    if (!place)
        give_up("memory");
    memset(place, 1, whole);
    it->whole = (struct iovec){place, whole};
    /* Each of the others on a page of its own, behind the first. */
    uint64_t addr = heap_addr(pid),
             next_addr = addr + (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    for (size_t i = 0; i < it->spans; i++) {
        size_t length = i == 0 ? bytes : SPAN_BYTES;
        it->local[i] = (struct iovec){place, length};
        it->remote[i] = (struct iovec){(void *)(uintptr_t)addr, length};
        place += length;
        addr = next_addr;
        next_addr += PAGE_BYTES;
    }
}

static int measure_reads(char *argv[])
{
    static struct reading it;
    double seconds = atof(argv[3]);
    prepare(&it, argv[0], argv[1], argv[2]);
    printf("process_vm_readv %.0f", reads_a_second(read_in_one_call, &it, seconds / 2));
    printf(" pread %.0f\n", reads_a_second(read_one_by_one, &it, seconds / 2));
    return 0;
}

static int measure_looks(char *argv[])
{
    static struct reading it;
    struct wakes wakes = {.rate_hz = atof(argv[0]),
                          .duration_ns = (uint64_t)(atof(argv[1]) * NS_PER_S),
                          .cpu = atoi(argv[2]),
                          .look = &it};
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_DUMMY,
        .sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
        .context_switch = 1,
        .sample_id_all = 1,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    prepare(&it, argv[3], argv[4], argv[5]);
    int fd = (int)syscall(SYS_perf_event_open, &attributes, it.pid, -1, -1, 0);
    if (fd < 0)
        give_up("perf_event_open");
    it.switches = mmap(NULL, 2 * (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, 0);
    if (it.switches == MAP_FAILED)
        give_up("mapping the record of switches");
    wake_up(&wakes);
    printf("looks %" PRIu64 " proved %" PRIu64 " cpu_ns %" PRIu64 "\n", wakes.count, looks_proved,
           wakes.cpu_ns);
    return 0;
}

/* --- preemption ------------------------------------------------------------------------------ */

/* A gap of a millisecond is no preemption by who does nothing: the host or another program had the
 * CPU. */
enum { GAPS_MAX = 1 << 20, OTHERS_NS = 1000 * 1000 };

static int in_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Spins on the CPU of the one that wakes up. What lies between two of its readings of the clock,
 * when there was a wake-up in between, is what that preemption took. Others may take the CPU too,
 * therefore the median, and this goes before other programs, where it may. */
static uint64_t median_gap_ns(const struct wakes *wakes, uint64_t *gaps)
{
    size_t count = 0;
    uint64_t start = now_ns(CLOCK_MONOTONIC), seen = 0;
    for (uint64_t last = start, now; last - start < wakes->duration_ns; last = now) {
        now = now_ns(CLOCK_MONOTONIC);
        uint64_t wakes_now = atomic_load_explicit(&wakes->count, memory_order_relaxed);
        if (wakes_now != seen && count < GAPS_MAX) {
            /* It may have come after the clock was read and before the count was. */
            now = now_ns(CLOCK_MONOTONIC);
            if (now - last < OTHERS_NS)
                gaps[count++] = now - last;
        }
        seen = wakes_now;
    }
    qsort(gaps, count, sizeof *gaps, in_order);
    return count ? gaps[count / 2] : 0;
}

static int preempt(char *argv[])
{
    struct wakes wakes = {.rate_hz = atof(argv[0]),
                          .duration_ns = (uint64_t)(atof(argv[1]) * NS_PER_S),
                          .cpu = atoi(argv[2])};
    uint64_t *gaps = malloc(GAPS_MAX * sizeof *gaps);
    pthread_t waker;
    pin(wakes.cpu);
    setpriority(PRIO_PROCESS, 0, PRIO_MIN);
    if (!gaps || pthread_create(&waker, NULL, wake_up, &wakes))
        give_up("a thread");
    uint64_t median_ns = median_gap_ns(&wakes, gaps);
    pthread_join(waker, NULL);
    printf("preemptions %" PRIu64 " median_ns %" PRIu64 "\n", wakes.count, median_ns);
    free(gaps);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc == 5 && !strcmp(argv[1], "wake"))
        return wake(argv + 2);
    if (argc == 6 && !strcmp(argv[1], "read"))
        return measure_reads(argv + 2);
    if (argc == 8 && !strcmp(argv[1], "look"))
        return measure_looks(argv + 2);
    if (argc == 5 && !strcmp(argv[1], "preempt"))
        return preempt(argv + 2);
    fprintf(stderr, "usage: limits wake|read|look|preempt … (see its source)\n");
    return 2;
}
