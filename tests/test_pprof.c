/* A real recording, read by the real pprof of Go (the Makefile builds it): by function, by
 * instruction, by label, as a difference, and in a browser's view. */
#include "support/programs.h"
#include "support/run.h"
#include "support/watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct folder folder;
static struct run run;

static const char program[] = "def outer(step):\n"
                              "    def inner(n):\n"
                              "        total = 0\n"
                              "        for i in range(n):\n"
                              "            total += step\n"
                              "        return total\n"
                              "    return inner\n"
                              "def main():\n"
                              "    work = outer(3)\n"
                              "    for i in range(60):\n"
                              "        work(10**5)\n"
                              "main()\n";

/* $0 is heavyops, $1 an interpreter. */
static void shell(const char *text)
{
    struct python python;
    cr_assert(python_of_version("3\\.1[1-3]", &python), "none of 3.11 to 3.13 is here");
    const char *const argv[] = {"bash", "-c", text, HOP_TEST_COMMAND, python.command, NULL};
    run_start(&run, folder.path, argv);
    run_wait(&run);
}

static void set_up(void)
{
    char path[128];
    folder_make(&folder);
    snprintf(path, sizeof path, "%s/app.py", folder.path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(program, file);
    fclose(file);
    shell("\"$0\" record -o app.pb.gz -- $1 app.py");
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_assert_str_empty(run.err);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

TestSuite(pprof, .init = set_up, .fini = tear_down, .timeout = 240);

#define PPROF "PPROF_TMPDIR=$PWD " HOP_TEST_BUILD "/tests/pprof "

Test(pprof, reads_functions_and_instructions)
{
    shell(PPROF "-top app.pb.gz 2>&1");
    cr_assert_eq(run.code, 0, "%s%s", run.out, run.err);
    assert_says(run.out, "outer.<locals>.inner");
    assert_says(run.out, "Type: time");
    cr_assert(strstr(run.out, "interrupts") || strstr(run.out, "same CPU"), "%s", run.out);
    shell(PPROF "-sample_index=samples -lines -top app.pb.gz 2>&1");
    assert_says(run.out, "outer.<locals>.inner");
    assert_says(run.out, "app.py:5");
    shell(PPROF "-traces app.pb.gz 2>&1");
    assert_says(run.out, "main");
    assert_says(run.out, "<module>");
}

Test(pprof, reads_the_labels)
{
    shell(PPROF "-tags app.pb.gz 2>&1");
    static const char *const labels[] = {"opcode:",          "base_opcode:", "thread:",
                                         "process:",         "interpreter:", "LOAD_DEREF",
                                         "BINARY_OP_ADD_INT"};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        assert_says(run.out, labels[i]);
    shell(PPROF "-top -tagfocus=opcode=LOAD_DEREF app.pb.gz 2>&1");
    assert_says(run.out, "outer.<locals>.inner");
    shell(PPROF "-top -tagfocus=opcode=NO_SUCH_OPCODE app.pb.gz 2>&1");
    cr_assert_null(strstr(run.out, "outer.<locals>.inner"), "%s", run.out);
    shell(PPROF "-top -tagleaf=opcode app.pb.gz 2>&1");
    assert_says(run.out, "LOAD_DEREF");
}

/* Against itself nothing differs; against another run of it there is something to show, the more so
 * as it is looked at less often there. */
Test(pprof, subtracts_one_from_another)
{
    shell("\"$0\" record -r 200 -o other.pb.gz -- $1 app.py && " PPROF
          "-top -diff_base app.pb.gz app.pb.gz 2>&1; " PPROF
          "-top -sample_index=samples -diff_base other.pb.gz app.pb.gz");
    cr_assert_eq(run.code, 0, "%s%s", run.out, run.err);
    assert_says(run.out, "accounting for 0, 0%");
    assert_says(run.out, "outer.<locals>.inner");
}

/* pprof says where it serves; the flame graph and the table are asked for as a browser would. */
Test(pprof, shows_it_in_a_browser)
{
    shell("export PPROF_TMPDIR=$PWD\n"
          "coproc exec " HOP_TEST_BUILD "/tests/pprof -no_browser -http=localhost: app.pb.gz 2>&1\n"
          "pid=$COPROC_PID\n"
          "while read -r line <&\"${COPROC[0]}\"; do\n"
          "  case $line in *http://*) url=http://${line##*http://}; break;; esac\n"
          "done\n"
          "for page in top flamegraph; do\n"
          "  python3 -c 'import sys, time, urllib.request as u\n"
          "for i in range(100):\n" /* it says where a moment before it listens */
          "  try: page = u.build_opener(u.ProxyHandler({})).open(sys.argv[1]).read().decode()\n"
          "  except OSError: time.sleep(0.1)\n"
          "  else: break\n"
          "print(page)' "
          "\"$url/ui/$page\" | grep -o 'outer.*inner' | head -n 1\n"
          "done\n"
          "kill $pid");
    cr_assert_eq(run.code, 0, "%s%s", run.out, run.err);
    const char *first = strstr(run.out, "inner");
    cr_assert(first && strstr(first + 1, "inner"), "%s%s", run.out, run.err);
}
