/* Asks the runtime and the GILs of a target at every tick. */
#include "sample/watch.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
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

void hop_watch_gils(struct hop_watch *watch, const struct hop_roster *roster, bool *has_changed)
{
    enum { SPANS_EACH = 3 };
    struct {
        uint64_t holder, head;
        int32_t locked;
    } found[HOP_INTERPRETERS_MAX];
    struct hop_span spans[HOP_INTERPRETERS_MAX * SPANS_EACH];
    const struct hop_layout *layout = &watch->python->layout;
    size_t count = 0;
    for (size_t i = 0; i < roster->interpreter_count; i++) {
        const struct hop_interpreter *interpreter = &roster->interpreters[i];
        struct hop_gil gil = hop_gil_of(layout, watch->python->runtime_addr, interpreter);
        spans[count++] = (struct hop_span){gil.locked_addr, 4, &found[i].locked};
        spans[count++] = (struct hop_span){gil.holder_addr, 8, &found[i].holder};
        spans[count++] = (struct hop_span){
            interpreter->addr + (uint64_t)layout->interp_threads_head, 8, &found[i].head};
    }
    size_t filled = hop_reader_fill(watch->reader, spans, count) / SPANS_EACH;
    *has_changed |= filled < roster->interpreter_count;
    watch->holder_count = 0;
    for (size_t i = 0; i < filled; i++) {
        *has_changed |= found[i].head != roster->interpreters[i].threads_head_addr;
        /* Up to 3.11 all interpreters share one GIL, which is read once for each. */
        if (found[i].locked == 1 && found[i].holder && !hop_watch_holds_gil(watch, found[i].holder))
            watch->holders[watch->holder_count++] = found[i].holder;
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
