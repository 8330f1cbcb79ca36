/* One function of the live screen: its bytecode with the shares of each instruction, under its
 * source lines where those are to be had. */
#ifndef HOP_LIVE_BYTECODE_H
#define HOP_LIVE_BYTECODE_H

#include "live/history.h"
#include "report/source.h"

struct hop_live_op {
    const struct hop_profile_op
        *op;  /* NULL: a line of the source, with the shares of what follows */
    int line; /* of the source */
    struct hop_hits_of_op {
        uint64_t samples, ns;
    } hits;
    double share; /* 0 … 1, of all samples */
    double now;   /* in the last interval */
};

struct hop_live_bytecode {
    bool is_open;
    /* Whose it is; looks differ in their numbers of code objects. */
    char *function, *file;
    int first_line;
    size_t op_count;
    uint32_t wanted_offset; /* of the row to select when it is filled first */
    bool was_filled;
    /* Of the last look that was taken for it, which is kept here. */
    struct hop_profile *profile;
    struct hop_live_op *rows;
    size_t count, first, selected;
    double share;    /* of the function */
    bool is_centred; /* the selected row is to be put into the middle of the screen */
    struct hop_profile *source_profile; /* what `sources` is of */
    struct hop_sources sources;
};

/* Opens the function of an instruction of `profile`. False: out of memory. */
bool hop_live_bytecode_open(struct hop_live_bytecode *bytecode, const struct hop_profile *profile,
                            uint32_t instruction);
void hop_live_bytecode_close(struct hop_live_bytecode *bytecode);

/* Takes over `profile`, a look with bytecode. False: out of memory. */
bool hop_live_bytecode_fill(struct hop_live_bytecode *bytecode, struct hop_profile *profile,
                            const struct hop_live_history *history);

/* Nothing of it has been seen, as after a reset. */
void hop_live_bytecode_clear(struct hop_live_bytecode *bytecode);

/* Selects the row that comes next in the order of heat; after the last one the hottest. */
void hop_live_bytecode_select_hottest(struct hop_live_bytecode *bytecode);

#endif
