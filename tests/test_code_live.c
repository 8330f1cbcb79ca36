/* Code objects read from outside, of every interpreter found, against what that interpreter says of
 * them itself: names, instructions and what their arguments stand for, lines and columns, unit by
 * unit, over a part of its standard library; as compiled, specialised, compiled to tier 2,
 * monitored and traced. */
#include "py/code.h"
#include "py/text.h"
#include "support/layouts.h"
#include "support/pythons.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enough to see what is wrong; the count tells how often. */
enum { COMPLAINTS_MAX = 10 };

struct run {
    struct python python;
    char mode[16];
};

struct check {
    const struct run *run;
    struct hop_layout layout;
    struct hop_live_reader reader;
    struct hop_code_table table;
    const struct hop_code *code; /* the one that the lines are of; NULL: refused */
    uint8_t *raw;                /* its bytecode as in memory */
    size_t codes, units, positions, arguments, complaints;
    size_t hidden[HOP_ROLE_ENTER_EXECUTOR + 1]; /* opcodes found in memory, by role */
};

static void __attribute__((format(printf, 2, 3)))
complain(struct check *check, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (check->complaints++ < COMPLAINTS_MAX)
        cr_log_error("%s %s: %s: %s", check->run->python.version, check->run->mode,
                     check->code ? check->code->qualname : "?", text);
}

/* Decodes hexadecimal in place ("-" is nothing) and cuts as hop_text_read does; the texts that are
 * so long here are ASCII. */
static char *text_of(char *hex)
{
    size_t length = hex[0] == '-' ? 0 : strlen(hex) / 2;
    for (size_t i = 0; i < length; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        hex[i] = (char)strtol(digits, NULL, 16);
    }
    hex[length] = 0;
    if (length > HOP_TEXT_POINTS_MAX)
        strcpy(hex + HOP_TEXT_POINTS_MAX, "…");
    return hex;
}

static void check_code(struct check *check, char *words)
{
    static char name[1 << 16], qualname[1 << 16], file[1 << 16];
    unsigned long addr, units;
    int first_line;
    uint32_t id;
    free(check->raw);
    check->raw = NULL;
    check->code = NULL;
    cr_assert_eq(sscanf(words, "%lu %lu %d %65535s %65535s %65535s", &addr, &units, &first_line,
                        name, qualname, file),
                 6);
    enum hop_refusal refusal = hop_code_table_add(&check->table, addr, &id);
    if (refusal != HOP_TAKEN) {
        complain(check, "%s: %s", text_of(name), hop_refusal_words(refusal));
        return;
    }
    check->codes++;
    check->code = check->table.codes[id];
    const struct hop_code *code = check->code;
    if (code->units.count != units)
        complain(check, "%u units for %lu", code->units.count, units);
    if (code->first_line != first_line)
        complain(check, "first line %d for %d", code->first_line, first_line);
    bool knows_qualname = check->run->python.minor >= 11;
    if (strcmp(code->name, text_of(name)))
        complain(check, "name %s for %s", code->name, name);
    if (strcmp(code->qualname, knows_qualname ? text_of(qualname) : name))
        complain(check, "qualified name %s for %s", code->qualname, qualname);
    if (code->qualname_is_known != knows_qualname)
        complain(check, "qualname_is_known is wrong");
    if (strcmp(code->filename, text_of(file)))
        complain(check, "file %.40s for %.40s", code->filename, file);
    check->raw = malloc(2 * (size_t)code->units.count);
    cr_assert(hop_read(&check->reader.base, code->bytecode_addr, check->raw,
                       2 * (size_t)code->units.count));
}

/* A frame's instruction pointer that points to the unit. */
static uint64_t ip_of(const struct check *check, uint32_t unit)
{
    switch (check->layout.ip_kind) {
    case HOP_IP_LASTI_BYTES:
        return 2 * unit;
    case HOP_IP_LASTI_UNITS:
        return unit;
    default:
        return check->code->bytecode_addr + 2 * unit;
    }
}

/* What was cut is the beginning of what dis says, but for the quote, which depends on what follows.
 */
static bool is_text(const char *found, const char *truth)
{
    size_t length = strlen(found), mark = strlen("…");
    if (!strcmp(found, truth))
        return true;
    bool is_quoted = found[0] == '\'' && truth[0] == '"';
    return length > mark && !strcmp(found + length - mark, "…") &&
           length - mark > HOP_CONSTANT_BYTES_MAX - 16 &&
           !strncmp(found + is_quoted, truth + is_quoted, length - mark - is_quoted);
}

static void check_argument(struct check *check, unsigned unit, const char *truth)
{
    const struct hop_code *code = check->code;
    char found[HOP_OPERAND_TEXT_SIZE];
    hop_operand_write(&check->layout, &code->operands, unit, code->units.bases[unit],
                      code->units.args[unit], found);
    check->arguments += truth[0] != '\0';
    if (!is_text(found, truth))
        complain(check, "unit %u: %s (%.220s) for (%.220s)", unit,
                 check->layout.opcodes[code->units.bases[unit]].name, found, truth);
}

static void check_instruction(struct check *check, const char *words)
{
    static char text[1 << 16];
    unsigned opcode_unit, first, count, arg;
    char name[64];
    cr_assert_eq(
        sscanf(words, "%u %u %u %63s %u %65535s", &opcode_unit, &first, &count, name, &arg, text),
        6);
    const struct hop_code *code = check->code;
    if (!code || first + count > code->units.count)
        return;
    check_argument(check, opcode_unit, text_of(text));
    for (unsigned unit = first; unit < first + count; unit++) {
        const char *base = check->layout.opcodes[code->units.bases[unit]].name;
        uint32_t found;
        check->units++;
        if (code->units.starts[unit] != opcode_unit || code->units.args[unit] != arg ||
            strcmp(base, name))
            complain(check, "unit %u: %u %s %u for %u %s %u", unit, code->units.starts[unit], base,
                     code->units.args[unit], opcode_unit, name, arg);
        if (hop_code_unit_of_ip(&check->layout, code, ip_of(check, unit), &found) != HOP_TAKEN ||
            found != opcode_unit)
            complain(check, "a pointer to unit %u means %u, not %u", unit, found, opcode_unit);
    }
    for (unsigned unit = first; unit <= opcode_unit; unit++)
        check->hidden[check->layout.opcodes[check->raw[2 * unit]].role]++;
    if (!hop_opcode_may_stand_for(&check->layout, check->raw[2 * opcode_unit],
                                  code->units.bases[opcode_unit]))
        complain(check, "opcode %u may not stand for %s", check->raw[2 * opcode_unit], name);
}

static void check_lines(struct check *check, const char *words)
{
    unsigned first, count;
    struct hop_position truth;
    cr_assert_eq(sscanf(words, "%u %u %d %d %d %d", &first, &count, &truth.line, &truth.end_line,
                        &truth.column, &truth.end_column),
                 6);
    const struct hop_code *code = check->code;
    for (unsigned unit = first; code && unit < first + count; unit++) {
        struct hop_position found =
            hop_lines_find(check->layout.line_kind, code->line_table, code->line_table_size,
                           code->first_line, 2 * unit);
        check->positions++;
        if (memcmp(&found, &truth, sizeof found))
            complain(check, "unit %u: %d-%d:%d-%d for %d-%d:%d-%d", unit, found.line,
                     found.end_line, found.column, found.end_column, truth.line, truth.end_line,
                     truth.column, truth.end_column);
    }
}

/* What the target writes, up to its last line, as it waits after that: nothing changes any more. */
static char *read_truth(struct target *target)
{
    char *truth = NULL, *line = NULL;
    size_t size = 0, capacity = 0;
    FILE *stream = open_memstream(&truth, &size);
    do {
        cr_assert(getline(&line, &capacity, target->out) > 0, "the target wrote no last line");
        fputs(line, stream);
    } while (strncmp(line, "end ", 4));
    fclose(stream);
    free(line);
    return truth;
}

/* Returns the words of the last line. */
static const char *check_all(struct check *check, char *truth)
{
    for (char *line = strtok(truth, "\n"); line; line = strtok(NULL, "\n")) {
        if (!strncmp(line, "code ", 5))
            check_code(check, line + 5);
        else if (!strncmp(line, "at ", 3))
            check_instruction(check, line + 3);
        else if (!strncmp(line, "line ", 5))
            check_lines(check, line + 5);
        else
            return line;
    }
    return "";
}

static void free_runs(struct criterion_test_params *params)
{
    cr_free(params->params);
}

ParameterizedTestParameters(code_live, is_what_the_interpreter_says)
{
    static const char *const modes[] = {"plain", "hot", "traced", "monitored"};
    struct python pythons[PYTHONS_MAX];
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8);
    struct run *runs = cr_malloc((found + 1) * 4 * sizeof *runs);
    size_t count = 0;
    for (size_t i = 0; i < found; i++) {
        for (size_t mode = 0; mode < 4; mode++) {
            if (!strcmp(modes[mode], "monitored") && pythons[i].minor < 12)
                continue; /* sys.monitoring came with 3.12 */
            runs[count].python = pythons[i];
            strcpy(runs[count++].mode, modes[mode]);
        }
    }
    return cr_make_param_array(struct run, runs, count, free_runs);
}

ParameterizedTest(struct run *run, code_live, is_what_the_interpreter_says, .timeout = 300)
{
    struct check check = {.run = run};
    struct target target;
    layout_of_version(&check.layout, run->python.minor, run->python.micro);
    target_start(&target, &run->python, "PYTHON_JIT=1", "code_truth.py",
                 (const char *const[]){run->mode, NULL});
    char *truth = read_truth(&target);
    hop_live_reader_init(&check.reader, target.pid);
    cr_assert(hop_code_table_init(&check.table, &check.layout, &check.reader.base));
    const char *done = check_all(&check, truth);
    cr_log_info("%s %s: %zu code objects, hidden %zu %zu %zu", run->python.version, run->mode,
                check.codes, check.hidden[HOP_ROLE_INSTRUMENTED_LINE],
                check.hidden[HOP_ROLE_INSTRUMENTED_INSTRUCTION],
                check.hidden[HOP_ROLE_ENTER_EXECUTOR]);

    cr_assert_eq(check.complaints, 0, "%s %s: %zu of %zu units and %zu positions are wrong",
                 run->python.version, run->mode, check.complaints, check.units, check.positions);
    size_t least = strcmp(run->mode, "plain") ? 500 : 2000;
    cr_assert_gt(check.codes, least);
    cr_assert_gt(check.units, 25 * least);
    cr_assert_gt(check.positions, 25 * least);
    cr_assert_gt(check.arguments, 15 * least);
    cr_assert_eq(check.table.reused, 0);
    if (run->python.minor >= 12 &&
        (!strcmp(run->mode, "monitored") || !strcmp(run->mode, "traced")))
        cr_assert_gt(check.hidden[HOP_ROLE_INSTRUMENTED_LINE], 100);
    if (!strcmp(run->mode, "monitored"))
        cr_assert_gt(check.hidden[HOP_ROLE_INSTRUMENTED_INSTRUCTION], 1000);
    if (!strcmp(run->mode, "hot") && strstr(done, " jit"))
        cr_assert_gt(check.hidden[HOP_ROLE_ENTER_EXECUTOR], 0);

    free(check.raw);
    hop_code_table_deinit(&check.table);
    free(truth);
    cr_assert_eq(target_end(&target), 0);
}
