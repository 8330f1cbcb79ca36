/* The live screen in a real terminal (tmux): what it shows at any size, what keys do, and that the
 * terminal is as it was before, however it is left. */
#include "support/pythons.h"
#include "support/tmux.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tmux terminal;
static struct target program;

/* Two functions and two threads: one works, one sleeps. */
static const char PROGRAM[] =
    "import threading, time\n"
    "def add_up(count):\n"
    "    total = 0\n"
    "    for i in range(count):\n"
    "        total += i\n"
    "    return total\n"
    "def work():\n"
    "    while True:\n"
    "        add_up(10000)\n"
    "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
    "print('ready', flush=True)\n"
    "work()\n";

static void start_text(const char *text)
{
    struct python pythons[PYTHONS_MAX], *python = NULL;
    size_t count = pythons_find(pythons, PYTHONS_MAX, 11);
    char line[16];
    static char copy[4096];
    cr_assert_lt(snprintf(copy, sizeof copy, "%s", text), (int)sizeof copy);
    for (size_t i = 0; i < count; i++)
        if (strncmp(pythons[i].kind, "suite", 5) != 0)
            python = &pythons[i];
    if (!python)
        cr_skip("there is no Python 3.11 or later here");
    target_start_text(&program, python, NULL, copy, (const char *const[]){NULL});
    cr_assert(fgets(line, sizeof line, program.out));
}

static void start_program(void)
{
    start_text(PROGRAM);
}

static void start_top(const char *options)
{
    tmux_run(&terminal,
             "stty -a >before; '" HOP_TEST_COMMAND "' top %s %d 2>said; "
             "echo left with $?; stty -a >after; echo done",
             options, program.pid);
}

/* The terminal is as it was, but for its size, which stty tells first. */
static void check_left(void)
{
    tmux_shows(&terminal, "done");
    cr_assert_not(tmux_is_in_alternate_screen(&terminal));
    char *before = tmux_file(&terminal, "before"), *after = tmux_file(&terminal, "after");
    cr_assert(before && strchr(before, '\n') && after && strchr(after, '\n'));
    cr_assert_str_eq(strchr(after, '\n'), strchr(before, '\n'));
    free(before);
    free(after);
}

static void end_all(void)
{
    tmux_end(&terminal);
    target_kill(&program);
}

/* The pid of the command, which is the shell's child: the one that traces nothing but is called so.
 */
static pid_t pid_of_top(void)
{
    char command[256], line[32] = "";
    snprintf(command, sizeof command, "pgrep -f -x \".*heavyops top .*%d\" | head -n 1",
             program.pid);
    FILE *stream = popen(command, "re");
    cr_assert(stream && fgets(line, sizeof line, stream), "no such process");
    pclose(stream);
    return atoi(line);
}

/* --- sizes ----------------------------------------------------------------------------------- */

struct size {
    int columns, rows;
};

ParameterizedTestParameters(top, fits_every_size)
{
    static struct size sizes[] = {{80, 24}, {40, 10}, {200, 60}, {20, 5}};
    return cr_make_param_array(struct size, sizes, sizeof sizes / sizeof *sizes);
}

ParameterizedTest(struct size *size, top, fits_every_size, .timeout = 240)
{
    char elapsed[] = " s  ";
    start_program();
    tmux_start(&terminal, size->columns, size->rows, NULL);
    start_top("-r 500");
    tmux_shows(&terminal, size->columns > 20 ? "add_" : "SHARE");
    tmux_shows(&terminal, elapsed);
    cr_assert(tmux_is_in_alternate_screen(&terminal));
    tmux_shows(&terminal, "q quit");
    char *last = strstr(terminal.screen, "q quit");
    int lines = 0;
    for (char *at = terminal.screen; at < last; at++)
        lines += *at == '\n';
    cr_assert_eq(lines, size->rows - 1, "the foot is the last line:\n%s", terminal.screen);
    if (size->columns >= 80) {
        cr_assert(strstr(terminal.screen, "95 %"), "%s", terminal.screen);
        cr_assert(strstr(terminal.screen, "1 Instructions"), "%s", terminal.screen);
        cr_assert(strstr(terminal.screen, "r reset"), "%s", terminal.screen);
    }
    tmux_press(&terminal, "q");
    tmux_shows(&terminal, "left with 0");
    check_left();
    end_all();
}

Test(top, follows_the_terminals_size, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 40, 10, NULL);
    start_top("");
    tmux_shows(&terminal, "1Ins");
    tmux_resize(&terminal, 120, 30);
    tmux_shows(&terminal, "1 Instructions");
    tmux_shows(&terminal, "r reset");
    tmux_resize(&terminal, 44, 8);
    tmux_hides(&terminal, "1 Instructions");
    tmux_shows(&terminal, "q quit");
    tmux_press(&terminal, "q");
    check_left();
    end_all();
}

/* --- keys ------------------------------------------------------------------------------------ */

Test(top, does_what_keys_say, .timeout = 300)
{
    start_program();
    tmux_start(&terminal, 80, 24, NULL);
    start_top("--mode wall -r 500 --delay 0.2");
    tmux_shows(&terminal, "LOCATION");
    tmux_shows(&terminal, "add_up");
    tmux_press(&terminal, "Tab");
    tmux_shows(&terminal, "OPCODE\n");
    tmux_shows(&terminal, "FOR_ITER");
    tmux_press(&terminal, "3");
    tmux_shows(&terminal, "LINE\n");
    tmux_shows(&terminal, ":5  add_up");
    tmux_press(&terminal, "4");
    tmux_shows(&terminal, "TOTAL");
    tmux_press(&terminal, "5");
    tmux_shows(&terminal, "THREAD\n");
    tmux_press(&terminal, "BTab");
    tmux_shows(&terminal, "FUNCTION\n");

    tmux_press(&terminal, "/");
    tmux_shows(&terminal, "Enter shows these");
    tmux_press(&terminal, "ADD_U");
    tmux_press(&terminal, "Enter"); /* case is of no account */
    tmux_shows(&terminal, "/ADD_U");
    tmux_hides(&terminal, "work");
    tmux_shows(&terminal, "add_up");
    tmux_press(&terminal, "Escape");
    tmux_hides(&terminal, "/ADD_U");
    tmux_press(&terminal, "/");
    tmux_press(&terminal, "nosuch Enter");
    tmux_shows(&terminal, "No row is called so");
    tmux_press(&terminal, "Escape");
    tmux_shows(&terminal, "add_up");

    tmux_press(&terminal, "'?'");
    tmux_shows(&terminal, "keys and columns");
    tmux_press(&terminal, "x");
    tmux_hides(&terminal, "keys and columns");

    tmux_press(&terminal, "p");
    tmux_shows(&terminal, "  paused");
    char *before = strdup(terminal.screen);
    tmux_press(&terminal, "a"); /* something else happens meanwhile, and time passes */
    tmux_press(&terminal, "s");
    tmux_capture(&terminal);
    cr_assert_str_eq(strtok(strchr(terminal.screen, '\n'), "\n"),
                     strtok(strchr(before, '\n'), "\n"), "the numbers stand still");
    free(before);
    tmux_press(&terminal, "p");
    tmux_hides(&terminal, "  paused");

    tmux_press(&terminal, "r");
    tmux_shows(&terminal, "since reset");
    tmux_press(&terminal, "q");
    tmux_shows(&terminal, "left with 0");
    check_left();
    end_all();
}

Test(top, drills_down_to_bytecode, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 40, NULL);
    start_top("-r 500");
    tmux_press(&terminal, "4");
    tmux_shows(&terminal, "add_up");
    tmux_press(&terminal, "Enter");
    tmux_shows(&terminal, "LINE / OFFSET");
    tmux_shows(&terminal, "FOR_ITER");
    tmux_shows(&terminal, "add_up");
    tmux_press(&terminal, "n");
    tmux_press(&terminal, "Escape");
    tmux_shows(&terminal, "FUNCTION\n");
    tmux_press(&terminal, "q");
    check_left();
    end_all();
}

/* Nothing is seen any more: the numbers of before are not shown as if they were of now. */
Test(top, shows_no_old_numbers_of_bytecode_after_a_reset, .timeout = 240)
{
    char line[16];
    start_text("import os, sys, time\n"
               "def spin():\n"
               "    while not os.path.exists(stop):\n"
               "        for i in range(10000): pass\n"
               "stop = f'/tmp/heavyops-stop-{os.getpid()}'\n"
               "print('ready', flush=True)\n"
               "spin()\n"
               "os.unlink(stop)\n"
               "print('idle', flush=True)\n"
               "time.sleep(1000)\n");
    tmux_start(&terminal, 80, 40, NULL);
    start_top("-r 500");
    tmux_press(&terminal, "4");
    tmux_shows(&terminal, "spin");
    tmux_press(&terminal, "Enter");
    tmux_shows(&terminal, "LINE / OFFSET");
    tmux_shows(&terminal, "FOR_ITER");
    tmux_hides(&terminal, "spin  0.0%");
    char path[64];
    snprintf(path, sizeof path, "/tmp/heavyops-stop-%d", program.pid);
    fclose(fopen(path, "we"));
    cr_assert(fgets(line, sizeof line, program.out));
    tmux_press(&terminal, "r");
    tmux_shows(&terminal, "spin  0.0%");
    tmux_shows(&terminal, "FOR_ITER");
    tmux_press(&terminal, "q");
    check_left();
    end_all();
}

/* --- the end --------------------------------------------------------------------------------- */

Test(top, stays_when_its_target_ends, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 24, NULL);
    start_top("-r 500 -o profile.json"); /* without --format: by its suffix */
    tmux_shows(&terminal, "add_up");
    tmux_press(&terminal, "r");
    tmux_shows(&terminal, "since reset");
    kill(program.pid, SIGKILL);
    tmux_shows(&terminal, "The process exited; q leaves");
    tmux_press(&terminal, "4");
    tmux_shows(&terminal, "FUNCTION\n");
    tmux_press(&terminal, "q");
    tmux_shows(&terminal, "left with 0");
    check_left();
    char *profile = tmux_file(&terminal, "profile.json");
    cr_assert(profile && strstr(profile, "add_up"), "the whole is written at the end");
    free(profile);
    end_all();
}

struct death {
    int number;
    char name[8], left[16];
};

ParameterizedTestParameters(top, gives_the_terminal_back_when_killed)
{
    static struct death deaths[] = {
        {SIGTERM, "TERM", "with 0"},   {SIGINT, "INT", "with 0"},     {SIGHUP, "HUP", "with 0"},
        {SIGQUIT, "QUIT", "with 131"}, {SIGSEGV, "SEGV", "with 139"}, {SIGABRT, "ABRT", "with 134"},
    };
    return cr_make_param_array(struct death, deaths, sizeof deaths / sizeof *deaths);
}

ParameterizedTest(struct death *death, top, gives_the_terminal_back_when_killed, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 24, NULL);
    /* A sanitizer would take the signals that it takes for errors of ours. */
    tmux_run(&terminal, "ulimit -c 0; export ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0");
    start_top("-r 500");
    tmux_shows(&terminal, "add_up");
    cr_assert_eq(kill(pid_of_top(), death->number), 0);
    tmux_shows(&terminal, death->left);
    check_left();
    end_all();
}

static char state_of_program(void)
{
    char path[32], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", program.pid);
    FILE *file = fopen(path, "re");
    cr_assert(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
    fclose(file);
    return state;
}

/* The shell has the terminal, and the program its time: nobody holds it. */
Test(top, makes_way_for_the_shell_at_ctrl_z, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 24, NULL);
    start_top("-r 20k --read stop");
    tmux_shows(&terminal, "add_up");
    for (int i = 0; i < 5; i++) {
        tmux_press(&terminal, "C-z");
        tmux_shows(&terminal, i == 0 ? "left with 148" : "over with 148"); /* 128 + SIGTSTP */
        if (i == 0)
            check_left();
        cr_assert_eq(state_of_program(), 'R', "the %d. time", i);
        tmux_run(&terminal, "clear; fg >fg; echo over with $?");
        tmux_shows(&terminal, "add_up");
        cr_assert(tmux_is_in_alternate_screen(&terminal));
    }
    tmux_press(&terminal, "q");
    tmux_shows(&terminal, "over with 0");
    end_all();
}

Test(top, shows_ascii_alone_where_the_locale_is_no_more, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 24, "LANG=C");
    start_top("-r 500 --delay 0.2");
    tmux_shows(&terminal, "add_up");
    tmux_shows(&terminal, "#"); /* a sparkline's highest */
    for (const char *at = terminal.screen; *at; at++)
        cr_assert_lt((unsigned char)*at, 0x80, "%s", terminal.screen);
    tmux_press(&terminal, "q");
    check_left();
    end_all();
}

Test(top, lets_no_name_steer_the_terminal, .timeout = 240)
{
    start_text("print('ready', flush=True)\n"
               "exec(compile('while True: pass', '\\x1b]0;evil\\x07\\u202e\\n.py', 'exec'))\n");
    tmux_start(&terminal, 120, 24, NULL);
    start_top("-r 500");
    tmux_shows(&terminal, "\\x1b]0;evil\\x07\\u202e\\n.py:1");
    tmux_press(&terminal, "q");
    check_left();
    end_all();
}

Test(top, says_what_is_wrong_with_the_terminal, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 24, NULL);
    tmux_run(&terminal, "TERM=nosuch '" HOP_TEST_COMMAND "' top %d; echo left with $?",
             program.pid);
    tmux_shows(&terminal, "TERM='nosuch'");
    tmux_shows(&terminal, "left with 2");
    tmux_run(&terminal, "setsid -w '" HOP_TEST_COMMAND "' top %d </dev/null; echo gone with $?",
             program.pid);
    tmux_shows(&terminal, "there is no terminal");
    tmux_shows(&terminal, "gone with 2");
    end_all();
}

/* --- record --live --------------------------------------------------------------------------- */

Test(top, keeps_what_a_recorded_program_prints_for_later, .timeout = 240)
{
    start_program(); /* for its interpreter */
    tmux_start(&terminal, 80, 24, NULL);
    tmux_run(&terminal,
             "stty -a >before; '" HOP_TEST_COMMAND "' record --live -q -- /proc/%d/exe -c '"
             "print(\"printed\"); n = 0\nwhile n < 3000000: n += 1\nprint(\"to the end\")'; "
             "echo left with $?; stty -a >after; echo done",
             program.pid);
    tmux_shows(&terminal, "LOCATION");
    tmux_hides(&terminal, "printed");
    tmux_shows(&terminal, "The process exited; q leaves");
    tmux_press(&terminal, "q");
    tmux_shows(&terminal, "printed\nto the end\nleft with 0");
    check_left();
    end_all();
}

/* Somebody else may have the terminal not wait: then it does not take all at once. */
Test(top, loses_nothing_of_it_on_a_terminal_that_does_not_wait, .timeout = 240)
{
    start_program(); /* for its interpreter */
    tmux_start(&terminal, 80, 24, NULL);
    tmux_run(
        &terminal,
        "p=/proc/%d/exe; waits() { $p -c \"import os; os.set_blocking(1, $1)\"; }; "
        "stty -a >before; (until [ -e go ]; do sleep .05; done; waits False; touch gone) & '" //
        HOP_TEST_COMMAND
        "' record --live -q -- $p -c 'for i in range(10000): print(i, \"x\" * 70)\n"
        "print(\"to the end\")'; code=$?; waits True; echo left with $code; "
        "stty -a >after; echo done",
        program.pid);
    tmux_shows(&terminal, "The process exited; q leaves");
    char path[200], *gone;
    snprintf(path, sizeof path, "%s/go", terminal.folder);
    fclose(fopen(path, "we"));
    while (!(gone = tmux_file(&terminal, "gone")))
        ;
    free(gone);
    tmux_press(&terminal, "q");
    tmux_shows(&terminal, "to the end\nleft with 0");
    check_left();
    end_all();
}

/* --- the progress line, and colours ---------------------------------------------------------- */

Test(progress, is_a_line_that_goes_away, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 24, NULL);
    tmux_run(&terminal, "'" HOP_TEST_COMMAND "' attach %d -r 500 -d 15 -o report.txt; echo done",
             program.pid);
    tmux_shows(&terminal, " of 15.0 s, ");
    cr_assert(strstr(terminal.screen, "refused"), "%s", terminal.screen);
    tmux_shows(&terminal, "done");
    cr_assert_not(strstr(terminal.screen, " of 15.0 s, "), "%s", terminal.screen);
    /* Not where it was not wanted, or can't be erased, or goes into a file. */
    tmux_run(&terminal,
             "clear; '" HOP_TEST_COMMAND "' attach -q %d -d 2 -o report.txt; TERM=dumb "
             "'" HOP_TEST_COMMAND "' attach %d -d 2 -o report.txt; '" HOP_TEST_COMMAND
             "' attach %d -d 2 -o report.txt 2>said; echo all done",
             program.pid, program.pid, program.pid);
    tmux_shows(&terminal, "all done");
    char *said = tmux_file(&terminal, "said");
    cr_assert_str_empty(said);
    free(said);
    for (const char *at = terminal.screen; *at && *at != 'a'; at++)
        cr_assert_eq(*at, '\n', "%s", terminal.screen);
    end_all();
}

static bool is_coloured(const char *words, const char *environment)
{
    tmux_run(&terminal,
             "rm -f typed; %s script -qec \"'" HOP_TEST_COMMAND "' attach %d -q -d 0.3 -r 500 -a "
             "%s\" typed >/dev/null; echo seen >>typed; clear; echo done",
             environment, program.pid, words);
    tmux_shows(&terminal, "done");
    char *typed;
    while (!(typed = tmux_file(&terminal, "typed")) || !strstr(typed, "\nseen"))
        free(typed);
    cr_assert(strstr(typed, "SHARE"), "%s", typed);
    bool result = strstr(typed, "\033[1;31m") != NULL;
    free(typed);
    tmux_run(&terminal, "clear");
    tmux_hides(&terminal, "done");
    return result;
}

Test(colours, are_for_terminals_that_want_them, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 24, NULL);
    cr_assert(is_coloured("", ""));
    cr_assert_not(is_coloured("", "NO_COLOR=1"));
    cr_assert(is_coloured("", "NO_COLOR="), "empty means nothing");
    cr_assert_not(is_coloured("", "CLICOLOR=0"));
    cr_assert_not(is_coloured("", "TERM=dumb"));
    cr_assert_not(is_coloured("--color never", ""));
    cr_assert(is_coloured("--color always", "NO_COLOR=1"));
    tmux_run(&terminal, "'" HOP_TEST_COMMAND "' attach %d -d 0.3 -r 500 -a >typed; echo done",
             program.pid);
    tmux_shows(&terminal, "done");
    char *typed = tmux_file(&terminal, "typed");
    cr_assert(strstr(typed, "SHARE"));
    cr_assert_not(strchr(typed, '\033'), "nothing but text in a file");
    free(typed);
    end_all();
}

Test(browser, is_given_the_page, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 24, NULL);
    /* The copy has its name when it is whole. */
    tmux_run(&terminal,
             "mkdir tmp; echo 'cp \"$1\" \"$2\" && mv \"$2\" page' >show; TMPDIR=$PWD/tmp "
             "BROWSER='sh show' '" HOP_TEST_COMMAND "' attach %d -q -d 0.5 --browser; "
             "ls -l tmp tmp/*; echo done",
             program.pid);
    tmux_shows(&terminal, "the page is");
    tmux_shows(&terminal, "drwx------");
    tmux_shows(&terminal, "profile.html");
    tmux_run(&terminal,
             "clear; BROWSER='cp -t .' '" HOP_TEST_COMMAND
             "' attach %d -q -d 0.5 --browser -o tmp/own.html; echo done",
             program.pid);
    tmux_shows(&terminal, "done");
    char *page;
    while (!(page = tmux_file(&terminal, "own.html")) || !strstr(page, "</html>"))
        free(page);
    cr_assert(strcasestr(page, "<!doctype html>"));
    free(page);
    end_all();
}

/* Whoever fails leaves no folder behind, and a browser has its signals as a shell's user has. */
Test(browser, has_its_folder_and_its_signals, .timeout = 240)
{
    start_program();
    tmux_start(&terminal, 80, 24, NULL);
    tmux_run(
        &terminal,
        "mkdir tmp; echo 'grep SigIgn /proc/self/status >ignored; mv ignored is-ignored' >show; "
        "export TMPDIR=$PWD/tmp BROWSER='sh show'; echo nothing >broken.pb.gz; '" //
        HOP_TEST_COMMAND "' report broken.pb.gz --browser; "
        "ls tmp | wc -l >left; '" HOP_TEST_COMMAND
        "' record -q --browser -- /proc/%d/exe -c 'for i in range(3000000): pass'; echo done",
        program.pid);
    tmux_shows(&terminal, "the page is");
    tmux_shows(&terminal, "done");
    char *left = tmux_file(&terminal, "left"), *ignored;
    cr_assert_str_eq(left, "0\n");
    while (!(ignored = tmux_file(&terminal, "is-ignored")))
        ;
    unsigned long mask = strtoul(ignored + strlen("SigIgn:"), NULL, 16);
    cr_assert_not(mask & 1ul << (SIGPIPE - 1), "%s", ignored);
    free(ignored);
    free(left);
    end_all();
}
