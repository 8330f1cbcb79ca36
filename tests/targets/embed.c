/* A program that embeds CPython, linked with it (EMBED_LINKED) or loading the library it is given.
 * It says which phase it has come to, where its _PyRuntime is, and goes on when it gets a line. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef EMBED_LINKED
extern char _PyRuntime;
void Py_Initialize(void);
void Py_Finalize(void);
int PyRun_SimpleString(const char *text);
#else
static char *runtime;
static void (*Py_Initialize)(void);
static void (*Py_Finalize)(void);
static int (*PyRun_SimpleString)(const char *text);
#define _PyRuntime (*runtime)

static void *symbol(void *library, const char *name)
{
    void *addr = library ? dlsym(library, name) : NULL;
    if (!addr) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return addr;
}

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    runtime = symbol(library, "_PyRuntime");
    Py_Initialize = symbol(library, "Py_Initialize");
    Py_Finalize = symbol(library, "Py_Finalize");
    PyRun_SimpleString = symbol(library, "PyRun_SimpleString");
}
#endif

static void phase(const char *name, void *addr)
{
    printf("%s %lu\n", name, (unsigned long)addr);
    fflush(stdout);
    while (getchar_unlocked() != '\n')
        if (feof(stdin))
            exit(0);
}

int main(int argc, char **argv)
{
    setvbuf(stdin, NULL, _IONBF, 0); /* Python reads lines of it too */
#ifndef EMBED_LINKED
    phase("empty", NULL);
    load(argv[argc - 1]);
#else
    (void)argc;
    (void)argv;
#endif
    phase("loaded", &_PyRuntime);
    Py_Initialize();
    phase("initialized", &_PyRuntime);
    PyRun_SimpleString("import sys\n"
                       "def wait():\n"
                       "    sys.stdout.write('running %d\\n' % id(type(wait.__code__)))\n"
                       "    sys.stdout.flush()\n"
                       "    sys.stdin.readline()\n"
                       "wait()\n");
    Py_Finalize();
    phase("finalized", &_PyRuntime);
    return 0;
}
