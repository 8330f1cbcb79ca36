/* Qualified names of 3.8–3.10, whose code objects have none (co_qualname came with 3.11): looked
 * for in what a proved stack leads to, and taken only when it is proved that they are of the code
 * object:
 *
 *  - a module's name is its qualified name; a class body stores its own as __qualname__;
 *  - a generator or coroutine has it, and the code object;
 *  - else the function object, sought in the caller's frame, which holds what it calls, in the
 * class of the first argument and in the module under its name (function.h);
 *  - else a function further out on the stack, which made the function.
 *
 * What is not found stays under its plain name, and is tried again at later looks, ever more
 * rarely. A name that does not end in the code's own is not taken: functools.wraps gives the
 * wrapper's function the name of what it wraps, while the code is of all that are wrapped so. */
#ifndef HOP_PY_QUALNAME_H
#define HOP_PY_QUALNAME_H

#include "base/step.h"
#include "py/code.h"
#include "py/stack.h"

struct hop_qualnames {
    struct hop_code_table *table;
    uint64_t function_type_addr;      /* PyFunction_Type, or 0 as long as none was seen */
    bool has_sought;                  /* since it was last told to keep or drop */
    uint64_t round;                   /* counts looks */
    unsigned reads_a_look;            /* fewer after a look that took too long */
    struct hop_qualname_found *found; /* in this look, not yet kept */
    size_t found_count;
    uint64_t found_function_type_addr;
    char *texts; /* of `found` */
    size_t texts_bytes;
    uint64_t reads; /* calls of the reader, about */
};

/* False: out of memory; deinit is allowed all the same. */
bool hop_qualnames_init(struct hop_qualnames *names, struct hop_code_table *table);
void hop_qualnames_deinit(struct hop_qualnames *names);

/* Looks for the qualified names of a stack's code objects, of those that are wanted. `frames` are
 * the stack's. Memory of the target is read, so the thread has to stand still; and what is found
 * has to be kept or dropped, when it is known whether it did, before the next look. */
void hop_qualnames_seek(struct hop_qualnames *names, const struct hop_raw_stack *stack,
                        const struct hop_step *frames);
void hop_qualnames_keep(struct hop_qualnames *names);
void hop_qualnames_drop(struct hop_qualnames *names);

#endif
