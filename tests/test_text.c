/* str objects in all their forms, from every layout, and broken ones. */
#include "py/text.h"
#include "support/fake_objects.h"
#include "support/layouts.h"

#include <criterion/criterion.h>
#include <string.h>

static struct hop_layout layout;
static struct fake_memory memory;
static struct fake_reader reader;
static char text[HOP_TEXT_BYTES_MAX];

static void set_up(void)
{
    fake_memory_init(&memory);
    fake_reader_init(&reader, &memory);
}

static void tear_down(void)
{
    fake_memory_deinit(&memory);
}

TestSuite(text, .init = set_up, .fini = tear_down);

static void expect(uint64_t str_addr, const char *wanted)
{
    ssize_t length = hop_text_read(&reader.base, &layout, str_addr, text);
    cr_assert_eq(length, (ssize_t)strlen(wanted), "3.%d: length %zd of %s", layout.minor, length,
                 wanted);
    cr_assert_str_eq(text, wanted, "3.%d", layout.minor);
}

static void expect_none(uint64_t str_addr)
{
    cr_assert_eq(hop_text_read(&reader.base, &layout, str_addr, text), -1, "3.%d", layout.minor);
}

Test(text, every_kind_of_every_version)
{
    FOR_EACH_LAYOUT(layout)
    {
        expect(fake_ascii(&memory, &layout, "intersects"), "intersects");
        expect(fake_ascii(&memory, &layout, ""), "");
        expect(fake_str(&memory, &layout, 1, "caf\xe9\xff", 5), "caf\u00e9\u00ff");
        uint16_t two[] = {'x', 0x7ff, 0x800, 0x5909, 0xffff};
        expect(fake_str(&memory, &layout, 2, two, 5), "x\u07ff\u0800\u5909\uffff");
        uint32_t four[] = {'a', 0xe9, 0x5909, 0x1d4b3, 0x10ffff};
        expect(fake_str(&memory, &layout, 4, four, 5), "a\u00e9\u5909\U0001d4b3\U0010ffff");
    }
}

Test(text, a_lone_surrogate_stays_one)
{
    layout_of_version(&layout, 12, 0);
    uint16_t name[] = {'a', 0xdcff, 'b'}; /* os.fsdecode(b"a\xffb") */
    expect(fake_str(&memory, &layout, 2, name, 3), "a\xed\xb3\xbf"
                                                   "b");
}

Test(text, a_nul_is_made_visible)
{
    layout_of_version(&layout, 12, 0);
    expect(fake_str(&memory, &layout, 1, "a\0b", 3), "a\u2400b");
}

/* compile() takes an instance of a class derived from str as the file name. */
Test(text, a_subclass_keeps_its_characters_elsewhere)
{
    FOR_EACH_LAYOUT(layout)
    {
        uint64_t addr = fake_memory_alloc(&memory, NULL, 128);
        uint64_t data = fake_memory_alloc(&memory, "sub/class.py", 12);
        fake_memory_put_u32(&memory, addr + (uint64_t)layout.unicode_state,
                            1u << __builtin_ctz(layout.unicode_kind_mask));
        fake_memory_put_u64(&memory, addr + (uint64_t)layout.unicode_length, 12);
        fake_memory_put_u64(&memory, addr + (uint64_t)layout.unicode_compact_data, data);
        expect(addr, "sub/class.py");
        fake_memory_put_u64(&memory, addr + (uint64_t)layout.unicode_compact_data, 0);
        expect_none(addr);
    }
}

Test(text, what_is_too_long_is_cut)
{
    static uint32_t points[HOP_TEXT_POINTS_MAX + 1];
    layout_of_version(&layout, 11, 0);
    for (size_t i = 0; i <= HOP_TEXT_POINTS_MAX; i++)
        points[i] = 0x1d4b3;
    /* The longest that is taken whole fills the buffer, the next one ends in an ellipsis. */
    cr_assert_eq(hop_text_read(&reader.base, &layout,
                               fake_str(&memory, &layout, 4, points, HOP_TEXT_POINTS_MAX), text),
                 4 * HOP_TEXT_POINTS_MAX);
    cr_assert_str_eq(text + 4 * (HOP_TEXT_POINTS_MAX - 1), "\U0001d4b3");
    cr_assert_eq(hop_text_read(&reader.base, &layout,
                               fake_str(&memory, &layout, 4, points, HOP_TEXT_POINTS_MAX + 1),
                               text),
                 4 * HOP_TEXT_POINTS_MAX + 3);
    cr_assert_str_eq(text + 4 * (HOP_TEXT_POINTS_MAX - 1), "\U0001d4b3\u2026");
}

Test(text, what_is_no_str_is_refused)
{
    FOR_EACH_LAYOUT(layout)
    {
        uint32_t too_large = 0x110000;
        expect_none(0);
        expect_none(12345); /* unmapped */
        expect_none(fake_str(&memory, &layout, 4, &too_large, 1));

        uint64_t addr = fake_ascii(&memory, &layout, "abc");
        uint64_t length = addr + (uint64_t)layout.unicode_length;
        fake_memory_put_u64(&memory, length, 1000); /* runs into unmapped memory */
        expect_none(addr);
        fake_memory_put_u64(&memory, length, 1);
        expect(addr, "a");

        uint64_t state = addr + (uint64_t)layout.unicode_state;
        uint32_t good = hop_u32(fake_memory_at(&memory, state, 4));
        for (uint32_t kind = 0; kind < 8; kind++) {
            if (kind == 1)
                continue;
            /* ASCII that is not of kind 1, and kinds that there are none of. */
            fake_memory_put_u32(&memory, state,
                                (good & ~layout.unicode_kind_mask) |
                                    kind << __builtin_ctz(layout.unicode_kind_mask));
            expect_none(addr);
        }
    }
}

Test(text, a_length_is_not_negative)
{
    static const char many[HOP_TEXT_POINTS_MAX];
    layout_of_version(&layout, 13, 3);
    uint64_t addr = fake_str(&memory, &layout, 1, many, sizeof many);
    uint64_t length = addr + (uint64_t)layout.unicode_length;
    fake_memory_put_u64(&memory, length, INT64_MAX); /* cut, as any that is too long */
    cr_assert_gt(hop_text_read(&reader.base, &layout, addr, text), 0);
    fake_memory_put_u64(&memory, length, UINT64_MAX);
    expect_none(addr);
}

Test(text, each_read_may_fail)
{
    layout_of_version(&layout, 13, 3);
    uint64_t addr = fake_ascii(&memory, &layout, "abc");
    for (uint64_t n = 1; n <= 2; n++) {
        fake_reader_init(&reader, &memory);
        reader.fails_at = n;
        expect_none(addr);
        cr_assert_eq(reader.reads, n);
    }
    fake_reader_init(&reader, &memory);
    reader.fails_at = 3;
    expect(addr, "abc");
}

Test(text, a_fingerprint_tells_strings_apart)
{
    FOR_EACH_LAYOUT(layout)
    {
        uint64_t a[2], b[2], other[2];
        uint64_t addr = fake_ascii(&memory, &layout, "same");
        cr_assert(hop_text_fingerprint(&reader.base, &layout, addr, a));
        cr_assert(
            hop_text_fingerprint(&reader.base, &layout, fake_ascii(&memory, &layout, "same"), b));
        cr_assert(hop_text_fingerprint(&reader.base, &layout, fake_ascii(&memory, &layout, "emas"),
                                       other));
        cr_assert_arr_eq(a, b, sizeof a);
        cr_assert_eq(a[0], 4);
        cr_assert_eq(other[0], 4);
        cr_assert_neq(a[1], other[1]);
        cr_assert_not(hop_text_fingerprint(&reader.base, &layout, 0, a));
        cr_assert_not(hop_text_fingerprint(&reader.base, &layout, 4096, a));
    }
}
