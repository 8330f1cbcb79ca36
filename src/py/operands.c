/* Reads and keeps what arguments stand for, and puts it into words as dis does; see operands.h. How
 * a constant is read is constant.c's. */
#include "py/operands.h"

#include <stdio.h>

enum {
    BATCH = 256,           /* heads read with one call: 50 kB of them */
    OBJECTS_MAX = 1024,    /* in tuples and sets among the constants of one code object */
    BYTES_EACH = 32,       /* a first guess */
    TEXTS_MAX = 256 << 10, /* bytes of text of one code object */
};

/* --- reading --------------------------------------------------------------------------------- */

struct collector {
    struct hop_constant_reader constants;
    struct hop_operands *operands;
    uint32_t *ends;
    char *text;
    size_t used, capacity;
};

/* Where the tuples are, and how many items each has. */
static bool find_tuples(struct hop_reader *reader, const struct hop_layout *layout,
                        const uint8_t *header, size_t header_size,
                        uint64_t addrs[HOP_OPERAND_TUPLES], uint32_t counts[HOP_OPERAND_TUPLES])
{
    const int32_t places[HOP_OPERAND_TUPLES] = {
        [HOP_OPERAND_NAMES] = layout->code_names,
        [HOP_OPERAND_LOCALS] = layout->code_localsplusnames != HOP_ABSENT
                                   ? layout->code_localsplusnames
                                   : layout->code_varnames,
        [HOP_OPERAND_CELLS] = layout->code_cellvars,
        [HOP_OPERAND_FREE] = layout->code_freevars,
        [HOP_OPERAND_CONSTANTS] = layout->code_consts,
    };
    struct hop_span spans[HOP_OPERAND_TUPLES];
    uint64_t sizes[HOP_OPERAND_TUPLES] = {0};
    size_t span_count = 0;
    for (size_t i = 0; i < HOP_OPERAND_TUPLES; i++) {
        bool is_there = places[i] != HOP_ABSENT && (size_t)places[i] + 8 <= header_size;
        addrs[i] = is_there ? hop_u64(header + places[i]) : 0;
        if (addrs[i])
            spans[span_count++] = (struct hop_span){addrs[i] + (uint64_t)layout->tuple_size,
                                                    sizeof sizes[i], &sizes[i]};
    }
    if (!span_count || hop_reader_fill(reader, spans, span_count) != span_count)
        return false;
    for (size_t i = 0; i < HOP_OPERAND_TUPLES; i++)
        counts[i] = sizes[i] < HOP_OPERANDS_MAX ? (uint32_t)sizes[i] : HOP_OPERANDS_MAX;
    return true;
}

/* The items of all tuples, one after another. NULL: none, or they can't be read. */
static uint64_t *read_items(struct hop_reader *reader, const struct hop_layout *layout,
                            const uint64_t addrs[HOP_OPERAND_TUPLES],
                            const uint32_t counts[HOP_OPERAND_TUPLES], struct hop_arena *arena)
{
    struct hop_span spans[HOP_OPERAND_TUPLES];
    size_t span_count = 0, total = 0;
    for (size_t i = 0; i < HOP_OPERAND_TUPLES; i++)
        total += counts[i];
    uint64_t *items = total ? hop_arena_alloc(arena, total * sizeof *items) : NULL;
    uint64_t *next = items;
    for (size_t i = 0; items && i < HOP_OPERAND_TUPLES; i++) {
        if (counts[i])
            spans[span_count++] = (struct hop_span){addrs[i] + (uint64_t)layout->tuple_items,
                                                    counts[i] * sizeof *items, next};
        next += counts[i];
    }
    return items && hop_reader_fill(reader, spans, span_count) == span_count ? items : NULL;
}

/* Room for another text; false: there is none. */
static bool make_room(struct collector *collector)
{
    if (collector->used + HOP_CONSTANT_SIZE <= collector->capacity)
        return true;
    size_t capacity = 2 * collector->capacity + HOP_CONSTANT_SIZE;
    char *text =
        capacity <= TEXTS_MAX ? hop_arena_alloc(collector->constants.arena, capacity) : NULL;
    if (!text)
        return false;
    memcpy(text, collector->text, collector->used);
    collector->text = text;
    collector->capacity = capacity;
    return true;
}

static bool add_text(struct collector *collector, const struct hop_object_head *head,
                     bool is_constant)
{
    if (!make_room(collector))
        return false;
    char *text = collector->text + collector->used;
    collector->used += is_constant ? hop_constant_write(&collector->constants, head, text)
                                   : hop_constant_write_name(&collector->constants, head, text);
    collector->ends[collector->operands->count++] = (uint32_t)collector->used;
    return true;
}

/* Ends early, with the counts true, where memory ends: false. */
static bool collect(struct collector *collector, const uint64_t *items,
                    const uint32_t counts[HOP_OPERAND_TUPLES])
{
    struct hop_object_head *heads =
        hop_arena_alloc(collector->constants.arena, BATCH * sizeof *heads);
    struct hop_operands *operands = collector->operands;
    size_t total = 0, next = 0, batch_end = 0;
    for (size_t i = 0; i < HOP_OPERAND_TUPLES; i++)
        total += counts[i];
    for (size_t tuple = 0; heads && tuple < HOP_OPERAND_TUPLES; tuple++) {
        for (uint32_t i = 0; i < counts[tuple]; i++, next++) {
            if (next == batch_end) {
                size_t count = total - next < BATCH ? total - next : BATCH;
                hop_object_heads_read(collector->constants.reader, items + next, count, heads);
                batch_end += count;
            }
            if (!add_text(collector, &heads[next % BATCH], tuple == HOP_OPERAND_CONSTANTS))
                return false;
            operands->counts[tuple == HOP_OPERAND_FREE ? HOP_OPERAND_CELLS : tuple]++;
        }
    }
    return heads && !collector->constants.has_missed;
}

void hop_operands_read(struct hop_reader *reader, const struct hop_layout *layout,
                       const uint8_t *header, size_t header_size, struct hop_known_types *types,
                       struct hop_arena *arena, struct hop_operands *operands)
{
    uint64_t addrs[HOP_OPERAND_TUPLES];
    uint32_t counts[HOP_OPERAND_TUPLES];
    *operands = (struct hop_operands){0};
    if (!find_tuples(reader, layout, header, header_size, addrs, counts))
        return;
    size_t total = 0;
    for (size_t i = 0; i < HOP_OPERAND_TUPLES; i++)
        total += counts[i];
    operands->are_all_there = !total;
    const uint64_t *items = read_items(reader, layout, addrs, counts, arena);
    if (!items)
        return;
    struct collector collector = {
        .constants = {reader, layout, types, arena, OBJECTS_MAX, false},
        .operands = operands,
        .capacity = total * BYTES_EACH + HOP_CONSTANT_SIZE,
    };
    collector.ends = hop_arena_alloc(arena, total * sizeof *collector.ends);
    collector.text = hop_arena_alloc(arena, collector.capacity);
    if (collector.ends && collector.text)
        operands->are_all_there = collect(&collector, items, counts);
    operands->ends = collector.ends;
    operands->text = collector.text;
}

/* --- words ----------------------------------------------------------------------------------- */

struct words {
    char *text;
    size_t length, size;
};

static void put(struct words *words, const char *bytes, size_t length)
{
    if (length >= words->size - words->length)
        return;
    memcpy(words->text + words->length, bytes, length);
    words->length += length;
    words->text[words->length] = '\0';
}

static void put_item(struct words *words, const struct hop_operands *operands,
                     enum hop_operand_tuple tuple, uint32_t index)
{
    uint32_t at = index;
    if (index >= operands->counts[tuple])
        return;
    for (size_t i = 0; i < (size_t)tuple; i++)
        at += operands->counts[i];
    uint32_t start = at ? operands->ends[at - 1] : 0;
    put(words, operands->text + start, operands->ends[at] - start);
}

static void put_number(struct words *words, const char *preposition, int64_t number)
{
    char text[48];
    int length = snprintf(text, sizeof text, "%s%lld", preposition, (long long)number);
    if (number >= 0)
        put(words, text, (size_t)length);
}

static void put_listed(struct words *words, const struct hop_layout *layout, uint8_t list,
                       uint32_t number)
{
    for (int i = 0; i < layout->operand_word_count; i++) {
        const struct hop_operand_word *word = &layout->operand_words[i];
        if (word->list == list && word->number == number)
            put(words, layout->texts + word->text_at, strlen(layout->texts + word->text_at));
    }
}

static uint32_t flags_of(const struct hop_layout *layout, uint8_t base)
{
    uint32_t flags = 0;
    for (int i = 0; i < layout->argument_form_count; i++)
        if (layout->argument_forms[i].opcode == base)
            flags |= layout->argument_forms[i].mask;
    return flags;
}

static void put_plain(struct words *words, const struct hop_layout *layout,
                      const struct hop_operands *operands, uint32_t unit, uint8_t base,
                      uint32_t argument)
{
    const struct hop_opcode *opcode = &layout->opcodes[base];
    uint32_t index = argument >> opcode->argument_shift;
    int64_t next = 2 * ((int64_t)unit + 1 + opcode->caches);
    switch ((enum hop_argument_kind)opcode->argument) {
    case HOP_ARGUMENT_PLAIN:
        break;
    case HOP_ARGUMENT_CONSTANT:
        put_item(words, operands, HOP_OPERAND_CONSTANTS, index);
        break;
    case HOP_ARGUMENT_NAME:
        put_item(words, operands, HOP_OPERAND_NAMES, index);
        break;
    case HOP_ARGUMENT_LOCAL:
        put_item(words, operands, HOP_OPERAND_LOCALS, index);
        break;
    case HOP_ARGUMENT_LOCALS:
        put_item(words, operands, HOP_OPERAND_LOCALS, argument >> 4);
        put(words, ", ", 2);
        put_item(words, operands, HOP_OPERAND_LOCALS, argument & 15);
        break;
    case HOP_ARGUMENT_CELL:
        put_item(words, operands, HOP_OPERAND_CELLS, index);
        break;
    case HOP_ARGUMENT_FORWARD:
        put_number(words, "to ", next + 2 * (int64_t)argument);
        break;
    case HOP_ARGUMENT_BACKWARD:
        put_number(words, "to ", next - 2 * (int64_t)argument);
        break;
    case HOP_ARGUMENT_ABSOLUTE:
        put_number(words, "to ", 2 * (int64_t)argument);
        break;
    case HOP_ARGUMENT_FORWARD_BYTES:
        put_number(words, "to ", next + argument);
        break;
    case HOP_ARGUMENT_ABSOLUTE_BYTES:
        put_number(words, "to ", argument);
        break;
    case HOP_ARGUMENT_SOURCE:
        put_number(words, "from ", next - 2 * (int64_t)argument);
        break;
    case HOP_ARGUMENT_LISTED:
        put_listed(words, layout, opcode->argument_list,
                   (argument & ~flags_of(layout, base)) >> opcode->argument_shift);
        break;
    }
}

/* Puts `plain` where the form has {}; where that is nothing, ", " behind it goes too. */
static void put_form(struct words *words, const char *form, const struct words *plain)
{
    const char *hole = strstr(form, "{}");
    if (!hole) {
        put(words, form, strlen(form));
        return;
    }
    const char *rest = hole + 2;
    if (!plain->length && strncmp(rest, ", ", 2) == 0)
        rest += 2;
    put(words, form, (size_t)(hole - form));
    put(words, plain->text, plain->length);
    put(words, rest, strlen(rest));
}

void hop_operand_write(const struct hop_layout *layout, const struct hop_operands *operands,
                       uint32_t unit, uint8_t base, uint32_t argument, char *text)
{
    char plain_text[HOP_OPERAND_TEXT_SIZE];
    struct words plain = {plain_text, 0, sizeof plain_text};
    struct words words = {text, 0, HOP_OPERAND_TEXT_SIZE};
    text[0] = plain_text[0] = '\0';
    put_plain(&plain, layout, operands, unit, base, argument);
    bool is_known = plain.length || layout->opcodes[base].argument == HOP_ARGUMENT_LISTED;
    for (int i = 0; is_known && i < layout->argument_form_count; i++) {
        const struct hop_argument_form *form = &layout->argument_forms[i];
        if (form->opcode == base && form->mask & argument) {
            put_form(&words, layout->texts + form->text_at, &plain);
            return;
        }
    }
    put(&words, plain.text, plain.length);
}
