/* Formats that write each stack whole have a bound: very many deep stacks lose their outer frames,
 * in sight, and none of their samples. */
#include "profile/stack_limit.h"
#include "support/large_profile.h"
#include "support/profile_file.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 60000, STACKS = 100, LIMIT = HOP_STACK_FRAMES_MAX / STACKS };

Test(stack_limit, only_what_is_too_much_is_cut)
{
    struct hop_stack_sizes sizes = {0};
    cr_expect_eq(hop_stack_limit(&sizes), 0);
    hop_stack_sizes_add(&sizes, 100000);
    cr_expect_eq(hop_stack_limit(&sizes), 100000); /* one deep stack is none too many */
    sizes = (struct hop_stack_sizes){100000, 60, 100000 * 60};
    cr_expect_geq(hop_stack_limit(&sizes), 60); /* many of a usual depth are not, either */
    sizes = (struct hop_stack_sizes){1000, 100000, 1000 * UINT64_C(60000)};
    cr_expect_eq(hop_stack_limit(&sizes), HOP_STACK_FRAMES_MAX / 1000);
    sizes = (struct hop_stack_sizes){1000000, 100000, 1000000 * UINT64_C(60000)};
    cr_expect_eq(hop_stack_limit(&sizes), HOP_STACK_FRAMES_MIN);
}

/* A recursion, seen at its deepest steps. */
static struct hop_profile *make_recursions(void)
{
    struct hop_profile *profile = make_deep_profile(DEPTH);
    for (size_t i = 1; i <= STACKS; i++) {
        struct hop_profile_node *node = &profile->nodes[profile->node_count - i];
        node->self = 10;
        node->self_ns = 10000000;
    }
    cr_assert(hop_profile_finish(profile));
    return profile;
}

static FILE *report(const struct hop_profile *profile, const char *format, bool by_thread)
{
    const struct hop_report_options options = {.by_thread = by_thread};
    struct hop_error err = {0};
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    cr_assert_eq(hop_report(profile, format, &options, file, &err), HOP_OK, "%s", err.message);
    rewind(file);
    return file;
}

static size_t count_of(const char *text, char wanted)
{
    size_t count = 0;
    for (; (text = strchr(text, wanted)); text++)
        count++;
    return count;
}

Test(stack_limit, collapsed_stacks_have_the_inner_frames, .timeout = 240)
{
    struct hop_profile *profile = make_recursions();
    for (int by_thread = 0; by_thread < 2; by_thread++) {
        const char *begin =
            by_thread ? "worker-0 (4321);" HOP_STACK_LEFT_OUT ";" : HOP_STACK_LEFT_OUT ";";
        FILE *file = report(profile, "collapsed", by_thread);
        char *line = NULL;
        size_t room = 0, lines = 0, samples = 0;
        for (; getline(&line, &room, file) > 0; lines++) {
            cr_assert(strncmp(line, begin, strlen(begin)) == 0, "%.80s", line);
            cr_assert_eq(count_of(line, ';'), (size_t)LIMIT + (size_t)by_thread);
            samples += strtoul(strrchr(line, ' '), NULL, 10);
        }
        cr_assert_eq(lines, STACKS);
        cr_assert_eq(samples, profile->samples);
        free(line);
        fclose(file);
    }
    hop_profile_destroy(profile);
}

Test(stack_limit, speedscope_has_the_inner_frames, .timeout = 240)
{
    struct hop_profile *profile = make_recursions();
    FILE *file = report(profile, "speedscope", false);
    json_t *document = json_loadf(file, 0, NULL), *stack;
    size_t i;
    json_t *frames = json_object_get(json_object_get(document, "shared"), "frames");
    json_int_t left_out = (json_int_t)json_array_size(frames) - 1;
    cr_assert_str_eq(
        json_string_value(json_object_get(json_array_get(frames, (size_t)left_out), "name")),
        HOP_STACK_LEFT_OUT);
    json_t *of_thread = json_array_get(json_object_get(document, "profiles"), 0);
    json_t *samples = json_object_get(of_thread, "samples");
    cr_assert_eq(json_array_size(samples), STACKS);
    cr_assert_eq(json_integer_value(json_object_get(of_thread, "endValue")),
                 (json_int_t)profile->samples_ns);
    json_array_foreach(samples, i, stack)
    {
        cr_assert_eq(json_array_size(stack), LIMIT + 1);
        cr_assert_eq(json_integer_value(json_array_get(stack, 0)), left_out);
        cr_assert_lt(json_integer_value(json_array_get(stack, 1)), left_out);
    }
    json_decref(document);
    fclose(file);
    hop_profile_destroy(profile);
}

/* A stack that is not cut has no such frame. */
Test(stack_limit, one_deep_stack_is_whole)
{
    struct hop_profile *profile = make_deep_profile(DEPTH);
    static const char *const formats[] = {"collapsed", "speedscope"};
    for (size_t i = 0; i < 2; i++) {
        FILE *file = report(profile, formats[i], false);
        char *text = NULL;
        size_t room = 0;
        cr_assert_gt(getdelim(&text, &room, '\0', file), DEPTH);
        cr_assert_null(strstr(text, HOP_STACK_LEFT_OUT));
        free(text);
        fclose(file);
    }
    hop_profile_destroy(profile);
}

Test(stack_limit, pprof_has_the_inner_frames_and_ours_all, .timeout = 240)
{
    struct hop_profile *profile = make_recursions(), *copy;
    size_t size;
    struct hop_error err = {0};
    uint8_t *plain = profile_file_plain(profile, &size);
    Hop__Pprof__Profile *file = hop__pprof__profile__unpack(NULL, size, plain);
    cr_assert_eq(file->n_sample, STACKS);
    for (size_t i = 0; i < file->n_sample; i++) {
        cr_assert_eq(file->sample[i]->n_location_id, LIMIT + 1);
        cr_assert_eq(file->sample[i]->location_id[LIMIT], profile->instruction_count + 1);
    }
    hop__pprof__profile__free_unpacked(file, NULL);
    cr_assert_eq(profile_file_read(plain, size, &copy, &err), HOP_OK, "%s", err.message);
    cr_assert_eq(copy->node_count, profile->node_count);
    free(plain);
    hop_profile_destroy(copy);
    hop_profile_destroy(profile);
}
