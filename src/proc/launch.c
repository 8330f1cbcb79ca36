/* Starts a program as a shell would; waiting for it and passing signals on are the caller's. */
#include "proc/launch.h"

#include "base/escape.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* True when a file of that name is to be seen where execvp would look: if exec says ENOENT all the
 * same, it means the interpreter that the file names. */
static bool is_found(const char *name)
{
    char candidate[PATH_MAX];
    if (strchr(name, '/'))
        return access(name, F_OK) == 0;
    const char *path = getenv("PATH");
    for (const char *at = path; at; at = strchr(at, ':')) {
        at += at != path;
        size_t length = strcspn(at, ":");
        if (length < sizeof candidate) {
            int needed = snprintf(candidate, sizeof candidate, "%.*s%s%s", (int)length, at,
                                  length ? "/" : "", name);
            if (needed > 0 && (size_t)needed < sizeof candidate && access(candidate, F_OK) == 0)
                return true;
        }
    }
    return false;
}

static enum hop_status explain(const char *name, int error, struct hop_error *err)
{
    char shown[256];
    hop_escape_terminal(name, shown, sizeof shown);
    /* A directory of PATH that we may not search turns "not found" into "permission denied". */
    if (error == EACCES && !strchr(name, '/') && !is_found(name))
        error = ENOENT;
    switch (error) {
    case ENOENT:
        if (is_found(name))
            return hop_error_set(err, HOP_ERR_LAUNCH,
                                 "look at its first line (#!...), or start it through its "
                                 "interpreter: python3 FILE",
                                 "%s: the interpreter that the file names does not exist", shown);
        return hop_error_set(err, HOP_ERR_LAUNCH, "check the name, or give the path of the program",
                             "%s: %s", shown, strerror(error));
    case EACCES:
        return hop_error_set(err, HOP_ERR_LAUNCH,
                             "make it executable (chmod +x), or start it through its interpreter: "
                             "python3 FILE",
                             "%s: %s", shown, strerror(error));
    case ENOEXEC:
        return hop_error_set(err, HOP_ERR_LAUNCH, "start it through its interpreter: python3 FILE",
                             "%s: not a program of this machine, and no #! line", shown);
    default:
        return hop_error_set(err, HOP_ERR_LAUNCH, NULL, "%s: %s", shown, strerror(error));
    }
}

/* posix_spawnp and not fork: our memory is not copied; all signals are blocked until exec, so that
 * no handler of the caller runs in the child, and the caller's mask is then put back; handlers
 * become the default, what is ignored stays ignored; exec's error is returned (glibc 2.24). */
enum hop_status hop_launch(char *const argv[], int *pid, int *exec_errno, struct hop_error *err)
{
    pid_t child;
    *exec_errno = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
    if (*exec_errno != 0)
        return explain(argv[0], *exec_errno, err);
    *pid = child;
    return HOP_OK;
}
