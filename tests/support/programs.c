/* Builds, changes and runs programs for tests, with the tools of the shell where those do. */
#include "support/programs.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void folder_make(struct folder *folder)
{
    strcpy(folder->path, "/tmp/heavyops-test-XXXXXX");
    cr_assert(mkdtemp(folder->path), "%s: %s", folder->path, strerror(errno));
}

void folder_remove(const struct folder *folder)
{
    run_command("rm -r '%s'", folder->path);
}

void run_command(const char *format, ...)
{
    char command[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    cr_assert_lt(length, (int)sizeof command);
    cr_assert_eq(system(command), 0, "failed: %s", command);
}

void forget_sections(const char *path)
{
    Elf64_Ehdr header;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(pread(fd, &header, sizeof header, 0), (ssize_t)sizeof header, "%s", path);
    header.e_shoff = 0;
    header.e_shnum = 0;
    header.e_shstrndx = 0;
    cr_assert_eq(pwrite(fd, &header, sizeof header, 0), (ssize_t)sizeof header, "%s", path);
    close(fd);
}

void program_start(struct target *target, char *const words[], const char *environment)
{
    int out[2], in[2];
    cr_assert(pipe2(out, O_CLOEXEC) == 0 && pipe2(in, O_CLOEXEC) == 0);
    fflush(NULL);
    pid_t parent = getpid();
    target->pid = fork();
    cr_assert_geq(target->pid, 0);
    if (target->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        if (environment)
            putenv((char *)environment);
        execvp(words[0], words);
        fprintf(stderr, "cannot run %s: %s\n", words[0], strerror(errno));
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    target->out = fdopen(out[0], "r");
    target->in = fdopen(in[1], "w");
}

void program_says(struct target *target, const char *word, uint64_t *first, uint64_t *second)
{
    char line[256], said[64];
    uint64_t numbers[2] = {0, 0};
    cr_assert(fgets(line, sizeof line, target->out), "it ended before it said \"%s\"", word);
    cr_assert_geq(sscanf(line, "%63s %" SCNu64 " %" SCNu64, said, &numbers[0], &numbers[1]), 1);
    cr_assert_str_eq(said, word);
    if (first)
        *first = numbers[0];
    if (second)
        *second = numbers[1];
}

void program_continue(struct target *target)
{
    fputc('\n', target->in);
    fflush(target->in);
}

bool python_of_version(const char *version, struct python *python)
{
    char command[512];
    *python = (struct python){0};
    snprintf(command, sizeof command, "'" HOP_TEST_ROOT "/scripts/find-pythons' | grep '^%s\\.'",
             version);
    FILE *line = popen(command, "re");
    bool is_found = line && fscanf(line, "%15[^\t]\t%15[^\t]\t%255[^\n]", python->version,
                                   python->kind, python->command) == 3;
    pclose(line);
    return is_found;
}

pid_t only_child_of(pid_t pid)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "re");
    cr_assert(file && fscanf(file, "%d", &child) == 1, "%s: no child", path);
    fclose(file);
    return child;
}

/* The folder that the interpreter is installed in: its path without "/bin/python3.X". */
static void prefix_of(const struct python *python, char *prefix, size_t size)
{
    const char *bin = strstr(python->command, "/bin/");
    cr_assert(bin, "%s is not in a bin folder", python->command);
    snprintf(prefix, size, "%.*s", (int)(bin - python->command), python->command);
}

static bool find_file(const char *pattern, char *path, size_t size)
{
    glob_t found;
    bool is_found = glob(pattern, GLOB_BRACE, NULL, &found) == 0;
    if (is_found)
        snprintf(path, size, "%s", found.gl_pathv[0]);
    globfree(&found);
    return is_found;
}

bool shared_libpython(const struct python *python, char *path, size_t size)
{
    char prefix[256], pattern[512];
    prefix_of(python, prefix, sizeof prefix);
    snprintf(pattern, sizeof pattern, "%s/lib{,/*-linux-gnu}/libpython3.%d.so.1.0", prefix,
             python->minor);
    return strcmp(python->kind, "suite") != 0 && find_file(pattern, path, size);
}

bool static_libpython(const struct python *python, char *path, size_t size)
{
    char prefix[256], pattern[512];
    prefix_of(python, prefix, sizeof prefix);
    snprintf(pattern, sizeof pattern, "%s/lib/python3.%d/config-*/libpython3.%d{-pic,}.a", prefix,
             python->minor, python->minor);
    return strcmp(python->kind, "suite") != 0 && find_file(pattern, path, size);
}

const char *python_home(const struct python *python)
{
    static char prefix[256];
    prefix_of(python, prefix, sizeof prefix);
    return prefix;
}

struct finding *finding_create(pid_t pid, const char *offsets_path)
{
    struct finding *finding = calloc(1, sizeof *finding);
    cr_assert_eq(hop_process_open(pid, &finding->process, &finding->err), HOP_OK, "%s",
                 finding->err.message);
    hop_live_reader_init(&finding->reader, pid);
    finding->status = hop_python_find(&finding->process, &finding->reader.base, offsets_path,
                                      &finding->python, &finding->err);
    return finding;
}

void finding_destroy(struct finding *finding)
{
    hop_process_close(&finding->process);
    free(finding);
}
