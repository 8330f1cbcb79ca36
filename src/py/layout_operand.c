/* Reads the lines of a file of offsets/ that tell what the arguments of opcodes stand for
 * (`argument`, `operand`, `form`) into a layout. What is made of them is operands.c's. */
#include "py/layout_parser.h"

#include <string.h>

enum { SHIFT_MAX = 8, LIST_NAME_BYTES_MAX = 31 };

/* Keeps the words from number `first` on, a blank between two. */
static enum hop_status keep_text(struct hop_parser *p, size_t first, uint16_t *text_at)
{
    struct hop_layout *layout = p->layout;
    *text_at = (uint16_t)p->texts_used;
    for (size_t i = first; i < p->word_count; i++) {
        size_t length = strlen(p->words[i]);
        if (length + 1 > sizeof layout->texts - p->texts_used)
            return hop_parser_refuse(p, "too many texts:", p->words[i]);
        memcpy(layout->texts + p->texts_used, p->words[i], length);
        p->texts_used += length + 1;
        layout->texts[p->texts_used - 1] = i + 1 < p->word_count ? ' ' : '\0';
    }
    return HOP_OK;
}

static int find_list(const struct hop_layout *layout, const char *name)
{
    for (int i = 0; i < layout->operand_list_count; i++)
        if (!strcmp(layout->texts + layout->operand_lists[i], name))
            return i;
    return -1;
}

static enum hop_status parse_kind(struct hop_parser *p, struct hop_opcode *opcode)
{
    static const char *const kinds[] = {
        [HOP_ARGUMENT_CONSTANT] = "constant",
        [HOP_ARGUMENT_NAME] = "name",
        [HOP_ARGUMENT_LOCAL] = "local",
        [HOP_ARGUMENT_LOCALS] = "locals",
        [HOP_ARGUMENT_CELL] = "cell",
        [HOP_ARGUMENT_FORWARD] = "forward",
        [HOP_ARGUMENT_BACKWARD] = "backward",
        [HOP_ARGUMENT_ABSOLUTE] = "absolute",
        [HOP_ARGUMENT_FORWARD_BYTES] = "forward-bytes",
        [HOP_ARGUMENT_ABSOLUTE_BYTES] = "absolute-bytes",
        [HOP_ARGUMENT_SOURCE] = "source",
    };
    struct hop_layout *layout = p->layout;
    const char *word = p->words[2];
    for (size_t i = HOP_ARGUMENT_CONSTANT; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(word, kinds[i])) {
            opcode->argument = (uint8_t)i;
            return HOP_OK;
        }
    int list = find_list(layout, word);
    if (list < 0) {
        uint16_t text_at = (uint16_t)p->texts_used;
        size_t size = strlen(word) + 1;
        if (layout->operand_list_count == HOP_OPERAND_LISTS_MAX || size > LIST_NAME_BYTES_MAX ||
            size > sizeof layout->texts - p->texts_used)
            return hop_parser_refuse(p, "too many lists:", word);
        memcpy(layout->texts + text_at, word, size);
        p->texts_used += size;
        list = layout->operand_list_count++;
        layout->operand_lists[list] = text_at;
    }
    opcode->argument = HOP_ARGUMENT_LISTED;
    opcode->argument_list = (uint8_t)list;
    return HOP_OK;
}

/* The base opcode that the line at hand is about; NULL: it was refused. */
static struct hop_opcode *find_base(struct hop_parser *p)
{
    size_t number = hop_parser_find_opcode(p, p->words[1]);
    if (number == HOP_OPCODE_COUNT || p->base_names[number][0] ||
        !p->layout->opcodes[number].has_arg) {
        hop_parser_refuse(p, "no opcode, no base opcode or one without an argument:", p->words[1]);
        return NULL;
    }
    return &p->layout->opcodes[number];
}

/* argument OPCODE KIND [shift N] */
enum hop_status hop_parser_argument(struct hop_parser *p)
{
    struct hop_opcode *opcode = find_base(p);
    uint64_t shift = 0;
    if (!opcode)
        return HOP_ERR_OFFSETS;
    if (opcode->argument != HOP_ARGUMENT_PLAIN)
        return hop_parser_refuse(p, "a second argument", p->words[1]);
    if (p->word_count == 4 ||
        (p->word_count == 5 &&
         (strcmp(p->words[3], "shift") || !hop_parser_number(p->words[4], SHIFT_MAX, &shift))))
        return hop_parser_refuse(p, "no shift:", p->words[p->word_count - 1]);
    opcode->argument_shift = (uint8_t)shift;
    return parse_kind(p, opcode);
}

/* operand LIST N TEXT */
enum hop_status hop_parser_operand(struct hop_parser *p)
{
    struct hop_layout *layout = p->layout;
    uint64_t number;
    int list = find_list(layout, p->words[1]);
    if (list < 0)
        return hop_parser_refuse(p, "a list of no argument:", p->words[1]);
    if (!hop_parser_number(p->words[2], UINT8_MAX, &number))
        return hop_parser_refuse(p, "no operand:", p->words[2]);
    for (int i = 0; i < layout->operand_word_count; i++)
        if (layout->operand_words[i].list == list && layout->operand_words[i].number == number)
            return hop_parser_refuse(p, "a second operand", p->words[2]);
    if (layout->operand_word_count == HOP_OPERAND_WORDS_MAX)
        return hop_parser_refuse(p, "too many operands:", p->words[1]);
    struct hop_operand_word *word = &layout->operand_words[layout->operand_word_count++];
    *word = (struct hop_operand_word){.list = (uint8_t)list, .number = (uint8_t)number};
    return keep_text(p, 3, &word->text_at);
}

/* form OPCODE MASK TEXT */
enum hop_status hop_parser_form(struct hop_parser *p)
{
    struct hop_layout *layout = p->layout;
    uint64_t mask;
    struct hop_opcode *opcode = find_base(p);
    if (!opcode)
        return HOP_ERR_OFFSETS;
    if (!hop_parser_number(p->words[2], UINT8_MAX, &mask) || mask == 0)
        return hop_parser_refuse(p, "no mask:", p->words[2]);
    if (layout->argument_form_count == HOP_ARGUMENT_FORMS_MAX)
        return hop_parser_refuse(p, "too many forms:", p->words[1]);
    struct hop_argument_form *form = &layout->argument_forms[layout->argument_form_count++];
    *form = (struct hop_argument_form){.opcode = (uint8_t)(opcode - layout->opcodes),
                                       .mask = (uint8_t)mask};
    return keep_text(p, 3, &form->text_at);
}
