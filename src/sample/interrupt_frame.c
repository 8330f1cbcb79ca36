/* The function that is called for each frame of a stack, innermost first: what the frame is, which
 * code object it executes, and what is in memory where it stands. */
#include "sample/interrupt_parts.h"

#include "py/code.h"

#define IN_CODES(member) (long)offsetof(struct hop_interrupt_code, member)
#define IN_FRAME(member) offsetof(struct hop_interrupt_frame, member)

/* Registers of this function's own. */
enum { FRAME = 6, PLACE = 9 };

enum { PAGE_BYTES = 4096 /* at least */ };

/* How old what is in memory at a caller's instruction may be. */
static const int32_t OPCODES_NS = 10 * 1000 * 1000;

/* The fields of a frame, be that a _PyInterpreterFrame or a PyFrameObject. */
struct fields {
    int32_t code, previous, ip, owner;
    int32_t ip_bytes, owner_bytes;
};

static struct fields fields_of(const struct hop_layout *layout)
{
    if (layout->frame_root == HOP_ROOT_FRAME_OBJECT)
        return (struct fields){
            layout->frame_code, layout->frame_back, layout->frame_lasti, layout->frame_gen, 4, 8};
    return (struct fields){layout->iframe_code,
                           layout->iframe_previous,
                           layout->iframe_ip,
                           layout->iframe_owner,
                           8,
                           1};
}

static struct hop_interrupt_piece frame_piece(const struct hop_layout *layout)
{
    const struct fields fields = fields_of(layout);
    struct hop_interrupt_piece piece = {0};
    hop_interrupt_piece_add(&piece, fields.code, 8);
    hop_interrupt_piece_add(&piece, fields.previous, 8);
    hop_interrupt_piece_add(&piece, fields.ip, fields.ip_bytes);
    hop_interrupt_piece_add(&piece, fields.owner, fields.owner_bytes);
    return piece;
}

static bool has_bytes_object(const struct hop_layout *layout)
{
    return layout->code_adaptive == HOP_ABSENT;
}

/* What tells the bytecode's size, or the bytes object that it is in. */
static int32_t code_word(const struct hop_layout *layout)
{
    return has_bytes_object(layout) ? layout->code_code : layout->code_units;
}

static struct hop_interrupt_piece code_piece(const struct hop_layout *layout)
{
    struct hop_interrupt_piece piece = {0};
    hop_interrupt_piece_add(&piece, layout->object_type, 8);
    hop_interrupt_piece_add(&piece, layout->code_name, 8);
    hop_interrupt_piece_add(&piece, layout->code_filename, 8);
    hop_interrupt_piece_add(&piece, layout->code_lines, 8);
    hop_interrupt_piece_add(&piece, code_word(layout), 8);
    hop_interrupt_piece_add(&piece, layout->code_flags, 4);
    hop_interrupt_piece_add(&piece, layout->code_firstlineno, 4);
    hop_interrupt_piece_add(&piece, layout->code_consts, 8);
    hop_interrupt_piece_add(&piece, layout->code_names, 8);
    if (layout->code_version != HOP_ABSENT)
        hop_interrupt_piece_add(&piece, layout->code_version, 4);
    return piece;
}

/* Where in the scratch a field of the code object is that was read. */
static long in_code(const struct hop_layout *layout, int32_t offset)
{
    return IN_SCRATCH(code) + offset - code_piece(layout).from;
}

bool hop_interrupt_can_frames(const struct hop_layout *layout)
{
    return layout->object_type >= 8 &&
           (!hop_code_identity_needs_name(layout) ||
            layout->unicode_hash == layout->unicode_length + 8) &&
           frame_piece(layout).bytes <= HOP_INTERRUPT_BLOCK_BYTES / 8 &&
           code_piece(layout).bytes <= HOP_INTERRUPT_CODE_BYTES;
}

/* --- the frame -------------------------------------------------------------------------------- */

/* Reads as much of what is below the frame at ADDR as there is room for and is in its page: the one
 * before may not be there, and to find that out takes longer than all else. Sets FRAME to where the
 * frame is in the block. */
static void read_block(struct hop_bpf_code *code, int32_t last, int32_t frame_bytes)
{
    hop_bpf_move(code, 3, ADDR);
    hop_bpf_compute_with(code, BPF_AND, 3, -PAGE_BYTES);
    hop_bpf_move(code, 1, ADDR);
    hop_bpf_compute_with(code, BPF_SUB, 1, last);
    hop_bpf_jump_if_than(code, BPF_JGE, 3, 1, IN_PAGE);
    hop_bpf_move(code, 3, 1);
    hop_bpf_label(code, IN_PAGE);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(block_addr), 3);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(valid_addr), 3);
    hop_bpf_move(code, FRAME, ADDR);
    hop_bpf_compute(code, BPF_SUB, FRAME, 3);
    hop_bpf_jump_if(code, BPF_JGT, FRAME, last, FRAME_UNREADABLE); /* never: for the verifier */
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(block_last), FRAME);
    hop_bpf_move(code, 1, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 1, (int32_t)IN_SCRATCH(block));
    hop_bpf_move(code, 2, FRAME);
    hop_bpf_compute_with(code, BPF_ADD, 2, frame_bytes);
    hop_bpf_call(code, BPF_FUNC_probe_read_user);
    hop_bpf_jump_if(code, BPF_JEQ, 0, 0, IN_BLOCK);
}

/* Makes FRAME point to a copy of the frame at ADDR. Of the data stack, frames lie side by side,
 * older ones below newer ones, mostly: what is read is a block that ends with this one, or this one
 * alone where that can't be. */
static void find_frame(struct hop_bpf_code *code, struct hop_interrupt_piece piece,
                       bool is_on_data_stack)
{
    const int32_t last = HOP_INTERRUPT_BLOCK_BYTES - piece.bytes;
    if (piece.from)
        hop_bpf_compute_with(code, BPF_ADD, ADDR, piece.from);
    if (is_on_data_stack) {
        hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(valid_addr));
        hop_bpf_jump_if_than(code, BPF_JLT, ADDR, 1, REFILL);
        hop_bpf_move(code, FRAME, ADDR);
        hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(block_addr));
        hop_bpf_compute(code, BPF_SUB, FRAME, 1);
        hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(block_last));
        hop_bpf_jump_if_than(code, BPF_JGT, FRAME, 1, REFILL);
        hop_bpf_jump_if(code, BPF_JLE, FRAME, last, IN_BLOCK);
        hop_bpf_label(code, REFILL);
        read_block(code, last, piece.bytes);
        hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(valid_addr), -1);
    }
    hop_interrupt_read(code, IN_SCRATCH(block) + last, piece.bytes, ADDR, 0, FRAME_UNREADABLE);
    hop_bpf_set(code, FRAME, last);

    hop_bpf_label(code, IN_BLOCK);
    hop_bpf_compute(code, BPF_ADD, FRAME, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, FRAME, (int32_t)IN_SCRATCH(block));
}

/* In 3.11 and 3.12 the first frame may be one that has been freed: walk.c, is_freed. It is no part
 * of the stack, but leads to it. */
static void note_freed(struct hop_bpf_code *code)
{
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_freed), 0);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(top_addr));
    hop_bpf_jump_if_than(code, BPF_JLT, ADDR, 1, IS_LINKED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(chunk_end));
    hop_bpf_jump_if_than(code, BPF_JGE, ADDR, 1, IS_LINKED);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_freed), 1);
    hop_bpf_label(code, IS_LINKED);
}

static void pass_freed(struct hop_bpf_code *code)
{
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(is_freed));
    hop_bpf_jump_if(code, BPF_JEQ, 1, 0, NOT_FREED);
    hop_bpf_load(code, BPF_W, 1, SCRATCH, IN_RECORD(frame_count));
    hop_bpf_jump_if(code, BPF_JNE, 1, 0, FRAME_BROKEN);
    hop_bpf_return(code, 0);
    hop_bpf_label(code, NOT_FREED);
}

/* Whether the chain may end with this one. From 3.12 on entry frames are its end, which have no
 * code; before, any frame may be one, but a generator that ends the chain has just been unlinked,
 * or is about to be linked. */
static void note_soundness(struct hop_bpf_code *code, const struct hop_layout *layout, long owner)
{
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_sound), 0);
    if (layout->owners_without_code)
        return;
    if (layout->frame_root == HOP_ROOT_FRAME_OBJECT) {
        hop_bpf_load(code, BPF_DW, 1, FRAME, owner);
        hop_bpf_jump_if(code, BPF_JNE, 1, 0, IS_SOUND_BOTTOM);
    } else {
        hop_bpf_load(code, BPF_B, 1, FRAME, owner);
        hop_bpf_jump_if(code, BPF_JEQ, 1, layout->owner_generator, IS_SOUND_BOTTOM);
    }
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_sound), 1);
    hop_bpf_label(code, IS_SOUND_BOTTOM);
}

/* For interrupt_repair.c. */
static void note_kind(struct hop_bpf_code *code, const struct hop_layout *layout,
                      const struct fields *fields, int32_t from)
{
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_generator), 1);
    hop_bpf_load(code, BPF_B, 1, FRAME, fields->owner - from);
    hop_bpf_jump_if(code, BPF_JEQ, 1, layout->owner_generator, KIND_NOTED);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_generator), 0);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(stack_frame));
    hop_bpf_jump_if(code, BPF_JNE, 1, 0, KIND_NOTED);
    hop_bpf_move(code, 1, ADDR);
    hop_bpf_compute_with(code, BPF_SUB, 1, from);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(stack_frame), 1);
    hop_bpf_load(code, BPF_DW, 1, FRAME, fields->code - from);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(stack_code), 1);
    hop_bpf_label(code, KIND_NOTED);
}

/* What is no chain may lead in circles: walk.c, closes_a_circle. */
static void leave_circle(struct hop_bpf_code *code)
{
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(kept_addr));
    hop_bpf_jump_if_than(code, BPF_JEQ, 1, ADDR, FRAME_UNREADABLE);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(steps));
    hop_bpf_compute_with(code, BPF_ADD, 1, 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(steps), 1);
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(next_kept));
    hop_bpf_jump_if_than(code, BPF_JNE, 1, 2, SAME_LAP);
    hop_bpf_compute_with(code, BPF_LSH, 2, 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(next_kept), 2);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(kept_addr), ADDR);
    hop_bpf_label(code, SAME_LAP);
}

/* --- its code object -------------------------------------------------------------------------- */

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
    hop_bpf_load(code, BPF_DW, 3, PLACE, IN_CODES(addr));
    hop_bpf_jump_if_than(code, BPF_JNE, 3, ADDR, UNIDENTIFIED);
    hop_bpf_load(code, BPF_DW, 3, PLACE, IN_CODES(counter));
    hop_bpf_jump_if_than(code, BPF_JNE, 3, 2, UNIDENTIFIED);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_another), 0);
    hop_bpf_load(code, BPF_DW, 1, PLACE, IN_CODES(identity));
    hop_bpf_jump(code, IDENTIFIED);
    hop_bpf_label(code, UNIDENTIFIED);
}

/* Keeps what is in register 1; of another code object than before, nothing else is known yet. */
static void keep_identity(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    if (has_bytes_object(layout)) {
        hop_bpf_load(code, BPF_DW, 2, SCRATCH, in_code(layout, layout->code_code));
        hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(bytes_addr), 2);
    }
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_another), 0);
    hop_bpf_load(code, BPF_DW, 2, PLACE, IN_CODES(addr));
    hop_bpf_jump_if_than(code, BPF_JNE, 2, ADDR, FORGET_OPCODES);
    hop_bpf_load(code, BPF_DW, 2, PLACE, IN_CODES(identity));
    hop_bpf_jump_if_than(code, BPF_JEQ, 2, 1, KEEP);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_another), 1);
    hop_bpf_store_value(code, BPF_DW, PLACE, IN_CODES(copied), 0);
    hop_bpf_label(code, FORGET_OPCODES);
    hop_bpf_store_value(code, BPF_DW, PLACE, IN_CODES(opcodes_ns), 0);
    hop_bpf_label(code, KEEP);
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(counter));
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(addr), ADDR);
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(identity), 1);
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(counter), 2);
}

/* What is no code object is in no frame: the chain led astray. */
static void require_code(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    hop_bpf_set_map_memory(code, 1, plan->shared,
                           offsetof(struct hop_interrupt_shared, code_type_addr));
    hop_bpf_load(code, BPF_DW, 1, 1, 0);
    hop_bpf_jump_if(code, BPF_JEQ, 1, 0, IS_CODE);
    hop_bpf_load(code, BPF_DW, 2, SCRATCH,
                 IN_SCRATCH(code) + plan->layout->object_type - code_piece(plan->layout).from);
    hop_bpf_jump_if_than(code, BPF_JNE, 1, 2, FRAME_UNREADABLE);
    hop_bpf_label(code, IS_CODE);
}

/* Takes down a part of what hangs on the code object. */
static void read_part(struct hop_bpf_code *code, const struct hop_layout *layout,
                      const struct hop_code_part *part, size_t index)
{
    const int is_short = PART_LABELS + 2 * (int)index, is_empty = is_short + 1;
    const long words = IN_SCRATCH(parts[index]);
    const int32_t most = (HOP_CODE_PART_WORDS - 1) * 8 / part->item_bytes;
    for (int i = 0; i < HOP_CODE_PART_WORDS; i++)
        hop_bpf_store_value(code, BPF_DW, SCRATCH, (size_t)words + 8 * (size_t)i, 0);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, in_code(layout, part->pointer));
    hop_bpf_jump_if(code, BPF_JEQ, 1, 0, is_empty);
    hop_interrupt_read(code, words, 8, 1, part->size, CODE_ABSENT);
    hop_bpf_load(code, BPF_DW, 3, SCRATCH, in_code(layout, part->pointer));
    hop_bpf_compute_with(code, BPF_ADD, 3, part->data);
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, words);
    hop_bpf_jump_if(code, BPF_JEQ, 2, 0, is_empty);
    hop_bpf_jump_if(code, BPF_JLE, 2, most, is_short);
    hop_bpf_set(code, 2, most);
    hop_bpf_label(code, is_short);
    hop_bpf_compute_with(code, BPF_MUL, 2, part->item_bytes);
    hop_bpf_move(code, 1, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 1, (int32_t)words + 8);
    hop_bpf_call(code, BPF_FUNC_probe_read_user);
    hop_bpf_jump_if(code, BPF_JNE, 0, 0, CODE_ABSENT);
    hop_bpf_label(code, is_empty);
}

static void fold(struct hop_bpf_code *code, int number, int word)
{
    hop_bpf_move(code, word, number);
    hop_bpf_compute_with(code, BPF_RSH, word, 32);
    hop_bpf_compute(code, BPF_XOR, number, word);
}

/* Makes the code object's number in register 1, as hop_code_number_read does. */
static void compute_identity(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    enum { NUMBER = 1, WORD = 2, FACTOR = 3, OTHER = 4 };
    struct hop_code_part parts[HOP_CODE_PARTS];
    const size_t part_count = hop_code_parts(layout, parts);
    const bool has_name = hop_code_identity_needs_name(layout);
    const int32_t words[] = {layout->object_type, layout->code_name, layout->code_filename,
                             layout->code_lines, code_word(layout)};
    if (has_name) {
        hop_bpf_load(code, BPF_DW, WORD, SCRATCH, in_code(layout, layout->code_name));
        hop_interrupt_read(code, IN_SCRATCH(name), sizeof((struct hop_interrupt_scratch *)0)->name,
                           WORD, layout->unicode_length, CODE_ABSENT);
    }
    for (size_t i = 0; i < part_count; i++)
        read_part(code, layout, &parts[i], i);
    hop_bpf_move(code, NUMBER, ADDR);
    hop_bpf_set_wide(code, FACTOR, HOP_CODE_NUMBER_FACTOR);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        hop_bpf_load(code, BPF_DW, WORD, SCRATCH, in_code(layout, words[i]));
        hop_bpf_compute(code, BPF_XOR, NUMBER, WORD);
        hop_bpf_compute(code, BPF_MUL, NUMBER, FACTOR);
    }
    hop_bpf_load(code, BPF_W, WORD, SCRATCH, in_code(layout, layout->code_flags));
    hop_bpf_compute_with(code, BPF_LSH, WORD, 32);
    hop_bpf_load(code, BPF_W, OTHER, SCRATCH, in_code(layout, layout->code_firstlineno));
    hop_bpf_compute(code, BPF_OR, WORD, OTHER);
    hop_bpf_compute(code, BPF_XOR, NUMBER, WORD);
    hop_bpf_compute(code, BPF_MUL, NUMBER, FACTOR);
    if (layout->code_version != HOP_ABSENT) {
        hop_bpf_load(code, BPF_W, WORD, SCRATCH, in_code(layout, layout->code_version));
        hop_bpf_jump_if(code, BPF_JNE, WORD, 0, HAS_VERSION);
    }
    hop_bpf_load(code, BPF_DW, WORD, SCRATCH, in_code(layout, layout->code_consts));
    hop_bpf_label(code, HAS_VERSION);
    hop_bpf_compute(code, BPF_XOR, NUMBER, WORD);
    hop_bpf_compute(code, BPF_MUL, NUMBER, FACTOR);
    for (int i = 0; i < 2; i++) {
        if (has_name) {
            hop_bpf_load(code, BPF_DW, WORD, SCRATCH, IN_SCRATCH(name) + 8 * i);
            hop_bpf_compute(code, BPF_XOR, NUMBER, WORD);
        }
        hop_bpf_compute(code, BPF_MUL, NUMBER, FACTOR);
    }
    fold(code, NUMBER, WORD);
    for (size_t i = 0; i < part_count; i++) {
        for (size_t j = 0; j < HOP_CODE_PART_WORDS; j++) {
            hop_bpf_load(code, BPF_DW, WORD, SCRATCH, IN_SCRATCH(parts[i][j]));
            hop_bpf_compute(code, BPF_XOR, NUMBER, WORD);
            hop_bpf_compute(code, BPF_MUL, NUMBER, FACTOR);
        }
        fold(code, NUMBER, WORD);
    }
}

/* Unless the number in register 1 is known, the code object is copied once, or, where it can't be,
 * we are to come and read it. Up to 3.11 a number may come round again, and what is known of it be
 * of another one. */
static void check_known(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    if (hop_code_identity_needs_name(plan->layout)) {
        hop_bpf_load(code, BPF_DW, 3, SCRATCH, IN_SCRATCH(is_another));
        hop_bpf_jump_if(code, BPF_JNE, 3, 0, NEWLY_THERE);
    }
    hop_bpf_set_map_memory(code, 2, plan->shared, offsetof(struct hop_interrupt_shared, known));
    hop_bpf_move(code, 3, 1);
    hop_bpf_compute_with(code, BPF_AND, 3, (HOP_INTERRUPT_KNOWN - 1) & ~1);
    hop_bpf_compute_with(code, BPF_LSH, 3, 3);
    hop_bpf_compute(code, BPF_ADD, 2, 3);
    hop_bpf_load(code, BPF_DW, 3, 2, 0);
    hop_bpf_jump_if_than(code, BPF_JEQ, 3, 1, KNOWN);
    hop_bpf_load(code, BPF_DW, 3, 2, 8);
    hop_bpf_jump_if_than(code, BPF_JEQ, 3, 1, KNOWN);
    hop_bpf_label(code, NEWLY_THERE);
    hop_bpf_set_map_memory(code, 2, plan->shared, offsetof(struct hop_interrupt_shared, forgotten));
    hop_bpf_load(code, BPF_DW, 2, 2, 0);
    hop_bpf_compute(code, BPF_ADD, 1, 2);
    hop_bpf_load(code, BPF_DW, 3, PLACE, IN_CODES(copied));
    hop_bpf_jump_if_than(code, BPF_JEQ, 3, 1, KNOWN);
    hop_bpf_load(code, BPF_DW, 3, SCRATCH, IN_SCRATCH(code_count));
    hop_bpf_jump_if(code, BPF_JGE, 3, HOP_COPY_CODES, WANTS_WAKEUP);
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(copied), 1);
    hop_bpf_move(code, 2, 3);
    hop_bpf_compute_with(code, BPF_ADD, 2, 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(code_count), 2);
    hop_bpf_compute_with(code, BPF_LSH, 3, 3);
    hop_bpf_compute(code, BPF_ADD, 3, SCRATCH);
    hop_bpf_store(code, BPF_DW, 3, IN_SCRATCH(code_addrs), ADDR);
    hop_bpf_jump(code, KNOWN);
    hop_bpf_label(code, WANTS_WAKEUP);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 1);
    hop_bpf_label(code, KNOWN);
}

/* --- its instruction -------------------------------------------------------------------------- */

/* Puts the frame's ip into the record's frame at register 1. f_lasti is an int. */
static void take_ip(struct hop_bpf_code *code, const struct fields *fields, int32_t from)
{
    hop_bpf_load(code, fields->ip_bytes == 8 ? BPF_DW : BPF_W, 3, FRAME, fields->ip - from);
    if (fields->ip_bytes == 4) {
        hop_bpf_compute_with(code, BPF_LSH, 3, 32);
        hop_bpf_compute_with(code, BPF_ARSH, 3, 32);
    }
    hop_bpf_store(code, BPF_DW, 1, IN_FRAME(ip), 3);
}

/* Makes register 3, an ip, the address of what is taken down (interrupt_codes.c, opcodes_at). */
static void locate_opcodes(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    if (!has_bytes_object(layout)) {
        if (hop_interrupt_behind(layout))
            hop_bpf_compute_with(code, BPF_SUB, 3, hop_interrupt_behind(layout));
        return;
    }
    hop_bpf_jump_if(code, BPF_JNE, 3, -1, BEGUN_EXECUTING);
    hop_bpf_set(code, 3, 0);
    hop_bpf_label(code, BEGUN_EXECUTING);
    if (layout->ip_kind == HOP_IP_LASTI_UNITS)
        hop_bpf_compute_with(code, BPF_LSH, 3, 1);
    hop_bpf_load(code, BPF_DW, 4, PLACE, IN_CODES(bytes_addr));
    hop_bpf_compute(code, BPF_ADD, 3, 4);
    hop_bpf_compute_with(code, BPF_ADD, 3, layout->bytes_data);
}

/* What is in memory at register 3, for the record's frame number register 2 at register 1. Of a
 * caller it may be some milliseconds old: another form of the same instruction, if it has changed.
 */
static void find_opcodes(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    const int32_t bytes = hop_interrupt_opcodes_bytes(layout);
    hop_bpf_jump_if(code, BPF_JEQ, 2, 0, READ_OPCODES);
    hop_bpf_load(code, BPF_DW, 4, PLACE, IN_CODES(opcodes_addr));
    hop_bpf_jump_if_than(code, BPF_JNE, 4, 3, READ_OPCODES);
    hop_bpf_load(code, BPF_DW, 4, PLACE, IN_CODES(opcodes_ns));
    hop_bpf_compute_with(code, BPF_ADD, 4, OPCODES_NS);
    hop_bpf_load(code, BPF_DW, 5, SCRATCH, IN_RECORD(ns));
    hop_bpf_jump_if_than(code, BPF_JLT, 4, 5, READ_OPCODES);
    for (int32_t at = 0; at < bytes; at += 8) {
        hop_bpf_load(code, BPF_DW, 4, PLACE, IN_CODES(opcodes) + at);
        hop_bpf_store(code, BPF_DW, 1, IN_FRAME(opcodes) + at, 4);
    }
    hop_bpf_return(code, 0);

    hop_bpf_label(code, READ_OPCODES);
    hop_bpf_move(code, FRAME, 1); /* which is not needed any more */
    hop_bpf_store_value(code, BPF_DW, PLACE, IN_CODES(opcodes_ns), 0); /* should it fail */
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(opcodes_addr), 3);
    hop_bpf_compute_with(code, BPF_ADD, 1, IN_FRAME(opcodes));
    hop_bpf_set(code, 2, bytes);
    hop_bpf_call(code, BPF_FUNC_probe_read_user);
    hop_bpf_jump_if(code, BPF_JNE, 0, 0, CODE_ABSENT);
    for (int32_t at = 0; at < bytes; at += 8) {
        hop_bpf_load(code, BPF_DW, 1, FRAME, IN_FRAME(opcodes) + at);
        hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(opcodes) + at, 1);
    }
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_RECORD(ns));
    hop_bpf_store(code, BPF_DW, PLACE, IN_CODES(opcodes_ns), 1);
    hop_bpf_return(code, 0);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* Of the kernel's verifier, no instruction may be one that is never come to. */
static void write_ends(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    if (layout->owners_without_code) {
        hop_bpf_label(code, IS_ENTRY);
        hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(is_sound), 1);
        hop_bpf_return(code, 0);
    }
    hop_bpf_label(code, FRAME_UNREADABLE);
    hop_interrupt_set_status(code, HOP_INTERRUPT_UNREADABLE);
    hop_bpf_return(code, 1);
    hop_bpf_label(code, CODE_ABSENT);
    hop_interrupt_set_status(code, HOP_INTERRUPT_ABSENT);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(absent_code), ADDR);
    hop_bpf_return(code, 1);
    hop_bpf_label(code, BOTTOM);
    hop_interrupt_set_status(code, HOP_INTERRUPT_WALKED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(is_sound));
    hop_bpf_jump_if(code, BPF_JNE, 1, 0, SOUND);
    hop_bpf_label(code, FRAME_BROKEN);
    hop_interrupt_set_status(code, HOP_INTERRUPT_BROKEN);
    hop_bpf_label(code, SOUND);
    hop_bpf_return(code, 1);
}

void hop_interrupt_write_frame(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    const struct hop_layout *layout = plan->layout;
    const struct fields fields = fields_of(layout);
    const struct hop_interrupt_piece frame = frame_piece(layout), object = code_piece(layout);
    const bool may_be_freed = layout->frame_root == HOP_ROOT_CFRAME;
    hop_bpf_begin_function(code, WALK_ONE);
    hop_interrupt_begin(code, plan, FRAME_BEGUN);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(next_addr));
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, BOTTOM);
    if (may_be_freed) {
        leave_circle(code);
        note_freed(code);
    }
    find_frame(code, frame, layout->frame_root != HOP_ROOT_FRAME_OBJECT);
    hop_bpf_load(code, BPF_DW, 1, FRAME, fields.previous - frame.from);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(next_addr), 1);
    if (may_be_freed)
        pass_freed(code);
    if (layout->owners_without_code) {
        hop_bpf_load(code, BPF_B, 1, FRAME, fields.owner - frame.from);
        hop_bpf_jump_if(code, BPF_JGE, 1, 32, HAS_CODE);
        hop_bpf_set(code, 2, (int32_t)layout->owners_without_code);
        hop_bpf_compute(code, BPF_RSH, 2, 1);
        hop_bpf_jump_if(code, BPF_JSET, 2, 1, IS_ENTRY);
    }

    hop_bpf_label(code, HAS_CODE);
    note_soundness(code, layout, fields.owner - frame.from);
    if (may_be_freed)
        note_kind(code, layout, &fields, frame.from);
    hop_bpf_load(code, BPF_DW, ADDR, FRAME, fields.code - frame.from);
    if (layout->code_pointer_mask != UINT64_MAX) {
        hop_bpf_set_wide(code, 1, layout->code_pointer_mask);
        hop_bpf_compute(code, BPF_AND, ADDR, 1);
    }
    find_place(code);
    find_identity(code);
    hop_interrupt_read(code, IN_SCRATCH(code), object.bytes, ADDR, object.from, FRAME_UNREADABLE);
    require_code(code, plan);
    compute_identity(code, layout);
    keep_identity(code, layout);
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
    take_ip(code, &fields, frame.from);
    locate_opcodes(code, layout);
    find_opcodes(code, layout);
    write_ends(code, layout);
}
