/* Goes from a stack's frames to the objects that may know their qualified names, and decides how
 * often that is tried. What proves that an object does is function.c's. */
#include "py/qualname.h"

#include "py/function.h"
#include "py/text.h"

#include <stdlib.h>

/* Calls of the reader, each half a microsecond or more while a thread is kept waiting. A function
 * is found in some 5, a method of a class with many bases in 50. */
enum { READS_A_CODE = 160, READS_A_LOOK_MAX = 1024, READS_A_LOOK_MIN = 16 };

/* Tries of one code object, at the 1st, 2nd, 4th … look that shows it: some 1,000 looks in all. It
 * may be called in another way then. */
enum { TRIES_MAX = 10 };

/* Found in one look; more wait for the next. */
enum { FOUND_MAX = 256, TEXTS_BYTES = 128 << 10 };

/* Slots of a frame that are looked at: its variables, and above them the values of its expression,
 * among which is what it calls. */
enum { SLOTS_MAX = 256 };

/* Frames further out that may have made the function. */
enum { MAKERS_MAX = 32 };

/* Constants of a maker. */
enum { CONSTS_MAX = 8192, CONSTS_AT_ONCE = 128 };

/* inspect.CO_NEWLOCALS: of functions only, not of modules and class bodies. */
enum { CO_NEWLOCALS = 2 };

struct hop_qualname_found {
    struct hop_code *code;
    const char *qualname; /* NULL: give up */
};

bool hop_qualnames_init(struct hop_qualnames *names, struct hop_code_table *table)
{
    *names = (struct hop_qualnames){.table = table, .reads_a_look = READS_A_LOOK_MAX};
    if (table->layout->frame_root != HOP_ROOT_FRAME_OBJECT)
        return true;
    names->found = malloc(FOUND_MAX * sizeof *names->found);
    names->texts = malloc(TEXTS_BYTES);
    return names->found && names->texts;
}

void hop_qualnames_deinit(struct hop_qualnames *names)
{
    free(names->found);
    free(names->texts);
    *names = (struct hop_qualnames){0};
}

/* --- where it may be ------------------------------------------------------------------------- */

/* Item `index` of a tuple of at least that many. */
static bool read_item(struct hop_function_search *search, uint64_t tuple_addr, uint64_t index,
                      uint64_t *item_addr)
{
    uint64_t count;
    return tuple_addr &&
           hop_function_read_two(search, tuple_addr + (uint64_t)search->layout->tuple_size, &count,
                                 tuple_addr + (uint64_t)search->layout->tuple_items + 8 * index,
                                 item_addr) &&
           index < count;
}

static bool item_is_text(struct hop_function_search *search, uint64_t tuple_addr, uint64_t index,
                         const char *text)
{
    char found[HOP_TEXT_BYTES_MAX];
    uint64_t str_addr;
    return read_item(search, tuple_addr, index, &str_addr) &&
           hop_function_read_text(search, str_addr, found) >= 0 && !strcmp(found, text);
}

static bool unit_is(const struct hop_layout *layout, const struct hop_code *code, uint32_t unit,
                    const char *opcode)
{
    return unit < code->units.count &&
           !strcmp(layout->opcodes[code->units.bases[unit]].name, opcode);
}

/* A class body begins with __module__ = __name__; __qualname__ = 'A.B' (3.3–3.12). The function
 * that runs it has only 'B'. */
static bool is_in_class_body(struct hop_function_search *search, const struct hop_code *code)
{
    static const char *const opcodes[] = {"LOAD_NAME", "STORE_NAME", "LOAD_CONST", "STORE_NAME"};
    static const char *const variables[] = {"__name__", "__module__", NULL, "__qualname__"};
    const struct hop_layout *layout = search->layout;
    uint64_t names_addr, consts_addr, str_addr;
    if (!hop_function_read_two(search, code->addr + (uint64_t)layout->code_names, &names_addr,
                               code->addr + (uint64_t)layout->code_consts, &consts_addr))
        return false;
    for (uint32_t unit = 0; unit < 4; unit++)
        if (!unit_is(layout, code, unit, opcodes[unit]) ||
            (variables[unit] &&
             !item_is_text(search, names_addr, code->units.args[unit], variables[unit])))
            return false;
    return read_item(search, consts_addr, code->units.args[2], &str_addr) &&
           hop_function_take_name(search, str_addr);
}

static bool is_in_generator(struct hop_function_search *search, uint64_t gen_addr)
{
    const struct hop_layout *layout = search->layout;
    uint64_t code_addr, str_addr;
    return hop_function_read_two(search, gen_addr + (uint64_t)layout->gen_code, &code_addr,
                                 gen_addr + (uint64_t)layout->gen_qualname, &str_addr) &&
           code_addr == search->code_addr && hop_function_take_name(search, str_addr);
}

/* The slots of a frame: as many as its object has room for. Those that no value is in now may hold
 * anything. */
static size_t read_slots(struct hop_function_search *search, const struct hop_raw_frame *frame,
                         uint64_t slots[SLOTS_MAX])
{
    uint64_t count; /* ob_size, which is where it is in a tuple */
    if (!hop_function_read(search, frame->frame_addr + (uint64_t)search->layout->tuple_size, &count,
                           8))
        return 0;
    if (count > SLOTS_MAX)
        count = SLOTS_MAX;
    return count && hop_function_read(search, frame->localsplus_addr, slots, count * 8) ? count : 0;
}

/* By the first argument: self or cls. One that an inner function uses, too, is in a cell. */
static bool is_in_class_of_argument(struct hop_function_search *search, const uint64_t *slots,
                                    size_t count)
{
    enum { CELLS_MAX = 4 };
    if (!count)
        return false;
    if (slots[0])
        return hop_function_is_in_class_of(search, slots[0]);
    const struct hop_layout *layout = search->layout;
    int cells_left = CELLS_MAX;
    for (size_t i = 1; i < count && cells_left && !search->has_other_name; i++) {
        uint64_t content_addr;
        if (!slots[i])
            continue;
        cells_left--;
        if (hop_function_read(search, slots[i] + (uint64_t)layout->object_type + 8, &content_addr,
                              8) &&
            hop_function_is_in_class_of(search, content_addr))
            return true;
    }
    return false;
}

static bool is_in_globals(struct hop_function_search *search, const struct hop_raw_frame *frame)
{
    uint64_t globals_addr;
    return hop_function_read(search, frame->frame_addr + (uint64_t)search->layout->frame_globals,
                             &globals_addr, 8) &&
           hop_function_is_in_dict(search, globals_addr);
}

/* Where in a maker's constants the code object is. */
static bool find_const(struct hop_function_search *search, uint64_t consts_addr, uint64_t *index)
{
    uint64_t count, items[CONSTS_AT_ONCE];
    if (!consts_addr ||
        !hop_function_read(search, consts_addr + (uint64_t)search->layout->tuple_size, &count, 8))
        return false;
    if (count > CONSTS_MAX)
        count = CONSTS_MAX;
    for (uint64_t at = 0; at < count; at += CONSTS_AT_ONCE) {
        uint64_t taken = count - at < CONSTS_AT_ONCE ? count - at : CONSTS_AT_ONCE;
        if (!hop_function_read(search, consts_addr + (uint64_t)search->layout->tuple_items + 8 * at,
                               items, taken * 8))
            return false;
        for (uint64_t i = 0; i < taken; i++)
            if (items[i] == search->code_addr) {
                *index = at + i;
                return true;
            }
    }
    return false;
}

/* LOAD_CONST code; LOAD_CONST 'qualified name'; MAKE_FUNCTION (3.3–3.10). */
static bool is_in_maker(struct hop_function_search *search, const struct hop_code *maker)
{
    const struct hop_layout *layout = search->layout;
    const struct hop_units *units = &maker->units;
    uint64_t consts_addr, index, str_addr;
    if (!hop_function_read(search, maker->addr + (uint64_t)layout->code_consts, &consts_addr, 8) ||
        !find_const(search, consts_addr, &index))
        return false;
    for (uint32_t unit = 0; unit + 2 < units->count; unit++) {
        if (units->args[unit] != index || units->starts[unit] != unit ||
            !unit_is(layout, maker, unit, "LOAD_CONST"))
            continue;
        uint32_t name_unit = units->starts[unit + 1];
        if (unit_is(layout, maker, name_unit, "LOAD_CONST") && name_unit + 1 < units->count &&
            unit_is(layout, maker, units->starts[name_unit + 1], "MAKE_FUNCTION"))
            return read_item(search, consts_addr, units->args[name_unit], &str_addr) &&
                   hop_function_take_name(search, str_addr);
    }
    return false;
}

static bool is_in_makers(struct hop_function_search *search, const struct hop_qualnames *names,
                         const struct hop_raw_stack *stack, const struct hop_step *frames, size_t i)
{
    size_t end = stack->depth - i > MAKERS_MAX ? i + MAKERS_MAX : stack->depth;
    for (size_t maker = i + 1; maker < end; maker++)
        if (frames[maker].code != frames[maker - 1].code &&
            is_in_maker(search, names->table->codes[frames[maker].code]))
            return true;
    return false;
}

/* Of frame i. The likeliest and cheapest first; a name of another kind than the code's ends it all
 * but for the makers, who know what the compiler said. */
static bool is_function_found(struct hop_function_search *search, const struct hop_qualnames *names,
                              const struct hop_raw_stack *stack, const struct hop_step *frames,
                              size_t i)
{
    const struct hop_raw_frame *frame = &stack->frames[i];
    uint64_t own[SLOTS_MAX], callers[SLOTS_MAX];
    if (frame->gen_addr && is_in_generator(search, frame->gen_addr))
        return true;
    size_t callers_count =
        i + 1 < stack->depth ? read_slots(search, &stack->frames[i + 1], callers) : 0;
    if (hop_function_is_among(search, callers, callers_count))
        return true;
    size_t own_count = read_slots(search, frame, own);
    return (!search->has_other_name && is_in_class_of_argument(search, own, own_count)) ||
           (!search->has_other_name && is_in_globals(search, frame)) ||
           hop_function_is_held_by(search, callers, callers_count) ||
           hop_function_is_among(search, own, own_count) ||
           hop_function_is_held_by(search, own, own_count) ||
           is_in_makers(search, names, stack, frames, i);
}

/* --- how often ------------------------------------------------------------------------------- */

static void note(struct hop_qualnames *names, struct hop_code *code, char *qualname)
{
    names->found[names->found_count++] = (struct hop_qualname_found){code, qualname};
    if (qualname)
        names->texts_bytes += strlen(qualname) + 1;
}

static void seek_of_frame(struct hop_qualnames *names, const struct hop_raw_stack *stack,
                          const struct hop_step *frames, size_t i, unsigned *reads_left)
{
    struct hop_code *code = names->table->codes[frames[i].code];
    const struct hop_layout *layout = names->table->layout;
    const unsigned reads = *reads_left < READS_A_CODE ? *reads_left : READS_A_CODE;
    struct hop_function_search search = {
        .reader = names->table->reader,
        .layout = layout,
        .code_addr = code->addr,
        .name = code->name,
        .function_type_addr = names->found_function_type_addr,
        .reads_left = reads,
        .qualname = names->texts + names->texts_bytes,
    };
    uint32_t flags;
    bool is_found = false, is_hopeless = false;
    if (!strcmp(code->name, "<module>")) {
        strcpy(search.qualname, code->name);
        is_found = true;
    } else if (hop_function_read(&search, code->addr + (uint64_t)layout->code_flags, &flags,
                                 sizeof flags) &&
               hop_function_read(&search, code->name_addr + (uint64_t)layout->unicode_hash,
                                 &search.name_hash, sizeof search.name_hash)) {
        is_found = flags & CO_NEWLOCALS ? is_function_found(&search, names, stack, frames, i)
                                        : is_in_class_body(&search, code);
        is_hopeless = !is_found && (!(flags & CO_NEWLOCALS) || search.has_other_name);
    }
    names->found_function_type_addr = search.function_type_addr;
    names->reads += reads - search.reads_left;
    *reads_left -= reads - search.reads_left;
    if (is_found || is_hopeless)
        note(names, code, is_found ? search.qualname : NULL);
}

/* Whether this is the look at which it is tried. */
static bool is_due(const struct hop_qualnames *names, struct hop_code *code)
{
    if (!code->qualname_is_wanted || code->qualname_round == names->round)
        return false;
    code->qualname_round = names->round;
    if (code->qualname_pause) {
        code->qualname_pause--;
        return false;
    }
    code->qualname_pause = (uint16_t)((1 << code->qualname_tries) - 1);
    code->qualname_tries++;
    code->qualname_is_wanted = code->qualname_tries < TRIES_MAX;
    return true;
}

void hop_qualnames_seek(struct hop_qualnames *names, const struct hop_raw_stack *stack,
                        const struct hop_step *frames)
{
    unsigned reads_left = names->reads_a_look;
    names->has_sought = true;
    names->round++;
    names->found_count = names->texts_bytes = 0;
    names->found_function_type_addr = names->function_type_addr;
    for (size_t i = 0; i < stack->depth && reads_left && names->found_count < FOUND_MAX &&
                       names->texts_bytes + HOP_TEXT_BYTES_MAX <= TEXTS_BYTES;
         i++)
        if (is_due(names, names->table->codes[frames[i].code]))
            seek_of_frame(names, stack, frames, i, &reads_left);
}

/* What was found once and now is another name ran in two functions of one text, of which the second
 * came to lie where the first one was: it has no one name. */
static void take(struct hop_arena *arena, const struct hop_qualname_found *found)
{
    struct hop_code *code = found->code;
    bool is_another =
        code->qualname_is_known && found->qualname && strcmp(code->qualname, found->qualname);
    code->qualname_is_wanted = false;
    if (is_another) {
        code->qualname = code->name;
        code->qualname_is_known = false;
        return;
    }
    if (code->qualname_is_known || !found->qualname)
        return;
    const char *kept = strcmp(code->name, found->qualname)
                           ? hop_arena_string(arena, found->qualname, strlen(found->qualname))
                           : code->name;
    if (kept) {
        code->qualname = kept;
        code->qualname_is_known = true;
    }
}

void hop_qualnames_keep(struct hop_qualnames *names)
{
    if (!names->has_sought)
        return;
    names->has_sought = false;
    for (size_t i = 0; i < names->found_count; i++)
        take(&names->table->arena, &names->found[i]);
    names->function_type_addr = names->found_function_type_addr;
    names->found_count = 0;
    if (names->reads_a_look < READS_A_LOOK_MAX)
        names->reads_a_look *= 2;
}

void hop_qualnames_drop(struct hop_qualnames *names)
{
    if (!names->has_sought)
        return;
    names->has_sought = false;
    names->found_count = 0;
    /* The look may have been too long for the thread to stand still. */
    if (names->reads_a_look > READS_A_LOOK_MIN)
        names->reads_a_look /= 2;
}
