/* Reads the one line of /proc/…/stat (proc_pid_stat(5)); what its states mean is the caller's
 * affair. */
#include "proc/process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 52 fields of at most 20 digits and a name of at most 64 bytes. */
enum { STAT_BYTES = 2048 };

/* Numbers of the fields we take, as proc_pid_stat(5) counts them. */
enum {
    FIELD_STATE = 3,
    FIELD_PPID = 4,
    FIELD_FLAGS = 9,
    FIELD_NUM_THREADS = 20,
    FIELD_STARTTIME = 22,
    FIELD_PROCESSOR = 39,
};

static const char *find_last(const char *text, size_t size, char wanted)
{
    while (size > 0)
        if (text[--size] == wanted)
            return text + size;
    return NULL;
}

static void take_field(struct hop_task_stat *stat, int field, const char *value)
{
    switch (field) {
    case FIELD_STATE:
        stat->state = value[0];
        break;
    case FIELD_PPID:
        stat->ppid = atoi(value);
        break;
    case FIELD_FLAGS:
        stat->flags = (uint32_t)strtoul(value, NULL, 10);
        break;
    case FIELD_NUM_THREADS:
        stat->thread_count = atoi(value);
        break;
    case FIELD_STARTTIME:
        stat->start_time_ticks = strtoull(value, NULL, 10);
        break;
    case FIELD_PROCESSOR:
        stat->processor = atoi(value);
        break;
    }
}

bool hop_task_stat_parse(const char *text, size_t size, struct hop_task_stat *stat)
{
    *stat = (struct hop_task_stat){0};
    /* The name is not escaped and may hold parentheses; no field behind it has one. */
    const char *open = memchr(text, '(', size);
    const char *close = find_last(text, size, ')');
    if (!open || !close || close < open)
        return false;
    size_t length = (size_t)(close - open - 1);
    if (length >= sizeof stat->comm)
        length = sizeof stat->comm - 1;
    memcpy(stat->comm, open + 1, length);

    const char *at = close + 1, *end = text + size;
    for (int field = FIELD_STATE; field <= FIELD_PROCESSOR; field++) {
        while (at < end && *at == ' ')
            at++;
        char value[24]; /* a copy with an end of its own: `text` need not have a NUL */
        size_t used = 0;
        while (at < end && *at != ' ' && *at != '\n') {
            if (used == sizeof value - 1)
                return false;
            value[used++] = *at++;
        }
        if (used == 0)
            return false;
        value[used] = '\0';
        take_field(stat, field, value);
    }
    return true;
}

bool hop_task_stat_read(int dir_fd, struct hop_task_stat *stat)
{
    char text[STAT_BYTES];
    int fd = openat(dir_fd, "stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, sizeof text); /* the kernel gives it in one piece */
    close(fd);
    return size > 0 && hop_task_stat_parse(text, (size_t)size, stat);
}

bool hop_task_stat_is_ended(const struct hop_task_stat *stat)
{
    /* The first thread may end before the others (pthread_exit in main): the process goes on. */
    return (stat->state == 'Z' || stat->state == 'X') && stat->thread_count <= 1;
}
