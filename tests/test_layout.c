/* Layouts: the files of offsets/ as they are compiled in, the parser's refusals, and the overlay of
 * a target's own _Py_DebugOffsets. */
#include "py/builtin_offsets.h"
#include "py/layout.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 15 kB each, too much for comfort on the stack; every test is a process of its own. */
static struct hop_layout layout;
static struct hop_error error;
static char text[64 * 1024];

static const struct hop_builtin_offsets *builtin(const char *version)
{
    for (size_t i = 0; i < hop_builtin_offsets_count; i++)
        if (!strcmp(hop_builtin_offsets[i].version, version))
            return &hop_builtin_offsets[i];
    cr_fatal("no built-in offsets of %s", version);
}

static void load(int minor)
{
    enum hop_status status = hop_layout_builtin(3, minor, &layout, &error);
    cr_assert(status == HOP_OK, "3.%d: %s", minor, error.message);
}

static const struct hop_opcode *opcode_named(const char *name)
{
    for (int i = 0; i < HOP_OPCODE_COUNT; i++)
        if (layout.opcodes[i].name && !strcmp(layout.opcodes[i].name, name))
            return &layout.opcodes[i];
    cr_fatal("no opcode %s", name);
}

static int number_of(const char *name)
{
    return (int)(opcode_named(name) - layout.opcodes);
}

/* Copies the file of `version` into text[] with its first line that begins with `prefix` replaced
 * by `line`, or left out if `line` is NULL; without a prefix `line` comes last. Returns the number
 * of the line concerned. */
static unsigned edit(const char *version, const char *prefix, const char *line)
{
    unsigned number = 0, edited = 0;
    char *out = text;
    for (const char *in = builtin(version)->text; *in; in += strcspn(in, "\n") + 1) {
        int length = (int)strcspn(in, "\n");
        number++;
        if (prefix && !edited && !strncmp(in, prefix, strlen(prefix))) {
            edited = number;
            if (line)
                out += sprintf(out, "%s\n", line);
        } else {
            out += sprintf(out, "%.*s\n", length, in);
        }
    }
    if (!prefix) {
        edited = number + 1;
        sprintf(out, "%s\n", line);
    }
    cr_assert(edited > 0, "%s has no line %s", version, prefix);
    return edited;
}

static enum hop_status parse_edited(void)
{
    return hop_layout_parse(text, strlen(text), &layout, &error);
}

Test(layout, every_builtin_parses_and_is_of_its_version)
{
    cr_assert(ge(sz, hop_builtin_offsets_count, 8));
    for (size_t i = 0; i < hop_builtin_offsets_count; i++) {
        int major, minor;
        cr_assert(eq(int, sscanf(hop_builtin_offsets[i].version, "%d.%d", &major, &minor), 2));
        cr_assert(eq(int, major, 3));
        load(minor);
        cr_expect(eq(int, layout.minor, minor));
        cr_expect(eq(int, layout.is_free_threaded, false));
        cr_expect(strstr(hop_layout_supported(), hop_builtin_offsets[i].version) != NULL);
    }
}

Test(layout, supported_versions_are_in_order)
{
    cr_expect(
        eq(str, (char *)hop_layout_supported(), "3.8, 3.9, 3.10, 3.11, 3.12, 3.13, 3.14, 3.15"));
}

Test(layout, an_unknown_version_is_refused_naming_those_known)
{
    cr_expect(hop_layout_builtin(3, 7, &layout, &error) == HOP_ERR_UNSUPPORTED);
    cr_expect(strstr(error.message, "3.7") != NULL);
    cr_expect(strstr(error.message, hop_layout_supported()) != NULL);
    cr_expect(strstr(error.remedy, "--offsets") != NULL);
}

Test(layout, words_follow_the_version)
{
    static const struct {
        int minor;
        enum hop_frame_root root;
        enum hop_ip_kind ip;
        enum hop_line_kind lines;
    } expected[] = {
        {8, HOP_ROOT_FRAME_OBJECT, HOP_IP_LASTI_BYTES, HOP_LINES_LNOTAB},
        {9, HOP_ROOT_FRAME_OBJECT, HOP_IP_LASTI_BYTES, HOP_LINES_LNOTAB},
        {10, HOP_ROOT_FRAME_OBJECT, HOP_IP_LASTI_UNITS, HOP_LINES_310},
        {11, HOP_ROOT_CFRAME, HOP_IP_PREV_INSTR, HOP_LINES_LOCATIONS},
        {12, HOP_ROOT_CFRAME, HOP_IP_PREV_INSTR, HOP_LINES_LOCATIONS},
        {13, HOP_ROOT_CURRENT_FRAME, HOP_IP_INSTR_PTR, HOP_LINES_LOCATIONS},
        {14, HOP_ROOT_CURRENT_FRAME, HOP_IP_INSTR_PTR, HOP_LINES_LOCATIONS},
        {15, HOP_ROOT_CURRENT_FRAME, HOP_IP_INSTR_PTR, HOP_LINES_LOCATIONS},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        load(expected[i].minor);
        cr_expect(eq(int, layout.frame_root, expected[i].root));
        cr_expect(eq(int, layout.ip_kind, expected[i].ip));
        cr_expect(eq(int, layout.line_kind, expected[i].lines));
    }
}

/* Numbers known from elsewhere than the generator: the headers read by eye. */
Test(layout, spot_values)
{
    load(8);
    cr_expect(eq(int, layout.thread_frame, 24)); /* after prev, next, interp */
    cr_expect(eq(int, layout.frame_back, 24));   /* after the PyVarObject */
    cr_expect(eq(int, layout.thread_native_id, HOP_ABSENT));
    cr_expect(eq(int, layout.interp_gil, HOP_ABSENT));
    cr_expect(eq(int, layout.debug_offsets_size, 0));

    load(12);
    cr_expect(eq(int, layout.iframe_code, 0));
    cr_expect(eq(int, layout.iframe_previous, 8));
    cr_expect(eq(int, layout.code_units, 16)); /* ob_size of a PyVarObject */
    cr_expect(eq(int, layout.runtime_gil_locked, HOP_ABSENT));
    cr_expect(eq(int, layout.interp_gil_locked - layout.interp_gil, 16));
    cr_expect(eq(int, layout.lines_entry_size, 2));
    cr_expect(layout.code_pointer_mask == UINT64_MAX);
    cr_expect(eq(u32, layout.owners_without_code, 1u << 3)); /* CSTACK */
    cr_expect(eq(u32, layout.owner_generator, 1));
    cr_expect(eq(u32, layout.unicode_kind_mask, 7u << 2)); /* after two bits of interned */

    load(14);
    cr_expect(layout.code_pointer_mask == ~(uint64_t)3);
    cr_expect(eq(u32, layout.owners_without_code, 1u << 3 | 1u << 4)); /* INTERPRETER, CSTACK */

    load(15);
    cr_expect(eq(int, layout.thread_base_frame - layout.thread_current_frame, 8));
    cr_expect(eq(int, layout.debug_version_position, 8));
    cr_expect(eq(int, layout.debug_free_threaded_position, 16));
}

Test(layout, opcodes_have_their_base_caches_and_marks)
{
    load(12);
    cr_expect(eq(str, (char *)layout.opcodes[137].name, "LOAD_DEREF"));
    cr_expect(eq(int, opcode_named("LOAD_DEREF")->is_tracked, true));
    cr_expect(eq(int, opcode_named("LOAD_FAST")->is_tracked, false));
    cr_expect(eq(int, opcode_named("CALL_NO_KW_LEN")->base, number_of("CALL")));
    cr_expect(eq(int, opcode_named("CALL_NO_KW_LEN")->caches, 3));
    cr_expect(eq(int, opcode_named("INSTRUMENTED_CALL")->base, number_of("CALL")));
    cr_expect(eq(int, opcode_named("INSTRUMENTED_CALL")->caches, 3));
    cr_expect(eq(int, opcode_named("INSTRUMENTED_CALL")->is_instrumented, true));
    cr_expect(eq(int, opcode_named("CALL")->is_instrumented, false));
    cr_expect(eq(int, opcode_named("INSTRUMENTED_RETURN_VALUE")->has_arg, false));
    cr_expect(eq(int, opcode_named("INSTRUMENTED_LINE")->role, HOP_ROLE_INSTRUMENTED_LINE));
    cr_expect(eq(int, opcode_named("LOAD_CONST__LOAD_FAST")->base, number_of("LOAD_CONST")));
    cr_expect(eq(ptr, (void *)layout.opcodes[255].name, NULL));

    load(11);
    const struct hop_opcode *quick = opcode_named("EXTENDED_ARG_QUICK");
    cr_expect(eq(int, quick->base, number_of("EXTENDED_ARG")));
    cr_expect(eq(int, quick->role, HOP_ROLE_EXTENDED_ARG));
    cr_expect(eq(int, quick->has_arg, true));

    load(14);
    cr_expect(eq(int, opcode_named("ENTER_EXECUTOR")->role, HOP_ROLE_ENTER_EXECUTOR));
    cr_expect(eq(int, opcode_named("ENTER_EXECUTOR")->base, number_of("ENTER_EXECUTOR")));
}

Test(layout, every_base_is_a_base_and_equal_in_what_readers_need)
{
    for (int minor = 8; minor <= 15; minor++) {
        load(minor);
        for (int i = 0; i < HOP_OPCODE_COUNT; i++) {
            if (!layout.opcodes[i].name)
                continue;
            const struct hop_opcode *base = &layout.opcodes[layout.opcodes[i].base];
            cr_expect(base->name != NULL);
            cr_expect(eq(int, base->base, layout.opcodes[i].base));
            cr_expect(eq(int, base->caches, layout.opcodes[i].caches));
            cr_expect(eq(int, base->is_tracked, layout.opcodes[i].is_tracked));
        }
        static const char *const tracked[] = {"MAKE_FUNCTION", "BUILD_TUPLE", "BUILD_LIST",
                                              "BUILD_SET",     "BUILD_MAP",   "LOAD_DEREF"};
        for (size_t i = 0; i < sizeof tracked / sizeof tracked[0]; i++)
            cr_expect(opcode_named(tracked[i])->is_tracked, "3.%d %s", minor, tracked[i]);
    }
}

struct malformed {
    const char version[8], prefix[40], line[260]; /* as for edit(); Criterion copies them */
    const char message[80];                       /* what the message has after the line number */
};

ParameterizedTestParameters(layout, a_malformed_line_is_refused_with_its_number)
{
    static struct malformed cases[] = {
        {"3.12", "", "nonsense 1", "unknown line 'nonsense'"},
        {"3.12", "", "python 3.12", "a second 'python'"},
        {"3.12", "python", "python 3", "no version: '3'"},
        {"3.12", "python", "python 3.12.1", "no version: '3.12.1'"},
        {"3.12", "python", "python 3.x", "no version: '3.x'"},
        {"3.12", "python", "python 2.7", "no version that this program can read: '2.7'"},
        {"3.12", "python", "python 3.12 3.13", "too many words: '3.13'"},
        {"3.12", "", "word ip instr-ptr", "a second word 'ip'"},
        {"3.12", "word ip", "word ip sideways", "unknown word 'sideways'"},
        {"3.12", "word ip", "word frames instr-ptr", "unknown word 'instr-ptr'"},
        {"3.12", "word ip", "word ip", "too few words after 'ip'"},
        {"3.12", "", "field interp.nope 8", "unknown field 'interp.nope'"},
        {"3.12", "", "field interp.next 8", "a second field 'interp.next'"},
        {"3.12", "field interp.next", "field interp.next", "too few words after 'interp.next'"},
        {"3.12", "field interp.next", "field interp.next -8", "no offset: '-8'"},
        {"3.12", "field interp.next", "field interp.next 8x", "no offset: '8x'"},
        {"3.12", "field interp.next", "field interp.next 0x", "no offset: '0x'"},
        {"3.12", "field interp.next", "field interp.next 1048577", "no offset: '1048577'"},
        {"3.12", "field interp.next", "field interp.next 18446744073709551624",
         "no offset: '18446744073709551624'"},
        {"3.12", "field thread.next", "field thread.next 4097", "no offset: '4097'"},
        {"3.13", "field lines.entry_size", "field lines.entry_size 2 before",
         "too few words after '2'"},
        {"3.13", "field lines.entry_size", "field lines.entry_size 2 since 3.13.3",
         "neither from nor before: 'since'"},
        {"3.13", "field lines.entry_size", "field lines.entry_size 2 before 3.13",
         "no patch release: '3.13'"},
        {"3.13", "field lines.entry_size", "field lines.entry_size 2 before 3.12.3",
         "not a patch release of the file's version: '3.12.3'"},
        {"3.13", "", "field lines.data 1", "a second field 'lines.data'"},
        {"3.13", "", "field lines.data 1 before 3.13.5", "a second field 'lines.data'"},
        {"3.12", "", "mask unicode.state.nope 1", "unknown mask 'unicode.state.nope'"},
        {"3.12", "", "mask unicode.state.kind 1", "a second mask 'unicode.state.kind'"},
        {"3.12", "mask unicode.state.kind", "mask unicode.state.kind 0", "no mask: '0'"},
        {"3.12", "mask unicode.state.kind", "mask unicode.state.kind 0x100000000",
         "no mask: '0x100000000'"},
        {"3.12", "", "value nope 1", "unknown value 'nope'"},
        {"3.12", "", "value owner.generator 1", "a second value 'owner.generator'"},
        {"3.12", "value owner.generator", "value owner.generator 32", "no value: '32'"},
        {"3.13", "", "debug interp.nope 8", "unknown field 'interp.nope'"},
        {"3.13", "", "debug interp.next 64", "a second debug 'interp.next'"},
        {"3.13", "debug interp.next", "debug interp.next 63", "no position: '63'"},
        {"3.13", "debug interp.next", "debug interp.next 4096", "no position: '4096'"},
        {"3.13", "", "debug-size 8", "a second 'debug-size'"},
        {"3.13", "debug-size", "debug-size 0", "no size: '0'"},
        {"3.13", "debug-size", "debug-size 4097", "no size: '4097'"},
        {"3.13", "", "debug-version 8", "a second 'debug-version'"},
        {"3.13", "debug-version", "debug-version 9", "no position: '9'"},
        {"3.13", "", "debug-free-threaded 16", "a second 'debug-free-threaded'"},
        {"3.12", "", "opcode 256 BIG caches 0", "no opcode: '256'"},
        {"3.12", "", "opcode 235 low caches 0", "no opcode name: 'low'"},
        {"3.12", "",
         "opcode 235 A234567890123456789012345678901234567890123456789012345678901234 caches 0",
         "no opcode name: 'A234567890123456789012345678901234567890123456789"},
        {"3.12", "", "opcode 137 NEW_NAME caches 0", "a second opcode '137'"},
        {"3.12", "", "opcode 235 LOAD_DEREF caches 0", "a second opcode 'LOAD_DEREF'"},
        {"3.12", "", "opcode 235 NEW_NAME caches", "too few words after 'caches'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 256", "no number of caches: '256'"},
        {"3.12", "", "opcode 235 NEW_NAME cashes 1", "no number of caches: '1'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 0 arg arg", "twice: 'arg'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 0 bold", "unknown mark 'bold'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 0 of", "nothing after 'of'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 0 of nobody", "no opcode name: 'nobody'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 0 of NOBODY", "of an unknown opcode 'NOBODY'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 3 arg of CALL_NO_KW_LEN",
         "of an opcode that is no base: 'CALL_NO_KW_LEN'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 0 of NEW_NAME",
         "of an opcode that is no base: 'NEW_NAME'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 2 arg of CALL",
         "caches, arg or tracked unlike its base 'CALL'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 3 of CALL",
         "caches, arg or tracked unlike its base 'CALL'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 0 arg of LOAD_DEREF",
         "caches, arg or tracked unlike its base 'LOAD_DEREF'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 0 role", "nothing after 'role'"},
        {"3.12", "", "opcode 235 NEW_NAME caches 0 role king", "unknown role 'king'"},
        {"3.12", "", "argument LOAD_FAST local", "a second argument 'LOAD_FAST'"},
        {"3.12", "", "argument NEW_NAME local", "no opcode, no base opcode"},
        {"3.12", "", "argument POP_TOP local", "no opcode, no base opcode"},
        {"3.12", "", "argument LOAD_ATTR_SLOT name", "no opcode, no base opcode"},
        {"3.12", "", "argument CALL name shift", "no shift: 'shift'"},
        {"3.12", "", "argument CALL name shift 9", "no shift: '9'"},
        {"3.12", "", "operand nothing 1 x", "a list of no argument: 'nothing'"},
        {"3.12", "", "operand binary 256 x", "no operand: '256'"},
        {"3.12", "", "operand binary 0 x", "a second operand '0'"},
        {"3.12", "", "operand binary 99", "too few words after '99'"},
        {"3.12", "", "form POP_TOP 1 {}", "no opcode, no base opcode"},
        {"3.12", "", "form CALL 0 {}", "no mask: '0'"},
        {"3.12", "", "word a b c d e f g h i j k l", "too many words: 'l'"},
        {"3.12", "", "mask \x01 1", "other than printable 'ASCII'"},
        {"3.12", "", "# caf\xc3\xa9", "other than printable 'ASCII'"},
        {"3.12", "",
         "# 345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
         "890123456789012345678901",
         "too long a 'line'"},
    };
    return cr_make_param_array(struct malformed, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct malformed *it, layout, a_malformed_line_is_refused_with_its_number)
{
    char expected[120];
    unsigned number = edit(it->version, it->prefix[0] ? it->prefix : NULL, it->line);
    snprintf(expected, sizeof expected, "line %u: %s", number, it->message);
    cr_assert(parse_edited() == HOP_ERR_OFFSETS, "%s: taken", it->line);
    cr_expect(error.status == HOP_ERR_OFFSETS);
    cr_expect(strncmp(error.message, expected, strlen(expected)) == 0, "%s, not %s", error.message,
              expected);
    cr_expect(error.remedy[0] != '\0');
}

Test(layout, a_nul_inside_a_file_is_refused)
{
    edit("3.12", NULL, "#");
    cr_expect(hop_layout_parse(text, strlen(text) + 1, &layout, &error) == HOP_ERR_OFFSETS);
}

Test(layout, a_file_may_end_without_a_newline_and_have_comments_and_blank_lines)
{
    edit("3.12", NULL, "  \t # nothing\n\nopcode 235 LAST_ONE caches 7 # at the end");
    cr_assert(hop_layout_parse(text, strlen(text) - 1, &layout, &error) == HOP_OK, "%s",
              error.message);
    cr_expect(eq(int, opcode_named("LAST_ONE")->caches, 7));
}

/* Each line of each file but comments, opcodes and their arguments, optional fields and debug lines
 * is needed. */
static bool is_optional(const char *line, int minor)
{
    static const char *const beginnings[] = {
        "#",
        "opcode ",
        "debug ",
        "argument ",
        "operand ",
        "form ",
        "field code.co_version ",
        "field code.co_varnames ",
        "field code.co_localsplusnames ",
        "field thread.base_frame ",
        "field long.",
        "field float.",
        "field complex.",
        "field set.",
        "field slice.",
    };
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (!strncmp(line, beginnings[i], strlen(beginnings[i])))
            return true;
    return minor >= 11 && !strncmp(line, "field code.co_names ", 20);
}

Test(layout, whatever_is_missing_is_named)
{
    size_t missed = 0;
    for (size_t i = 0; i < hop_builtin_offsets_count; i++) {
        const char *version = hop_builtin_offsets[i].version;
        for (const char *in = hop_builtin_offsets[i].text; *in; in += strcspn(in, "\n") + 1) {
            char line[256], name[128];
            snprintf(line, sizeof line, "%.*s", (int)strcspn(in, "\n"), in);
            if (sscanf(line, "%*s %127s", name) != 1 || is_optional(line, atoi(version + 2)))
                continue;
            edit(version, line, NULL);
            cr_expect(parse_edited() == HOP_ERR_OFFSETS, "%s without: %s", version, line);
            missed++;
        }
    }
    cr_expect(gt(sz, missed, 400));
}

Test(layout, an_empty_file_is_refused)
{
    cr_expect(hop_layout_parse("", 0, &layout, &error) == HOP_ERR_OFFSETS);
    cr_expect(strstr(error.message, "'python'") != NULL);
}

Test(layout, a_file_of_contradictions_is_refused)
{
    static const struct {
        const char *version, *prefix, *line, *message;
    } cases[] = {
        {"3.12", "word ip", "word ip lasti-bytes", "does not go with that of 'ip'"},
        {"3.12", "field thread.next", "field thread.next 4000", "'thread.next'"},
        {"3.12", "field iframe.size", "field iframe.size 8", "'iframe."},
        {"3.12", NULL, "debug-size 888", "'debug-size'"},
        {"3.12", "field lines.entry_size", "field lines.entry_size 2 before 3.12.3",
         "'debug-size'"},
        {"3.13", "debug-size", "debug-size 400", "outside of debug-size: debug '"},
        {"3.13", "field lines.entry_size", "field lines.entry_size 2 before 3.13.2",
         "lines.entry_size"},
        {"3.13", "field lines.entry_size", "field lines.entry_size 2 before 3.13.4",
         "lines.entry_size"},
        {"3.13", NULL, "debug frame.size 8", "'frame.size'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        edit(cases[i].version, cases[i].prefix, cases[i].line);
        cr_expect(parse_edited() == HOP_ERR_OFFSETS, "%s", cases[i].line);
        cr_expect(strstr(error.message, cases[i].message) != NULL, "%s: %s", cases[i].line,
                  error.message);
    }
}

/* No length at which a file is cut makes the parser read past it (the address sanitizer looks on),
 * nor does a layout come of less than a whole file. */
Test(layout, a_file_cut_anywhere_is_read_within_its_bounds)
{
    const struct hop_builtin_offsets *file = builtin("3.13");
    size_t opcodes = (size_t)(strstr(file->text, "opcode ") - file->text);
    for (size_t size = 0; size < opcodes; size += 7) {
        char *copy = malloc(size ? size : 1);
        memcpy(copy, file->text, size);
        cr_expect(hop_layout_parse(copy, size, &layout, &error) == HOP_ERR_OFFSETS, "%zu", size);
        free(copy);
    }
}

Test(layout, a_file_is_loaded_and_its_errors_name_it)
{
    char path[] = "/tmp/heavyops-offsets-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    unsigned line = edit("3.12", "word ip", "word ip sideways");
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    char expected[128];
    snprintf(expected, sizeof expected, "%s: line %u: unknown word 'sideways'", path, line);
    cr_expect(hop_layout_load(path, &layout, &error) == HOP_ERR_OFFSETS);
    cr_expect(eq(str, error.message, expected));

    cr_assert(ftruncate(fd, 0) == 0);
    const struct hop_builtin_offsets *file = builtin("3.12");
    cr_assert(pwrite(fd, file->text, file->size, 0) == (ssize_t)file->size);
    cr_expect(hop_layout_load(path, &layout, &error) == HOP_OK, "%s", error.message);
    cr_expect(eq(int, layout.minor, 12));

    cr_assert(ftruncate(fd, 2 << 20) == 0);
    cr_expect(hop_layout_load(path, &layout, &error) == HOP_ERR_OFFSETS);
    close(fd);
    unlink(path);
    cr_expect(hop_layout_load(path, &layout, &error) == HOP_ERR_IO);
    cr_expect(strstr(error.message, path) != NULL);
    cr_expect(hop_layout_load("/", &layout, &error) == HOP_ERR_IO);
}

/* The overlay. The table says what the layout says already, until a test changes a word of it. */
static uint8_t table[HOP_DEBUG_OFFSETS_BYTES_MAX];

static int32_t *field_by_index(size_t index)
{
    return (int32_t *)&layout + index; /* the fields come first, in the order of the names */
}

static void put_word(int position, uint64_t value)
{
    memcpy(table + position, &value, sizeof value);
}

static size_t field_index(const char *name)
{
    size_t count;
    const char *const *names = hop_layout_field_names(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return i;
    cr_fatal("no field %s", name);
}

static void put_field(const char *name, uint64_t value)
{
    size_t index = field_index(name);
    for (int i = 0; i < layout.debug_offset_count; i++)
        if (layout.debug_offsets[i].field == index)
            return put_word(layout.debug_offsets[i].position, value);
    cr_fatal("no debug %s", name);
}

static void prepare(int minor, uint32_t version_hex)
{
    load(minor);
    memset(table, 0, sizeof table);
    memcpy(table, "xdebugpy", 8);
    put_word(layout.debug_version_position, version_hex);
    for (int i = 0; i < layout.debug_offset_count; i++)
        put_word(layout.debug_offsets[i].position,
                 (uint64_t)*field_by_index(layout.debug_offsets[i].field));
}

static enum hop_status overlay(void)
{
    return hop_layout_overlay(&layout, table, (size_t)layout.debug_offsets_size, &error);
}

Test(layout_overlay, a_table_that_agrees_changes_nothing)
{
    for (int minor = 13; minor <= 15; minor++) {
        prepare(minor, 0x030005f0u | (uint32_t)minor << 16);
        int32_t next = layout.interp_next, code = layout.iframe_code;
        cr_assert(overlay() == HOP_OK, "%s", error.message);
        cr_expect(eq(int, layout.interp_next, next));
        cr_expect(eq(int, layout.iframe_code, code));
        cr_expect(eq(int, layout.is_free_threaded, false));
    }
}

Test(layout_overlay, every_field_with_a_position_is_moved)
{
    for (int minor = 13; minor <= 15; minor++) {
        load(minor);
        for (int i = 0; i < layout.debug_offset_count; i++) {
            prepare(minor, 0x030005f0u | (uint32_t)minor << 16);
            size_t field = layout.debug_offsets[i].field;
            int32_t value = *field_by_index(field);
            /* Some of iframe are near its end: room for them. */
            put_field("iframe.size", (uint64_t)layout.iframe_size + 64);
            put_word(layout.debug_offsets[i].position, (uint64_t)value + 8);
            cr_assert(overlay() == HOP_OK, "%s", error.message);
            cr_expect(eq(int, *field_by_index(field), value + 8));
        }
    }
}

Test(layout_overlay, the_patch_release_decides_between_from_and_before)
{
    prepare(13, 0x030d02f0);
    cr_expect(eq(int, layout.lines_entry_size, HOP_ABSENT));
    cr_assert(overlay() == HOP_OK, "%s", error.message);
    cr_expect(eq(int, layout.lines_entry_size, 2));
    cr_expect(eq(int, layout.lines_bytes_per_entry, HOP_ABSENT));
    cr_expect(eq(int, layout.lines_data, HOP_ABSENT));
    prepare(13, 0x030d03f0);
    cr_assert(overlay() == HOP_OK, "%s", error.message);
    cr_expect(eq(int, layout.lines_entry_size, HOP_ABSENT));
    cr_expect(eq(int, layout.lines_bytes_per_entry, 0));
    cr_expect(eq(int, layout.lines_data, 1));
}

Test(layout_overlay, another_version_is_refused)
{
    static const uint32_t versions[] = {0x030c01f0, 0x030e01f0, 0x020d01f0, 0x030d00a1, 0x030d00b4};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        prepare(13, versions[i]);
        cr_expect(overlay() == HOP_ERR_UNSUPPORTED, "%x", versions[i]);
    }
    prepare(13, 0x030d00c1); /* a candidate is as the release */
    cr_expect(overlay() == HOP_OK);
    prepare(13, 0);
    put_word(layout.debug_version_position, 0x1030d01f0);
    cr_expect(overlay() == HOP_ERR_OFFSETS);
}

Test(layout_overlay, a_file_of_a_prerelease_is_for_that_one_only)
{
    edit("3.15", "python", "python 3.15.0b2");
    cr_assert(parse_edited() == HOP_OK, "%s", error.message);
    cr_expect(eq(u32, layout.prerelease_hex, 0x030f00b2));
    memcpy(table, "xdebugpy", 8);
    for (int i = 0; i < layout.debug_offset_count; i++)
        put_word(layout.debug_offsets[i].position,
                 (uint64_t)*field_by_index(layout.debug_offsets[i].field));
    put_word(layout.debug_version_position, 0x030f00b2);
    cr_expect(overlay() == HOP_OK, "%s", error.message);
    put_word(layout.debug_version_position, 0x030f00b3);
    cr_expect(overlay() == HOP_ERR_UNSUPPORTED);
    put_word(layout.debug_version_position, 0x030f00f0);
    cr_expect(overlay() == HOP_ERR_UNSUPPORTED);
}

Test(layout_overlay, a_free_threaded_target_is_told)
{
    prepare(13, 0x030d05f0);
    put_word(layout.debug_free_threaded_position, 1);
    cr_expect(overlay() == HOP_OK);
    cr_expect(eq(int, layout.is_free_threaded, true));
    prepare(13, 0x030d05f0);
    put_word(layout.debug_free_threaded_position, 2);
    cr_expect(overlay() == HOP_ERR_OFFSETS);
}

Test(layout_overlay, a_wrong_cookie_or_a_short_table_is_refused)
{
    prepare(13, 0x030d05f0);
    table[7] = 'z';
    cr_expect(overlay() == HOP_ERR_OFFSETS);
    table[7] = 'y';
    cr_expect(hop_layout_overlay(&layout, table, (size_t)layout.debug_offsets_size - 1, &error) ==
              HOP_ERR_OFFSETS);
    cr_expect(overlay() == HOP_OK);
    load(12);
    cr_expect(overlay() == HOP_ERR_UNSUPPORTED);
}

Test(layout_overlay, a_value_out_of_range_is_refused_and_leaves_the_layout)
{
    static const struct {
        const char *name;
        uint64_t value;
    } cases[] = {
        {"interp.next", (1 << 20) + 1},
        {"interp.next", UINT64_MAX},
        {"iframe.code", 4097},
        {"thread.size", 1 << 20},
        {"thread.size", 8},
        {"interp.size", 16},
        {"iframe.owner", 400},
        {"unicode.state", 1ull << 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        prepare(13, 0x030d05f0);
        int32_t head = layout.runtime_interpreters_head, owner = layout.iframe_owner;
        put_field("runtime.interpreters_head", (uint64_t)head + 8);
        put_field(cases[i].name, cases[i].value);
        cr_expect(overlay() == HOP_ERR_OFFSETS, "%s", cases[i].name);
        cr_expect(eq(int, layout.runtime_interpreters_head, head));
        cr_expect(eq(int, layout.iframe_owner, owner));
        cr_expect(eq(int, layout.lines_data, HOP_ABSENT));
    }
}
