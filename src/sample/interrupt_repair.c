/* A thread of 3.11 and 3.12 that was interrupted between two states: where its chain of frames
 * cannot be followed from where it should begin, the stack is found as walk.c finds it (there it is
 * told why): from the last frame of the data stack, or from the eval loop that called this one. */
#include "sample/interrupt_parts.h"

/* Registers: where a frame ends, in the main function; a code object, in the other one. */
enum { END_ADDR = 9, CODE = 6 };

/* What is gone up of the data stack, and as many frames as it may have. */
enum { CLIMBED_BYTES = 16 << 10, CLIMBED_FRAMES = 512 };

/* Of a code object, in words: more makes a frame that is in no chunk. */
enum { FRAME_WORDS_MAX = 1 << 20 };

static struct hop_interrupt_piece sizes_piece(const struct hop_layout *layout)
{
    struct hop_interrupt_piece piece = {0};
    hop_interrupt_piece_add(&piece, layout->code_nlocalsplus, 4);
    hop_interrupt_piece_add(&piece, layout->code_stacksize, 4);
    return piece;
}

bool hop_interrupt_can_repair(const struct hop_layout *layout)
{
    return layout->thread_exc_info >= 0 && layout->thread_exc_state >= 0 &&
           layout->cframe_previous >= 0 && layout->chunk_previous >= 0 && layout->chunk_data >= 0 &&
           sizes_piece(layout).bytes <= HOP_INTERRUPT_SIZES_BYTES;
}

/* Adds to register `to` what a frame of the code object at register `from` takes. */
static void add_frame_size(struct hop_bpf_code *code, const struct hop_layout *layout, int to,
                           int from, int failed)
{
    const struct hop_interrupt_piece piece = sizes_piece(layout);
    hop_interrupt_read(code, IN_SCRATCH(sizes), piece.bytes, from, piece.from, failed);
    const int32_t words[] = {layout->code_nlocalsplus, layout->code_stacksize};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_SCRATCH(sizes) + words[i] - piece.from);
        hop_bpf_jump_if(code, BPF_JGT, 1, FRAME_WORDS_MAX, failed);
        hop_bpf_compute_with(code, BPF_LSH, 1, 3);
        hop_bpf_compute(code, BPF_ADD, to, 1);
    }
    hop_bpf_compute_with(code, BPF_ADD, to, layout->iframe_size);
}

/* --- from the last frame of the data stack ---------------------------------------------------- */

/* Goes up by one frame, from climb_addr. */
void hop_interrupt_write_climb(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    hop_bpf_begin_function(code, CLIMB);
    hop_interrupt_begin(code, plan, CLIMB_BEGUN);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(climb_addr));
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(top_addr));
    hop_bpf_jump_if_than(code, BPF_JGT, 1, ADDR, CLIMB_ON);
    hop_bpf_return(code, 1);
    hop_bpf_label(code, CLIMB_ON);
    hop_bpf_compute(code, BPF_SUB, 1, ADDR);
    hop_bpf_jump_if(code, BPF_JGT, 1, CLIMBED_BYTES, CLIMB_FAILED);
    hop_interrupt_read(code, IN_SCRATCH(last_code), 8, ADDR, plan->layout->iframe_code,
                       CLIMB_FAILED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(last_addr));
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(below_addr), 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(last_addr), ADDR);
    hop_bpf_load(code, BPF_DW, CODE, SCRATCH, IN_SCRATCH(last_code));
    add_frame_size(code, plan->layout, ADDR, CODE, CLIMB_FAILED);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(climb_addr), ADDR);
    hop_bpf_return(code, 0);
    hop_bpf_label(code, CLIMB_FAILED);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(climb_addr), -1); /* no frame's end */
    hop_bpf_return(code, 1);
}

/* The frame at register `frame` of the code object last_code must not have begun: its prev_instr is
 * one code unit before the first. */
static void require_not_begun(struct hop_bpf_code *code, const struct hop_layout *layout, int frame,
                              int failed)
{
    hop_interrupt_read(code, IN_SCRATCH(word), 8, frame, layout->iframe_ip, failed);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(word));
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(last_code));
    hop_bpf_compute_with(code, BPF_ADD, 2, layout->code_adaptive - 2);
    hop_bpf_jump_if_than(code, BPF_JNE, 1, 2, failed);
}

/* As walk_from_last. */
static void walk_from_last(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    const struct hop_layout *layout = plan->layout;
    /* Where a generator runs it is not the innermost. */
    hop_interrupt_load_thread(code, layout, 1, layout->thread_exc_info);
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_RECORD(thread_addr));
    hop_bpf_compute_with(code, BPF_ADD, 2, layout->thread_exc_state);
    hop_bpf_jump_if_than(code, BPF_JNE, 1, 2, FROM_CALLER);

    hop_interrupt_load_thread(code, layout, ADDR, layout->thread_datastack_chunk);
    hop_interrupt_read(code, IN_SCRATCH(word), 8, ADDR, layout->chunk_previous, FROM_CALLER);
    hop_bpf_compute_with(code, BPF_ADD, ADDR, layout->chunk_data);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(word));
    hop_bpf_jump_if(code, BPF_JNE, 1, 0, NOT_FIRST_CHUNK);
    hop_bpf_compute_with(code, BPF_ADD, ADDR, 8); /* the first word of the first is left out */
    hop_bpf_label(code, NOT_FIRST_CHUNK);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(climb_addr), ADDR);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(last_addr), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(below_addr), 0);
    hop_bpf_set(code, 1, CLIMBED_FRAMES);
    hop_bpf_loop(code, 1, CLIMB);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(climb_addr));
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(top_addr));
    hop_bpf_jump_if_than(code, BPF_JNE, 1, 2, FROM_CALLER);

    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(last_addr));
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(is_unfilled));
    hop_bpf_jump_if(code, BPF_JEQ, 1, 0, FROM_LAST);
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, FROM_CALLER);
    require_not_begun(code, layout, ADDR, FROM_CALLER);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(below_addr));

    hop_bpf_label(code, FROM_LAST);
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, FROM_CALLER);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(next_addr), ADDR);
    hop_interrupt_walk(code);
    hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_RECORD(status));
    hop_bpf_jump_if(code, BPF_JEQ, 1, HOP_INTERRUPT_WALKED, FINISH);
}

/* --- from the caller -------------------------------------------------------------------------- */

/* As walk_from_caller. */
static void walk_from_caller(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    const struct hop_layout *layout = plan->layout;
    hop_bpf_label(code, FROM_CALLER);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(is_unfilled));
    hop_bpf_jump_if(code, BPF_JEQ, 1, 0, GIVE_UP);
    hop_interrupt_load_thread(code, layout, ADDR, layout->thread_cframe);
    hop_interrupt_read(code, IN_SCRATCH(word), 8, ADDR, layout->cframe_previous, GIVE_UP);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(word));
    hop_interrupt_read(code, IN_SCRATCH(next_addr), 8, ADDR, layout->cframe_current_frame, GIVE_UP);
    hop_interrupt_walk(code);
    hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_RECORD(status));
    hop_bpf_jump_if(code, BPF_JNE, 1, HOP_INTERRUPT_WALKED, GIVE_UP);

    /* It is believed when the innermost frame on the data stack ends that, or is followed by the
     * new one that does. */
    hop_bpf_load(code, BPF_DW, END_ADDR, SCRATCH, IN_SCRATCH(stack_frame));
    hop_bpf_jump_if(code, BPF_JEQ, END_ADDR, 0, GIVE_UP);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(stack_code));
    add_frame_size(code, layout, END_ADDR, ADDR, GIVE_UP);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(top_addr));
    hop_bpf_jump_if_than(code, BPF_JEQ, 1, END_ADDR, FINISH);
    hop_bpf_jump_if_than(code, BPF_JLT, 1, END_ADDR, GIVE_UP);
    hop_interrupt_read(code, IN_SCRATCH(last_code), 8, END_ADDR, layout->iframe_code, GIVE_UP);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(last_code));
    require_not_begun(code, layout, END_ADDR, GIVE_UP);
    add_frame_size(code, layout, END_ADDR, ADDR, GIVE_UP);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(top_addr));
    hop_bpf_jump_if_than(code, BPF_JEQ, 1, END_ADDR, FINISH);
}

void hop_interrupt_write_repair(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    /* A struct that is not yet filled leads anywhere; in 3.12 a generator that is alone in its
     * chain yields. */
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_unfilled), 1);
    hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_RECORD(status));
    hop_bpf_store(code, BPF_W, SCRATCH, IN_SCRATCH(first_status), 1);
    hop_bpf_jump_if(code, BPF_JEQ, 1, HOP_INTERRUPT_ABSENT, FINISH);
    if (plan->layout->owners_without_code) {
        hop_bpf_jump_if(code, BPF_JNE, 1, HOP_INTERRUPT_BROKEN, REPAIR);
        hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_unfilled), 0);
        hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_RECORD(frame_count));
        hop_bpf_jump_if(code, BPF_JNE, 1, 1, FINISH);
        hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(is_generator));
        hop_bpf_jump_if(code, BPF_JEQ, 1, 0, FINISH);
        hop_bpf_label(code, REPAIR);
    }
    walk_from_last(code, plan);
    walk_from_caller(code, plan);
    hop_bpf_label(code, GIVE_UP);
    hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_SCRATCH(first_status));
    hop_bpf_store(code, BPF_W, SCRATCH, IN_RECORD(status), 1);
    hop_bpf_jump(code, FINISH);
}
