/* The command: finds out which of its commands is meant, and runs it. */
#include "cli/command.h"

#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMMANDS_MAX = 32 };

/* Whether a word that is no command is to be run with python3: a script, or a folder or archive
 * with a __main__.py. */
static bool is_script(const char *word)
{
    struct stat status;
    size_t length = strlen(word);
    if (length > 3 && strcmp(word + length - 3, ".py") == 0)
        return true;
    if (stat(word, &status) != 0)
        return false;
    if (!S_ISDIR(status.st_mode))
        return true;
    char path[4096];
    int path_length = snprintf(path, sizeof path, "%s/__main__.py", word);
    return path_length < (int)sizeof path && stat(path, &status) == 0;
}

static int unknown_word(const char *word)
{
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        if (count < COMMANDS_MAX)
            names[count++] = (*command)->name;
    const char *nearest = hop_nearest_name(word, names, count);
    char remedy[200] = "see 'heavyops --help'";
    if (nearest)
        snprintf(remedy, sizeof remedy, "did you mean 'heavyops %s'?", nearest);
    else if (word[strspn(word, "0123456789")] == '\0')
        snprintf(remedy, sizeof remedy, "to look at a process: heavyops attach --pid %.20s", word);
    hop_cli_complain(remedy, "'%s' is neither a command nor a script that is there", word);
    return HOP_EXIT_USAGE;
}

static int run(const struct hop_cli_command *command, struct hop_cli_settings *settings)
{
    if (!settings->wants_help)
        return command->run(settings);
    hop_cli_print_command_help(command, stdout);
    return HOP_EXIT_OK;
}

static int run_command(const struct hop_cli_command *command, int count, char **words)
{
    struct hop_cli_settings settings;
    int code = hop_cli_settings_init(&settings, command, count, words);
    if (code == HOP_EXIT_OK)
        code = run(command, &settings);
    hop_cli_settings_deinit(&settings);
    return code;
}

/* `heavyops [OPTION...] app.py arg`, as the Python package of the same name was used. */
static int run_script(struct hop_cli_settings *settings)
{
    struct hop_cli_list *words = &settings->words;
    if (words->count == 0) {
        hop_cli_complain("see 'heavyops --help'", "there is no command and no script to run");
        return HOP_EXIT_USAGE;
    }
    const char *script = words->items[0];
    if (hop_cli_find_command(script)) {
        char remedy[200];
        snprintf(remedy, sizeof remedy, "options go behind the command: heavyops %s ...", script);
        hop_cli_complain(remedy, "there are options before the command %s", script);
        return HOP_EXIT_USAGE;
    }
    if (!is_script(script))
        return unknown_word(script);
    if (!hop_cli_list_add(words, NULL))
        return HOP_EXIT_FAILED;
    memmove(&words->items[1], &words->items[0], (words->count - 1) * sizeof words->items[0]);
    words->items[0] = "python3";
    return hop_cli_record.run(settings);
}

static int run_without_command(int count, char **words)
{
    struct hop_cli_settings settings;
    int code = hop_cli_settings_init(&settings, &hop_cli_record, count, words);
    if (code == HOP_EXIT_OK && settings.wants_help)
        hop_cli_print_help(stdout);
    else if (code == HOP_EXIT_OK)
        code = run_script(&settings);
    hop_cli_settings_deinit(&settings);
    return code;
}

/* What is printed for `make install` and for shells: `help --man [COMMAND]`, `help --completion
 * SHELL`, `help --commands`. */
static int run_completion(const char *shell)
{
    static const struct {
        const char *shell;
        void (*print)(FILE *stream);
    } shells[] = {{"bash", hop_cli_print_completion_bash},
                  {"zsh", hop_cli_print_completion_zsh},
                  {"fish", hop_cli_print_completion_fish}};
    for (size_t i = 0; shell && i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].print(stdout);
            return HOP_EXIT_OK;
        }
    }
    hop_cli_complain("it is bash, zsh or fish", "--completion '%s': no such shell",
                     shell ? shell : "");
    return HOP_EXIT_USAGE;
}

static int run_commands(void)
{
    for (const struct hop_cli_command *const *command = hop_cli_commands(); *command; command++)
        puts((*command)->name);
    return HOP_EXIT_OK;
}

static int run_man(const char *name)
{
    const struct hop_cli_command *command = name ? hop_cli_find_command(name) : NULL;
    if (name && !command)
        return unknown_word(name);
    if (command)
        hop_cli_print_command_man(command, stdout);
    else
        hop_cli_print_man(stdout);
    return HOP_EXIT_OK;
}

static int run_help(int count, char **words)
{
    if (count && strcmp(words[0], "--man") == 0)
        return run_man(count > 1 ? words[1] : NULL);
    if (count && strcmp(words[0], "--commands") == 0)
        return run_commands();
    if (count && strcmp(words[0], "--completion") == 0)
        return run_completion(count > 1 ? words[1] : NULL);
    const struct hop_cli_command *command = count ? hop_cli_find_command(words[0]) : NULL;
    if (count && !command)
        return unknown_word(words[0]);
    if (command)
        hop_cli_print_command_help(command, stdout);
    else
        hop_cli_print_help(stdout);
    return HOP_EXIT_OK;
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int dispatch(int count, char **words)
{
    if (count == 0) {
        hop_cli_print_help(stderr);
        return HOP_EXIT_USAGE;
    }
    const struct hop_cli_command *command = hop_cli_find_command(words[0]);
    if (command)
        return run_command(command, count - 1, words + 1);
    if (strcmp(words[0], "help") == 0)
        return run_help(count - 1, words + 1);
    if (is_one_of(words[0], "--version", "-V")) {
        printf("heavyops %s (CPython %s)\n", hop_version(), hop_supported_pythons());
        return HOP_EXIT_OK;
    }
    return run_without_command(count, words);
}

/* A standard stream that was closed when we were started is given to what cannot be written (or
 * read), so that no file of ours gets its number and what is meant for the stream. Programs that we
 * start find it closed as before. */
static void guard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

int main(int argc, char **argv)
{
#ifdef M_ARENA_MAX
    /* glibc reserves 128 MB for each thread that allocates; ours hardly do, once warm. */
    mallopt(M_ARENA_MAX, 1);
#endif
    guard_streams();
    int code = dispatch(argc > 0 ? argc - 1 : 0, argv + 1);
    /* What was printed by hand (help, the version) is lost without a word otherwise. */
    if (fflush(stdout) != 0 && code == HOP_EXIT_OK) {
        hop_cli_complain(NULL, "cannot write to standard output");
        code = HOP_EXIT_FAILED;
    }
    return code;
}
