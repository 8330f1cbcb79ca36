/* The interpreters of this machine, and programs run by them; see the header. */
#include "support/pythons.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void __attribute__((noreturn)) give_up(const char *what, const char *on)
{
    fprintf(stderr, "%s %s: %s\n", what, on, strerror(errno));
    abort();
}

static bool parse(const char *line, struct python *python)
{
    char flag = 0;
    *python = (struct python){0};
    if (sscanf(line, "%15[^\t]\t%15[^\t]\t%255[^\n]", python->version, python->kind,
               python->command) != 3)
        return false;
    int numbers = sscanf(python->version, "%d.%d.%d%c", &python->major, &python->minor,
                         &python->micro, &flag);
    python->is_free_threaded = flag == 't';
    return numbers >= 3;
}

size_t pythons_find(struct python *pythons, size_t capacity, int minor_min)
{
    FILE *lines = popen("'" HOP_TEST_ROOT "/scripts/find-pythons'", "re");
    char line[512];
    size_t count = 0;
    if (!lines)
        give_up("cannot run", "scripts/find-pythons");
    while (count < capacity && fgets(line, sizeof line, lines)) {
        struct python *python = &pythons[count];
        if (parse(line, python) && python->major == 3 && python->minor >= minor_min &&
            !python->is_free_threaded)
            count++;
    }
    pclose(lines);
    return count;
}

char *target_text(const char *script)
{
    char path[512];
    snprintf(path, sizeof path, HOP_TEST_ROOT "/tests/targets/%s", script);
    FILE *file = fopen(path, "re");
    if (!file)
        give_up("cannot open", path);
    size_t capacity = 1 << 17; /* Linux' MAX_ARG_STRLEN */
    char *text = calloc(1, capacity);
    size_t size = fread(text, 1, capacity - 1, file);
    fclose(file);
    if (size == capacity - 1)
        give_up("too long", path);
    return text;
}

static void __attribute__((noreturn))
run(const struct python *python, const char *environment, char *text, const char *const arguments[])
{
    char command[sizeof python->command];
    char *words[PYTHON_WORDS_MAX + TARGET_WORDS_MAX + 3];
    size_t count = 0;
    memcpy(command, python->command, sizeof command);
    for (char *rest = command, *word; count < PYTHON_WORDS_MAX && (word = strsep(&rest, " "));)
        words[count++] = word;
    words[count++] = "-c";
    words[count++] = text;
    for (size_t i = 0; i < TARGET_WORDS_MAX && arguments[i]; i++)
        words[count++] = (char *)arguments[i];
    words[count] = NULL;
    if (environment)
        putenv((char *)environment);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    execvp(words[0], words);
    give_up("cannot run", words[0]);
}

void target_start_text(struct target *target, const struct python *python, const char *environment,
                       char *text, const char *const arguments[])
{
    int out[2], in[2], executed[2];
    if (pipe2(out, O_CLOEXEC) || pipe2(in, O_CLOEXEC) || pipe2(executed, O_CLOEXEC))
        give_up("cannot make pipes for", python->command);
    fflush(NULL);
    pid_t parent = getpid();
    target->pid = fork();
    if (target->pid < 0)
        give_up("cannot fork for", python->command);
    if (target->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        run(python, environment, text, arguments);
    }
    close(in[0]);
    close(out[1]);
    /* Until it executes it is a copy of the test, which holds all sorts of pretended CPythons. */
    char nothing;
    close(executed[1]);
    while (read(executed[0], &nothing, 1) < 0 && errno == EINTR)
        continue;
    close(executed[0]);
    target->out = fdopen(out[0], "r");
    target->in = fdopen(in[1], "w");
}

void target_start(struct target *target, const struct python *python, const char *environment,
                  const char *script, const char *const arguments[])
{
    char *text = target_text(script);
    target_start_text(target, python, environment, text, arguments);
    free(text);
}

void target_kill(struct target *target)
{
    kill(target->pid, SIGKILL);
    target_end(target);
}

int target_end(struct target *target)
{
    int status;
    fclose(target->in);
    fclose(target->out);
    while (waitpid(target->pid, &status, 0) < 0)
        if (errno != EINTR)
            give_up("cannot wait for", "the target");
    return status;
}
