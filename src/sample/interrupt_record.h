/* What the program in the kernel writes down of a thread, and what it works with. Both sides are
 * ours; the addresses in it are the target's and prove nothing. */
#ifndef HOP_SAMPLE_INTERRUPT_RECORD_H
#define HOP_SAMPLE_INTERRUPT_RECORD_H

#include "py/code.h"

/* Of a frame: what is in memory at its instruction, prefixes and opcode; in 3.11 and 3.12, where no
 * frame stands at the first of several prefixes, also what is before, as a caller rests on the last
 * inline cache of its instruction, of which 3.12's LOAD_ATTR has 9. */
enum { HOP_INTERRUPT_OPCODES = 24, HOP_INTERRUPT_BEHIND = 18 };

struct hop_interrupt_frame {
    uint64_t code_addr;
    uint64_t ip;       /* as CPython has it: see layout->ip_kind */
    uint64_t identity; /* hop_code.number of the code object there */
    uint8_t opcodes[HOP_INTERRUPT_OPCODES];
};

/* How many bytes before the ip they begin, and how many there are. */
static inline int32_t hop_interrupt_behind(const struct hop_layout *layout)
{
    return layout->ip_kind == HOP_IP_PREV_INSTR ? HOP_INTERRUPT_BEHIND : 0;
}

static inline int32_t hop_interrupt_opcodes_bytes(const struct hop_layout *layout)
{
    return layout->ip_kind == HOP_IP_PREV_INSTR ? HOP_INTERRUPT_OPCODES : 8;
}

enum hop_interrupt_status {
    HOP_INTERRUPT_WALKED,     /* down to the bottom */
    HOP_INTERRUPT_STRANGER,   /* a thread that has no thread state that we know */
    HOP_INTERRUPT_FOREIGN,    /* its thread state is of another interpreter */
    HOP_INTERRUPT_UNREADABLE, /* a part of it could not be read */
    HOP_INTERRUPT_ABSENT,     /* what belongs to a frame's code object is not in memory now */
    HOP_INTERRUPT_BROKEN,     /* the chain did not end where one may */
    HOP_INTERRUPT_TOO_DEEP,
};

/* Twice CPython's own limit; an array of these is kept for each CPU. Entry frames are not counted.
 */
enum { HOP_INTERRUPT_FRAMES_MAX = 2048 };

struct hop_interrupt_record {
    uint64_t ns;      /* CLOCK_MONOTONIC, when it was begun */
    uint64_t took_ns; /* until it was done */
    uint64_t thread_addr;
    uint64_t pthread, native_id; /* of the thread state, as it was read */
    uint64_t absent_code;        /* the code object of which something is HOP_INTERRUPT_ABSENT */
    uint32_t tid;                /* in our PID namespace */
    uint32_t cpu;
    uint32_t status, frame_count;
    uint64_t span_bytes;
    char name[16];                       /* of the kernel thread: TASK_COMM_LEN */
    struct hop_interrupt_frame frames[]; /* innermost first */
};

/* Behind the frames: copies of code objects that were not known, as far as there was room, with
 * what hangs on them (mem/copied.h). */
static inline const void *hop_interrupt_spans(const struct hop_interrupt_record *record)
{
    return &record->frames[record->frame_count];
}

/* What is to be copied. Without the first three a code object is of no use, and up to 3.11 without
 * the beginnings of its names and constants (hop_code_number_read). */
enum hop_copy_kind {
    HOP_COPY_CODE,          /* a code object, with its bytecode where that is inline */
    HOP_COPY_BYTES,         /* a bytes object: line table, up to 3.10 bytecode */
    HOP_COPY_TEXT,          /* a str */
    HOP_COPY_CONSTANT_CODE, /* a code object that is a constant: as much of it as is shown */
    HOP_COPY_NAMES,         /* a tuple of str; this and the next with all that is in it */
    HOP_COPY_CONSTANTS
};

struct hop_copy_item {
    uint64_t addr, kind;
    uint64_t count, next; /* of a tuple: of its items; a count of -1 is to be looked up */
};

enum {
    HOP_INTERRUPT_THREAD_BYTES = 512,
    HOP_INTERRUPT_BLOCK_BYTES = 1024,
    HOP_INTERRUPT_CODE_BYTES = 256,
    HOP_INTERRUPT_SIZES_BYTES = 32,
    HOP_INTERRUPT_CODES = 1 << 9,
    HOP_INTERRUPT_KNOWN = 1 << 13,
    HOP_INTERRUPT_HEAD_BYTES = 128,
    HOP_INTERRUPT_SPANS_BYTES = 24 << 10,
    HOP_COPY_ITEMS = 128,
    HOP_COPY_CODES = 4, /* in one interrupt */
};

/* What was found at a code object's address, at that count of code objects made; and of the frame
 * that was seen in it last: what was in memory at its instruction, some milliseconds ago at most.
 */
struct hop_interrupt_code {
    uint64_t addr, identity, counter;
    uint64_t bytes_addr; /* up to 3.10: co_code */
    uint64_t copied; /* the last identity that was found here and copied, and `forgotten` then */
    uint64_t opcodes_addr, opcodes_ns;
    uint8_t opcodes[HOP_INTERRUPT_OPCODES];
};

/* A CPU's own place to work: an interrupt is not interrupted by another one of these. */
struct hop_interrupt_scratch {
    uint64_t next_addr;    /* the frame to go on with */
    uint64_t next_state;   /* of the list of thread states, to be asked next */
    uint64_t found_state;  /* 0: none */
    uint64_t first_status; /* of what is to be repaired */
    uint64_t is_sound;     /* the chain may end with the last one */
    /* 3.11, 3.12: what is in use of the newest chunk ends at top_addr; chunk_end 0: it has none. */
    uint64_t top_addr, chunk_end;
    uint64_t is_freed;     /* the frame is none that is in use */
    uint64_t is_generator; /* the last one */
    uint64_t is_unfilled;  /* the eval loop has not told yet which frame it executes */
    uint64_t steps, kept_addr, next_kept; /* walk.c, struct circle */
    uint64_t stack_frame, stack_code;     /* the innermost frame that is on the data stack */
    uint64_t climb_addr, last_addr, last_code, below_addr; /* interrupt_repair.c */
    uint8_t sizes[HOP_INTERRUPT_SIZES_BYTES];
    uint64_t wants_wakeup; /* the record has something that we have to look at soon */
    uint64_t word;
    uint64_t code_addrs[HOP_COPY_CODES], next_code, code_count; /* to be copied */
    uint64_t next_item, item_count;                             /* what is to be copied of them */
    uint64_t is_another;                                        /* than was last at its address */
    uint64_t code_type, str_type, bytes_type, tuple_type;       /* as they were found */
    uint8_t head[HOP_INTERRUPT_HEAD_BYTES]; /* of an object that is to be copied */
    struct hop_copy_item items[HOP_COPY_ITEMS];
    /* Of code objects made (py/version_counter.h); where that is not known, a number of this
     * interrupt's own, as in it none is made. Above it the epoch: a CPython that
     * is ended and begun anew counts from the start, and is not seen to where we come seldom. */
    uint64_t counter;
    uint64_t last_counter, last_ns, epoch;
    uint8_t thread[HOP_INTERRUPT_THREAD_BYTES];
    /* The memory of some frames: block[0] is what is at block_addr, and from valid_addr on it was
     * read. Older frames lie below newer ones, mostly. */
    uint64_t block_addr, valid_addr,
        block_last; /* where in it the last frame is that may be used */
    uint8_t block[HOP_INTERRUPT_BLOCK_BYTES];
    uint8_t code[HOP_INTERRUPT_CODE_BYTES];
    uint64_t name[2]; /* up to 3.11: length and hash of the code object's name */
    uint64_t parts[HOP_CODE_PARTS][HOP_CODE_PART_WORDS]; /* as for hop_code_number_read */
    _Alignas(8) uint8_t record[sizeof(struct hop_interrupt_record)];
    struct hop_interrupt_frame frames[HOP_INTERRUPT_FRAMES_MAX]; /* of the record */
    uint8_t spans[HOP_INTERRUPT_SPANS_BYTES]; /* behind its last frame, wherever that is */
    struct hop_interrupt_code codes[HOP_INTERRUPT_CODES];
};

/* Shared by all. */
struct hop_interrupt_shared {
    uint64_t lost;           /* records for which there was no room */
    uint64_t last_wakeup_ns; /* for something new */
    uint64_t counter_addr;   /* where code objects are counted; 0: not known */
    uint64_t code_type_addr; /* PyCode_Type; 0: not known */
    uint64_t forgotten;      /* identities: what was copied before one was may have to be again */
    /* Identities that need no look of ours soon, at a place that their lowest bits name, or the one
     * beside it. */
    uint64_t known[HOP_INTERRUPT_KNOWN];
};

/* A thread's thread state, by its tid; 0: it has none, and is not to be looked at. */
struct hop_interrupt_thread {
    uint64_t addr;
};

#endif
