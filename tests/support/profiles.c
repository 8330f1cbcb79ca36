/* Hand-made profiles, see profiles.h. */
#include "support/profiles.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* C0 and C1 controls, an escape sequence, a bidi override, a line separator, broken UTF-8, a lone
 * surrogate, markup, a very long line. */
#define HOSTILE_FILE                                                                               \
    "/tmp/\033[31mred\nline\xe2\x80\xae"                                                           \
    "evil\xe2\x80\xa8.py"
#define HOSTILE_FUNCTION "f</script>\"'\\\xff\xed\xb2\x80\xc2\x9b\t"

static struct hop_profile *new_profile(const struct hop_instruction *rows, size_t row_count,
                                       const struct hop_profile_node *nodes, size_t node_count,
                                       const struct hop_profile_thread *threads,
                                       size_t thread_count)
{
    struct hop_profile *profile = calloc(1, sizeof *profile);
    cr_assert_not_null(profile);
    hop_arena_init(&profile->arena, 1 << 20);
    profile->instructions = hop_arena_copy(&profile->arena, rows, row_count * sizeof *rows);
    profile->instruction_count = row_count;
    profile->nodes = hop_arena_copy(&profile->arena, nodes, node_count * sizeof *nodes);
    profile->node_count = node_count;
    profile->threads = hop_arena_copy(&profile->arena, threads, thread_count * sizeof *threads);
    profile->thread_count = thread_count;
    profile->mode = "cpu";
    profile->way = "same CPU";
    profile->way_words = "each thread was read from its own CPU";
    profile->asked_rate_hz = 1000;
    profile->pid = 1234;
    return profile;
}

static bool is_of(const struct hop_instruction *row, const struct hop_profile_code *code)
{
    return row->first_line == code->first_line && strcmp(row->file, code->file) == 0 &&
           strcmp(row->function, code->function) == 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct hop_profile_op *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* A code object for each function, its bytecode what there are rows of. */
static void add_codes(struct hop_profile *profile)
{
    size_t count = profile->instruction_count;
    profile->codes = hop_arena_alloc(&profile->arena, (count + 1) * sizeof *profile->codes);
    for (size_t i = 0; i < count; i++) {
        struct hop_instruction *row = &profile->instructions[i];
        size_t code = 0;
        while (code < profile->code_count && !is_of(row, &profile->codes[code]))
            code++;
        struct hop_profile_code *of = &profile->codes[code];
        row->code = (uint32_t)code;
        if (code == profile->code_count) {
            profile->code_count++;
            of->function = row->function;
            of->file = row->file;
            of->first_line = row->first_line;
            of->ops = hop_arena_alloc(&profile->arena, count * sizeof *of->ops);
        }
        size_t op = 0;
        while (op < of->op_count && of->ops[op].offset != row->offset)
            op++;
        if (op == of->op_count)
            of->ops[of->op_count++] = (struct hop_profile_op){
                .offset = row->offset,
                .opcode = row->base_opcode,
                .oparg = row->oparg,
                .argument = strcmp(row->base_opcode, "LOAD_DEREF") == 0 ? "self" : "",
                .line = row->line,
                .end_line = row->end_line,
                .column = row->column,
                .end_column = row->end_column,
            };
        qsort(of->ops, of->op_count, sizeof *of->ops, by_offset);
    }
}

static struct hop_profile *finish(struct hop_profile *profile)
{
    add_codes(profile);
    cr_assert(hop_profile_finish(profile));
    return profile;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A node with so many hits, which stand for a millisecond each. */
#define NODE(parent, instruction, self)                                                            \
    {                                                                                              \
        parent, instruction, self, (self)*UINT64_C(1000000)                                        \
    }

#define AT(file_, function_, first, offset_, opcode_, base, oparg_, line_, column_, end, tracked)  \
    {                                                                                              \
        .file = file_, .function = function_, .first_line = first, .offset = offset_,              \
        .opcode = opcode_, .base_opcode = base, .oparg = oparg_, .line = line_, .end_line = line_, \
        .column = column_, .end_column = end, .is_tracked = tracked,                               \
    }

struct hop_profile *make_closure_profile(void)
{
    static const char file[] = "/home/me/src/example.py";
    static const struct hop_instruction rows[] = {
        AT(file, "<module>", 1, 96, "CALL", "CALL", 1, 17, 4, 37, false),
        AT(file, "Foo.intersects", 6, 42, "LOAD_DEREF", "LOAD_DEREF", 2, 8, 19, 23, true),
        AT(file, "Foo.intersects", 6, 122, "LOAD_DEREF", "LOAD_DEREF", 2, 8, 51, 55, true),
        AT(file, "Foo.intersects", 6, 44, "LOAD_ATTR_INSTANCE_VALUE", "LOAD_ATTR", 2, 8, 19, 26,
           false),
        AT(file, "Foo.intersects", 6, 44, "LOAD_ATTR", "LOAD_ATTR", 2, 8, 19, 26, false),
        AT(file, "Foo.intersects", 6, 160, "MAKE_FUNCTION", "MAKE_FUNCTION", -1, 11, 23, 70, true),
        AT(file, "Foo.intersects.<locals>.<genexpr>", 11, 12, "LOAD_DEREF", "LOAD_DEREF", 1, 11, 23,
           27, true),
        /* two calls that begin in the same column; code of no line */
        AT(file, "<module>", 1, 60, "CALL", "CALL", 2, 17, 4, 13, false),
        AT(file, "Foo.intersects", 6, 0, "MAKE_CELL", "MAKE_CELL", 2, 0, -1, -1, false),
        AT("/usr/lib/python3.13/random.py", "Random.randint", 330, 8, "LOAD_FAST", "LOAD_FAST", 0,
           331, 15, 19, false),
    };
    static const struct hop_profile_node nodes[] = {
        NODE(0, 0, 0),     NODE(0, 0, 60000), NODE(1, 1, 1000), NODE(1, 2, 999),
        NODE(1, 3, 25000), NODE(1, 4, 3000),  NODE(1, 5, 512),  NODE(6, 6, 1303),
        NODE(1, 9, 2643),  NODE(0, 7, 6),     NODE(1, 8, 4),
    };
    static const struct hop_profile_thread threads[] = {{.tid = 1234, .name = "MainThread"}};
    struct hop_profile *profile =
        new_profile(rows, COUNT(rows), nodes, COUNT(nodes), threads, COUNT(threads));
    profile->python = "3.13.0";
    profile->command_line = "python3 example.py";
    profile->directory = "/srv/shop";
    profile->duration_ns = 94521000000;
    profile->true_rate_hz = 999.7;
    profile->ticks = 94493;
    profile->missed = 7;
    profile->late_median_ns = 58000;
    profile->late_p99_ns = 213000;
    profile->late_max_ns = 1234567;
    profile->live_samples = 42;
    profile->refused[profile->refused_count++] =
        (struct hop_refusal_count){"moved", "the thread ran while it was being read", 26};
    profile->refused_total = 26;
    profile->ending = HOP_ENDED_EXITED;
    return finish(profile);
}

/* 3.9: no columns, so two instructions of a line are told apart by their offsets. */
struct hop_profile *make_old_profile(void)
{
    static const struct hop_instruction rows[] = {
        AT("app.py", "intersects", 6, 12, "LOAD_DEREF", "LOAD_DEREF", 0, 8, -1, -1, true),
        AT("app.py", "intersects", 6, 22, "LOAD_DEREF", "LOAD_DEREF", 0, 8, -1, -1, true),
        AT("app.py", "intersects", 6, 30, "BUILD_LIST", "BUILD_LIST", 0, 9, -1, -1, true),
        AT("app.py", "A.run", 20, 4, "BUILD_MAP", "BUILD_MAP", 0, 20, -1, -1, true),
        AT("app.py", "B.run", 20, 4, "BUILD_MAP", "BUILD_MAP", 0, 20, -1, -1, true),
        AT("/x/lib/app.py", "intersects", 6, 12, "LOAD_DEREF", "LOAD_DEREF", 0, 8, -1, -1, true),
        AT("<string>", "<module>", 1, 2, "BUILD_SET", "BUILD_SET", 3, 0, -1, -1, true),
        AT("/x/lib/pkg/__init__.py", "f", 1, 2, "BUILD_TUPLE", "BUILD_TUPLE", 3, 2, -1, -1, true),
        AT("/x/lib/pkg/sub/__init__.py", "f", 1, 2, "BUILD_TUPLE", "BUILD_TUPLE", 3, 2, -1, -1,
           true),
    };
    static const struct hop_profile_node nodes[] = {
        NODE(0, 0, 0), NODE(0, 0, 30), NODE(0, 1, 29), NODE(0, 2, 5), NODE(0, 3, 4),
        NODE(0, 4, 3), NODE(0, 5, 2),  NODE(0, 6, 1),  NODE(0, 7, 1), NODE(0, 8, 1),
    };
    static const struct hop_profile_thread threads[] = {{.tid = 9, .name = ""}};
    struct hop_profile *profile =
        new_profile(rows, COUNT(rows), nodes, COUNT(nodes), threads, COUNT(threads));
    profile->python = "3.9.18";
    profile->command_line = "";
    profile->duration_ns = 76000000;
    profile->true_rate_hz = profile->asked_rate_hz = 10000;
    profile->ticks = 760;
    return finish(profile);
}

struct hop_profile *make_hostile_profile(void)
{
    static const struct hop_instruction rows[] = {
        AT(HOSTILE_FILE, HOSTILE_FUNCTION, 1, 0, "LOAD_DEREF", "LOAD_DEREF", 1, 8, 19, 23, true),
        AT("", "", 0, 2, "BUILD_LIST", "BUILD_LIST", 0, 0, -1, -1, true),
        AT("///", ".", 1, 4, "<216>", "<216>", 255, 2147483647, 0, 1, false),
        AT("/srv/caf\xc3\xa9.py", "na\xc3\xafve.\xe6\x97\xa5\xe6\x9c\xac", 3, 6, "BUILD_MAP",
           "BUILD_MAP", 1, 3, 0, 2, true),
    };
    static const struct hop_profile_node nodes[] = {
        NODE(0, 0, 0), NODE(0, 0, 5), NODE(0, 1, 3),  NODE(0, 2, 2),
        NODE(4, 1, 0), NODE(4, 3, 7), NODE(5, 0, 11),
    };
    static const struct hop_profile_thread threads[] = {{.tid = 70, .name = "wor\033]0;x\007ker"},
                                                        {.tid = 71, .name = "quiet"}};
    struct hop_profile *profile =
        new_profile(rows, COUNT(rows), nodes, COUNT(nodes), threads, COUNT(threads));
    profile->python = "3.14.0rc1+\033";
    profile->command_line = "python3 -c 'print(\"\xff\")' \xe2\x80\xae"
                            "txt.exe "
                            "an argument that is so long that it is not of any use to show it in a "
                            "heading, so that it is cut where a line or two of a terminal end, and "
                            "no later";
    profile->duration_ns = 1;
    profile->true_rate_hz = 0.25;
    profile->asked_rate_hz = 0.5;
    profile->idle = 1234567;
    profile->refused[profile->refused_count++] =
        (struct hop_refusal_count){"moved", "the thread ran while it was being read", 1000};
    profile->refused[profile->refused_count++] =
        (struct hop_refusal_count){"too_deep", "the stack is deeper than the limit", 1};
    profile->refused_total = 1001;
    profile->ending = HOP_ENDED_EXEC;
    return finish(profile);
}

struct hop_profile *make_idle_profile(void)
{
    struct hop_profile *profile = new_profile(NULL, 0, NULL, 0, NULL, 0);
    profile->python = "3.12.1";
    profile->command_line = "python3 server.py";
    profile->idle = 3000;
    profile->duration_ns = 3000000000;
    profile->true_rate_hz = 1000;
    profile->ticks = 3000;
    profile->ending = HOP_ENDED_STOPPED;
    return finish(profile);
}

struct hop_profile *make_empty_profile(void)
{
    return finish(new_profile(NULL, 0, NULL, 0, NULL, 0));
}

const struct test_profile test_profiles[] = {
    {"closure", make_closure_profile}, {"old", make_old_profile},
    {"hostile", make_hostile_profile}, {"idle", make_idle_profile},
    {"empty", make_empty_profile},
};
const size_t test_profile_count = COUNT(test_profiles);

static const struct hop_instruction frames[] = {
    AT("/home/me/src/example.py", "Foo.intersects.<locals>.<genexpr>", 11, 12, "LOAD_DEREF",
       "LOAD_DEREF", 1, 11, 23, 27, true),
    AT("/home/me/src/example.py", "Foo.intersects", 6, 190, "CALL_BUILTIN_O", "CALL", 1, 11, 19, 70,
       false),
    AT("app.py", "<module>", 1, 30, "RETURN_VALUE", "RETURN_VALUE", -1, 17, -1, -1, false),
};

static struct hop_snapshot_thread plain_threads[] = {
    {.tid = 1234,
     .name = "MainThread",
     .state = "running",
     .has_gil = true,
     .frames = frames,
     .frame_count = 3},
    {.tid = 1235,
     .name = "",
     .state = "sleeping",
     .interpreter = 2,
     .refused = "the thread ran while it was being read"},
    {.tid = 1236, .name = "pool-1", .state = "sleeping"},
};

const struct hop_snapshot test_snapshot = {
    .pid = 1234,
    .python = "3.13.0",
    .command_line = "python3 example.py",
    .threads = plain_threads,
    .thread_count = 3,
};

static const struct hop_instruction hostile_frames[] = {
    AT(HOSTILE_FILE, HOSTILE_FUNCTION, 1, 0, "LOAD_DEREF", "LOAD_DEREF", 1, 0, -1, -1, true),
};

static struct hop_snapshot_thread hostile_threads[] = {
    {.tid = 1, .name = "\033c\xff", .state = "running", .frames = hostile_frames, .frame_count = 1},
};

const struct hop_snapshot test_hostile_snapshot = {
    .pid = 1,
    .python = "3.11.7",
    .command_line = "\xed\xa0\x80",
    .threads = hostile_threads,
    .thread_count = 1,
};
