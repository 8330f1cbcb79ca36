/* Golden files, see golden.h. */
#include "support/golden.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = NULL;
    *size = 0;
    for (size_t room = 4096;; room *= 2) {
        text = realloc(text, room + 1);
        cr_assert_not_null(text);
        *size += fread(text + *size, 1, room - *size, file);
        if (*size < room)
            break;
    }
    text[*size] = '\0';
    fclose(file);
    return text;
}

char *read_project_file(const char *path, size_t *size)
{
    char whole[4096];
    snprintf(whole, sizeof whole, "%s/%s", HOP_TEST_ROOT, path);
    char *text = read_file(whole, size);
    cr_assert_not_null(text, "%s cannot be read", whole);
    return text;
}

void assert_golden(const char *name, const char *text, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/%s", HOP_TEST_ROOT, name);
    if (getenv("HEAVYOPS_UPDATE_GOLDEN")) {
        FILE *file = fopen(path, "w");
        cr_assert(file && fwrite(text, 1, size, file) == size && fclose(file) == 0);
        return;
    }
    size_t wanted_size = 0;
    char *wanted = read_file(path, &wanted_size);
    cr_assert_not_null(wanted, "%s cannot be read", path);
    bool is_same = wanted_size == size && memcmp(wanted, text, size) == 0;
    free(wanted);
    cr_assert(is_same, "not what %s holds:\n%.*s", path, (int)size, text);
}
