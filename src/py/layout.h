/* The numbers of one CPython build: field offsets, opcodes, and a few words for behaviours that
 * differ. It knows no process and reads no memory; it is filled from a data file of offsets/ and,
 * on 3.13 and later, overlaid with the target's own _Py_DebugOffsets. Immutable once made. */
#ifndef HOP_PY_LAYOUT_H
#define HOP_PY_LAYOUT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every field offset by its name in the data file, in bytes; HOP_ABSENT where the version lacks it.
 * The names are those of CPython's structs (see offsets/README.md for each). */
#define HOP_LAYOUT_FIELDS(X)                                                                       \
    X(runtime_interpreters_head, "runtime.interpreters_head")                                      \
    X(runtime_interpreters_main, "runtime.interpreters_main")                                      \
    X(runtime_initialized, "runtime.initialized")                                                  \
    X(runtime_finalizing, "runtime.finalizing")                                                    \
    X(runtime_tstate_current, "runtime.tstate_current") /* 3.8–3.11: who holds the GIL */        \
    X(runtime_gil_locked, "runtime.gil_locked")                                                    \
    X(runtime_size, "runtime.size")                                                                \
    X(interp_next, "interp.next")                                                                  \
    X(interp_id, "interp.id")                                                                      \
    X(interp_threads_head, "interp.threads_head")                                                  \
    X(interp_ceval_gil, "interp.ceval_gil") /* 3.12+: pointer to the GIL it takes: its own _gil,   \
                                               or the main interpreter's */                        \
    X(interp_gil, "interp.gil")             /* 3.12+: interp._gil, its own GIL */                  \
    X(interp_gil_last_holder, "interp.gil_last_holder") /* 3.12+: interp._gil.last_holder */       \
    X(interp_gil_locked, "interp.gil_locked")                                                      \
    X(interp_size, "interp.size")                                                                  \
    X(thread_next, "thread.next")                                                                  \
    X(thread_interp, "thread.interp")                                                              \
    X(thread_id, "thread.thread_id")               /* pthread_t */                                 \
    X(thread_native_id, "thread.native_thread_id") /* 3.11+ */                                     \
    X(thread_frame, "thread.frame")                /* 3.8–3.10: PyFrameObject * */               \
    X(thread_cframe, "thread.cframe")              /* 3.11, 3.12: _PyCFrame * */                   \
    X(thread_exc_info, "thread.exc_info") /* 3.11, 3.12: &exc_state unless a generator runs */     \
    X(thread_exc_state, "thread.exc_state")                                                        \
    X(thread_current_frame, "thread.current_frame")     /* 3.13+ */                                \
    X(thread_base_frame, "thread.base_frame")           /* 3.15+, where present */                 \
    X(thread_datastack_chunk, "thread.datastack_chunk") /* 3.11+ */                                \
    X(thread_datastack_top, "thread.datastack_top")                                                \
    X(thread_size, "thread.size")                                                                  \
    X(cframe_current_frame, "cframe.current_frame")                                                \
    X(cframe_previous, "cframe.previous")                                                          \
    X(chunk_previous, "chunk.previous") /* _PyStackChunk, 3.11+ */                                 \
    X(chunk_bytes, "chunk.size")                                                                   \
    X(chunk_top, "chunk.top")                                                                      \
    X(chunk_data, "chunk.data")                                                                    \
    X(iframe_code, "iframe.code") /* _PyInterpreterFrame: f_code or f_executable */                \
    X(iframe_previous, "iframe.previous")                                                          \
    X(iframe_ip, "iframe.ip") /* prev_instr (3.11, 3.12) or instr_ptr (3.13+) */                   \
    X(iframe_owner, "iframe.owner")                                                                \
    X(iframe_localsplus, "iframe.localsplus")                                                      \
    X(iframe_size, "iframe.size") /* up to localsplus */                                           \
    X(frame_back, "frame.f_back") /* PyFrameObject, 3.8–3.10 */                                  \
    X(frame_code, "frame.f_code")                                                                  \
    X(frame_lasti, "frame.f_lasti")                                                                \
    X(frame_gen, "frame.f_gen")                                                                    \
    X(frame_globals, "frame.f_globals")                                                            \
    X(frame_localsplus, "frame.f_localsplus")                                                      \
    X(frame_size, "frame.size")               /* up to f_localsplus */                             \
    X(code_code, "code.co_code")              /* 3.8–3.10: bytes object */                       \
    X(code_adaptive, "code.co_code_adaptive") /* 3.11+: inline */                                  \
    X(code_units, "code.ob_size")             /* 3.11+: code units of co_code_adaptive */          \
    X(code_filename, "code.co_filename")                                                           \
    X(code_name, "code.co_name")                                                                   \
    X(code_qualname, "code.co_qualname") /* 3.11+ */                                               \
    X(code_lines, "code.co_linetable")   /* co_lnotab up to 3.9 */                                 \
    X(code_firstlineno, "code.co_firstlineno")                                                     \
    X(code_firsttraceable, "code._co_firsttraceable") /* 3.11+, in code units */                   \
    X(code_flags, "code.co_flags")                                                                 \
    X(code_consts, "code.co_consts")                                                               \
    X(code_names, "code.co_names")                                                                 \
    X(code_varnames, "code.co_varnames")               /* 3.8–3.10 */                            \
    X(code_localsplusnames, "code.co_localsplusnames") /* 3.11+: of locals, cells, free ones */    \
    X(code_nlocals, "code.co_nlocals")                                                             \
    X(code_nlocalsplus, "code.co_nlocalsplus") /* 3.11, 3.12 */                                    \
    X(code_cellvars, "code.co_cellvars")       /* 3.8–3.10: tuple object */                      \
    X(code_freevars, "code.co_freevars")                                                           \
    X(code_stacksize, "code.co_stacksize")                                                         \
    X(code_version, "code.co_version")        /* 3.12+: never given twice in one interpreter */    \
    X(code_executors, "code.co_executors")    /* 3.13+ */                                          \
    X(code_monitoring, "code._co_monitoring") /* 3.12+ */                                          \
    X(code_size, "code.size")                 /* up to co_code_adaptive, or the whole struct */    \
    X(executors_size, "executors.size")       /* _PyExecutorArray */                               \
    X(executors_array, "executors.executors")                                                      \
    X(executor_opcode, "executor.vm_data.opcode") /* _PyExecutorObject: what it replaced */        \
    X(executor_oparg, "executor.vm_data.oparg")                                                    \
    X(monitoring_lines, "monitoring.lines") /* _PyCoMonitoringData */                              \
    X(monitoring_instructions, "monitoring.per_instruction_opcodes")                               \
    X(lines_original_opcode, "lines.original_opcode") /* in one entry */                           \
    X(lines_entry_size, "lines.entry_size") /* up to 3.13.2: constant; absent: read it */          \
    X(lines_bytes_per_entry, "lines.bytes_per_entry") /* 3.13.3+: where to read it */              \
    X(lines_data, "lines.data")                                                                    \
    X(function_code, "function.func_code")                                                         \
    X(function_qualname, "function.func_qualname")                                                 \
    X(gen_qualname, "gen.gi_qualname")                                                             \
    X(gen_code, "gen.gi_code") /* 3.8–3.10 */                                                    \
    X(object_type, "object.ob_type")                                                               \
    X(type_name, "type.tp_name")                                                                   \
    X(type_dict, "type.tp_dict") /* 3.8–3.10 */                                                  \
    X(type_mro, "type.tp_mro")                                                                     \
    X(dict_keys, "dict.ma_keys")                                                                   \
    X(dict_values, "dict.ma_values")                                                               \
    X(keys_size, "keys.dk_size") /* PyDictKeysObject */                                            \
    X(keys_nentries, "keys.dk_nentries")                                                           \
    X(keys_indices, "keys.dk_indices")                                                             \
    X(bytes_size, "bytes.ob_size")                                                                 \
    X(bytes_data, "bytes.ob_sval")                                                                 \
    X(tuple_size, "tuple.ob_size")                                                                 \
    X(tuple_items, "tuple.ob_item")                                                                \
    X(long_size, "long.ob_size")  /* up to 3.11: digits, negative of a negative number */          \
    X(long_lv_tag, "long.lv_tag") /* 3.12+: sign in the lowest bits, digits above the third */     \
    X(long_digits, "long.ob_digit")                                                                \
    X(float_value, "float.ob_fval")                                                                \
    X(complex_value, "complex.cval")                                                               \
    X(set_mask, "set.mask")                                                                        \
    X(set_table, "set.table")                                                                      \
    X(slice_start, "slice.start")                                                                  \
    X(slice_stop, "slice.stop")                                                                    \
    X(slice_step, "slice.step")                                                                    \
    X(unicode_length, "unicode.length")                                                            \
    X(unicode_hash, "unicode.hash")                                                                \
    X(unicode_state, "unicode.state")                                                              \
    X(unicode_ascii_data, "unicode.ascii_data")     /* sizeof(PyASCIIObject) */                    \
    X(unicode_compact_data, "unicode.compact_data") /* sizeof(PyCompactUnicodeObject) */

enum { HOP_ABSENT = -1 };

/* Masks of bit fields, as the 32-bit word at the field's place shows them on this machine. */
#define HOP_LAYOUT_MASKS(X)                                                                        \
    X(unicode_kind, "unicode.state.kind")                                                          \
    X(unicode_compact, "unicode.state.compact")                                                    \
    X(unicode_ascii, "unicode.state.ascii")

/* Where a thread's innermost frame hangs. */
enum hop_frame_root { HOP_ROOT_FRAME_OBJECT, HOP_ROOT_CFRAME, HOP_ROOT_CURRENT_FRAME };

/* What the instruction pointer of a frame is. */
enum hop_ip_kind {
    HOP_IP_LASTI_BYTES, /* 3.8, 3.9: f_lasti, bytes, -1 before the first */
    HOP_IP_LASTI_UNITS, /* 3.10: f_lasti, code units, -1 before the first */
    HOP_IP_PREV_INSTR,  /* 3.11, 3.12: address; a caller's rests on the last cache unit of its CALL
                         */
    HOP_IP_INSTR_PTR,   /* 3.13+: address of the instruction itself, in callers too */
};

enum hop_line_kind { HOP_LINES_LNOTAB, HOP_LINES_310, HOP_LINES_LOCATIONS };

enum hop_opcode_role {
    HOP_ROLE_PLAIN,
    HOP_ROLE_EXTENDED_ARG,
    HOP_ROLE_INSTRUMENTED_LINE,        /* the original is in _co_monitoring->lines */
    HOP_ROLE_INSTRUMENTED_INSTRUCTION, /* the original is in per_instruction_opcodes */
    HOP_ROLE_ENTER_EXECUTOR,           /* the original is in co_executors[oparg]->vm_data */
};

/* What an opcode's argument stands for. A jump's is in code units, or in bytes. */
enum hop_argument_kind {
    HOP_ARGUMENT_PLAIN,    /* a number that dis shows no word for */
    HOP_ARGUMENT_CONSTANT, /* an index of co_consts; the next two likewise */
    HOP_ARGUMENT_NAME,     /* of co_names */
    HOP_ARGUMENT_LOCAL,    /* of co_varnames, from 3.11 on co_localsplusnames */
    HOP_ARGUMENT_LOCALS,   /* two of them, four bits each */
    HOP_ARGUMENT_CELL,     /* 3.8–3.10: of co_cellvars and, behind them, co_freevars */
    HOP_ARGUMENT_FORWARD,  /* a jump, from the next instruction on */
    HOP_ARGUMENT_BACKWARD,
    HOP_ARGUMENT_ABSOLUTE,
    HOP_ARGUMENT_FORWARD_BYTES,
    HOP_ARGUMENT_ABSOLUTE_BYTES,
    HOP_ARGUMENT_SOURCE, /* as backward, but where control came from */
    HOP_ARGUMENT_LISTED, /* a number of a list in the file */
};

struct hop_opcode {
    const char *name; /* NULL: no such opcode */
    uint8_t base;     /* what `dis` shows without adaptive: itself, or what it specialises or
                         instruments; of a specialised form of an instrumented one, the plain one */
    uint8_t caches;   /* inline cache units that follow it (of the base opcode) */
    bool has_arg;
    bool is_instrumented;
    bool is_tracked;        /* in the default set of the report */
    uint8_t argument;       /* enum hop_argument_kind; here and below: of the base only */
    uint8_t argument_shift; /* the bits below are flags */
    uint8_t argument_list;  /* of HOP_ARGUMENT_LISTED: which */
    enum hop_opcode_role role;
};

/* A number that means a word: 1 of the list "binary" is "&". */
struct hop_operand_word {
    uint8_t list, number;
    uint16_t text_at; /* of texts[] */
};

/* How dis writes an argument in which a bit of `mask` is set: "{} + NULL". */
struct hop_argument_form {
    uint8_t opcode, mask;
    uint16_t text_at;
};

/* One u64 of the target's _Py_DebugOffsets: at byte `position` of it is the value of `field`. */
struct hop_debug_offset {
    uint16_t position;
    uint16_t field; /* index in HOP_LAYOUT_FIELDS order */
};

/* A field that a patch release gave or took: of `value` from patch `first` on, up to `last`. */
struct hop_patch_field {
    uint16_t field; /* index in HOP_LAYOUT_FIELDS order */
    uint8_t first, last;
    int32_t value;
};

enum {
    HOP_OPCODE_COUNT = 256,
    HOP_DEBUG_OFFSETS_MAX = 128,        /* 3.15 has 45 of use here */
    HOP_DEBUG_OFFSETS_BYTES_MAX = 4096, /* _Py_DebugOffsets: 888 bytes in 3.15 */
    HOP_PATCH_FIELDS_MAX = 16,          /* 3.13 has 3 */
    HOP_OPERAND_LISTS_MAX = 16,         /* 3.15 has 9 */
    HOP_OPERAND_WORDS_MAX = 255,        /* 3.15 has 74 */
    HOP_ARGUMENT_FORMS_MAX = 16,        /* 3.15 has 6 */
    HOP_STRUCT_BYTES_MAX = 4096, /* of all structs but the two below; PyThreadState of 3.15: 888 */
    HOP_STATE_BYTES_MAX = 1 << 20, /* _PyRuntime, PyInterpreterState; 3.12: 459,944 and 383,552 */
};

/* Not to be copied by assignment: opcodes[].name points into names[]. Offsets of the runtime and of
 * an interpreter are below HOP_STATE_BYTES_MAX, all others below HOP_STRUCT_BYTES_MAX, and none
 * lies beyond the size of its struct, where the file gives that. */
struct hop_layout {
#define X(member, name) int32_t member;
    HOP_LAYOUT_FIELDS(X)
#undef X
#define X(member, name) uint32_t member##_mask;
    HOP_LAYOUT_MASKS(X)
#undef X
    int major, minor;
    uint32_t prerelease_hex; /* PY_VERSION_HEX of the one alpha or beta it is for; 0: releases */
    enum hop_frame_root frame_root;
    enum hop_ip_kind ip_kind;
    enum hop_line_kind line_kind;
    uint64_t code_pointer_mask;   /* and-ed to iframe.code: drops stackref tags (3.14+) */
    uint32_t owners_without_code; /* bit N: iframe.owner N (enum _frameowner) is an entry frame */
    uint32_t owner_generator;     /* value of FRAME_OWNED_BY_GENERATOR, 3.11+ */
    bool is_free_threaded;        /* filled by the overlay, from the target itself */
    int debug_offsets_size;       /* bytes of _Py_DebugOffsets to read; 0 before 3.13 */
    int debug_version_position;   /* where in it the version and the free-threaded word are */
    int debug_free_threaded_position;
    int debug_offset_count;
    struct hop_debug_offset debug_offsets[HOP_DEBUG_OFFSETS_MAX];
    int patch_field_count; /* absent until the overlay tells the patch release */
    struct hop_patch_field patch_fields[HOP_PATCH_FIELDS_MAX];
    struct hop_opcode opcodes[HOP_OPCODE_COUNT];
    char names[8192]; /* what opcodes[].name points into */
    int operand_list_count, operand_word_count, argument_form_count;
    uint16_t operand_lists[HOP_OPERAND_LISTS_MAX]; /* their names, in texts[] */
    struct hop_operand_word operand_words[HOP_OPERAND_WORDS_MAX];
    struct hop_argument_form argument_forms[HOP_ARGUMENT_FORMS_MAX];
    char texts[4096];
};

/* Parses `text` (a file of offsets/, `size` bytes, need not end in NUL) into *layout. A line it
 * does not know, a number out of range, a field missing that its words require: HOP_ERR_OFFSETS
 * with the line. */
enum hop_status hop_layout_parse(const char *text, size_t size, struct hop_layout *layout,
                                 struct hop_error *err);

/* The layout compiled in for major.minor, or HOP_ERR_UNSUPPORTED naming those that are. */
enum hop_status hop_layout_builtin(int major, int minor, struct hop_layout *layout,
                                   struct hop_error *err);

/* The versions compiled in, as "3.8, 3.9, …", for messages. */
const char *hop_layout_supported(void);

/* Reads a file of offsets/ (`--offsets FILE`). */
enum hop_status hop_layout_load(const char *path, struct hop_layout *layout, struct hop_error *err);

/* Overlays *layout with the target's own table: `table` holds its first debug_offsets_size bytes.
 * Checks the cookie and that the version is this layout's, sets is_free_threaded and the fields
 * that depend on the patch release. Every offset taken is range-checked; on an error *layout is as
 * it was: HOP_ERR_UNSUPPORTED for another version, HOP_ERR_OFFSETS for a table that makes no sense.
 * Of a free-threaded build the other numbers do not hold: the caller refuses it. */
enum hop_status hop_layout_overlay(struct hop_layout *layout, const uint8_t *table, size_t size,
                                   struct hop_error *err);

/* The fields' names, in HOP_LAYOUT_FIELDS order; count through *count. */
const char *const *hop_layout_field_names(size_t *count);

#endif
