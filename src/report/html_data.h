/* A profile as the columns that the HTML report's page reads (src/report/html/data.js is the other
 * end). It knows the profile, and which of its bytecode and source has its place in a page. */
#ifndef HOP_REPORT_HTML_DATA_H
#define HOP_REPORT_HTML_DATA_H

#include "profile/profile.h"
#include "report/html_pack.h"

/* In the page: columns[…]. Numbers unless said; strings are numbers of the string table. */
#define HOP_HTML_COLUMNS(X)                                                                        \
    X(NODE_UP, node_up) /* stacks, depth first: how far up from the node before the parent is */   \
    X(NODE_INSTRUCTION, node_instruction) /* of a root (up to depth 0): a thread */                \
    X(NODE_SELF, node_self)                                                                        \
    X(NODE_NS, node_ns)   /* of nodes with self; empty unless has_weights */                       \
    X(ROW_CODE, row_code) /* instructions: … */                                                  \
    X(ROW_OFFSET, row_offset)                                                                      \
    X(ROW_OPCODE, row_opcode)                                                                      \
    X(ROW_BASE, row_base)                                                                          \
    X(ROW_ARG, row_arg)           /* + 1; 0: none */                                               \
    X(ROW_LINE, row_line)         /* signed */                                                     \
    X(ROW_END_LINE, row_end_line) /* signed, from line */                                          \
    X(ROW_COLUMN, row_column)     /* + 1 */                                                        \
    X(ROW_END_COLUMN, row_end_column)                                                              \
    X(ROW_FLAGS, row_flags) /* 1: tracked by the options */                                        \
    X(GROUP_OF, group_of)   /* of each instruction, one grouping behind the other */               \
    X(GROUP_LOW, group_low) /* of each group, in millionths */                                     \
    X(GROUP_HIGH, group_high)                                                                      \
    X(CODE_FUNCTION, code_function) /* code objects: … */                                        \
    X(CODE_FILE, code_file)                                                                        \
    X(CODE_FIRST_LINE, code_first_line) /* signed */                                               \
    X(CODE_OPS, code_ops)               /* how many of the following */                            \
    X(OP_UNITS, op_units)               /* from the one before, in code units */                   \
    X(OP_OPCODE, op_opcode)                                                                        \
    X(OP_ARG, op_arg)                                                                              \
    X(OP_ARGUMENT, op_argument)                                                                    \
    X(OP_LINE, op_line)         /* signed, from the one before, at first from first_line */        \
    X(OP_END_LINE, op_end_line) /* signed, from line */                                            \
    X(OP_COLUMN, op_column)     /* + 1 */                                                          \
    X(OP_END_COLUMN, op_end_column)                                                                \
    X(OPCODE_NAME, opcode_name) /* each base opcode once */                                        \
    X(OPCODE_CLASS, opcode_class)                                                                  \
    X(FILE_NAME, file_name)                                                                        \
    X(FILE_SHORT, file_short)                                                                      \
    X(FILE_STATE, file_state)   /* hop_source_state; + 16: newer; + 32: cut; + 64: may be other */ \
    X(FILE_LINES, file_lines)   /* how many of the following */                                    \
    X(LINE_NUMBER, line_number) /* from the one before */                                          \
    X(LINE_LENGTH, line_length) /* in bytes; a line that was cut: as if it had one more */         \
    X(LINE_TEXT, line_text)     /* bytes, raw */

#define HOP_HTML_COLUMN(name, word) HOP_HTML_##name,
enum { HOP_HTML_COLUMNS(HOP_HTML_COLUMN) HOP_HTML_COLUMN_COUNT };
#undef HOP_HTML_COLUMN

/* More than any CPython has; what is beyond is of no class. */
enum { HOP_HTML_OPCODES_MAX = 512 };

struct hop_html_data {
    struct hop_pack columns[HOP_HTML_COLUMN_COUNT];
    struct hop_pack_strings strings;
    uint32_t opcodes[HOP_HTML_OPCODES_MAX]; /* those that OPCODE_NAME has: strings */
    size_t opcode_count;
    size_t codes_left_out; /* with bytecode, but without a place for it */
    size_t files_cut;      /* of which not all lines that are wanted have a place */
};

/* False: out of memory. `data` is to be given to hop_html_data_deinit in any case; the profile has
 * to outlive it. */
bool hop_html_data_init(struct hop_html_data *data, const struct hop_profile *profile,
                        const struct hop_report_options *options);
void hop_html_data_deinit(struct hop_html_data *data);

/* The last part of it: files, and the lines of the code objects for which `is_shown`. False: out of
 * memory. */
bool hop_html_pack_source(struct hop_html_data *data, const struct hop_profile *profile,
                          const bool *is_shown);

#endif
