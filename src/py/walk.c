/* Follows a thread's chain of frames through copied memory: the stack's chunks from 3.11 on, the
 * pages where frame objects were lately before. */
#include "py/walk.h"

#include <stdlib.h>

/* What a thread may push until the next look, and is read on the guess with what it needed. */
enum { SLACK_BYTES = 256 };

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
    walker->window_bytes = malloc(HOP_WINDOW_BYTES);
    walker->instants = 1;
    if (walker->window_bytes && hop_trail_init(&walker->trail) &&
        (has_objects ? hop_object_pages_init(&walker->object_pages, reader)
                     : hop_ahead_init(&walker->ahead, reader)))
        return true;
    hop_walker_deinit(walker);
    return false;
}

void hop_walker_deinit(struct hop_walker *walker)
{
    free(walker->window_bytes);
    hop_object_pages_deinit(&walker->object_pages);
    hop_ahead_deinit(&walker->ahead);
    hop_trail_deinit(&walker->trail);
    *walker = (struct hop_walker){0};
}

/* --- 3.11 and later: _PyInterpreterFrame ----------------------------------------------------- */

/* Reads what was not foreseen. That is of now: where other instants than one were read at once it
 * does not belong to the one that is looked at. */
static bool read_now(struct hop_walker *walker, const struct hop_span *spans, size_t count)
{
    if (walker->ahead.copies > 1) {
        walker->is_late = walker->was_late = true;
        return false;
    }
    walker->reads++;
    return hop_reader_fill(walker->reader, spans, count) == count;
}

static bool read_word_now(struct hop_walker *walker, uint64_t addr, uint64_t *value)
{
    const struct hop_span span = {addr, sizeof *value, value};
    return read_now(walker, &span, 1);
}

/* `size` bytes at `addr`, or NULL where they are not wholly in the region. */
static inline const uint8_t *in_region(const struct hop_walker_region *region, uint64_t addr,
                                       size_t size)
{
    uint64_t at = addr - region->addr;
    return addr >= region->addr && at <= region->bytes && region->bytes - at >= size
               ? region->at + at
               : NULL;
}

/* The same of all that has been copied; makes the region where they are the one in use. */
static const uint8_t *in_hand(struct hop_walker *walker, uint64_t addr, size_t size)
{
    const uint8_t *bytes = in_region(&walker->region, addr, size);
    if (bytes)
        return bytes;
    const struct hop_ahead_span *span = hop_ahead_find(&walker->ahead, addr, size);
    if (span)
        walker->region = (struct hop_walker_region){span->addr, span->held,
                                                    hop_ahead_bytes(&walker->ahead, span)};
    else if (in_region(&walker->window, addr, size))
        walker->region = walker->window;
    else
        return NULL;
    return in_region(&walker->region, addr, size);
}

/* The stack chunks, from the newest to older ones, as the walk goes down them. */
struct chunk {
    uint64_t addr; /* 0: none left */
    uint64_t end_addr;
    uint64_t previous_addr;
};

/* `is_free`: only if that needs no read. */
static void read_chunk(struct hop_walker *walker, uint64_t addr, bool is_free, struct chunk *chunk)
{
    const struct hop_layout *layout = walker->layout;
    uint64_t previous = 0, bytes = 0;
    *chunk = (struct chunk){0};
    if (!addr)
        return;
    uint64_t previous_addr = addr + (uint64_t)layout->chunk_previous;
    uint64_t bytes_addr = addr + (uint64_t)layout->chunk_bytes;
    const uint8_t *previous_bytes = in_hand(walker, previous_addr, 8);
    const uint8_t *bytes_bytes = previous_bytes ? in_hand(walker, bytes_addr, 8) : NULL;
    if (bytes_bytes) {
        previous = hop_u64(previous_bytes);
        bytes = hop_u64(bytes_bytes);
    } else {
        struct hop_span spans[] = {{previous_addr, 8, &previous}, {bytes_addr, 8, &bytes}};
        if (is_free || !read_now(walker, spans, 2))
            return;
    }
    if (addr + bytes > addr)
        *chunk = (struct chunk){addr, addr + bytes, previous};
}

static bool has_frame(const struct hop_walker *walker, const struct chunk *chunk, uint64_t addr)
{
    return chunk->addr && addr >= chunk->addr && addr + walker->frame_bytes <= chunk->end_addr;
}

/* Goes down to the chunk that has the frame at `addr`: through those that are in hand, and to one
 * more. False: it is in none of these, and *chunk is what it was. */
static bool find_chunk(struct hop_walker *walker, uint64_t addr, struct chunk *chunk)
{
    struct chunk at = *chunk;
    for (size_t left = HOP_AHEAD_SPANS; left && !has_frame(walker, &at, addr); left--) {
        struct chunk older;
        read_chunk(walker, at.previous_addr, true, &older);
        if (!older.addr) {
            read_chunk(walker, at.previous_addr, false, &older);
            left = 1;
        }
        at = older;
    }
    if (!has_frame(walker, &at, addr))
        return false;
    *chunk = at;
    return true;
}

/* Reads the stack up to the end of the frame at `addr`: older frames lie below it. */
static const uint8_t *slide_window(struct hop_walker *walker, const struct chunk *chunk,
                                   uint64_t addr)
{
    uint64_t end = addr + walker->frame_bytes;
    uint64_t start = end - chunk->addr > HOP_WINDOW_BYTES ? end - HOP_WINDOW_BYTES : chunk->addr;
    uint64_t slack = chunk->end_addr - end < SLACK_BYTES ? chunk->end_addr - end : SLACK_BYTES;
    const struct hop_span span = {start, (size_t)(end - start), walker->window_bytes};
    hop_ahead_want(&walker->ahead, start, span.size, (size_t)slack);
    walker->region = walker->window = (struct hop_walker_region){0};
    if (!read_now(walker, &span, 1))
        return NULL;
    walker->region = walker->window =
        (struct hop_walker_region){start, span.size, walker->window_bytes};
    return walker->window_bytes + (addr - start);
}

/* The frame at `addr`: in hand, read with its stack chunk, or (generators, entry frames on the C
 * stack) by itself into `spare`. */
static const uint8_t *find_frame(struct hop_walker *walker, struct chunk *chunk, uint64_t addr,
                                 uint8_t *spare)
{
    const uint8_t *bytes = in_hand(walker, addr, walker->frame_bytes);
    if (bytes) {
        hop_ahead_use(&walker->ahead, addr + walker->frame_bytes);
        return bytes;
    }
    if (find_chunk(walker, addr, chunk))
        return slide_window(walker, chunk, addr);
    const struct hop_span span = {addr, walker->frame_bytes, spare};
    hop_ahead_want(&walker->ahead, addr, span.size, 0);
    return read_now(walker, &span, 1) ? spare : NULL;
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

/* Goes on as long as the frames are those of the last stack, and what they were. Returns where that
 * ends. Most of a deep stack is gone through here, so all that stays the same is at hand. */
static uint64_t follow_trail(struct hop_walker *walker, uint64_t addr, const struct chunk *newest,
                             uint64_t top_addr)
{
    const struct hop_layout *layout = walker->layout;
    const size_t ip = (size_t)layout->iframe_ip, previous = (size_t)layout->iframe_previous,
                 code = (size_t)layout->iframe_code, owner = (size_t)layout->iframe_owner;
    const uint64_t mask = layout->code_pointer_mask;
    const bool may_be_freed = layout->frame_root == HOP_ROOT_CFRAME;
    const struct hop_walker_region region = walker->region;
    struct hop_trail *trail = &walker->trail;
    if (!trail->is_in_run || region.bytes < walker->frame_bytes)
        return addr;
    const uint64_t last_at = region.bytes - walker->frame_bytes;
    const struct hop_raw_frame *frame = trail->all + trail->next;
    const struct hop_raw_frame *const end = trail->all + trail->limit;
    for (; frame < end && frame->frame_addr == addr && addr - region.addr <= last_at; frame++) {
        const uint8_t *bytes = region.at + (addr - region.addr);
        uint64_t differences =
            (hop_u64(bytes + ip) ^ frame->ip) | (hop_u64(bytes + previous) ^ frame->previous_addr) |
            ((hop_u64(bytes + code) & mask) ^ frame->code_addr) | (bytes[owner] ^ frame->owner);
        if (differences || (may_be_freed && is_freed(walker, newest, top_addr, addr)))
            break;
        addr = frame->previous_addr;
    }
    trail->next = (size_t)(frame - trail->all);
    return addr;
}

static enum hop_refusal follow_chain(struct hop_walker *walker, uint64_t addr, uint64_t chunk_addr,
                                     uint64_t top_addr)
{
    const struct hop_layout *layout = walker->layout;
    struct hop_trail *trail = &walker->trail;
    uint8_t spare[FRAME_BYTES_MAX];
    struct circle circle = {0};
    struct chunk chunk;
    bool bottom_is_sound = true;
    /* Cycles end at the depth limit; entry frames are not counted in the depth, so they have a
     * limit of their own. */
    size_t steps_left = 2 * (size_t)HOP_DEPTH_MAX;

    read_chunk(walker, chunk_addr, false, &chunk);
    const struct chunk newest = chunk;
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
        addr = hop_u64(bytes + layout->iframe_previous);
        if (is_freed(walker, &newest, top_addr, frame_addr)) {
            if (hop_trail_depth(trail))
                return HOP_REFUSED_BROKEN_CHAIN;
        } else if (has_code) {
            const struct hop_raw_frame frame = {
                .code_addr = hop_u64(bytes + layout->iframe_code) & layout->code_pointer_mask,
                .ip = hop_u64(bytes + layout->iframe_ip),
                .frame_addr = frame_addr,
                .previous_addr = addr,
                .localsplus_addr = frame_addr + (uint64_t)layout->iframe_localsplus,
                .is_generator = owner == layout->owner_generator,
                .owner = owner,
            };
            if (!hop_trail_add(trail, &frame))
                return HOP_REFUSED_TOO_DEEP;
            addr = follow_trail(walker, addr, &newest, top_addr);
            /* Where the eval loop puts an entry frame under every call from C (3.12+), only such a
             * frame is a bottom. In 3.11 any frame may be one, but a generator that ends the chain
             * has just been unlinked, or is about to be linked. */
            bottom_is_sound =
                !layout->owners_without_code && !hop_trail_outermost(trail)->is_generator;
        } else {
            bottom_is_sound = true;
            walker->bottom_addr = addr ? 0 : frame_addr;
        }
        if (closes_a_circle(&circle, addr)) {
            walker->went_in_a_circle = true;
            return HOP_REFUSED_BROKEN_CHAIN;
        }
    }
    return bottom_is_sound ? HOP_TAKEN : HOP_REFUSED_BROKEN_CHAIN;
}

static enum hop_refusal walk_interpreter_frames(struct hop_walker *walker, uint64_t addr,
                                                uint64_t chunk_addr, uint64_t top_addr)
{
    walker->went_in_a_circle = false;
    hop_trail_begin(&walker->trail, &walker->stack);
    enum hop_refusal refusal = follow_chain(walker, addr, chunk_addr, top_addr);
    hop_trail_end(&walker->trail, &walker->stack);
    return refusal;
}

/* The bytes that a frame of this code object takes on the data stack; 0: it is none. */
static uint64_t frame_size(struct hop_walker *walker, uint64_t code_addr)
{
    const struct hop_layout *layout = walker->layout;
    uint8_t locals[4], stack[4];
    struct hop_span spans[] = {{code_addr + (uint64_t)layout->code_nlocalsplus, 4, locals},
                               {code_addr + (uint64_t)layout->code_stacksize, 4, stack}};
    if (!read_now(walker, spans, 2) || hop_i32(locals) < 0 || hop_i32(stack) < 0)
        return 0;
    return (uint64_t)layout->iframe_size +
           8 * ((uint64_t)hop_i32(locals) + (uint64_t)hop_i32(stack));
}

/* Whether the frame of this code object is as it was made: `prev_instr` is one code unit before the
 * first. */
static bool has_not_begun(struct hop_walker *walker, uint64_t frame_addr, uint64_t code_addr)
{
    const struct hop_layout *layout = walker->layout;
    uint64_t ip;
    return read_word_now(walker, frame_addr + (uint64_t)layout->iframe_ip, &ip) &&
           ip == code_addr + (uint64_t)layout->code_adaptive - 2;
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
    if (!read_word_now(walker, cframe_addr + (uint64_t)layout->cframe_previous, &previous_addr) ||
        !read_word_now(walker, previous_addr + (uint64_t)layout->cframe_current_frame, &frame_addr))
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
    if (end_addr > top_addr ||
        !read_word_now(walker, end_addr + (uint64_t)layout->iframe_code, &code_addr) ||
        end_addr + frame_size(walker, code_addr) != top_addr ||
        !has_not_begun(walker, end_addr, code_addr))
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
    uint64_t older_addr, code_addr = 0, last_addr = 0, below_addr = 0;
    if (!read_word_now(walker, chunk_addr + (uint64_t)layout->chunk_previous, &older_addr))
        return HOP_REFUSED_UNREADABLE;
    /* The first word of the first chunk is left out. */
    uint64_t addr = chunk_addr + (uint64_t)layout->chunk_data + (older_addr ? 0 : 8);
    for (uint64_t size; addr < top_addr; addr += size) {
        if (top_addr - addr > HOP_WINDOW_BYTES ||
            !read_word_now(walker, addr + (uint64_t)layout->iframe_code, &code_addr) ||
            !(size = frame_size(walker, code_addr)))
            return HOP_REFUSED_UNREADABLE;
        below_addr = last_addr;
        last_addr = addr;
    }
    if (addr != top_addr)
        return HOP_REFUSED_BROKEN_CHAIN;
    if (is_fresh) {
        if (!last_addr || !has_not_begun(walker, last_addr, code_addr))
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

static void find_none(struct hop_walker *walker)
{
    hop_trail_begin(&walker->trail, &walker->stack);
    hop_trail_end(&walker->trail, &walker->stack);
}

/* Where the chain begins: in the thread state, or up to 3.12 in the struct of the eval loop that
 * runs. */
static bool find_innermost(struct hop_walker *walker, uint64_t cframe_addr, uint64_t *frame_addr)
{
    uint64_t addr = cframe_addr + (uint64_t)walker->layout->cframe_current_frame;
    const uint8_t *bytes = in_hand(walker, addr, 8);
    if (!bytes) {
        bool is_read = read_word_now(walker, addr, frame_addr);
        hop_ahead_want(&walker->ahead, addr, 8, 0);
        return is_read;
    }
    *frame_addr = hop_u64(bytes);
    return true;
}

static enum hop_refusal walk_from_interpreter_frame(struct hop_walker *walker, uint64_t thread_addr)
{
    const struct hop_layout *layout = walker->layout;
    struct hop_ahead *ahead = &walker->ahead;
    bool uses_cframe = layout->frame_root == HOP_ROOT_CFRAME;
    uint64_t calls_before = ahead->calls;

    walker->is_late = false;
    walker->region = walker->window = (struct hop_walker_region){0};
    /* One call for what is needed and what is guessed. */
    bool is_open = hop_ahead_open(ahead, thread_addr + (uint64_t)walker->thread_from,
                                  walker->thread_bytes, walker->instants);
    walker->reads += ahead->calls - calls_before;
    if (!is_open) {
        find_none(walker);
        return HOP_REFUSED_UNREADABLE;
    }
    const uint8_t *fields = hop_ahead_bytes(ahead, &ahead->spans[0]) - walker->thread_from;
    keep_ids(walker, fields);
    uint64_t chunk_addr = hop_u64(fields + layout->thread_datastack_chunk);
    uint64_t top_addr = hop_u64(fields + layout->thread_datastack_top);
    uint64_t frame_addr, cframe_addr = 0;
    if (uses_cframe) {
        cframe_addr = hop_u64(fields + layout->thread_cframe);
        if (!cframe_addr) {
            find_none(walker);
            return HOP_TAKEN;
        }
        if (!find_innermost(walker, cframe_addr, &frame_addr)) {
            find_none(walker);
            return walker->is_late ? HOP_REFUSED_MOVED : HOP_REFUSED_UNREADABLE;
        }
    } else {
        frame_addr = hop_u64(fields + layout->thread_current_frame);
    }

    enum hop_refusal refusal = walk_interpreter_frames(walker, frame_addr, chunk_addr, top_addr);
    if (uses_cframe && refusal != HOP_TAKEN && !walker->is_late) {
        bool no_generator_runs = hop_u64(fields + layout->thread_exc_info) ==
                                 thread_addr + (uint64_t)layout->thread_exc_state;
        bool is_unfilled = is_of_unfilled_struct(walker, refusal);
        bool may_yield = is_yielding(walker, refusal);
        if ((no_generator_runs && (is_unfilled || may_yield) &&
             walk_from_last(walker, chunk_addr, top_addr, is_unfilled) == HOP_TAKEN) ||
            (is_unfilled &&
             walk_from_caller(walker, cframe_addr, chunk_addr, top_addr) == HOP_TAKEN))
            refusal = HOP_TAKEN;
    }
    return walker->is_late ? HOP_REFUSED_MOVED : refusal;
}

/* --- 3.8 to 3.10: PyFrameObject -------------------------------------------------------------- */

static enum hop_refusal follow_frame_objects(struct hop_walker *walker, uint64_t thread_addr)
{
    const struct hop_layout *layout = walker->layout;
    struct hop_object_pages *pages = &walker->object_pages;
    uint8_t thread[THREAD_BYTES_MAX];
    struct circle circle = {0};
    const struct hop_span state = {thread_addr + (uint64_t)walker->thread_from,
                                   walker->thread_bytes, thread};
    bool bottom_is_sound = true;

    if (!hop_object_pages_open(pages, thread_addr, &state))
        return HOP_REFUSED_UNREADABLE;
    keep_ids(walker, thread - walker->thread_from);
    uint64_t addr = hop_u64(thread - walker->thread_from + layout->thread_frame);
    walker->guess_frame_addr = addr;
    while (addr) {
        const uint8_t *bytes = hop_object_pages_find(pages, addr, walker->frame_bytes);
        if (!bytes)
            return HOP_REFUSED_UNREADABLE;
        uint64_t gen_addr = hop_u64(bytes + layout->frame_gen);
        const struct hop_raw_frame frame = {
            .code_addr = hop_u64(bytes + layout->frame_code),
            .ip = (uint64_t)(int64_t)hop_i32(bytes + layout->frame_lasti),
            .frame_addr = addr,
            .previous_addr = hop_u64(bytes + layout->frame_back),
            .localsplus_addr = addr + (uint64_t)layout->frame_localsplus,
            .gen_addr = gen_addr,
            .is_generator = gen_addr != 0,
        };
        if (!hop_trail_add(&walker->trail, &frame))
            return HOP_REFUSED_TOO_DEEP;
        /* A generator at the bottom has just been unlinked from its caller. */
        bottom_is_sound = gen_addr == 0;
        addr = frame.previous_addr;
        if (closes_a_circle(&circle, addr))
            return HOP_REFUSED_BROKEN_CHAIN;
    }
    return bottom_is_sound ? HOP_TAKEN : HOP_REFUSED_BROKEN_CHAIN;
}

uint64_t hop_walker_guess_addr(const struct hop_walker *walker)
{
    if (walker->layout->frame_root != HOP_ROOT_FRAME_OBJECT)
        return hop_ahead_first_addr(&walker->ahead);
    return hop_object_pages_span_of(&walker->object_pages, walker->guess_frame_addr);
}

enum hop_refusal hop_walk(struct hop_walker *walker, uint64_t thread_addr)
{
    walker->has_ids = false;
    if (walker->layout->frame_root != HOP_ROOT_FRAME_OBJECT)
        return walk_from_interpreter_frame(walker, thread_addr);
    uint64_t calls_before = walker->object_pages.calls;
    hop_trail_begin(&walker->trail, &walker->stack);
    enum hop_refusal refusal = follow_frame_objects(walker, thread_addr);
    hop_trail_end(&walker->trail, &walker->stack);
    walker->reads += walker->object_pages.calls - calls_before;
    return refusal;
}
