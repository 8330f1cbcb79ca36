/* Prints what CPython's own headers know of one version: the lines of an offsets/ file, all but its
 * heading. Compiled by scripts/make-offsets against those headers, internal ones included; it calls
 * nothing of CPython's and takes no input. What each line means is told in offsets/README.md. */
#include <Python.h>

#if PY_VERSION_HEX >= 0x030b0000 && PY_VERSION_HEX < 0x030d0000
#define NEED_OPCODE_TABLES
#include <internal/pycore_opcode.h>
#elif PY_VERSION_HEX >= 0x030d0000
#define NEED_OPCODE_METADATA
#include <internal/pycore_opcode_metadata.h>
#endif

#include <frameobject.h>
#include <opcode.h>
#if PY_VERSION_HEX < 0x03090000
#include <genobject.h>
#endif
#if PY_VERSION_HEX >= 0x03090000
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>
#endif
#include <internal/pycore_pystate.h>
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#endif
#if PY_VERSION_HEX >= 0x030d0000
#include <internal/pycore_optimizer.h>
#include <internal/pycore_tstate.h>
#endif
#if PY_VERSION_HEX >= 0x030e0000
#include <internal/pycore_debug_offsets.h>
#include <internal/pycore_interpframe.h>
#include <internal/pycore_interpframe_structs.h>
#include <internal/pycore_stackref.h>
#endif

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#if SIZEOF_VOID_P != 8
#error "offsets are kept for 64-bit interpreters only"
#endif
#ifdef Py_GIL_DISABLED
#error "offsets are kept for builds with a GIL only"
#endif

static void field(const char *name, size_t value)
{
    printf("field %s %zu\n", name, value);
}

#define FIELD(name, type, member) field(name, offsetof(type, member))
#define SIZE(name, type)          field(name, sizeof(type))

static void print_words(void)
{
#if PY_VERSION_HEX < 0x030b0000
    puts("word frames frame-object");
#elif PY_VERSION_HEX < 0x030d0000
    puts("word frames cframe");
#else
    puts("word frames current-frame");
#endif

#if PY_VERSION_HEX < 0x030a0000
    puts("word ip lasti-bytes");
#elif PY_VERSION_HEX < 0x030b0000
    puts("word ip lasti-units");
#elif PY_VERSION_HEX < 0x030d0000
    puts("word ip prev-instr");
#else
    puts("word ip instr-ptr");
#endif

#if PY_VERSION_HEX < 0x030a0000
    puts("word lines lnotab");
#elif PY_VERSION_HEX < 0x030b0000
    puts("word lines 3.10");
#else
    puts("word lines locations");
#endif
}

static void print_values(void)
{
    unsigned long long mask = ~0ULL;
#if PY_VERSION_HEX >= 0x030e0000
    mask &= ~(unsigned long long)Py_TAG_BITS;
#endif
    printf("value code_pointer_mask 0x%llx\n", mask);
#if PY_VERSION_HEX >= 0x030b0000
    unsigned codeless = 0;
#if PY_VERSION_HEX >= 0x030c0000 && PY_VERSION_HEX < 0x030f0000
    codeless |= 1u << FRAME_OWNED_BY_CSTACK;
#endif
#if PY_VERSION_HEX >= 0x030e0000
    codeless |= 1u << FRAME_OWNED_BY_INTERPRETER;
#endif
    printf("value owner.generator %d\n", FRAME_OWNED_BY_GENERATOR);
    printf("value owners_without_code 0x%x\n", codeless);
#endif
}

static void print_runtime(void)
{
    FIELD("runtime.interpreters_head", _PyRuntimeState, interpreters.head);
    FIELD("runtime.interpreters_main", _PyRuntimeState, interpreters.main);
    FIELD("runtime.initialized", _PyRuntimeState, initialized);
#if PY_VERSION_HEX < 0x03090000
    FIELD("runtime.finalizing", _PyRuntimeState, finalizing);
#else
    FIELD("runtime.finalizing", _PyRuntimeState, _finalizing);
#endif
#if PY_VERSION_HEX < 0x030c0000
    FIELD("runtime.tstate_current", _PyRuntimeState, gilstate.tstate_current);
    FIELD("runtime.gil_locked", _PyRuntimeState, ceval.gil.locked);
#endif
    SIZE("runtime.size", _PyRuntimeState);
}

static void print_interpreter(void)
{
    FIELD("interp.next", PyInterpreterState, next);
    FIELD("interp.id", PyInterpreterState, id);
#if PY_VERSION_HEX < 0x030b0000
    FIELD("interp.threads_head", PyInterpreterState, tstate_head);
#else
    FIELD("interp.threads_head", PyInterpreterState, threads.head);
#endif
#if PY_VERSION_HEX >= 0x030c0000
    FIELD("interp.ceval_gil", PyInterpreterState, ceval.gil);
    FIELD("interp.gil", PyInterpreterState, _gil);
    FIELD("interp.gil_last_holder", PyInterpreterState, _gil.last_holder);
    FIELD("interp.gil_locked", PyInterpreterState, _gil.locked);
#endif
    SIZE("interp.size", PyInterpreterState);
}

static void print_thread(void)
{
    FIELD("thread.next", PyThreadState, next);
    FIELD("thread.interp", PyThreadState, interp);
    FIELD("thread.thread_id", PyThreadState, thread_id);
#if PY_VERSION_HEX < 0x030b0000
    FIELD("thread.frame", PyThreadState, frame);
#else
    FIELD("thread.native_thread_id", PyThreadState, native_thread_id);
#if PY_VERSION_HEX < 0x030d0000
    FIELD("thread.cframe", PyThreadState, cframe);
    FIELD("thread.exc_info", PyThreadState, exc_info);
    FIELD("thread.exc_state", PyThreadState, exc_state);
#else
    FIELD("thread.current_frame", PyThreadState, current_frame);
#endif
#if PY_VERSION_HEX >= 0x030f0000
    FIELD("thread.base_frame", PyThreadState, base_frame);
#endif
    FIELD("thread.datastack_chunk", PyThreadState, datastack_chunk);
    FIELD("thread.datastack_top", PyThreadState, datastack_top);
#endif
    SIZE("thread.size", PyThreadState);
}

static void print_frame(void)
{
#if PY_VERSION_HEX < 0x030b0000
    FIELD("frame.f_back", PyFrameObject, f_back);
    FIELD("frame.f_code", PyFrameObject, f_code);
    FIELD("frame.f_lasti", PyFrameObject, f_lasti);
    FIELD("frame.f_gen", PyFrameObject, f_gen);
    FIELD("frame.f_globals", PyFrameObject, f_globals);
    FIELD("frame.f_localsplus", PyFrameObject, f_localsplus);
    FIELD("frame.size", PyFrameObject, f_localsplus);
#else
#if PY_VERSION_HEX < 0x030d0000
    FIELD("cframe.current_frame", _PyCFrame, current_frame);
    FIELD("cframe.previous", _PyCFrame, previous);
#endif
    FIELD("chunk.previous", _PyStackChunk, previous);
    FIELD("chunk.size", _PyStackChunk, size);
    FIELD("chunk.top", _PyStackChunk, top);
    FIELD("chunk.data", _PyStackChunk, data);
#if PY_VERSION_HEX < 0x030d0000
    FIELD("iframe.code", _PyInterpreterFrame, f_code);
    FIELD("iframe.ip", _PyInterpreterFrame, prev_instr);
#else
    FIELD("iframe.code", _PyInterpreterFrame, f_executable);
    FIELD("iframe.ip", _PyInterpreterFrame, instr_ptr);
#endif
    FIELD("iframe.previous", _PyInterpreterFrame, previous);
    FIELD("iframe.owner", _PyInterpreterFrame, owner);
    FIELD("iframe.localsplus", _PyInterpreterFrame, localsplus);
    FIELD("iframe.size", _PyInterpreterFrame, localsplus);
#endif
}

#if PY_VERSION_HEX >= 0x030c0000
/* An array of two-byte structs up to 3.13.2; from 3.13.3 on (gh-127953) a first byte that tells the
 * size of the entries behind it. Files of 3.13 have both; the target's version word decides. */
static void print_lines(void)
{
#if PY_VERSION_HEX < 0x030d0300
    _Static_assert(offsetof(_PyCoLineInstrumentationData, original_opcode) == 0, "");
    _Static_assert(sizeof(_PyCoLineInstrumentationData) == 2, "");
#else
    _Static_assert(offsetof(_PyCoLineInstrumentationData, bytes_per_entry) == 0, "");
    _Static_assert(offsetof(_PyCoLineInstrumentationData, data) == 1, "");
#endif
    puts("field lines.original_opcode 0");
#if PY_MINOR_VERSION == 12
    puts("field lines.entry_size 2");
#elif PY_MINOR_VERSION == 13
    puts("field lines.entry_size 2 before 3.13.3");
    puts("field lines.bytes_per_entry 0 from 3.13.3");
    puts("field lines.data 1 from 3.13.3");
#else
    puts("field lines.bytes_per_entry 0");
    puts("field lines.data 1");
#endif
}
#endif

static void print_code(void)
{
#if PY_VERSION_HEX < 0x030a0000
    FIELD("code.co_linetable", PyCodeObject, co_lnotab);
#else
    FIELD("code.co_linetable", PyCodeObject, co_linetable);
#endif
    FIELD("code.co_filename", PyCodeObject, co_filename);
    FIELD("code.co_name", PyCodeObject, co_name);
    FIELD("code.co_firstlineno", PyCodeObject, co_firstlineno);
    FIELD("code.co_flags", PyCodeObject, co_flags);
    FIELD("code.co_consts", PyCodeObject, co_consts);
    FIELD("code.co_nlocals", PyCodeObject, co_nlocals);
    FIELD("code.co_stacksize", PyCodeObject, co_stacksize);
    FIELD("code.co_names", PyCodeObject, co_names);
#if PY_VERSION_HEX < 0x030b0000
    FIELD("code.co_code", PyCodeObject, co_code);
    FIELD("code.co_varnames", PyCodeObject, co_varnames);
    FIELD("code.co_cellvars", PyCodeObject, co_cellvars);
    FIELD("code.co_freevars", PyCodeObject, co_freevars);
    SIZE("code.size", PyCodeObject);
#else
#if PY_VERSION_HEX < 0x030d0000
    FIELD("code.co_nlocalsplus", PyCodeObject, co_nlocalsplus);
#endif
    FIELD("code.co_localsplusnames", PyCodeObject, co_localsplusnames);
    FIELD("code.co_code_adaptive", PyCodeObject, co_code_adaptive);
    FIELD("code.ob_size", PyCodeObject, ob_base.ob_size);
    FIELD("code.co_qualname", PyCodeObject, co_qualname);
    FIELD("code._co_firsttraceable", PyCodeObject, _co_firsttraceable);
    FIELD("code.size", PyCodeObject, co_code_adaptive);
#endif
#if PY_VERSION_HEX >= 0x030c0000
    FIELD("code.co_version", PyCodeObject, co_version);
    FIELD("code._co_monitoring", PyCodeObject, _co_monitoring);
    FIELD("monitoring.lines", _PyCoMonitoringData, lines);
    FIELD("monitoring.per_instruction_opcodes", _PyCoMonitoringData, per_instruction_opcodes);
    print_lines();
#endif
#if PY_VERSION_HEX >= 0x030d0000
    FIELD("code.co_executors", PyCodeObject, co_executors);
    FIELD("executors.size", _PyExecutorArray, size);
    FIELD("executors.executors", _PyExecutorArray, executors);
    FIELD("executor.vm_data.opcode", _PyExecutorObject, vm_data.opcode);
    FIELD("executor.vm_data.oparg", _PyExecutorObject, vm_data.oparg);
#endif
}

#if PY_VERSION_HEX < 0x030b0000
/* What qualified names are found through, for want of co_qualname. */
static void print_namespaces(void)
{
    FIELD("gen.gi_code", PyGenObject, gi_code);
    FIELD("type.tp_dict", PyTypeObject, tp_dict);
    FIELD("type.tp_mro", PyTypeObject, tp_mro);
    FIELD("dict.ma_keys", PyDictObject, ma_keys);
    FIELD("dict.ma_values", PyDictObject, ma_values);
    /* PyDictKeysObject is in no header that is installed; its words are dk_refcnt, dk_size,
     * dk_lookup, dk_usable, dk_nentries, dk_indices. offsets-check.py proves it. */
    puts("field keys.dk_size 8");
    puts("field keys.dk_nentries 32");
    puts("field keys.dk_indices 40");
}
#endif

static void print_objects(void)
{
    FIELD("function.func_code", PyFunctionObject, func_code);
    FIELD("function.func_qualname", PyFunctionObject, func_qualname);
    FIELD("gen.gi_qualname", PyGenObject, gi_qualname);
    FIELD("object.ob_type", PyObject, ob_type);
    FIELD("type.tp_name", PyTypeObject, tp_name);
    FIELD("bytes.ob_size", PyBytesObject, ob_base.ob_size);
    FIELD("bytes.ob_sval", PyBytesObject, ob_sval);
    FIELD("tuple.ob_size", PyTupleObject, ob_base.ob_size);
    FIELD("tuple.ob_item", PyTupleObject, ob_item);
#if PY_VERSION_HEX < 0x030c0000
    FIELD("long.ob_size", PyLongObject, ob_base.ob_size);
    FIELD("long.ob_digit", PyLongObject, ob_digit);
#else
    FIELD("long.lv_tag", PyLongObject, long_value.lv_tag);
    FIELD("long.ob_digit", PyLongObject, long_value.ob_digit);
#endif
    FIELD("float.ob_fval", PyFloatObject, ob_fval);
    FIELD("complex.cval", PyComplexObject, cval);
    FIELD("set.mask", PySetObject, mask);
    FIELD("set.table", PySetObject, table);
    FIELD("slice.start", PySliceObject, start);
    FIELD("slice.stop", PySliceObject, stop);
    FIELD("slice.step", PySliceObject, step);
    FIELD("unicode.length", PyASCIIObject, length);
    FIELD("unicode.hash", PyASCIIObject, hash);
    FIELD("unicode.state", PyASCIIObject, state);
    SIZE("unicode.ascii_data", PyASCIIObject);
    SIZE("unicode.compact_data", PyCompactUnicodeObject);

    PyASCIIObject text;
    unsigned state;
#define MASK(name, member, all_ones)                                                               \
    memset(&text, 0, sizeof text);                                                                 \
    text.state.member = all_ones;                                                                  \
    memcpy(&state, &text.state, sizeof state);                                                     \
    printf("mask " name " 0x%x\n", state)
    MASK("unicode.state.kind", kind, 7);
    MASK("unicode.state.compact", compact, 1);
    MASK("unicode.state.ascii", ascii, 1);
}

#if PY_VERSION_HEX >= 0x030d0000
#define DEBUG(name, entry) printf("debug " name " %zu\n", offsetof(_Py_DebugOffsets, entry))

static void print_debug_offsets(void)
{
    printf("debug-size %zu\n", sizeof(_Py_DebugOffsets));
    printf("debug-version %zu\n", offsetof(_Py_DebugOffsets, version));
    printf("debug-free-threaded %zu\n", offsetof(_Py_DebugOffsets, free_threaded));
    DEBUG("runtime.interpreters_head", runtime_state.interpreters_head);
    DEBUG("runtime.finalizing", runtime_state.finalizing);
    DEBUG("runtime.size", runtime_state.size);
    DEBUG("interp.next", interpreter_state.next);
    DEBUG("interp.id", interpreter_state.id);
    DEBUG("interp.threads_head", interpreter_state.threads_head);
    DEBUG("interp.ceval_gil", interpreter_state.ceval_gil);
    DEBUG("interp.gil", interpreter_state.gil_runtime_state);
    DEBUG("interp.gil_last_holder", interpreter_state.gil_runtime_state_holder);
    DEBUG("interp.gil_locked", interpreter_state.gil_runtime_state_locked);
    DEBUG("interp.size", interpreter_state.size);
    DEBUG("thread.next", thread_state.next);
    DEBUG("thread.interp", thread_state.interp);
    DEBUG("thread.thread_id", thread_state.thread_id);
    DEBUG("thread.native_thread_id", thread_state.native_thread_id);
    DEBUG("thread.current_frame", thread_state.current_frame);
#if PY_VERSION_HEX >= 0x030f0000
    DEBUG("thread.base_frame", thread_state.base_frame);
#endif
    DEBUG("thread.datastack_chunk", thread_state.datastack_chunk);
    DEBUG("thread.size", thread_state.size);
    DEBUG("iframe.code", interpreter_frame.executable);
    DEBUG("iframe.previous", interpreter_frame.previous);
    DEBUG("iframe.ip", interpreter_frame.instr_ptr);
    DEBUG("iframe.owner", interpreter_frame.owner);
    DEBUG("iframe.localsplus", interpreter_frame.localsplus);
    DEBUG("iframe.size", interpreter_frame.localsplus);
    DEBUG("code.co_code_adaptive", code_object.co_code_adaptive);
    DEBUG("code.co_filename", code_object.filename);
    DEBUG("code.co_name", code_object.name);
    DEBUG("code.co_qualname", code_object.qualname);
    DEBUG("code.co_linetable", code_object.linetable);
    DEBUG("code.co_firstlineno", code_object.firstlineno);
    DEBUG("code.size", code_object.co_code_adaptive);
    DEBUG("object.ob_type", pyobject.ob_type);
    DEBUG("type.tp_name", type_object.tp_name);
    DEBUG("bytes.ob_size", bytes_object.ob_size);
    DEBUG("bytes.ob_sval", bytes_object.ob_sval);
    DEBUG("tuple.ob_size", tuple_object.ob_size);
    DEBUG("tuple.ob_item", tuple_object.ob_item);
    DEBUG("unicode.length", unicode_object.length);
    DEBUG("unicode.state", unicode_object.state);
    DEBUG("unicode.ascii_data", unicode_object.asciiobject_size);
#if PY_VERSION_HEX >= 0x030f0000
    DEBUG("unicode.compact_data", unicode_object.compactunicodeobject_size);
#endif
}
#endif

/* The opcodes of the version's opcode.h, which make-offsets lists as OPCODE(name, number). */
static const char *const names[256] = {
#define OPCODE(name, number) [number] = #name,
#include OPCODE_LIST
#undef OPCODE
};

static int number_of(const char *name)
{
    for (int i = 0; i < 256; i++)
        if (names[i] && !strcmp(names[i], name))
            return i;
    return -1;
}

static int is_specialized(int opcode)
{
#if PY_VERSION_HEX >= 0x030b0000
    return _PyOpcode_Deopt[opcode] != opcode;
#else
    (void)opcode;
    return 0;
#endif
}

static int base_of(int opcode)
{
    static const char prefix[] = "INSTRUMENTED_";
    if (!strncmp(names[opcode], prefix, sizeof prefix - 1)) {
        /* Those two keep the original elsewhere: there is no INSTRUCTION or LINE to go back to. */
        int plain = number_of(names[opcode] + sizeof prefix - 1);
        return plain < 0 ? opcode : plain;
    }
#if PY_VERSION_HEX >= 0x030b0000
    return _PyOpcode_Deopt[opcode];
#else
    return opcode;
#endif
}

static int caches_of(int base)
{
#if PY_VERSION_HEX >= 0x030b0000
    return _PyOpcode_Caches[base];
#else
    (void)base;
    return 0;
#endif
}

static int has_arg(int base)
{
#if PY_VERSION_HEX >= 0x030d0000
    return OPCODE_HAS_ARG(base);
#else
    return base >= HAVE_ARGUMENT;
#endif
}

/* Closures and building of collections: the package's default, by the names of all versions. */
static int is_tracked(const char *base)
{
    static const char *const tracked[] = {
        "MAKE_FUNCTION",
        "BUILD_TUPLE",
        "BUILD_LIST",
        "BUILD_SET",
        "BUILD_MAP",
        "LOAD_DEREF",
        /* 3.8: a display with stars */
        "BUILD_TUPLE_UNPACK",
        "BUILD_TUPLE_UNPACK_WITH_CALL",
        "BUILD_LIST_UNPACK",
        "BUILD_SET_UNPACK",
        "BUILD_MAP_UNPACK",
        "BUILD_MAP_UNPACK_WITH_CALL",
        /* up to 3.13: a dict display with constant keys */
        "BUILD_CONST_KEY_MAP",
        /* LOAD_DEREF in a class body: up to 3.11, from 3.12 on */
        "LOAD_CLASSDEREF",
        "LOAD_FROM_DICT_OR_DEREF",
    };
    for (size_t i = 0; i < sizeof tracked / sizeof tracked[0]; i++)
        if (!strcmp(base, tracked[i]))
            return 1;
    return 0;
}

static const char *role_of(int opcode)
{
    if (!strcmp(names[base_of(opcode)], "EXTENDED_ARG"))
        return " role extended-arg";
    if (!strcmp(names[opcode], "INSTRUMENTED_LINE"))
        return " role instrumented-line";
    if (!strcmp(names[opcode], "INSTRUMENTED_INSTRUCTION"))
        return " role instrumented-instruction";
    if (!strcmp(names[opcode], "ENTER_EXECUTOR"))
        return " role enter-executor";
    return "";
}

static void print_opcodes(void)
{
    for (int opcode = 0; opcode < 256; opcode++) {
        if (!names[opcode])
            continue;
        int base = base_of(opcode);
        if (base == 0 && opcode != 0 && is_specialized(opcode))
            continue; /* known to the interpreter's dispatch only, never stored (3.11 DO_TRACING) */
        printf("opcode %d %s caches %d", opcode, names[opcode], caches_of(base));
        if (has_arg(base))
            printf(" arg");
        if (base != opcode)
            printf(" of %s", names[base]);
        if (!strncmp(names[opcode], "INSTRUMENTED_", 13))
            printf(" instrumented");
        if (is_tracked(names[base]))
            printf(" tracked");
        printf("%s\n", role_of(opcode));
    }
}

int main(void)
{
#if PY_RELEASE_LEVEL == PY_RELEASE_LEVEL_ALPHA || PY_RELEASE_LEVEL == PY_RELEASE_LEVEL_BETA
    puts("python " PY_VERSION); /* may differ from the next one in anything */
#else
    printf("python %d.%d\n", PY_MAJOR_VERSION, PY_MINOR_VERSION);
#endif
    print_words();
    print_values();
    print_runtime();
    print_interpreter();
    print_thread();
    print_frame();
    print_code();
    print_objects();
#if PY_VERSION_HEX < 0x030b0000
    print_namespaces();
#endif
#if PY_VERSION_HEX >= 0x030d0000
    print_debug_offsets();
#endif
    print_opcodes();
    return 0;
}
