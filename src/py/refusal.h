/* Why a sample could not be proved true. Hot path: an enum and a counter each, no words. */
#ifndef HOP_PY_REFUSAL_H
#define HOP_PY_REFUSAL_H

/* name in the JSON's `refused` object; what it means, for people */
#define HOP_REFUSALS(X)                                                                            \
    X(MOVED, "moved", "the thread ran while it was being read")                                    \
    X(ELSEWHERE, "elsewhere", "the thread ran on a CPU we could not get to")                       \
    X(NOT_ITS_THREAD, "not_its_thread",                                                            \
      "its frames may have been another thread's than the one that stood still")                   \
    X(UNREADABLE, "unreadable", "memory that a frame should be in could not be read")              \
    X(BROKEN_CHAIN, "broken_chain", "the walk did not reach the bottom of the stack")              \
    X(TOO_DEEP, "too_deep", "the stack is deeper than the limit")                                  \
    X(NOT_CODE, "not_code", "a frame's code object is none")                                       \
    X(CODE_GONE, "code_gone", "a code object was freed before it could be read")                   \
    X(BAD_OFFSET, "bad_offset", "an instruction pointer lies outside its code object")             \
    X(BAD_OPCODE, "bad_opcode", "the opcode in memory is not one the code object can hold there")  \
    X(NOT_STOPPED, "not_stopped",                                                                  \
      "the thread was ending, did not stop in time, or is traced by another program")              \
    X(HELD_TOO_LONG, "held_too_long",                                                              \
      "the stack could not be read within the time that a thread may be held")                     \
    X(NO_ROOM, "no_room", "a limit of heavyops' own memory was reached")

enum hop_refusal {
    HOP_TAKEN, /* not refused */
#define X(id, name, words) HOP_REFUSED_##id,
    HOP_REFUSALS(X)
#undef X
        HOP_REFUSAL_COUNT
};

const char *hop_refusal_name(enum hop_refusal refusal);  /* "moved" */
const char *hop_refusal_words(enum hop_refusal refusal); /* "the thread ran while …" */

#endif
