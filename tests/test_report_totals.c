/* The formats of stacks and instructions whose text is easily read: what they say adds up to what
 * was sampled, and is what one finds by looking at every stack. */
#include "report/format.h"
#include "support/large_profile.h"
#include "support/profiles.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct hop_report_options no_options;

static char *report(const struct hop_profile *profile, const char *format,
                    const struct hop_report_options *options, size_t *size)
{
    char *text;
    struct hop_error err = {0};
    FILE *stream = open_memstream(&text, size);
    cr_assert_eq(hop_report(profile, format, options, stream, &err), HOP_OK, "%s: %s", format,
                 err.message);
    fclose(stream);
    return text;
}

static const struct large_shape shapes[] = {
    {1, 1, 1, 1, 1, false},      {2000, 30, 5, 3, 2, false}, {2000, 30, 1, 1, 3, false},
    {2000, 8, 20, 40, 4, false}, {2000, 30, 5, 3, 5, true},
};

enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Hostile, deep, and of chance. */
static struct hop_profile *profile_number(size_t number)
{
    if (number < SHAPES)
        return make_large_profile(&shapes[number]);
    return number == SHAPES       ? make_hostile_profile()
           : number == SHAPES + 1 ? make_deep_profile(30000)
           : number == SHAPES + 2 ? make_closure_profile()
                                  : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of a text, sorted, of which it keeps the bytes. */
static char **sorted_lines(char *text, size_t *count)
{
    char **lines = NULL;
    *count = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        lines = realloc(lines, (*count + 1) * sizeof *lines);
        lines[(*count)++] = line;
    }
    if (*count)
        qsort(lines, *count, sizeof *lines, by_text);
    return lines;
}

/* The collapsed stacks as one would write them without a thought for time: each node's path, then
 * equal ones joined. Of profiles without hostile names. */
static char *plain_collapsed(const struct hop_profile *profile,
                             const struct hop_report_options *options)
{
    char *text = NULL;
    size_t size, lines = 0;
    FILE *stream = open_memstream(&text, &size);
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *nodes = profile->nodes;
        uint32_t path[200];
        size_t depth = 0;
        if (nodes[i].self == 0)
            continue;
        for (uint32_t at = (uint32_t)i; nodes[at].parent != at; at = nodes[at].parent)
            path[depth++] = nodes[at].instruction;
        uint32_t root = (uint32_t)i;
        while (nodes[root].parent != root)
            root = nodes[root].parent;
        const struct hop_profile_thread *thread = &profile->threads[nodes[root].instruction];
        if (options->by_thread)
            fprintf(stream, "%s (%d);", thread->name, thread->tid);
        while (depth--) {
            const struct hop_instruction *row = &profile->instructions[path[depth]];
            fprintf(stream, "%s (%s:%d)%s", row->function, row->file,
                    row->line ? row->line : row->first_line, depth ? ";" : "");
        }
        if (options->with_opcodes)
            fprintf(stream, ";%s", profile->instructions[nodes[i].instruction].base_opcode);
        fprintf(stream, " %020" PRIu64 "\n",
                profile->has_weights ? nodes[i].self_ns : nodes[i].self);
    }
    fclose(stream);
    char **sorted = sorted_lines(text, &lines), *joined;
    stream = open_memstream(&joined, &size);
    for (size_t i = 0, next; i < lines; i = next) {
        size_t length = (size_t)(strrchr(sorted[i], ' ') - sorted[i]) + 1;
        uint64_t sum = 0;
        for (next = i; next < lines && strncmp(sorted[i], sorted[next], length) == 0; next++)
            sum += strtoull(sorted[next] + length, NULL, 10);
        fprintf(stream, "%.*s%" PRIu64 "\n", (int)length, sorted[i], sum);
    }
    fclose(stream);
    free(sorted);
    free(text);
    return joined;
}

Test(report_collapsed, joins_what_looks_alike_and_nothing_else)
{
    for (size_t i = 0; i < SHAPES; i++) {
        for (int j = 0; j < 4; j++) {
            struct hop_report_options options = {.with_opcodes = j & 1, .by_thread = j & 2};
            struct hop_profile *profile = make_large_profile(&shapes[i]);
            size_t size, count, wanted_count;
            char *text = report(profile, "collapsed", &options, &size);
            char *wanted = plain_collapsed(profile, &options);
            char **lines = sorted_lines(text, &count);
            char **wanted_lines = sorted_lines(wanted, &wanted_count);
            cr_assert_eq(count, wanted_count, "%zu lines, not %zu", count, wanted_count);
            for (size_t k = 0; k < count; k++)
                cr_assert_str_eq(lines[k], wanted_lines[k]);
            free(lines);
            free(wanted_lines);
            free(text);
            free(wanted);
            hop_profile_destroy(profile);
        }
    }
}

Test(report_collapsed, adds_up)
{
    struct hop_profile *profile;
    for (size_t i = 0; (profile = profile_number(i)); i++) {
        size_t size, count;
        uint64_t sum = 0;
        char *text = report(profile, "collapsed", &no_options, &size);
        char **lines = sorted_lines(text, &count);
        for (size_t j = 0; j < count; j++)
            sum += strtoull(strrchr(lines[j], ' ') + 1, NULL, 10);
        cr_assert_eq(sum, profile->has_weights ? profile->samples_ns : profile->samples,
                     "profile %zu", i);
        free(lines);
        free(text);
        hop_profile_destroy(profile);
    }
}

/* -i and -f keep the samples at such instructions, with all of their callers. */
Test(report_collapsed, keeps_to_what_is_asked_for)
{
    struct hop_report_options options = {.instructions = (const char *const[]){"LOAD_DEREF"},
                                         .instruction_count = 1};
    struct hop_profile *profile = make_closure_profile();
    size_t size;
    char *text = report(profile, "collapsed", &options, &size);
    cr_assert_str_eq(
        text, "<module> (/home/me/src/example.py:17);Foo.intersects (/home/me/src/example.py:8) "
              "1999\n"
              "<module> (/home/me/src/example.py:17);Foo.intersects (/home/me/src/example.py:11);"
              "Foo.intersects.<locals>.<genexpr> (/home/me/src/example.py:11) 1303\n");
    free(text);
    options =
        (struct hop_report_options){.files = (const char *const[]){"random.py"}, .file_count = 1};
    text = report(profile, "collapsed", &options, &size);
    cr_assert_str_eq(text, "<module> (/home/me/src/example.py:17);Random.randint "
                           "(/usr/lib/python3.13/random.py:331) 2643\n");
    free(text);
    hop_profile_destroy(profile);
}

Test(report_collapsed, keeps_frames_apart)
{
    struct hop_profile *profile = make_closure_profile();
    for (size_t i = 0; i < profile->instruction_count; i++)
        profile->instructions[i].function = "a;b\nc 7";
    size_t size;
    char *text = report(profile, "collapsed", &no_options, &size);
    cr_assert_eq(strncmp(text, "a\\x3bb\\nc 7 (/home/me", 21), 0, "%s", text);
    free(text);
    hop_profile_destroy(profile);
}

static json_t *json_report(const struct hop_profile *profile, const char *format,
                           const struct hop_report_options *options)
{
    size_t size;
    json_error_t error;
    char *text = report(profile, format, options, &size);
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(value, "%s, line %d: %s", format, error.line, error.text);
    free(text);
    return value;
}

Test(report_speedscope, adds_up)
{
    struct hop_profile *profile;
    for (size_t i = 0; (profile = profile_number(i)); i++) {
        struct hop_report_options options = {.with_opcodes = i & 1};
        json_t *value = json_report(profile, "speedscope", &options), *thread, *sample, *weight;
        size_t frames =
            json_array_size(json_object_get(json_object_get(value, "shared"), "frames"));
        size_t j, k, l;
        uint64_t sum = 0;
        json_array_foreach(json_object_get(value, "profiles"), j, thread)
        {
            json_t *samples = json_object_get(thread, "samples"), *frame;
            json_t *weights = json_object_get(thread, "weights");
            uint64_t of_thread = 0;
            cr_assert_eq(json_array_size(samples), json_array_size(weights));
            json_array_foreach(weights, k, weight) of_thread +=
                (uint64_t)json_integer_value(weight);
            json_array_foreach(samples, k, sample)
            {
                cr_assert_gt(json_array_size(sample), 0);
                json_array_foreach(sample, l, frame)
                    cr_assert_lt((size_t)json_integer_value(frame), frames);
            }
            cr_assert_eq((uint64_t)json_integer_value(json_object_get(thread, "endValue")),
                         of_thread);
            sum += of_thread;
        }
        cr_assert_eq(sum, profile->samples_ns, "profile %zu", i);
        json_decref(value);
        hop_profile_destroy(profile);
    }
}

/* Every column of a table of gecko is as long as it says, and its indexes are of what there is. */
static size_t gecko_table(json_t *shared, const char *name)
{
    json_t *table = json_object_get(shared, name), *column;
    const char *key;
    cr_assert_not_null(table, "%s", name);
    size_t length = (size_t)json_integer_value(json_object_get(table, "length"));
    json_object_foreach(table, key, column)
    {
        if (json_is_array(column))
            cr_assert_eq(json_array_size(column), length, "%s.%s", name, key);
    }
    return length;
}

static void assert_below(json_t *table, const char *name, size_t limit)
{
    json_t *value;
    size_t i;
    json_array_foreach(json_object_get(table, name), i, value)
    {
        if (!json_is_null(value))
            cr_assert_lt((size_t)json_integer_value(value), limit, "%s[%zu]", name, i);
    }
}

static uint64_t gecko_thread_ns(json_t *thread, size_t stacks)
{
    json_t *samples = json_object_get(thread, "samples"), *value;
    size_t i;
    double last = 0, sum_ns = 0;
    gecko_table(thread, "samples");
    assert_below(samples, "stack", stacks);
    json_array_foreach(json_object_get(samples, "time"), i, value)
    {
        cr_assert_geq(json_number_value(value), last);
        last = json_number_value(value);
    }
    json_array_foreach(json_object_get(samples, "weight"), i, value)
    {
        cr_assert_gt(json_number_value(value), 0);
        sum_ns += (double)(uint64_t)(json_number_value(value) * 1e6 + .5);
    }
    return (uint64_t)sum_ns;
}

static void assert_gecko(const struct hop_profile *profile,
                         const struct hop_report_options *options)
{
    json_t *value = json_report(profile, "gecko", options), *thread;
    json_t *shared = json_object_get(value, "shared");
    size_t stacks = gecko_table(shared, "stackTable"), frames = gecko_table(shared, "frameTable");
    size_t functions = gecko_table(shared, "funcTable"), sources = gecko_table(shared, "sources");
    size_t strings = json_array_size(json_object_get(shared, "stringArray")), i;
    uint64_t sum_ns = 0;
    json_t *stack_table = json_object_get(shared, "stackTable"), *prefix;
    assert_below(stack_table, "frame", frames);
    json_array_foreach(json_object_get(stack_table, "prefix"), i, prefix)
        cr_assert(json_is_null(prefix) || (size_t)json_integer_value(prefix) < i);
    assert_below(json_object_get(shared, "frameTable"), "func", functions);
    assert_below(json_object_get(shared, "funcTable"), "name", strings);
    assert_below(json_object_get(shared, "funcTable"), "source", sources);
    assert_below(json_object_get(shared, "sources"), "filename", strings);
    json_array_foreach(json_object_get(value, "threads"), i, thread) sum_ns +=
        gecko_thread_ns(thread, stacks);
    cr_assert_eq(sum_ns, profile->samples_ns);
    json_decref(value);
}

Test(report_gecko, adds_up)
{
    struct hop_profile *profile;
    for (size_t i = 0; (profile = profile_number(i)); i++) {
        struct hop_report_options options = {.with_opcodes = i & 1};
        assert_gecko(profile, &options);
        hop_profile_destroy(profile);
    }
}

/* Records say when samples were; whatever they say, no time is lost, and none is made. */
Test(report_gecko, takes_times_from_the_records)
{
    struct hop_profile *profile = make_large_profile(&shapes[1]);
    struct hop_trace_record records[5000] = {{0}};
    size_t count = 0;
    for (uint32_t i = 0; i < profile->node_count && count + 2 < 5000; i++) {
        if (profile->nodes[i].self == 0 || i % 7 == 0)
            continue;
        records[count++] = (struct hop_trace_record){i, i % 100, 1e6};
        records[count++] = (struct hop_trace_record){i, 100 + i % 50, 2e6};
    }
    records[count++] = (struct hop_trace_record){0, UINT32_MAX, 1e300}; /* a root: no samples */
    profile->records = records;
    profile->record_count = count;
    assert_gecko(profile, &no_options);
    hop_profile_destroy(profile);
}

/* A function's time and that of all it calls, each sample once, by looking at every stack. */
static uint64_t plain_inclusive(const struct hop_profile *profile, const char *file,
                                const char *function)
{
    uint64_t sum = 0;
    bool *has_it = calloc(profile->node_count, sizeof *has_it);
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct hop_profile_node *node = &profile->nodes[i];
        if (node->parent == i)
            continue;
        const struct hop_instruction *row = &profile->instructions[node->instruction];
        has_it[i] = has_it[node->parent] ||
                    (strcmp(row->function, function) == 0 && strcmp(row->file, file) == 0);
        if (has_it[i])
            sum += profile->has_weights ? node->self_ns : node->self;
    }
    free(has_it);
    return sum;
}

/* Reads callgrind's format as its readers do: self cost by function, and what calls into it cost.
 */
static void assert_callgrind(const struct hop_profile *profile,
                             const struct hop_report_options *options)
{
    enum { FUNCTIONS_MAX = 4000 };
    static char files[FUNCTIONS_MAX][64];
    static struct {
        char name[64];
        size_t file;
        uint64_t called;
    } functions[FUNCTIONS_MAX];
    size_t size, checked = 0, number, file = 0, called_file = 0, callee = 0;
    uint64_t self = 0, cost;
    char *text = report(profile, "callgrind", options, &size), name[64];
    bool is_call = false;
    memset(functions, 0, sizeof functions);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        bool is_callee = line[0] == 'c';
        int found = sscanf(line + is_callee, "fn=(%zu) %63[^\n]", &number, name);
        if (found > 0) {
            cr_assert_lt(number, FUNCTIONS_MAX);
            if (found > 1)
                strcpy(functions[number].name, name);
            if (is_callee) {
                functions[number].file = called_file;
                called_file = file; /* it is the caller's where nothing is said */
                callee = number;
            }
        } else if ((found = sscanf(line, is_callee ? "cfi=(%zu) %63s" : "fl=(%zu) %63s", &number,
                                   name)) > 0) {
            cr_assert_lt(number, FUNCTIONS_MAX);
            if (found > 1)
                strcpy(files[number], name);
            called_file = number;
            if (!is_callee)
                file = number;
        } else if (strncmp(line, "calls=", 6) == 0) {
            is_call = true;
        } else if (sscanf(line, "0x%*x %*d %" SCNu64, &cost) == 1) {
            if (is_call)
                functions[callee].called += cost;
            else
                self += cost;
            is_call = false;
        }
    }
    cr_assert_eq(self, profile->has_weights ? profile->samples_ns : profile->samples);
    for (size_t i = 0; i < FUNCTIONS_MAX; i++) {
        if (functions[i].file == 0) /* nobody calls it: it stands for a thread */
            continue;
        cr_assert_eq(functions[i].called,
                     plain_inclusive(profile, files[functions[i].file], functions[i].name), "%s",
                     functions[i].name);
        checked++;
    }
    cr_assert_gt(checked, 0);
    free(text);
}

Test(report_callgrind, counts_a_sample_once_for_each_function_on_its_stack)
{
    for (size_t i = 0; i < SHAPES; i++) {
        for (int j = 0; j < 2; j++) {
            struct hop_report_options options = {.by_thread = j};
            struct hop_profile *profile = make_large_profile(&shapes[i]);
            assert_callgrind(profile, &options);
            hop_profile_destroy(profile);
        }
    }
    struct hop_profile *deep = make_deep_profile(30000);
    assert_callgrind(deep, &no_options);
    hop_profile_destroy(deep);
}

/* even calls odd calls even: a call back into what waits further out would make a cycle. */
Test(report_callgrind, makes_no_cycle)
{
    struct hop_profile *deep = make_deep_profile(3);
    size_t size, calls = 0;
    char *text = report(deep, "callgrind", &no_options, &size);
    for (const char *at = text; (at = strstr(at, "calls=")); at++)
        calls++;
    cr_assert_eq(calls, 2, "%s", text); /* of even by all threads, of odd by even */
    free(text);
    hop_profile_destroy(deep);
}

static void assert_csv_sum(const struct hop_profile *profile, bool by_thread)
{
    struct hop_report_options options = {.by_thread = by_thread};
    size_t size;
    uint64_t sum = 0;
    char *text = report(profile, "csv", &options, &size);
    char *line = strchr(text, '\n') + 1;
    while (*line) {
        char *at = line, *end = strstr(line, "\r\n");
        bool is_quoted = false;
        int field = 0;
        for (; field < (by_thread ? 13 : 11); at++) { /* self */
            is_quoted ^= *at == '"';
            field += *at == ',' && !is_quoted;
            cr_assert_lt(at, end);
        }
        sum += strtoull(at, NULL, 10);
        line = end + 2;
    }
    cr_assert_eq(sum, profile->samples);
    free(text);
}

Test(report_csv, adds_up)
{
    struct hop_profile *profile;
    for (size_t i = 0; (profile = profile_number(i)); i++) {
        assert_csv_sum(profile, false);
        assert_csv_sum(profile, true);
        hop_profile_destroy(profile);
    }
}

Test(report_csv, computes_nothing_in_a_spreadsheet)
{
    static const struct {
        const char *name, *wanted;
    } cases[] = {
        {"=1+1", "\"'=1+1\","},
        {"+f", "\"'+f\","},
        {"-f", "\"'-f\","},
        {"@f", "\"'@f\","},
        {"\xef\xbc\x9d"
         "1",
         "\"'\xef\xbc\x9d"
         "1\","},
        {"\t=1", "\\t=1,"},
        {"a,b", "\"a,b\","},
        {"say \"x\"", "\"say \"\"x\"\"\","},
        {"plain", "plain,"},
        {"", ","},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hop_profile *profile = make_closure_profile();
        size_t size;
        profile->instructions[0].function = cases[i].name;
        char *text = report(profile, "csv", &no_options, &size);
        char *row = strstr(text, "\r\n") + 2;
        cr_assert_eq(strncmp(row, cases[i].wanted, strlen(cases[i].wanted)), 0, "%s", row);
        free(text);
        hop_profile_destroy(profile);
    }
}
