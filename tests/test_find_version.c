/* How the finder reads CPython's version numbers and texts, broken ones included. */
#include "py/find_version.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(find_version, of_a_number)
{
    static const struct {
        uint64_t hex;
        const char *text; /* NULL: none */
    } cases[] = {
        {0x030d00f0, "3.13.0"},     {0x03081200 + 0xf0, "3.8.18"},
        {0x030e00a3, "3.14.0a3"},   {0x030e00b1, "3.14.0b1"},
        {0x030e00c2, "3.14.0rc2"},  {0x0307ff00 + 0xf0, "3.7.255"},
        {0x031000f0, "3.16.0"},     {0, NULL},
        {0x030d0000, NULL},         {0x030d00e0, NULL},
        {0x010502f0, NULL},         {0x1030d00f0, NULL},
        {0xffffffffffffffff, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hop_version version;
        bool is_one = hop_version_from_hex(cases[i].hex, &version);
        cr_assert_eq(is_one, cases[i].text != NULL, "0x%lx", (unsigned long)cases[i].hex);
        if (is_one) {
            cr_assert_str_eq(version.text, cases[i].text);
            cr_assert_eq(version.hex, cases[i].hex);
        }
    }
}

/* The bytes in a block of their own, so that reading past them is seen by a sanitizer. */
static bool find_composed(const void *bytes, size_t size, struct hop_version *version)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    bool is_found = hop_version_find_composed(copy, size, version);
    free(copy);
    return is_found;
}

Test(find_version, of_the_text_of_sys_version)
{
    static const struct {
        const char *text, *version; /* NULL: none */
        uint32_t hex;
    } cases[] = {
        {"2.7.18 (default, May  9 2023, 07:29:50) \n[GCC 12.2.0]", "2.7.18", 0x020712f0},
        {"3.8.18 (default, May  9 2023, 07:33:04) \n[GCC 12.2.0]", "3.8.18", 0x030812f0},
        {"3.11.2 (main, Apr 28 2025, 14:11:48) [GCC 12.2.0]", "3.11.2", 0x030b02f0},
        {"3.9.0rc1 (default, Aug 11 2020, 00:00:00) \n[Clang 10.0.0 ]", "3.9.0rc1", 0x030900c1},
        {"3.10.0+ (heads/3.10:1f2, Oct  5 2021, 00:00:00) [GCC 9.3.0]", "3.10.0", 0x030a00f0},
        {"3.10.6 | packaged by conda-forge | (main, Aug 22 2022, 20:36:39) [GCC 10.4.0]", "3.10.6",
         0x030a06f0},
        {"3.9.16 (feeb267ead3e, Feb 11 2023) \n[PyPy 7.3.11 with GCC 12.2.0]", NULL, 0},
        {"3.8.18", NULL, 0},
        {"3.8.18 is out", NULL, 0},
        {"3.8.18 (default) \n[GCC 12.2.0", NULL, 0},
        {"3.8.18 default [GCC 12.2.0]", NULL, 0},
        {"3.8 (default, May) [GCC 12.2.0]", NULL, 0},
        {"13.8.18 (default, May) [GCC 12.2.0]", NULL, 0},
        {"1.3.8.18 (default, May) [GCC 12.2.0]", NULL, 0},
        {"python-3.8.18 (default, May) [GCC 12.2.0]", NULL, 0},
        {"3.8.18 (\1\2\3) [GCC 12.2.0]", NULL, 0},
        {"3.8.1800 (default, May) [GCC 12.2.0]", NULL, 0},
        {"3.8.18x1 (default, May) [GCC 12.2.0]", NULL, 0},
        {"3.8.18rc99 (default, May) [GCC 12.2.0]", NULL, 0},
        {"", NULL, 0},
    };
    static const size_t places[] = {0, 1, 7, 4096};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < sizeof places / sizeof places[0]; j++) {
            struct hop_version version;
            uint8_t bytes[8192] = {0};
            size_t length = strlen(cases[i].text), size = places[j] + length + 1;
            memset(bytes, 1, places[j]);
            memcpy(bytes + places[j], cases[i].text, length);
            bool is_found = find_composed(bytes, size, &version);
            cr_assert_eq(is_found, cases[i].version != NULL, "%s", cases[i].text);
            if (is_found) {
                cr_assert_str_eq(version.text, cases[i].version);
                cr_assert_eq(version.hex, cases[i].hex);
            }
            /* Cut anywhere, it is none: the text is proved by its end. */
            for (size_t cut = 0; cut < size - 1; cut++)
                cr_assert(!find_composed(bytes, cut, &version), "%s cut at %zu", cases[i].text,
                          cut);
        }
    }
}

Test(find_version, of_the_constants)
{
    static const char bytes[] = "3.8.18\0libfoo 3.40.1\0/opt/python-3.9.2\0"
                                "13.8.1\0"
                                "1.3.8.1\0"
                                "3.8.18 (x)\0"
                                "3.10.0rc1\0"
                                "3.11\0"
                                "3.1.";
    static const char *const expected[] = {"3.8.18", "3.40.1", "3.9.2", "3.10.0rc1"};
    struct hop_version version;
    size_t at = 0, count = 0;
    while (hop_version_find_constant((const uint8_t *)bytes, sizeof bytes, &at, &version)) {
        cr_assert_lt(count, 4, "%s", version.text);
        cr_assert_str_eq(version.text, expected[count++]);
    }
    cr_assert_eq(count, 4);
}
