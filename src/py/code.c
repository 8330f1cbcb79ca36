/* Recognises code objects by address and identity, and tells what an instruction pointer means.
 * Reading a code object out of the target is code_read.c's. */
#include "py/code.h"

#include "py/code_read.h"

#include <stdlib.h>

/* All that is kept of code objects: a thousand units take 10 kB or so, large programs have some
 * 100,000 code objects. A limit at all, because a target may go on making code. */
static const size_t KEPT_BYTES_MAX = (size_t)512 << 20;

enum { EXPECTED_CODES = 1024, FIRST_CAPACITY = 256 };

/* How many of one text are looked through for one that is not in use. */
enum { SAME_TEXT_MAX = 256 };

bool hop_code_table_init(struct hop_code_table *table, const struct hop_layout *layout,
                         struct hop_reader *reader)
{
    *table = (struct hop_code_table){
        .layout = layout, .reader = reader, .constant_types = {.reader = reader}};
    hop_arena_init(&table->arena, KEPT_BYTES_MAX);
    return hop_code_layout_is_usable(layout) &&
           hop_id_table_init(&table->by_addr, EXPECTED_CODES) &&
           hop_id_table_init(&table->by_text, EXPECTED_CODES);
}

void hop_code_table_deinit(struct hop_code_table *table)
{
    hop_id_table_deinit(&table->by_addr);
    hop_id_table_deinit(&table->by_text);
    hop_arena_deinit(&table->arena);
    free(table->codes);
    table->codes = NULL;
    table->count = table->capacity = 0;
}

struct hop_code *hop_code_table_find(const struct hop_code_table *table, uint64_t addr,
                                     uint32_t *id)
{
    *id = hop_id_table_get(&table->by_addr, addr);
    /* After a truncation the id at an address may be nobody's, or another address's by now. */
    if (*id >= table->count || table->codes[*id]->addr != addr) {
        *id = HOP_NO_ID;
        return NULL;
    }
    return table->codes[*id];
}

/* Of code that was just read it is known only where the code object itself has it. */
static bool has_same_qualname(const struct hop_code *known, const struct hop_code *read)
{
    return !read->qualname_is_known || !strcmp(known->qualname, read->qualname);
}

static bool has_same_operands(const struct hop_operands *a, const struct hop_operands *b)
{
    return !memcmp(a->counts, b->counts, sizeof a->counts) &&
           (!a->count || (!memcmp(a->ends, b->ends, a->count * sizeof *a->ends) &&
                          !memcmp(a->text, b->text, hop_operands_text_size(a))));
}

/* Whether two code objects are the same in all that is reported: eval() of one text over and over
 * makes such ones, at one address as a rule, and no end of them. */
static bool is_same_text(const struct hop_code *a, const struct hop_code *b)
{
    return a->first_line == b->first_line && a->first_traceable == b->first_traceable &&
           a->units.count == b->units.count && a->line_table_size == b->line_table_size &&
           !strcmp(a->name, b->name) && has_same_qualname(a, b) &&
           !strcmp(a->filename, b->filename) &&
           !memcmp(a->line_table, b->line_table, a->line_table_size) &&
           !memcmp(a->units.bases, b->units.bases, a->units.count * sizeof *a->units.bases) &&
           !memcmp(a->units.args, b->units.args, a->units.count * sizeof *a->units.args) &&
           has_same_operands(&a->operands, &b->operands);
}

static uint64_t add_to_hash(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (; size >= 8; at += 8, size -= 8)
        hash = (hash ^ hop_u64(at)) * HOP_CODE_NUMBER_FACTOR, hash ^= hash >> 32;
    for (; size; at++, size--)
        hash = (hash ^ *at) * HOP_CODE_NUMBER_FACTOR;
    return hash;
}

/* Alike for those that are the same text. */
static uint64_t text_hash(const struct hop_code *code)
{
    uint64_t hash = add_to_hash((uint64_t)code->first_line, code->name, strlen(code->name));
    hash = add_to_hash(hash, code->filename, strlen(code->filename));
    hash = add_to_hash(hash, code->line_table, code->line_table_size);
    hash = add_to_hash(hash, code->units.bases, code->units.count * sizeof *code->units.bases);
    return add_to_hash(hash, code->units.args, code->units.count * sizeof *code->units.args);
}

/* One of the same text that is known, but that another one has taken the place of: where code is
 * made over and over there is no end of code objects, but not of places for them. Of two that live
 * at two places each has an id. */
static uint32_t find_dead(const struct hop_code_table *table, uint32_t newest,
                          const struct hop_code *read)
{
    uint32_t id = newest;
    for (int tried = 0; tried < SAME_TEXT_MAX && id < table->count; tried++) {
        const struct hop_code *code = table->codes[id];
        if (hop_id_table_get(&table->by_addr, code->addr) != id && is_same_text(code, read))
            return id;
        if (code->same_text_id >= id) /* older ones have lower ids */
            break;
        id = code->same_text_id;
    }
    return HOP_NO_ID;
}

/* Room for one more, so that only the arena's limit can be in its way. */
static bool make_room(struct hop_code_table *table)
{
    if (!hop_id_table_reserve(&table->by_addr, table->by_addr.used + 1) ||
        !hop_id_table_reserve(&table->by_text, table->by_text.used + 1))
        return false;
    if (table->count < table->capacity)
        return true;
    size_t capacity = table->capacity ? 2 * table->capacity : FIRST_CAPACITY;
    if (capacity > HOP_NO_ID)
        return false;
    struct hop_code **codes = realloc(table->codes, capacity * sizeof *codes);
    if (!codes)
        return false;
    table->codes = codes;
    table->capacity = capacity;
    return true;
}

/* The known code object is that which was read, from now on. */
static void take_over(struct hop_code *known, const struct hop_code *read)
{
    known->addr = read->addr;
    known->identity = read->identity;
    known->number = read->number;
    known->bytecode_addr = read->bytecode_addr;
    known->name_addr = read->name_addr;
    /* Found for the other one; whether it is this one's too is worth a new look. */
    if (known->qualname_is_known && !read->qualname_is_known) {
        known->qualname_is_wanted = true;
        known->qualname_tries = 0;
        known->qualname_pause = 0;
    }
}

static enum hop_refusal keep(struct hop_code_table *table, const struct hop_code *read,
                             uint32_t *id)
{
    uint32_t known_id;
    struct hop_code *known = hop_code_table_find(table, read->addr, &known_id);
    table->reused += known != NULL;
    if (!make_room(table))
        return HOP_REFUSED_NO_ROOM;
    uint64_t hash = text_hash(read);
    uint32_t newest = hop_id_table_get(&table->by_text, hash);
    if (!known || !is_same_text(known, read))
        known_id = find_dead(table, newest, read);
    if (known_id != HOP_NO_ID) {
        take_over(table->codes[known_id], read);
    } else {
        const struct hop_code *neighbour = table->count ? table->codes[table->count - 1] : NULL;
        struct hop_code *kept = hop_code_keep(&table->arena, read, neighbour);
        if (!kept)
            return HOP_REFUSED_NO_ROOM;
        kept->same_text_id = newest;
        known_id = (uint32_t)table->count++;
        table->codes[known_id] = kept;
        hop_id_table_put(&table->by_text, hash, known_id);
    }
    hop_id_table_put(&table->by_addr, read->addr, known_id); /* there is room */
    *id = known_id;
    return HOP_TAKEN;
}

enum hop_refusal hop_code_table_add_from(struct hop_code_table *table,
                                         const struct hop_code_source *source, uint64_t addr,
                                         uint32_t *id)
{
    /* Whatever is read goes to a place of its own first, so that no number of broken code objects
     * uses up the table. */
    struct hop_code read;
    struct hop_arena scratch;
    hop_arena_init(&scratch, HOP_CODE_SCRATCH_MAX);
    enum hop_refusal refusal = hop_code_read(source->reader, table->layout, addr, &table->type_addr,
                                             &table->constant_types, &scratch, &read);
    if (refusal == HOP_TAKEN && source->with_all && !read.operands.are_all_there)
        refusal = HOP_REFUSED_UNREADABLE;
    else if (refusal == HOP_TAKEN && source->is_proved && !source->is_proved(table, &read))
        refusal = HOP_REFUSED_CODE_GONE;
    else if (refusal == HOP_TAKEN)
        refusal = keep(table, &read, id);
    else
        table->refused_addr = addr;
    hop_arena_deinit(&scratch);
    return refusal;
}

enum hop_refusal hop_code_table_add(struct hop_code_table *table, uint64_t addr, uint32_t *id)
{
    const struct hop_code_source source = {.reader = table->reader};
    return hop_code_table_add_from(table, &source, addr, id);
}

void hop_code_table_truncate(struct hop_code_table *table, size_t count)
{
    if (count < table->count)
        table->count = count;
}

/* Where the pointer of a frame that stands still was found to point, in all of calls,
 * generators, coroutines and exceptions, with and without the JIT:
 * - up to 3.10, and in leaves later: the instruction, or the first prefix of one with EXTENDED_ARG;
 * - 3.11, 3.12: the last cache of a CALL, BINARY_SUBSCR, SEND and so on that runs Python code, in
 *   leaves too, for a moment around call and return; the unit before the first in a new frame;
 * - 3.13 on: callers exactly at the instruction. Nothing ever pointed beyond the end. */

/* The unit that lies `bytes` behind unit 0, or the one that counts for "not started". */
static enum hop_refusal unit_at(const struct hop_code *code, int64_t bytes, int64_t not_started,
                                uint32_t *unit)
{
    if (bytes == not_started)
        bytes = 0;
    if (bytes < 0 || bytes % 2 || bytes / 2 >= code->units.count)
        return HOP_REFUSED_BAD_OFFSET;
    *unit = code->units.starts[bytes / 2];
    return HOP_TAKEN;
}

enum hop_refusal hop_code_unit_of_ip(const struct hop_layout *layout, const struct hop_code *code,
                                     uint64_t ip, uint32_t *unit)
{
    switch (layout->ip_kind) {
    case HOP_IP_LASTI_BYTES:
        return unit_at(code, (int64_t)ip, -1, unit);
    case HOP_IP_LASTI_UNITS:
        if (ip != UINT64_MAX && ip > UINT32_MAX)
            return HOP_REFUSED_BAD_OFFSET;
        return unit_at(code, 2 * (int64_t)ip, -2, unit);
    case HOP_IP_PREV_INSTR:
        return unit_at(code, (int64_t)(ip - code->bytecode_addr), -2, unit);
    case HOP_IP_INSTR_PTR:
        return unit_at(code, (int64_t)(ip - code->bytecode_addr), 0, unit);
    }
    return HOP_REFUSED_BAD_OFFSET;
}
