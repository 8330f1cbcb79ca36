/* What one walk teaches the next, in fake memory and of every layout: a wrong guess costs reads,
 * never an answer. And what a walk is worth whose reads fail, or whose thread runs meanwhile. */
#include "py/walk.h"
#include "support/fake_runtime.h"
#include "support/layouts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct hop_layout layout;
static struct fake_memory memory, after;
static struct fake_reader reader;
static struct fake_runtime runtime;
static struct fake_thread thread, other, thread_after;
static struct hop_walker walker;
static uint64_t interpreter_addr, random_state;

static void tear_down(void)
{
    hop_walker_deinit(&walker);
    fake_thread_deinit(&thread);
    fake_thread_deinit(&other);
    fake_thread_deinit(&thread_after);
    fake_memory_deinit(&memory);
    fake_memory_deinit(&after);
}

static void start(int minor)
{
    tear_down();
    layout_of_version(&layout, minor, layout_usual_micro(minor));
    fake_memory_init(&memory);
    fake_reader_init(&reader, &memory);
    fake_runtime_init(&runtime, &memory, &layout);
    interpreter_addr = fake_interpreter_add(&runtime, 0);
    fake_thread_init(&thread, &runtime, interpreter_addr, 1, 1);
    fake_thread_init(&other, &runtime, interpreter_addr, 2, 2);
    cr_assert(hop_walker_init(&walker, &reader.base, &layout));
    random_state = 88172645463325252u;
}

TestSuite(walk_guess, .fini = tear_down);

#define FOR_EACH_VERSION                                                                           \
    for (int minor = LAYOUT_MINOR_FIRST; minor <= LAYOUT_MINOR_LAST && (start(minor), true);       \
         minor++)

static size_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state >> 16) % limit;
}

static void expect_stack_of(const struct fake_thread *whose)
{
    enum hop_refusal refusal = hop_walk(&walker, whose->addr);
    cr_assert_eq(refusal, HOP_TAKEN, "3.%d: %s", layout.minor, hop_refusal_words(refusal));
    assert_stack_of(whose, &walker.stack);
}

/* A frame of its own code, so that it is not like the one that was there before. */
static void push(struct fake_thread *whose, enum fake_frame_kind kind, size_t slots)
{
    static uint64_t code = 4096;
    code += 64;
    fake_frame_push(whose, kind, code, code % 100, slots);
}

static void push_many(struct fake_thread *whose, size_t count, size_t slots)
{
    for (size_t i = 0; i < count; i++)
        push(whose, FAKE_PLAIN, slots);
}

static void pop_many(struct fake_thread *whose, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fake_frame_pop(whose);
}

Test(walk_guess, a_stack_that_stays_is_read_in_one_call)
{
    FOR_EACH_VERSION
    {
        push(&thread, FAKE_ENTRY, 0);
        push_many(&thread, 20, 4);
        expect_stack_of(&thread);
        uint64_t cold = reader.calls, entry_reads = 0;
        if (layout.owners_without_code)
            entry_reads = 1;
        reader.calls = walker.reads = 0;
        expect_stack_of(&thread);
        /* The chunk's header besides, and what is not on the stack. */
        uint64_t allowed = layout.frame_root == HOP_ROOT_FRAME_OBJECT ? 1 : 2 + entry_reads;
        cr_assert_leq(reader.calls, allowed, "3.%d", minor);
        cr_assert_eq(walker.reads, reader.calls);
        cr_assert_lt(reader.calls, cold);
    }
}

/* The chunks are read one after the other, whether or not it is known where they are. */
Test(walk_guess, a_deep_stack_is_read_in_few_calls)
{
    for (int minor = 11; minor <= LAYOUT_MINOR_LAST; minor++) {
        start(minor);
        push(&thread, FAKE_ENTRY, 0);
        push_many(&thread, 1000, 2);
        for (int i = 0; i < 3; i++) {
            reader.calls = 0;
            expect_stack_of(&thread);
            cr_assert_lt(reader.calls, 30, "3.%d: %zu", minor, (size_t)reader.calls);
        }
    }
}

/* Where frames lie close together, as with pymalloc, in the pages of the last walk, whichever of
 * them is where by now. */
Test(walk_guess, a_deep_stack_of_frame_objects_is_read_in_few_calls)
{
    for (int minor = LAYOUT_MINOR_FIRST; minor < 11; minor++) {
        start(minor);
        thread.keeps_frame_memory = true;
        push_many(&thread, 1000, 2);
        for (int i = 0; i < 10; i++) {
            expect_stack_of(&thread);
            pop_many(&thread, 600);
            push_many(&thread, 599, 3);
            reader.calls = 0;
            expect_stack_of(&thread);
            cr_assert_leq(reader.calls, i ? 20 : 24, "3.%d: %zu", minor, (size_t)reader.calls);
        }
    }
}

/* The innermost frame begins in the memory that was read on the guess, and ends behind it. */
Test(walk_guess, frames_across_the_end_of_the_guess_are_read_whole)
{
    FOR_EACH_VERSION
    {
        push(&thread, FAKE_ENTRY, 0);
        for (size_t depth = 1; depth < 8; depth++) {
            push_many(&thread, 1, 0);
            for (size_t more = 1; more < 24; more++) {
                expect_stack_of(&thread);
                push_many(&thread, more, 1);
                expect_stack_of(&thread);
                pop_many(&thread, more);
            }
        }
    }
}

Test(walk_guess, stacks_that_grow_shrink_and_change_are_found)
{
    FOR_EACH_VERSION
    {
        push(&thread, FAKE_ENTRY, 0);
        push_many(&thread, 30, 3);
        expect_stack_of(&thread);
        push_many(&thread, 1, 3);
        expect_stack_of(&thread);
        push_many(&thread, 400, 3); /* into other chunks */
        expect_stack_of(&thread);
        pop_many(&thread, 425); /* and these are gone */
        expect_stack_of(&thread);
        pop_many(&thread, 3);
        push_many(&thread, 3, 3); /* other frames where these were */
        expect_stack_of(&thread);
        pop_many(&thread, 3);
        push_many(&thread, 3, 1); /* at other places */
        expect_stack_of(&thread);
        push(&thread, FAKE_GENERATOR, 2);
        expect_stack_of(&thread);
        push_many(&thread, 2, 5000); /* more than the window */
        expect_stack_of(&thread);
        expect_stack_of(&thread);
        pop_many(&thread, 3);
        expect_stack_of(&thread);
        pop_many(&thread, thread.depth);
        expect_stack_of(&thread);
        cr_assert_eq(walker.stack.depth, 0);
        push(&thread, FAKE_ENTRY, 0);
        push_many(&thread, 600, 0); /* more than is guessed at once */
        expect_stack_of(&thread);
        expect_stack_of(&thread);
        fake_frame_pop(&thread);
        expect_stack_of(&thread);
    }
}

Test(walk_guess, other_memory_under_the_guess_is_noticed)
{
    FOR_EACH_VERSION
    {
        push(&thread, FAKE_ENTRY, 0);
        push_many(&thread, 10, 3);
        push(&other, FAKE_ENTRY, 0);
        push_many(&other, 12, 2);
        for (int i = 0; i < 3; i++) {
            expect_stack_of(&thread);
            expect_stack_of(&other);
            expect_stack_of(&other);
        }
        /* Everything popped and built anew elsewhere. */
        if (layout.frame_root != HOP_ROOT_FRAME_OBJECT) {
            uint64_t old_chunk = thread.chunk_addr;
            expect_stack_of(&thread);
            pop_many(&thread, thread.depth);
            fake_memory_unmap(&memory, old_chunk);
            thread.chunk_addr = thread.top_addr = thread.chunk_end_addr = 0;
            push(&thread, FAKE_ENTRY, 0);
            push_many(&thread, 10, 3);
            cr_assert_neq(thread.chunk_addr, old_chunk);
            expect_stack_of(&thread);
        }
        /* The C function that runs it is another one. */
        if (thread.cframe_addr) {
            uint64_t innermost = thread.frames[thread.depth - 1].raw.frame_addr;
            uint64_t cframe_addr = fake_memory_alloc(&memory, NULL, 64);
            fake_memory_put_u64(&memory, thread.cframe_addr + (uint64_t)layout.cframe_current_frame,
                                0x4711);
            thread.cframe_addr = cframe_addr;
            fake_memory_put_u64(&memory, cframe_addr + (uint64_t)layout.cframe_current_frame,
                                innermost);
            fake_memory_put_u64(&memory, thread.addr + (uint64_t)layout.thread_cframe, cframe_addr);
            expect_stack_of(&thread);
        }
        /* Another thread's state where one was, with the same frames below. */
        expect_stack_of(&thread);
        fake_memory_unmap(&memory, thread.addr);
        cr_assert_eq(hop_walk(&walker, thread.addr), HOP_REFUSED_UNREADABLE);
        expect_stack_of(&other);
    }
}

static void become_after(size_t pops, size_t pushes);
static void forget_after(void);

/* Some calls and returns of two threads by turns, then a look at one of them. */
static void run_a_little(struct fake_thread *whose)
{
    size_t pops = random_below(6), pushes = random_below(6);
    if (random_below(20) == 0)
        pops = 60;
    if (random_below(20) == 0)
        pushes = 60;
    while (pops-- && whose->depth > 2)
        fake_frame_pop(whose);
    while (pushes--) {
        size_t kind = random_below(10);
        size_t slots = random_below(30) == 0 ? 3000 : random_below(8);
        push(whose, kind == 0 ? FAKE_ENTRY : kind == 1 ? FAKE_GENERATOR : FAKE_PLAIN, slots);
    }
}

/* What the walk says of the outermost frames: they are those of the last stack, in every member. */
static void expect_same(const struct hop_raw_frame *last, size_t last_depth)
{
    const struct hop_raw_stack *stack = &walker.stack;
    cr_assert_leq(stack->same, stack->depth);
    cr_assert_leq(stack->same, last_depth);
    for (size_t i = 1; i <= stack->same; i++) {
        const struct hop_raw_frame *a = &stack->frames[stack->depth - i];
        const struct hop_raw_frame *b = &last[last_depth - i];
        cr_assert(a->frame_addr == b->frame_addr && a->code_addr == b->code_addr &&
                  a->ip == b->ip && a->is_generator == b->is_generator);
    }
}

Test(walk_guess, what_a_stack_has_in_common_with_the_last_is_told)
{
    enum { DEPTH_MAX = 400 };
    static struct hop_raw_frame last[DEPTH_MAX];
    FOR_EACH_VERSION
    {
        size_t last_depth = 0, same = 0, possible = 0;
        thread.keeps_frame_memory = true;
        push(&thread, FAKE_ENTRY, 0);
        push_many(&thread, 40, 2);
        expect_stack_of(&thread);
        for (int round = 0; round < 500; round++) {
            uint64_t serial = walker.stack.serial;
            last_depth = walker.stack.depth;
            memcpy(last, walker.stack.frames, last_depth * sizeof *last);
            size_t pops = random_below(4), pushes = random_below(4);
            if (random_below(20) == 0)
                pops = random_below(40);
            pops = pops < thread.depth - 1 ? pops : thread.depth - 2;
            pop_many(&thread, pops);
            size_t kept = thread.depth - 1;
            while (pushes-- && thread.depth < DEPTH_MAX)
                push(&thread, random_below(8) ? FAKE_PLAIN : FAKE_GENERATOR, random_below(4));
            expect_stack_of(&thread);
            cr_assert_eq(walker.stack.serial, serial + 1);
            expect_same(last, last_depth);
            same += walker.stack.same;
            possible += kept;
        }
        /* Nearly all that could be; a frame object's place does not tell which are deeper. */
        cr_assert_gt(10 * same, 8 * possible, "3.%d: %zu of %zu", minor, same, possible);
        expect_stack_of(&thread);
        cr_assert_eq(walker.stack.same, walker.stack.depth);
    }
}

/* Some instants that one call reads: each walk is of its own, without another call. */
Test(walk_guess, walks_of_several_instants_are_each_of_theirs)
{
    enum { INSTANTS = 4 };
    for (int minor = 11; minor <= LAYOUT_MINOR_LAST; minor++) {
        start(minor);
        push(&thread, FAKE_ENTRY, 0);
        push_many(&thread, 30, 3);
        for (int i = 0; i < 3; i++)
            expect_stack_of(&thread);
        walker.believes_bottom = true;
        become_after(3, 2);
        for (size_t before = 0; before <= INSTANTS; before++) {
            uint64_t calls = reader.calls, spans = walker.ahead.count;
            reader.memory = &memory;
            reader.after = &after;
            reader.swaps_at = reader.reads + 1 + before * spans;
            walker.instants = INSTANTS;
            for (size_t i = 0; i < INSTANTS; i++) {
                expect_stack_of(i < before ? &thread : &thread_after);
                cr_assert_eq(hop_walker_instants_left(&walker), INSTANTS - 1 - i);
                cr_assert_eq(reader.calls, calls + 1, "3.%d", minor);
            }
            reader.swaps_at = 0;
        }
        cr_assert_not(walker.was_late);
        reader.memory = &memory;
        forget_after();
    }
}

/* Memory that was not read at those instants is not to be had any more. */
Test(walk_guess, what_an_instant_lacks_is_refused)
{
    for (int minor = 11; minor <= LAYOUT_MINOR_LAST; minor++) {
        start(minor);
        push(&thread, FAKE_ENTRY, 0);
        push_many(&thread, 30, 3);
        for (int i = 0; i < 3; i++)
            expect_stack_of(&thread);
        walker.instants = 4;
        push_many(&thread, 30, 3);
        for (int i = 0; i < 4; i++) {
            uint64_t calls = reader.calls;
            cr_assert_eq(hop_walk(&walker, thread.addr), HOP_REFUSED_MOVED);
            cr_assert(walker.was_late);
            cr_assert_eq(reader.calls, calls + !i);
        }
        /* By then it is known what was lacking. */
        walker.was_late = false;
        for (int i = 0; i < 4; i++)
            expect_stack_of(&thread);
        cr_assert_not(walker.was_late);
        /* The others of that call can be left out. */
        pop_many(&thread, 10);
        expect_stack_of(&thread);
        pop_many(&thread, 10);
        hop_walker_drop_instants(&walker);
        walker.instants = 1;
        expect_stack_of(&thread);
        push_many(&thread, 40, 3);
        expect_stack_of(&thread);
        cr_assert_not(walker.was_late);
    }
}

Test(walk_guess, any_calls_and_returns_between_walks_are_followed)
{
    FOR_EACH_VERSION
    {
        struct fake_thread *const threads[] = {&thread, &other};
        other.keeps_frame_memory = true;
        for (size_t i = 0; i < 2; i++) {
            push(threads[i], FAKE_ENTRY, 0);
            push(threads[i], FAKE_PLAIN, 3);
        }
        for (int round = 0; round < 1000; round++) {
            struct fake_thread *whose = threads[random_below(3) == 0];
            run_a_little(whose);
            expect_stack_of(whose);
        }
    }
}

static void push_some(struct fake_thread *whose)
{
    push(whose, FAKE_ENTRY, 0);
    push_many(whose, 5, 2);
    push(whose, FAKE_GENERATOR, 2);
    push(whose, FAKE_ENTRY, 0);
    push(whose, FAKE_PLAIN, 3000);
    push_many(whose, 5, 2);
}

Test(walk_guess, each_read_may_fail)
{
    FOR_EACH_VERSION
    {
        push_some(&thread);
        for (int is_warm = 0; is_warm < 2; is_warm++) {
            int refused = 0;
            for (uint64_t n = 1;; n++) {
                hop_walker_deinit(&walker);
                fake_reader_init(&reader, &memory);
                cr_assert(hop_walker_init(&walker, &reader.base, &layout));
                if (is_warm)
                    expect_stack_of(&thread);
                uint64_t begin = reader.reads;
                reader.fails_at = begin + n;
                enum hop_refusal refusal = hop_walk(&walker, thread.addr);
                /* A guess that fails is made up for. */
                if (refusal == HOP_TAKEN)
                    assert_stack_of(&thread, &walker.stack);
                else
                    cr_assert_eq(refusal, HOP_REFUSED_UNREADABLE);
                refused += refusal != HOP_TAKEN;
                bool is_over = reader.reads < reader.fails_at;
                reader.fails_at = 0;
                expect_stack_of(&thread);
                if (is_over)
                    break;
            }
            cr_assert_gt(refused, 0);
        }
    }
}

/* --- a thread that runs while it is walked --------------------------------------------------- */

/* Whether this frame, all of it, is in that stack. */
static bool has_frame(const struct fake_thread *whose, const struct hop_raw_frame *frame,
                      uint64_t *caller_addr)
{
    *caller_addr = 0;
    for (size_t i = 0; i < whose->depth; i++) {
        const struct fake_frame *at = &whose->frames[i];
        if (at->raw.frame_addr == frame->frame_addr && at->kind != FAKE_ENTRY)
            return at->raw.code_addr == frame->code_addr && at->raw.ip == frame->ip &&
                   at->raw.is_generator == frame->is_generator;
        if (at->raw.frame_addr && at->kind != FAKE_ENTRY)
            *caller_addr = at->raw.frame_addr;
    }
    return false;
}

/* What a walk alone promises of a thread that ran, as long as memory of frames is memory of frames:
 * each frame is as it was at one of the two instants, and called by the next one then; the last one
 * was a bottom. That they are all of one instant it cannot know: the standstill's proof does. */
static void expect_frames_of_either(void)
{
    const struct hop_raw_stack *stack = &walker.stack;
    for (size_t i = 0; i < stack->depth; i++) {
        uint64_t next = i + 1 < stack->depth ? stack->frames[i + 1].frame_addr : 0, before, later;
        bool was = has_frame(&thread, &stack->frames[i], &before);
        bool is = has_frame(&thread_after, &stack->frames[i], &later);
        cr_assert((was && before == next) || (is && later == next),
                  "3.%d: frame %zu of %zu is of neither", layout.minor, i, stack->depth);
    }
}

/* Swaps the memory at every read; the stacks found that are of neither instant as a whole. */
static size_t walk_torn(bool is_warm)
{
    size_t mixed = 0;
    for (uint64_t n = 1;; n++) {
        hop_walker_deinit(&walker);
        fake_reader_init(&reader, &memory);
        cr_assert(hop_walker_init(&walker, &reader.base, &layout));
        if (is_warm)
            expect_stack_of(&thread);
        uint64_t begin = reader.reads;
        reader.after = &after;
        reader.swaps_at = begin + n;
        enum hop_refusal refusal = hop_walk(&walker, thread.addr);
        bool is_over = reader.reads < reader.swaps_at;
        if (is_over || n == 1) {
            /* Nothing changed during the walk: what the proof will say. */
            cr_assert_eq(refusal, HOP_TAKEN);
            assert_stack_of(is_over ? &thread : &thread_after, &walker.stack);
        } else if (refusal == HOP_TAKEN) {
            expect_frames_of_either();
            mixed +=
                !is_stack_of(&thread, &walker.stack) && !is_stack_of(&thread_after, &walker.stack);
        }
        /* And it teaches nothing wrong. */
        reader.memory = &after;
        reader.swaps_at = 0;
        expect_stack_of(&thread_after);
        if (is_over)
            return mixed;
    }
}

static void become_after(size_t pops, size_t pushes)
{
    fake_memory_copy(&after, &memory);
    fake_thread_copy(&thread_after, &thread, &after);
    pop_many(&thread_after, pops);
    push_many(&thread_after, pushes, 2);
}

static void forget_after(void)
{
    fake_thread_deinit(&thread_after);
    fake_memory_deinit(&after);
}

static const struct {
    size_t pops, pushes;
} moves[] = {{0, 1},  {1, 0}, {1, 1}, {3, 3},    {5, 0},
             {0, 40}, {6, 1}, {9, 9}, {11, 400}, {250, 250}};

static size_t walk_torn_by_all_moves(void)
{
    size_t mixed = 0;
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        for (int is_warm = 0; is_warm < 2; is_warm++) {
            if (moves[i].pops >= thread.depth)
                continue;
            become_after(moves[i].pops, moves[i].pushes);
            mixed += walk_torn(is_warm);
            forget_after();
        }
    }
    return mixed;
}

Test(walk_guess, frames_of_a_thread_that_runs_are_each_of_one_instant)
{
    FOR_EACH_VERSION
    {
        push_some(&thread);
        walk_torn_by_all_moves();
        /* Where the memory of a frame is that of another one at once, as in life, some stacks are
         * mixed: only the proof can refuse these. */
        pop_many(&thread, thread.depth);
        thread.keeps_frame_memory = true;
        push(&thread, FAKE_ENTRY, 0);
        push_many(&thread, 300, 2);
        cr_assert_gt(walk_torn_by_all_moves(), 0, "3.%d", minor);
    }
}
