/* Proves that a supposed _PyRuntime, read by a layout, is one: interpreters, threads, frames and
 * code objects must fit together. The target runs meanwhile, so one look may fail without reason.
 */
#ifndef HOP_PY_FIND_PROOF_H
#define HOP_PY_FIND_PROOF_H

#include "mem/reader.h"
#include "py/layout.h"

enum hop_proof {
    HOP_PROOF_NOT_STARTED, /* it has no interpreter, or its main one no thread */
    HOP_PROOF_BROKEN,      /* interpreters and threads do not point to each other */
    HOP_PROOF_NO_CODE,     /* they do, but of their frames none leads to a code object */
    HOP_PROOF_LINKED,      /* they do; no thread has a frame to look at */
    HOP_PROOF_CODE,        /* they do, and a frame has a code object that reads well */
};

/* One look: some 20 reads. *code_type_addr is set with HOP_PROOF_CODE. */
enum hop_proof hop_runtime_look(struct hop_reader *reader, const struct hop_layout *layout,
                                uint64_t runtime_addr, uint64_t *code_type_addr);

/* Looks again until there is a proof, or so often that chance does not explain the failures. */
enum hop_proof hop_runtime_prove(struct hop_reader *reader, const struct hop_layout *layout,
                                 uint64_t runtime_addr, uint64_t *code_type_addr);

#endif
