/* Reads the `opcode` lines of a file of offsets/ into a layout. What an opcode does is nobody's
 * business here; all other lines are layout_parse.c's. */
#include "py/layout_parser.h"

#include <string.h>

static bool is_opcode_name(const char *word)
{
    size_t length = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return length > 0 && length <= HOP_PARSER_NAME_BYTES_MAX && !word[length] && word[0] >= 'A';
}

/* FNV-1a. */
static uint32_t hash(const char *name)
{
    uint32_t sum = 2166136261u;
    for (; *name; name++)
        sum = (sum ^ (unsigned char)*name) * 16777619u;
    return sum;
}

/* Where the table has that name, or the free place for it. There is one: it has twice as many
 * places as there are opcodes. */
static size_t place_of(const struct hop_parser *p, const char *name)
{
    size_t at = hash(name) % HOP_PARSER_NAME_PLACES;
    while (p->opcode_at[at] && strcmp(p->layout->opcodes[p->opcode_at[at] - 1].name, name))
        at = (at + 1) % HOP_PARSER_NAME_PLACES;
    return at;
}

size_t hop_parser_find_opcode(const struct hop_parser *p, const char *name)
{
    uint16_t found = p->opcode_at[place_of(p, name)];
    return found ? found - 1u : HOP_OPCODE_COUNT;
}

static enum hop_status parse_role(struct hop_parser *p, const char *word,
                                  enum hop_opcode_role *role)
{
    static const char *const roles[] = {
        [HOP_ROLE_EXTENDED_ARG] = "extended-arg",
        [HOP_ROLE_INSTRUMENTED_LINE] = "instrumented-line",
        [HOP_ROLE_INSTRUMENTED_INSTRUCTION] = "instrumented-instruction",
        [HOP_ROLE_ENTER_EXECUTOR] = "enter-executor",
    };
    for (size_t i = HOP_ROLE_EXTENDED_ARG; i < sizeof roles / sizeof roles[0]; i++)
        if (!strcmp(word, roles[i])) {
            *role = (enum hop_opcode_role)i;
            return HOP_OK;
        }
    return hop_parser_refuse(p, "unknown role", word);
}

/* What stands after `opcode N NAME caches N`, each at most once and in any order. */
static enum hop_status parse_opcode_tail(struct hop_parser *p, size_t number,
                                         struct hop_opcode *opcode)
{
    for (size_t i = 5; i < p->word_count; i++) {
        const char *word = p->words[i];
        for (size_t before = 5; before < i; before++)
            if (!strcmp(p->words[before], word))
                return hop_parser_refuse(p, "twice:", word);
        bool takes_word = !strcmp(word, "of") || !strcmp(word, "role");
        if (takes_word && i + 1 == p->word_count)
            return hop_parser_refuse(p, "nothing after", word);
        if (!strcmp(word, "arg"))
            opcode->has_arg = true;
        else if (!strcmp(word, "instrumented"))
            opcode->is_instrumented = true;
        else if (!strcmp(word, "tracked"))
            opcode->is_tracked = true;
        else if (!takes_word)
            return hop_parser_refuse(p, "unknown mark", word);
        else if (word[0] == 'o' && !is_opcode_name(p->words[i + 1]))
            return hop_parser_refuse(p, "no opcode name:", p->words[i + 1]);
        else if (word[0] == 'o')
            strcpy(p->base_names[number], p->words[++i]);
        else if (parse_role(p, p->words[++i], &opcode->role) != HOP_OK)
            return HOP_ERR_OFFSETS;
    }
    return HOP_OK;
}

enum hop_status hop_parser_opcode(struct hop_parser *p)
{
    struct hop_layout *layout = p->layout;
    uint64_t number, caches;
    const char *name = p->words[2];
    if (!hop_parser_number(p->words[1], HOP_OPCODE_COUNT - 1, &number))
        return hop_parser_refuse(p, "no opcode:", p->words[1]);
    if (!is_opcode_name(name))
        return hop_parser_refuse(p, "no opcode name:", name);
    if (layout->opcodes[number].name)
        return hop_parser_refuse(p, "a second opcode", p->words[1]);
    if (hop_parser_find_opcode(p, name) != HOP_OPCODE_COUNT)
        return hop_parser_refuse(p, "a second opcode", name);
    if (strcmp(p->words[3], "caches") || !hop_parser_number(p->words[4], UINT8_MAX, &caches))
        return hop_parser_refuse(p, "no number of caches:", p->words[4]);
    size_t length = strlen(name) + 1;
    if (length > sizeof layout->names - p->names_used)
        return hop_parser_refuse(p, "too many names:", name);
    struct hop_opcode opcode = {.base = (uint8_t)number, .caches = (uint8_t)caches};
    enum hop_status status = parse_opcode_tail(p, number, &opcode);
    if (status != HOP_OK)
        return status;
    opcode.name = memcpy(layout->names + p->names_used, name, length);
    p->names_used += length;
    p->opcode_lines[number] = p->line_number;
    layout->opcodes[number] = opcode;
    p->opcode_at[place_of(p, name)] = (uint16_t)(number + 1);
    return HOP_OK;
}

/* A form differs from its base in how it is carried out only: what a reader of bytecode needs to
 * know of it has to be the same. */
enum hop_status hop_parser_resolve_bases(struct hop_parser *p)
{
    struct hop_opcode *opcodes = p->layout->opcodes;
    for (size_t i = 0; i < HOP_OPCODE_COUNT; i++) {
        if (!p->base_names[i][0])
            continue;
        size_t base = hop_parser_find_opcode(p, p->base_names[i]);
        if (base == HOP_OPCODE_COUNT)
            return hop_parser_refuse_line(p, p->opcode_lines[i], "of an unknown opcode",
                                          p->base_names[i]);
        if (p->base_names[base][0])
            return hop_parser_refuse_line(p, p->opcode_lines[i],
                                          "of an opcode that is no base:", p->base_names[i]);
        if (opcodes[i].caches != opcodes[base].caches ||
            opcodes[i].has_arg != opcodes[base].has_arg ||
            opcodes[i].is_tracked != opcodes[base].is_tracked)
            return hop_parser_refuse_line(
                p, p->opcode_lines[i], "caches, arg or tracked unlike its base", p->base_names[i]);
        opcodes[i].base = (uint8_t)base;
    }
    return HOP_OK;
}
