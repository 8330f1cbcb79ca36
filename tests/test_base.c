/* The arena, the id table and the escaping of foreign text. */
#include "base/arena.h"
#include "base/escape.h"
#include "base/id_table.h"

#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

Test(arena, pieces_are_zeroed_aligned_and_apart)
{
    struct hop_arena arena;
    unsigned char *pieces[500];
    hop_arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < 500; i++) {
        size_t size = i * 7 % 900 + (i % 50 == 0 ? 100000 : 0);
        pieces[i] = hop_arena_alloc(&arena, size);
        cr_assert_not_null(pieces[i]);
        cr_assert_eq((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            cr_assert_eq(pieces[i][k], 0);
        memset(pieces[i], (int)(i % 255 + 1), size);
    }
    for (size_t i = 0; i < 500; i++) {
        size_t size = i * 7 % 900 + (i % 50 == 0 ? 100000 : 0);
        for (size_t k = 0; k < size; k++)
            cr_assert_eq(pieces[i][k], i % 255 + 1, "piece %zu was written over", i);
    }
    hop_arena_deinit(&arena);
}

Test(arena, the_limit_holds_and_nothing_wraps)
{
    struct hop_arena arena;
    hop_arena_init(&arena, 100);
    cr_assert_not_null(hop_arena_alloc(&arena, 64));
    cr_assert_null(hop_arena_alloc(&arena, 64));
    cr_assert_not_null(hop_arena_alloc(&arena, 32));
    cr_assert_null(hop_arena_alloc(&arena, 32));
    cr_assert_leq(arena.used_bytes, 100);
    hop_arena_deinit(&arena);
    hop_arena_init(&arena, SIZE_MAX);
    cr_assert_null(hop_arena_alloc(&arena, SIZE_MAX));
    cr_assert_null(hop_arena_alloc(&arena, SIZE_MAX - 15));
    cr_assert_null(hop_arena_string(&arena, "", SIZE_MAX));
    hop_arena_deinit(&arena);
}

Test(arena, strings)
{
    struct hop_arena arena;
    hop_arena_init(&arena, 1 << 20);
    cr_assert_str_eq(hop_arena_string(&arena, "abcdef", 3), "abc");
    cr_assert_str_eq(hop_arena_string(&arena, NULL, 0), "");
    cr_assert_str_eq(hop_arena_printf(&arena, "%s-%d", "x", 42), "x-42");
    cr_assert_arr_eq(hop_arena_copy(&arena, "a\0b", 3), "a\0b", 3);
    hop_arena_deinit(&arena);
}

Test(id_table, holds_what_was_put_while_it_grows)
{
    enum { KEYS = 20000 };
    struct hop_id_table table;
    cr_assert(hop_id_table_init(&table, 0));
    cr_assert_eq(hop_id_table_get(&table, 0), (uint32_t)HOP_NO_ID);
    for (uint32_t i = 0; i < KEYS; i++) { /* key 0 is a key like others */
        cr_assert(hop_id_table_put(&table, (uint64_t)i * 0x7f0000001000, i));
        cr_assert_eq(table.used, i + 1);
        cr_assert_leq(table.used * 2, table.slot_count, "more than half full");
    }
    for (uint32_t i = 0; i < KEYS; i++)
        cr_assert_eq(hop_id_table_get(&table, (uint64_t)i * 0x7f0000001000), i);
    cr_assert_eq(hop_id_table_get(&table, 8), (uint32_t)HOP_NO_ID);
    cr_assert(hop_id_table_put(&table, 0, 77));
    cr_assert_eq(hop_id_table_get(&table, 0), 77);
    cr_assert_eq(table.used, KEYS, "replacing is not adding");
    cr_assert_not(hop_id_table_put(&table, 5, HOP_NO_ID), "that would be a free slot");
    hop_id_table_deinit(&table);
    cr_assert_eq(hop_id_table_get(&table, 0), (uint32_t)HOP_NO_ID);
}

Test(id_table, what_was_reserved_needs_no_memory)
{
    struct hop_id_table table;
    cr_assert(hop_id_table_init(&table, 16));
    cr_assert(hop_id_table_reserve(&table, 1000));
    const struct hop_id_slot *slots = table.slots;
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert(hop_id_table_put(&table, i, i));
    cr_assert_eq(table.slots, slots, "it was moved");
    hop_id_table_deinit(&table);
    cr_assert_not(hop_id_table_init(&table, SIZE_MAX));
}

static const struct escape_case {
    const char *text, *shown;
} ESCAPES[] = {
    {"plain, caf\u00e9, \u65e5\u672c, \U0001f40d", "plain, caf\u00e9, \u65e5\u672c, \U0001f40d"},
    {"back\\slash", "back\\slash"},
    {"\x1b[31mred\x07", "\\x1b[31mred\\x07"},
    {"a\nb\tc\rd", "a\\nb\\tc\\rd"},
    {"\x7f", "\\x7f"},
    {"\xc2\x80\xc2\x9f\xc2\xa0", "\\x80\\x9f\xc2\xa0"},
    {"\u202a\u202e\u2066\u2069\u200e\u200f\u061c",
     "\\u202a\\u202e\\u2066\\u2069\\u200e\\u200f\\u061c"},
    {"\u2028\u2029", "\\u2028\\u2029"},
    {"\xed\xa0\x80\xed\xbf\xbf", "\\ud800\\udfff"},
    {"\xff\xfe\x80", "\\xff\\xfe\\x80"},
    {"\xc0\xaf", "\\xc0\\xaf"},                   /* longer than need be: a hidden '/' */
    {"\xe0\x80\x8a", "\\xe0\\x80\\x8a"},          /* and a hidden newline */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
    {"\xe6\x97", "\\xe6\\x97"},                   /* the text ends within a character */
    {"\xf0", "\\xf0"},
    {"", ""},
};

Test(escape, what_may_do_harm_is_written_out)
{
    for (size_t i = 0; i < sizeof ESCAPES / sizeof ESCAPES[0]; i++) {
        char shown[256], *printed = NULL;
        size_t size = 0, length = hop_escape_terminal(ESCAPES[i].text, shown, sizeof shown);
        cr_assert_str_eq(shown, ESCAPES[i].shown);
        cr_assert_eq(length, strlen(shown));
        FILE *stream = open_memstream(&printed, &size);
        hop_print_escaped(stream, ESCAPES[i].text);
        fclose(stream);
        cr_assert_str_eq(printed, ESCAPES[i].shown);
        free(printed);
    }
}

Test(escape, nothing_is_cut_in_two)
{
    const char *text = "a\u65e5\x1b\u202e";
    const size_t fits[] = {0, 0, 1, 1, 1, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 14, 14};
    for (size_t size = 0; size < sizeof fits / sizeof fits[0]; size++) {
        char shown[32];
        memset(shown, '#', sizeof shown);
        cr_assert_eq(hop_escape_terminal(text, shown, size), fits[size], "size %zu", size);
        cr_assert_eq(shown[size], '#', "written past size %zu", size);
        if (size > 0)
            cr_assert_eq(shown[fits[size]], '\0');
    }
}
