"""Holds a file of offsets/ against the interpreter that runs this: its opcode and dis modules, and
from 3.13 on the _Py_DebugOffsets it carries. make-offsets appends a call of check() and pipes it in;
the file was made from headers, so this is a second witness. Leaves the file alone."""

import dis
import opcode
import sys


def parse(text):
    """The file as (fields, debug positions, single numbers, opcodes by number)."""
    fields, debug, numbers, opcodes = {}, {}, {}, {}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "field":
            fields[words[1]] = int(words[2], 0)
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
    return fields, debug, numbers, opcodes


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


def debug_complaints(fields, debug, numbers):
    import ctypes

    runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    table = ctypes.string_at(runtime, numbers["debug-size"])

    def word(position):
        return int.from_bytes(table[position : position + 8], sys.byteorder)

    if table[:8] != b"xdebugpy":
        yield "the interpreter's _PyRuntime does not begin with its cookie"
    if word(numbers["debug-version"]) != sys.hexversion:
        yield "debug-version is at the wrong place"
    if word(numbers["debug-free-threaded"]) != 0:
        yield "the interpreter is free-threaded"
    for name, position in debug.items():
        if word(position) != fields[name]:
            yield "debug %s: the interpreter says %d, the file %d" % (
                name,
                word(position),
                fields[name],
            )


def check(text):
    """Exits with the complaints, if there are any."""
    fields, debug, numbers, opcodes = parse(text)
    complaints = list(opcode_complaints(opcodes))
    if debug:
        complaints += debug_complaints(fields, debug, numbers)
    if complaints:
        sys.exit("\n".join("offsets-check: " + one for one in complaints))


