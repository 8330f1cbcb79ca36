/* What arguments stand for: numbers and texts as repr() writes them, and objects of a target that
 * lies. That all of it is what dis says is tests/test_code_live.c's affair. */
#include "py/constant_text.h"
#include "py/operands.h"
#include "support/fake_objects.h"
#include "support/layouts.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct hop_layout layout;
static struct fake_memory memory;
static struct fake_reader reader;
static struct hop_known_types types;
static struct hop_arena arena;
static struct hop_operands operands;

/* Objects lie in whole pages, as in a real address space: what is read of them ends with a page,
 * not with the object. */
static uint64_t page_addr, page_used;
enum { PAGES_BYTES = 256 << 10 };

enum { ARENA_BYTES = 8 << 20, HEADER_BYTES = 512 };

static void set_up(void)
{
    layout_of_version(&layout, 13, layout_usual_micro(13));
    fake_memory_init(&memory);
    fake_reader_init(&reader, &memory);
    hop_arena_init(&arena, ARENA_BYTES);
    types = (struct hop_known_types){0};
    page_addr = fake_memory_alloc_pages(&memory, PAGES_BYTES);
    page_used = 0;
}

static void tear_down(void)
{
    hop_arena_deinit(&arena);
    fake_memory_deinit(&memory);
}

TestSuite(operands, .init = set_up, .fini = tear_down);

/* --- numbers and texts ------------------------------------------------------------------------ */

static char text[HOP_CONSTANT_SIZE];

static void expect_float(double value, const char *expected)
{
    struct hop_constant_text written = {.text = text};
    hop_constant_put_float(&written, value);
    hop_constant_end(&written);
    cr_expect_str_eq(text, expected);
}

Test(operands, floats_are_as_short_as_may_be)
{
    expect_float(0.1, "0.1");
    expect_float(1, "1.0");
    expect_float(-0.0, "-0.0");
    expect_float(1e16, "1e+16");
    expect_float(1e15, "1000000000000000.0");
    expect_float(123456.75, "123456.75");
    expect_float(0.0001, "0.0001");
    expect_float(0.00001234, "1.234e-05");
    expect_float(1.0 / 3, "0.3333333333333333");
    expect_float(5e-324, "5e-324");
    expect_float(1.7976931348623157e308, "1.7976931348623157e+308");
    expect_float(INFINITY, "inf");
    expect_float(NAN, "nan");
}

static void expect_str(const char *latin1, const char *expected)
{
    struct hop_constant_text written = {.text = text};
    hop_constant_put_str(&written, (const uint8_t *)latin1, 1, strlen(latin1), true);
    hop_constant_end(&written);
    cr_expect_str_eq(text, expected);
}

Test(operands, texts_are_quoted_and_escaped)
{
    expect_str("plain", "'plain'");
    expect_str("it's", "\"it's\"");
    expect_str("it's \"x\"", "'it\\'s \"x\"'");
    expect_str("\\ \n\t\x01\x7f\x9b\xe9", "'\\\\ \\n\\t\\x01\\x7f\\x9b\xc3\xa9'");
}

Test(operands, what_is_too_long_is_cut_between_characters)
{
    char latin1[400];
    memset(latin1, 0xe9, sizeof latin1 - 1); /* two bytes of UTF-8 each, behind the quote */
    latin1[sizeof latin1 - 1] = '\0';
    struct hop_constant_text written = {.text = text};
    hop_constant_put_str(&written, (const uint8_t *)latin1, 1, sizeof latin1 - 1, true);
    size_t length = hop_constant_end(&written);
    cr_expect_leq(length, (size_t)HOP_CONSTANT_BYTES_MAX + 3);
    cr_expect_eq(length, 1 + 198 + 3u);
    cr_expect_str_eq(text + length - 5, "\xc3\xa9…");
}

/* --- objects ---------------------------------------------------------------------------------- */

static uint64_t place(size_t size, uint8_t **bytes)
{
    uint64_t addr = page_addr + page_used;
    page_used += (size + 15) / 16 * 16;
    cr_assert_leq(page_used, (uint64_t)PAGES_BYTES);
    *bytes = fake_memory_at(&memory, addr, size);
    return addr;
}

static uint64_t object(const char *type, size_t size, uint8_t **bytes)
{
    uint8_t *type_bytes, *name_bytes;
    uint64_t type_addr = place((size_t)layout.type_name + 8, &type_bytes);
    uint64_t name_addr = place(64, &name_bytes);
    strcpy((char *)name_bytes, type);
    memcpy(type_bytes + layout.type_name, &name_addr, 8);
    uint64_t addr = place(size, bytes);
    memcpy(*bytes + layout.object_type, &type_addr, 8);
    return addr;
}

static uint64_t ascii(const char *characters)
{
    uint8_t *bytes;
    uint64_t length = strlen(characters);
    uint64_t addr = object("str", (size_t)layout.unicode_ascii_data + length + 1, &bytes);
    uint32_t kind_1 = layout.unicode_kind_mask & -layout.unicode_kind_mask;
    uint32_t state = kind_1 | layout.unicode_compact_mask | layout.unicode_ascii_mask;
    memcpy(bytes + layout.unicode_length, &length, 8);
    memcpy(bytes + layout.unicode_state, &state, 4);
    memcpy(bytes + layout.unicode_ascii_data, characters, length);
    return addr;
}

static uint64_t tuple(const uint64_t *items, uint64_t count, uint64_t told)
{
    uint8_t *bytes;
    uint64_t addr = object("tuple", (size_t)layout.tuple_items + 8 * count + 8, &bytes);
    memcpy(bytes + layout.tuple_size, &told, 8);
    memcpy(bytes + layout.tuple_items, items, 8 * count);
    return addr;
}

static uint64_t number(uint32_t digit, bool is_negative)
{
    uint8_t *bytes;
    uint64_t addr = object("int", (size_t)layout.long_digits + 8, &bytes);
    uint64_t tag = 1 << 3 | (is_negative ? 2 : 0);
    memcpy(bytes + layout.long_lv_tag, &tag, 8);
    memcpy(bytes + layout.long_digits, &digit, 4);
    return addr;
}

/* Reads the operands of a code object with these tuples. */
static void read_operands(uint64_t names, uint64_t constants)
{
    uint8_t header[HEADER_BYTES] = {0};
    memcpy(header + layout.code_names, &names, 8);
    memcpy(header + layout.code_consts, &constants, 8);
    hop_operands_read(&reader.base, &layout, header, (size_t)layout.code_adaptive, &types, &arena,
                      &operands);
}

static const char *shown(const char *opcode, uint32_t argument)
{
    static char shown_text[HOP_OPERAND_TEXT_SIZE];
    hop_operand_write(&layout, &operands, 10, fake_opcode(&layout, opcode), argument, shown_text);
    return shown_text;
}

Test(operands, names_and_constants_are_shown_as_dis_does)
{
    uint64_t names[] = {ascii("print"), ascii("x")};
    uint64_t constants[] = {number(42, true), ascii("it")};
    uint64_t nested[] = {tuple(constants, 2, 2), constants[0]};
    read_operands(tuple(names, 2, 2), tuple(nested, 2, 2));
    cr_expect_str_eq(shown("LOAD_GLOBAL", 1), "print + NULL");
    cr_expect_str_eq(shown("LOAD_ATTR", 3), "x + NULL|self");
    cr_expect_str_eq(shown("LOAD_ATTR", 2), "x");
    cr_expect_str_eq(shown("LOAD_CONST", 0), "(-42, 'it')");
    cr_expect_str_eq(shown("LOAD_CONST", 1), "-42");
    cr_expect_str_eq(shown("BINARY_OP", 13), "+=");
    cr_expect_str_eq(shown("COMPARE_OP", 18), "bool(<)");
    cr_expect_str_eq(shown("IS_OP", 1), "is not");
    cr_expect_str_eq(shown("JUMP_BACKWARD", 5), "to 14"); /* 2 * (10 + 1 + 1 cache - 5) */
    cr_expect_str_eq(shown("POP_JUMP_IF_TRUE", 3), "to 30");
    cr_expect_str_eq(shown("CALL", 2), "");
}

Test(operands, what_is_out_of_range_is_nothing)
{
    uint64_t names[] = {ascii("x")};
    read_operands(tuple(names, 1, 1), 0);
    cr_expect_str_eq(shown("LOAD_NAME", 1), "");
    cr_expect_str_eq(shown("LOAD_GLOBAL", 0xffffffff), "");
    cr_expect_str_eq(shown("LOAD_CONST", 0), "");
    cr_expect_str_eq(shown("LOAD_FAST", 0), "");
    cr_expect_str_eq(shown("BINARY_OP", 0xffffffff), "");
    cr_expect_str_eq(shown("JUMP_BACKWARD", 0xffffffff), "");
}

Test(operands, names_that_are_none_and_objects_that_are_not_there)
{
    uint64_t items[] = {0, 0xdead0000, number(1, false), UINT64_MAX - 4};
    read_operands(tuple(items, 4, 4), tuple(items, 4, 4));
    cr_expect_str_eq(shown("LOAD_NAME", 2), "");
    cr_expect_str_eq(shown("LOAD_CONST", 0), "<unreadable object>");
    cr_expect_str_eq(shown("LOAD_CONST", 1), "<unreadable object>");
    cr_expect_str_eq(shown("LOAD_CONST", 2), "1");
}

Test(operands, a_tuple_that_says_it_is_huge_is_read_up_to_the_limit)
{
    uint64_t items[] = {number(1, false)};
    read_operands(0, tuple(items, 1, UINT64_MAX / 8));
    cr_expect_eq(operands.counts[HOP_OPERAND_CONSTANTS], (uint32_t)HOP_OPERANDS_MAX);
    cr_expect_str_eq(shown("LOAD_CONST", 0), "1");
    cr_expect_str_eq(shown("LOAD_CONST", 4000), "<unreadable object>");
    cr_expect_lt(arena.used_bytes, (size_t)2 << 20);
}

Test(operands, a_tuple_that_reaches_into_nothing_is_left_out)
{
    uint64_t items[] = {number(1, false)};
    uint64_t at_the_end = page_addr + PAGES_BYTES - (uint64_t)layout.tuple_items - 8;
    fake_memory_put_u64(&memory, at_the_end + (uint64_t)layout.tuple_size, 2);
    fake_memory_put_u64(&memory, at_the_end + (uint64_t)layout.tuple_items, items[0]);
    read_operands(0, at_the_end);
    cr_expect_eq(operands.count, 0u);
    cr_expect_str_eq(shown("LOAD_CONST", 0), "");
}

Test(operands, a_tuple_in_itself_ends)
{
    uint64_t items[] = {0, 0};
    uint64_t addr = tuple(items, 2, 2);
    fake_memory_put_u64(&memory, addr + (uint64_t)layout.tuple_items, addr);
    fake_memory_put_u64(&memory, addr + (uint64_t)layout.tuple_items + 8, addr);
    read_operands(0, addr);
    cr_expect_eq(operands.count, 2);
    cr_expect(strncmp(shown("LOAD_CONST", 0), "((((", 4) == 0, "%s", shown("LOAD_CONST", 0));
    cr_expect_str_eq(shown("LOAD_CONST", 0) + strlen(shown("LOAD_CONST", 0)) - 3, "…");
    cr_expect_lt(arena.used_bytes, (size_t)4 << 20);
}

Test(operands, an_int_that_says_it_is_huge_is_not_read)
{
    uint64_t items[] = {number(1, false)};
    fake_memory_put_u64(&memory, items[0] + (uint64_t)layout.long_lv_tag,
                        UINT64_MAX & ~UINT64_C(3));
    read_operands(0, tuple(items, 1, 1));
    cr_expect(strncmp(shown("LOAD_CONST", 0), "<int of ", 8) == 0, "%s", shown("LOAD_CONST", 0));
}

Test(operands, other_objects_are_shown_by_their_type)
{
    uint8_t *bytes;
    uint64_t items[] = {object("my\033type", 64, &bytes)};
    read_operands(0, tuple(items, 1, 1));
    cr_expect_str_eq(shown("LOAD_CONST", 0), "<my?type object>");
}

Test(operands, many_names_are_kept_up_to_the_limit)
{
    enum { COUNT = HOP_OPERANDS_MAX + 10 };
    uint64_t *items = calloc(COUNT, sizeof *items), name = ascii("name");
    for (size_t i = 0; i < COUNT; i++)
        items[i] = name;
    read_operands(tuple(items, COUNT, COUNT), 0);
    cr_expect_eq(operands.counts[HOP_OPERAND_NAMES], (uint32_t)HOP_OPERANDS_MAX);
    cr_expect_str_eq(shown("LOAD_NAME", HOP_OPERANDS_MAX - 1), "name");
    cr_expect_str_eq(shown("LOAD_NAME", HOP_OPERANDS_MAX), "");
    free(items);
}
