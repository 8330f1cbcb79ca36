/* Walks of stacks in fake memory, of every layout: what is found, where the walk ends, what is
 * refused. What the last walk teaches the next one is test_walk_guess.c's. */
#include "py/walk.h"
#include "support/fake_runtime.h"
#include "support/layouts.h"

#include <criterion/criterion.h>

static struct hop_layout layout;
static struct fake_memory memory;
static struct fake_reader reader;
static struct fake_runtime runtime;
static struct fake_thread thread;
static struct hop_walker walker;
static uint64_t interpreter_addr;

static void tear_down(void)
{
    hop_walker_deinit(&walker);
    fake_thread_deinit(&thread);
    fake_memory_deinit(&memory);
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
    cr_assert(hop_walker_init(&walker, &reader.base, &layout));
}

TestSuite(walk, .fini = tear_down);

#define FOR_EACH_VERSION                                                                           \
    for (int minor = LAYOUT_MINOR_FIRST; minor <= LAYOUT_MINOR_LAST && (start(minor), true);       \
         minor++)

static void expect(enum hop_refusal refusal)
{
    enum hop_refusal found = hop_walk(&walker, thread.addr);
    cr_assert_eq(found, refusal, "3.%d: %s", layout.minor,
                 found ? hop_refusal_name(found) : "taken");
}

static void expect_taken(void)
{
    expect(HOP_TAKEN);
    assert_stack_of(&thread, &walker.stack);
}

static uint64_t push(enum fake_frame_kind kind, size_t i, size_t slots)
{
    return fake_frame_push(&thread, kind, 0x10000 + 64 * i, i, slots);
}

static void push_bottom(void)
{
    push(FAKE_ENTRY, 0, 0);
    push(FAKE_PLAIN, 0, 3);
}

Test(walk, a_thread_may_have_no_frame)
{
    FOR_EACH_VERSION
    {
        expect_taken();
        cr_assert_eq(walker.stack.depth, 0);
        push(FAKE_ENTRY, 0, 0);
        expect_taken();
        cr_assert_eq(walker.stack.depth, 0);
        if (layout.thread_cframe != HOP_ABSENT) {
            push_bottom();
            expect_taken();
            fake_memory_put_u64(&memory, thread.addr + (uint64_t)layout.thread_cframe, 0);
            expect(HOP_TAKEN);
            cr_assert_eq(walker.stack.depth, 0);
        }
    }
}

/* Calls, generators, calls from C, frames that need a chunk of their own or twice the window. */
static void push_any(size_t i)
{
    if (i % 7 == 6)
        push(FAKE_ENTRY, i, 0);
    size_t slots = i % 100 == 50 ? 5000 : i % 37 == 36 ? 1800 : i % 5;
    push(i % 11 == 10 ? FAKE_GENERATOR : FAKE_PLAIN, i, slots);
}

Test(walk, finds_every_frame_as_it_is)
{
    FOR_EACH_VERSION
    {
        push_bottom();
        for (size_t i = 1; i <= 1000; i++) {
            if (i <= 16 || i == 1000)
                expect_taken();
            push_any(i);
        }
        expect_taken();
        cr_assert_eq(walker.stack.depth, 1001);
        /* The same to one that knows nothing. */
        struct hop_walker fresh;
        cr_assert(hop_walker_init(&fresh, &reader.base, &layout));
        cr_assert_eq(hop_walk(&fresh, thread.addr), HOP_TAKEN);
        assert_stack_of(&thread, &fresh.stack);
        hop_walker_deinit(&fresh);
    }
}

/* "Not started" is −1 in the 32 bits of f_lasti. */
Test(walk, an_instruction_pointer_keeps_its_sign)
{
    FOR_EACH_VERSION
    {
        push(FAKE_ENTRY, 0, 0);
        fake_frame_push(&thread, FAKE_PLAIN, 4096, UINT64_MAX, 1);
        expect_taken();
        cr_assert_eq(walker.stack.frames[0].ip, UINT64_MAX);
    }
}

Test(walk, is_as_deep_as_the_limit_and_no_deeper, .timeout = 240)
{
    FOR_EACH_VERSION
    {
        thread.keeps_frame_memory = true;
        for (size_t i = 0; i < HOP_DEPTH_MAX; i++) {
            if (i % 16384 == 0)
                push(FAKE_ENTRY, i, 0); /* these do not count */
            push(FAKE_PLAIN, i, 0);
        }
        expect_taken();
        cr_assert_eq(walker.stack.depth, HOP_DEPTH_MAX);
        push(FAKE_PLAIN, 0, 0);
        expect(HOP_REFUSED_TOO_DEEP);
        expect(HOP_REFUSED_TOO_DEEP);
        fake_frame_pop(&thread);
        expect_taken();
    }
}

Test(walk, a_circle_ends, .timeout = 240)
{
    FOR_EACH_VERSION
    {
        push_bottom();
        uint64_t outer = push(FAKE_PLAIN, 1, 1);
        push(FAKE_GENERATOR, 2, 1);
        uint64_t inner = push(FAKE_PLAIN, 3, 1);
        expect_taken();
        uint64_t reads = reader.calls;
        fake_frame_link(&thread, outer, inner);
        expect(HOP_REFUSED_BROKEN_CHAIN);
        fake_frame_link(&thread, inner, inner);
        expect(HOP_REFUSED_BROKEN_CHAIN);
        uint64_t entry = push(FAKE_ENTRY, 4, 0);
        if (entry) {
            /* These are no depth. */
            fake_frame_link(&thread, entry, entry);
            expect(HOP_REFUSED_BROKEN_CHAIN);
        }
        cr_assert_lt(reader.calls - reads, 200); /* soon: it may be read live, again and again */
    }
}

Test(walk, what_is_no_bottom_is_a_broken_chain)
{
    FOR_EACH_VERSION
    {
        push(FAKE_GENERATOR, 0, 1); /* not yet linked to its caller */
        expect(HOP_REFUSED_BROKEN_CHAIN);
        push(FAKE_PLAIN, 1, 1);
        expect(HOP_REFUSED_BROKEN_CHAIN);
        /* Below a call there is C: in 3.12 on that is seen. */
        fake_frame_pop(&thread);
        fake_frame_pop(&thread);
        push(FAKE_PLAIN, 0, 1);
        expect(minor >= 12 ? HOP_REFUSED_BROKEN_CHAIN : HOP_TAKEN);
        push(FAKE_ENTRY, 1, 1);
        push(FAKE_PLAIN, 2, 1);
        expect(minor >= 12 ? HOP_REFUSED_BROKEN_CHAIN : HOP_TAKEN);
    }
}

/* What a frame owner is called that no version knows. */
Test(walk, an_unknown_owner_is_a_frame_like_others)
{
    for (int minor = 11; minor <= LAYOUT_MINOR_LAST; minor++) {
        start(minor);
        push_bottom();
        uint64_t addr = push(FAKE_PLAIN, 1, 1);
        uint8_t *owner = fake_memory_at(&memory, addr + (uint64_t)layout.iframe_owner, 1);
        for (int value = 0; value < 256; value++) {
            bool is_entry = value < 32 && layout.owners_without_code >> value & 1;
            *owner = (uint8_t)value;
            expect(HOP_TAKEN);
            cr_assert_eq(walker.stack.depth, is_entry ? 1 : 2, "3.%d: owner %d", minor, value);
        }
    }
}

Test(walk, memory_that_is_not_there_is_unreadable)
{
    FOR_EACH_VERSION
    {
        const uint64_t nowhere[] = {8, 4096, UINT64_MAX, UINT64_MAX - 64, 1ull << 63};
        push_bottom();
        for (size_t i = 1; i < 5; i++)
            push(i == 3 ? FAKE_GENERATOR : FAKE_PLAIN, i, i);
        expect_taken();
        for (size_t i = 0; i < thread.depth; i++) {
            uint64_t addr = thread.frames[i].raw.frame_addr, below = 0;
            if (!addr)
                continue;
            for (size_t k = 0; k < i; k++)
                if (thread.frames[k].raw.frame_addr)
                    below = thread.frames[k].raw.frame_addr;
            for (size_t k = 0; k < sizeof nowhere / sizeof nowhere[0]; k++) {
                fake_frame_link(&thread, addr, nowhere[k]);
                expect(HOP_REFUSED_UNREADABLE);
            }
            fake_frame_link(&thread, addr, below);
            expect_taken();
        }
        if (thread.cframe_addr) {
            fake_memory_put_u64(&memory, thread.addr + (uint64_t)layout.thread_cframe, 4096);
            expect(HOP_REFUSED_UNREADABLE);
        }
        fake_memory_unmap(&memory, thread.addr);
        expect(HOP_REFUSED_UNREADABLE);
        cr_assert_eq(hop_walk(&walker, 0), HOP_REFUSED_UNREADABLE);
        cr_assert_eq(hop_walk(&walker, UINT64_MAX), HOP_REFUSED_UNREADABLE);
    }
}

/* What the chunks say is a help to find frames quickly, no more. */
Test(walk, chunks_that_lie_change_nothing)
{
    for (int minor = 11; minor <= LAYOUT_MINOR_LAST; minor++) {
        start(minor);
        push_bottom();
        for (size_t i = 1; i < 300; i++)
            push_any(i);
        expect_taken();
        uint64_t chunk = thread.chunk_addr;
        const struct {
            uint64_t addr, value;
        } lies[] = {
            {thread.addr + (uint64_t)layout.thread_datastack_chunk, 0},
            {thread.addr + (uint64_t)layout.thread_datastack_chunk, 4096},
            {thread.addr + (uint64_t)layout.thread_datastack_chunk, UINT64_MAX - 8},
            {thread.addr + (uint64_t)layout.thread_datastack_chunk, thread.addr},
            {thread.addr + (uint64_t)layout.thread_datastack_top, 0},
            {thread.addr + (uint64_t)layout.thread_datastack_top, UINT64_MAX},
            {thread.addr + (uint64_t)layout.thread_datastack_top, chunk},
            {chunk + (uint64_t)layout.chunk_bytes, 0},
            {chunk + (uint64_t)layout.chunk_bytes, 100},
            {chunk + (uint64_t)layout.chunk_bytes, UINT64_MAX},
            {chunk + (uint64_t)layout.chunk_previous, 0},
            {chunk + (uint64_t)layout.chunk_previous, chunk},
            {chunk + (uint64_t)layout.chunk_previous, 4096},
        };
        for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
            uint64_t truth = hop_u64(fake_memory_at(&memory, lies[i].addr, 8));
            fake_memory_put_u64(&memory, lies[i].addr, lies[i].value);
            expect_taken(); /* by what was learnt from the truth */
            expect_taken(); /* by what was learnt from the lie */
            fake_memory_put_u64(&memory, lies[i].addr, truth);
            expect_taken();
        }
        /* A chunk said to be larger than it is, with frames said to be in what is not there, or
         * in front of other memory: read by itself or refused, never wrong. */
        fake_memory_put_u64(&memory, chunk + (uint64_t)layout.chunk_bytes, UINT64_MAX - chunk);
        enum hop_refusal refusal = hop_walk(&walker, thread.addr);
        cr_assert(refusal == HOP_REFUSED_UNREADABLE || refusal == HOP_REFUSED_BROKEN_CHAIN ||
                  refusal == HOP_TAKEN);
        if (refusal == HOP_TAKEN)
            assert_stack_of(&thread, &walker.stack);
    }
}

/* A layout's fields so far apart that the walker's room would not do. */
Test(walk, a_layout_that_makes_no_sense_is_refused)
{
    FOR_EACH_VERSION
    {
        struct hop_walker other;
        int32_t *const fields[] = {&layout.thread_interp, layout.frame_root == HOP_ROOT_FRAME_OBJECT
                                                              ? &layout.frame_back
                                                              : &layout.iframe_previous};
        for (size_t i = 0; i < 2; i++) {
            int32_t right = *fields[i];
            *fields[i] = 1 << 20;
            cr_assert_not(hop_walker_init(&other, &reader.base, &layout));
            hop_walker_deinit(&other);
            *fields[i] = right;
        }
    }
}

/* 3.11 and 3.12: where `current_frame` is not true for a moment. */
static void set_current_frame(uint64_t cframe_addr, uint64_t frame_addr)
{
    fake_memory_put_u64(&memory, cframe_addr + (uint64_t)layout.cframe_current_frame, frame_addr);
}

Test(walk, leaves_out_a_frame_that_was_freed)
{
    FOR_EACH_VERSION
    {
        if (!thread.cframe_addr)
            continue;
        push_bottom();
        push(FAKE_PLAIN, 1, 2);
        uint64_t freed = push(FAKE_PLAIN, 2, 3);
        expect_taken();
        fake_frame_pop(&thread);
        set_current_frame(thread.cframe_addr, freed);
        expect_taken();
        /* Where one that is in use can't be: under a generator. */
        uint64_t generator = push(FAKE_GENERATOR, 3, 1);
        expect_taken();
        fake_frame_link(&thread, generator, freed);
        expect(HOP_REFUSED_BROKEN_CHAIN);
    }
}

static uint64_t push_with_code(int nlocalsplus, int stacksize)
{
    uint64_t code_addr = fake_memory_alloc(&memory, NULL, 256);
    fake_memory_put_u32(&memory, code_addr + (uint64_t)layout.code_nlocalsplus,
                        (uint32_t)nlocalsplus);
    fake_memory_put_u32(&memory, code_addr + (uint64_t)layout.code_stacksize, (uint32_t)stacksize);
    return fake_frame_push(&thread, FAKE_PLAIN, code_addr, 1,
                           (size_t)(nlocalsplus + stacksize - 1));
}

/* A struct of the eval loop that is not filled yet: its frame leads nowhere, what is behind it is
 * what was there before. */
static uint64_t begin_eval_loop(uint64_t previous_addr)
{
    uint64_t cframe_addr = fake_memory_alloc(&memory, NULL, 64);
    set_current_frame(cframe_addr, 4096);
    fake_memory_put_u64(&memory, cframe_addr + (uint64_t)layout.cframe_previous, previous_addr);
    fake_memory_put_u64(&memory, thread.addr + (uint64_t)layout.thread_cframe, cframe_addr);
    return cframe_addr;
}

Test(walk, finds_the_caller_where_the_eval_loop_begins)
{
    FOR_EACH_VERSION
    {
        if (!thread.cframe_addr)
            continue;
        push_bottom();
        uint64_t outer = push_with_code(1, 2);
        uint64_t caller = push_with_code(3, 4);
        /* A generator is about to run: nothing more is on the data stack. */
        begin_eval_loop(thread.cframe_addr);
        expect_taken();
        /* A function is: its frame is there, and not linked. */
        uint64_t new = push_with_code(5, 6);
        uint64_t ip_addr = new + (uint64_t)layout.iframe_ip, code_addr;
        set_current_frame(thread.cframe_addr, caller);
        expect(HOP_REFUSED_UNREADABLE); /* it is executed already */
        cr_assert(hop_read_u64(&reader.base, new + (uint64_t)layout.iframe_code, &code_addr));
        fake_memory_put_u64(&memory, ip_addr, code_addr + (uint64_t)layout.code_adaptive - 2);
        expect(HOP_TAKEN);
        cr_assert_eq(walker.stack.depth, 3);
        cr_assert_eq(walker.stack.frames[0].frame_addr, caller);
        cr_assert_eq(walker.stack.frames[1].frame_addr, outer);
        /* Not the caller: there is more above it than one frame. */
        set_current_frame(thread.cframe_addr, outer);
        expect(HOP_REFUSED_UNREADABLE);
        begin_eval_loop(4096);
        expect(HOP_REFUSED_UNREADABLE);
        /* What was there before is a generator that has yielded; the caller is one that runs. */
        fake_frame_pop(&thread);
        uint64_t running = push(FAKE_GENERATOR, 7, 1);
        uint64_t suspended = push(FAKE_GENERATOR, 8, 1);
        fake_frame_link(&thread, suspended, 0);
        set_current_frame(thread.cframe_addr, running);
        set_current_frame(begin_eval_loop(thread.cframe_addr), suspended);
        expect(minor == 11 ? HOP_TAKEN : HOP_REFUSED_BROKEN_CHAIN);
        cr_assert(minor != 11 || walker.stack.frames[0].frame_addr == running);
    }
}

Test(walk, finds_the_caller_of_a_generator_that_yields)
{
    FOR_EACH_VERSION
    {
        if (minor != 12)
            continue;
        uint64_t exc_info_addr = thread.addr + (uint64_t)layout.thread_exc_info;
        push(FAKE_ENTRY, 0, 0);
        uint64_t outer = push_with_code(2, 3);
        uint64_t caller = push_with_code(4, 5);
        uint64_t generator = push(FAKE_GENERATOR, 1, 1);
        fake_memory_put_u64(&memory, exc_info_addr,
                            thread.addr + (uint64_t)layout.thread_exc_state);
        expect_taken();
        fake_frame_link(&thread, generator, 0);
        expect(HOP_TAKEN);
        cr_assert_eq(walker.stack.depth, 2);
        cr_assert_eq(walker.stack.frames[0].frame_addr, caller);
        cr_assert_eq(walker.stack.frames[1].frame_addr, outer);
        /* Another generator runs, and may be the caller. */
        fake_memory_put_u64(&memory, exc_info_addr, 4096);
        expect(HOP_REFUSED_BROKEN_CHAIN);
    }
}

Test(walk, finds_the_caller_of_a_frame_that_has_not_begun)
{
    FOR_EACH_VERSION
    {
        if (!thread.cframe_addr)
            continue;
        uint64_t exc_info_addr = thread.addr + (uint64_t)layout.thread_exc_info;
        push(FAKE_ENTRY, 0, 0);
        push_with_code(2, 3);
        uint64_t caller = push_with_code(4, 5);
        uint64_t fresh = push_with_code(6, 7);
        uint64_t code_addr = thread.frames[thread.depth - 1].raw.code_addr;
        fake_memory_put_u64(&memory, exc_info_addr,
                            thread.addr + (uint64_t)layout.thread_exc_state);
        begin_eval_loop(4096);
        expect(HOP_REFUSED_UNREADABLE);
        fake_memory_put_u64(&memory, fresh + (uint64_t)layout.iframe_ip,
                            code_addr + (uint64_t)layout.code_adaptive - 2);
        expect(HOP_TAKEN);
        cr_assert_eq(walker.stack.depth, 2);
        cr_assert_eq(walker.stack.frames[0].frame_addr, caller);
        /* The struct leads to what is no frame, and in a circle: as type is its own type. */
        uint64_t object_addr = fake_memory_alloc(&memory, NULL, 256);
        fake_memory_put_u64(&memory, object_addr + (uint64_t)layout.iframe_previous, object_addr);
        set_current_frame(begin_eval_loop(4096), object_addr);
        expect(HOP_TAKEN);
        cr_assert_eq(walker.stack.depth, 2);
        cr_assert_eq(walker.stack.frames[0].frame_addr, caller);
        fake_memory_put_u64(&memory, exc_info_addr, 4096);
        expect(HOP_REFUSED_BROKEN_CHAIN);
    }
}
