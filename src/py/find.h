/* Finds the CPython in a process: where its _PyRuntime is, which version and build it is, and the
 * layout to read it by. */
#ifndef HOP_PY_FIND_H
#define HOP_PY_FIND_H

#include "mem/reader.h"
#include "proc/process.h"
#include "py/layout.h"

struct hop_python {
    uint64_t runtime_addr;    /* of _PyRuntime */
    uint64_t code_type_addr;  /* of PyCode_Type when its symbol was found, else 0 */
    struct hop_layout layout; /* the version's, overlaid with the target's own table on 3.13+ */
    int major, minor, micro;
    char version[32];         /* "3.13.0", "3.14.0rc2" */
    char found_by[32];        /* "dynamic symbol", "symbol", ".PyRuntime section", "debug cookie", "scan" */
    char image_path[512];     /* of the ELF image it is in, raw */
    bool image_is_deleted;    /* deleted or replaced on disk */
    bool has_debug_offsets;   /* the target's own table was used */
};

/* HOP_ERR_NOT_PYTHON: no CPython in it (now: it may be about to execute or load one).
 * HOP_ERR_UNSUPPORTED: one that we cannot read: its version, a free-threaded build, a debug build whose layout differs …
 * HOP_ERR_GONE: it ended meanwhile. `offsets_path` NULL: the built-in data. */
enum hop_status hop_python_find(const struct hop_process *process, struct hop_reader *reader,
                                const char *offsets_path, struct hop_python *python,
                                struct hop_error *err);

/* True when its main interpreter has a thread: from then on there is something to sample. */
bool hop_python_is_started(struct hop_reader *reader, const struct hop_python *python);

#endif
