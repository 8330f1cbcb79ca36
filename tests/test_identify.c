/* Frames identified in fake memory, of every layout: which code object, instruction and opcode;
 * code objects that take another one's place; what is refused. */
#include "py/walk.h"
#include "sample/identify.h"
#include "support/fake_program.h"
#include "support/layouts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct fake_program program;
static struct hop_walker walker;
static struct hop_code_table table;
static struct hop_identifier identifier;

static void forget(void)
{
    hop_identifier_deinit(&identifier);
    hop_code_table_deinit(&table);
    hop_walker_deinit(&walker);
}

static void tear_down(void)
{
    forget();
    fake_program_end(&program);
}

static void learn(void)
{
    forget();
    struct hop_reader *reader = &program.reader.base;
    cr_assert(hop_walker_init(&walker, reader, &program.layout));
    cr_assert(hop_code_table_init(&table, &program.layout, reader));
    cr_assert(hop_identifier_init(&identifier, &table, reader));
}

static void start(int minor)
{
    tear_down();
    fake_program_start(&program, minor);
    learn();
}

TestSuite(identify, .fini = tear_down);

#define FOR_EACH_VERSION                                                                           \
    for (int minor = LAYOUT_MINOR_FIRST; minor <= LAYOUT_MINOR_LAST && (start(minor), true);       \
         minor++)

static enum hop_refusal identify(void)
{
    cr_assert_eq(hop_walk(&walker, program.thread.addr), HOP_TAKEN);
    return hop_identify(&identifier, &walker.stack);
}

static void expect(enum hop_refusal refusal)
{
    enum hop_refusal found = identify();
    cr_assert_eq(found, refusal, "3.%d: %s", program.layout.minor,
                 found ? hop_refusal_name(found) : "taken");
}

/* Frame `i`, innermost first, runs code of that name and stands at that instruction. */
static void expect_frame(size_t i, const char *name, uint32_t unit)
{
    const struct hop_step *frame = &identifier.frames[i];
    cr_assert_lt(frame->code, table.count);
    const struct hop_code *code = table.codes[frame->code];
    cr_assert_str_eq(code->name, name, "3.%d frame %zu: %s, not %s", program.layout.minor, i,
                     code->name, name);
    cr_assert_eq(code->addr, walker.stack.frames[i].code_addr);
    cr_assert_eq(frame->unit, unit);
    cr_assert_eq(frame->opcode, *fake_program_opcode(&program, code->addr, unit));
}

Test(identify, no_frames_are_no_work)
{
    FOR_EACH_VERSION
    {
        expect(HOP_TAKEN);
        cr_assert_eq(table.count, 0);
    }
}

Test(identify, says_code_instruction_and_opcode)
{
    FOR_EACH_VERSION
    {
        uint64_t outer = fake_program_code(&program, 0, "outer");
        uint64_t inner = fake_program_code(&program, 0, "inner");
        const uint32_t *starts = program.starts;
        fake_program_call(&program, outer, starts[0]);
        fake_program_call(&program, inner, starts[1]);
        fake_program_call(&program, inner, starts[2]); /* recursion: other places of one code */
        fake_program_call(&program, inner, starts[1]);
        fake_program_call(&program, outer, starts[2] - 1); /* a cache, or a prefix's instruction */
        fake_program_call(&program, inner, starts[1] - 1); /* the prefix */
        for (int i = 0; i < 3; i++) {
            expect(HOP_TAKEN);
            expect_frame(5, "outer", starts[0]);
            expect_frame(4, "inner", starts[1]);
            expect_frame(3, "inner", starts[2]);
            expect_frame(2, "inner", starts[1]);
            expect_frame(1, "outer", starts[1]);
            expect_frame(0, "inner", starts[1]);
            cr_assert_eq(table.count, 2);
        }
    }
}

/* More than one batch. */
enum { CODES = 700, FRAMES = 5000 };

static size_t unit_of(size_t frame)
{
    size_t any = frame % CODES * 2654435761u >> 7; /* in step with no batch */
    return (frame < FRAMES / 2 ? any : any + frame) % 3;
}

Test(identify, deep_stacks_are_read_in_batches)
{
    FOR_EACH_VERSION
    {
        static char names[CODES][16];
        static uint64_t codes[CODES];
        for (size_t i = 0; i < CODES; i++) {
            snprintf(names[i], sizeof names[i], "function%zu", i);
            codes[i] = fake_program_code(&program, 0, names[i]);
        }
        /* A code object now at the same instruction each time, now at another one. */
        for (size_t i = 0; i < FRAMES; i++)
            fake_program_call(&program, codes[i % CODES], program.starts[unit_of(i)]);
        for (int round = 0; round < 2; round++) {
            uint64_t reads = identifier.reads;
            expect(HOP_TAKEN);
            for (size_t i = 0; i < FRAMES; i++)
                expect_frame(FRAMES - 1 - i, names[i % CODES], program.starts[unit_of(i)]);
            cr_assert_eq(table.count, CODES);
            cr_assert_lt(identifier.reads - reads, FRAMES / 50);
        }
    }
}

Test(identify, a_usual_stack_is_one_call)
{
    FOR_EACH_VERSION
    {
        for (size_t i = 0; i < 50; i++)
            fake_program_call(&program, fake_program_code(&program, 0, "function"), 0);
        expect(HOP_TAKEN);
        uint64_t reads = identifier.reads;
        cr_assert_eq(hop_walk(&walker, program.thread.addr), HOP_TAKEN);
        program.reader.calls = 0;
        cr_assert_eq(hop_identify(&identifier, &walker.stack), HOP_TAKEN);
        cr_assert_eq(program.reader.calls, 1);
        cr_assert_eq(identifier.reads, reads + 1);
    }
}

/* --- another code object at the same address ------------------------------------------------- */

Test(identify, another_code_object_at_the_address_is_noticed)
{
    FOR_EACH_VERSION
    {
        /* Among many, in any batch. */
        uint64_t other = fake_program_code(&program, 0, "other");
        uint64_t code = fake_program_code(&program, 0, "first");
        for (size_t at = 0; at < 1200; at += 399) {
            while (program.thread.depth > 1)
                fake_frame_pop(&program.thread);
            for (size_t i = 0; i < 1200; i++)
                fake_program_call(&program, i == at ? code : other, program.starts[i % 3]);
            expect(HOP_TAKEN);
            fake_program_code(&program, code, "second");
            expect(HOP_TAKEN);
            expect_frame(1199 - at, "second", program.starts[at % 3]);
            expect_frame(at == 0 ? 0 : 1199, "other", program.starts[at == 0 ? 1199 % 3 : 0]);
            fake_program_code(&program, code, "first");
            expect(HOP_TAKEN);
            expect_frame(1199 - at, "first", program.starts[at % 3]);
        }
    }
}

/* The least that two code objects at one address can differ in: co_version, or the name in the
 * memory of the old one's name. */
Test(identify, the_least_difference_is_noticed)
{
    FOR_EACH_VERSION
    {
        uint64_t code = fake_program_code(&program, 0, "first");
        fake_program_call(&program, code, 0);
        expect(HOP_TAKEN);
        const struct hop_layout *layout = &program.layout;
        uint64_t name =
            hop_u64(fake_memory_at(&program.memory, code + (uint64_t)layout->code_name, 8));
        memcpy(fake_memory_at(&program.memory, name + (uint64_t)layout->unicode_ascii_data, 5),
               "later", 5);
        if (layout->code_version != HOP_ABSENT)
            fake_memory_put_u32(&program.memory, code + (uint64_t)layout->code_version, 4711);
        else
            ++*fake_memory_at(&program.memory, name + (uint64_t)layout->unicode_hash, 1);
        expect(HOP_TAKEN);
        expect_frame(0, "later", 0);
        cr_assert_eq(table.reused, 1);
    }
}

/* eval() of one text over and over. */
Test(identify, the_same_code_again_stays_one)
{
    FOR_EACH_VERSION
    {
        uint64_t code = fake_program_code(&program, 0, "text");
        fake_program_call(&program, code, program.starts[1]);
        for (int i = 0; i < 100; i++) {
            expect(HOP_TAKEN);
            expect_frame(0, "text", program.starts[1]);
            fake_program_code(&program, code, "text");
        }
        cr_assert_eq(table.count, 1);
    }
}

Test(identify, a_longer_or_shorter_one_is_noticed_too)
{
    FOR_EACH_VERSION
    {
        size_t whole = program.code.unit_count, half = program.starts[1] - 1;
        uint64_t code;
        program.code.unit_count = half;
        code = fake_program_code(&program, 0, "short");
        fake_program_call(&program, code, 0);
        expect(HOP_TAKEN);
        program.code.unit_count = whole;
        fake_program_code(&program, code, "long");
        fake_program_call(&program, code, program.starts[2]); /* not in the one that is known */
        expect(HOP_TAKEN);
        expect_frame(0, "long", program.starts[2]);
        expect_frame(1, "long", 0);
        program.code.unit_count = half;
        fake_program_code(&program, code, "short");
        expect(HOP_REFUSED_BAD_OFFSET);
        expect(HOP_REFUSED_BAD_OFFSET);
        fake_frame_pop(&program.thread);
        expect(HOP_TAKEN);
        expect_frame(0, "short", 0);
    }
}

/* What was known of the code object that is gone may have gone with it. */
Test(identify, memory_of_the_old_one_may_be_gone)
{
    FOR_EACH_VERSION
    {
        const struct hop_layout *layout = &program.layout;
        fake_program_call(&program, fake_program_code(&program, 0, "other"), 0);
        uint64_t code = fake_program_code(&program, 0, "first");
        fake_program_call(&program, code, program.starts[1]);
        expect(HOP_TAKEN);
        const int32_t fields[] = {layout->code_name, layout->code_code};
        uint64_t gone[2] = {0};
        for (size_t i = 0; i < 2; i++)
            if (fields[i] != HOP_ABSENT)
                gone[i] = hop_u64(fake_memory_at(&program.memory, code + (uint64_t)fields[i], 8));
        fake_program_code(&program, code, "second");
        for (size_t i = 0; i < 2; i++)
            if (gone[i])
                fake_memory_unmap(&program.memory, gone[i]);
        expect(HOP_TAKEN);
        expect_frame(0, "second", program.starts[1]);
        expect_frame(1, "other", 0);
    }
}

Test(identify, what_cannot_be_is_refused_and_forgotten)
{
    FOR_EACH_VERSION
    {
        uint64_t code = fake_program_code(&program, 0, "sound");
        fake_program_call(&program, code, program.starts[2]);
        for (int is_known = 0; is_known < 2; is_known++) {
            if (is_known)
                expect(HOP_TAKEN);
            size_t known = table.count;
            program.bytecode[0] = 0; /* no opcode, in any version */
            fake_program_code(&program, code, "broken");
            expect(HOP_REFUSED_BAD_OPCODE);
            program.bytecode[0] = fake_opcode(&program.layout, "LOAD_GLOBAL");
            uint64_t code_type = program.code.type_addr;
            program.code.type_addr = fake_type(&program.memory, &program.layout, "codec");
            fake_program_code(&program, code, "none");
            expect(HOP_REFUSED_NOT_CODE);
            program.code.type_addr = code_type;
            fake_memory_unmap(&program.memory, code);
            expect(HOP_REFUSED_UNREADABLE);
            cr_assert_eq(table.count, known);
            fake_code_at(&program.memory, &program.layout, code, &program.code);
            fake_program_code(&program, code, "sound");
            expect(HOP_TAKEN);
            expect_frame(0, "sound", program.starts[2]);
            learn();
        }
    }
}

/* --- while it is counted how many code objects were made ------------------------------------- */

static uint64_t count_code_objects(void)
{
    uint32_t count = 7;
    identifier.counter_addr = fake_memory_alloc(&program.memory, &count, sizeof count);
    return identifier.counter_addr;
}

Test(identify, what_was_checked_is_believed_until_code_is_made)
{
    FOR_EACH_VERSION
    {
        uint64_t counter = count_code_objects();
        uint64_t outer = fake_program_code(&program, 0, "outer");
        uint64_t inner = fake_program_code(&program, 0, "inner");
        fake_program_call(&program, outer, program.starts[0]);
        fake_program_call(&program, inner, program.starts[1]);
        fake_program_call(&program, inner, program.starts[2]);
        for (int i = 0; i < 3; i++) {
            identifier.now_ns += 1000;
            expect(HOP_TAKEN);
            expect_frame(2, "outer", program.starts[0]);
            expect_frame(1, "inner", program.starts[1]);
            expect_frame(0, "inner", program.starts[2]);
        }
        /* The count, and the innermost frame's opcode; the callers' too as long as qualified names
         * are wanted (up to 3.10). */
        uint64_t before = program.reader.reads;
        cr_assert_eq(hop_identify(&identifier, &walker.stack), HOP_TAKEN);
        cr_assert_eq(program.reader.reads - before, minor < 11 ? 3 : 2);
        /* Each may be freed and another one made, in callers and in the innermost frame. */
        for (uint32_t made = 8; made < 20; made++) {
            bool is_outer = made % 2;
            fake_program_code(&program, is_outer ? outer : inner, made % 4 < 2 ? "new" : "newer");
            fake_memory_put_u32(&program.memory, counter, made);
            expect(HOP_TAKEN);
            expect_frame(is_outer ? 2 : 0, made % 4 < 2 ? "new" : "newer",
                         program.starts[is_outer ? 0 : 2]);
        }
        /* Another CPython took the place of this one, and has made as many by now. */
        fake_memory_put_u32(&program.memory, counter, 3);
        expect(HOP_TAKEN);
        fake_memory_put_u32(&program.memory, counter, 19);
        fake_program_code(&program, outer, "seen to begin");
        expect(HOP_TAKEN);
        expect_frame(2, "seen to begin", program.starts[0]);
        identifier.now_ns += 6 * 1000 * 1000;
        fake_program_code(&program, outer, "unseen");
        expect(HOP_TAKEN);
        expect_frame(2, "unseen", program.starts[0]);
        /* Used up: it counts no more. */
        fake_memory_put_u32(&program.memory, counter, 0);
        expect(HOP_TAKEN);
        fake_program_code(&program, outer, "last");
        expect(HOP_TAKEN);
        expect_frame(2, "last", program.starts[0]);
    }
}

Test(identify, frames_that_come_and_go_are_told_from_those_that_stay)
{
    FOR_EACH_VERSION
    {
        static const char *const names[] = {"a", "b", "c", "d"};
        uint64_t codes[4];
        count_code_objects();
        for (size_t i = 0; i < 4; i++)
            codes[i] = fake_program_code(&program, 0, names[i]);
        unsigned random = 1;
        struct {
            size_t code, start;
        } calls[8];
        size_t depth = 0;
        for (int round = 0; round < 300; round++) {
            random = random * 1103515245 + 12345;
            size_t wanted = (random >> 16) % 9, stay = wanted ? wanted - 1 : 0;
            while (depth > stay) {
                fake_frame_pop(&program.thread);
                depth--;
            }
            for (; depth < wanted; depth++) {
                random = random * 1103515245 + 12345;
                calls[depth].code = (random >> 16) % 4;
                calls[depth].start = (random >> 20) % 3;
                fake_program_call(&program, codes[calls[depth].code],
                                  program.starts[calls[depth].start]);
            }
            if (round % 50 == 49)
                hop_identifier_distrust(&identifier);
            expect(HOP_TAKEN);
            for (size_t i = 0; i < depth; i++)
                expect_frame(depth - 1 - i, names[calls[i].code], program.starts[calls[i].start]);
        }
    }
}

/* Nothing before the first frame is taken for one that has stayed. */
Test(identify, a_stack_without_frames_after_one_with_some)
{
    FOR_EACH_VERSION
    {
        count_code_objects();
        uint64_t code = fake_program_code(&program, 0, "function");
        for (int i = 0; i < 3; i++)
            fake_program_call(&program, code, program.starts[0]);
        expect(HOP_TAKEN);
        const struct hop_raw_stack none = {.depth = 0, .frames = walker.stack.frames + 3};
        cr_assert_eq(hop_identify(&identifier, &none), HOP_TAKEN);
        expect(HOP_TAKEN);
        expect_frame(2, "function", program.starts[0]);
    }
}

/* A caller's opcode is read anew now and then; the innermost frame's always. */
Test(identify, a_callers_opcode_is_not_older_than_it_may_be)
{
    FOR_EACH_VERSION
    {
        if (minor < 11)
            continue;
        count_code_objects();
        uint64_t code = fake_program_code(&program, 0, "function");
        fake_program_call(&program, code, program.starts[0]);
        fake_program_call(&program, code, program.starts[0]);
        expect(HOP_TAKEN);
        uint8_t *place = fake_program_opcode(&program, code, program.starts[0]), base = *place;
        int special = 0;
        while (special == base || !program.layout.opcodes[special].name ||
               program.layout.opcodes[special].base != base)
            special++;
        *place = (uint8_t)special;
        identifier.now_ns += 1000;
        expect(HOP_TAKEN);
        cr_assert_eq(identifier.frames[0].opcode, special);
        cr_assert_eq(identifier.frames[1].opcode, base);
        identifier.now_ns += 1000 * 1000 * 1000;
        expect(HOP_TAKEN);
        cr_assert_eq(identifier.frames[1].opcode, special);
    }
}

/* --- opcodes --------------------------------------------------------------------------------- */

Test(identify, an_opcode_that_cannot_stand_there_is_refused)
{
    FOR_EACH_VERSION
    {
        const struct hop_layout *layout = &program.layout;
        uint64_t code = fake_program_code(&program, 0, "function");
        int accepted[FAKE_INSTRUCTIONS] = {0};
        for (size_t k = 0; k < FAKE_INSTRUCTIONS; k++) {
            uint32_t unit = program.starts[k];
            fake_program_call(&program, code, unit);
            expect(HOP_TAKEN);
            uint8_t *place = fake_program_opcode(&program, code, unit), base = *place;
            for (int opcode = 0; opcode < HOP_OPCODE_COUNT; opcode++) {
                const struct hop_opcode *it = &layout->opcodes[opcode];
                /* Itself, specialised, instrumented, or one that hides it. */
                bool may = it->name && (it->base == base || it->role >= HOP_ROLE_INSTRUMENTED_LINE);
                *place = (uint8_t)opcode;
                expect(may ? HOP_TAKEN : HOP_REFUSED_BAD_OPCODE);
                if (may)
                    cr_assert_eq(identifier.frames[0].opcode, opcode);
                accepted[k] += may;
            }
            *place = base;
            expect(HOP_TAKEN);
        }
        cr_assert_eq(table.count, 1); /* none of this is another code object */
        if (minor >= 11)
            cr_assert_gt(accepted[0], 2, "LOAD_GLOBAL has specialised forms from 3.11 on");
        else
            cr_assert_eq(accepted[0], 1);
    }
}

/* --- reads that fail, and code that changes while it is read --------------------------------- */

static void call_some(void)
{
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++)
        fake_program_call(&program, fake_program_code(&program, 0, names[i]), program.starts[i]);
}

Test(identify, each_read_may_fail)
{
    FOR_EACH_VERSION
    {
        call_some();
        for (int is_warm = 0; is_warm < 2; is_warm++) {
            int refused = 0;
            for (uint64_t n = 1;; n++) {
                learn();
                if (is_warm)
                    expect(HOP_TAKEN);
                cr_assert_eq(hop_walk(&walker, program.thread.addr), HOP_TAKEN);
                program.reader.fails_at = program.reader.reads + n;
                enum hop_refusal refusal = hop_identify(&identifier, &walker.stack);
                bool is_over = program.reader.reads < program.reader.fails_at;
                cr_assert(refusal == (is_over ? HOP_TAKEN : HOP_REFUSED_UNREADABLE) ||
                          (!is_over && refusal == HOP_REFUSED_NOT_CODE));
                refused += refusal != HOP_TAKEN;
                program.reader.fails_at = 0;
                expect(HOP_TAKEN);
                expect_frame(0, "c", program.starts[2]);
                expect_frame(2, "a", program.starts[0]);
                cr_assert_eq(table.count, 3);
                if (is_over)
                    break;
            }
            /* Warm: a read at least for each of the three code objects. */
            cr_assert_gt(refused, is_warm ? 2 : 30);
        }
    }
}

/* One code object is freed and another one made in its place at any moment of the look: each frame
 * is given the one or the other, whole, with an instruction of it. */
Test(identify, code_that_is_replaced_meanwhile_is_one_or_the_other)
{
    FOR_EACH_VERSION
    {
        struct fake_memory after;
        uint64_t code = fake_program_code(&program, 0, "before");
        fake_program_call(&program, code, program.starts[1]);
        fake_program_call(&program, fake_program_code(&program, 0, "other"), 0);
        fake_program_call(&program, code, program.starts[2]);
        fake_memory_copy(&after, &program.memory);
        struct fake_memory before = program.memory;
        program.memory = after;
        program.bytecode[1] = 99;
        program.code.first_line = 99;
        fake_program_code(&program, code, "after");
        program.bytecode[1] = 1;
        program.code.first_line = 12;
        after = program.memory;
        program.memory = before;

        for (int is_warm = 0; is_warm < 2; is_warm++) {
            size_t named_before = 0, named_after = 0;
            for (uint64_t n = 1;; n++) {
                learn();
                if (is_warm)
                    expect(HOP_TAKEN);
                cr_assert_eq(hop_walk(&walker, program.thread.addr), HOP_TAKEN);
                program.reader.after = &after;
                program.reader.swaps_at = program.reader.reads + n;
                enum hop_refusal refusal = hop_identify(&identifier, &walker.stack);
                bool is_over = program.reader.reads < program.reader.swaps_at;
                for (size_t i = 0; refusal == HOP_TAKEN && i < 3; i += 2) {
                    const struct hop_code *found = table.codes[identifier.frames[i].code];
                    bool is_before = !strcmp(found->name, "before");
                    cr_assert(is_before || !strcmp(found->name, "after"));
                    cr_assert_eq(found->first_line, is_before ? 12 : 99);
                    cr_assert_eq(found->units.args[0], is_before ? 1 : 99);
                    cr_assert_eq(identifier.frames[i].unit, program.starts[i ? 1 : 2]);
                    named_before += is_before, named_after += !is_before;
                }
                /* Whatever came of it, the next look is right. */
                program.reader.memory = &after;
                program.reader.swaps_at = 0;
                expect(HOP_TAKEN);
                cr_assert_str_eq(table.codes[identifier.frames[0].code]->name, "after");
                cr_assert_str_eq(table.codes[identifier.frames[1].code]->name, "other");
                program.reader.memory = &program.memory;
                if (is_over)
                    break;
            }
            cr_assert_gt(named_before, 0);
            cr_assert_gt(named_after, 0);
        }
        fake_memory_deinit(&after);
    }
}

/* A reader whose code object is another one at each call of at least that many spans. */
static size_t restless_spans;

static size_t fill_restless(struct hop_reader *base, const struct hop_span *spans, size_t count)
{
    uint64_t code = program.thread.frames[program.thread.depth - 1].raw.code_addr;
    (void)base;
    if (count >= restless_spans)
        ++*fake_memory_at(&program.memory, code + (uint64_t)program.layout.code_firstlineno, 1);
    return program.reader.base.fill(&program.reader.base, spans, count);
}

Test(identify, memory_that_never_rests_is_given_up)
{
    FOR_EACH_VERSION
    {
        struct hop_reader restless = {.fill = fill_restless};
        call_some();
        for (restless_spans = 1; restless_spans < 4; restless_spans += 2) {
            learn();
            expect(HOP_TAKEN);
            cr_assert_eq(hop_walk(&walker, program.thread.addr), HOP_TAKEN);
            table.reader = identifier.reader = &restless;
            cr_assert_eq(hop_identify(&identifier, &walker.stack), HOP_REFUSED_NOT_CODE);
            table.reader = identifier.reader = &program.reader.base;
            expect(HOP_TAKEN);
            expect_frame(0, "c", program.starts[2]);
        }
    }
}
