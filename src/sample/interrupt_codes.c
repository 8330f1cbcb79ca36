/* Code objects by the identity that an interrupt took down, see interrupt_codes.h. */
#include "sample/interrupt_codes.h"

#include "base/clock.h"
#include "mem/copied.h"
#include "py/text.h"

/* Identities that are remembered; a program may make code objects without end. */
enum { IDENTITIES_MAX = 1 << 14, FIRST_IDENTITIES = 1024 };

/* What could not be read is not tried again for so many times as long as it took. */
enum { PATIENCE = 8 };

/* The first record with which it is sought where code objects are counted; then ever more rarely,
 * as an interpreter's whole state is read for that. */
enum { RECORDS_BEFORE_COUNTER = 16, FRAMES_FOR_COUNTER = 8 };

bool hop_interrupt_codes_init(struct hop_interrupt_codes *codes, struct hop_interrupts *interrupts,
                              struct hop_code_table *table)
{
    *codes = (struct hop_interrupt_codes){.interrupts = interrupts, .table = table};
    return hop_id_table_init(&codes->code_of, FIRST_IDENTITIES);
}

void hop_interrupt_codes_deinit(struct hop_interrupt_codes *codes)
{
    hop_id_table_deinit(&codes->code_of);
}

/* Whether what is at the address has that identity, and lives. In a code object that was freed all
 * may be as it was but for its first word: CPython counts the references down to 0 first
 * (_Py_Dealloc), and allocators put a pointer there (pymalloc's list of free blocks, glibc's, where
 * the type goes too). From 3.12 on a count takes 32 bits; what is above is 0, or flags from bit 48
 * on (3.14, object.h: ob_overflow, ob_flags), where pointers have bits of their own. */
static bool is_alive(const struct hop_code_table *table, uint64_t addr, uint64_t number)
{
    uint8_t header[HOP_CODE_HEADER_MAX];
    uint64_t name[2] = {0, 0}, number_now;
    struct hop_code_identity identity;
    const struct hop_layout *layout = table->layout;
    if (!hop_read(table->reader, addr, header, hop_code_header_size(layout)) ||
        (hop_code_identity_needs_name(layout) &&
         !hop_text_fingerprint(table->reader, layout, hop_u64(header + layout->code_name), name)))
        return false;
    uint64_t count = hop_u64(header + layout->object_type - sizeof count);
    hop_code_identity_from(layout, header, name, &identity);
    return hop_code_number_read(table->reader, layout, addr, header, &identity, &number_now) &&
           number_now == number && (uint32_t)count && !(count >> 32 & 0xFFFF);
}

/* From now on a code object with this identity is this one. Up to 3.11 an identity may come round
 * again: in memory that has been used again, of a code object that is alike in all that it is made
 * of. */
static bool learn(struct hop_interrupt_codes *codes, uint64_t identity, uint32_t id)
{
    hop_interrupts_know_code(codes->interrupts, identity);
    hop_interrupts_know_code_type(codes->interrupts, codes->table->type_addr);
    if (codes->code_of.used >= IDENTITIES_MAX) {
        hop_id_table_deinit(&codes->code_of);
        if (!hop_id_table_init(&codes->code_of, FIRST_IDENTITIES))
            return false;
    }
    return hop_id_table_put(&codes->code_of, identity, id);
}

/* Whether it is known which code object had that identity when the frame was seen; else *id is that
 * of another one at its address, or HOP_NO_ID. */
static bool is_known(struct hop_interrupt_codes *codes, const struct hop_interrupt_frame *frame,
                     uint32_t *id)
{
    *id = hop_id_table_get(&codes->code_of, frame->identity);
    if (*id != HOP_NO_ID)
        return true;
    const struct hop_code *code = hop_code_table_find(codes->table, frame->code_addr, id);
    return code && code->number == frame->identity && learn(codes, frame->identity, *id);
}

/* Another one is about to be known at its address: when it is seen next, it may be yet another. */
static void forget(struct hop_interrupt_codes *codes, uint32_t id)
{
    if (id != HOP_NO_ID && hop_code_identity_needs_name(codes->table->layout))
        hop_interrupts_forget_code(codes->interrupts, codes->table->codes[id]->number);
}

static bool lives_now(const struct hop_code_table *table, const struct hop_code *read)
{
    return is_alive(table, read->addr, read->number);
}

/* The thread may run while we read. Then its bytecode may be instrumented meanwhile: what is read
 * twice alike was not. And the code object may be freed, and what hangs on it be others' already:
 * one that lives afterwards lived before, for no two have the same version; up to 3.11 another one
 * of that name may have taken its place, and that of all that hangs on it, but hardly twice. */
static enum hop_refusal read_running(struct hop_code_table *table, uint64_t addr, uint32_t *id)
{
    const struct hop_code_source source = {.reader = table->reader, .is_proved = lives_now};
    uint32_t first;
    size_t known = table->count;
    enum hop_refusal refusal = hop_code_table_add_from(table, &source, addr, &first);
    if (refusal == HOP_TAKEN)
        refusal = hop_code_table_add_from(table, &source, addr, id);
    if (refusal == HOP_TAKEN && first != *id)
        refusal = HOP_REFUSED_CODE_GONE;
    if (refusal != HOP_TAKEN)
        hop_code_table_truncate(table, known);
    return refusal;
}

/* What could not be had lately costs no time for a while. */
static bool was_refused(const struct hop_interrupt_codes *codes, uint64_t identity, uint64_t now_ns)
{
    size_t at = identity % HOP_INTERRUPT_REFUSED;
    return codes->refused[at] == identity && now_ns < codes->refused_until_ns[at];
}

static void note_refused(struct hop_interrupt_codes *codes, uint64_t identity, uint64_t began_ns)
{
    size_t at = identity % HOP_INTERRUPT_REFUSED;
    uint64_t now_ns = hop_now_ns();
    codes->refused[at] = identity;
    codes->refused_until_ns[at] = now_ns + PATIENCE * (now_ns - began_ns);
}

/* The code object that had that identity when the frame was seen. The one that is there by now may
 * be its successor, which then is known for the next time. */
static enum hop_refusal find_code(struct hop_interrupt_codes *codes,
                                  const struct hop_interrupt_frame *frame, uint32_t *id)
{
    struct hop_code_table *table = codes->table;
    if (is_known(codes, frame, id))
        return HOP_TAKEN;
    uint64_t now_ns = hop_now_ns();
    if (!codes->may_read || was_refused(codes, frame->identity, now_ns))
        return HOP_REFUSED_CODE_GONE;
    codes->has_read = true;
    forget(codes, *id);
    enum hop_refusal refusal = read_running(table, frame->code_addr, id);
    if (refusal != HOP_TAKEN) {
        note_refused(codes, frame->identity, now_ns);
        return is_alive(table, frame->code_addr, frame->identity) ? refusal : HOP_REFUSED_CODE_GONE;
    }
    uint64_t identity = table->codes[*id]->number;
    if (!learn(codes, identity, *id))
        return HOP_REFUSED_NO_ROOM;
    return identity == frame->identity ? HOP_TAKEN : HOP_REFUSED_CODE_GONE;
}

/* --- copies ----------------------------------------------------------------------------------- */

/* The code object of the frame, if it is still there. */
static bool add_living(struct hop_interrupt_codes *codes, const struct hop_interrupt_frame *frame,
                       uint32_t *id)
{
    struct hop_code_table *table = codes->table;
    size_t count = table->count;
    if (!codes->may_read || !is_alive(table, frame->code_addr, frame->identity) ||
        read_running(table, frame->code_addr, id) != HOP_TAKEN)
        return false;
    if (table->codes[*id]->number == frame->identity)
        return true;
    hop_code_table_truncate(table, count);
    return false;
}

/* The one that was copied. A constant may hang on it that is not copied, as sets are not: most code
 * objects live on, and are read. */
static bool add_copied(struct hop_interrupt_codes *codes, const struct hop_interrupt_frame *frame,
                       struct hop_reader *copied, uint32_t *id)
{
    struct hop_code_table *table = codes->table;
    struct hop_code_source source = {.reader = copied, .with_all = true};
    size_t count = table->count;
    if (hop_code_table_add_from(table, &source, frame->code_addr, id) != HOP_TAKEN) {
        source.with_all = false;
        if (!add_living(codes, frame, id) &&
            hop_code_table_add_from(table, &source, frame->code_addr, id) != HOP_TAKEN)
            return false;
    }
    if (table->codes[*id]->number == frame->identity)
        return true;
    hop_code_table_truncate(table, count);
    return false;
}

/* Up to 3.11 what was copied may be another one than was known by its number. */
static void learn_copied(struct hop_interrupt_codes *codes, const struct hop_interrupt_frame *frame,
                         struct hop_reader *copied)
{
    uint64_t now_ns = hop_now_ns();
    uint32_t id;
    bool was_known = is_known(codes, frame, &id);
    if (was_known ? !hop_code_identity_needs_name(codes->table->layout)
                  : was_refused(codes, ~frame->identity, now_ns)) /* as a copy */
        return;
    if (!was_known)
        forget(codes, id);
    if (add_copied(codes, frame, copied, &id))
        (void)learn(codes, frame->identity, id);
    else
        note_refused(codes, ~frame->identity, now_ns);
}

void hop_interrupt_codes_learn(struct hop_interrupt_codes *codes,
                               const struct hop_interrupt_record *record)
{
    struct hop_copied_reader copied;
    uint64_t seen[HOP_COPY_CODES];
    size_t seen_count = 0;
    if (!record->span_bytes)
        return;
    hop_copied_reader_init(&copied, hop_interrupt_spans(record), record->span_bytes);
    for (size_t i = 0; i < record->frame_count && seen_count < HOP_COPY_CODES; i++) {
        const struct hop_interrupt_frame *frame = &record->frames[i];
        bool is_seen = !hop_reader_extent(&copied.base, frame->code_addr, 1);
        for (size_t j = 0; j < seen_count && !is_seen; j++)
            is_seen = seen[j] == frame->code_addr;
        if (is_seen)
            continue;
        seen[seen_count++] = frame->code_addr;
        learn_copied(codes, frame, &copied.base);
    }
}

/* --- naming ----------------------------------------------------------------------------------- */

/* The bytecode of the frame's code object, where that is part of it. The one that is known by the
 * same id may be elsewhere by now. */
static uint64_t bytecode_of(const struct hop_layout *layout,
                            const struct hop_interrupt_frame *frame)
{
    return frame->code_addr + (uint64_t)layout->code_adaptive;
}

/* Where in the bytecode frame->opcodes begins, in bytes. */
static uint64_t opcodes_at(const struct hop_layout *layout, const struct hop_interrupt_frame *frame)
{
    switch (layout->ip_kind) {
    case HOP_IP_LASTI_BYTES:
        return frame->ip == UINT64_MAX ? 0 : frame->ip;
    case HOP_IP_LASTI_UNITS:
        return frame->ip == UINT64_MAX ? 0 : 2 * frame->ip;
    default:
        return frame->ip - bytecode_of(layout, frame) - (uint64_t)hop_interrupt_behind(layout);
    }
}

/* The frame's ip in the code object that is known. */
static uint64_t ip_of(const struct hop_layout *layout, const struct hop_code *code,
                      const struct hop_interrupt_frame *frame)
{
    bool is_address = layout->ip_kind == HOP_IP_PREV_INSTR || layout->ip_kind == HOP_IP_INSTR_PTR;
    return is_address ? frame->ip - bytecode_of(layout, frame) + code->bytecode_addr : frame->ip;
}

/* The opcode in memory of the instruction in which a frame stands: behind its prefixes, where the
 * frame stands at the first of those. */
static uint8_t opcode_of(const struct hop_layout *layout, const struct hop_code *code,
                         const struct hop_interrupt_frame *frame, uint32_t unit)
{
    uint64_t at = 2 * (uint64_t)unit - opcodes_at(layout, frame);
    return at < (uint64_t)hop_interrupt_opcodes_bytes(layout) ? frame->opcodes[at]
                                                              : code->units.bases[unit];
}

enum hop_refusal hop_interrupt_codes_name(struct hop_interrupt_codes *codes,
                                          const struct hop_interrupt_record *record,
                                          struct hop_step *steps, size_t *depth)
{
    const struct hop_layout *layout = codes->table->layout;
    codes->has_read = false;
    *depth = 0;
    for (size_t i = 0; i < record->frame_count; i++) {
        const struct hop_interrupt_frame *frame = &record->frames[i];
        struct hop_step *step = &steps[*depth];
        *step = (struct hop_step){0};
        enum hop_refusal refusal = find_code(codes, frame, &step->code);
        if (refusal != HOP_TAKEN)
            return refusal;
        const struct hop_code *code = codes->table->codes[step->code];
        refusal = hop_code_unit_of_ip(layout, code, ip_of(layout, code, frame), &step->unit);
        if (refusal != HOP_TAKEN)
            return refusal;
        step->opcode = opcode_of(layout, code, frame, step->unit);
        if (!hop_opcode_may_stand_for(layout, step->opcode, code->units.bases[step->unit]))
            return HOP_REFUSED_BAD_OPCODE;
        *depth += !hop_code_is_trampoline(code);
    }
    return HOP_TAKEN;
}

void hop_interrupt_codes_touch(const struct hop_interrupt_codes *codes,
                               const struct hop_interrupt_record *record)
{
    const struct hop_layout *layout = codes->table->layout;
    struct hop_reader *reader = codes->table->reader;
    uint8_t header[HOP_CODE_HEADER_MAX], opcodes[HOP_INTERRUPT_OPCODES];
    struct hop_code_identity identity;
    uint64_t name[2] = {0, 0}, number;
    if (!hop_read(reader, record->absent_code, header, hop_code_header_size(layout)))
        return;
    (void)hop_text_fingerprint(reader, layout, hop_u64(header + layout->code_name), name);
    hop_code_identity_from(layout, header, name, &identity);
    (void)hop_code_number_read(reader, layout, record->absent_code, header, &identity, &number);
    if (!record->frame_count)
        return;
    const struct hop_interrupt_frame *frame = &record->frames[record->frame_count - 1];
    uint64_t bytecode_addr =
        layout->code_adaptive != HOP_ABSENT
            ? bytecode_of(layout, frame)
            : hop_u64(header + layout->code_code) + (uint64_t)layout->bytes_data;
    (void)hop_read(reader, bytecode_addr + opcodes_at(layout, frame), opcodes,
                   (size_t)hop_interrupt_opcodes_bytes(layout));
}

void hop_interrupt_codes_seek_counter(struct hop_interrupt_codes *codes,
                                      struct hop_identifier *identifier, uint64_t interpreter_addr,
                                      const struct hop_interrupt_record *record)
{
    struct hop_raw_frame frames[FRAMES_FOR_COUNTER] = {0};
    struct hop_raw_stack stack = {.frames = frames};
    uint64_t named = ++codes->named;
    if (identifier->counter_addr || named & (named - 1) || named < RECORDS_BEFORE_COUNTER)
        return;
    for (; stack.depth < record->frame_count && stack.depth < FRAMES_FOR_COUNTER; stack.depth++)
        frames[stack.depth].code_addr = record->frames[stack.depth].code_addr;
    hop_identifier_seek_counter(identifier, interpreter_addr, &stack);
    hop_interrupts_know_counter(codes->interrupts, identifier->counter_addr);
}
