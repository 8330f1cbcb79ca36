/* Memory that was copied before: what is there, and what is not. */
#include "mem/copied.h"

#include <criterion/criterion.h>

/* Two spans; the second one's bytes do not end with a word, and it has some of the first one's. */
static struct {
    uint64_t first_addr, first_size, first[2];
    uint64_t second_addr, second_size, second[2];
} copy = {1000, 16, {1, 2}, 1008, 13, {2, 3}};

static struct hop_copied_reader reader;

static void set_up(void)
{
    hop_copied_reader_init(&reader, &copy, sizeof copy);
}

TestSuite(copied, .init = set_up);

Test(copied, what_is_in_one_span_can_be_read)
{
    uint64_t words[2];
    uint8_t byte;
    cr_assert(hop_read_u64(&reader.base, 1000, &words[0]) && words[0] == 1);
    cr_assert(hop_read(&reader.base, 1000, words, 16) && words[1] == 2);
    cr_assert(hop_read(&reader.base, 1008, words, 13) && words[0] == 2 && (uint8_t)words[1] == 3);
    cr_assert(hop_read(&reader.base, 1020, &byte, 1) && byte == 0);
    cr_assert(hop_read(&reader.base, 1000, words, 16) && words[0] == 1, "back to the first");
    cr_assert(hop_read(&reader.base, 1020, &byte, 1) &&
              hop_read_u64(&reader.base, 1008, &words[0]));
    cr_assert_eq(hop_reader_extent(&reader.base, 1000, 100), 16);
    cr_assert_eq(hop_reader_extent(&reader.base, 1012, 100), 4, "of the first");
    cr_assert_eq(hop_reader_extent(&reader.base, 1008, 4), 4);
}

Test(copied, nothing_else_is)
{
    uint8_t bytes[32];
    struct hop_span spans[] = {{1000, 8, bytes}, {1000, 17, bytes}, {1008, 8, bytes}};
    cr_assert_not(hop_read(&reader.base, 999, bytes, 2));
    cr_assert_not(hop_read(&reader.base, 1008, bytes, 14));
    cr_assert_not(hop_read(&reader.base, 1021, bytes, 1));
    cr_assert_not(hop_read(&reader.base, 0, bytes, 1));
    cr_assert_not(hop_read(&reader.base, UINT64_MAX, bytes, 2));
    cr_assert_eq(hop_reader_fill(&reader.base, spans, 3), 1);
    cr_assert_eq(hop_reader_extent(&reader.base, 1021, 100), 0);
}

/* A span that says that it is longer than what there is. */
Test(copied, a_broken_one_ends_them)
{
    uint64_t word;
    for (size_t size = 0; size < sizeof copy; size++) {
        hop_copied_reader_init(&reader, &copy, size);
        cr_assert_eq(hop_read_u64(&reader.base, 1000, &word), size >= 32);
        cr_assert_eq(hop_reader_extent(&reader.base, 1016, 100) != 0, size >= 32 + 16 + 13);
    }
    copy.second_size = UINT64_MAX;
    hop_copied_reader_init(&reader, &copy, sizeof copy);
    cr_assert(hop_read_u64(&reader.base, 1000, &word));
    cr_assert_eq(hop_reader_extent(&reader.base, 1016, 100), 0);
}
