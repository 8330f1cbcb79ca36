/* The words with which a process without a CPython, or with one that cannot be read, is refused. */
#ifndef HOP_PY_FIND_REFUSE_H
#define HOP_PY_FIND_REFUSE_H

#include "proc/maps.h"
#include "proc/process.h"
#include "py/find.h"
#include "py/find_version.h"

/* HOP_ERR_NOT_PYTHON: nothing of a CPython in it; other Pythons are told by their names. */
enum hop_status hop_refuse_nothing(const struct hop_process *process, const struct hop_maps *maps,
                                   const char *executable, struct hop_error *err);

/* HOP_ERR_NOT_PYTHON: traces of one at `path`, of which `what` is missing yet. */
enum hop_status hop_refuse_incomplete(const struct hop_process *process, const char *path,
                                      const char *what, struct hop_error *err);

/* HOP_ERR_UNSUPPORTED: a version without data; an alpha or beta. */
enum hop_status hop_refuse_version(const struct hop_process *process, const char *path,
                                   const struct hop_version *version, struct hop_error *err);

/* HOP_ERR_OFFSETS: the file is of another version. */
enum hop_status hop_refuse_offsets(const struct hop_process *process, const char *offsets_path,
                                   const struct hop_layout *layout,
                                   const struct hop_version *version, struct hop_error *err);

/* HOP_ERR_UNSUPPORTED: its table of offsets is damaged, and how. */
enum hop_status hop_refuse_table(const struct hop_process *process, const struct hop_python *python,
                                 const char *how, struct hop_error *err);

/* HOP_ERR_UNSUPPORTED: a build without the GIL. */
enum hop_status hop_refuse_free_threaded(const struct hop_process *process,
                                         const struct hop_python *python, struct hop_error *err);

/* HOP_ERR_UNSUPPORTED: its structs are not where those of its version are. */
enum hop_status hop_refuse_structs(const struct hop_python *python, struct hop_error *err);

#endif
