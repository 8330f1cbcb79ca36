/* An attached target: the process, its memory, its CPython. Private to the session, which is the
 * one place where the side that reads and the side that reports meet. */
#ifndef HOP_SESSION_TARGET_H
#define HOP_SESSION_TARGET_H

#include "py/find.h"
#include "sample/sampler.h"

struct hop_target {
    struct hop_process process;
    struct hop_live_reader reader;
    struct hop_python python;
    char command_line[4096]; /* raw; read at attach, since a target that ended has none */
    char directory[4096];    /* likewise */
    bool has_other_root;     /* likewise */
};

#endif
