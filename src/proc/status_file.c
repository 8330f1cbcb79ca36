/* Finds lines of /proc/PID/status and reads their numbers. */
#include "proc/status_file.h"

#include <stdlib.h>
#include <string.h>

const char *hop_status_value(const char *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

size_t hop_status_numbers(const char *text, const char *key, long *numbers, size_t capacity)
{
    const char *at = hop_status_value(text, key);
    size_t count = 0;
    while (at && count < capacity) {
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at) /* the next line's key: no key begins with a digit */
            break;
        numbers[count++] = number;
        at = end;
    }
    return count;
}

uint64_t hop_status_mask(const char *text, const char *key)
{
    const char *value = hop_status_value(text, key);
    return value ? strtoull(value, NULL, 16) : 0;
}
