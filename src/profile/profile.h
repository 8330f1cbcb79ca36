/* A profile: the immutable, self-contained result of sampling. Every report is a pure function of
 * it. It knows no process and no reader; who builds one gives it plain data. */
#ifndef HOP_PROFILE_PROFILE_H
#define HOP_PROFILE_PROFILE_H

#include "base/arena.h"
#include "base/status.h"
#include "profile/trace.h"

/* Version of the JSON, and of every other machine-readable output made from a profile. Grows when a
 * name changes its meaning or goes; new names may come without it. */
enum { HOP_SCHEMA_VERSION = 1 };

enum { HOP_REFUSAL_KINDS_MAX = 16 };

/* Counts, and sums of them, are no larger: they fit signed numbers of 64 bits, and nanoseconds of
 * 146 years. What a file says beyond that is damage or malice. */
#define HOP_COUNT_MAX (UINT64_C(1) << 62)

/* Looks a second, where they are known: from one in thirty years to more than any clock ticks. */
#define HOP_TRUE_RATE_MIN_HZ 1e-9
#define HOP_TRUE_RATE_MAX_HZ 1e12

struct hop_refusal_count {
    const char *reason; /* "moved" */
    const char *words;  /* "the thread ran while it was being read" */
    uint64_t count;
};

/* One instruction of a code object's bytecode, hit or not. */
struct hop_profile_op {
    uint32_t offset;      /* bytes in co_code, as dis counts */
    const char *opcode;   /* as dis shows it without adaptive */
    int64_t oparg;        /* -1: it has none */
    const char *argument; /* what the oparg stands for, as dis shows it in brackets; "": nothing */
    int line, end_line, column, end_column; /* as in struct hop_instruction */
};

/* A code object of which an instruction was seen. */
struct hop_profile_code {
    const char *function, *file;
    int first_line;
    struct hop_profile_op *ops; /* by offset; all of them, or NULL: not known */
    size_t op_count;
};

struct hop_profile_thread {
    int tid;
    uint64_t interpreter; /* 0: the main one */
    const char *name;     /* raw */
    uint64_t samples, samples_ns;
};

struct hop_profile_node {
    uint32_t parent;      /* index; a root is its own parent */
    uint32_t instruction; /* index of instructions; in a root: index of threads */
    uint64_t self;        /* samples that end here; 0 in a root */
    uint64_t self_ns;     /* what they stand for */
};

/* One of the profiles that a merged one was made of, as far as shares need it apart: each had its
 * own record, with blocks of its own length, of which some may have been forgotten. */
struct hop_profile_part {
    size_t first_record; /* its records go up to the next part's */
    uint64_t samples, samples_ns;
    double weights_squared_ns2;
};

/* From malloc() itself, all it points to from its arena. */
struct hop_profile {
    struct hop_arena arena;
    int pid;
    uint64_t started_ns;      /* when sampling began, of CLOCK_REALTIME; 0: not known */
    const char *python;       /* "3.13.0" */
    const char *command_line; /* raw */
    const char *directory; /* the process's own, raw: relative names of files are from there; "" */
    const char *mode;      /* "cpu", "wall", "gil" */
    const char *way;       /* how it looked: "same CPU" */
    const char *way_words; /* what that means */
    bool has_other_root;   /* in a container or a chroot: our files of a name may be others */
    enum hop_ending ending;
    uint64_t duration_ns;
    double asked_rate_hz;
    double true_rate_hz; /* ticks taken a second */
    uint64_t ticks;      /* instants at which it looked */
    /* The start was read live, as often as could be, where that was asked for: for how long, and
     * how many of the samples are of then. */
    uint64_t opening_ns, opening_samples;
    uint64_t missed;     /* deadlines that had passed when it woke, left out */
    uint64_t samples;    /* thread stacks counted */
    uint64_t samples_ns; /* what they stand for */
    bool has_weights;    /* samples stand for different times, so that shares are shares of time */
    double weights_squared_ns2; /* the sum of squares of what each stands for; 0: not known */
    uint64_t idle;              /* threads left out at an instant because they slept or waited */
    uint64_t longest_stop_ns;   /* how long a thread was held at most; 0: none was stopped */
    uint64_t syscall_stops;     /* of the samples: stopped at the exit of a system call */
    /* How long after its deadline a tick began; all 0: not measured. */
    uint64_t late_median_ns, late_p99_ns, late_max_ns;
    uint64_t live_samples;     /* samples read live, from threads on CPUs that we may not use */
    uint64_t unproved_samples; /* that a clock proved which was found to stand still: at most */
    struct hop_refusal_count refused[HOP_REFUSAL_KINDS_MAX]; /* those with count > 0 */
    size_t refused_count;
    uint64_t refused_total;
    struct hop_profile_thread *threads;
    size_t thread_count;
    struct hop_instruction *instructions; /* most self hits first, then by file, line, offset, … */
    size_t instruction_count;
    struct hop_profile_code *codes; /* hop_instruction.code is an index of it */
    size_t code_count;
    struct hop_profile_node *nodes; /* a parent stands before its children */
    size_t node_count;
    struct hop_trace_record *records; /* when the samples were; by index of nodes */
    size_t record_count;              /* 0: not known, or of too many different stacks */
    struct hop_profile_part *parts;
    size_t part_count; /* 0: it was not merged */
};

/* Builder. The caller has filled everything but what is said here, with instructions in any order;
 * strings may be NULL, which becomes "", and first lines negative, which become 0. From the nodes
 * this computes self and on_stack of each instruction (on_stack once a sample, however often the
 * instruction is on the stack), samples of each thread and of the whole; joins code objects, and
 * then instructions, that are equal in all that describes them (a function that was compiled
 * twice), sorts them and renumbers what refers to them. False: out of memory, and the profile is
 * only fit to be destroyed. */
bool hop_profile_finish(struct hop_profile *profile);

/* Hits of one instruction in one thread. */
struct hop_thread_hits {
    uint32_t thread, instruction; /* indexes of profile->threads, ->instructions */
    uint64_t self, self_ns;
};

/* The self hits of a finished profile by thread, then instruction, none 0; *count rows, to be given
 * to free(). NULL with *count 0: there are none; NULL with *count SIZE_MAX: out of memory. */
struct hop_thread_hits *hop_profile_hits_by_thread(const struct hop_profile *profile,
                                                   size_t *count);

#endif
