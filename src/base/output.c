/* Files that appear whole or not at all; it knows nothing of what is written to them.
 *
 * A regular file is written as a nameless one in the same directory (O_TMPFILE), so that not even
 * a killed process leaves anything behind, and gets its name when it is whole. File systems without
 * nameless files get a named one beside it. What is no regular file (a terminal, a pipe, /dev/null)
 * is written directly. */
#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two processes may choose the same name for the file beside; more tries than this is malice. */
enum { NAME_TRIES_MAX = 100 };

/* Large files take a third of the time with these instead of a stream's own 4 KiB. */
enum { BUFFER_BYTES = 1 << 18 };

struct hop_output {
    FILE *stream;
    char *shown_path;    /* as the caller gave it, for messages */
    char *final_path;    /* what gets the new content; NULL: written directly */
    char *beside_path;   /* the named file beside it; empty while it has no name */
    char *buffer;        /* the stream's; NULL: it has its own */
    bool is_ours;        /* the stream is to be closed */
    bool is_overwritten; /* a regular file that could only be written in place */
};

static enum hop_status fail(struct hop_error *err, const char *path, int error)
{
    const char *remedy = error == ENOSPC || error == EDQUOT
                             ? "make room, or choose another place with -o"
                         : error == ENOENT || error == ENOTDIR
                             ? "make its directory first, or choose another place with -o"
                         : error == EBADF ? "it is closed; choose another place with -o"
                                          : "choose another place with -o";
    return hop_error_set(err, HOP_ERR_IO, remedy, "cannot write '%s': %s", path, strerror(error));
}

static void free_output(struct hop_output *output)
{
    free(output->shown_path);
    free(output->final_path);
    free(output->beside_path);
    free(output->buffer);
    free(output);
}

/* The descriptor that a name like /dev/stdout stands for, or -1. They are symbolic links to
 * whatever is open there: that is to be written to, never to be replaced by another file. */
static int standing_for(const char *path)
{
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t length = strlen(folders[i]);
        char *end;
        if (strncmp(path, folders[i], length) != 0 || path[length] < '0' || path[length] > '9')
            continue;
        long number = strtol(path + length, &end, 10);
        if (*end == '\0' && number <= INT_MAX)
            return (int)number;
    }
    return -1;
}

/* A device may refuse whatever is written (/dev/full): asked with nothing, which disturbs none. */
static int refusal_of(int fd)
{
    struct stat status;
    bool is_device = fstat(fd, &status) == 0 && S_ISCHR(status.st_mode);
    return is_device && write(fd, "", 0) < 0 ? errno : 0;
}

static int open_descriptor(struct hop_output *output, int number)
{
    int flags = fcntl(number, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
        return EBADF; /* closed, or as good as closed */
    int refusal = refusal_of(number);
    if (refusal)
        return refusal;
    if (number == STDOUT_FILENO || number == STDERR_FILENO) {
        output->stream = number == STDOUT_FILENO ? stdout : stderr;
        return 0;
    }
    int fd = fcntl(number, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    output->is_ours = true;
    output->stream = fdopen(fd, "w");
    if (output->stream)
        return 0;
    int error = errno;
    close(fd);
    return error;
}

/* Links the nameless file `fd`, or creates one, under a name of its own beside final_path. */
static int name_beside(struct hop_output *output, int *fd)
{
    const char *slash = strrchr(output->final_path, '/');
    int folder_bytes = slash ? (int)(slash - output->final_path) + 1 : 0;
    for (int i = 0; i < NAME_TRIES_MAX; i++) {
        char *path;
        if (asprintf(&path, "%.*s.heavyops-%d-%d", folder_bytes, output->final_path, (int)getpid(),
                     i) < 0)
            return ENOMEM;
        bool is_made;
        if (*fd < 0) {
            *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
            is_made = *fd >= 0;
        } else {
            char link_path[64];
            snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", *fd);
            is_made = linkat(AT_FDCWD, link_path, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
        }
        int error = errno;
        if (is_made) {
            output->beside_path = path;
            return 0;
        }
        free(path);
        if (error != EEXIST)
            return error;
    }
    return EEXIST;
}

static int open_nameless(const char *final_path)
{
    char *folder = strdup(final_path);
    if (!folder)
        return -1;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(slash ? folder : ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    free(folder);
    return fd;
}

/* The new file takes the place of the old one, so it takes its owner and permissions too. */
static void take_after(int fd, const struct stat *old)
{
    if (fchown(fd, old->st_uid, old->st_gid) != 0 && fchown(fd, (uid_t)-1, old->st_gid) != 0)
        errno = 0; /* then it is ours, as a copy would be */
    if (fchmod(fd, old->st_mode & 07777) != 0)
        errno = 0; /* some file systems have no permissions */
}

/* Without memory for it, the stream goes on as it is. */
static void enlarge_buffer(struct hop_output *output)
{
    output->buffer = malloc(BUFFER_BYTES);
    if (output->buffer)
        setvbuf(output->stream, output->buffer, _IOFBF, BUFFER_BYTES);
}

static int open_path(struct hop_output *output, const char *path)
{
    struct stat old;
    bool is_there = stat(path, &old) == 0;
    if (!is_there && errno != ENOENT)
        return errno;
    struct stat link;
    bool is_dangling = !is_there && lstat(path, &link) == 0;
    int fd = -1;
    output->is_ours = true;
    if (is_dangling || (is_there && !S_ISREG(old.st_mode))) {
        fd = open(path, O_WRONLY | O_CLOEXEC | (is_dangling ? O_CREAT : 0), 0666);
        if (fd < 0)
            return errno;
        int refusal = refusal_of(fd);
        if (refusal) {
            close(fd);
            return refusal;
        }
    } else {
        if (is_there && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
            return errno; /* a rename would replace a file that is protected */
        output->final_path = is_there ? realpath(path, NULL) : strdup(path);
        if (!output->final_path)
            return errno;
        fd = open_nameless(output->final_path);
        int error = fd < 0 ? name_beside(output, &fd) : 0;
        if (error && is_there) { /* its directory is not ours to write: then in place */
            fd = open(path, O_WRONLY | O_CLOEXEC);
            free(output->final_path);
            output->final_path = NULL;
            output->is_overwritten = true;
        }
        if (fd < 0)
            return error;
        if (is_there && !output->is_overwritten)
            take_after(fd, &old);
    }
    output->stream = fdopen(fd, "w");
    if (output->stream) {
        if (output->final_path || output->is_overwritten)
            enlarge_buffer(output);
        return 0;
    }
    int error = errno;
    close(fd);
    return error;
}

enum hop_status hop_output_open(const char *path, struct hop_output **output_out,
                                struct hop_error *err)
{
    *output_out = NULL;
    struct hop_output *output = calloc(1, sizeof *output);
    if (output)
        output->shown_path = strdup(strcmp(path, "-") == 0 ? "standard output" : path);
    if (!output || !output->shown_path) {
        free(output);
        return hop_error_set(err, HOP_ERR_MEMORY, NULL, "out of memory");
    }
    int number = standing_for(path);
    int error = number >= 0 ? open_descriptor(output, number)
                : *path     ? open_path(output, path)
                            : ENOENT;
    if (error) {
        fail(err, output->shown_path, error);
        if (output->beside_path)
            unlink(output->beside_path);
        free_output(output);
        return HOP_ERR_IO;
    }
    *output_out = output;
    return HOP_OK;
}

FILE *hop_output_stream(struct hop_output *output)
{
    return output->stream;
}

static int flush(struct hop_output *output)
{
    bool had_failed = ferror(output->stream);
    errno = 0;
    if (fflush(output->stream) != 0)
        return errno ? errno : EIO;
    if (had_failed)
        return EIO; /* what the matter was is told by whoever wrote */
    if (output->is_overwritten) {
        off_t end = ftello(output->stream);
        if (end < 0 || ftruncate(fileno(output->stream), end) != 0)
            return errno;
    }
    return 0;
}

enum hop_status hop_output_commit(struct hop_output *output, struct hop_error *err)
{
    int error = flush(output);
    int fd = fileno(output->stream);
    if (!error && output->final_path && !output->beside_path)
        error = name_beside(output, &fd);
    /* Closed before it is renamed: a network file system may tell of a full disk only then. */
    if (output->is_ours && fclose(output->stream) != 0 && !error)
        error = errno;
    if (!error && output->beside_path && rename(output->beside_path, output->final_path) != 0)
        error = errno;
    if (error && output->beside_path)
        unlink(output->beside_path);
    enum hop_status status = error ? fail(err, output->shown_path, error) : HOP_OK;
    free_output(output);
    return status;
}

void hop_output_abandon(struct hop_output *output)
{
    if (!output)
        return;
    if (output->beside_path)
        unlink(output->beside_path);
    if (output->is_ours)
        fclose(output->stream);
    free_output(output);
}
