/* Interpreters, threads and frames in a fake address space; see the header. */
#include "support/fake_runtime.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What CPython makes them of (DATA_STACK_CHUNK_SIZE); and like pymalloc's arenas. */
enum { CHUNK_BYTES = 16 << 10, ARENA_BYTES = 1 << 20 };

/* A generator object up to its frame; anything not 0. */
enum { GENERATOR_HEADER_BYTES = 96 };

/* From what is read of the C stack nothing but the frame counts. */
enum { CFRAME_BYTES = 64 };

static void put(const struct fake_memory *memory, uint64_t addr, int32_t offset, uint64_t value)
{
    if (offset != HOP_ABSENT)
        fake_memory_put_u64((struct fake_memory *)memory, addr + (uint64_t)offset, value);
}

static uint64_t get(const struct fake_memory *memory, uint64_t addr, int32_t offset)
{
    return hop_u64(fake_memory_at(memory, addr + (uint64_t)offset, 8));
}

void fake_runtime_init(struct fake_runtime *runtime, struct fake_memory *memory,
                       const struct hop_layout *layout)
{
    *runtime = (struct fake_runtime){.memory = memory, .layout = layout};
    runtime->addr = fake_memory_alloc(memory, NULL, (size_t)layout->runtime_size);
}

uint64_t fake_interpreter_add(struct fake_runtime *runtime, uint64_t id)
{
    const struct hop_layout *layout = runtime->layout;
    struct fake_memory *memory = runtime->memory;
    uint64_t addr = fake_memory_alloc(memory, NULL, (size_t)layout->interp_size);
    put(memory, addr, layout->interp_id, id);
    put(memory, addr, layout->interp_next,
        get(memory, runtime->addr, layout->runtime_interpreters_head));
    put(memory, runtime->addr, layout->runtime_interpreters_head, addr);
    return addr;
}

void fake_gil_set(const struct fake_runtime *runtime, uint64_t interpreter_addr, uint32_t locked,
                  uint64_t holder_addr)
{
    const struct hop_layout *layout = runtime->layout;
    bool is_shared = layout->runtime_gil_locked != HOP_ABSENT;
    uint64_t base = is_shared ? runtime->addr : interpreter_addr;
    fake_memory_put_u32(
        runtime->memory,
        base + (uint64_t)(is_shared ? layout->runtime_gil_locked : layout->interp_gil_locked),
        locked);
    put(runtime->memory, base,
        is_shared ? layout->runtime_tstate_current : layout->interp_gil_last_holder, holder_addr);
}

void fake_thread_init(struct fake_thread *thread, const struct fake_runtime *runtime,
                      uint64_t interpreter_addr, uint64_t pthread, uint64_t native_id)
{
    const struct hop_layout *layout = runtime->layout;
    struct fake_memory *memory = runtime->memory;
    *thread = (struct fake_thread){.memory = memory, .layout = layout};
    thread->addr = fake_memory_alloc(memory, NULL, (size_t)layout->thread_size);
    put(memory, thread->addr, layout->thread_interp, interpreter_addr);
    put(memory, thread->addr, layout->thread_id, pthread);
    put(memory, thread->addr, layout->thread_native_id, native_id);
    put(memory, thread->addr, layout->thread_next,
        get(memory, interpreter_addr, layout->interp_threads_head));
    put(memory, interpreter_addr, layout->interp_threads_head, thread->addr);
    if (layout->frame_root == HOP_ROOT_CFRAME) {
        thread->cframe_addr = fake_memory_alloc(memory, NULL, CFRAME_BYTES);
        put(memory, thread->addr, layout->thread_cframe, thread->cframe_addr);
    }
}

void fake_thread_deinit(struct fake_thread *thread)
{
    free(thread->frames);
    *thread = (struct fake_thread){0};
}

void fake_thread_copy(struct fake_thread *copy, const struct fake_thread *thread,
                      struct fake_memory *memory)
{
    *copy = *thread;
    copy->memory = memory;
    copy->frames = calloc(thread->capacity + 1, sizeof *copy->frames);
    if (thread->depth)
        memcpy(copy->frames, thread->frames, thread->depth * sizeof *copy->frames);
}

/* --- where frames are ------------------------------------------------------------------------ */

static void tell_top(struct fake_thread *thread)
{
    put(thread->memory, thread->addr, thread->layout->thread_datastack_chunk, thread->chunk_addr);
    put(thread->memory, thread->addr, thread->layout->thread_datastack_top, thread->top_addr);
}

/* As CPython: a chunk large enough, twice as large as long as it is not. */
static void add_chunk(struct fake_thread *thread, size_t frame_bytes)
{
    const struct hop_layout *layout = thread->layout;
    size_t bytes = CHUNK_BYTES;
    while (bytes < frame_bytes + (size_t)layout->chunk_data + 8)
        bytes *= 2;
    uint64_t previous = thread->chunk_addr;
    if (previous)
        put(thread->memory, previous, layout->chunk_top, thread->top_addr - previous);
    thread->chunk_addr = fake_memory_alloc(thread->memory, NULL, bytes);
    put(thread->memory, thread->chunk_addr, layout->chunk_previous, previous);
    put(thread->memory, thread->chunk_addr, layout->chunk_bytes, bytes);
    thread->chunk_end_addr = thread->chunk_addr + bytes;
    /* The first word of the first chunk is left out, so that it is never given back. */
    thread->top_addr = thread->chunk_addr + (uint64_t)layout->chunk_data + (previous ? 0 : 8);
}

static uint64_t take_from_stack(struct fake_thread *thread, size_t bytes)
{
    if (!thread->chunk_addr || thread->chunk_end_addr - thread->top_addr < bytes)
        add_chunk(thread, bytes);
    uint64_t addr = thread->top_addr;
    thread->top_addr += bytes;
    tell_top(thread);
    return addr;
}

static void give_back_to_stack(struct fake_thread *thread, uint64_t addr)
{
    const struct hop_layout *layout = thread->layout;
    uint64_t chunk = thread->chunk_addr;
    thread->top_addr = addr;
    if (addr == chunk + (uint64_t)layout->chunk_data) {
        uint64_t previous = get(thread->memory, chunk, layout->chunk_previous);
        thread->chunk_addr = previous;
        thread->chunk_end_addr = previous + get(thread->memory, previous, layout->chunk_bytes);
        thread->top_addr = previous + get(thread->memory, previous, layout->chunk_top);
        fake_memory_unmap(thread->memory, chunk);
    }
    tell_top(thread);
}

static uint64_t take_from_arena(struct fake_thread *thread, size_t bytes)
{
    if (thread->arena_end_addr - thread->arena_addr < bytes) {
        thread->arena_addr = fake_memory_alloc_pages(thread->memory, ARENA_BYTES);
        thread->arena_end_addr = thread->arena_addr + ARENA_BYTES;
    }
    uint64_t addr = thread->arena_addr;
    thread->arena_addr += bytes;
    return addr;
}

/* --- frames ---------------------------------------------------------------------------------- */

static uint64_t innermost(const struct fake_thread *thread)
{
    for (size_t i = thread->depth; i-- > 0;)
        if (thread->frames[i].raw.frame_addr)
            return thread->frames[i].raw.frame_addr;
    return 0;
}

static void tell_innermost(const struct fake_thread *thread)
{
    const struct hop_layout *layout = thread->layout;
    uint64_t addr = innermost(thread);
    put(thread->memory, thread->addr, layout->thread_frame, addr);
    put(thread->memory, thread->addr, layout->thread_current_frame, addr);
    if (thread->cframe_addr)
        put(thread->memory, thread->cframe_addr, layout->cframe_current_frame, addr);
}

static void make_frame_object(struct fake_thread *thread, struct fake_frame *frame, size_t bytes)
{
    const struct hop_layout *layout = thread->layout;
    bool is_generator = frame->kind == FAKE_GENERATOR;
    uint64_t addr = thread->keeps_frame_memory ? take_from_arena(thread, bytes)
                                               : fake_memory_alloc_pages(thread->memory, bytes);
    frame->range_addr = thread->keeps_frame_memory ? 0 : addr;
    frame->raw.frame_addr = addr;
    frame->raw.localsplus_addr = addr + (uint64_t)layout->frame_localsplus;
    frame->raw.gen_addr = is_generator ? addr - GENERATOR_HEADER_BYTES : 0;
    frame->raw.is_generator = is_generator;
    put(thread->memory, addr, layout->frame_code, frame->raw.code_addr);
    put(thread->memory, addr, layout->frame_gen, frame->raw.gen_addr);
    fake_memory_put_u32(thread->memory, addr + (uint64_t)layout->frame_lasti,
                        (uint32_t)frame->raw.ip);
}

static void make_interpreter_frame(struct fake_thread *thread, struct fake_frame *frame,
                                   size_t bytes)
{
    const struct hop_layout *layout = thread->layout;
    uint8_t owner = 0; /* FRAME_OWNED_BY_THREAD */
    uint64_t addr;
    if (frame->kind == FAKE_PLAIN) {
        addr = take_from_stack(thread, bytes);
    } else {
        size_t header = frame->kind == FAKE_GENERATOR ? GENERATOR_HEADER_BYTES : 0;
        frame->range_addr = fake_memory_alloc(thread->memory, NULL, header + bytes);
        addr = frame->range_addr + header;
    }
    if (frame->kind == FAKE_GENERATOR)
        owner = (uint8_t)layout->owner_generator;
    if (frame->kind == FAKE_ENTRY)
        owner = (uint8_t)__builtin_ctz(layout->owners_without_code);
    frame->raw.frame_addr = addr;
    frame->raw.localsplus_addr = addr + (uint64_t)layout->iframe_localsplus;
    frame->raw.is_generator = frame->kind == FAKE_GENERATOR;
    memset(fake_memory_at(thread->memory, addr, bytes), 0, bytes);
    /* With the tag of a reference that is not counted, where there are tags. */
    put(thread->memory, addr, layout->iframe_code,
        frame->raw.code_addr | (~layout->code_pointer_mask & 1));
    put(thread->memory, addr, layout->iframe_ip, frame->raw.ip);
    *fake_memory_at(thread->memory, addr + (uint64_t)layout->iframe_owner, 1) = owner;
}

void fake_frame_link(const struct fake_thread *thread, uint64_t addr, uint64_t previous_addr)
{
    const struct hop_layout *layout = thread->layout;
    bool is_object = layout->frame_root == HOP_ROOT_FRAME_OBJECT;
    put(thread->memory, addr, is_object ? layout->frame_back : layout->iframe_previous,
        previous_addr);
}

uint64_t fake_frame_push(struct fake_thread *thread, enum fake_frame_kind kind, uint64_t code_addr,
                         uint64_t ip, size_t slots)
{
    const struct hop_layout *layout = thread->layout;
    uint64_t previous = innermost(thread);
    if (thread->depth == thread->capacity) {
        thread->capacity = thread->capacity ? 2 * thread->capacity : 64;
        thread->frames = realloc(thread->frames, thread->capacity * sizeof *thread->frames);
    }
    struct fake_frame *frame = &thread->frames[thread->depth++];
    *frame = (struct fake_frame){.kind = kind, .raw = {.code_addr = code_addr, .ip = ip}};
    if (kind == FAKE_ENTRY && !layout->owners_without_code)
        return 0;
    if (layout->frame_root == HOP_ROOT_FRAME_OBJECT)
        make_frame_object(thread, frame, (size_t)layout->frame_size + 8 * slots);
    else /* there is a stack of one word at least */
        make_interpreter_frame(thread, frame, (size_t)layout->iframe_size + 8 * (slots + 1));
    fake_frame_link(thread, frame->raw.frame_addr, previous);
    tell_innermost(thread);
    return frame->raw.frame_addr;
}

void fake_frame_pop(struct fake_thread *thread)
{
    struct fake_frame *frame = &thread->frames[--thread->depth];
    if (!frame->raw.frame_addr)
        return;
    if (frame->range_addr)
        fake_memory_unmap(thread->memory, frame->range_addr);
    else if (frame->raw.frame_addr < thread->arena_addr &&
             thread->arena_addr - frame->raw.frame_addr < ARENA_BYTES)
        thread->arena_addr = frame->raw.frame_addr; /* the next one is there again */
    else if (thread->layout->frame_root != HOP_ROOT_FRAME_OBJECT)
        give_back_to_stack(thread, frame->raw.frame_addr);
    tell_innermost(thread);
}

/* --- what a walk should find ----------------------------------------------------------------- */

static bool is_same_frame(const struct hop_raw_frame *a, const struct hop_raw_frame *b)
{
    return a->code_addr == b->code_addr && a->ip == b->ip && a->frame_addr == b->frame_addr &&
           a->localsplus_addr == b->localsplus_addr && a->gen_addr == b->gen_addr &&
           a->is_generator == b->is_generator;
}

bool is_stack_of(const struct fake_thread *thread, const struct hop_raw_stack *stack)
{
    size_t at = 0;
    for (size_t i = thread->depth; i-- > 0;) {
        if (thread->frames[i].kind == FAKE_ENTRY)
            continue;
        if (at == stack->depth || !is_same_frame(&thread->frames[i].raw, &stack->frames[at]))
            return false;
        at++;
    }
    return at == stack->depth;
}

void assert_stack_of(const struct fake_thread *thread, const struct hop_raw_stack *stack)
{
    cr_assert(is_stack_of(thread, stack), "3.%d: another stack: %zu frames found, %zu pushed",
              thread->layout->minor, stack->depth, thread->depth);
}
