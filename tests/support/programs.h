/* Programs that a test builds, changes and runs, and what the finder says of them. */
#ifndef TEST_PROGRAMS_H
#define TEST_PROGRAMS_H

#include "py/find.h"
#include "support/pythons.h"

/* A new folder of this test's, removed with all in it by folder_remove. */
struct folder {
    char path[64];
};

void folder_make(struct folder *folder);
void folder_remove(const struct folder *folder);

/* Runs a command of the shell, which must succeed. */
void run_command(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes an ELF file forget its section headers, .symtab and .dynsym's among them: what remains is
 * what the loader needs. */
void forget_sections(const char *path);

/* Starts words[0]. `environment` is NULL or "NAME=value". It is killed when the test ends. */
void program_start(struct target *target, char *const words[], const char *environment);

/* Reads the next line of the program, "WORD [NUMBER [NUMBER]]"; the first must be `word`. Aborts
 * the test otherwise, or when the program ended. NULL: not wanted. */
void program_says(struct target *target, const char *word, uint64_t *first, uint64_t *second);
void program_continue(struct target *target);

/* The first interpreter found whose version begins so (a pattern: "2\\.7"), also one that cannot be
 * read. False: none. */
bool python_of_version(const char *version, struct python *python);

/* The process that `pid` has started and waits for. */
pid_t only_child_of(pid_t pid);

/* What an interpreter's build left on disk, for programs that embed it. The path of its libpython,
 * shared or static; false: it has none. Of where its standard library is (PYTHONHOME). */
bool shared_libpython(const struct python *python, char *path, size_t size);
bool static_libpython(const struct python *python, char *path, size_t size);
const char *python_home(const struct python *python);

/* A process as the finder sees it. */
struct finding {
    struct hop_process process;
    struct hop_live_reader reader;
    struct hop_python python;
    enum hop_status status;
    struct hop_error err; /* the two texts are empty when all went well */
};

/* The caller frees it with finding_destroy. */
struct finding *finding_create(pid_t pid, const char *offsets_path);
void finding_destroy(struct finding *finding);

#endif
