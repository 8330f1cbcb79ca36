/* Takes a thread's registers by perf events; knows nothing of CPython. */
#include "oracle/witness.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The general registers, numbered as in <asm/perf_regs.h>, and which of them is the instruction
 * pointer. */
#if defined __x86_64__
#include <asm/perf_regs.h>
static const uint64_t REGISTERS =
    (1ull << PERF_REG_X86_AX | 1ull << PERF_REG_X86_BX | 1ull << PERF_REG_X86_CX |
     1ull << PERF_REG_X86_DX | 1ull << PERF_REG_X86_SI | 1ull << PERF_REG_X86_DI |
     1ull << PERF_REG_X86_BP | 1ull << PERF_REG_X86_SP | 1ull << PERF_REG_X86_IP |
     0xffull << PERF_REG_X86_R8);
enum { IP_REGISTER = PERF_REG_X86_IP };
#elif defined __aarch64__
static const uint64_t REGISTERS = (1ull << 33) - 1; /* x0 to x30, sp, pc */
enum { IP_REGISTER = 32 };
#else
static const uint64_t REGISTERS = 0;
enum { IP_REGISTER = 0 };
#endif

/* A power of two of pages: a second's samples at 10,000 a second. */
enum { RING_PAGES = 512 };

struct ring {
    struct perf_event_mmap_page *head;
    const char *data;
    size_t bytes;
};

static int open_event(pid_t tid, double rate_hz)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attributes,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = (uint64_t)(1e9 / rate_hz),
        .sample_type = PERF_SAMPLE_REGS_USER,
        .sample_regs_user = REGISTERS,
        .exclude_kernel = 1,
    };
    return (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static void copy_out(const struct ring *ring, uint64_t at, void *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((char *)to)[i] = ring->data[(at + i) % ring->bytes];
}

static void keep(struct witness *witness, const uint64_t *registers)
{
    size_t bytes = witness->register_count * sizeof *registers;
    if (witness->sample_count < witness->capacity)
        memcpy(witness->registers + witness->sample_count++ * witness->register_count, registers,
               bytes);
    else
        witness->lost++;
}

static void drain(struct witness *witness, const struct ring *ring)
{
    uint64_t end = __atomic_load_n(&ring->head->data_head, __ATOMIC_ACQUIRE);
    uint64_t at = ring->head->data_tail;
    while (at < end) {
        struct perf_event_header header;
        struct {
            uint64_t abi, registers[WITNESS_REGISTERS_MAX];
        } sample;
        copy_out(ring, at, &header, sizeof header);
        size_t bytes = sizeof sample.abi + witness->register_count * sizeof *sample.registers;
        if (header.type == PERF_RECORD_SAMPLE && header.size >= sizeof header + bytes) {
            copy_out(ring, at + sizeof header, &sample, bytes);
            if (sample.abi == PERF_SAMPLE_REGS_ABI_64)
                keep(witness, sample.registers);
        } else if (header.type == PERF_RECORD_LOST) {
            uint64_t id_and_lost[2];
            copy_out(ring, at + sizeof header, id_and_lost, sizeof id_and_lost);
            witness->lost += id_and_lost[1];
        }
        at += header.size;
    }
    __atomic_store_n(&ring->head->data_tail, at, __ATOMIC_RELEASE);
}

static bool refuse(struct witness *witness, const char *what)
{
    snprintf(witness->why_not, sizeof witness->why_not, "%s: %s", what, strerror(errno));
    return false;
}

bool witness_take(struct witness *witness, pid_t tid, double rate_hz, double seconds)
{
    static const struct timespec PAUSE = {.tv_nsec = 20 * 1000 * 1000};
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    struct ring ring = {.bytes = RING_PAGES * page_bytes};
    *witness = (struct witness){
        .register_count = (size_t)__builtin_popcountll(REGISTERS),
        .ip_register = IP_REGISTER,
        .capacity = (size_t)(rate_hz * seconds * 1.1) + 16,
    };
    witness->registers =
        calloc(witness->capacity * (witness->register_count + 1), sizeof *witness->registers);
    int fd = witness->registers ? open_event(tid, rate_hz) : -1;
    if (fd < 0)
        return refuse(witness, "perf_event_open");
    void *mapped = mmap(NULL, ring.bytes + page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) {
        refuse(witness, "mmap of a perf event");
        close(fd);
        return false;
    }
    ring.head = mapped;
    ring.data = (const char *)mapped + page_bytes;
    for (double left = seconds; left > 0; left -= 1e-9 * (double)PAUSE.tv_nsec) {
        nanosleep(&PAUSE, NULL);
        drain(witness, &ring);
    }
    munmap(mapped, ring.bytes + page_bytes);
    close(fd);
    return true;
}

void witness_free(struct witness *witness)
{
    free(witness->registers);
    witness->registers = NULL;
}

/* In how many places, those with fewer samples counting less: (sum n)^2 / sum n^2. */
static double count_places(const struct witness *witness, size_t n, uint64_t start, uint64_t bytes,
                           uint32_t *samples_at, size_t *hits)
{
    double squares = 0;
    *hits = 0;
    memset(samples_at, 0, bytes * sizeof *samples_at);
    for (size_t i = 0; i < witness->sample_count; i++) {
        uint64_t offset = witness_register(witness, i, n) - start;
        if (offset < bytes) {
            samples_at[offset]++;
            ++*hits;
        }
    }
    for (uint64_t offset = 0; offset < bytes; offset++)
        squares += (double)samples_at[offset] * samples_at[offset];
    return squares > 0 ? (double)*hits * (double)*hits / squares : 0;
}

size_t witness_find_register(const struct witness *witness, uint64_t start, uint64_t bytes,
                             size_t *hits)
{
    uint32_t *samples_at = calloc(bytes + 1, sizeof *samples_at);
    size_t best = 0;
    double most = 0;
    *hits = 0;
    for (size_t n = 0; samples_at && n < witness->register_count; n++) {
        size_t found;
        double places = count_places(witness, n, start, bytes, samples_at, &found);
        if (places * (double)found > most) {
            most = places * (double)found;
            *hits = found;
            best = n;
        }
    }
    free(samples_at);
    return best;
}
