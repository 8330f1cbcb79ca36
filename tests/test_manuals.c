/* Man pages and completions: printed from the tables of options, they are taken without a word by
 * the programs that read them, and real shells complete real words. */
#include "support/programs.h"

#include "cli/command.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a shell's command prints; freed by the caller. */
__attribute__((format(printf, 1, 2))) static char *output_of(const char *format, ...)
{
    char command[8192], *text = NULL;
    size_t size = 0;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(command, sizeof command, format, args);
    va_end(args);
    cr_assert(length > 0 && (size_t)length < sizeof command);
    FILE *stream = popen(command, "re"), *memory = open_memstream(&text, &size);
    cr_assert(stream && memory);
    for (int c; (c = getc(stream)) != EOF;)
        putc(c, memory);
    fclose(memory);
    cr_assert_eq(pclose(stream), 0, "%s: %s", command, text);
    return text;
}

/* --- man pages -------------------------------------------------------------------------------- */

static void check_page(const struct folder *folder, const char *name, const char *command)
{
    run_command("'" HOP_TEST_COMMAND "' help --man %s >%s/%s.1", command, folder->path, name);
    char *said = output_of("LC_ALL=C.UTF-8 man --warnings=w -E UTF-8 -l -Tutf8 -Z %s/%s.1 2>&1 "
                           ">/dev/null",
                           folder->path, name);
    cr_assert_str_empty(said, "man about %s: %s", name, said);
    free(said);
    said = output_of("mandoc -T lint -W warning %s/%s.1 2>&1 || true", folder->path, name);
    /* There is no date: it would be another one in each build. */
    cr_assert(!strstr(said, "WARNING") || strstr(said, "missing date"), "mandoc about %s: %s", name,
              said);
    cr_assert_null(strstr(said, "ERROR"), "mandoc about %s: %s", name, said);
    free(said);
}

Test(manuals, pages_are_as_man_wants_them)
{
    struct folder folder;
    folder_make(&folder);
    check_page(&folder, "heavyops", "");
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        check_page(&folder, (*command)->name, (*command)->name);
    folder_remove(&folder);
}

/* Every option and every command, as a reader sees them. */
Test(manuals, pages_tell_all_that_help_tells)
{
    char *whole = output_of("'" HOP_TEST_COMMAND "' help --man | mandoc -T ascii | col -b");
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++) {
        char *page = output_of("'" HOP_TEST_COMMAND
                               "' help --man %s | mandoc -T ascii -O width=500 | col -b",
                               (*command)->name);
        cr_assert(strstr(whole, (*command)->summary), "%s", whole);
        for (const struct hop_cli_group *const *group = (*command)->groups; *group; group++) {
            for (const struct hop_cli_option *row = (*group)->options; row->name; row++) {
                char name[64], help[40];
                snprintf(name, sizeof name, "--%s", row->name);
                snprintf(help, sizeof help, "%.30s", row->help);
                cr_assert(strstr(page, name), "%s: no %s", (*command)->name, name);
                cr_assert(strstr(page, help), "%s: no '%s'", (*command)->name, help);
            }
        }
        free(page);
    }
    free(whole);
}

/* --- completion ------------------------------------------------------------------------------- */

struct typed {
    const char *line, *becomes;
};

static void check_lines(const char *shell, const char *file, const struct typed *typed,
                        size_t count)
{
    struct folder folder;
    char lines[4096] = "";
    folder_make(&folder);
    run_command("'" HOP_TEST_COMMAND "' help --completion %s >%s/%s", shell, folder.path, file);
    for (size_t i = 0; i < count; i++)
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines), " '%s'", typed[i].line);
    char *said = output_of("cd '" HOP_TEST_ROOT "/tests/targets/demo' && python3 '" HOP_TEST_ROOT
                           "/tests/support/complete.py' %s %s/%s %s",
                           shell, folder.path, file, lines);
    char *rest = said;
    for (size_t i = 0; i < count; i++) {
        const char *line = strsep(&rest, "\n");
        cr_expect_str_eq(line ? line : "", typed[i].becomes, "%s made '%s' of '%s'", shell,
                         line ? line : "", typed[i].line);
    }
    free(said);
    folder_remove(&folder);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

Test(manuals, bash_completes)
{
    static const struct typed typed[] = {
        {"heavyops att", "heavyops attach"},
        {"heavyops help rec", "heavyops help record"},
        {"heavyops attach --dur", "heavyops attach --duration"},
        {"heavyops attach --mode w", "heavyops attach --mode wall"},
        {"heavyops attach --mode=w", "heavyops attach --mode=wall"},
        {"heavyops attach -d 5 --read s", "heavyops attach -d 5 --read stop"},
        {"heavyops record --format js", "heavyops record --format json"},
        {"heavyops report --format sp", "heavyops report --format speedscope"},
        {"heavyops dump --format js", "heavyops dump --format json"},
        {"heavyops diff --format c", "heavyops diff --format csv"},
        {"heavyops record -o fo", "heavyops record -o foo.py"},
        {"heavyops fo", "heavyops foo.py"},
        {"heavyops record -r 5 -- python3 fo", "heavyops record -r 5 -- python3 foo.py"},
    };
    check_lines("bash", "heavyops", typed, COUNT(typed));
}

Test(manuals, bash_completes_processes)
{
    char line[64];
    snprintf(line, sizeof line, "heavyops attach --pid %d", getpid());
    const struct typed typed[] = {{line, line}};
    check_lines("bash", "heavyops", typed, COUNT(typed));
    char *said = output_of(
        "bash -c 'source <(\"" HOP_TEST_COMMAND "\" help --completion bash); compopt() { :; }; "
        "COMP_WORDS=(heavyops attach \"\"); COMP_CWORD=2; _heavyops; printf \"%%s \" "
        "\"${COMPREPLY[@]}\"'");
    snprintf(line, sizeof line, " %d ", getpid());
    cr_assert(strstr(said, line), "not%sin %s", line, said);
    free(said);
}

Test(manuals, zsh_completes)
{
    static const struct typed typed[] = {
        {"heavyops att", "heavyops attach"},
        {"heavyops help rec", "heavyops help record"},
        {"heavyops attach --dur", "heavyops attach --duration"},
        {"heavyops attach --mode w", "heavyops attach --mode wall"},
        {"heavyops attach --mode=w", "heavyops attach --mode=wall"},
        {"heavyops attach -d 5 --read s", "heavyops attach -d 5 --read stop"},
        {"heavyops record --format js", "heavyops record --format json"},
        {"heavyops report --format sp", "heavyops report --format speedscope"},
        {"heavyops dump --format js", "heavyops dump --format json"},
        {"heavyops diff --format c", "heavyops diff --format csv"},
        {"heavyops record -o fo", "heavyops record -o foo.py"},
        {"heavyops fo", "heavyops foo.py"},
        {"heavyops record -r 5 -- python3 fo", "heavyops record -r 5 -- python3 foo.py"},
    };
    check_lines("zsh", "_heavyops", typed, COUNT(typed));
}

/* fish answers what it would complete. */
Test(manuals, fish_completes)
{
    static const struct typed typed[] = {
        {"heavyops att", "attach"},
        {"heavyops help rec", "record"},
        {"heavyops attach --dur", "--duration"},
        {"heavyops attach --mode w", "wall"},
        {"heavyops attach --mode=w", "--mode=wall"},
        {"heavyops attach -d 5 --read s", "stop"},
        {"heavyops record --format js", "json"},
        {"heavyops report --format sp", "speedscope"},
        {"heavyops dump --format js", "json"},
        {"heavyops diff --format c", "csv"},
        {"heavyops record -o fo", "foo.py"},
        {"heavyops fo", "foo.py"},
        {"heavyops record python3 fo", "foo.py"},
    };
    struct folder folder; /* where fish keeps what it remembers */
    folder_make(&folder);
    for (size_t i = 0; i < COUNT(typed); i++) {
        char *said = output_of("cd '" HOP_TEST_ROOT "/tests/targets/demo' && '" HOP_TEST_COMMAND
                               "' help --completion fish | HOME=%s fish --no-config -c "
                               "'source; complete -C \"%s\"' 2>&1",
                               folder.path, typed[i].line);
        /* A candidate a line, its description behind a tab. */
        said[strcspn(said, "\t\n")] = '\0';
        cr_expect_str_eq(said, typed[i].becomes, "fish made '%s' of '%s'", said, typed[i].line);
        free(said);
    }
    folder_remove(&folder);
}
