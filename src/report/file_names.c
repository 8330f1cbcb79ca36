/* Shortens file names for reading: the fewest last parts of each path that no other file shares. */
#include "report/rows.h"

#include <stdlib.h>
#include <string.h>

struct named {
    const char *file;
    size_t length;
    size_t index; /* of the instruction */
};

static size_t common_end(const struct named *a, const struct named *b)
{
    size_t most = a->length < b->length ? a->length : b->length, common = 0;
    while (common < most && a->file[a->length - 1 - common] == b->file[b->length - 1 - common])
        common++;
    return common;
}

/* Paths from their ends, so that those with the longest common end are neighbours. */
static int by_end(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    size_t common = common_end(a, b);
    if (common == a->length || common == b->length)
        return (a->length > b->length) - (a->length < b->length);
    return (unsigned char)a->file[a->length - 1 - common] -
           (unsigned char)b->file[b->length - 1 - common];
}

static const char *shorten(const struct named *named, size_t shared_bytes)
{
    const char *end = named->file + named->length;
    for (const char *slash = end; slash-- > named->file;)
        if (*slash == '/' && (size_t)(end - slash) - 1 > shared_bytes)
            return slash + 1;
    return named->file;
}

const char **hop_short_file_names(const struct hop_profile *profile)
{
    size_t count = profile->instruction_count;
    const char **names = calloc(count + 1, sizeof(*names));
    struct named *sorted = calloc(count + 1, sizeof *sorted);
    if (!names || !sorted) {
        free(names);
        free(sorted);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const char *file = profile->instructions[i].file;
        sorted[i] = (struct named){file, strlen(file), i};
    }
    qsort(sorted, count, sizeof *sorted, by_end);
    size_t shared_before = 0;
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && by_end(&sorted[i], &sorted[next]) == 0;)
            next++;
        size_t shared_after = next < count ? common_end(&sorted[i], &sorted[next]) : 0;
        const char *name =
            shorten(&sorted[i], shared_before > shared_after ? shared_before : shared_after);
        for (size_t j = i; j < next; j++)
            names[sorted[j].index] = name;
        shared_before = shared_after;
    }
    free(sorted);
    return names;
}
