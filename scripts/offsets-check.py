"""Holds a file of offsets/ against the interpreter that runs this: its opcode and dis modules, what
it finds at the offsets in its own memory, and from 3.13 on its _Py_DebugOffsets. make-offsets appends
a call of check() and pipes it in; the file was made from headers, so this is a second witness."""

import ctypes
import dis
import gc
import opcode
import sys
import threading


def parse(text):
    """The file as (fields, masks, debug positions, single numbers, opcodes by number)."""
    fields, masks, debug, numbers, opcodes = {}, {}, {}, {}, {}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "field":
            fields[words[1]] = int(words[2], 0)
        elif words[0] == "mask":
            masks[words[1]] = int(words[2], 0)
        elif words[0] == "debug":
            debug[words[1]] = int(words[2], 0)
        elif words[0].startswith("debug-"):
            numbers[words[0]] = int(words[1], 0)
        elif words[0] == "opcode":
            opcodes[int(words[1])] = {
                "name": words[2],
                "caches": int(words[4]),
                "arg": "arg" in words[5:],
                "base": words[words.index("of") + 1] if "of" in words else words[2],
                "instrumented": "instrumented" in words[5:],
            }
    return fields, masks, debug, numbers, opcodes


def opcode_names():
    """Every opcode the interpreter can have in memory and has a name for, by number."""
    known = {number: name for name, number in opcode.opmap.items() if number < 256}
    for name, number in getattr(opcode, "_specialized_opmap", {}).items():  # 3.13
        known[number] = name
    if hasattr(opcode, "_specialized_instructions"):  # 3.11, 3.12
        for number, name in enumerate(dis._all_opname[:256]):
            if not name.startswith("<"):
                known[number] = name
    # Not for memory: the compiler's own, and 3.11's mark of the dispatch loop.
    return {n: name for n, name in known.items() if name not in ("RESERVED", "DO_TRACING")}


def opcode_complaints(opcodes):
    known = opcode_names()
    for number in sorted(set(known) | set(opcodes)):
        mine = opcodes.get(number)
        if mine is None:
            yield "opcode %d %s is not in the file" % (number, known[number])
            continue
        # 3.13 names the instrumented ones in opmap only from 3.14 on; those before 3.12 have none.
        if number in known and known[number] != mine["name"]:
            yield "opcode %d is %s, the file says %s" % (number, known[number], mine["name"])
        if number not in known and not mine["instrumented"]:
            yield "opcode %d %s is unknown to the interpreter" % (number, mine["name"])
        base = mine["base"]
        if mine["name"] == base and number in known and not mine["instrumented"]:
            if hasattr(opcode, "hasarg"):
                has_arg = number in opcode.hasarg
            else:
                has_arg = number >= opcode.HAVE_ARGUMENT
            if has_arg != mine["arg"]:
                yield "opcode %s: argument %s" % (base, has_arg)
        entries = getattr(opcode, "_inline_cache_entries", None)
        if entries is not None and base in opcode.opmap:
            by_number = isinstance(entries, list)
            caches = entries[opcode.opmap[base]] if by_number else entries.get(base, 0)
            if caches != mine["caches"]:
                yield "opcode %s: %d caches" % (mine["name"], caches)
        deopt = getattr(dis, "deoptmap", {}).get(mine["name"])
        if deopt is not None and deopt != base:
            yield "opcode %s is of %s" % (mine["name"], deopt)


def word(address, size=8):
    """The number of `size` bytes at an address of this process."""
    return int.from_bytes(ctypes.string_at(address, size), sys.byteorder)


def runtime_address():
    return ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))


def thread_complaints(fields):
    """From the runtime to the thread and frame that run this, as a profiler finds them."""
    runtime = runtime_address()
    interp = word(runtime + fields["runtime.interpreters_head"])
    if word(runtime + fields["runtime.interpreters_main"]) != interp:
        yield "runtime.interpreters_main is not the only interpreter"
    if word(runtime + fields["runtime.initialized"], 4) != 1:
        yield "runtime.initialized is not 1"
    if word(runtime + fields["runtime.finalizing"]) != 0:
        yield "runtime.finalizing is not 0"
    if word(interp + fields["interp.next"]) != 0:
        yield "interp.next: there is a second interpreter"
    if word(interp + fields["interp.id"]) != 0:
        yield "interp.id of the main interpreter is not 0"
    thread = word(interp + fields["interp.threads_head"])
    if word(thread + fields["thread.next"]) != 0:
        yield "thread.next: there is a second thread"
    if word(thread + fields["thread.interp"]) != interp:
        yield "thread.interp is not the interpreter"
    if word(thread + fields["thread.thread_id"]) != threading.get_ident():
        yield "thread.thread_id is not threading.get_ident()"
    if "thread.native_thread_id" in fields:
        if word(thread + fields["thread.native_thread_id"]) != threading.get_native_id():
            yield "thread.native_thread_id is not threading.get_native_id()"
    # ctypes.string_at keeps the GIL.
    if "interp.gil" in fields:
        gil = word(interp + fields["interp.ceval_gil"])
        if gil != interp + fields["interp.gil"]:
            yield "interp.ceval_gil does not point to interp.gil"
        holder = interp + fields["interp.gil_last_holder"]
        locked = interp + fields["interp.gil_locked"]
    else:
        holder = runtime + fields["runtime.tstate_current"]
        locked = runtime + fields["runtime.gil_locked"]
    if word(holder) != thread:
        yield "gil_last_holder is not the thread"
    if word(locked, 4) != 1:
        yield "gil_locked is not 1"

    # The innermost frames are of word() and string_at(), which are gone again when it is read.
    frame = sys._getframe()
    if "thread.frame" in fields:
        at = word(thread + fields["thread.frame"])
        while at and at != id(frame):
            at = word(at + fields["frame.f_back"])
        if not at:
            yield "thread.frame and frame.f_back do not lead to sys._getframe()"
        elif word(at + fields["frame.f_code"]) != id(frame.f_code):
            yield "frame.f_code is elsewhere"
        return
    if "thread.cframe" in fields:
        at = word(word(thread + fields["thread.cframe"]) + fields["cframe.current_frame"])
    else:
        at = word(thread + fields["thread.current_frame"])
    while at and word(at + fields["iframe.code"]) & ~3 != id(frame.f_code):
        at = word(at + fields["iframe.previous"])
    if not at:
        yield "no iframe.previous leads to a frame whose iframe.code is the running one"
        return
    iframe = at
    begin = id(frame.f_code) + fields["code.co_code_adaptive"]
    if not begin <= word(iframe + fields["iframe.ip"]) < begin + len(frame.f_code.co_code):
        yield "iframe.ip is not in the code"
    if word(iframe + fields["iframe.owner"], 1) != 1:
        yield "iframe.owner of a generator is not 1"
    chunk = word(thread + fields["thread.datastack_chunk"])
    size = word(chunk + fields["chunk.size"])
    if size == 0 or size % 4096:
        yield "chunk.size"
    top = word(thread + fields["thread.datastack_top"])
    if not chunk + fields["chunk.data"] <= top <= chunk + size:
        yield "thread.datastack_top is not in its chunk"


def sample(one, two=(1, 2)):
    three = [one, two]
    return lambda: three


def object_complaints(fields, masks):
    """Objects whose content is known from the language."""
    code = sample.__code__
    pointers = {
        "code.co_filename": code.co_filename,
        "code.co_name": code.co_name,
        "code.co_consts": code.co_consts,
        "code.co_names": code.co_names,
    }
    if "code.co_qualname" in fields:
        pointers["code.co_qualname"] = code.co_qualname
    if sys.version_info >= (3, 10):
        pointers["code.co_linetable"] = code.co_linetable
    else:
        pointers["code.co_linetable"] = code.co_lnotab
    if "code.co_code" in fields:
        pointers["code.co_code"] = code.co_code
        pointers["code.co_varnames"] = code.co_varnames
        pointers["code.co_cellvars"] = code.co_cellvars
        pointers["code.co_freevars"] = code.co_freevars
    for name, value in pointers.items():
        if word(id(code) + fields[name]) != id(value):
            yield "%s is elsewhere" % name
    numbers = {
        "code.co_firstlineno": code.co_firstlineno,
        "code.co_flags": code.co_flags,
        "code.co_nlocals": code.co_nlocals,
        "code.co_stacksize": code.co_stacksize,
    }
    if "code.ob_size" in fields:
        numbers["code.ob_size"] = len(code.co_code) // 2
    for name, value in numbers.items():
        if word(id(code) + fields[name], 4) != value:
            yield "%s is not %d" % (name, value)
    if "code.co_localsplusnames" in fields:
        names = word(id(code) + fields["code.co_localsplusnames"])
        at = names + fields["tuple.ob_item"]
        for i, name in enumerate(code.co_varnames + code.co_cellvars):
            if ctypes.cast(word(at + 8 * i), ctypes.py_object).value != "one two three".split()[i]:
                yield "code.co_localsplusnames: no %s" % name
    if "code.co_code_adaptive" in fields:
        adaptive = ctypes.string_at(id(code) + fields["code.co_code_adaptive"], len(code.co_code))
        if adaptive != code._co_code_adaptive:
            yield "code.co_code_adaptive"

    def generator():
        yield

    held = generator()
    for name, owner, value in (
        ("function.func_code", sample, code),
        ("function.func_qualname", sample, sample.__qualname__),
        ("gen.gi_qualname", held, held.__qualname__),
        ("object.ob_type", sample, type(sample)),
        ("tuple.ob_item", (code,), code),
    ):
        if word(id(owner) + fields[name]) != id(value):
            yield "%s is elsewhere" % name
    if ctypes.string_at(word(id(int) + fields["type.tp_name"])) != b"int":
        yield "type.tp_name"
    if word(id(b"abc") + fields["bytes.ob_size"]) != 3:
        yield "bytes.ob_size"
    if ctypes.string_at(id(b"abc") + fields["bytes.ob_sval"], 4) != b"abc\0":
        yield "bytes.ob_sval"
    if word(id((1, 2, 3)) + fields["tuple.ob_size"]) != 3:
        yield "tuple.ob_size"
    for number in (0, 1, -1, 2**30, -(10**40), True):
        if "long.lv_tag" in fields:
            tag = word(id(number) + fields["long.lv_tag"])
            count, sign = tag >> 3, (1, 0, -1)[tag & 3]
        else:
            count = word(id(number) + fields["long.ob_size"])
            count -= count >> 63 << 64
            count, sign = abs(count), (count > 0) - (count < 0)
        at = id(number) + fields["long.ob_digit"]
        if sign * sum(word(at + 4 * i, 4) << 30 * i for i in range(count)) != number:
            yield "the digits of %d" % number
    if ctypes.c_double.from_address(id(1.5) + fields["float.ob_fval"]).value != 1.5:
        yield "float.ob_fval"
    both = (ctypes.c_double * 2).from_address(id(1.5 - 2j) + fields["complex.cval"])
    if tuple(both) != (1.5, -2):
        yield "complex.cval"
    held = frozenset(["one"])
    table = word(id(held) + fields["set.table"])
    at = table + 16 * (hash("one") & word(id(held) + fields["set.mask"]))
    if word(at) != id("one") or word(at + 8) != hash("one") % 2**64:
        yield "set.table or set.mask"
    held = slice("one", "two", "three")
    for part in ("start", "stop", "step"):
        if word(id(held) + fields["slice." + part]) != id(getattr(held, part)):
            yield "slice.%s is elsewhere" % part
    for text, kind, is_ascii, raw in (
        ("name", 1, True, b"name"),
        ("n\xe4me", 1, False, b"n\xe4me"),
        ("\u4e00", 2, False, "\u4e00".encode("utf-16-" + sys.byteorder[0] + "e")),
        ("\U0001f600", 4, False, "\U0001f600".encode("utf-32-" + sys.byteorder[0] + "e")),
    ):
        state = word(id(text) + fields["unicode.state"], 4)
        mask = masks["unicode.state.kind"]
        if (state & mask) // (mask & -mask) != kind:
            yield "unicode.state.kind of %a" % text
        if bool(state & masks["unicode.state.ascii"]) != is_ascii:
            yield "unicode.state.ascii of %a" % text
        if not state & masks["unicode.state.compact"]:
            yield "unicode.state.compact of %a" % text
        if word(id(text) + fields["unicode.length"]) != len(text):
            yield "unicode.length of %a" % text
        if word(id(text) + fields["unicode.hash"]) != hash(text) % 2**64:
            yield "unicode.hash of %a" % text
        data = fields["unicode.ascii_data" if is_ascii else "unicode.compact_data"]
        if ctypes.string_at(id(text) + data, len(raw)) != raw:
            yield "the data of %a" % text


def namespace_complaints(fields):
    """What qualified names are found through up to 3.10: classes and their dicts."""
    def generator():
        yield

    class Base:
        pass

    class Derived(Base):
        def method(self):
            pass

    held = generator()
    dictionary = gc.get_referents(Derived.__dict__)[0]  # what the mappingproxy is of
    frame = sys._getframe()
    for name, owner, value in (
        ("frame.f_globals", frame, frame.f_globals),
        ("gen.gi_code", held, held.gi_code),
        ("type.tp_dict", Derived, dictionary),
        ("type.tp_mro", Derived, Derived.__mro__),
    ):
        if word(id(owner) + fields[name]) != id(value):
            yield "%s is elsewhere" % name
    large = dict.fromkeys(map(str, range(70000)), Base)
    for owner in (dictionary, large, sys._getframe().f_globals):
        if word(id(owner) + fields["dict.ma_values"]) != 0:
            yield "dict.ma_values of a combined table is not 0"
        keys = word(id(owner) + fields["dict.ma_keys"])
        size = word(keys + fields["keys.dk_size"])
        count = word(keys + fields["keys.dk_nentries"])
        if size & (size - 1) or not len(owner) <= count < size:
            yield "keys.dk_size %d, keys.dk_nentries %d for %d" % (size, count, len(owner))
            return
        width = 1 if size <= 0xFF else 2 if size <= 0xFFFF else 4
        entry = keys + fields["keys.dk_indices"] + size * width
        entries = [[word(entry + 24 * i + at) for at in (0, 8, 16)] for i in range(count)]
        for key, value in owner.items():
            if len(owner) < 1000 or key.endswith("999"):
                if [hash(key) % 2**64, id(key), id(value)] not in entries:
                    yield "keys.dk_indices: no entry of %s" % key
    split = word(id(vars(Namespace())) + fields["dict.ma_values"])
    if split == 0:
        yield "dict.ma_values of a split table is 0"


class Namespace:
    """With an instance dict that shares its keys."""

    def __init__(self):
        self.one = 1


def version_complaints(fields):
    """co_version is what tells a code object from one that had its address before."""
    seen = set()
    for i in range(5000):
        code = compile("x = %d" % i, "x", "exec")
        seen.add(word(id(code) + fields["code.co_version"], 4))
        seen.add(word(id(code.replace(co_name="y")) + fields["code.co_version"], 4))
    if len(seen) != 10000 or 0 in seen:
        yield "code.co_version is given twice"


def debug_complaints(fields, debug, numbers):
    runtime = runtime_address()
    if ctypes.string_at(runtime, 8) != b"xdebugpy":
        yield "the interpreter's _PyRuntime does not begin with its cookie"
    if word(runtime + numbers["debug-version"]) != sys.hexversion:
        yield "debug-version is at the wrong place"
    if word(runtime + numbers["debug-free-threaded"]) != 0:
        yield "the interpreter is free-threaded"
    for name, position in debug.items():
        value = word(runtime + position)
        if value != fields[name]:
            yield "debug %s: the interpreter says %d, the file %d" % (name, value, fields[name])


def check(text):
    """Exits with the complaints, if there are any."""
    fields, masks, debug, numbers, opcodes = parse(text)
    complaints = list(opcode_complaints(opcodes))
    if debug:
        complaints += debug_complaints(fields, debug, numbers)
    complaints += thread_complaints(fields)
    complaints += object_complaints(fields, masks)
    if "keys.dk_size" in fields:
        complaints += namespace_complaints(fields)
    if "code.co_version" in fields:
        complaints += version_complaints(fields)
    if complaints:
        sys.exit("\n".join("offsets-check: " + one for one in complaints))


