/* Puts into words why a process is refused, and what its owner can do; finds nothing itself. */
#include "py/find_refuse.h"

#include <string.h>

static const char make_offsets[] =
    "Make the data for this very build with scripts/make-offsets and "
    "give them with --offsets FILE.";

/* Pythons that are not CPython, by what their executable or library is named. */
static const struct {
    const char *part, *name;
} others[] = {
    {"pypy", "PyPy"},
    {"graalpy", "GraalPy"},
    {"libpythonvm", "GraalPy"},
    {"micropython", "MicroPython"},
    {"circuitpython", "CircuitPython"},
    {"jython", "Jython"},
    {"ironpython", "IronPython"},
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *other_python(const char *path)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strstr(base_name(path), others[i].part))
            return others[i].name;
    }
    return NULL;
}

enum hop_status hop_refuse_nothing(const struct hop_process *process, const struct hop_maps *maps,
                                   const char *executable, struct hop_error *err)
{
    const char *other = other_python(executable);
    for (size_t i = 0; i < maps->count && !other; i++) {
        if (maps->mappings[i].is_executable)
            other = other_python(maps->mappings[i].path);
    }
    if (other)
        return hop_error_set(err, HOP_ERR_NOT_PYTHON,
                             "heavyops reads CPython, the Python of python.org and of Linux "
                             "distributions; run the program with that.",
                             "process %d (%s) runs %s, which is not CPython", process->pid,
                             executable, other);
    if (maps->count == 0)
        return hop_error_set(
            err, HOP_ERR_NOT_PYTHON, "Give the pid of a process that runs a program.",
            "process %d has no memory of its own: it is a kernel thread, or ending", process->pid);
    if (strstr(base_name(executable), "python"))
        return hop_error_set(err, HOP_ERR_NOT_PYTHON,
                             "If it is only a launcher, give the pid of the process it started.",
                             "process %d (%s) has Python in its name, but no CPython in it: no "
                             "_PyRuntime in the executable or in a library",
                             process->pid, executable);
    return hop_error_set(err, HOP_ERR_NOT_PYTHON,
                         "Give the pid of the Python process itself; it may be a child of this one "
                         "(ps --forest).",
                         "process %d (%s) has no CPython in it", process->pid, executable);
}

enum hop_status hop_refuse_incomplete(const struct hop_process *process, const char *path,
                                      const char *what, struct hop_error *err)
{
    return hop_error_set(err, HOP_ERR_NOT_PYTHON,
                         "Try again when it has started. If it has, it was built in a way that "
                         "leaves nothing to find it by; an interpreter that is not stripped helps.",
                         "process %d has a CPython in %s, but %s", process->pid, path, what);
}

enum hop_status hop_refuse_version(const struct hop_process *process, const char *path,
                                   const struct hop_version *version, struct hop_error *err)
{
    if (hop_version_is_unfinished(version))
        return hop_error_set(err, HOP_ERR_UNSUPPORTED, make_offsets,
                             "process %d runs CPython %s (%s), a pre-release: its structs and "
                             "opcodes are not those of %d.%d",
                             process->pid, version->text, path, version->major, version->minor);
    bool is_old = version->major < 3 || (version->major == 3 && version->minor < 8);
    return hop_error_set(
        err, HOP_ERR_UNSUPPORTED,
        is_old ? "Run the program with one of those versions."
               : "Use a newer heavyops, or give that version's data with --offsets "
                 "FILE (scripts/make-offsets makes them).",
        "process %d runs CPython %s (%s), which this heavyops cannot read; it reads "
        "%s",
        process->pid, version->text, path, hop_layout_supported());
}

enum hop_status hop_refuse_offsets(const struct hop_process *process, const char *offsets_path,
                                   const struct hop_layout *layout,
                                   const struct hop_version *version, struct hop_error *err)
{
    return hop_error_set(err, HOP_ERR_OFFSETS,
                         "Give the data of that version, or leave --offsets out to use those built "
                         "in.",
                         "%s has the data of CPython %d.%d, but process %d runs %s", offsets_path,
                         layout->major, layout->minor, process->pid, version->text);
}

enum hop_status hop_refuse_table(const struct hop_process *process, const struct hop_python *python,
                                 const char *how, struct hop_error *err)
{
    return hop_error_set(err, HOP_ERR_UNSUPPORTED,
                         "Either the program overwrote its own memory, or this is a patched build.",
                         "process %d runs CPython %s (%s), whose table of offsets is damaged: %s",
                         process->pid, python->version, python->image_path, how);
}

enum hop_status hop_refuse_free_threaded(const struct hop_process *process,
                                         const struct hop_python *python, struct hop_error *err)
{
    return hop_error_set(err, HOP_ERR_UNSUPPORTED,
                         "Run the program with the build that has a GIL (python3 instead of "
                         "python3t).",
                         "process %d runs a free-threaded CPython %s (%s); heavyops reads builds "
                         "with a GIL",
                         process->pid, python->version, python->image_path);
}

enum hop_status hop_refuse_structs(const struct hop_python *python, struct hop_error *err)
{
    return hop_error_set(
        err, HOP_ERR_UNSUPPORTED, make_offsets,
        "the structs of CPython %s (%s) are not where those of that version are: it "
        "is a debug build (Py_DEBUG, Py_TRACE_REFS) or patched",
        python->version, python->image_path);
}
