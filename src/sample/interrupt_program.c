/* The program finds the thread state, and a function of it goes down the frames, called once for
 * each (bpf_loop, since Linux 5.17: the verifier need not follow every step of it). All reads are
 * of the thread that was interrupted, which stands still for as long as the interrupt lasts; a page
 * that is not in memory is not waited for, the read fails.
 *
 * From 3.13 on all that is needed hangs on one pointer in the thread state, which is right at any
 * instruction: src/README.md, "Ways to look". */
#include "sample/interrupt_program.h"

#include "py/code.h"
#include "sample/bpf.h"
#include "sample/interrupt_record.h"

#define IN_SCRATCH(member) ((long)offsetof(struct hop_interrupt_scratch, member))
#define IN_RECORD(member)  (IN_SCRATCH(record) + offsetof(struct hop_interrupt_record, member))
#define IN_CODES(member)   (long)offsetof(struct hop_interrupt_code, member)
#define IN_FRAME(member)   offsetof(struct hop_interrupt_frame, member)

_Static_assert(IN_SCRATCH(frames) == IN_SCRATCH(record) + (long)sizeof(struct hop_interrupt_record),
               "the record's frames are behind it");

/* Kept in registers; and places on the stack. */
enum { FRAME = 6, TID = 6, SCRATCH = 7, ADDR = 8, PLACE = 9, HOW_SOON = 9, STACK_END = 10 };
enum { CPU_ON_STACK = -4, IDENTITY_ON_STACK = -16 };

/* Frames, and entry frames between them. */
enum { STEPS_MAX = 2 * HOP_INTERRUPT_FRAMES_MAX };

enum label {
    BEGUN,
    IS_TARGET,
    COUNTED,
    NEW_EPOCH,
    SAME_EPOCH,
    SAME_EPOCH_UNKNOWN,
    BY_TID,
    FOUND_BY_TID,
    HAS_STATE,
    WALK,
    UNREADABLE,
    FINISH,
    QUIET,
    OUTPUT,
    IN_RANGE,
    DONE,
    WALK_ONE,
    FRAME_BEGUN,
    IN_BLOCK,
    REFILL,
    ALONE,
    IS_ENTRY,
    HAS_CODE,
    UNIDENTIFIED,
    HAS_VERSION,
    IDENTIFIED,
    KNOWN,
    ROOM,
    READ_OPCODES,
    FRAME_UNREADABLE,
    BOTTOM,
    SOUND,
};

/* No more than one wake-up for something new in so long. */
static const int32_t WAKEUP_NS = 100 * 1000;

/* The count of code objects is believed where it was seen so shortly before. */
static const int32_t COUNTER_GAP_NS = 5 * 1000 * 1000;

/* How old what is in memory at a caller's instruction may be. */
static const int32_t OPCODES_NS = 10 * 1000 * 1000;

/* A piece of a struct that has all that is wanted of it. */
struct piece {
    int32_t from, bytes;
};

static struct piece piece_of(const int32_t *offsets, const int32_t *sizes, size_t count)
{
    struct piece piece = {INT32_MAX, 0};
    int32_t end = 0;
    for (size_t i = 0; i < count; i++) {
        if (offsets[i] < 0)
            return (struct piece){0, INT32_MAX};
        piece.from = offsets[i] < piece.from ? offsets[i] : piece.from;
        end = offsets[i] + sizes[i] > end ? offsets[i] + sizes[i] : end;
    }
    piece.bytes = end - piece.from;
    return piece;
}

#define PIECE(...)                                                                                 \
    piece_of((const int32_t[]){__VA_ARGS__}, sizes,                                                \
             sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static struct piece thread_piece(const struct hop_layout *layout)
{
    static const int32_t sizes[] = {8, 8, 8, 8};
    return PIECE(layout->thread_current_frame, layout->thread_id, layout->thread_native_id,
                 layout->thread_interp);
}

static struct piece frame_piece(const struct hop_layout *layout)
{
    static const int32_t sizes[] = {8, 8, 8, 1};
    return PIECE(layout->iframe_code, layout->iframe_previous, layout->iframe_ip,
                 layout->iframe_owner);
}

static struct piece code_piece(const struct hop_layout *layout)
{
    static const int32_t sizes[] = {8, 8, 8, 8, 8, 4, 4, 4, 8};
    return PIECE(layout->object_type, layout->code_name, layout->code_filename, layout->code_lines,
                 layout->code_units, layout->code_flags, layout->code_firstlineno,
                 layout->code_version, layout->code_consts);
}

bool hop_interrupt_can(const struct hop_layout *layout)
{
    return layout->frame_root == HOP_ROOT_CURRENT_FRAME && layout->ip_kind == HOP_IP_INSTR_PTR &&
           layout->owners_without_code && layout->interp_gil_locked != HOP_ABSENT &&
           !hop_code_identity_needs_name(layout) && layout->object_type >= 8 &&
           thread_piece(layout).bytes <= HOP_INTERRUPT_THREAD_BYTES &&
           frame_piece(layout).bytes <= HOP_INTERRUPT_BLOCK_BYTES / 8 &&
           code_piece(layout).bytes <= HOP_INTERRUPT_CODE_BYTES;
}

/* --- what both functions do ------------------------------------------------------------------- */

/* Finds this CPU's scratch; without one there is nothing to be done. */
static void begin(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan, int label)
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

/* `bytes` bytes at `from` + offset into the scratch; to `failed` where they are not to be had. */
static void read_memory(struct hop_bpf_code *code, long into, int32_t bytes, int from,
                        int32_t offset, int failed)
{
    hop_bpf_move(code, 1, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 1, (int32_t)into);
    hop_bpf_set(code, 2, bytes);
    hop_bpf_move(code, 3, from);
    if (offset)
        hop_bpf_compute_with(code, BPF_ADD, 3, offset);
    hop_bpf_call(code, BPF_FUNC_probe_read_user);
    hop_bpf_jump_if(code, BPF_JNE, 0, 0, failed);
}

static void set_status(struct hop_bpf_code *code, enum hop_interrupt_status status)
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

/* Reads the thread state at ADDR. */
static void read_thread(struct hop_bpf_code *code, struct piece piece, int failed)
{
    read_memory(code, IN_SCRATCH(thread), piece.bytes, ADDR, piece.from, failed);
}

static void load_of_thread(struct hop_bpf_code *code, struct piece piece, int to, int32_t offset)
{
    hop_bpf_load(code, BPF_DW, to, SCRATCH, IN_SCRATCH(thread) + offset - piece.from);
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

/* The state that holds the GIL is the interrupted thread's if it has its id. */
static void find_by_gil(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan,
                        struct piece piece)
{
    hop_bpf_set_wide(code, ADDR, plan->locked_addr);
    read_memory(code, IN_SCRATCH(word), 4, ADDR, 0, BY_TID);
    hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_SCRATCH(word));
    hop_bpf_jump_if(code, BPF_JNE, 1, 1, BY_TID);
    hop_bpf_set_wide(code, ADDR, plan->holder_addr);
    read_memory(code, IN_SCRATCH(word), 8, ADDR, 0, BY_TID);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(word));
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, BY_TID);
    read_thread(code, piece, BY_TID);
    load_of_thread(code, piece, 1, plan->layout->thread_native_id);
    hop_bpf_load(code, BPF_W, 2, SCRATCH, IN_RECORD(tid));
    hop_bpf_jump_if_than(code, BPF_JEQ, 1, 2, WALK);
}

static void write_main(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    const struct hop_layout *layout = plan->layout;
    const struct piece piece = thread_piece(layout);
    hop_bpf_call(code, BPF_FUNC_get_current_pid_tgid);
    hop_bpf_move(code, TID, 0);
    hop_bpf_compute_with(code, BPF_RSH, 0, 32);
    hop_bpf_jump_if(code, BPF_JEQ, 0, plan->pid, IS_TARGET);
    hop_bpf_return(code, 0);
    hop_bpf_label(code, IS_TARGET);
    begin(code, plan, BEGUN);
    hop_bpf_store(code, BPF_W, SCRATCH, IN_RECORD(tid), TID);
    hop_bpf_load(code, BPF_W, 1, STACK_END, CPU_ON_STACK);
    hop_bpf_store(code, BPF_W, SCRATCH, IN_RECORD(cpu), 1);
    hop_bpf_call(code, BPF_FUNC_ktime_get_ns);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(ns), 0);
    hop_bpf_move(code, 1, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 1, IN_RECORD(name));
    hop_bpf_set(code, 2, sizeof((struct hop_interrupt_record *)0)->name);
    hop_bpf_call(code, BPF_FUNC_get_current_comm);
    hop_bpf_store_value(code, BPF_W, SCRATCH, IN_RECORD(frame_count), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_RECORD(thread_addr), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_RECORD(pthread), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_RECORD(native_id), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(valid_addr), -1); /* none */
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(at_entry), 1);

    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(counter), 0);
    hop_bpf_set_map_memory(code, 1, plan->shared,
                           offsetof(struct hop_interrupt_shared, counter_addr));
    hop_bpf_load(code, BPF_DW, ADDR, 1, 0);
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, COUNTED);
    read_memory(code, IN_SCRATCH(counter), 4, ADDR, 0, COUNTED);
    hop_bpf_label(code, COUNTED);
    note_epoch(code);

    if (!plan->has_own_pids)
        find_by_gil(code, plan, piece);

    /* One without the GIL, or in another PID namespace. */
    hop_bpf_label(code, BY_TID);
    hop_bpf_set_map(code, 1, plan->threads);
    hop_bpf_move(code, 2, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 2, IN_RECORD(tid));
    hop_bpf_call(code, BPF_FUNC_map_lookup_elem);
    hop_bpf_jump_if(code, BPF_JNE, 0, 0, FOUND_BY_TID);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 1);
    set_status(code, HOP_INTERRUPT_STRANGER);
    hop_bpf_jump(code, FINISH);
    hop_bpf_label(code, FOUND_BY_TID);
    hop_bpf_load(code, BPF_DW, ADDR, 0, offsetof(struct hop_interrupt_thread, addr));
    hop_bpf_jump_if(code, BPF_JNE, ADDR, 0, HAS_STATE);
    hop_bpf_return(code, 0);
    hop_bpf_label(code, HAS_STATE);
    read_thread(code, piece, UNREADABLE);

    hop_bpf_label(code, WALK);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(thread_addr), ADDR);
    load_of_thread(code, piece, 1, layout->thread_interp);
    hop_bpf_set_wide(code, 2, plan->interpreter_addr);
    set_status(code, HOP_INTERRUPT_FOREIGN);
    hop_bpf_jump_if_than(code, BPF_JNE, 1, 2, FINISH);
    load_of_thread(code, piece, 1, layout->thread_id);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(pthread), 1);
    load_of_thread(code, piece, 1, layout->thread_native_id);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(native_id), 1);
    load_of_thread(code, piece, 1, layout->thread_current_frame);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(next_addr), 1);
    set_status(code, HOP_INTERRUPT_TOO_DEEP); /* until it is found not to be */
    hop_bpf_set(code, 1, STEPS_MAX);
    hop_bpf_set_function(code, 2, WALK_ONE);
    hop_bpf_set(code, 3, 0);
    hop_bpf_set(code, 4, 0);
    hop_bpf_call(code, BPF_FUNC_loop);
    hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_RECORD(status));
    hop_bpf_jump_if(code, BPF_JNE, 1, HOP_INTERRUPT_TOO_DEEP, FINISH);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 1);
    hop_bpf_jump(code, FINISH);
    hop_bpf_label(code, UNREADABLE);
    set_status(code, HOP_INTERRUPT_UNREADABLE);
    hop_bpf_label(code, FINISH);
    finish(code, plan);
}

/* --- the other: one frame -------------------------------------------------------------- */

/* Makes PLACE the one in the scratch for the code object at ADDR. */
static void find_place(struct hop_bpf_code *code)
{
    hop_bpf_move(code, PLACE, ADDR);
    hop_bpf_compute_with(code, BPF_RSH, PLACE, 5);
    hop_bpf_move(code, 1, PLACE);
    hop_bpf_compute_with(code, BPF_RSH, 1, 9);
    hop_bpf_compute(code, BPF_XOR, PLACE, 1);
    hop_bpf_compute_with(code, BPF_AND, PLACE, HOP_INTERRUPT_CODES - 1);
    hop_bpf_compute_with(code, BPF_MUL, PLACE, sizeof(struct hop_interrupt_code));
    hop_bpf_compute(code, BPF_ADD, PLACE, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, PLACE, IN_SCRATCH(codes));
}

/* Where no code object was made since, the identity of the one at ADDR is what it was: to
 * IDENTIFIED with it in register 1. */
static void find_identity(struct hop_bpf_code *code)
{
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(counter));
    hop_bpf_jump_if(code, BPF_JEQ, 2, 0, UNIDENTIFIED);
    hop_bpf_load(code, BPF_DW, 3, PLACE, IN_CODES(addr));
    hop_bpf_jump_if_than(code, BPF_JNE, 3, ADDR, UNIDENTIFIED);
    hop_bpf_load(code, BPF_DW, 3, PLACE, IN_CODES(counter));
    hop_bpf_jump_if_than(code, BPF_JNE, 3, 2, UNIDENTIFIED);
    hop_bpf_load(code, BPF_DW, 1, PLACE, IN_CODES(identity));
    hop_bpf_jump(code, IDENTIFIED);
    hop_bpf_label(code, UNIDENTIFIED);
}

/* Keeps what is in register 1. */
static void keep_identity(struct hop_bpf_code *code)
{
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(counter));
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(addr), ADDR);
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(identity), 1);
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(counter), 2);
    hop_bpf_store_value(code, BPF_DW, PLACE, IN_CODES(opcodes_ns), 0);
}

/* Makes the code object's number in register 1, as hop_code_identity_number does. */
static void compute_identity(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    enum { NUMBER = 1, WORD = 2, FACTOR = 3, OTHER = 4 };
    const struct piece piece = code_piece(layout);
    const int32_t words[] = {layout->object_type, layout->code_name, layout->code_filename,
                             layout->code_lines, layout->code_units};
#define IN_CODE(offset) (IN_SCRATCH(code) + (offset)-piece.from)
    hop_bpf_move(code, NUMBER, ADDR);
    hop_bpf_set_wide(code, FACTOR, HOP_CODE_NUMBER_FACTOR);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        hop_bpf_load(code, BPF_DW, WORD, SCRATCH, IN_CODE(words[i]));
        hop_bpf_compute(code, BPF_XOR, NUMBER, WORD);
        hop_bpf_compute(code, BPF_MUL, NUMBER, FACTOR);
    }
    hop_bpf_load(code, BPF_W, WORD, SCRATCH, IN_CODE(layout->code_flags));
    hop_bpf_compute_with(code, BPF_LSH, WORD, 32);
    hop_bpf_load(code, BPF_W, OTHER, SCRATCH, IN_CODE(layout->code_firstlineno));
    hop_bpf_compute(code, BPF_OR, WORD, OTHER);
    hop_bpf_compute(code, BPF_XOR, NUMBER, WORD);
    hop_bpf_compute(code, BPF_MUL, NUMBER, FACTOR);
    hop_bpf_load(code, BPF_W, WORD, SCRATCH, IN_CODE(layout->code_version));
    hop_bpf_jump_if(code, BPF_JNE, WORD, 0, HAS_VERSION);
    hop_bpf_load(code, BPF_DW, WORD, SCRATCH, IN_CODE(layout->code_consts));
    hop_bpf_label(code, HAS_VERSION);
    hop_bpf_compute(code, BPF_XOR, NUMBER, WORD);
    hop_bpf_compute(code, BPF_MUL, NUMBER, FACTOR);
    hop_bpf_move(code, WORD, NUMBER);
    hop_bpf_compute_with(code, BPF_RSH, WORD, 32);
    hop_bpf_compute(code, BPF_XOR, NUMBER, WORD);
#undef IN_CODE
}

/* Asks for a wake-up unless the number in register 1 is known. */
static void check_known(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    hop_bpf_set_map_memory(code, 2, plan->shared, offsetof(struct hop_interrupt_shared, known));
    hop_bpf_move(code, 3, 1);
    hop_bpf_compute_with(code, BPF_AND, 3, (HOP_INTERRUPT_KNOWN - 1) & ~1);
    hop_bpf_compute_with(code, BPF_LSH, 3, 3);
    hop_bpf_compute(code, BPF_ADD, 2, 3);
    hop_bpf_load(code, BPF_DW, 3, 2, 0);
    hop_bpf_jump_if_than(code, BPF_JEQ, 3, 1, KNOWN);
    hop_bpf_load(code, BPF_DW, 3, 2, 8);
    hop_bpf_jump_if_than(code, BPF_JEQ, 3, 1, KNOWN);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 1);
    hop_bpf_label(code, KNOWN);
}

/* Makes FRAME point to a copy of the frame at ADDR. Frames lie side by side, older ones below newer
 * ones, mostly: what is read is a block that ends with this one, or this one alone where that can't
 * be. */
static void find_frame(struct hop_bpf_code *code, struct piece piece)
{
    const int32_t last = HOP_INTERRUPT_BLOCK_BYTES - piece.bytes;
    if (piece.from)
        hop_bpf_compute_with(code, BPF_ADD, ADDR, piece.from);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(valid_addr));
    hop_bpf_jump_if_than(code, BPF_JLT, ADDR, 1, REFILL);
    hop_bpf_move(code, FRAME, ADDR);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(block_addr));
    hop_bpf_compute(code, BPF_SUB, FRAME, 1);
    hop_bpf_jump_if(code, BPF_JLE, FRAME, last, IN_BLOCK);

    hop_bpf_label(code, REFILL);
    hop_bpf_move(code, 1, ADDR);
    hop_bpf_compute_with(code, BPF_SUB, 1, last);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(block_addr), 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(valid_addr), 1);
    read_memory(code, IN_SCRATCH(block), HOP_INTERRUPT_BLOCK_BYTES, ADDR, -last, ALONE);
    hop_bpf_set(code, FRAME, last);
    hop_bpf_jump(code, IN_BLOCK);
    hop_bpf_label(code, ALONE);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(valid_addr), ADDR);
    read_memory(code, IN_SCRATCH(block) + last, piece.bytes, ADDR, 0, FRAME_UNREADABLE);
    hop_bpf_set(code, FRAME, last);

    hop_bpf_label(code, IN_BLOCK);
    hop_bpf_compute(code, BPF_ADD, FRAME, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, FRAME, (int32_t)IN_SCRATCH(block));
}

/* What is in memory at the ip in register 3, for the record's frame number register 2 at register
 * 1. Of a caller it may be some milliseconds old: another form of the same instruction, if it has
 * changed. */
static void find_opcodes(struct hop_bpf_code *code)
{
    hop_bpf_jump_if(code, BPF_JEQ, 2, 0, READ_OPCODES);
    hop_bpf_load(code, BPF_DW, 4, PLACE, IN_CODES(ip));
    hop_bpf_jump_if_than(code, BPF_JNE, 4, 3, READ_OPCODES);
    hop_bpf_load(code, BPF_DW, 4, PLACE, IN_CODES(opcodes_ns));
    hop_bpf_compute_with(code, BPF_ADD, 4, OPCODES_NS);
    hop_bpf_load(code, BPF_DW, 5, SCRATCH, IN_RECORD(ns));
    hop_bpf_jump_if_than(code, BPF_JLT, 4, 5, READ_OPCODES);
    hop_bpf_load(code, BPF_DW, 4, PLACE, IN_CODES(opcodes));
    hop_bpf_store(code, BPF_DW, 1, IN_FRAME(opcodes), 4);
    hop_bpf_return(code, 0);

    hop_bpf_label(code, READ_OPCODES);
    hop_bpf_move(code, FRAME, 1); /* which is not needed any more */
    hop_bpf_store_value(code, BPF_DW, PLACE, IN_CODES(opcodes_ns), 0); /* should it fail */
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(ip), 3);
    hop_bpf_compute_with(code, BPF_ADD, 1, IN_FRAME(opcodes));
    hop_bpf_set(code, 2, sizeof((struct hop_interrupt_frame *)0)->opcodes);
    hop_bpf_call(code, BPF_FUNC_probe_read_user);
    hop_bpf_jump_if(code, BPF_JNE, 0, 0, FRAME_UNREADABLE);
    hop_bpf_load(code, BPF_DW, 1, FRAME, IN_FRAME(opcodes));
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(opcodes), 1);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_RECORD(ns));
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(opcodes_ns), 1);
    hop_bpf_return(code, 0);
}

/* The frame at next_addr. 0: to be called again. 1: that was all. */
static void write_walk_one(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    const struct hop_layout *layout = plan->layout;
    const struct piece frame = frame_piece(layout), object = code_piece(layout);
    hop_bpf_begin_function(code, WALK_ONE);
    begin(code, plan, FRAME_BEGUN);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(next_addr));
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, BOTTOM);
    find_frame(code, frame);
    hop_bpf_load(code, BPF_DW, 1, FRAME, layout->iframe_previous - frame.from);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(next_addr), 1);
    hop_bpf_load(code, BPF_B, 1, FRAME, layout->iframe_owner - frame.from);
    hop_bpf_jump_if(code, BPF_JGE, 1, 32, HAS_CODE);
    hop_bpf_set(code, 2, (int32_t)layout->owners_without_code);
    hop_bpf_compute(code, BPF_RSH, 2, 1);
    hop_bpf_jump_if(code, BPF_JSET, 2, 1, IS_ENTRY);

    hop_bpf_label(code, HAS_CODE);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(at_entry), 0);
    hop_bpf_load(code, BPF_DW, ADDR, FRAME, layout->iframe_code - frame.from);
    if (layout->code_pointer_mask != UINT64_MAX) {
        hop_bpf_set_wide(code, 1, layout->code_pointer_mask);
        hop_bpf_compute(code, BPF_AND, ADDR, 1);
    }
    find_place(code);
    find_identity(code);
    read_memory(code, IN_SCRATCH(code), object.bytes, ADDR, object.from, FRAME_UNREADABLE);
    compute_identity(code, layout);
    keep_identity(code);
    hop_bpf_label(code, IDENTIFIED);
    hop_bpf_store(code, BPF_DW, STACK_END, IDENTITY_ON_STACK, 1);
    check_known(code, plan);

    hop_bpf_load(code, BPF_W, 2, SCRATCH, IN_RECORD(frame_count));
    hop_bpf_jump_if(code, BPF_JLT, 2, HOP_INTERRUPT_FRAMES_MAX, ROOM);
    hop_bpf_return(code, 1); /* too deep */
    hop_bpf_label(code, ROOM);
    hop_bpf_move(code, 1, 2);
    hop_bpf_compute_with(code, BPF_ADD, 1, 1);
    hop_bpf_store(code, BPF_W, SCRATCH, IN_RECORD(frame_count), 1);
    hop_bpf_move(code, 1, 2);
    hop_bpf_compute_with(code, BPF_MUL, 1, sizeof(struct hop_interrupt_frame));
    hop_bpf_compute(code, BPF_ADD, 1, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 1, IN_SCRATCH(frames));
    hop_bpf_store(code, BPF_DW, 1, IN_FRAME(code_addr), ADDR);
    hop_bpf_load(code, BPF_DW, 3, STACK_END, IDENTITY_ON_STACK);
    hop_bpf_store(code, BPF_DW, 1, IN_FRAME(identity), 3);
    hop_bpf_load(code, BPF_DW, 3, FRAME, layout->iframe_ip - frame.from);
    hop_bpf_store(code, BPF_DW, 1, IN_FRAME(ip), 3);
    find_opcodes(code);

    hop_bpf_label(code, IS_ENTRY);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(at_entry), 1);
    hop_bpf_return(code, 0);
    hop_bpf_label(code, FRAME_UNREADABLE);
    set_status(code, HOP_INTERRUPT_UNREADABLE);
    hop_bpf_return(code, 1);
    hop_bpf_label(code, BOTTOM);
    set_status(code, HOP_INTERRUPT_WALKED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(at_entry));
    hop_bpf_jump_if(code, BPF_JNE, 1, 0, SOUND);
    set_status(code, HOP_INTERRUPT_BROKEN);
    hop_bpf_label(code, SOUND);
    hop_bpf_return(code, 1);
}

int hop_interrupt_program_load(const struct hop_interrupt_plan *plan)
{
    struct hop_bpf_code code = {0};
    write_main(&code, plan);
    write_walk_one(&code, plan);
    return hop_bpf_load_code(&code);
}
