/* Finds the CPython in a process: where its _PyRuntime is, which version and build it is, and the
 * layout to read it by. A struct hop_python is not to be copied by assignment (see hop_layout). */
#ifndef HOP_PY_FIND_H
#define HOP_PY_FIND_H

#include "mem/reader.h"
#include "proc/process.h"
#include "py/layout.h"

struct hop_python {
    uint64_t runtime_addr;    /* of _PyRuntime */
    uint64_t code_type_addr;  /* of PyCode_Type; 0: not known (no symbol, and not started) */
    struct hop_layout layout; /* the version's, overlaid with the target's own table on 3.13+ */
    int major, minor, micro;
    char version[32];       /* "3.13.0", "3.14.0rc2" */
    char found_by[32];      /* "symbol", ".PyRuntime section", "debug cookie", "scan" */
    char image_path[512];   /* of the ELF image it is in, raw, cut when longer */
    bool image_is_deleted;  /* deleted or replaced on disk */
    bool has_debug_offsets; /* the target's own table was used */
};

/* Looks through the images of the process, the likeliest first; a CPython that is started is taken
 * before one that is not. HOP_OK may be one that is not started yet: it is not proved then; find
 * again or, once it is started, call hop_python_validate. While it is not, another one of the
 * process may start (a program that loads libpython late).
 *
 * HOP_ERR_NOT_PYTHON: no CPython in it (now: it may be about to execute or load one).
 * HOP_ERR_UNSUPPORTED: one that we cannot read: its version, a free-threaded build, a debug build
 * whose structs differ. HOP_ERR_OFFSETS: the file at `offsets_path` (NULL: the built-in data) is
 * none or of another version. HOP_ERR_PERMISSION: the kernel refuses. HOP_ERR_GONE: it ended
 * meanwhile. */
enum hop_status hop_python_find(const struct hop_process *process, struct hop_reader *reader,
                                const char *offsets_path, struct hop_python *python,
                                struct hop_error *err);

/* True when its main interpreter has a thread: from then on there is something to sample. */
bool hop_python_is_started(struct hop_reader *reader, const struct hop_python *python);

/* Whether its interpreters, threads, frames and code objects are where the layout says. HOP_OK;
 * HOP_ERR_NOT_PYTHON: it is not started, so that nothing can be said; HOP_ERR_UNSUPPORTED: they are
 * not (a debug or a patched build). Done by hop_python_find for one that was started. Sets
 * code_type_addr. */
enum hop_status hop_python_validate(struct hop_reader *reader, struct hop_python *python,
                                    struct hop_error *err);

#endif
