/* What the files that read offsets/ share: the line at hand, and what has been seen of the file.
 * For layout_parse.c, layout_opcode.c, layout_operand.c and layout_check.c only. */
#ifndef HOP_PY_LAYOUT_PARSER_H
#define HOP_PY_LAYOUT_PARSER_H

#include "py/layout.h"

enum {
    HOP_PARSER_LINE_BYTES_MAX = 200, /* the longest of offsets/ has 100 */
    HOP_PARSER_WORDS_MAX = 12,       /* an opcode line with everything has 11 */
    HOP_PARSER_NAME_BYTES_MAX = 63,  /* CALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS has 41 */
    HOP_PARSER_NAME_PLACES = 2 * HOP_OPCODE_COUNT,
};

/* The topics of `word` lines and the names of `value` lines. */
enum hop_parser_topic { HOP_TOPIC_FRAMES, HOP_TOPIC_IP, HOP_TOPIC_LINES, HOP_TOPIC_COUNT };
enum hop_parser_value {
    HOP_VALUE_CODE_POINTER_MASK,
    HOP_VALUE_OWNER_GENERATOR,
    HOP_VALUE_OWNERS_WITHOUT_CODE,
    HOP_VALUE_COUNT
};

struct hop_parser {
    struct hop_layout *layout;
    struct hop_error *err;
    unsigned line_number;
    size_t names_used; /* of layout->names */
    size_t texts_used; /* of layout->texts */
    bool has_python;
    bool has_topic[HOP_TOPIC_COUNT];
    bool has_value[HOP_VALUE_COUNT];
    bool has_debug_version, has_debug_free_threaded;
    size_t next_field; /* where the search for a name begins: files have them in about this order */
    /* Hash table of the opcodes' names: the opcode's number plus one, or 0. */
    uint16_t opcode_at[HOP_PARSER_NAME_PLACES];
    /* Of each opcode: its line, and the name after `of`, which may stand further down. */
    unsigned opcode_lines[HOP_OPCODE_COUNT];
    char base_names[HOP_OPCODE_COUNT][HOP_PARSER_NAME_BYTES_MAX + 1];
    /* The line cut into words. */
    char line[HOP_PARSER_LINE_BYTES_MAX + 1];
    char *words[HOP_PARSER_WORDS_MAX];
    size_t word_count;
};

/* Sets the error "line N: what 'word'" and returns HOP_ERR_OFFSETS; the second is of the line at
 * hand. */
enum hop_status hop_parser_refuse_line(struct hop_parser *p, unsigned line, const char *what,
                                       const char *word);
enum hop_status hop_parser_refuse(struct hop_parser *p, const char *what, const char *word);

/* Whether `word` is decimal or 0x hexadecimal digits and nothing else; *value is at most `limit`.
 */
bool hop_parser_number(const char *word, uint64_t limit, uint64_t *value);

/* An `opcode` line; and, after the last line, the names after `of` turned into numbers. */
enum hop_status hop_parser_opcode(struct hop_parser *p);
enum hop_status hop_parser_resolve_bases(struct hop_parser *p);

/* The number of the opcode of that name, or HOP_OPCODE_COUNT. */
size_t hop_parser_find_opcode(const struct hop_parser *p, const char *name);

/* The lines `argument`, `operand` and `form`: what the opcodes' arguments stand for. */
enum hop_status hop_parser_argument(struct hop_parser *p);
enum hop_status hop_parser_operand(struct hop_parser *p);
enum hop_status hop_parser_form(struct hop_parser *p);

/* Whether all that was read makes a layout: nothing missing that its words need, nothing that
 * contradicts itself. */
enum hop_status hop_parser_check(const struct hop_parser *p);

#endif
