/* Asks the runtime and the GILs of a target at every tick. */
#include "sample/watch.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* How long a process may take to exit after its memory is gone. */
static const uint64_t EXIT_NS = 500 * 1000 * 1000;

enum hop_status hop_watch_init(struct hop_watch *watch, const struct hop_process *process,
                               const struct hop_python *python, struct hop_reader *reader,
                               struct hop_error *err)
{
    *watch = (struct hop_watch){.process = process, .python = python, .reader = reader};
    watch->mem_fd = openat(process->dir_fd, "mem", O_RDONLY | O_CLOEXEC);
    return watch->mem_fd < 0 ? hop_process_explain_denied(process, errno, err) : HOP_OK;
}

void hop_watch_deinit(struct hop_watch *watch)
{
    if (watch->mem_fd >= 0)
        close(watch->mem_fd);
    watch->mem_fd = -1;
}

/* What became of a process whose memory is gone. One that executes has its next program at once;
 * one that exits has none (its exe leads nowhere) for as long as the kernel takes to clear up. */
static enum hop_ending find_out_ending(const struct hop_process *process)
{
    uint64_t deadline_ns = hop_now_ns() + EXIT_NS;
    while (hop_process_is_alive(process) && hop_now_ns() < deadline_ns) {
        char executable[16];
        hop_process_executable(process, executable, sizeof executable);
        if (*executable)
            return HOP_ENDED_EXEC;
        hop_sleep_until_ns(hop_now_ns() + EXIT_NS / 100);
    }
    return HOP_ENDED_EXITED;
}

bool hop_watch_program(struct hop_watch *watch, bool *has_changed, enum hop_ending *ending)
{
    const struct hop_python *python = watch->python;
    uint64_t head;
    off_t at = (off_t)(python->runtime_addr + (uint64_t)python->layout.runtime_interpreters_head);
    /* /proc/PID/mem stays with the memory it was opened on (proc_mem_open): after an exec it reads
     * nothing, where process_vm_readv would read the next program. */
    if (pread(watch->mem_fd, &head, sizeof head, at) != sizeof head) {
        *ending = find_out_ending(watch->process);
        return false;
    }
    *has_changed |= head != watch->interpreters_head;
    watch->interpreters_head = head;
    return true;
}

/* What is asked of an interpreter: whether its GIL is locked (int), by whom, the head of its list
 * of threads. From 3.12 on they lie close together, and for few interpreters one span each is read.
 */
enum { WORDS = 3, CLOSE_BYTES = 1024, CLOSE_INTERPRETERS_MAX = 4 };

struct gil_words {
    uint64_t addrs[WORDS];
    uint64_t first_addr;
    size_t bytes;
};

static struct gil_words find_gil_words(const struct hop_watch *watch,
                                       const struct hop_interpreter *interpreter)
{
    const struct hop_layout *layout = &watch->python->layout;
    struct hop_gil gil = hop_gil_of(layout, watch->python->runtime_addr, interpreter);
    struct gil_words words = {
        .addrs = {gil.locked_addr, gil.holder_addr,
                  interpreter->addr + (uint64_t)layout->interp_threads_head},
    };
    uint64_t first = UINT64_MAX, last = 0;
    for (size_t i = 0; i < WORDS; i++) {
        first = words.addrs[i] < first ? words.addrs[i] : first;
        last = words.addrs[i] > last ? words.addrs[i] : last;
    }
    words.first_addr = first;
    words.bytes = (size_t)(last - first) + 8;
    return words;
}

/* Reads the words of all interpreters; the number of them that could be read. */
static size_t read_gil_words(const struct hop_watch *watch, const struct hop_roster *roster,
                             uint64_t values[][WORDS])
{
    struct hop_span spans[HOP_INTERPRETERS_MAX * WORDS];
    size_t count = 0;
    for (size_t i = 0; i < roster->interpreter_count; i++) {
        struct gil_words words = find_gil_words(watch, &roster->interpreters[i]);
        for (size_t j = 0; j < WORDS; j++)
            spans[count++] = (struct hop_span){words.addrs[j], j ? 8 : 4, &values[i][j]};
    }
    return hop_reader_fill(watch->reader, spans, count) / WORDS;
}

/* The same with a span for each interpreter. False: the words are not close, nothing was read. */
static bool read_close_words(const struct hop_watch *watch, const struct hop_roster *roster,
                             uint64_t values[][WORDS], size_t *read)
{
    uint8_t bytes[CLOSE_INTERPRETERS_MAX][CLOSE_BYTES];
    struct gil_words words[CLOSE_INTERPRETERS_MAX];
    struct hop_span spans[CLOSE_INTERPRETERS_MAX];
    size_t count = roster->interpreter_count;
    bool are_in_one_struct = watch->python->layout.runtime_gil_locked == HOP_ABSENT;
    if (!are_in_one_struct || count > CLOSE_INTERPRETERS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        words[i] = find_gil_words(watch, &roster->interpreters[i]);
        if (words[i].bytes > CLOSE_BYTES)
            return false;
        spans[i] = (struct hop_span){words[i].first_addr, words[i].bytes, &bytes[i]};
    }
    *read = hop_reader_fill(watch->reader, spans, count);
    for (size_t i = 0; i < *read; i++)
        for (size_t j = 0; j < WORDS; j++)
            memcpy(&values[i][j], bytes[i] + (words[i].addrs[j] - words[i].first_addr), j ? 8 : 4);
    return true;
}

void hop_watch_gils(struct hop_watch *watch, const struct hop_roster *roster, bool *has_changed)
{
    uint64_t values[HOP_INTERPRETERS_MAX][WORDS];
    size_t count = roster->interpreter_count;
    watch->holder_count = 0;
    if (!count)
        return;
    for (size_t i = 0; i < count; i++)
        values[i][0] = 0; /* of which half is read */
    if (!read_close_words(watch, roster, values, &count))
        count = read_gil_words(watch, roster, values);
    *has_changed |= count < roster->interpreter_count;
    for (size_t i = 0; i < count; i++) {
        uint64_t locked = values[i][0], holder = values[i][1];
        *has_changed |= values[i][2] != roster->interpreters[i].threads_head_addr;
        /* Up to 3.11 all interpreters share one GIL, which is read once for each. */
        if (locked == 1 && holder && !hop_watch_holds_gil(watch, holder))
            watch->holders[watch->holder_count++] = holder;
    }
}

bool hop_watch_holds_gil(const struct hop_watch *watch, uint64_t state_addr)
{
    for (size_t i = 0; i < watch->holder_count; i++)
        if (watch->holders[i] == state_addr)
            return true;
    return false;
}

void hop_watch_mark_left(const struct hop_watch *watch, struct hop_roster *roster)
{
    if (roster->interpreter_count < 2)
        return;
    for (size_t i = 0; i < roster->count; i++) {
        const struct hop_roster_entry *holder = &roster->entries[i];
        if (!hop_watch_holds_gil(watch, holder->state.addr))
            continue;
        for (size_t j = 0; j < roster->count; j++)
            if (roster->entries[j].task.tid == holder->task.tid)
                roster->entries[j].is_left = j != i;
    }
}
