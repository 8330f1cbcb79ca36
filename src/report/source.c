/* Reads source files whose names a target gave, within bounds, and finds their lines. */
#include "report/source.h"

#include "report/encoding.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Texts, decoded ones again, and 8 bytes a line, of which the shortest has one. */
static const size_t ARENA_BYTES_MAX = 12 * (size_t)HOP_SOURCE_BYTES_MAX;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct hop_source *)a)->file, ((const struct hop_source *)b)->file);
}

bool hop_sources_init(struct hop_sources *sources, const struct hop_profile *profile)
{
    *sources = (struct hop_sources){.started_ns = profile->started_ns,
                                    .has_other_root = profile->has_other_root,
                                    .directory = profile->directory ? profile->directory : ""};
    hop_arena_init(&sources->arena, ARENA_BYTES_MAX);
    size_t count = 0, kept = 0;
    sources->files = calloc(profile->code_count + 1, sizeof *sources->files);
    if (!sources->files)
        return false;
    for (size_t i = 0; i < profile->code_count; i++) {
        const char *file = profile->codes[i].file;
        if (!count || strcmp(sources->files[count - 1].file, file) != 0) /* often the same */
            sources->files[count++].file = file;
    }
    qsort(sources->files, count, sizeof *sources->files, by_name);
    for (size_t i = 0; i < count; i++)
        if (!kept || by_name(&sources->files[kept - 1], &sources->files[i]) != 0)
            sources->files[kept++] = sources->files[i];
    sources->count = kept;
    return true;
}

void hop_sources_deinit(struct hop_sources *sources)
{
    free(sources->files);
    hop_arena_deinit(&sources->arena);
    *sources = (struct hop_sources){0};
}

/* Opens a regular file and nothing else: opening a device may do something, a pipe waits. */
static int open_file(const char *path, struct stat *stat_now, enum hop_source_state *state)
{
    *state = HOP_SOURCE_MISSING;
    if (stat(path, stat_now) != 0)
        return -1;
    if (S_ISREG(stat_now->st_mode)) {
        int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
            return -1;
        if (fstat(fd, stat_now) == 0 && S_ISREG(stat_now->st_mode))
            return fd;
        close(fd);
    }
    *state = HOP_SOURCE_NO_FILE;
    return -1;
}

/* As much of `size` bytes as there is. */
static size_t read_whole(int fd, char *into, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t length = read(fd, into + done, size - done);
        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0)
            break;
        done += (size_t)length;
    }
    return done;
}

/* Where the line that begins at `at` ends. */
static size_t end_of_line(const char *text, size_t size, size_t at)
{
    while (at < size && text[at] != '\n' && text[at] != '\r')
        at++;
    if (at + 1 < size && text[at] == '\r' && text[at + 1] == '\n')
        at++;
    return at < size ? at + 1 : size;
}

static bool find_lines(struct hop_sources *sources, struct hop_source *source, size_t size)
{
    size_t count = 0;
    for (size_t at = 0; at < size; at = end_of_line(source->text, size, at))
        count++;
    size_t *ends = hop_arena_alloc(&sources->arena, count * sizeof *ends);
    if (!ends)
        return false;
    for (size_t at = 0; at < size; source->line_count++)
        at = ends[source->line_count] = end_of_line(source->text, size, at);
    source->ends = ends;
    return true;
}

static bool is_after(const struct timespec *time, uint64_t ns)
{
    return time->tv_sec > 0 && (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec > ns;
}

/* False: out of memory. */
static bool read_text(struct hop_sources *sources, struct hop_source *source, int fd,
                      const struct stat *stat_now)
{
    static const char mark[] = "\xef\xbb\xbf";
    source->state = HOP_SOURCE_NO_FILE;
    if (stat_now->st_size <= 0) /* the files of /proc and /sys among them */
        return true;
    source->state = HOP_SOURCE_TOO_LARGE;
    if (stat_now->st_size > HOP_SOURCE_FILE_BYTES_MAX ||
        (size_t)stat_now->st_size > HOP_SOURCE_BYTES_MAX - sources->bytes)
        return true;
    char *text = hop_arena_alloc(&sources->arena, (size_t)stat_now->st_size);
    if (!text)
        return false;
    size_t size = read_whole(fd, text, (size_t)stat_now->st_size);
    sources->bytes += size;
    if (size >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0) {
        text += strlen(mark);
        size -= strlen(mark);
    }
    if (hop_source_is_latin1(text, size)) {
        size_t decoded_size = hop_latin1_length(text, size);
        char *decoded = hop_arena_alloc(&sources->arena, decoded_size);
        if (!decoded)
            return false;
        hop_latin1_decode(text, size, decoded);
        text = decoded;
        size = decoded_size;
    }
    source->text = text;
    source->may_be_other = sources->has_other_root;
    source->is_newer = sources->started_ns && is_after(&stat_now->st_mtim, sources->started_ns);
    source->state = size ? HOP_SOURCE_READ : HOP_SOURCE_NO_FILE;
    return size == 0 || find_lines(sources, source, size);
}

/* False: which file it is cannot be told. */
static bool find_path(const struct hop_sources *sources, const char *file, char *path, size_t size)
{
    const char *from = *file == '/' ? "" : sources->directory;
    if (!*file || *file == '<' || (*file != '/' && *from != '/'))
        return false;
    int length = snprintf(path, size, "%s%s%s", from, *from ? "/" : "", file);
    return length >= 0 && (size_t)length < size;
}

const struct hop_source *hop_sources_find(struct hop_sources *sources, const char *file)
{
    struct hop_source key = {.file = file};
    struct hop_source *source =
        bsearch(&key, sources->files, sources->count, sizeof *sources->files, by_name);
    if (!source || source->is_looked_for)
        return source;
    struct stat stat_now;
    char path[2 * PATH_MAX];
    source->state = HOP_SOURCE_NO_PATH;
    bool is_path = find_path(sources, file, path, sizeof path);
    int fd = is_path ? open_file(path, &stat_now, &source->state) : -1;
    bool has_memory = true;
    if (fd >= 0) {
        has_memory = read_text(sources, source, fd, &stat_now);
        close(fd);
    }
    source->is_looked_for = has_memory;
    return has_memory ? source : NULL;
}

bool hop_source_line(const struct hop_source *source, int line, const char **text, size_t *length)
{
    if (source->state != HOP_SOURCE_READ || line < 1 || (size_t)line > source->line_count)
        return false;
    size_t start = line > 1 ? source->ends[line - 2] : 0, end = source->ends[line - 1];
    if (end > start && source->text[end - 1] == '\n')
        end--;
    if (end > start && source->text[end - 1] == '\r')
        end--;
    *text = source->text + start;
    *length = end - start;
    return true;
}

const char *hop_source_words(const struct hop_source *source)
{
    switch (source->state) {
    case HOP_SOURCE_READ:
        return "";
    case HOP_SOURCE_NO_PATH:
        return "not the full path of a file";
    case HOP_SOURCE_MISSING:
        return "no such file here";
    case HOP_SOURCE_NO_FILE:
        return "no file with text";
    case HOP_SOURCE_TOO_LARGE:
        return "too large";
    }
    return "";
}
