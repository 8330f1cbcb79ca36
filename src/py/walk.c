/* Follows a thread's chain of frames through copied memory: one window over the stack chunk from
 * 3.11 on, the pages where frame objects were lately before. */
#include "py/walk.h"

#include "base/pages.h"

#include <stdlib.h>

/* What a thread may have pushed since the last look, and is read on the guess with it. */
enum { WINDOW_SLACK_BYTES = 1 << 10 };

/* A PyThreadState is a few hundred bytes up to the fields we want (3.14: 0x2d0). More would be a
 * layout file gone wrong. */
enum { THREAD_BYTES_MAX = 4096, FRAME_BYTES_MAX = HOP_OBJECT_BYTES_MAX };

/* A chain that is read while it changes may lead in circles, for as long as the depth's limit lets
 * it: a hundred thousand frames. Brent's way to notice it: the address of each step whose number is
 * a power of two is kept, and compared with those after it. */
struct circle {
    uint64_t kept_addr;
    size_t steps, next_kept;
};

static bool closes_a_circle(struct circle *circle, uint64_t addr)
{
    if (addr && addr == circle->kept_addr)
        return true;
    if (circle->steps++ == circle->next_kept) {
        circle->kept_addr = addr;
        circle->next_kept = circle->next_kept * 2 + 1;
    }
    return false;
}

static void widen(int32_t offset, int32_t *from, int32_t *to)
{
    if (offset == HOP_ABSENT)
        return;
    if (*from < 0 || offset < *from)
        *from = offset;
    if (offset + 8 > *to)
        *to = offset + 8;
}

bool hop_walker_init(struct hop_walker *walker, struct hop_reader *reader,
                     const struct hop_layout *layout)
{
    *walker = (struct hop_walker){.reader = reader, .layout = layout};
    int32_t from = -1, to = 0;
    widen(layout->thread_interp, &from, &to);
    widen(layout->thread_frame, &from, &to);
    widen(layout->thread_cframe, &from, &to);
    widen(layout->thread_exc_info, &from, &to);
    widen(layout->thread_current_frame, &from, &to);
    widen(layout->thread_datastack_chunk, &from, &to);
    widen(layout->thread_datastack_top, &from, &to);
    widen(layout->thread_id, &from, &to);
    widen(layout->thread_native_id, &from, &to);
    walker->thread_from = from;
    walker->thread_bytes = (size_t)(to - from);

    int32_t first = 0, end = 0;
    if (layout->frame_root == HOP_ROOT_FRAME_OBJECT) {
        widen(layout->frame_back, &first, &end);
        widen(layout->frame_code, &first, &end);
        widen(layout->frame_lasti, &first, &end);
        widen(layout->frame_gen, &first, &end);
    } else {
        widen(layout->iframe_code, &first, &end);
        widen(layout->iframe_previous, &first, &end);
        widen(layout->iframe_ip, &first, &end);
        widen(layout->iframe_owner, &first, &end);
    }
    walker->frame_bytes = (size_t)end;
    if (walker->thread_bytes > THREAD_BYTES_MAX || walker->frame_bytes > FRAME_BYTES_MAX)
        return false;
    bool has_objects = layout->frame_root == HOP_ROOT_FRAME_OBJECT;
    walker->window = malloc(HOP_WINDOW_BYTES);
    walker->stack.frames = hop_pages_map(HOP_DEPTH_MAX * sizeof *walker->stack.frames);
    if (walker->window && walker->stack.frames &&
        (!has_objects || hop_object_pages_init(&walker->object_pages, reader)))
        return true;
    hop_walker_deinit(walker);
    return false;
}

void hop_walker_deinit(struct hop_walker *walker)
{
    free(walker->window);
    hop_object_pages_deinit(&walker->object_pages);
    hop_pages_unmap(walker->stack.frames, HOP_DEPTH_MAX * sizeof *walker->stack.frames);
    *walker = (struct hop_walker){0};
}

/* --- 3.11 and later: _PyInterpreterFrame ----------------------------------------------------- */

/* `size` bytes at `addr` from the window, or NULL when they are not wholly in it. */
static const uint8_t *in_window(const struct hop_walker *walker, uint64_t addr, size_t size)
{
    uint64_t at = addr - walker->window_addr;
    if (addr < walker->window_addr || at > walker->window_bytes || walker->window_bytes - at < size)
        return NULL;
    return walker->window + at;
}

/* The stack chunks, from the newest to older ones, as the walk goes down them. */
struct chunk {
    uint64_t addr; /* 0: none left */
    uint64_t end_addr;
    uint64_t previous_addr;
};

static void read_chunk(struct hop_walker *walker, uint64_t addr, struct chunk *chunk)
{
    const struct hop_layout *layout = walker->layout;
    uint64_t previous = 0, bytes = 0;
    *chunk = (struct chunk){0};
    if (!addr)
        return;
    uint64_t previous_addr = addr + (uint64_t)layout->chunk_previous;
    uint64_t bytes_addr = addr + (uint64_t)layout->chunk_bytes;
    const uint8_t *previous_bytes = in_window(walker, previous_addr, 8);
    const uint8_t *bytes_bytes = in_window(walker, bytes_addr, 8);
    if (previous_bytes && bytes_bytes) {
        previous = hop_u64(previous_bytes);
        bytes = hop_u64(bytes_bytes);
    } else {
        struct hop_span spans[] = {{previous_addr, 8, &previous}, {bytes_addr, 8, &bytes}};
        walker->reads++;
        if (hop_reader_fill(walker->reader, spans, 2) != 2)
            return;
    }
    if (addr + bytes > addr)
        *chunk = (struct chunk){addr, addr + bytes, previous};
}

/* Moves the window so that it ends with the frame at `addr`: older frames lie below it. */
static const uint8_t *slide_window(struct hop_walker *walker, const struct chunk *chunk,
                                   uint64_t addr)
{
    uint64_t end = addr + walker->frame_bytes;
    uint64_t start = end - chunk->addr > HOP_WINDOW_BYTES ? end - HOP_WINDOW_BYTES : chunk->addr;
    walker->window_addr = start;
    walker->window_bytes = 0;
    walker->reads++;
    if (!hop_read(walker->reader, start, walker->window, (size_t)(end - start)))
        return NULL;
    walker->window_bytes = (size_t)(end - start);
    return walker->window + (addr - start);
}

/* The frame at `addr`: from the window, from its stack chunk, or (generators, entry frames on the C
 * stack) read by itself into `spare`. */
static const uint8_t *find_frame(struct hop_walker *walker, struct chunk *chunk, uint64_t addr,
                                 uint8_t *spare)
{
    const uint8_t *bytes = in_window(walker, addr, walker->frame_bytes);
    if (bytes)
        return bytes;
    if (chunk->addr && addr >= chunk->addr && addr + walker->frame_bytes <= chunk->end_addr)
        return slide_window(walker, chunk, addr);
    if (chunk->previous_addr) {
        struct chunk older;
        read_chunk(walker, chunk->previous_addr, &older);
        if (older.addr && addr >= older.addr && addr + walker->frame_bytes <= older.end_addr) {
            *chunk = older;
            return slide_window(walker, chunk, addr);
        }
    }
    walker->reads++;
    return hop_read(walker->reader, addr, spare, walker->frame_bytes) ? spare : NULL;
}

/* Whether a frame lies in the newest chunk above what is in use of it: it has been freed. In 3.11
 * and 3.12 `current_frame` may lead to one: for a moment after a frame was popped (3.11:
 * pop_frame()), and on entering the eval loop, where `tstate->cframe` points at a struct that is
 * not yet filled and still holds what was there before. Under it is, either way, the innermost
 * frame that is in use. */
static bool is_freed(const struct hop_walker *walker, const struct chunk *newest, uint64_t top_addr,
                     uint64_t addr)
{
    return walker->layout->frame_root == HOP_ROOT_CFRAME && newest->addr && addr >= top_addr &&
           top_addr > newest->addr && addr < newest->end_addr;
}

static enum hop_refusal walk_interpreter_frames(struct hop_walker *walker, uint64_t addr,
                                                uint64_t chunk_addr, uint64_t top_addr)
{
    const struct hop_layout *layout = walker->layout;
    struct hop_raw_stack *stack = &walker->stack;
    uint8_t spare[FRAME_BYTES_MAX];
    struct circle circle = {0};
    struct chunk chunk;
    bool bottom_is_sound = true;
    /* Cycles end at the depth limit; entry frames are not counted in the depth, so they have a
     * limit of their own. */
    size_t steps_left = 2 * (size_t)HOP_DEPTH_MAX;

    read_chunk(walker, chunk_addr, &chunk);
    const struct chunk newest = chunk;
    stack->depth = 0;
    walker->went_in_a_circle = false;
    while (addr) {
        if (!steps_left--)
            return HOP_REFUSED_BROKEN_CHAIN;
        if (walker->believes_bottom && addr == walker->bottom_addr)
            return HOP_TAKEN;
        uint64_t frame_addr = addr;
        const uint8_t *bytes = find_frame(walker, &chunk, addr, spare);
        if (!bytes)
            return HOP_REFUSED_UNREADABLE;
        uint8_t owner = bytes[layout->iframe_owner];
        bool has_code = owner >= 32 || !(layout->owners_without_code >> owner & 1);
        if (is_freed(walker, &newest, top_addr, addr)) {
            if (stack->depth)
                return HOP_REFUSED_BROKEN_CHAIN;
        } else if (has_code) {
            if (stack->depth == HOP_DEPTH_MAX)
                return HOP_REFUSED_TOO_DEEP;
            bool is_generator = owner == layout->owner_generator;
            stack->frames[stack->depth++] = (struct hop_raw_frame){
                .code_addr = hop_u64(bytes + layout->iframe_code) & layout->code_pointer_mask,
                .ip = hop_u64(bytes + layout->iframe_ip),
                .frame_addr = addr,
                .localsplus_addr = addr + (uint64_t)layout->iframe_localsplus,
                .is_generator = is_generator,
            };
            /* Where the eval loop puts an entry frame under every call from C (3.12+), only such a
             * frame is a bottom. In 3.11 any frame may be one, but a generator that ends the chain
             * has just been unlinked, or is about to be linked. */
            bottom_is_sound = !layout->owners_without_code && !is_generator;
        } else {
            bottom_is_sound = true;
            walker->bottom_addr = hop_u64(bytes + layout->iframe_previous) ? 0 : frame_addr;
        }
        addr = hop_u64(bytes + layout->iframe_previous);
        if (closes_a_circle(&circle, addr)) {
            walker->went_in_a_circle = true;
            return HOP_REFUSED_BROKEN_CHAIN;
        }
    }
    return bottom_is_sound ? HOP_TAKEN : HOP_REFUSED_BROKEN_CHAIN;
}

/* The bytes that a frame of this code object takes on the data stack; 0: it is none. */
static uint64_t frame_size(struct hop_walker *walker, uint64_t code_addr)
{
    const struct hop_layout *layout = walker->layout;
    uint8_t locals[4], stack[4];
    struct hop_span spans[] = {{code_addr + (uint64_t)layout->code_nlocalsplus, 4, locals},
                               {code_addr + (uint64_t)layout->code_stacksize, 4, stack}};
    walker->reads++;
    if (hop_reader_fill(walker->reader, spans, 2) != 2 || hop_i32(locals) < 0 || hop_i32(stack) < 0)
        return 0;
    return (uint64_t)layout->iframe_size +
           8 * ((uint64_t)hop_i32(locals) + (uint64_t)hop_i32(stack));
}

/* On entering the eval loop 3.11 and 3.12 point `tstate->cframe` at a struct of their own and fill
 * it some ten instructions later (gcc puts both members into one store). A thread that stands there
 * executes nothing of its new frame yet: its stack is the caller's. What the struct happens to hold
 * of an earlier life leads to the caller, most often; it is believed when the frame found is the
 * one that the data stack ends with, but for the new one. */
static enum hop_refusal walk_from_caller(struct hop_walker *walker, uint64_t cframe_addr,
                                         uint64_t chunk_addr, uint64_t top_addr)
{
    const struct hop_layout *layout = walker->layout;
    const struct hop_raw_stack *stack = &walker->stack;
    uint64_t previous_addr, frame_addr, code_addr;
    walker->reads += 2;
    if (!hop_read_u64(walker->reader, cframe_addr + (uint64_t)layout->cframe_previous,
                      &previous_addr) ||
        !hop_read_u64(walker->reader, previous_addr + (uint64_t)layout->cframe_current_frame,
                      &frame_addr))
        return HOP_REFUSED_UNREADABLE;
    enum hop_refusal refusal = walk_interpreter_frames(walker, frame_addr, chunk_addr, top_addr);
    if (refusal != HOP_TAKEN)
        return refusal;
    /* A generator lies elsewhere. Its frame is linked while it is executed only, so that one that
     * leads to the bottom is on the stack. */
    size_t at = 0;
    while (at < stack->depth && stack->frames[at].is_generator)
        at++;
    if (at == stack->depth)
        return HOP_REFUSED_BROKEN_CHAIN;
    uint64_t end_addr =
        stack->frames[at].frame_addr + frame_size(walker, stack->frames[at].code_addr);
    if (end_addr == top_addr) /* the new one is a generator's, which lies elsewhere */
        return HOP_TAKEN;
    walker->reads++;
    if (end_addr > top_addr ||
        !hop_read_u64(walker->reader, end_addr + (uint64_t)layout->iframe_code, &code_addr) ||
        end_addr + frame_size(walker, code_addr) != top_addr)
        return HOP_REFUSED_BROKEN_CHAIN;
    return HOP_TAKEN;
}

/* What a walk comes to that starts from a struct not yet filled: what lay on the C stack before,
 * most often a struct of an earlier call, else anything: an object leads to its type, that to the
 * type of types, and this to itself. In 3.11 a generator always has an eval loop of its own, and so
 * is linked in one store with the rest; in 3.12 one that is alone in its chain may as well be
 * called by the same eval loop. */
static bool is_of_unfilled_struct(const struct hop_walker *walker, enum hop_refusal refusal)
{
    return refusal == HOP_REFUSED_UNREADABLE || refusal == HOP_REFUSED_TOO_DEEP ||
           (refusal == HOP_REFUSED_BROKEN_CHAIN &&
            (walker->went_in_a_circle || walker->layout->minor == 11));
}

/* Starts the walk at the last frame of the data stack, found by going up the newest chunk; where
 * `is_fresh`, at the one below, and the last must be a frame that has not begun. For when no
 * generator runs: then the innermost frame that is linked is on the data stack. */
static enum hop_refusal walk_from_last(struct hop_walker *walker, uint64_t chunk_addr,
                                       uint64_t top_addr, bool is_fresh)
{
    const struct hop_layout *layout = walker->layout;
    uint64_t older_addr, code_addr = 0, ip, last_addr = 0, below_addr = 0;
    walker->reads++;
    if (!hop_read_u64(walker->reader, chunk_addr + (uint64_t)layout->chunk_previous, &older_addr))
        return HOP_REFUSED_UNREADABLE;
    /* The first word of the first chunk is left out. */
    uint64_t addr = chunk_addr + (uint64_t)layout->chunk_data + (older_addr ? 0 : 8);
    for (uint64_t size; addr < top_addr; addr += size) {
        walker->reads++;
        if (top_addr - addr > HOP_WINDOW_BYTES ||
            !hop_read_u64(walker->reader, addr + (uint64_t)layout->iframe_code, &code_addr) ||
            !(size = frame_size(walker, code_addr)))
            return HOP_REFUSED_UNREADABLE;
        below_addr = last_addr;
        last_addr = addr;
    }
    if (addr != top_addr)
        return HOP_REFUSED_BROKEN_CHAIN;
    if (is_fresh) {
        /* `prev_instr` is one code unit before the first. */
        walker->reads++;
        if (!last_addr ||
            !hop_read_u64(walker->reader, last_addr + (uint64_t)layout->iframe_ip, &ip) ||
            ip != code_addr + (uint64_t)layout->code_adaptive - 2)
            return HOP_REFUSED_BROKEN_CHAIN;
        last_addr = below_addr;
    }
    return last_addr ? walk_interpreter_frames(walker, last_addr, chunk_addr, top_addr)
                     : HOP_REFUSED_BROKEN_CHAIN;
}

/* A generator that yields in 3.12 is alone in its chain for a moment: gcc clears its `previous`
 * before it makes the caller current. It has given back `exc_info` by then. */
static bool is_yielding(const struct hop_walker *walker, enum hop_refusal refusal)
{
    const struct hop_raw_stack *stack = &walker->stack;
    return refusal == HOP_REFUSED_BROKEN_CHAIN && walker->layout->minor == 12 &&
           stack->depth == 1 && stack->frames[0].is_generator;
}

/* `fields` + an offset is that field of the thread state. */
static void keep_ids(struct hop_walker *walker, const uint8_t *fields)
{
    const struct hop_layout *layout = walker->layout;
    walker->has_ids = true;
    walker->pthread = hop_u64(fields + layout->thread_id);
    walker->native_id =
        layout->thread_native_id == HOP_ABSENT ? 0 : hop_u64(fields + layout->thread_native_id);
}

static enum hop_refusal walk_from_interpreter_frame(struct hop_walker *walker, uint64_t thread_addr)
{
    const struct hop_layout *layout = walker->layout;
    uint8_t thread[THREAD_BYTES_MAX];
    uint64_t cframe_frame_addr = 0;
    bool uses_cframe = layout->frame_root == HOP_ROOT_CFRAME;
    struct hop_span spans[3];
    size_t count = 0, cframe_at = SIZE_MAX, window_at = SIZE_MAX;

    /* One call for what is needed and what is guessed; the guesses last, as the kernel stops at the
     * first span it can't fill. */
    spans[count++] = (struct hop_span){thread_addr + (uint64_t)walker->thread_from,
                                       walker->thread_bytes, thread};
    bool has_guess = walker->guess_thread_addr == thread_addr;
    if (has_guess && uses_cframe && walker->guess_cframe_addr) {
        cframe_at = count;
        spans[count++] =
            (struct hop_span){walker->guess_cframe_addr + (uint64_t)layout->cframe_current_frame, 8,
                              &cframe_frame_addr};
    }
    if (has_guess && walker->guess_window_bytes) {
        window_at = count;
        spans[count++] = (struct hop_span){walker->guess_window_addr, walker->guess_window_bytes,
                                           walker->window};
    }
    walker->reads++;
    size_t filled = hop_reader_fill(walker->reader, spans, count);
    walker->guess_thread_addr = 0;
    walker->window_bytes = 0;
    if (filled == 0)
        return HOP_REFUSED_UNREADABLE;
    if (window_at < filled) {
        walker->window_addr = walker->guess_window_addr;
        walker->window_bytes = walker->guess_window_bytes;
    }

    const uint8_t *fields = thread - walker->thread_from;
    keep_ids(walker, fields);
    uint64_t chunk_addr = hop_u64(fields + layout->thread_datastack_chunk);
    uint64_t top_addr = hop_u64(fields + layout->thread_datastack_top);
    uint64_t frame_addr = 0;
    if (uses_cframe) {
        uint64_t cframe_addr = hop_u64(fields + layout->thread_cframe);
        if (!cframe_addr) {
            walker->stack.depth = 0;
            return HOP_TAKEN;
        }
        if (cframe_at < filled && cframe_addr == walker->guess_cframe_addr) {
            frame_addr = cframe_frame_addr;
        } else {
            walker->reads++;
            if (!hop_read_u64(walker->reader, cframe_addr + (uint64_t)layout->cframe_current_frame,
                              &frame_addr))
                return HOP_REFUSED_UNREADABLE;
        }
        walker->guess_cframe_addr = cframe_addr;
    } else {
        frame_addr = hop_u64(fields + layout->thread_current_frame);
    }
    if (walker->window_bytes &&
        (chunk_addr != walker->guess_window_addr || !in_window(walker, frame_addr, 1)))
        walker->window_bytes = 0;

    enum hop_refusal refusal = walk_interpreter_frames(walker, frame_addr, chunk_addr, top_addr);
    if (uses_cframe && refusal != HOP_TAKEN) {
        bool no_generator_runs = hop_u64(fields + layout->thread_exc_info) ==
                                 thread_addr + (uint64_t)layout->thread_exc_state;
        bool is_unfilled = is_of_unfilled_struct(walker, refusal);
        bool may_yield = is_yielding(walker, refusal);
        if ((no_generator_runs && (is_unfilled || may_yield) &&
             walk_from_last(walker, chunk_addr, top_addr, is_unfilled) == HOP_TAKEN) ||
            (is_unfilled && walk_from_caller(walker, walker->guess_cframe_addr, chunk_addr,
                                             top_addr) == HOP_TAKEN))
            refusal = HOP_TAKEN;
    }
    walker->guess_thread_addr = thread_addr;
    walker->guess_window_addr = chunk_addr;
    walker->guess_window_bytes = 0;
    if (chunk_addr && top_addr > chunk_addr && top_addr - chunk_addr <= HOP_WINDOW_BYTES) {
        size_t used = (size_t)(top_addr - chunk_addr) + WINDOW_SLACK_BYTES;
        walker->guess_window_bytes = used < HOP_WINDOW_BYTES ? used : HOP_WINDOW_BYTES;
    }
    return refusal;
}

/* --- 3.8 to 3.10: PyFrameObject -------------------------------------------------------------- */

static enum hop_refusal walk_frame_objects(struct hop_walker *walker, uint64_t thread_addr)
{
    const struct hop_layout *layout = walker->layout;
    struct hop_raw_stack *stack = &walker->stack;
    struct hop_object_pages *pages = &walker->object_pages;
    uint8_t thread[THREAD_BYTES_MAX];
    struct circle circle = {0};
    const struct hop_span state = {thread_addr + (uint64_t)walker->thread_from,
                                   walker->thread_bytes, thread};
    size_t depth = 0;
    bool bottom_is_sound = true;

    stack->depth = 0;
    if (!hop_object_pages_open(pages, thread_addr, &state))
        return HOP_REFUSED_UNREADABLE;
    keep_ids(walker, thread - walker->thread_from);
    uint64_t addr = hop_u64(thread - walker->thread_from + layout->thread_frame);
    walker->guess_frame_addr = addr;
    while (addr) {
        if (depth == HOP_DEPTH_MAX)
            return HOP_REFUSED_TOO_DEEP;
        const uint8_t *bytes = hop_object_pages_find(pages, addr, walker->frame_bytes);
        if (!bytes)
            return HOP_REFUSED_UNREADABLE;
        uint64_t gen_addr = hop_u64(bytes + layout->frame_gen);
        stack->frames[depth++] = (struct hop_raw_frame){
            .code_addr = hop_u64(bytes + layout->frame_code),
            .ip = (uint64_t)(int64_t)hop_i32(bytes + layout->frame_lasti),
            .frame_addr = addr,
            .localsplus_addr = addr + (uint64_t)layout->frame_localsplus,
            .gen_addr = gen_addr,
            .is_generator = gen_addr != 0,
        };
        /* A generator at the bottom has just been unlinked from its caller. */
        bottom_is_sound = gen_addr == 0;
        addr = hop_u64(bytes + layout->frame_back);
        if (closes_a_circle(&circle, addr))
            return HOP_REFUSED_BROKEN_CHAIN;
    }
    stack->depth = depth;
    return bottom_is_sound ? HOP_TAKEN : HOP_REFUSED_BROKEN_CHAIN;
}

uint64_t hop_walker_guess_addr(const struct hop_walker *walker)
{
    if (walker->layout->frame_root != HOP_ROOT_FRAME_OBJECT)
        return walker->guess_window_addr;
    return hop_object_pages_span_of(&walker->object_pages, walker->guess_frame_addr);
}

enum hop_refusal hop_walk(struct hop_walker *walker, uint64_t thread_addr)
{
    walker->has_ids = false;
    if (walker->layout->frame_root != HOP_ROOT_FRAME_OBJECT)
        return walk_from_interpreter_frame(walker, thread_addr);
    uint64_t calls_before = walker->object_pages.calls;
    enum hop_refusal refusal = walk_frame_objects(walker, thread_addr);
    walker->reads += walker->object_pages.calls - calls_before;
    return refusal;
}
