/* Checks and names the frames of a stack in batches: one system call for the code objects' headers
 * and the opcodes of up to some hundred frames. */
#include "sample/identify.h"

#include "base/pages.h"
#include "py/text.h"
#include "py/version_counter.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that one batch reads, at most; a batch of a usual stack takes a few KiB. */
enum { BATCH_BYTES = 64 << 10 };

/* The spans that one more frame may add: header, the name's length and hash, opcode. */
enum { SPANS_A_FRAME = 4 };

/* From 3.11 on bytecode follows the header in the code object. Up to this size both are one span;
 * of larger ones, and up to 3.10, the block around the opcode is read, which does not cross a page.
 */
enum { TRUSTED = UINT32_MAX /* of opcode_at: the opcode is known */ };
enum { WHOLE_CODE_BYTES_MAX = 1024, OPCODE_BLOCK_BYTES = 64 };

/* How old the opcode may be that is given for a caller that stands where it stood, where no code
 * object was made meanwhile. It is another form of the same instruction if it changed. */
static const uint64_t CALLERS_OPCODE_NS = 50 * 1000 * 1000;

/* A program may end its CPython and begin another one, which counts from the start again and may
 * come to the same number. That takes longer than this, so that the count was seen to be smaller,
 * or was not seen for a while: then everything is checked anew. */
static const uint64_t COUNTER_GAP_NS = 5 * 1000 * 1000;

/* A code object found at another's address is read anew and the stack identified again. More often
 * than this in one look, and the memory is not what it seems. */
enum { RESTARTS_MAX = 16 };

/* Frames of which the code object is tried, to find where code objects are counted: a module's or
 * class body's is none of a function. */
enum { SEEKS_MAX = 8 };

/* What is already queued of a code object in the batch of that round. */
struct hop_code_mark {
    uint64_t round;
    uint32_t header_at; /* in bytes */
    uint32_t block_at;  /* of the block at block_addr; 0: none yet */
    uint64_t block_addr;
    bool is_checked; /* in the batch: the header is queued, and perhaps the bytecode with it */
    /* When it was last found to be the code object known: see is_believed. */
    uint64_t code_addr;
    uint64_t generation;
    uint64_t read_ns;
    uint32_t counter;
    uint8_t *bytecode; /* as it was then, with hop_identifier.trust_ns; or NULL */
};

/* A code object whose identity is to be compared when the batch has been read. */
struct hop_pending_check {
    const struct hop_code *code;
    uint32_t id;
    uint32_t header_at; /* in bytes */
    uint32_t name_at;
};

/* The batch being put together. */
struct batch {
    size_t span_count, check_count, byte_count;
    size_t first_frame;
};

bool hop_identifier_init(struct hop_identifier *identifier, struct hop_code_table *table,
                         struct hop_reader *reader)
{
    *identifier = (struct hop_identifier){.table = table, .reader = reader};
    identifier->all_frames = hop_pages_map(HOP_DEPTH_MAX * sizeof *identifier->all_frames);
    identifier->opcode_at = hop_pages_map(HOP_DEPTH_MAX * sizeof *identifier->opcode_at);
    identifier->spans = malloc(HOP_SPANS_MAX * sizeof *identifier->spans);
    identifier->checks = malloc(HOP_SPANS_MAX * sizeof *identifier->checks);
    identifier->bytes = malloc(BATCH_BYTES);
    if (identifier->all_frames && identifier->opcode_at && identifier->spans &&
        identifier->checks && identifier->bytes &&
        hop_qualnames_init(&identifier->qualnames, table))
        return true;
    hop_identifier_deinit(identifier);
    return false;
}

void hop_identifier_deinit(struct hop_identifier *identifier)
{
    hop_pages_unmap(identifier->all_frames, HOP_DEPTH_MAX * sizeof *identifier->all_frames);
    hop_pages_unmap(identifier->opcode_at, HOP_DEPTH_MAX * sizeof *identifier->opcode_at);
    for (size_t i = 0; i < identifier->mark_capacity; i++)
        free(identifier->marks[i].bytecode);
    free(identifier->marks);
    free(identifier->spans);
    free(identifier->checks);
    free(identifier->bytes);
    hop_qualnames_deinit(&identifier->qualnames);
    *identifier = (struct hop_identifier){0};
}

/* Room for a mark of every known code object; grows only after one was added. */
static bool reserve_marks(struct hop_identifier *identifier)
{
    if (identifier->table->count <= identifier->mark_capacity)
        return true;
    size_t wanted = identifier->table->count * 2 + 256;
    struct hop_code_mark *grown = realloc(identifier->marks, wanted * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + identifier->mark_capacity, 0,
           (wanted - identifier->mark_capacity) * sizeof *grown);
    identifier->marks = grown;
    identifier->mark_capacity = wanted;
    return true;
}

/* Adds a read to the batch and returns where its bytes will be. */
static uint32_t queue(struct hop_identifier *identifier, struct batch *batch, uint64_t addr,
                      size_t size)
{
    uint32_t at = (uint32_t)batch->byte_count;
    identifier->spans[batch->span_count++] = (struct hop_span){addr, size, identifier->bytes + at};
    batch->byte_count += size;
    return at;
}

/* Whether a code object is read with its bytecode, which lies behind the header and is short. */
static bool is_read_whole(const struct hop_layout *layout, const struct hop_code *code)
{
    uint64_t end = code->bytecode_addr + 2 * (uint64_t)code->units.count;
    return code->bytecode_addr >= code->addr && end >= code->addr + hop_code_header_size(layout) &&
           end - code->addr <= WHOLE_CODE_BYTES_MAX;
}

/* How much of a code object is read from its start: the header, or the bytecode with it. */
static size_t code_span_bytes(const struct hop_layout *layout, const struct hop_code *code)
{
    uint64_t end = code->bytecode_addr + 2 * (uint64_t)code->units.count;
    return is_read_whole(layout, code) ? (size_t)(end - code->addr) : hop_code_header_size(layout);
}

static uint32_t queue_check(struct hop_identifier *identifier, struct batch *batch,
                            const struct hop_code *code, uint32_t id)
{
    const struct hop_layout *layout = identifier->table->layout;
    struct hop_pending_check *check = &identifier->checks[batch->check_count++];
    check->code = code;
    check->id = id;
    check->header_at = queue(identifier, batch, code->addr, code_span_bytes(layout, code));
    check->name_at = 0;
    if (hop_code_identity_needs_name(layout)) {
        uint64_t length_addr = code->name_addr + (uint64_t)layout->unicode_length;
        bool is_one = layout->unicode_hash == layout->unicode_length + 8;
        check->name_at = queue(identifier, batch, length_addr, is_one ? 16 : 8);
        if (!is_one)
            queue(identifier, batch, code->name_addr + (uint64_t)layout->unicode_hash, 8);
    }
    return check->header_at;
}

/* Where in `bytes` the unit's opcode will be. */
static uint32_t queue_opcode(struct hop_identifier *identifier, struct batch *batch,
                             const struct hop_code *code, struct hop_code_mark *mark, uint32_t unit)
{
    uint64_t addr = code->bytecode_addr + 2 * (uint64_t)unit;
    size_t from_start = mark->is_checked ? code_span_bytes(identifier->table->layout, code) : 0;
    if (addr >= code->addr && addr - code->addr < from_start)
        return mark->header_at + (uint32_t)(addr - code->addr);
    uint64_t first_addr = addr & ~(uint64_t)(OPCODE_BLOCK_BYTES - 1);
    uint64_t end_addr = first_addr + OPCODE_BLOCK_BYTES;
    uint64_t bytecode_end = code->bytecode_addr + 2 * (uint64_t)code->units.count;
    if (first_addr < code->bytecode_addr)
        first_addr = code->bytecode_addr;
    if (end_addr > bytecode_end)
        end_addr = bytecode_end;
    if (mark->block_addr != first_addr) {
        mark->block_at = queue(identifier, batch, first_addr, (size_t)(end_addr - first_addr));
        mark->block_addr = first_addr;
    }
    return mark->block_at + (uint32_t)(addr - first_addr);
}

/* --- trust ----------------------------------------------------------------------------------- */

void hop_identifier_distrust(struct hop_identifier *identifier)
{
    /* Where code objects are counted, what was found at earlier looks still holds. */
    if (identifier->trust_ns || identifier->has_believed)
        identifier->generation++;
    identifier->kept.depth = 0;
}

/* Whether the code object at the address is the one known, as was found when it was last checked.
 * Where code objects are counted that is certain, for none was made since, nor another CPython. */
static bool is_believed(const struct hop_identifier *identifier, const struct hop_code_mark *mark,
                        const struct hop_code *code)
{
    if (mark->generation != identifier->generation || mark->code_addr != code->addr)
        return false;
    return identifier->trust_ns ? identifier->now_ns - mark->read_ns < identifier->trust_ns
                                : identifier->counter && identifier->counter == mark->counter;
}

/* A code object that was found to be the one known: believed from now on. */
static void believe(struct hop_identifier *identifier, const struct hop_pending_check *check)
{
    const struct hop_code *code = check->code;
    struct hop_code_mark *mark = &identifier->marks[check->id];
    identifier->has_believed = true;
    mark->code_addr = code->addr;
    mark->generation = identifier->generation;
    mark->read_ns = identifier->now_ns;
    mark->counter = identifier->counter;
    if (!identifier->trust_ns)
        return;
    if (!is_read_whole(identifier->table->layout, code)) {
        free(mark->bytecode);
        mark->bytecode = NULL;
        return;
    }
    if (!mark->bytecode)
        mark->bytecode = malloc(WHOLE_CODE_BYTES_MAX);
    if (mark->bytecode)
        memcpy(mark->bytecode,
               identifier->bytes + check->header_at + (code->bytecode_addr - code->addr),
               2 * (size_t)code->units.count);
}

/* The count of code objects made, as of now; 0: not known. */
static void read_counter(struct hop_identifier *identifier)
{
    identifier->counter = 0;
    if (identifier->trust_ns || !identifier->counter_addr)
        return;
    if (!hop_read(identifier->reader, identifier->counter_addr, &identifier->counter,
                  sizeof identifier->counter))
        identifier->counter = 0;
    if (identifier->counter < identifier->last_counter ||
        identifier->now_ns - identifier->last_counter_ns > COUNTER_GAP_NS)
        identifier->generation++;
    identifier->last_counter = identifier->counter;
    identifier->last_counter_ns = identifier->now_ns;
}

/* Whether frames that stand where they stood in the last stack are what they were then. */
static bool may_keep(const struct hop_identifier *identifier)
{
    const struct hop_identifier_kept *kept = &identifier->kept;
    uint64_t age_ns = identifier->now_ns - kept->since_ns;
    if (!kept->depth || kept->generation != identifier->generation)
        return false;
    return identifier->trust_ns ? age_ns < identifier->trust_ns
                                : identifier->counter && identifier->counter == kept->counter &&
                                      age_ns < CALLERS_OPCODE_NS;
}

/* How many of the outermost frames are. The innermost is none of them: its opcode is of this
 * moment. */
static size_t count_kept(const struct hop_identifier *identifier, const struct hop_raw_stack *stack)
{
    const struct hop_identifier_kept *kept = &identifier->kept;
    size_t same = 0;
    if (stack->serial == kept->serial)
        same = stack->depth; /* the very same */
    else if (stack->serial == kept->serial + 1)
        same = stack->same;
    if (same > kept->depth)
        same = kept->depth;
    return same && same == stack->depth ? same - 1 : same;
}

/* The stack was identified; `count` of its frames were kept from the last one. */
static void keep(struct hop_identifier *identifier, const struct hop_raw_stack *stack, size_t count)
{
    struct hop_identifier_kept *kept = &identifier->kept;
    if (identifier->wants_qualnames || identifier->has_trampolines)
        return; /* of which one wants to know each time */
    if (!count)
        kept->since_ns = identifier->now_ns;
    kept->depth = stack->depth;
    kept->serial = stack->serial;
    kept->generation = identifier->generation;
    kept->counter = identifier->counter;
}

void hop_identifier_seek_counter(struct hop_identifier *identifier, uint64_t interpreter_addr,
                                 const struct hop_raw_stack *stack)
{
    _Static_assert((int)BATCH_BYTES >= (int)HOP_VERSION_CACHE_BYTES, "room for the search");
    struct hop_code_table *table = identifier->table;
    for (size_t i = 0; i < stack->depth && i < SEEKS_MAX && !identifier->counter_addr; i++)
        identifier->counter_addr =
            hop_version_counter_find(table->reader, table->layout, interpreter_addr,
                                     stack->frames[i].code_addr, identifier->bytes);
}

static bool is_still_the_same(const struct hop_identifier *identifier,
                              const struct hop_pending_check *check)
{
    struct hop_code_identity identity;
    uint64_t name[2] = {0, 0};
    if (hop_code_identity_needs_name(identifier->table->layout)) {
        name[0] = hop_u64(identifier->bytes + check->name_at);
        name[1] = hop_u64(identifier->bytes + check->name_at + 8);
    }
    hop_code_identity_from(identifier->table->layout, identifier->bytes + check->header_at, name,
                           &identity);
    return hop_code_identity_is(&identity, &check->code->identity);
}

/* A batch could not be read whole. Perhaps a code object is another one by now, and the memory was
 * its predecessor's: up to 3.10 bytecode is elsewhere, and that of the one we know may be gone. */
static enum hop_refusal find_stale(struct hop_identifier *identifier, const struct batch *batch,
                                   bool *is_stale)
{
    const struct hop_layout *layout = identifier->table->layout;
    struct hop_reader *reader = identifier->table->reader;
    for (size_t i = 0; i < batch->check_count; i++) {
        const struct hop_code *code = identifier->checks[i].code;
        uint8_t header[HOP_CODE_HEADER_MAX];
        uint64_t name[2] = {0, 0};
        struct hop_code_identity identity;
        uint32_t id;
        identifier->reads++;
        if (!hop_read(reader, code->addr, header, hop_code_header_size(layout)))
            return HOP_REFUSED_UNREADABLE;
        if (hop_code_identity_needs_name(layout)) {
            uint64_t name_addr = hop_u64(header + layout->code_name);
            identifier->reads++;
            if (!hop_text_fingerprint(reader, layout, name_addr, name))
                return HOP_REFUSED_UNREADABLE;
        }
        hop_code_identity_from(layout, header, name, &identity);
        if (hop_code_identity_is(&identity, &code->identity))
            continue;
        *is_stale = true;
        return hop_code_table_add(identifier->table, code->addr, &id);
    }
    return HOP_REFUSED_UNREADABLE;
}

/* Reads the batch and judges its frames [first_frame, end). *is_stale: a code object was another
 * one; it has been read anew. */
static enum hop_refusal finish_batch(struct hop_identifier *identifier, struct batch *batch,
                                     size_t end, bool *is_stale)
{
    const struct hop_layout *layout = identifier->table->layout;
    identifier->round++;
    identifier->reads += batch->span_count > 0;
    if (batch->span_count && hop_reader_fill(identifier->reader, identifier->spans,
                                             batch->span_count) != batch->span_count)
        return find_stale(identifier, batch, is_stale);
    for (size_t i = 0; i < batch->check_count; i++) {
        uint32_t id;
        if (is_still_the_same(identifier, &identifier->checks[i])) {
            believe(identifier, &identifier->checks[i]);
            continue;
        }
        *is_stale = true;
        return hop_code_table_add(identifier->table, identifier->checks[i].code->addr, &id);
    }
    for (size_t i = batch->first_frame; i < end; i++) {
        struct hop_step *frame = &identifier->frames[i];
        const struct hop_code *code = identifier->table->codes[frame->code];
        if (identifier->opcode_at[i] != TRUSTED)
            frame->opcode = identifier->bytes[identifier->opcode_at[i]];
        if (!hop_opcode_may_stand_for(layout, frame->opcode, code->units.bases[frame->unit]))
            return HOP_REFUSED_BAD_OPCODE;
    }
    *batch = (struct batch){.first_frame = end};
    return HOP_TAKEN;
}

/* An instruction that lies outside the code object that is known at the address: it is another,
 * longer one's if that lives there now; `refusal` stands if not. */
static enum hop_refusal read_anew(struct hop_identifier *identifier, uint64_t code_addr,
                                  uint32_t known_id, enum hop_refusal refusal, bool *is_stale)
{
    uint32_t id;
    enum hop_refusal reading = hop_code_table_add(identifier->table, code_addr, &id);
    if (reading != HOP_TAKEN)
        return reading;
    *is_stale = id != known_id;
    return *is_stale ? HOP_TAKEN : refusal;
}

/* The code object that a frame runs, with room for its mark. */
static enum hop_refusal find_code(struct hop_identifier *identifier, uint64_t code_addr,
                                  uint32_t *id)
{
    if (!hop_code_table_find(identifier->table, code_addr, id)) {
        enum hop_refusal refusal = hop_code_table_add(identifier->table, code_addr, id);
        if (refusal != HOP_TAKEN)
            return refusal;
    }
    return reserve_marks(identifier) ? HOP_TAKEN : HOP_REFUSED_NO_ROOM;
}

/* Asks for what is not known of frame `i`, which runs code object `id`. */
static void ask(struct hop_identifier *identifier, struct batch *batch, size_t i, uint32_t id)
{
    const struct hop_code *code = identifier->table->codes[id];
    struct hop_code_mark *mark = &identifier->marks[id];
    struct hop_step *frame = &identifier->frames[i];
    bool is_known = is_believed(identifier, mark, code);
    if (is_known && identifier->trust_ns && mark->bytecode) {
        frame->opcode = mark->bytecode[2 * (size_t)frame->unit];
        identifier->opcode_at[i] = TRUSTED;
        return;
    }
    if (mark->round != identifier->round) {
        mark->round = identifier->round;
        mark->is_checked = !is_known;
        mark->block_addr = 0;
        if (!is_known)
            mark->header_at = queue_check(identifier, batch, code, id);
    }
    identifier->opcode_at[i] = queue_opcode(identifier, batch, code, mark, frame->unit);
}

static enum hop_refusal identify_once(struct hop_identifier *identifier,
                                      const struct hop_raw_stack *stack, bool *is_stale)
{
    const struct hop_layout *layout = identifier->table->layout;
    struct batch batch = {0};
    uint64_t code_addr = 0;
    uint32_t id = HOP_NO_ID;
    enum hop_refusal refusal;

    identifier->round++;
    identifier->wants_qualnames = identifier->has_trampolines = false;
    read_counter(identifier);
    size_t kept = may_keep(identifier) ? count_kept(identifier, stack) : 0;
    identifier->kept.depth = 0;
    identifier->same = kept;
    identifier->frames = identifier->all_frames + HOP_DEPTH_MAX - stack->depth;
    for (size_t i = 0; i < stack->depth - kept; i++) {
        const struct hop_raw_frame *raw = &stack->frames[i];
        if (id == HOP_NO_ID || code_addr != raw->code_addr) {
            refusal = find_code(identifier, raw->code_addr, &id);
            if (refusal != HOP_TAKEN)
                return refusal;
            code_addr = raw->code_addr;
        }
        const struct hop_code *code = identifier->table->codes[id];
        struct hop_step *frame = &identifier->frames[i];
        frame->code = id;
        identifier->wants_qualnames |= code->qualname_is_wanted;
        identifier->has_trampolines |= hop_code_is_trampoline(code);
        refusal = hop_code_unit_of_ip(layout, code, raw->ip, &frame->unit);
        if (refusal != HOP_TAKEN)
            return read_anew(identifier, raw->code_addr, id, refusal, is_stale);
        ask(identifier, &batch, i, id);
        if (batch.span_count + SPANS_A_FRAME > HOP_SPANS_MAX ||
            batch.byte_count + 2 * WHOLE_CODE_BYTES_MAX > BATCH_BYTES) {
            refusal = finish_batch(identifier, &batch, i + 1, is_stale);
            if (refusal != HOP_TAKEN || *is_stale)
                return refusal;
        }
    }
    refusal = finish_batch(identifier, &batch, stack->depth - kept, is_stale);
    if (refusal == HOP_TAKEN && !*is_stale)
        keep(identifier, stack, kept);
    return refusal;
}

enum hop_refusal hop_identify(struct hop_identifier *identifier, const struct hop_raw_stack *stack)
{
    identifier->has_believed = false;
    identifier->stacks++;
    for (int restarts = 0; restarts < RESTARTS_MAX; restarts++) {
        bool is_stale = false;
        enum hop_refusal refusal = identify_once(identifier, stack, &is_stale);
        if (refusal != HOP_TAKEN || !is_stale)
            return refusal;
    }
    return HOP_REFUSED_NOT_CODE;
}
