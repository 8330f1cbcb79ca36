/* The function that copies one thing that belongs to a code object nobody knows yet: it may be
 * freed microseconds later, and what is not read in this interrupt can't be read any more. It does
 * what code_read.c and operands.c do, but looks for nothing in what it copies: these then read the
 * copies, and check all. */
#include "sample/interrupt_parts.h"

#include "mem/copied.h"
#include "py/code.h"

#define IN_ITEM(member) (long)offsetof(struct hop_copy_item, member)

/* Registers of this function's own; where the span is, on the stack. */
enum { ITEM = 6, SIZE = 9 };
enum { SPAN_ON_STACK = -24 };

/* Limits: what is longer is read by us, where that is still possible. Of constants that are neither
 * text nor bytes nor tuples the first bytes are all there is to most. */
enum {
    UNITS_MAX = 2048,
    BYTES_MAX = 4096,
    POINTS_MAX = 512,     /* of a name or a constant; the reader is content with less */
    TUPLE_MAX = 512,      /* pointers */
    TUPLE_ITEMS_MAX = 96, /* copied with what they point to */
    CONSTANT_BYTES = 64,
    PAGE_BYTES = 4096, /* at least */
    SPAN_BYTES_MAX = BYTES_MAX + HOP_CODE_HEADER_MAX,
    STEPS_MAX = 384
};

bool hop_interrupt_can_copy(const struct hop_layout *layout)
{
    return layout->object_type >= 8 && layout->unicode_ascii_data <= HOP_INTERRUPT_HEAD_BYTES &&
           layout->bytes_data <= HOP_INTERRUPT_HEAD_BYTES &&
           layout->tuple_items <= HOP_INTERRUPT_HEAD_BYTES && layout->unicode_kind_mask &&
           hop_code_header_size(layout) <= HOP_CODE_HEADER_MAX;
}

/* Adds what is at ADDR to the items, as number register 3, which is how many there are: fewer than
 * HOP_COPY_ITEMS, as the verifier knows. Registers 2 and 3 are lost. */
static void add_item(struct hop_bpf_code *code, enum hop_copy_kind kind)
{
    hop_bpf_move(code, 2, 3);
    hop_bpf_compute_with(code, BPF_ADD, 2, 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(item_count), 2);
    hop_bpf_compute_with(code, BPF_MUL, 3, sizeof(struct hop_copy_item));
    hop_bpf_compute(code, BPF_ADD, 3, SCRATCH);
    hop_bpf_store(code, BPF_DW, 3, IN_SCRATCH(items) + IN_ITEM(addr), ADDR);
    hop_bpf_store_value(code, BPF_DW, 3, IN_SCRATCH(items) + IN_ITEM(kind), (int32_t)kind);
    hop_bpf_store_value(code, BPF_DW, 3, IN_SCRATCH(items) + IN_ITEM(count), -1);
    hop_bpf_store_value(code, BPF_DW, 3, IN_SCRATCH(items) + IN_ITEM(next), 0);
}

void hop_interrupt_copy_codes(struct hop_bpf_code *code)
{
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(code_count));
    hop_bpf_jump_if(code, BPF_JEQ, 1, 0, NOTHING_NEW);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(next_code), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(item_count), 0);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(next_item), 0);
    hop_bpf_set(code, 1, STEPS_MAX);
    hop_bpf_loop(code, 1, COPY_ONE);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(next_code));
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(code_count));
    hop_bpf_jump_if_than(code, BPF_JLT, 1, 2, NOT_ALL_COPIED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(next_item));
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(item_count));
    hop_bpf_jump_if_than(code, BPF_JGE, 1, 2, NOTHING_NEW);
    hop_bpf_label(code, NOT_ALL_COPIED);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 1);
    hop_bpf_label(code, NOTHING_NEW);
}

/* --- how much it is --------------------------------------------------------------------------- */

/* The head of the object at ADDR, and its type, which is kept. */
static void read_head(struct hop_bpf_code *code, const struct hop_layout *layout, int32_t bytes)
{
    hop_interrupt_read(code, IN_SCRATCH(head), bytes, ADDR, 0, MISSED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(head) + layout->object_type);
}

static void size_code(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    hop_bpf_set(code, SIZE, (int32_t)hop_code_header_size(layout));
    if (layout->code_adaptive != HOP_ABSENT) {
        hop_bpf_load(code, BPF_DW, 1, ITEM, IN_ITEM(kind));
        hop_bpf_jump_if(code, BPF_JEQ, 1, HOP_COPY_CONSTANT_CODE, COPY);
        hop_interrupt_read(code, IN_SCRATCH(word), 8, ADDR, layout->code_units, MISSED);
        hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(word));
        hop_bpf_jump_if(code, BPF_JGT, 1, UNITS_MAX, MISSED);
        hop_bpf_compute_with(code, BPF_LSH, 1, 1);
        hop_bpf_compute(code, BPF_ADD, SIZE, 1);
    }
    hop_bpf_jump(code, COPY);
}

static void size_text(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    hop_bpf_label(code, IS_TEXT);
    read_head(code, layout, layout->unicode_ascii_data);
    hop_bpf_load(code, BPF_DW, 2, ITEM, IN_ITEM(kind));
    hop_bpf_jump_if(code, BPF_JNE, 2, HOP_COPY_TEXT, IS_NO_NAME);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(str_type), 1);
    hop_bpf_label(code, IS_NO_NAME);
    hop_bpf_load(code, BPF_DW, SIZE, SCRATCH, IN_SCRATCH(head) + layout->unicode_length);
    hop_bpf_jump_if(code, BPF_JGT, SIZE, BYTES_MAX, MISSED);
    hop_bpf_jump_if(code, BPF_JEQ, 2, HOP_COPY_TEXT, IS_CUT);
    hop_bpf_jump_if(code, BPF_JLE, SIZE, POINTS_MAX, IS_CUT);
    hop_bpf_set(code, SIZE, POINTS_MAX);
    hop_bpf_label(code, IS_CUT);
    /* 1, 2 or 4 bytes each. */
    hop_bpf_load(code, BPF_W, 2, SCRATCH, IN_SCRATCH(head) + layout->unicode_state);
    hop_bpf_move(code, 1, 2);
    hop_bpf_compute_with(code, BPF_AND, 1, (int32_t)layout->unicode_kind_mask);
    hop_bpf_compute_with(code, BPF_RSH, 1, 1 + __builtin_ctz(layout->unicode_kind_mask));
    hop_bpf_compute(code, BPF_LSH, SIZE, 1);
    hop_bpf_compute_with(code, BPF_AND, 2, (int32_t)layout->unicode_ascii_mask);
    hop_bpf_set(code, 1, layout->unicode_ascii_data);
    hop_bpf_jump_if(code, BPF_JNE, 2, 0, IS_SIZED);
    hop_bpf_set(code, 1, layout->unicode_compact_data);
    hop_bpf_label(code, IS_SIZED);
    hop_bpf_compute(code, BPF_ADD, SIZE, 1);
    hop_bpf_jump(code, COPY);
}

static void size_bytes(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    hop_bpf_label(code, IS_BYTES);
    read_head(code, layout, layout->bytes_data);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(bytes_type), 1);
    hop_bpf_load(code, BPF_DW, SIZE, SCRATCH, IN_SCRATCH(head) + layout->bytes_size);
    hop_bpf_jump_if(code, BPF_JLE, SIZE, BYTES_MAX, HAS_BYTES);
    hop_bpf_load(code, BPF_DW, 2, ITEM, IN_ITEM(kind));
    hop_bpf_jump_if(code, BPF_JEQ, 2, HOP_COPY_BYTES, MISSED);
    hop_bpf_set(code, SIZE, POINTS_MAX);
    hop_bpf_label(code, HAS_BYTES);
    hop_bpf_compute_with(code, BPF_ADD, SIZE, layout->bytes_data);
    hop_bpf_jump(code, COPY);
}

/* --- tuples ----------------------------------------------------------------------------------- */

/* A tuple is itself what is copied first; then, each time, the next one of its items. */
static void size_tuple(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    hop_bpf_label(code, IS_FRESH);
    hop_bpf_store_value(code, BPF_DW, ITEM, IN_ITEM(count), 0);
    read_head(code, layout, layout->tuple_items);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(tuple_type), 1);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(head) + layout->tuple_size);
    hop_bpf_jump_if(code, BPF_JLE, 1, TUPLE_MAX, IS_WHOLE);
    hop_bpf_set(code, SIZE, layout->tuple_items + 8 * (HOP_CODE_PART_WORDS - 1));
    hop_bpf_jump(code, COPY); /* as much as its number takes */
    hop_bpf_label(code, IS_WHOLE);
    hop_bpf_move(code, SIZE, 1);
    hop_bpf_compute_with(code, BPF_LSH, SIZE, 3);
    hop_bpf_compute_with(code, BPF_ADD, SIZE, layout->tuple_items);
    hop_bpf_jump_if(code, BPF_JLE, 1, TUPLE_ITEMS_MAX, IS_SHORT);
    hop_bpf_set(code, 1, TUPLE_ITEMS_MAX);
    hop_bpf_label(code, IS_SHORT);
    hop_bpf_store(code, BPF_DW, ITEM, IN_ITEM(count), 1);
    hop_bpf_jump(code, COPY);
}

static void jump_if_type(struct hop_bpf_code *code, long kept, int label)
{
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, kept);
    hop_bpf_jump_if_than(code, BPF_JEQ, 1, 2, label);
}

static void find_tuple_item(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    hop_bpf_label(code, IS_TUPLE);
    hop_bpf_load(code, BPF_DW, 1, ITEM, IN_ITEM(count));
    hop_bpf_jump_if(code, BPF_JEQ, 1, -1, IS_FRESH);
    hop_bpf_load(code, BPF_DW, 1, ITEM, IN_ITEM(next));
    hop_bpf_move(code, 2, 1);
    hop_bpf_compute_with(code, BPF_ADD, 2, 1);
    hop_bpf_store(code, BPF_DW, ITEM, IN_ITEM(next), 2);
    hop_bpf_compute_with(code, BPF_LSH, 1, 3);
    hop_bpf_compute(code, BPF_ADD, ADDR, 1);
    hop_interrupt_read(code, IN_SCRATCH(word), 8, ADDR, layout->tuple_items, COPIED);
    hop_bpf_load(code, BPF_DW, ADDR, SCRATCH, IN_SCRATCH(word));
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, COPIED);
    hop_bpf_load(code, BPF_DW, 1, ITEM, IN_ITEM(kind));
    hop_bpf_jump_if(code, BPF_JEQ, 1, HOP_COPY_NAMES, IS_TEXT);

    hop_interrupt_read(code, IN_SCRATCH(word), 8, ADDR, layout->object_type, COPIED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(word));
    jump_if_type(code, IN_SCRATCH(str_type), IS_TEXT);
    jump_if_type(code, IN_SCRATCH(bytes_type), IS_BYTES);
    hop_bpf_load(code, BPF_DW, 3, SCRATCH, IN_SCRATCH(item_count));
    jump_if_type(code, IN_SCRATCH(tuple_type), ADD_TUPLE);
    jump_if_type(code, IN_SCRATCH(code_type), ADD_CODE);
    /* It may be shorter, and the next page not be there. */
    hop_bpf_set(code, SIZE, CONSTANT_BYTES);
    hop_interrupt_read(code, IN_SCRATCH(word), 8, ADDR, CONSTANT_BYTES - 8, IS_LAST_IN_PAGE);
    hop_bpf_jump(code, COPY);
    hop_bpf_label(code, IS_LAST_IN_PAGE);
    hop_bpf_move(code, SIZE, ADDR);
    hop_bpf_compute_with(code, BPF_OR, SIZE, PAGE_BYTES - 1);
    hop_bpf_compute_with(code, BPF_ADD, SIZE, 1);
    hop_bpf_compute(code, BPF_SUB, SIZE, ADDR);
    hop_bpf_jump(code, COPY);
    hop_bpf_label(code, ADD_CODE);
    hop_bpf_jump_if(code, BPF_JGE, 3, HOP_COPY_ITEMS, COPIED);
    add_item(code, HOP_COPY_CONSTANT_CODE);
    hop_bpf_jump(code, COPIED);
    hop_bpf_label(code, ADD_TUPLE);
    hop_bpf_jump_if(code, BPF_JGE, 3, HOP_COPY_ITEMS, COPIED);
    add_item(code, HOP_COPY_CONSTANTS);
    hop_bpf_jump(code, COPIED);
}

/* --- copying ---------------------------------------------------------------------------------- */

/* SIZE bytes at ADDR. */
static void copy(struct hop_bpf_code *code)
{
    hop_bpf_label(code, COPY);
    hop_bpf_jump_if(code, BPF_JGT, SIZE, SPAN_BYTES_MAX, MISSED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_RECORD(span_bytes));
    hop_bpf_jump_if(code, BPF_JGT, 1,
                    HOP_INTERRUPT_SPANS_BYTES - SPAN_BYTES_MAX - 8 -
                        (int32_t)sizeof(struct hop_copied_span),
                    ALL_COPIED);
    hop_bpf_load(code, BPF_W, 2, SCRATCH, IN_RECORD(frame_count));
    hop_bpf_jump_if(code, BPF_JGT, 2, HOP_INTERRUPT_FRAMES_MAX, ALL_COPIED);
    hop_bpf_compute_with(code, BPF_MUL, 2, sizeof(struct hop_interrupt_frame));
    hop_bpf_compute(code, BPF_ADD, 1, 2);
    hop_bpf_compute(code, BPF_ADD, 1, SCRATCH);
    hop_bpf_compute_with(code, BPF_ADD, 1, IN_SCRATCH(frames));
    hop_bpf_store(code, BPF_DW, STACK_END, SPAN_ON_STACK, 1);
    hop_bpf_store(code, BPF_DW, 1, offsetof(struct hop_copied_span, addr), ADDR);
    hop_bpf_store(code, BPF_DW, 1, offsetof(struct hop_copied_span, size), SIZE);
    hop_bpf_compute_with(code, BPF_ADD, 1, sizeof(struct hop_copied_span));
    hop_bpf_move(code, 2, SIZE);
    hop_bpf_move(code, 3, ADDR);
    hop_bpf_call(code, BPF_FUNC_probe_read_user);
    hop_bpf_jump_if(code, BPF_JNE, 0, 0, MISSED);
    hop_bpf_compute_with(code, BPF_ADD, SIZE, 7 + sizeof(struct hop_copied_span));
    hop_bpf_compute_with(code, BPF_AND, SIZE, ~7);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_RECORD(span_bytes));
    hop_bpf_compute(code, BPF_ADD, 1, SIZE);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_RECORD(span_bytes), 1);
}

struct child {
    int32_t offset; /* of the pointer to it, in the code object */
    enum hop_copy_kind kind;
};

/* Adds what the code object that was just copied points to. */
static void add_children(struct hop_bpf_code *code, const struct hop_layout *layout,
                         const struct child *children, size_t count)
{
    enum { SPAN = 1, COUNT = 2, FIRST = 3, POINTER = 4 };
    const int32_t header_size = (int32_t)hop_code_header_size(layout);
    int32_t added = 0;
    hop_bpf_load(code, BPF_DW, COUNT, SCRATCH, IN_SCRATCH(item_count));
    hop_bpf_jump_if(code, BPF_JGT, COUNT, HOP_COPY_ITEMS - (int32_t)count, MISSED);
    hop_bpf_load(code, BPF_DW, SPAN, STACK_END, SPAN_ON_STACK);
    hop_bpf_move(code, FIRST, COUNT);
    hop_bpf_compute_with(code, BPF_MUL, FIRST, sizeof(struct hop_copy_item));
    hop_bpf_compute(code, BPF_ADD, FIRST, SCRATCH);
    for (size_t i = 0; i < count; i++) {
        const long at = IN_SCRATCH(items) + (long)added * (long)sizeof(struct hop_copy_item);
        if (children[i].offset == HOP_ABSENT || children[i].offset + 8 > header_size)
            continue;
        hop_bpf_load(code, BPF_DW, POINTER, SPAN,
                     (long)sizeof(struct hop_copied_span) + children[i].offset);
        hop_bpf_store(code, BPF_DW, FIRST, at + IN_ITEM(addr), POINTER);
        hop_bpf_store_value(code, BPF_DW, FIRST, (size_t)(at + IN_ITEM(kind)),
                            (int32_t)children[i].kind);
        hop_bpf_store_value(code, BPF_DW, FIRST, (size_t)(at + IN_ITEM(count)), -1);
        hop_bpf_store_value(code, BPF_DW, FIRST, (size_t)(at + IN_ITEM(next)), 0);
        added++;
    }
    hop_bpf_compute_with(code, BPF_ADD, COUNT, added);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(item_count), COUNT);
    hop_bpf_jump(code, COPIED);
}

/* What instrumentation and executors have replaced is not copied. */
static void require_plain(struct hop_bpf_code *code, int32_t offset, int label)
{
    if (offset == HOP_ABSENT)
        return;
    hop_bpf_load(code, BPF_DW, 1, STACK_END, SPAN_ON_STACK);
    hop_bpf_load(code, BPF_DW, 1, 1, (long)sizeof(struct hop_copied_span) + offset);
    hop_bpf_jump_if(code, BPF_JEQ, 1, 0, label);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 1);
    hop_bpf_label(code, label);
}

static void add_what_hangs_on_code(struct hop_bpf_code *code, const struct hop_layout *layout)
{
    /* The name behind the file's: of the two it is the one that is no instance of a subclass, as a
     * rule, and tells what a str's type is. */
    const struct child all[] = {
        {layout->code_lines, HOP_COPY_BYTES},
        {layout->code_adaptive == HOP_ABSENT ? layout->code_code : HOP_ABSENT, HOP_COPY_BYTES},
        {layout->code_filename, HOP_COPY_TEXT},
        {layout->code_qualname, HOP_COPY_TEXT},
        {layout->code_name, HOP_COPY_TEXT},
        {layout->code_names, HOP_COPY_NAMES},
        {layout->code_localsplusnames != HOP_ABSENT ? layout->code_localsplusnames
                                                    : layout->code_varnames,
         HOP_COPY_NAMES},
        {layout->code_cellvars, HOP_COPY_NAMES},
        {layout->code_freevars, HOP_COPY_NAMES},
        {layout->code_consts, HOP_COPY_CONSTANTS},
    };
    /* Of the file it is the same as where it is a constant. */
    const struct child shown[] = {{layout->code_name, HOP_COPY_TEXT}};
    hop_bpf_load(code, BPF_DW, 1, ITEM, IN_ITEM(kind));
    hop_bpf_jump_if(code, BPF_JEQ, 1, HOP_COPY_CONSTANT_CODE, IS_SHOWN);
    hop_bpf_jump_if(code, BPF_JNE, 1, HOP_COPY_CODE, COPIED);
    hop_bpf_load(code, BPF_DW, 1, STACK_END, SPAN_ON_STACK);
    hop_bpf_load(code, BPF_DW, 1, 1, (long)sizeof(struct hop_copied_span) + layout->object_type);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(code_type), 1);
    require_plain(code, layout->code_monitoring, IS_NOT_MONITORED);
    require_plain(code, layout->code_executors, HAS_NO_EXECUTORS);
    add_children(code, layout, all, sizeof all / sizeof *all);
    hop_bpf_label(code, IS_SHOWN);
    add_children(code, layout, shown, sizeof shown / sizeof *shown);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void write_ends(struct hop_bpf_code *code)
{
    hop_bpf_label(code, MISSED);
    hop_bpf_load(code, BPF_DW, 1, ITEM, IN_ITEM(kind));
    hop_bpf_jump_if(code, BPF_JGT, 1, HOP_COPY_TEXT, COPIED);
    hop_bpf_store_value(code, BPF_DW, SCRATCH, IN_SCRATCH(wants_wakeup), 1);
    hop_bpf_label(code, COPIED);
    hop_bpf_load(code, BPF_DW, 1, ITEM, IN_ITEM(kind));
    hop_bpf_jump_if(code, BPF_JLT, 1, HOP_COPY_NAMES, PASSED);
    hop_bpf_load(code, BPF_DW, 1, ITEM, IN_ITEM(next));
    hop_bpf_load(code, BPF_DW, 2, ITEM, IN_ITEM(count));
    hop_bpf_jump_if_than(code, BPF_JLT, 1, 2, SAME_ITEM);
    hop_bpf_label(code, PASSED);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(next_item));
    hop_bpf_compute_with(code, BPF_ADD, 1, 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(next_item), 1);
    hop_bpf_label(code, SAME_ITEM);
    hop_bpf_return(code, 0);
    hop_bpf_label(code, ALL_COPIED);
    hop_bpf_return(code, 1);
}

/* All of one code object is copied, as far as there is room: the next one, if there is one. What is
 * innermost came first, and is the likeliest to be freed soon. */
static void begin_code(struct hop_bpf_code *code)
{
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(next_code));
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(code_count));
    hop_bpf_jump_if_than(code, BPF_JGE, 1, 2, ALL_COPIED);
    hop_bpf_jump_if(code, BPF_JGE, 1, HOP_COPY_CODES, ALL_COPIED);
    hop_bpf_load(code, BPF_DW, 3, SCRATCH, IN_SCRATCH(item_count));
    hop_bpf_jump_if(code, BPF_JGE, 3, HOP_COPY_ITEMS, ALL_COPIED);
    hop_bpf_move(code, 2, 1);
    hop_bpf_compute_with(code, BPF_ADD, 2, 1);
    hop_bpf_store(code, BPF_DW, SCRATCH, IN_SCRATCH(next_code), 2);
    hop_bpf_compute_with(code, BPF_LSH, 1, 3);
    hop_bpf_compute(code, BPF_ADD, 1, SCRATCH);
    hop_bpf_load(code, BPF_DW, ADDR, 1, IN_SCRATCH(code_addrs));
    add_item(code, HOP_COPY_CODE);
    hop_bpf_return(code, 0);
}

void hop_interrupt_write_copy(struct hop_bpf_code *code, const struct hop_interrupt_plan *plan)
{
    const struct hop_layout *layout = plan->layout;
    hop_bpf_begin_function(code, COPY_ONE);
    hop_interrupt_begin(code, plan, COPY_BEGUN);
    hop_bpf_load(code, BPF_DW, 1, SCRATCH, IN_SCRATCH(next_item));
    hop_bpf_jump_if(code, BPF_JGE, 1, HOP_COPY_ITEMS, ALL_COPIED);
    hop_bpf_load(code, BPF_DW, 2, SCRATCH, IN_SCRATCH(item_count));
    hop_bpf_jump_if_than(code, BPF_JLT, 1, 2, HAS_ITEM);
    begin_code(code);
    hop_bpf_label(code, HAS_ITEM);
    hop_bpf_compute_with(code, BPF_MUL, 1, sizeof(struct hop_copy_item));
    hop_bpf_move(code, ITEM, SCRATCH);
    hop_bpf_compute(code, BPF_ADD, ITEM, 1);
    hop_bpf_compute_with(code, BPF_ADD, ITEM, (int32_t)IN_SCRATCH(items));
    hop_bpf_load(code, BPF_DW, ADDR, ITEM, IN_ITEM(addr));
    hop_bpf_jump_if(code, BPF_JEQ, ADDR, 0, PASSED);
    hop_bpf_load(code, BPF_DW, 1, ITEM, IN_ITEM(kind));
    hop_bpf_jump_if(code, BPF_JGE, 1, HOP_COPY_NAMES, IS_TUPLE);
    hop_bpf_jump_if(code, BPF_JEQ, 1, HOP_COPY_BYTES, IS_BYTES);
    hop_bpf_jump_if(code, BPF_JEQ, 1, HOP_COPY_TEXT, IS_TEXT);
    size_code(code, layout);
    size_text(code, layout);
    size_bytes(code, layout);
    find_tuple_item(code, layout);
    size_tuple(code, layout);
    copy(code);
    add_what_hangs_on_code(code, layout);
    write_ends(code);
}
