/* Whether a layout read from a file is whole: what its words need is there, and nothing contradicts
 * itself. So the readers of frames and code trust it and check nothing. How a line is read is
 * layout_parse.c's. */
#include "py/layout_internal.h"
#include "py/layout_parser.h"

static const char remedy[] = "offsets/README.md tells which fields each version has; "
                             "scripts/make-offsets writes such a file.";

/* What every version has. */
static const uint16_t always[] = {
    HOP_FIELD_runtime_interpreters_head,
    HOP_FIELD_runtime_interpreters_main,
    HOP_FIELD_runtime_initialized,
    HOP_FIELD_runtime_finalizing,
    HOP_FIELD_runtime_size,
    HOP_FIELD_interp_next,
    HOP_FIELD_interp_id,
    HOP_FIELD_interp_threads_head,
    HOP_FIELD_interp_size,
    HOP_FIELD_thread_next,
    HOP_FIELD_thread_interp,
    HOP_FIELD_thread_id,
    HOP_FIELD_thread_size,
    HOP_FIELD_code_filename,
    HOP_FIELD_code_name,
    HOP_FIELD_code_lines,
    HOP_FIELD_code_firstlineno,
    HOP_FIELD_code_flags,
    HOP_FIELD_code_consts,
    HOP_FIELD_code_nlocals,
    HOP_FIELD_code_stacksize,
    HOP_FIELD_code_size,
    HOP_FIELD_function_code,
    HOP_FIELD_function_qualname,
    HOP_FIELD_gen_qualname,
    HOP_FIELD_object_type,
    HOP_FIELD_type_name,
    HOP_FIELD_bytes_size,
    HOP_FIELD_bytes_data,
    HOP_FIELD_tuple_size,
    HOP_FIELD_tuple_items,
    HOP_FIELD_unicode_length,
    HOP_FIELD_unicode_hash,
    HOP_FIELD_unicode_state,
    HOP_FIELD_unicode_ascii_data,
    HOP_FIELD_unicode_compact_data,
};

static const uint16_t with_frame_objects[] = {
    HOP_FIELD_thread_frame,  HOP_FIELD_frame_back,    HOP_FIELD_frame_code,
    HOP_FIELD_frame_lasti,   HOP_FIELD_frame_gen,     HOP_FIELD_frame_localsplus,
    HOP_FIELD_frame_size,    HOP_FIELD_code_code,     HOP_FIELD_code_cellvars,
    HOP_FIELD_code_freevars, HOP_FIELD_frame_globals, HOP_FIELD_code_names,
    HOP_FIELD_gen_code,      HOP_FIELD_type_dict,     HOP_FIELD_type_mro,
    HOP_FIELD_dict_keys,     HOP_FIELD_dict_values,   HOP_FIELD_keys_size,
    HOP_FIELD_keys_nentries, HOP_FIELD_keys_indices,
};

static const uint16_t with_interpreter_frames[] = {
    HOP_FIELD_thread_native_id,     HOP_FIELD_thread_datastack_chunk,
    HOP_FIELD_thread_datastack_top, HOP_FIELD_chunk_previous,
    HOP_FIELD_chunk_bytes,          HOP_FIELD_chunk_top,
    HOP_FIELD_chunk_data,           HOP_FIELD_iframe_code,
    HOP_FIELD_iframe_previous,      HOP_FIELD_iframe_ip,
    HOP_FIELD_iframe_owner,         HOP_FIELD_iframe_localsplus,
    HOP_FIELD_iframe_size,          HOP_FIELD_code_adaptive,
    HOP_FIELD_code_units,           HOP_FIELD_code_qualname,
    HOP_FIELD_code_firsttraceable,
};

static const uint16_t with_cframe[] = {
    HOP_FIELD_thread_cframe,   HOP_FIELD_cframe_current_frame, HOP_FIELD_cframe_previous,
    HOP_FIELD_thread_exc_info, HOP_FIELD_thread_exc_state,     HOP_FIELD_code_nlocalsplus,
};
static const uint16_t with_current_frame[] = {HOP_FIELD_thread_current_frame};

static const uint16_t with_runtime_gil[] = {HOP_FIELD_runtime_tstate_current,
                                            HOP_FIELD_runtime_gil_locked};
static const uint16_t with_interp_gil[] = {HOP_FIELD_interp_ceval_gil, HOP_FIELD_interp_gil,
                                           HOP_FIELD_interp_gil_last_holder,
                                           HOP_FIELD_interp_gil_locked};

static const uint16_t with_instrumentation[] = {
    HOP_FIELD_code_monitoring, HOP_FIELD_monitoring_lines, HOP_FIELD_monitoring_instructions,
    HOP_FIELD_lines_original_opcode};
static const uint16_t with_executors[] = {HOP_FIELD_code_executors, HOP_FIELD_executors_size,
                                          HOP_FIELD_executors_array, HOP_FIELD_executor_opcode,
                                          HOP_FIELD_executor_oparg};

static enum hop_status incomplete(const struct hop_parser *p, const char *what, const char *name)
{
    return hop_error_set(p->err, HOP_ERR_OFFSETS, remedy, "after line %u: %s '%s'", p->line_number,
                         what, name);
}

#define REQUIRE(fields) require(p, fields, sizeof fields / sizeof fields[0])

static enum hop_status require(const struct hop_parser *p, const uint16_t *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (*hop_layout_field(p->layout, fields[i]) == HOP_ABSENT)
            return incomplete(p, "no field", hop_layout_field_name(fields[i]));
    return HOP_OK;
}

static enum hop_status check_words(const struct hop_parser *p)
{
    static const char *const topics[HOP_TOPIC_COUNT] = {"frames", "ip", "lines"};
    const struct hop_layout *layout = p->layout;
    if (!p->has_python)
        return incomplete(p, "no line", "python");
    for (size_t i = 0; i < HOP_TOPIC_COUNT; i++)
        if (!p->has_topic[i])
            return incomplete(p, "no word", topics[i]);
    bool is_lasti = layout->ip_kind == HOP_IP_LASTI_BYTES || layout->ip_kind == HOP_IP_LASTI_UNITS;
    if (is_lasti != (layout->frame_root == HOP_ROOT_FRAME_OBJECT))
        return incomplete(p, "the word of frames does not go with that of", "ip");
    if (!p->has_value[HOP_VALUE_CODE_POINTER_MASK])
        return incomplete(p, "no value", "code_pointer_mask");
    if (layout->frame_root != HOP_ROOT_FRAME_OBJECT && !p->has_value[HOP_VALUE_OWNER_GENERATOR])
        return incomplete(p, "no value", "owner.generator");
    if (layout->frame_root != HOP_ROOT_FRAME_OBJECT && !p->has_value[HOP_VALUE_OWNERS_WITHOUT_CODE])
        return incomplete(p, "no value", "owners_without_code");
#define X(member, name)                                                                            \
    if (!layout->member##_mask)                                                                    \
        return incomplete(p, "no mask", name);
    HOP_LAYOUT_MASKS(X)
#undef X
    return HOP_OK;
}

static enum hop_status check_fields(const struct hop_parser *p)
{
    enum hop_status status = REQUIRE(always);
    if (status == HOP_OK && p->layout->frame_root == HOP_ROOT_FRAME_OBJECT)
        status = REQUIRE(with_frame_objects);
    else if (status == HOP_OK)
        status = REQUIRE(with_interpreter_frames);
    if (status == HOP_OK && p->layout->frame_root == HOP_ROOT_CFRAME)
        status = REQUIRE(with_cframe);
    if (status == HOP_OK && p->layout->frame_root == HOP_ROOT_CURRENT_FRAME)
        status = REQUIRE(with_current_frame);
    if (status == HOP_OK && p->layout->runtime_gil_locked != HOP_ABSENT)
        status = REQUIRE(with_runtime_gil);
    else if (status == HOP_OK)
        status = REQUIRE(with_interp_gil);
    return status;
}

/* At every patch release the entries' size is either known or can be read, not both. */
static enum hop_status check_lines_entry(const struct hop_parser *p)
{
    const struct hop_layout *layout = p->layout;
    for (int patch = 0; patch <= UINT8_MAX; patch++) {
        bool is_constant = layout->lines_entry_size != HOP_ABSENT;
        bool is_read = layout->lines_bytes_per_entry != HOP_ABSENT;
        bool has_data = layout->lines_data != HOP_ABSENT;
        for (int i = 0; i < layout->patch_field_count; i++) {
            const struct hop_patch_field *it = &layout->patch_fields[i];
            bool holds = it->first <= patch && patch <= it->last;
            is_constant |= holds && it->field == HOP_FIELD_lines_entry_size;
            is_read |= holds && it->field == HOP_FIELD_lines_bytes_per_entry;
            has_data |= holds && it->field == HOP_FIELD_lines_data;
        }
        if (is_constant == is_read || is_read != has_data)
            return incomplete(p, "the size of an entry is not told just once:",
                              "lines.entry_size, lines.bytes_per_entry with lines.data");
    }
    return HOP_OK;
}

static enum hop_status check_opcodes(const struct hop_parser *p)
{
    bool has_opcodes = false, is_instrumented = false, has_executors = false;
    for (size_t i = 0; i < HOP_OPCODE_COUNT; i++) {
        const struct hop_opcode *opcode = &p->layout->opcodes[i];
        has_opcodes |= opcode->name != NULL;
        is_instrumented |= opcode->role == HOP_ROLE_INSTRUMENTED_LINE ||
                           opcode->role == HOP_ROLE_INSTRUMENTED_INSTRUCTION;
        has_executors |= opcode->role == HOP_ROLE_ENTER_EXECUTOR;
    }
    if (!has_opcodes)
        return incomplete(p, "no line", "opcode");
    enum hop_status status = HOP_OK;
    if (is_instrumented)
        status = REQUIRE(with_instrumentation);
    if (status == HOP_OK && is_instrumented)
        status = check_lines_entry(p);
    if (status == HOP_OK && has_executors)
        status = REQUIRE(with_executors);
    return status;
}

/* Each list that an opcode's argument is a number of has at least one. */
static enum hop_status check_operands(const struct hop_parser *p)
{
    const struct hop_layout *layout = p->layout;
    for (int list = 0; list < layout->operand_list_count; list++) {
        bool has_word = false;
        for (int i = 0; i < layout->operand_word_count; i++)
            has_word |= layout->operand_words[i].list == list;
        if (!has_word)
            return incomplete(p, "no line operand", layout->texts + layout->operand_lists[list]);
    }
    return HOP_OK;
}

static enum hop_status check_debug(const struct hop_parser *p)
{
    enum { FIRST_MINOR_WITH_DEBUG_OFFSETS = 13 };
    const struct hop_layout *layout = p->layout;
    bool has_debug = layout->debug_offsets_size > 0;
    if (has_debug != (layout->minor >= FIRST_MINOR_WITH_DEBUG_OFFSETS))
        return incomplete(p, "from 3.13 on and only then there is", "debug-size");
    if (has_debug != p->has_debug_version)
        return incomplete(p, "debug-size does not go without", "debug-version");
    if (has_debug != p->has_debug_free_threaded)
        return incomplete(p, "debug-size does not go without", "debug-free-threaded");
    if (!has_debug && (layout->debug_offset_count || layout->patch_field_count))
        return incomplete(p, "debug, from and before do not go without", "debug-size");
    const int word_bytes = sizeof(uint64_t);
    if (has_debug &&
        (layout->debug_version_position + word_bytes > layout->debug_offsets_size ||
         layout->debug_free_threaded_position + word_bytes > layout->debug_offsets_size))
        return incomplete(p, "a position outside of", "debug-size");
    for (int i = 0; i < layout->debug_offset_count; i++) {
        const struct hop_debug_offset *it = &layout->debug_offsets[i];
        if (it->position + word_bytes > layout->debug_offsets_size)
            return incomplete(p, "outside of debug-size: debug", hop_layout_field_name(it->field));
        if (*hop_layout_field(p->layout, it->field) == HOP_ABSENT)
            return incomplete(p, "no field", hop_layout_field_name(it->field));
    }
    return HOP_OK;
}

enum hop_status hop_parser_check(const struct hop_parser *p)
{
    enum hop_status status = check_words(p);
    if (status == HOP_OK)
        status = check_fields(p);
    if (status == HOP_OK)
        status = check_debug(p);
    if (status == HOP_OK)
        status = check_opcodes(p);
    if (status == HOP_OK)
        status = check_operands(p);
    size_t outside = hop_layout_field_outside(p->layout);
    if (status == HOP_OK && outside != HOP_FIELD_COUNT)
        status =
            incomplete(p, "beyond the end of its struct: field", hop_layout_field_name(outside));
    return status;
}
