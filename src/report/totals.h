/* The instructions of a profile joined by line, function, file and so on: what each group counts
 * itself, what it counts with all that it called, and how sure that is. */
#ifndef HOP_REPORT_TOTALS_H
#define HOP_REPORT_TOTALS_H

#include "profile/shares.h"

enum hop_grouping {
    HOP_BY_OPCODE, /* base opcodes */
    HOP_BY_LINE,   /* of a file; code of no line is at its function's first */
    HOP_BY_FUNCTION,
    HOP_BY_FILE,
    HOP_BY_MODULE,
    HOP_BY_THREAD,
    HOP_BY_CLASS, /* of opcodes */
    HOP_GROUPINGS,
    /* For reports alone, which need what belongs to one code object. */
    HOP_BY_CODE,
    HOP_BY_CODE_LINE,
};

/* The names that --group takes, in this order. HOP_GROUPINGS: no such name. */
enum hop_grouping hop_grouping_find(const char *name);
const char *hop_grouping_name(enum hop_grouping by);

struct hop_total {
    /* What it is called: what a grouping has no use for is "" or 0. */
    const char *file, *name;
    int line;
    uint32_t thread;       /* index of profile->threads */
    uint32_t code;         /* index of profile->codes */
    uint32_t instruction;  /* one of the group's; not by thread */
    uint32_t group;        /* its number, as in hop_totals.group_of */
    struct hop_hits self;  /* samples that ended in it */
    struct hop_hits total; /* samples with it anywhere on the stack: each once, recursion or not */
    struct hop_share share;
};

struct hop_totals {
    const struct hop_profile *profile;
    struct hop_profile by_node; /* a view of it in which each node is an instruction of its own */
    struct hop_shares shares;   /* of that */
    uint32_t *group_of;         /* by node; HOP_NO_GROUP in the roots */
    uint32_t *outermost_of;     /* by node: at it or above it, the nearest one that has none of its
                                   group above itself; HOP_NO_NEXT in the roots */
    bool *is_counted;           /* by node: samples that end there count: -i and -f */
    struct hop_total *rows;     /* most self hits first, then total */
    size_t count;
    struct hop_hits whole; /* of all samples that count */
    struct hop_arena arena;
};

/* Which samples count: all, or where the options narrow, those that end in an instruction they
 * track. False: out of memory. */
bool hop_totals_init(struct hop_totals *totals, const struct hop_profile *profile,
                     const struct hop_report_options *options, enum hop_grouping by);
void hop_totals_deinit(struct hop_totals *totals);

/* The row of that code object and, HOP_BY_CODE_LINE, line; NULL: there is none. `sorted` is as
 * hop_totals_by_code gives it, `count` pointers to be given to free(), or NULL: out of memory. */
const struct hop_total **hop_totals_by_code(const struct hop_totals *totals);
const struct hop_total *hop_totals_find(const struct hop_total *const *sorted, size_t count,
                                        uint32_t code, int line);

/* The shares of the `total` of the first `count` rows, with their intervals. Takes time in
 * proportion to the stacks that were recorded and how many different rows each has, not to their
 * product with `count`. False: out of memory. */
bool hop_totals_find_totals(const struct hop_totals *totals, size_t count,
                            struct hop_share *shares);

/* "wasyncore" of ".../asyncore.py", "json.decoder" of ".../lib/python3.13/json/decoder.py": from
 * where modules are looked for, as far as the path tells, else the file's own name. Into `name`;
 * cut if it does not fit. */
void hop_module_name(const char *file, char *name, size_t size);

#endif
