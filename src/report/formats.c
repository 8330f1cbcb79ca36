/* The table of formats, and what is the same for all of them; each format is a file of its own. */
#include "report/format.h"

#include <errno.h>
#include <string.h>

#define ROW(name) &hop_format_##name,
static const struct hop_format *const formats[] = {HOP_FORMATS(ROW)};
#undef ROW

enum { FORMAT_COUNT = sizeof formats / sizeof *formats };

const struct hop_format *hop_format_find(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (name && strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

const char *hop_report_format(size_t index)
{
    return index < FORMAT_COUNT ? formats[index]->name : NULL;
}

/* Whether `path` ends in the `length` bytes at `suffix`, and they are not all of its name. */
static bool ends_in(const char *path, const char *suffix, size_t length)
{
    size_t path_length = strlen(path);
    return path_length > length && path[path_length - length - 1] != '/' &&
           memcmp(path + path_length - length, suffix, length) == 0;
}

/* Whether the name of the file at `path` is `prefix`, or that and a '.' and more. */
static bool begins_with(const char *path, const char *prefix)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 && (name[length] == '\0' || name[length] == '.');
}

const char *hop_report_format_of_file(const char *path)
{
    const char *best = NULL;
    size_t best_length = 0; /* ".speedscope.json" before ".json" */
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        const char *suffix = formats[i]->suffixes ? formats[i]->suffixes : "";
        while (*suffix) {
            size_t length = strcspn(suffix, " ");
            if (length > best_length && ends_in(path, suffix, length)) {
                best = formats[i]->name;
                best_length = length;
            }
            suffix += length + strspn(suffix + length, " ");
        }
        if (!best && formats[i]->prefix && begins_with(path, formats[i]->prefix))
            best = formats[i]->name;
    }
    return best;
}

bool hop_report_format_is_binary(const char *format)
{
    const struct hop_format *found = hop_format_find(format);
    return found && found->is_binary;
}

bool hop_report_format_is_known(const char *format)
{
    return hop_format_find(format) != NULL;
}

enum hop_status hop_format_check_stream(FILE *stream, struct hop_error *err)
{
    bool had_failed = ferror(stream);
    errno = 0;
    if (fflush(stream) == 0 && !had_failed)
        return HOP_OK;
    /* What was held back when it failed may be gone, and with it the reason: it is asked again. */
    if (!errno && putc('\n', stream) != EOF)
        fflush(stream);
    return hop_error_set(err, HOP_ERR_IO, "make room, or choose another place with -o",
                         "cannot write the report: %s", strerror(errno ? errno : EIO));
}

static bool splits(const struct hop_format *format)
{
    return !format->joins_threads;
}

static bool groups(const struct hop_format *format)
{
    return format->groups;
}

/* "these do: text, json" */
static void list_formats(bool (*does)(const struct hop_format *), char *list, size_t size)
{
    size_t used = (size_t)snprintf(list, size, "these do");
    const char *before = ": ";
    for (size_t i = 0; i < FORMAT_COUNT && used < size; i++) {
        if (!does(formats[i]))
            continue;
        used += (size_t)snprintf(list + used, size - used, "%s%s", before, formats[i]->name);
        before = ", ";
    }
}

enum hop_status hop_report_check(const char *format_name, const struct hop_report_options *options,
                                 struct hop_error *err)
{
    const struct hop_format *format = hop_format_find(format_name);
    char remedy[200];
    if (!format)
        return hop_error_set(err, HOP_ERR_USAGE, NULL, "no such format: %s",
                             format_name ? format_name : "none given");
    if (options->group && !format->groups) {
        list_formats(groups, remedy, sizeof remedy);
        return hop_error_set(err, HOP_ERR_USAGE, remedy, "%s does not group by %s", format->name,
                             options->group);
    }
    if (options->by_thread && format->joins_threads) {
        list_formats(splits, remedy, sizeof remedy);
        return hop_error_set(err, HOP_ERR_USAGE, remedy, "%s does not split by thread",
                             format->name);
    }
    if (options->by_thread && options->group && !format->groups_beside)
        return hop_error_set(err, HOP_ERR_USAGE, "--group thread is a table of the threads",
                             "a table by %s does not split by thread", options->group);
    return HOP_OK;
}

enum hop_status hop_report(const struct hop_profile *profile, const char *format_name,
                           const struct hop_report_options *options, FILE *stream,
                           struct hop_error *err)
{
    static const struct hop_report_options defaults;
    enum hop_status status = hop_report_check(format_name, options ? options : &defaults, err);
    if (status != HOP_OK)
        return status;
    const struct hop_format *format = hop_format_find(format_name);
    status = format->write(profile, options ? options : &defaults, stream, err);
    return status == HOP_OK ? hop_format_check_stream(stream, err) : status;
}

enum hop_status hop_format_write_snapshot(const struct hop_format *format,
                                          const struct hop_snapshot *snapshot, FILE *stream,
                                          struct hop_error *err)
{
    if (!format->write_snapshot)
        return hop_error_set(err, HOP_ERR_USAGE, NULL, "%s cannot show one look", format->name);
    enum hop_status status = format->write_snapshot(snapshot, stream, err);
    return status == HOP_OK ? hop_format_check_stream(stream, err) : status;
}
