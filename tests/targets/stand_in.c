/* A program that pretends to have a CPython in it: a _PyRuntime made of what the compiler's command
 * line says, where heavyops looks for one. What its offsets lead to goes in circles. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifndef VERSION
#define VERSION 0x030d00f0 /* 3.13.0 */
#endif
#ifndef COOKIE
#define COOKIE "xdebugpy"
#endif
#ifndef FREE_THREADED
#define FREE_THREADED 0
#endif
#ifndef OFFSET
#define OFFSET offsetof(struct runtime, self)
#endif

struct runtime {
    char cookie[8];
    uint64_t version;
    uint64_t free_threaded;
    uint64_t offsets[256];
    const void *self[8];
};

extern struct runtime _PyRuntime;
extern const unsigned long Py_Version;

struct runtime _PyRuntime __attribute__((section(".PyRuntime"))) = {
    .cookie = COOKIE,
    .version = VERSION,
    .free_threaded = FREE_THREADED,
    .offsets = {[0 ... 255] = OFFSET},
    .self = {[0 ... 7] = &_PyRuntime},
};

const unsigned long Py_Version = VERSION;

int main(void)
{
    printf("ready %lu\n", (unsigned long)&_PyRuntime);
    fflush(stdout);
    getchar();
    return 0;
}
