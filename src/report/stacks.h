/* A profile's stacks as people see them, which every format of stacks walks over: instructions of
 * one line of a function are one frame, stacks that look alike are one, threads are joined or kept
 * apart, and the instruction itself may be the innermost frame. How a frame is written is the
 * format's affair, but for the label that several have in common. */
#ifndef HOP_REPORT_STACKS_H
#define HOP_REPORT_STACKS_H

#include "profile/profile.h"
#include "profile/stack_limit.h"

#define HOP_NO_NODE UINT32_MAX

enum hop_stack_leaf {
    HOP_LEAF_LINE,        /* the innermost frame is a line, as the others are */
    HOP_LEAF_OPCODE,      /* below it, its instruction: one frame for all of the same base opcode */
    HOP_LEAF_INSTRUCTION, /* the same, but one frame for each place in the bytecode */
};

enum hop_frame_kind { HOP_FRAME_THREAD, HOP_FRAME_LINE, HOP_FRAME_INSTRUCTION };

struct hop_frame {
    enum hop_frame_kind kind;
    int line; /* of the file; the function's first where the instruction has none; 0: unknown */
    uint32_t index; /* of threads; else of instructions: one of those that this frame stands for */
};

enum hop_stack_frames {
    HOP_FRAMES_LINES,        /* a frame for each line of a function; kind HOP_FRAME_LINE */
    HOP_FRAMES_INSTRUCTIONS, /* for each place in a bytecode; kind HOP_FRAME_INSTRUCTION */
};

/* Node 0 is the root, which is no frame; its children are the outermost frames, or the threads. */
struct hop_stack_node {
    uint32_t parent;                   /* stands before its children; the root is its own */
    uint32_t frame;                    /* index of frames; in the root 0 */
    uint32_t first_child, child_count; /* side by side, in the order of their frames */
    uint64_t self, self_ns;            /* samples that end here, what they stand for */
};

struct hop_stacks {
    const struct hop_profile *profile; /* has to outlive this */
    /* Threads in the profile's order, then lines by function, file and line, then instructions by
     * these and the opcode. */
    struct hop_frame *frames;
    size_t frame_count;
    struct hop_stack_node *nodes; /* none but the root is without samples here or below */
    size_t node_count;
    /* By node of the profile: the node that its samples were counted in; HOP_NO_NODE: they were
     * not, or there are none. NULL where the plan does not ask for it. */
    uint32_t *node_of;
    uint64_t samples, ns; /* of all nodes */
};

struct hop_stacks_plan {
    bool by_thread;
    enum hop_stack_frames frames;
    enum hop_stack_leaf leaf; /* HOP_LEAF_LINE where frames are of instructions */
    bool wants_node_of;
    /* Where -i or -f is given, only samples at such instructions count. NULL: all do. */
    const struct hop_report_options *options;
};

/* No deeper on the C stack for deep stacks, and takes time in proportion to the profile. False: out
 * of memory. */
bool hop_stacks_init(struct hop_stacks *stacks, const struct hop_profile *profile,
                     const struct hop_stacks_plan *plan);
void hop_stacks_deinit(struct hop_stacks *stacks);

/* What a node weighs by itself: nanoseconds where samples stand for different times, else samples.
 */
static inline uint64_t hop_stacks_weight(const struct hop_stacks *stacks, size_t node)
{
    return stacks->profile->has_weights ? stacks->nodes[node].self_ns : stacks->nodes[node].self;
}

/* The depths of the stacks that samples end at, threads not counted. False: out of memory. */
bool hop_stacks_measure(const struct hop_stacks *stacks, struct hop_stack_sizes *sizes);

/* By node, what it and all below it weigh. To be given to free(); NULL: out of memory. */
uint64_t *hop_stacks_totals(const struct hop_stacks *stacks);

/* The node after `node` when the tree below `top` is walked depth first, outer frames before inner
 * ones; `top` when it was the last. */
uint32_t hop_stacks_next(const struct hop_stacks *stacks, uint32_t top, uint32_t node);

/* The instruction that a frame stands for; NULL for a thread. */
const struct hop_instruction *hop_frame_instruction(const struct hop_stacks *stacks,
                                                    const struct hop_frame *frame);

/* Writes "qualified_name (file:line)", "OPCODE", or "name (tid)" of a thread, with `file` in place
 * of the instruction's own unless it is NULL. Raw: foreign text is escaped by who shows it. At most
 * `size` bytes, NUL-ended; the length it would have. */
size_t hop_frame_label(const struct hop_stacks *stacks, const struct hop_frame *frame,
                       const char *file, char *into, size_t size);

#endif
