/* What instrumentation and tier 2 hide, in fake memory: every way to hide and their combinations,
 * every format of the line table, and tables that lie. */
#include "py/code_original.h"
#include "support/fake_objects.h"
#include "support/layouts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS = 40 };

static struct hop_layout layout;
static struct fake_memory memory;
static struct fake_reader reader;
static struct hop_arena arena;
static struct hop_code_originals originals;
static uint64_t monitoring_addr, executors_addr;
static struct hop_unit_original found;

static void start(int minor, int micro)
{
    hop_arena_deinit(&arena);
    fake_memory_deinit(&memory);
    layout_of_version(&layout, minor, micro);
    hop_arena_init(&arena, 1 << 20);
    fake_memory_init(&memory);
    fake_reader_init(&reader, &memory);
    monitoring_addr = fake_memory_alloc(&memory, NULL, 256);
    executors_addr = fake_memory_alloc(&memory, NULL, 512);
    originals = (struct hop_code_originals){
        .reader = &reader.base,
        .layout = &layout,
        .arena = &arena,
        .units = UNITS,
        .monitoring_addr = monitoring_addr,
        .executors_addr = executors_addr,
    };
}

static void tear_down(void)
{
    hop_arena_deinit(&arena);
    fake_memory_deinit(&memory);
}

TestSuite(code_original, .fini = tear_down);

/* Every version that instruments, 3.13 before and after it changed its line table. */
static const struct {
    int minor, micro;
} releases[] = {{12, 1}, {13, 0}, {13, 2}, {13, 3}, {13, 18}, {14, 0}, {15, 0}};

#define FOR_EACH_RELEASE                                                                           \
    for (size_t r_ = 0; r_ < sizeof releases / sizeof releases[0] &&                               \
                        (start(releases[r_].minor, releases[r_].micro), true);                     \
         r_++)

static bool has_sized_entries(void)
{
    return layout.minor > 13 || layout.lines_bytes_per_entry != HOP_ABSENT;
}

static uint8_t op(const char *name)
{
    return fake_opcode(&layout, name);
}

/* A line table whose entry of unit u has the opcode opcodes[u]; entry_bytes as told by the version
 * where that is fixed. */
static uint64_t put_lines(const uint8_t opcodes[UNITS], size_t entry_bytes)
{
    uint8_t bytes[1 + UNITS * 8];
    size_t size = 0;
    if (has_sized_entries())
        bytes[size++] = (uint8_t)entry_bytes;
    for (int unit = 0; unit < UNITS; unit++) {
        bytes[size++] = opcodes[unit];
        for (size_t i = 1; i < entry_bytes; i++)
            bytes[size++] = 0xee;
    }
    uint64_t addr = fake_memory_alloc(&memory, bytes, size);
    fake_memory_put_u64(&memory, monitoring_addr + (uint64_t)layout.monitoring_lines, addr);
    return addr;
}

static void put_instructions(const uint8_t opcodes[UNITS])
{
    fake_memory_put_u64(&memory, monitoring_addr + (uint64_t)layout.monitoring_instructions,
                        fake_memory_alloc(&memory, opcodes, UNITS));
}

static bool find(uint32_t unit, uint8_t opcode, uint8_t oparg)
{
    memset(&found, 0, sizeof found);
    return hop_code_original_find(&originals, unit, opcode, oparg, &found);
}

static void expect(uint32_t unit, const char *hider, uint8_t oparg, uint8_t wanted,
                   uint8_t wanted_oparg)
{
    cr_assert(find(unit, op(hider), oparg), "3.%d unit %u %s", layout.minor, unit, hider);
    cr_assert_eq(found.opcode, wanted, "3.%d: %d, not %d", layout.minor, found.opcode, wanted);
    cr_assert_eq(found.oparg, wanted_oparg);
}

static void expect_none(uint32_t unit, const char *hider, uint8_t oparg)
{
    cr_assert_not(find(unit, op(hider), oparg), "3.%d unit %u %s", layout.minor, unit, hider);
}

Test(code_original, a_line_event_hides_one)
{
    for (size_t entry_bytes = 2; entry_bytes <= 5; entry_bytes++) {
        FOR_EACH_RELEASE
        {
            if (!has_sized_entries() && entry_bytes != 2)
                continue;
            uint8_t opcodes[UNITS] = {0};
            opcodes[0] = op("LOAD_FAST");
            opcodes[7] = op("EXTENDED_ARG");
            opcodes[UNITS - 1] = op("INSTRUMENTED_CALL");
            put_lines(opcodes, entry_bytes);
            expect(0, "INSTRUMENTED_LINE", 3, op("LOAD_FAST"), 3);
            expect(7, "INSTRUMENTED_LINE", 4, op("EXTENDED_ARG"), 4);
            expect(UNITS - 1, "INSTRUMENTED_LINE", 5, op("INSTRUMENTED_CALL"), 5);
        }
    }
}

Test(code_original, an_instruction_event_hides_one)
{
    FOR_EACH_RELEASE
    {
        uint8_t opcodes[UNITS] = {0};
        opcodes[0] = op("LOAD_FAST");
        opcodes[UNITS - 1] = op("INSTRUMENTED_CALL");
        put_instructions(opcodes);
        expect(0, "INSTRUMENTED_INSTRUCTION", 3, op("LOAD_FAST"), 3);
        expect(UNITS - 1, "INSTRUMENTED_INSTRUCTION", 5, op("INSTRUMENTED_CALL"), 5);
    }
}

Test(code_original, one_may_hide_the_other)
{
    FOR_EACH_RELEASE
    {
        uint8_t lines[UNITS] = {0}, instructions[UNITS] = {0};
        lines[1] = op("INSTRUMENTED_INSTRUCTION");
        instructions[1] = op("INSTRUMENTED_RETURN_VALUE");
        lines[2] = op("LOAD_CONST");
        instructions[2] = op("INSTRUMENTED_LINE");
        lines[3] = op("INSTRUMENTED_INSTRUCTION"); /* each names the other: in circles */
        instructions[3] = op("INSTRUMENTED_LINE");
        put_lines(lines, 2);
        put_instructions(instructions);
        expect(1, "INSTRUMENTED_LINE", 9, op("INSTRUMENTED_RETURN_VALUE"), 9);
        expect(2, "INSTRUMENTED_INSTRUCTION", 9, op("LOAD_CONST"), 9);
        expect_none(3, "INSTRUMENTED_LINE", 9);
        expect_none(3, "INSTRUMENTED_INSTRUCTION", 9);
    }
}

Test(code_original, tables_are_read_once)
{
    FOR_EACH_RELEASE
    {
        uint8_t opcodes[UNITS];
        memset(opcodes, op("NOP"), sizeof opcodes);
        put_lines(opcodes, 2);
        put_instructions(opcodes);
        find(0, op("INSTRUMENTED_LINE"), 0);
        find(0, op("INSTRUMENTED_INSTRUCTION"), 0);
        uint64_t reads = reader.reads;
        for (uint32_t unit = 0; unit < UNITS; unit++) {
            expect(unit, "INSTRUMENTED_LINE", 0, op("NOP"), 0);
            expect(unit, "INSTRUMENTED_INSTRUCTION", 0, op("NOP"), 0);
        }
        cr_assert_eq(reader.reads, reads);
    }
}

Test(code_original, a_line_table_may_lie)
{
    FOR_EACH_RELEASE
    {
        uint8_t opcodes[UNITS];
        memset(opcodes, op("NOP"), sizeof opcodes);
        if (has_sized_entries()) {
            static const uint8_t sizes[] = {0, 6, 255};
            uint64_t addr = put_lines(opcodes, 8);
            for (size_t i = 0; i < 3; i++) {
                *fake_memory_at(&memory, addr, 1) = sizes[i];
                expect_none(0, "INSTRUMENTED_LINE", 0);
            }
            addr = put_lines(opcodes, 2);
            *fake_memory_at(&memory, addr, 1) = 3; /* it is shorter than it says */
            expect_none(0, "INSTRUMENTED_LINE", 0);
        }
        fake_memory_put_u64(&memory, monitoring_addr + (uint64_t)layout.monitoring_lines, 0);
        expect_none(0, "INSTRUMENTED_LINE", 0);
        fake_memory_put_u64(&memory, monitoring_addr + (uint64_t)layout.monitoring_lines, 64);
        expect_none(0, "INSTRUMENTED_LINE", 0);
        expect_none(0, "INSTRUMENTED_INSTRUCTION", 0);
        originals.monitoring_addr = 0; /* there is none at all */
        expect_none(0, "INSTRUMENTED_LINE", 0);
        expect_none(0, "INSTRUMENTED_INSTRUCTION", 0);
    }
}

/* An executor that replaced this unit. */
static uint64_t make_executor(uint8_t opcode, uint8_t oparg)
{
    uint64_t addr = fake_memory_alloc(&memory, NULL, 256);
    *fake_memory_at(&memory, addr + (uint64_t)layout.executor_opcode, 1) = opcode;
    *fake_memory_at(&memory, addr + (uint64_t)layout.executor_oparg, 1) = oparg;
    return addr;
}

static void put_executor(int index, uint64_t addr)
{
    fake_memory_put_u64(
        &memory, executors_addr + (uint64_t)layout.executors_array + 8 * (uint64_t)index, addr);
}

Test(code_original, an_executor_replaced_one)
{
    FOR_EACH_RELEASE
    {
        if (layout.minor < 13)
            continue; /* tier 2 came with 3.13 */
        uint64_t size_addr = executors_addr + (uint64_t)layout.executors_size;
        fake_memory_put_u32(&memory, size_addr, 3);
        put_executor(0, make_executor(op("JUMP_BACKWARD"), 200));
        put_executor(1, make_executor(op("EXTENDED_ARG"), 1));
        put_executor(3, make_executor(op("JUMP_BACKWARD"), 1));
        expect(5, "ENTER_EXECUTOR", 0, op("JUMP_BACKWARD"), 200);
        expect(5, "ENTER_EXECUTOR", 1, op("EXTENDED_ARG"), 1);
        expect_none(5, "ENTER_EXECUTOR", 2); /* NULL: it was taken away */
        expect_none(5, "ENTER_EXECUTOR", 3); /* beyond the size */
        put_executor(2, make_executor(op("ENTER_EXECUTOR"), 2));
        expect_none(5, "ENTER_EXECUTOR", 2); /* in circles */
        put_executor(2, 64);
        expect_none(5, "ENTER_EXECUTOR", 2);                 /* nowhere */
        fake_memory_put_u32(&memory, size_addr, UINT32_MAX); /* less than none */
        expect_none(5, "ENTER_EXECUTOR", 0);
        originals.executors_addr = 0;
        expect_none(5, "ENTER_EXECUTOR", 0);
    }
}

Test(code_original, each_read_may_fail)
{
    FOR_EACH_RELEASE
    {
        uint8_t lines[UNITS], instructions[UNITS];
        memset(lines, op("INSTRUMENTED_INSTRUCTION"), sizeof lines);
        memset(instructions, op("NOP"), sizeof instructions);
        put_lines(lines, 2);
        put_instructions(instructions);
        struct hop_code_originals fresh = originals;
        bool is_found = false;
        for (uint64_t n = 1; !is_found; n++) {
            originals = fresh;
            fake_reader_init(&reader, &memory);
            reader.fails_at = n;
            is_found = find(3, op("INSTRUMENTED_LINE"), 1);
            cr_assert(is_found || reader.reads == n);
            cr_assert_leq(n, 6);
        }
        cr_assert_eq(found.opcode, op("NOP"));
    }
}
