/* The example that embeds the library (tests/examples/embed.c, compiled against the public header
 * alone), linked with the static and with the shared one: it finds what a program spends its time
 * in, and says why it can't. */
#include "support/pythons.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct linking {
    char program[16];
};

/* What it prints of process `pid` on both streams; its exit status. */
static int run_example(const struct linking *linking, int pid, char *text, size_t size)
{
    char command[512];
    snprintf(command, sizeof command, "'" HOP_TEST_BUILD "/tests/%s' %d 2>&1", linking->program,
             pid);
    FILE *output = popen(command, "re");
    cr_assert(output);
    text[fread(text, 1, size - 1, output)] = '\0';
    return pclose(output);
}

ParameterizedTestParameters(embed, example)
{
    static struct linking linkings[] = {{"embed"}, {"embed-shared"}};
    return cr_make_param_array(struct linking, linkings, 2, NULL);
}

ParameterizedTest(struct linking *linking, embed, example, .timeout = 240)
{
    enum { ATTEMPTS_MAX = 10 }; /* on a machine that leaves the program no CPU for a second */
    static struct python pythons[PYTHONS_MAX];
    static char text[1 << 14];
    struct target program;
    char line[16];
    cr_assert(pythons_find(pythons, PYTHONS_MAX, 8));
    target_start(&program, &pythons[0], NULL, "constructors.py", (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
    int status = 1;
    for (int attempt = 0; status && attempt < ATTEMPTS_MAX; attempt++)
        status = run_example(linking, program.pid, text, sizeof text);
    cr_assert_eq(status, 0, "%s", text);
    int hits = 0;
    cr_assert_eq(sscanf(text, "%d", &hits), 1, "%s", text);
    cr_assert_gt(hits, 0);
    cr_assert(strstr(text, "<string>:"), "%s", text);
    cr_assert(strstr(text, "__init__"), "%s", text);

    /* The test itself is no Python. */
    cr_assert_neq(run_example(linking, getpid(), text, sizeof text), 0);
    cr_assert(strstr(text, "Python"), "%s", text);
}
