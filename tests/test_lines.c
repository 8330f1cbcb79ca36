/* Line tables by the byte: each form of entry, and what is broken. That whole standard libraries
 * come out right is tested in test_code_live.c. */
#include "py/lines.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>

#define FIND(kind, first_line, offset, ...)                                                        \
    hop_lines_find(kind, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}),   \
                   first_line, offset)

#define EXPECT(found, line_, end_line_, column_, end_column_)                                      \
    do {                                                                                           \
        struct hop_position position = found;                                                      \
        cr_assert_eq(position.line, line_, "line %d", position.line);                              \
        cr_assert_eq(position.end_line, end_line_, "end line %d", position.end_line);              \
        cr_assert_eq(position.column, column_, "column %d", position.column);                      \
        cr_assert_eq(position.end_column, end_column_, "end column %d", position.end_column);      \
    } while (0)

#define EXPECT_LINE(found, line) EXPECT(found, line, line, -1, -1)
#define EXPECT_UNKNOWN(found)    EXPECT(found, 0, 0, -1, -1)

/* --- 3.8, 3.9 --- */

#define LNOTAB(offset, ...) FIND(HOP_LINES_LNOTAB, 10, offset, __VA_ARGS__)

Test(lines, lnotab_steps_at_the_address)
{
    EXPECT_LINE(LNOTAB(0, 2, 1, 4, 3), 10);
    EXPECT_LINE(LNOTAB(1, 2, 1, 4, 3), 10);
    EXPECT_LINE(LNOTAB(2, 2, 1, 4, 3), 11);
    EXPECT_LINE(LNOTAB(5, 2, 1, 4, 3), 11);
    EXPECT_LINE(LNOTAB(6, 2, 1, 4, 3), 14);
    EXPECT_LINE(LNOTAB(60000, 2, 1, 4, 3), 14);
}

Test(lines, lnotab_goes_back_and_takes_large_steps_in_parts)
{
    EXPECT_LINE(LNOTAB(4, 2, 5, 2, 0xfd), 12);
    EXPECT_LINE(LNOTAB(300, 255, 0, 45, 127, 0, 127), 10 + 254);
    EXPECT_LINE(LNOTAB(299, 255, 0, 45, 127, 0, 127), 10);
}

Test(lines, lnotab_may_be_empty_or_odd)
{
    EXPECT_LINE(hop_lines_find(HOP_LINES_LNOTAB, NULL, 0, 7, 40), 7);
    EXPECT_LINE(LNOTAB(2, 2, 1, 0), 11); /* half a pair */
}

Test(lines, a_line_that_is_none_is_unknown)
{
    EXPECT_UNKNOWN(hop_lines_find(HOP_LINES_LNOTAB, NULL, 0, 0, 0));
    EXPECT_UNKNOWN(hop_lines_find(HOP_LINES_LNOTAB, NULL, 0, -5, 0));
    EXPECT_UNKNOWN(FIND(HOP_LINES_LNOTAB, INT_MAX, 0, 0, 1));
    EXPECT_UNKNOWN(FIND(HOP_LINES_310, INT_MIN, 0, 2, 0xff));
}

/* --- 3.10 --- */

#define LINES_310(offset, ...) FIND(HOP_LINES_310, 10, offset, __VA_ARGS__)

Test(lines, the_310_table_tells_ranges)
{
    EXPECT_LINE(LINES_310(0, 4, 1, 6, 2), 11);
    EXPECT_LINE(LINES_310(3, 4, 1, 6, 2), 11);
    EXPECT_LINE(LINES_310(4, 4, 1, 6, 2), 13);
    EXPECT_LINE(LINES_310(9, 4, 1, 6, 2), 13);
    EXPECT_UNKNOWN(LINES_310(10, 4, 1, 6, 2));
    EXPECT_UNKNOWN(hop_lines_find(HOP_LINES_310, NULL, 0, 10, 0));
}

Test(lines, a_310_range_may_have_no_line)
{
    EXPECT_UNKNOWN(LINES_310(2, 2, 1, 2, 0x80, 2, 1));
    EXPECT_LINE(LINES_310(4, 2, 1, 2, 0x80, 2, 1), 12); /* as if it had not been there */
}

Test(lines, empty_310_ranges_only_step)
{
    EXPECT_LINE(LINES_310(0, 0, 127, 0, 100, 2, 1), 10 + 228);
    EXPECT_LINE(LINES_310(1, 0, 0x81, 0, 127, 2, 0xfe), 8);
}

/* --- 3.11 on --- */

#define LOCATIONS(offset, ...) FIND(HOP_LINES_LOCATIONS, 10, offset, __VA_ARGS__)
#define ENTRY(form, units)     (0x80 | (form) << 3 | ((units)-1))

Test(lines, short_form)
{
    EXPECT(LOCATIONS(0, ENTRY(0, 1), 0x00), 10, 10, 0, 0);
    EXPECT(LOCATIONS(0, ENTRY(1, 1), 0x23), 10, 10, 10, 13);
    EXPECT(LOCATIONS(0, ENTRY(9, 1), 0x7f), 10, 10, 79, 94);
}

Test(lines, one_line_forms)
{
    EXPECT(LOCATIONS(0, ENTRY(10, 1), 80, 100), 10, 10, 80, 100);
    EXPECT(LOCATIONS(0, ENTRY(11, 1), 4, 127), 11, 11, 4, 127);
    EXPECT(LOCATIONS(0, ENTRY(12, 1), 0, 1), 12, 12, 0, 1);
}

Test(lines, no_column_form_goes_back_and_forth)
{
    EXPECT_LINE(LOCATIONS(0, ENTRY(13, 1), 3 << 1), 13);
    EXPECT_LINE(LOCATIONS(0, ENTRY(13, 1), 3 << 1 | 1), 7);
    /* 100 << 1 = 200 = 0b11_001000, the lowest six bits first */
    EXPECT_LINE(LOCATIONS(0, ENTRY(13, 1), 0x40 | 0x08, 0x03), 110);
}

Test(lines, numbers_have_up_to_32_bits)
{
    /* 0x3fffffff << 1 = 0x7ffffffe */
    EXPECT_LINE(LOCATIONS(0, ENTRY(13, 1), 0x7e, 0x7f, 0x7f, 0x7f, 0x7f, 0x01), 10 + 0x3fffffff);
    EXPECT_UNKNOWN(LOCATIONS(0, ENTRY(13, 1), 0x7e, 0x7f, 0x7f, 0x7f, 0x7f, 0x41, 0x01));
}

Test(lines, long_form)
{
    EXPECT(LOCATIONS(0, ENTRY(14, 1), 1 << 1, 2, 5, 9), 11, 13, 4, 8);
    EXPECT(LOCATIONS(0, ENTRY(14, 1), 0, 0, 0, 0), 10, 10, -1, -1); /* columns not known */
    EXPECT(LOCATIONS(0, ENTRY(14, 1), 0, 0, 0x40 | 1, 0x40 | 2, 3, 1), 10, 10,
           1 + 2 * 64 + 3 * 4096 - 1, 0);
}

Test(lines, no_location_keeps_the_running_line)
{
    EXPECT_UNKNOWN(LOCATIONS(0, ENTRY(15, 1), ENTRY(11, 1), 1, 2));
    EXPECT(LOCATIONS(2, ENTRY(15, 1), ENTRY(11, 1), 1, 2), 11, 11, 1, 2);
    EXPECT(LOCATIONS(4, ENTRY(11, 1), 1, 2, ENTRY(15, 1), ENTRY(11, 1), 3, 4), 12, 12, 3, 4);
}

Test(lines, an_entry_holds_for_its_units)
{
    for (uint32_t offset = 0; offset < 16; offset++)
        EXPECT(LOCATIONS(offset, ENTRY(0, 8), 0x11, ENTRY(11, 1), 0, 1), 10, 10, 1, 2);
    EXPECT(LOCATIONS(16, ENTRY(0, 8), 0x11, ENTRY(11, 1), 0, 1), 11, 11, 0, 1);
    EXPECT(LOCATIONS(17, ENTRY(0, 8), 0x11, ENTRY(11, 1), 0, 1), 11, 11, 0, 1);
    EXPECT_UNKNOWN(LOCATIONS(18, ENTRY(0, 8), 0x11, ENTRY(11, 1), 0, 1));
}

Test(lines, broken_locations_are_unknown)
{
    EXPECT_UNKNOWN(hop_lines_find(HOP_LINES_LOCATIONS, NULL, 0, 10, 0));
    EXPECT_UNKNOWN(LOCATIONS(0, 0x00, 0x00));                  /* no entry begins so */
    EXPECT_UNKNOWN(LOCATIONS(0, ENTRY(0, 1)));                 /* ends within an entry */
    EXPECT_UNKNOWN(LOCATIONS(0, ENTRY(10, 1), 4));             /* likewise */
    EXPECT_UNKNOWN(LOCATIONS(0, ENTRY(14, 1), 0, 0, 0));       /* likewise */
    EXPECT_UNKNOWN(LOCATIONS(0, ENTRY(13, 1), 0x40));          /* within a number */
    EXPECT_UNKNOWN(LOCATIONS(0, ENTRY(0, 1), ENTRY(0, 1), 1)); /* an entry within an entry */
    EXPECT_UNKNOWN(LOCATIONS(0, ENTRY(13, 1), 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x01));
}

/* Whatever the bytes are: nothing is read outside of them (the sanitizers look), columns are −1 or
 * not below, lines 0 or not below. */
Test(lines, any_bytes_are_taken)
{
    for (unsigned seed = 0; seed < 20000; seed++) {
        srand(seed);
        size_t size = (size_t)(rand() % 40);
        uint8_t *table = malloc(size ? size : 1); /* of its own, to the byte */
        for (size_t i = 0; i < size; i++)
            table[i] = (uint8_t)(rand() >> 4);
        int first_line = rand() % 3 ? rand() : -rand();
        for (int kind = HOP_LINES_LNOTAB; kind <= HOP_LINES_LOCATIONS; kind++) {
            struct hop_position found = hop_lines_find((enum hop_line_kind)kind, table, size,
                                                       first_line, (uint32_t)(rand() % 64));
            cr_assert(found.line >= 0 && found.end_line >= 0 && found.column >= -1 &&
                      found.end_column >= -1);
        }
        free(table);
    }
}
