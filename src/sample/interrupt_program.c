/* The program finds the thread state, and a function of it goes down the frames, called once for
 * each (bpf_loop, since Linux 5.17: the verifier need not follow every step of it). All reads are
 * of the thread that was interrupted, which stands still for as long as the interrupt lasts; a page
 * that is not in memory is not waited for, the read fails. */
#include "sample/interrupt_parts.h"

_Static_assert(IN_SCRATCH(frames) == IN_SCRATCH(record) + (long)sizeof(struct hop_interrupt_record),
               "the record's frames are behind it");

/* Registers of the main function's own; each is needed before the next is. */
enum { TID = 6, LIMIT = 9, HOW_SOON = 9 };

/* Thread states that are looked through for that of a thread not known yet; and for that of one
 * that has none, mostly: those made last come first. */
enum { LISTED_MAX = 4096, LISTED_OF_OTHERS = 64 };

/* Frames, and entry frames between them. */
enum { STEPS_MAX = 2 * HOP_INTERRUPT_FRAMES_MAX };

/* No more than one wake-up for something new in so long. */
static const int32_t WAKEUP_NS = 100 * 1000;

/* The count of code objects is believed where it was seen so shortly before. */
static const int32_t COUNTER_GAP_NS = 5 * 1000 * 1000;

void hop_interrupt_piece_add(struct hop_interrupt_piece *piece, int32_t offset, int32_t size)
{
    if (offset < 0 || piece->bytes == INT32_MAX) {
        *piece = (struct hop_interrupt_piece){0, INT32_MAX};
        return;
    }
    int32_t end = piece->from + piece->bytes;
    if (!piece->bytes || offset < piece->from)
        piece->from = offset;
    if (offset + size > end)
        end = offset + size;
    piece->bytes = end - piece->from;
}

static struct hop_interrupt_piece thread_piece(const struct hop_layout *layout)
{
    struct hop_interrupt_piece piece = {0};
    hop_interrupt_piece_add(&piece, layout->thread_next, 8);
    hop_interrupt_piece_add(&piece, layout->thread_id, 8);
    hop_interrupt_piece_add(&piece, layout->thread_interp, 8);
    if (layout->frame_root == HOP_ROOT_FRAME_OBJECT) {
        hop_interrupt_piece_add(&piece, layout->thread_frame, 8);
        return piece;
    }
    hop_interrupt_piece_add(&piece, layout->thread_native_id, 8);
    if (layout->frame_root == HOP_ROOT_CURRENT_FRAME) {
        hop_interrupt_piece_add(&piece, layout->thread_current_frame, 8);
        return piece;
    }
    hop_interrupt_piece_add(&piece, layout->thread_cframe, 8);
    hop_interrupt_piece_add(&piece, layout->thread_datastack_chunk, 8);
    hop_interrupt_piece_add(&piece, layout->thread_datastack_top, 8);
    hop_interrupt_piece_add(&piece, layout->thread_exc_info, 8);
    return piece;
}

/* Whether at some instants the chain of frames can't be followed from its beginning. */
static bool is_in_question(const struct hop_layout *layout)
{
    return layout->frame_root == HOP_ROOT_CFRAME;
}

bool hop_interrupt_can(const struct hop_layout *layout)
{
    return (layout->interp_gil_locked != HOP_ABSENT || layout->runtime_gil_locked != HOP_ABSENT) &&
           thread_piece(layout).bytes <= HOP_INTERRUPT_THREAD_BYTES &&
           hop_interrupt_can_frames(layout) && hop_interrupt_can_copy(layout) &&
           (!is_in_question(layout) || hop_interrupt_can_repair(layout));
}

/* --- what both functions do ------------------------------------------------------------------- */

void hop_interrupt_begin(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan,
                         int label)
{
    hop_bpf_call(code, BPF_FUNC_get_smp_processor_id);
    hop_bpf_store(code, BPF_W, STACK_END, CPU_ON_STACK, 0);
    hop_bpf_set_map(code, 1, plan->scratch);
    hop_bpf_move(code, 2, STACK_END);
    hop_bpf_compute_with(code, BPF_ADD, 2, CPU_ON_STACK);
    hop_bpf_call(code, BPF_FUNC_map_lookup_elem);
    hop_bpf_jump_if(code, BPF_JNE, 0, 0, label);
    hop_bpf_return(code, 1);
    hop_bpf_label(code, label);
    hop_bpf_move(code, SCRATCH, 0);
}

void hop_interrupt_read(struct hop_bpf_code *code, long into, int32_t bytes, int from,
                        int32_t offset, int failed)
{
    hop_bpf_move(code, 3, from); /* first: it may be one of those that are set below */
    if (offset)
        hop_bpf_compute_with(code, BPF_ADD, 3, offset);
    hop_bpf_move(code, 1, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 1, (int32_t)into);
    hop_bpf_set(code, 2, bytes);
    hop_bpf_call(code, BPF_FUNC_probe_read_user);
    hop_bpf_jump_if(code, BPF_JNE, 0, 0, failed);
}

void hop_interrupt_set_status(struct hop_bpf_code *code, enum hop_interrupt_status status)
{
    hop_bpf_store_value(code, BPF_W, SCRATCH, IN_RECORD(status), (int32_t)status);
}

/* Gives the record out. */
static void finish(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    hop_bpf_call(code, BPF_FUNC_ktime_get_ns);
    hop_bpf_move(code, ADDR, 0);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_RECORD(ns));
    hop_bpf_compute(code, BPF_SUB, 0, 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(took_ns), 0);

    /* How soon it is to be looked at: something new at once, else when there is half a ring. */
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(wants_wakeup));
    hop_bpf_jump_if(code, BPF_JEQ, 1, 0, QUIET);
    hop_bpf_set_map_memory(code, 2, plan->shared,
                           offsetof(struct hop_interrupt_shared, last_wakeup_ns));
    hop_bpf_load(code, BPF_DW, 3, 2, 0);
    hop_bpf_compute_with(code, BPF_ADD, 3, WAKEUP_NS);
    hop_bpf_jump_if_than(code, BPF_JGT, 3, ADDR, QUIET);
    hop_bpf_store(code, BPF_DW, 2, 0, ADDR);
    hop_bpf_set(code, HOW_SOON, BPF_RB_FORCE_WAKEUP);
    hop_bpf_jump(code, OUTPUT);
    hop_bpf_label(code, QUIET);
    hop_bpf_set_map(code, 1, plan->ring);
    hop_bpf_set(code, 2, BPF_RB_AVAIL_DATA);
    hop_bpf_call(code, BPF_FUNC_ringbuf_query);
    hop_bpf_set(code, HOW_SOON, BPF_RB_NO_WAKEUP);
    hop_bpf_jump_if(code, BPF_JLT, 0, (int32_t)(plan->ring_bytes / 2), OUTPUT);
    hop_bpf_set(code, HOW_SOON, BPF_RB_FORCE_WAKEUP);

    hop_bpf_label(code, OUTPUT);
    hop_bpf_load(code, BPF_W, 3, SCRATCH, IN_RECORD(frame_count));
    hop_bpf_jump_if(code, BPF_JLE, 3, HOP_INTERRUPT_FRAMES_MAX, IN_RANGE);
    hop_bpf_set(code, 3, 0); /* never; but the verifier can't know */
    hop_bpf_label(code, IN_RANGE);
    hop_bpf_compute_with(code, BPF_MUL, 3, sizeof(struct hop_interrupt_frame));
    hop_bpf_compute_with(code, BPF_ADD, 3, sizeof(struct hop_interrupt_record));
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_RECORD(span_bytes));
    hop_bpf_jump_if(code, BPF_JGT, 1, HOP_INTERRUPT_SPANS_BYTES, DONE); /* never, either */
    hop_bpf_compute(code, BPF_ADD, 3, 1);
    hop_bpf_set_map(code, 1, plan->ring);
    hop_bpf_move(code, 2, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 2, IN_SCRATCH(record));
    hop_bpf_move(code, 4, HOW_SOON);
    hop_bpf_call(code, BPF_FUNC_ringbuf_output);
    hop_bpf_jump_if(code, BPF_JEQ, 0, 0, DONE);
    hop_bpf_set_map_memory(code, 1, plan->shared, offsetof(struct hop_interrupt_shared, lost));
    hop_bpf_set(code, 2, 1);
    hop_bpf_emit(code, BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD);
    hop_bpf_label(code, DONE);
    hop_bpf_return(code, 0);
}

/* --- main: whose thread it is ------------------------------------------------------------ */

void hop_interrupt_load_thread(struct hop_bpf_code *code, const struct hop_layout *layout, int to,
                               int32_t offset)
{
    hop_bpf_load(code, BPF_DW, to, SCRATCH,
                 IN_SCRATCH(thread) + offset - thread_piece(layout).from);
}

/* Whom we fell on, by the numbers of our PID namespace: the process in register 0, and TID. */
static void find_tid(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    const int32_t ids = -(int32_t)sizeof(struct bpf_pidns_info);
    if (!plan->pid_namespace_ino) {
        hop_bpf_call(code, BPF_FUNC_get_current_pid_tgid);
        hop_bpf_move(code, TID, 0);
        hop_bpf_compute_with(code, BPF_RSH, 0, 32);
        return;
    }
    hop_bpf_set_wide(code, 1, plan->pid_namespace_dev);
    hop_bpf_set_wide(code, 2, plan->pid_namespace_ino);
    hop_bpf_move(code, 3, STACK_END);
    hop_bpf_compute_with(code, BPF_ADD, 3, ids);
    hop_bpf_set(code, 4, sizeof(struct bpf_pidns_info));
    hop_bpf_call(code, BPF_FUNC_get_ns_current_pid_tgid);
    hop_bpf_jump_if(code, BPF_JNE, 0, 0, IS_ANOTHER);
    hop_bpf_load(code, BPF_W, TID, STACK_END, ids + (long)offsetof(struct bpf_pidns_info, pid));
    hop_bpf_load(code, BPF_W, 0, STACK_END, ids + (long)offsetof(struct bpf_pidns_info, tgid));
}

/* Reads the thread state at ADDR, and the kernel's number of its thread, which up to 3.10 only
 * libc's struct pthread has. */
static void read_thread(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan,
                        int failed)
{
    const struct hop_layout *layout = plan->layout;
    const struct hop_interrupt_piece piece = thread_piece(layout);
    hop_interrupt_read(code, IN_SCRATCH(thread), piece.bytes, ADDR, piece.from, failed);
    if (layout->thread_native_id != HOP_ABSENT) {
        hop_interrupt_load_thread(code, layout, 1, layout->thread_native_id);
    } else {
        hop_interrupt_load_thread(code, layout, 1, layout->thread_id);
        hop_interrupt_read(code, IN_SCRATCH(word), 4, 1, plan->pthread_tid_offset, failed);
        hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_SCRATCH(word));
    }
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(native_id), 1);
}

/* Where the chain of frames begins; and what tells frames that are not in use any more. The address
 * of the thread state is not needed any more. */
static void find_innermost(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    if (layout->frame_root != HOP_ROOT_CFRAME) {
        hop_interrupt_load_thread(code, layout, 1,
                                  layout->frame_root == HOP_ROOT_CURRENT_FRAME
                                      ? layout->thread_current_frame
                                      : layout->thread_frame);
        hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(next_addr), 1);
        return;
    }
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(next_addr), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(chunk_end), 0);
    hop_interrupt_load_thread(code, layout, 2, layout->thread_datastack_top);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(top_addr), 2);
    hop_interrupt_load_thread(code, layout, ADDR, layout->thread_datastack_chunk);
    hop_bpf_jump_if_than(code, BPF_JGE, ADDR, 2, NO_CHUNK);
    hop_interrupt_read(code, IN_SCRATCH(word), 8, ADDR, layout->chunk_bytes, NO_CHUNK);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(word));
    hop_bpf_compute(code, BPF_ADD, 1, ADDR);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(chunk_end), 1);
    hop_bpf_label(code, NO_CHUNK);
    hop_interrupt_load_thread(code, layout, ADDR, layout->thread_cframe);
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, HAS_INNERMOST);
    hop_interrupt_read(code, IN_SCRATCH(next_addr), 8, ADDR, layout->cframe_current_frame,
                       UNREADABLE);
    hop_bpf_label(code, HAS_INNERMOST);
}

/* As identify.c does: the count is believed while it is seen often, and not to go back. */
static void note_epoch(struct hop_bpf_code *code)
{
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(counter));
    hop_bpf_jump_if(code, BPF_JEQ, 1, 0, SAME_EPOCH_UNKNOWN);
    hop_bpf_load(code, BPF_DW, 4, SCRATCH, IN_SCRATCH(epoch));
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(last_counter));
    hop_bpf_jump_if_than(code, BPF_JLT, 1, 2, NEW_EPOCH);
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(last_ns));
    hop_bpf_compute_with(code, BPF_ADD, 2, COUNTER_GAP_NS);
    hop_bpf_load(code, BPF_DW, 3, SCRATCH, IN_RECORD(ns));
    hop_bpf_jump_if_than(code, BPF_JGE, 2, 3, SAME_EPOCH);
    hop_bpf_label(code, NEW_EPOCH);
    hop_bpf_compute_with(code, BPF_ADD, 4, 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(epoch), 4);
    hop_bpf_label(code, SAME_EPOCH);
    hop_bpf_load(code, BPF_DW, 3, SCRATCH, IN_RECORD(ns));
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(last_ns), 3);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(last_counter), 1);
    hop_bpf_compute_with(code, BPF_LSH, 4, 32);
    hop_bpf_compute(code, BPF_OR, 1, 4);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(counter), 1);
    hop_bpf_label(code, SAME_EPOCH_UNKNOWN);
}

/* Where code objects are not counted: what is found of one holds for as long as this interrupt. */
static void number_interrupt(struct hop_bpf_code *code)
{
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(counter));
    hop_bpf_jump_if(code, BPF_JNE, 1, 0, NUMBERED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_RECORD(ns));
    hop_bpf_set_wide(code, 2, UINT64_C(1) << 63); /* not reached by an epoch */
    hop_bpf_compute(code, BPF_OR, 1, 2);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(counter), 1);
    hop_bpf_label(code, NUMBERED);
}

/* The state that holds the GIL is the interrupted thread's if it has its id. */
static void find_by_gil(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    hop_bpf_set_wide(code, ADDR, plan->locked_addr);
    hop_interrupt_read(code, IN_SCRATCH(word), 4, ADDR, 0, BY_TID);
    hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_SCRATCH(word));
    hop_bpf_jump_if(code, BPF_JNE, 1, 1, BY_TID);
    hop_bpf_set_wide(code, ADDR, plan->holder_addr);
    hop_interrupt_read(code, IN_SCRATCH(word), 8, ADDR, 0, BY_TID);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(word));
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, BY_TID);
    read_thread(code, plan, BY_TID);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_RECORD(native_id));
    hop_bpf_load(code, BPF_W, 2, SCRATCH, IN_RECORD(tid));
    hop_bpf_jump_if_than(code, BPF_JEQ, 1, 2, WALK);
}

/* To WALK if the thread state at ADDR, which was read, has a frame. One that was freed has none,
 * and all else in it may be as it was. */
static void walk_if_it_has_frames(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    if (layout->frame_root == HOP_ROOT_CFRAME) {
        hop_interrupt_load_thread(code, layout, LIMIT, layout->thread_cframe);
        hop_bpf_jump_if(code, BPF_JEQ, LIMIT, 0, HAS_NO_FRAME);
        hop_interrupt_read(code, IN_SCRATCH(word), 8, LIMIT, layout->cframe_current_frame, WALK);
        hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(word));
    } else {
        hop_interrupt_load_thread(code, layout, 1,
                                  layout->frame_root == HOP_ROOT_CURRENT_FRAME
                                      ? layout->thread_current_frame
                                      : layout->thread_frame);
    }
    hop_bpf_jump_if(code, BPF_JNE, 1, 0, WALK);
    hop_bpf_label(code, HAS_NO_FRAME);
}

/* By the table of threads, or else by the list of thread states. */
static void find_by_tid(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    hop_bpf_label(code, BY_TID);
    hop_bpf_set_map(code, 1, plan->threads);
    hop_bpf_move(code, 2, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 2, IN_RECORD(tid));
    hop_bpf_call(code, BPF_FUNC_map_lookup_elem);
    hop_bpf_set(code, LIMIT, LISTED_MAX);
    hop_bpf_jump_if(code, BPF_JEQ, 0, 0, BY_LIST);
    hop_bpf_set(code, LIMIT, LISTED_OF_OTHERS);
    hop_bpf_load(code, BPF_DW, ADDR, 0, offsetof(struct hop_interrupt_thread, addr));
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, BY_LIST);
    read_thread(code, plan, UNREADABLE);
    if (plan->has_own_pids) { /* its numbers are not those that are in the list */
        hop_bpf_jump(code, WALK);
    } else {
        walk_if_it_has_frames(code, plan->layout);
        hop_bpf_set(code, LIMIT, LISTED_MAX);
    }

    hop_bpf_label(code, BY_LIST);
    if (!plan->has_own_pids) {
        hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(found_state), 0);
        hop_bpf_set_wide(code, ADDR, plan->interpreter_addr);
        hop_interrupt_read(code, IN_SCRATCH(next_state), 8, ADDR, plan->layout->interp_threads_head,
                           NOT_LISTED);
        hop_bpf_loop(code, LIMIT, SEARCH);
        hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(found_state));
        hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, NOT_LISTED);
        read_thread(code, plan, NOT_LISTED);
        hop_bpf_jump(code, WALK);
    }
    hop_bpf_label(code, NOT_LISTED);
    hop_bpf_jump_if(code, BPF_JEQ, LIMIT, LISTED_OF_OTHERS, IS_ANOTHER);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 1);
    hop_interrupt_set_status(code, HOP_INTERRUPT_STRANGER);
    hop_bpf_jump(code, FINISH);
}

/* The function at SEARCH: whether next_state is that of the thread we fell on. Up to 3.11 one that
 * is being born has the number of the thread that makes it, whose own is older. */
static void write_search(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    hop_bpf_begin_function(code, SEARCH);
    hop_interrupt_begin(code, plan, SEARCH_BEGUN);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(next_state));
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, SEARCH_ENDS);
    read_thread(code, plan, SEARCH_ENDS);
    hop_interrupt_load_thread(code, plan->layout, 1, plan->layout->thread_next);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(next_state), 1);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_RECORD(native_id));
    hop_bpf_load(code, BPF_W, 2, SCRATCH, IN_RECORD(tid));
    hop_bpf_jump_if_than(code, BPF_JNE, 1, 2, SEARCH_ON);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(found_state), ADDR);
    if (plan->layout->minor > 11)
        hop_bpf_return(code, 1);
    hop_bpf_label(code, SEARCH_ON);
    hop_bpf_return(code, 0);
    hop_bpf_label(code, SEARCH_ENDS);
    hop_bpf_return(code, 1);
}

void hop_interrupt_walk(struct hop_bpf_code *code)
{
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 0);
    hop_bpf_store_value(code, BPF_W, SCRATCH, IN_RECORD(frame_count), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(valid_addr), -1); /* none */
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_sound), 1);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(stack_frame), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(steps), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(next_kept), 1);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(kept_addr), 0);
    hop_interrupt_set_status(code, HOP_INTERRUPT_TOO_DEEP); /* until it is found not to be */
    hop_bpf_set(code, 1, STEPS_MAX);
    hop_bpf_loop(code, 1, WALK_ONE);
}

static void write_main(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    const struct hop_layout *layout = plan->layout;
    find_tid(code, plan);
    hop_bpf_jump_if(code, BPF_JNE, 0, plan->pid, IS_ANOTHER);
    hop_interrupt_begin(code, plan, BEGUN);
    hop_bpf_store(code, BPF_W, SCRATCH, IN_RECORD(tid), TID);
    hop_bpf_load(code, BPF_W, 1, STACK_END, CPU_ON_STACK);
    hop_bpf_store(code, BPF_W, SCRATCH, IN_RECORD(cpu), 1);
    hop_bpf_call(code, BPF_FUNC_ktime_get_ns);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(ns), 0);
    hop_bpf_move(code, 1, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 1, IN_RECORD(name));
    hop_bpf_set(code, 2, sizeof((struct hop_interrupt_record *)0)->name);
    hop_bpf_call(code, BPF_FUNC_get_current_comm);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_RECORD(thread_addr), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_RECORD(pthread), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_RECORD(native_id), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 0);
    hop_bpf_store_value(code, BPF_W, SCRATCH, IN_RECORD(frame_count), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_RECORD(span_bytes), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(code_count), 0);

    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(counter), 0);
    hop_bpf_set_map_memory(code, 1, plan->shared,
                           offsetof(struct hop_interrupt_shared, counter_addr));
    hop_bpf_load(code, BPF_DW, ADDR, 1, 0);
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, COUNTED);
    hop_interrupt_read(code, IN_SCRATCH(counter), 4, ADDR, 0, COUNTED);
    hop_bpf_label(code, COUNTED);
    note_epoch(code);
    number_interrupt(code);

    if (!plan->has_own_pids)
        find_by_gil(code, plan);

    find_by_tid(code, plan); /* without the GIL, or in another PID namespace */

    hop_bpf_label(code, WALK);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(thread_addr), ADDR);
    hop_interrupt_load_thread(code, layout, 1, layout->thread_interp);
    hop_bpf_set_wide(code, 2, plan->interpreter_addr);
    hop_interrupt_set_status(code, HOP_INTERRUPT_FOREIGN);
    hop_bpf_jump_if_than(code, BPF_JNE, 1, 2, FINISH);
    hop_interrupt_load_thread(code, layout, 1, layout->thread_id);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(pthread), 1);
    find_innermost(code, layout);
    hop_interrupt_walk(code);
    hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_RECORD(status));
    hop_bpf_jump_if(code, BPF_JEQ, 1, HOP_INTERRUPT_WALKED, FINISH);
    hop_bpf_jump_if(code, BPF_JNE, 1, HOP_INTERRUPT_TOO_DEEP, IS_NOT_DEEP);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 1);
    hop_bpf_jump(code, FINISH);
    hop_bpf_label(code, IS_NOT_DEEP);
    if (is_in_question(layout))
        hop_interrupt_write_repair(code, plan);
    else
        hop_bpf_jump(code, FINISH);
    hop_bpf_label(code, UNREADABLE);
    hop_interrupt_set_status(code, HOP_INTERRUPT_UNREADABLE);
    hop_bpf_label(code, FINISH);
    hop_interrupt_copy_codes(code);
    finish(code, plan);
    hop_bpf_label(code, IS_ANOTHER);
    hop_bpf_return(code, 0);
}

int hop_interrupt_program_load(const struct hop_interrupt_plan *plan)
{
    struct hop_bpf_code code = {0};
    write_main(&code, plan);
    hop_interrupt_write_frame(&code, plan);
    hop_interrupt_write_copy(&code, plan);
    if (!plan->has_own_pids)
        write_search(&code, plan);
    if (is_in_question(plan->layout))
        hop_interrupt_write_climb(&code, plan);
    return hop_bpf_load_code(&code);
}
