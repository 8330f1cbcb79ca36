/* Walks _PyRuntime's list of interpreters and their lists of thread states. */
#include "py/threads.h"

/* Copies a field of a struct at `addr`. */
static bool read_field(struct hop_reader *reader, uint64_t addr, int32_t offset, uint64_t *value)
{
    return hop_read_u64(reader, addr + (uint64_t)offset, value);
}

size_t hop_interpreters_list(struct hop_reader *reader, const struct hop_layout *layout,
                             uint64_t runtime_addr, struct hop_interpreter *into, size_t capacity)
{
    size_t count = 0;
    uint64_t addr;
    if (!read_field(reader, runtime_addr, layout->runtime_interpreters_head, &addr))
        return 0;
    while (addr && count < capacity) {
        struct hop_interpreter interpreter = {.addr = addr};
        uint64_t next;
        struct hop_span spans[] = {
            {addr + (uint64_t)layout->interp_id, 8, &interpreter.id},
            {addr + (uint64_t)layout->interp_threads_head, 8, &interpreter.threads_head_addr},
            {addr + (uint64_t)layout->interp_next, 8, &next},
        };
        if (hop_reader_fill(reader, spans, 3) != 3)
            break;
        into[count++] = interpreter;
        addr = next;
    }
    return count;
}

/* The part of a PyThreadState that holds what is asked of it, most often in some 200 bytes from its
 * start: a span costs as much as copying a KiB. */
struct part {
    int32_t first, end;
};
enum { PART_BYTES_MAX = 1024 };

static void widen(struct part *part, int32_t offset)
{
    if (offset == HOP_ABSENT)
        return;
    part->first = offset < part->first ? offset : part->first;
    part->end = offset + 8 > part->end ? offset + 8 : part->end;
}

/* One thread state. */
static bool read_state(struct hop_reader *reader, const struct hop_layout *layout,
                       struct hop_thread_state *state, uint64_t *owner, uint64_t *next)
{
    uint8_t bytes[PART_BYTES_MAX];
    struct part part = {layout->thread_interp, layout->thread_interp + 8};
    widen(&part, layout->thread_next);
    widen(&part, layout->thread_id);
    widen(&part, layout->thread_native_id);
    if (part.end - part.first > PART_BYTES_MAX ||
        !hop_read(reader, state->addr + (uint64_t)part.first, bytes,
                  (size_t)(part.end - part.first)))
        return false;
    const uint8_t *fields = bytes - part.first;
    *owner = hop_u64(fields + layout->thread_interp);
    *next = hop_u64(fields + layout->thread_next);
    state->pthread = hop_u64(fields + layout->thread_id);
    if (layout->thread_native_id != HOP_ABSENT)
        state->native_id = hop_u64(fields + layout->thread_native_id);
    return true;
}

bool hop_thread_state_read(struct hop_reader *reader, const struct hop_layout *layout,
                           const struct hop_interpreter *interpreter, uint64_t addr,
                           struct hop_thread_state *state, uint64_t *next)
{
    uint64_t owner;
    *state = (struct hop_thread_state){.addr = addr, .interpreter_id = interpreter->id};
    return read_state(reader, layout, state, &owner, next) && owner == interpreter->addr;
}

size_t hop_thread_states_list(struct hop_reader *reader, const struct hop_layout *layout,
                              const struct hop_interpreter *interpreter,
                              struct hop_thread_state *into, size_t capacity)
{
    size_t count = 0;
    uint64_t addr = interpreter->threads_head_addr, next;
    for (; addr && count < capacity; addr = next, count++)
        if (!hop_thread_state_read(reader, layout, interpreter, addr, &into[count], &next))
            break;
    return count;
}

struct hop_gil hop_gil_of(const struct hop_layout *layout, uint64_t runtime_addr,
                          const struct hop_interpreter *interpreter)
{
    struct hop_gil gil;
    if (layout->runtime_gil_locked != HOP_ABSENT) {
        gil.locked_addr = runtime_addr + (uint64_t)layout->runtime_gil_locked;
        gil.holder_addr = runtime_addr + (uint64_t)layout->runtime_tstate_current;
    } else {
        gil.locked_addr = interpreter->addr + (uint64_t)layout->interp_gil_locked;
        gil.holder_addr = interpreter->addr + (uint64_t)layout->interp_gil_last_holder;
    }
    return gil;
}
