/* What the functions of the program have in common: the main one, which finds the thread state
 * (interrupt_program.c), the one that is called for each frame (interrupt_frame.c), and what is
 * made of stacks of 3.11 and 3.12 that are in question (interrupt_repair.c). */
#ifndef HOP_SAMPLE_INTERRUPT_PARTS_H
#define HOP_SAMPLE_INTERRUPT_PARTS_H

#include "sample/bpf.h"
#include "sample/interrupt_program.h"
#include "sample/interrupt_record.h"

#define IN_SCRATCH(member) ((long)offsetof(struct hop_interrupt_scratch, member))
#define IN_RECORD(member)  (IN_SCRATCH(record) + offsetof(struct hop_interrupt_record, member))

/* Kept in registers, the same in all functions; and places on the stack. */
enum { SCRATCH = 7, ADDR = 8, STACK_END = 10 };
enum { CPU_ON_STACK = -4, IDENTITY_ON_STACK = -16 };

/* A program has one set of labels. */
enum hop_interrupt_label {
    BEGUN,
    IS_ANOTHER,
    COUNTED,
    NEW_EPOCH,
    SAME_EPOCH,
    SAME_EPOCH_UNKNOWN,
    NUMBERED,
    BY_TID,
    HAS_NO_FRAME,
    BY_LIST,
    NOT_LISTED,
    SEARCH,
    SEARCH_BEGUN,
    SEARCH_ON,
    SEARCH_ENDS,
    WALK,
    NO_CHUNK,
    HAS_INNERMOST,
    IS_NOT_DEEP,
    REPAIR,
    NOT_FIRST_CHUNK,
    FROM_LAST,
    FROM_CALLER,
    GIVE_UP,
    CLIMB,
    CLIMB_BEGUN,
    CLIMB_ON,
    CLIMB_FAILED,
    UNREADABLE,
    FINISH,
    QUIET,
    OUTPUT,
    IN_RANGE,
    DONE,
    WALK_ONE,
    FRAME_BEGUN,
    IS_LINKED,
    IN_BLOCK,
    REFILL,
    IN_PAGE,
    NOT_FREED,
    FRAME_BROKEN,
    IS_ENTRY,
    HAS_CODE,
    IS_SOUND_BOTTOM,
    KIND_NOTED,
    SAME_LAP,
    UNIDENTIFIED,
    IS_CODE,
    CODE_ABSENT,
    HAS_VERSION,
    PART_LABELS, /* two each */
    PART_LABELS_END = PART_LABELS + 2 * HOP_CODE_PARTS - 1,
    KEEP,
    FORGET_OPCODES,
    IDENTIFIED,
    KNOWN,
    WANTS_WAKEUP,
    NEWLY_THERE,

    ROOM,
    BEGUN_EXECUTING,
    READ_OPCODES,
    FRAME_UNREADABLE,
    BOTTOM,
    SOUND,
    COPY_ONE,
    COPY_BEGUN,
    HAS_ITEM,
    NOT_ALL_COPIED,
    ALL_COPIED,
    IS_TUPLE,
    IS_FRESH,
    IS_WHOLE,
    IS_SHORT,
    IS_TEXT,
    IS_NO_NAME,
    IS_CUT,
    IS_SIZED,
    IS_BYTES,
    IS_LAST_IN_PAGE,
    ADD_CODE,
    ADD_TUPLE,
    COPY,
    IS_SHOWN,
    HAS_BYTES,
    IS_NOT_MONITORED,
    HAS_NO_EXECUTORS,
    MISSED,
    COPIED,
    PASSED,
    SAME_ITEM,
    NOTHING_NEW,
    HOP_INTERRUPT_LABELS
};
_Static_assert((int)HOP_INTERRUPT_LABELS <= (int)HOP_BPF_LABELS_MAX, "there is room for them");

/* A piece of a struct that has all that is wanted of it; of one that has not, the bytes are more
 * than there is room for anywhere. */
struct hop_interrupt_piece {
    int32_t from, bytes;
};

/* `offset` of a field of `size` bytes; HOP_ABSENT makes it a piece that can't be. */
void hop_interrupt_piece_add(struct hop_interrupt_piece *piece, int32_t offset, int32_t size);

/* Finds this CPU's scratch; without one there is nothing to be done. */
void hop_interrupt_begin(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan,
                         int label);

/* `bytes` bytes at `from` + offset into the scratch; to `failed` where they are not to be had. */
void hop_interrupt_read(struct hop_bpf_code *code, long into, int32_t bytes, int from,
                        int32_t offset, int failed);

void hop_interrupt_set_status(struct hop_bpf_code *code, enum hop_interrupt_status status);

/* Loads what is at `offset` of the thread state that was read. */
void hop_interrupt_load_thread(struct hop_bpf_code *code, const struct hop_layout *layout, int to,
                               int32_t offset);

/* Takes down the frames from next_addr on, and sets the status. */
void hop_interrupt_walk(struct hop_bpf_code *code);

/* The function at WALK_ONE: takes down the frame at next_addr in the scratch, and makes next_addr
 * the one that called it. Returns 0 to be called again, or sets the status and returns 1. */
void hop_interrupt_write_frame(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan);
bool hop_interrupt_can_frames(const struct hop_layout *layout);

/* In the main function, at its end: copies the code objects that are to be copied, one after the
 * other, and all that hangs on them, to behind the record's frames. What was not to be had is left
 * for us to read. And the function at COPY_ONE that it needs. */
void hop_interrupt_copy_codes(struct hop_bpf_code *code);
void hop_interrupt_write_copy(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan);
bool hop_interrupt_can_copy(const struct hop_layout *layout);

/* 3.11 and 3.12: what comes in the main function after a walk that was not sound, and ends at
 * FINISH; and the function at CLIMB that it needs. */
void hop_interrupt_write_repair(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan);
void hop_interrupt_write_climb(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan);
bool hop_interrupt_can_repair(const struct hop_layout *layout);

#endif
