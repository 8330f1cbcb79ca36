/* A profile's file: what comes back is what was written, and nothing broken or hostile comes back
 * at all (numbers one by one are in test_file_numbers.c). That pprof reads it is tested with the
 * real one. */
#include "base/gzip.h"
#include "profile/file.h"
#include "support/allocations.h"
#include "support/large_profile.h"
#include "support/profile_file.h"
#include "support/profiles.h"
#include "support/programs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *report(const struct hop_profile *profile, const char *format)
{
    static const char *const all[] = {"all"};
    struct hop_report_options options = {
        .instructions = all, .instruction_count = 1, .by_thread = true, .row_limit = SIZE_MAX};
    char *text;
    size_t size;
    struct hop_error err;
    FILE *stream = open_memstream(&text, &size);
    options.by_thread = hop_report_check(format, &options, &err) == HOP_OK; /* some never split */
    cr_assert_eq(hop_report(profile, format, &options, stream, &err), HOP_OK, "%s", err.message);
    fclose(stream);
    return text;
}

static void assert_comes_back(const char *name, struct hop_profile *profile, bool is_hostile)
{
    struct hop_profile *copy;
    struct hop_error err;
    size_t size, again_size;
    char *bytes = profile_file_written(profile, &size);
    cr_assert_eq(profile_file_read(bytes, size, &copy, &err), HOP_OK, "%s: %s", name, err.message);
    for (size_t i = 0; hop_report_format(i); i++) {
        const char *format = hop_report_format(i);
        /* Bytes that are no UTF-8 come back as they are shown, which each format does otherwise. */
        if (hop_report_format_is_binary(format) ||
            (is_hostile && strcmp(format, "text") != 0 && strcmp(format, "json") != 0))
            continue;
        char *before = report(profile, format), *after = report(copy, format);
        cr_assert_str_eq(before, after, "%s as %s", name, format);
        free(before);
        free(after);
    }
    char *again = profile_file_written(copy, &again_size);
    cr_assert(size == again_size && memcmp(bytes, again, size) == 0, "%s", name);
    cr_assert_eq(copy->started_ns, profile->started_ns);
    cr_assert_eq(copy->record_count, profile->record_count);
    free(again);
    free(bytes);
    hop_profile_destroy(copy);
    hop_profile_destroy(profile);
}

Test(file, comes_back_as_it_was)
{
    for (size_t i = 0; i < test_profile_count; i++)
        assert_comes_back(test_profiles[i].name, test_profiles[i].make(),
                          strcmp(test_profiles[i].name, "hostile") == 0);
    for (unsigned seed = 1; seed <= 4; seed++) {
        const struct large_shape shape = {.stacks = 300,
                                          .depth = 12,
                                          .files = 3,
                                          .threads = seed,
                                          .seed = seed,
                                          .has_weights = seed % 2};
        assert_comes_back("by chance", make_large_profile(&shape), false);
    }
}

/* Ours is a tree, whatever the depth; pprof's stacks are cut only where they would fill a disk. */
Test(file, a_deep_stack_comes_back)
{
    struct hop_profile *profile = make_deep_profile(100000), *copy;
    struct hop_error err;
    size_t size;
    char *bytes = profile_file_written(profile, &size);
    cr_assert_eq(profile_file_read(bytes, size, &copy, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(copy->node_count, profile->node_count);
    cr_assert_eq(copy->samples, profile->samples);
    cr_assert_lt(size, 1 << 20);
    free(bytes);
    hop_profile_destroy(copy);
    hop_profile_destroy(profile);
}

/* --- what is broken ------------------------------------------------------------------------------
 */

static void assert_refused(const void *bytes, size_t size, const char *why)
{
    struct hop_profile *profile;
    struct hop_error err = {0};
    cr_assert_eq(profile_file_read(bytes, size, &profile, &err), HOP_ERR_PROFILE, "%s",
                 err.message);
    cr_assert_null(profile);
    cr_assert(strstr(err.message, why), "'%s' for: %s", err.message, why);
}

Test(file, cut_off_anywhere_it_is_refused)
{
    struct hop_profile *profile = make_closure_profile();
    size_t size, plain_size;
    char *bytes = profile_file_written(profile, &size);
    uint8_t *plain = profile_file_inflated(bytes, size, &plain_size);
    for (size_t i = 0; i < size; i++)
        assert_refused(bytes, i, i ? "is broken" : "no profile");
    for (size_t i = 0; i < plain_size; i++)
        assert_refused(plain, i, "");
    free(plain);
    free(bytes);
    hop_profile_destroy(profile);
}

/* Any byte any other: an error, or a profile that can be reported. */
Test(file, changed_anywhere_it_does_no_harm, .timeout = 300)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    struct hop_profile *profile = make_closure_profile(), *changed;
    struct hop_error err;
    size_t size, plain_size, read = 0;
    char *bytes = profile_file_written(profile, &size);
    uint8_t *plain = profile_file_inflated(bytes, size, &plain_size);
    for (size_t i = 0; i < plain_size; i++) {
        for (size_t change = 0; change < sizeof changes; change++) {
            plain[i] ^= changes[change];
            if (profile_file_read(plain, plain_size, &changed, &err) == HOP_OK) {
                read++;
                free(report(changed, "text"));
                free(report(changed, "json"));
                hop_profile_destroy(changed);
            }
            plain[i] ^= changes[change];
        }
    }
    cr_assert_gt(read, 0); /* a letter of a name */
    cr_assert_lt(read, plain_size * sizeof changes);
    free(plain);
    free(bytes);
    hop_profile_destroy(profile);
}

Test(file, what_is_no_profile_is_told)
{
    struct hop_profile *profile;
    struct hop_error err;
    struct folder folder;
    assert_refused("pid 1234\n", 9, "is no profile");
    /* A profile of pprof's own, without what only we know. */
    Hop__Pprof__Profile other = HOP__PPROF__PROFILE__INIT;
    other.string_table = (char *[]){"", "cpu"};
    other.n_string_table = 2;
    uint8_t bytes[64];
    assert_refused(bytes, hop__pprof__profile__pack(&other, bytes), "no profile of heavyops");
    folder_make(&folder);
    cr_assert_eq(hop_profile_read(folder.path, &profile, &err), HOP_ERR_IO);
    cr_assert(strstr(err.message, "Is a directory"), "%s", err.message);
    cr_assert_eq(hop_profile_read("/nowhere/at/all", &profile, &err), HOP_ERR_IO);
    cr_assert(strstr(err.message, "No such file"), "%s", err.message);
    folder_remove(&folder);
}

/* As cat puts them: a gzip file of two parts, a message with all fields twice. */
Test(file, two_profiles_in_one_file_are_refused)
{
    struct hop_profile *profile = make_closure_profile();
    size_t size;
    char *bytes = profile_file_written(profile, &size), *both = malloc(2 * size);
    cr_assert_not_null(both);
    memcpy(both, bytes, size);
    memcpy(both + size, bytes, size);
    assert_refused(both, 2 * size, "two profiles");
    free(both);
    free(bytes);
    hop_profile_destroy(profile);
}

/* A few bytes may stand for very many. */
Test(file, what_unpacks_to_too_much_is_refused)
{
    static const char zeros[1 << 16];
    char *bytes;
    uint8_t *plain;
    size_t size, plain_size;
    struct hop_error err;
    FILE *stream = open_memstream(&bytes, &size);
    struct hop_gzip *gzip = hop_gzip_create(stream, 6);
    for (int i = 0; i < 64; i++)
        hop_gzip_write(gzip, zeros, sizeof zeros);
    hop_gzip_destroy(gzip);
    fclose(stream);
    stream = fmemopen(bytes, size, "r");
    cr_assert_eq(hop_gzip_read_all(stream, "bomb", 1 << 20, &plain, &plain_size, &err),
                 HOP_ERR_PROFILE);
    cr_assert(strstr(err.message, "more than 1 MiB"), "%s", err.message);
    rewind(stream);
    cr_assert_eq(hop_gzip_read_all(stream, "bomb", 1 << 22, &plain, &plain_size, &err), HOP_OK);
    cr_assert_eq(plain_size, 64 * sizeof zeros);
    free(plain);
    fclose(stream);
    free(bytes);
}

Test(file, without_memory_it_says_so)
{
    struct hop_profile *profile = make_closure_profile(), *copy;
    size_t size, n = 0;
    char *bytes = profile_file_written(profile, &size);
    enum hop_status status;
    do {
        struct hop_error err;
        allocations_begin(++n);
        status = profile_file_read(bytes, size, &copy, &err);
        size_t asked = allocations_asked();
        cr_assert(status == HOP_OK || allocations_left() == 0, "failing at %zu", n);
        cr_assert_eq(status, asked < n ? HOP_OK : HOP_ERR_MEMORY, "failing at %zu", n);
    } while (status != HOP_OK);
    allocations_begin(0);
    cr_assert_gt(n, 10);
    hop_profile_destroy(copy);
    n = 0;
    do {
        char *again;
        size_t again_size;
        FILE *stream = open_memstream(&again, &again_size);
        allocations_begin(++n);
        status = hop_profile_write(profile, stream, NULL);
        cr_assert_eq(status, allocations_asked() < n ? HOP_OK : HOP_ERR_MEMORY);
        cr_assert_eq(allocations_left(), 0, "failing at %zu", n);
        allocations_begin(0);
        fclose(stream);
        free(again);
    } while (status != HOP_OK);
    free(bytes);
    hop_profile_destroy(profile);
}
