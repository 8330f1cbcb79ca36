/* Knows by /proc that heavyops is at work, see watch.h. */
#include "support/watch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* On a busy machine, too; what takes longer hangs. */
enum { PATIENCE_S = 90 };

/* Every sample is a wake-up of a looker. */
enum { WAKE_UPS = 60 };

void python_choose(struct python *python, int minor_min)
{
    static struct python pythons[PYTHONS_MAX];
    size_t count = pythons_find(pythons, PYTHONS_MAX, minor_min);
    bool is_found = false;
    for (size_t i = 0; i < count; i++) {
        if (strchr(pythons[i].command, ' '))
            continue;
        *python = pythons[i];
        is_found = true;
    }
    cr_assert(is_found, "no CPython from 3.%d on", minor_min);
}

void spin_start(struct target *target, const struct python *python, const char *const arguments[])
{
    char line[16];
    target_start(target, python, NULL, "spin.py", arguments);
    cr_assert(fgets(line, sizeof line, target->out), "%s did not start", python->command);
}

const char *pid_word(pid_t pid)
{
    static char words[4][16];
    static size_t next;
    char *word = words[next++ % 4];
    snprintf(word, sizeof words[0], "%d", (int)pid);
    return word;
}

static void pause_a_little(time_t *started)
{
    if (!*started)
        *started = time(NULL);
    cr_assert_lt(time(NULL) - *started, PATIENCE_S, "heavyops does not sample");
    usleep(2000);
}

int memory_descriptor(pid_t heavyops, pid_t target)
{
    char path[64], wanted[32], link[64];
    int found = -1;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)heavyops);
    snprintf(wanted, sizeof wanted, "/proc/%d/mem", (int)target);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
        link[length > 0 ? length : 0] = '\0';
        if (strcmp(link, wanted) == 0)
            found = atoi(entry->d_name);
    }
    if (directory)
        closedir(directory);
    return found;
}

/* How often the threads of a process were put on a CPU, all in all. */
static unsigned long long runs_of(pid_t pid)
{
    char path[300];
    unsigned long long sum = 0, ran, waited, runs;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, entry->d_name);
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%llu %llu %llu", &ran, &waited, &runs) == 3)
            sum += runs;
        if (file)
            fclose(file);
    }
    if (directory)
        closedir(directory);
    return sum;
}

void await_sampling(pid_t heavyops, pid_t target)
{
    time_t started = 0;
    while (memory_descriptor(heavyops, target) < 0)
        pause_a_little(&started);
    for (unsigned long long first = runs_of(heavyops); runs_of(heavyops) < first + WAKE_UPS;)
        pause_a_little(&started);
}

void assert_says(const char *text, const char *part)
{
    cr_assert_not_null(strstr(text, part), "no '%s' in:\n%s", part, text);
}

void assert_refuses(const struct run *run, int code, const char *message, const char *remedy)
{
    const char *end = strchr(run->err, '\n');
    cr_assert_eq(run->code, code, "%d: %s", run->code, run->err);
    cr_assert_str_empty(run->out);
    cr_assert(strncmp(run->err, "heavyops: ", 10) == 0 && end, "%s", run->err);
    cr_assert(strncmp(end, "\n  ", 3) == 0, "no remedy: %s", run->err);
    const char *remedy_end = strchr(end + 1, '\n');
    cr_assert(remedy_end && !remedy_end[1], "more than a message and a remedy: %s", run->err);
    const char *found = strstr(run->err, message);
    cr_assert(found && found < end, "no '%s' in: %s", message, run->err);
    assert_says(end, remedy);
}

void assert_reports(const struct run *run, const char *part)
{
    cr_assert_eq(run->code, 0, "%d: %s", run->code, run->err);
    cr_assert_str_empty(run->err);
    assert_says(run->out, "tracked instruction hits");
    assert_says(run->out, part);
}
