/* From a real program to `heavyops annotate` after its end: on every interpreter found, the source
 * where it is to be had, and what the arguments of the hot line stand for. */
#include "support/programs.h"
#include "support/pythons.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

static const char program[] = "def hot(n):\n"
                              "    total = 0\n"
                              "    for i in range(n):\n"
                              "        total += i % 777\n"
                              "    return total\n"
                              "hot(2000000)\n";

static void free_pythons(struct criterion_test_params *params)
{
    cr_free(params->params);
}

ParameterizedTestParameters(annotate_live, shows_names_and_constants_after_the_end)
{
    struct python *pythons = cr_malloc(PYTHONS_MAX * sizeof *pythons);
    size_t found = pythons_find(pythons, PYTHONS_MAX, 8);
    return cr_make_param_array(struct python, pythons, found, free_pythons);
}

/* What a command of the shell writes; to be given to free(). */
static char *output_of(const char *command)
{
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size), *pipe = popen(command, "re");
    cr_assert(pipe, "cannot run %s", command);
    for (int byte; (byte = fgetc(pipe)) != EOF;)
        fputc(byte, stream);
    int status = pclose(pipe);
    fclose(stream);
    cr_assert_eq(status, 0, "%s: %s", command, text);
    return text;
}

ParameterizedTest(struct python *python, annotate_live, shows_names_and_constants_after_the_end,
                  .timeout = 300)
{
    struct folder folder;
    char command[1024];
    bool has_source = strcmp(python->kind, "suite") != 0; /* those have another root */
    folder_make(&folder);
    snprintf(command, sizeof command, "%s/program.py", folder.path);
    FILE *file = fopen(command, "w");
    cr_assert_not_null(file);
    fputs(program, file);
    fclose(file);
    if (has_source)
        snprintf(command, sizeof command,
                 "cd %s && '" HOP_TEST_COMMAND "' record -q -r 5k -o p.pb.gz -- %s program.py 2>&1",
                 folder.path, python->command);
    else
        snprintf(command, sizeof command,
                 "'" HOP_TEST_COMMAND "' record -q -r 5k -o %s/p.pb.gz -- %s -c '%s' 2>&1",
                 folder.path, python->command, program);
    free(output_of(command));
    snprintf(command, sizeof command, "'" HOP_TEST_COMMAND "' annotate %s/p.pb.gz hot 2>&1",
             folder.path);
    char *text = output_of(command);
    bool has_binary_op = python->minor >= 11, has_small_ints = python->minor >= 14;
    const char *const expected[] = {
        "\nhot (",
        "(total)",
        "(777)",
        python->minor < 11   ? "(range)"
        : python->minor < 13 ? "(NULL + range)"
                             : "(range + NULL)",
        has_binary_op ? "(+=)" : "INPLACE_ADD",
        has_binary_op ? "(%)" : "BINARY_MODULO",
        has_small_ints ? "LOAD_SMALL_INT" : "(0)",
        "FOR_ITER",
        "(to ",
        has_source ? "        total += i % 777\n" : "without its text",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        bool is_there = strstr(text, expected[i]) ||
                        (strcmp(expected[i], "(total)") == 0 && strstr(text, "(total, ")) ||
                        (strcmp(expected[i], "(total)") == 0 && strstr(text, ", total"));
        cr_expect(is_there, "%s: no %s in\n%s", python->version, expected[i], text);
    }
    free(text);
    folder_remove(&folder);
}
