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

size_t hop_thread_states_list(struct hop_reader *reader, const struct hop_layout *layout,
                              const struct hop_interpreter *interpreter,
                              struct hop_thread_state *into, size_t capacity)
{
    size_t count = 0;
    uint64_t addr = interpreter->threads_head_addr;
    while (addr && count < capacity) {
        struct hop_thread_state state = {.addr = addr, .interpreter_id = interpreter->id};
        uint64_t next, owner;
        struct hop_span spans[] = {
            {addr + (uint64_t)layout->thread_interp, 8, &owner},
            {addr + (uint64_t)layout->thread_next, 8, &next},
            {addr + (uint64_t)layout->thread_id, 8, &state.pthread},
            {addr + (uint64_t)layout->thread_native_id, 8, &state.native_id},
        };
        size_t wanted = layout->thread_native_id == HOP_ABSENT ? 3 : 4;
        if (hop_reader_fill(reader, spans, wanted) != wanted || owner != interpreter->addr)
            break;
        into[count++] = state;
        addr = next;
    }
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
