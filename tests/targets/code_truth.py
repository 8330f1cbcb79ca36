"""Writes what CPython itself says of many code objects, then waits for a line on its input.

Runs on 3.8 to 3.15. The first argument is a mode: plain, hot (run some of it until it is specialised
and, where there is a JIT, compiled), monitored (3.12+: events on every code object), traced.
The lines, by first word; texts are UTF-8 (surrogates passed) in hexadecimal:

    code ADDRESS UNITS FIRST_LINE NAME QUALNAME FILE
    at OPCODE_UNIT FIRST_UNIT UNITS OPCODE ARG TEXT    an instruction with its prefixes and caches
    line FIRST_UNIT UNITS LINE END_LINE COLUMN END_COLUMN      0 and -1: unknown
    end WORDS…                                     what has been done to the code objects
"""

import dis
import gc
import re
import sys
import types

SOME = "json json.decoder json.encoder collections enum functools statistics textwrap".split()
MANY = SOME + """asyncio.base_events asyncio.tasks dataclasses argparse typing contextlib heapq inspect
string""".split()

ODD = """
def \u00e9t\u00e9(): return [x for x in 'abc']
def \u5909\u6570(a, *b, c=1, **d):
    class \U0001d4b3:
        def m(self): return (lambda: a)()
    return \U0001d4b3
async def co():
    async with a as b:
        async for i in b: yield await i
def far():
    for i in range(3):
        pass
"""


CONSTANTS = r"""
def constants(x):
    x(0, 1, -1, True, 255, 256, 257, 2 ** 30 - 1, 2 ** 30, 2 ** 60, -2 ** 31, 10 ** 40, -7 ** 99, 1 << 1900)
    x(0.0, -0.0, 1.0, 0.1, 1e16, 1e15, 123456789012345.6, 1e22, 1e23, 5e-324, 1.7976931348623157e308)
    x(0.0001, 0.00001, 1e-5, 1 / 3, -2.5e-10, 1e309, -1e309, 1e100, 100.0, 9007199254740993.0, 2.5e15)
    x(1j, 0j, -1j, 2.5j, 1e30j, 1 + 2j, 0.5 - 3j, -0.0 - 1j, -0.0 + 1e300j)
    x('', 'a', "it's", 'say "x"', 'it\'s "x"', '\\', 'tab\t nl\n cr\r nul\0 esc\x1b del\x7f')
    x('\xe9t\xe9', '\xa0\xad', '\u4e2d\u6587', '\U0001f600', '\ud800', '\u200b\u202e\ufeff', '\U000e0001')
    x('y' * 199, 'z' * 1000, 'w' * 198, '\xe9' * 97, '\u4e2d' * 66, '\u4e2d' * 67)
    x(b'', b'a', b"it's", b'"', b"'\"", b'\x00\xff\n\\', b'q' * 300)
    x(None, ..., (), (1,), (1, 'a', b'c', None, ..., (2.5, ('deep', (3,)))), ('k' * 90, 'l' * 90, 'm' * 90))
    x(x in {1, 2, 3}, x not in {'a', 'b', (1, 2)}, x in {None}, x is None, x is not x)
    x(x[1:2], x[:-1], x[::2], x[1:2, ...], f'{x!r:>{x}}{x!s}{x!a}{x:3}{x}')
    for a, b in x: a += b; a **= b; a @ b; a // b; del a
    return lambda *, k: [k for k in (i for i in x)], x(**x), x(*x, k=1, l=2), super().y, super().z(1)
def {names}(p{names}, /): return p{names}.attribute{names}, global{names}
"""
CONSTANTS = CONSTANTS.replace("{names}", "\u00e9\u4e2d" * 90)


def far_source():
    """A loop that is too long for one byte of jump, over more than 255 names and constants."""
    first = "".join("    v%d = %d.5\n" % (i, i) for i in range(300))
    body = "".join("            v%d = v%d + %d.5\n" % (i, (i - 1) % 300, i) for i in range(300))
    return """def far(n):
%s    for i in range(n):
        if i < 0:
%s        v299 += 1
    return v299
""" % (first, body)


def shortest():
    return 1


def workload(n):
    """Code of every kind, run: what it returns does not matter."""
    class Point:
        __slots__ = ("x", "y")

        def __init__(self, x, y):
            self.x, self.y = x, y

        @property
        def norm(self):
            return self.x * self.x + self.y * self.y

    def numbers(k):
        for i in range(k):
            yield i

    def outer(k):
        return (yield from numbers(k))

    def adds(a, b=1):
        return a + b

    total = 0
    text = ""
    table = {}
    for i in range(n):
        point = Point(i, i + 1)
        total += point.norm + adds(i) + adds(i, b=2)
        table[i] = point
        text += "x"
        if i % 3 == 0 and text:
            total -= sum(k for k in outer(4))
        elif i in table:
            total += len([k for k in (1, 2, 3)])
        try:
            if i % 50 == 0:
                raise ValueError(i)
            total += table[i].x
        except ValueError as error:
            total += error.args[0]
        finally:
            total += 1.5 < total
        while total > 1e9:
            total //= 3
        a, b = i, total
        total = b + a
    return total


def hot_loop(n):
    total = 0
    for i in range(n):
        total += i & 3
    while n > 0:
        n -= 1
    return total


def nested(code, found, seen):
    if code in seen and any(code is other for other in found):
        return
    seen.add(code)
    found.append(code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            nested(constant, found, seen)


def all_codes(modules, namespace):
    """Of the functions that exist, and of the modules compiled anew."""
    found, seen = [], set()
    for name in modules:
        __import__(name)
        with open(sys.modules[name].__file__, encoding="utf-8") as source:
            nested(compile(source.read(), source.name, "exec"), found, seen)
    for function in (workload, hot_loop, shortest, namespace["far"]):
        nested(function.__code__, found, seen)
    for function in [o for o in gc.get_objects() if isinstance(o, types.FunctionType)]:
        if function.__module__ in modules:
            nested(function.__code__, found, seen)
    odd = compile(ODD, "odd\udcff\u00e9 \U0001d4b3.py", "exec")
    nested(odd, found, seen)
    nested(compile(CONSTANTS, "constants.py", "exec"), found, seen)

    class Path(str):
        pass

    nested(compile("a = 1\n\n\nb = 2", Path("sub/class.py"), "exec"), found, seen)
    nested(compile("\n" * 70000 + "def f(a): return a", "x" * 5000, "exec"), found, seen)
    return found


def positions(code, units):
    """(line, end line, column, end column) of every unit."""
    if sys.version_info >= (3, 11):
        for line, end_line, column, end_column in code.co_positions():
            yield (line or 0, end_line or 0, -1 if column is None else column,
                   -1 if end_column is None else end_column)
    elif sys.version_info >= (3, 10):
        for start, end, line in code.co_lines():
            for _ in range(start, end, 2):
                yield line or 0, line or 0, -1, -1
    else:
        import ctypes
        addr2line = ctypes.pythonapi.PyCode_Addr2Line
        addr2line.argtypes = ctypes.py_object, ctypes.c_int
        for unit in range(units):
            line = addr2line(code, 2 * unit)
            yield line, line, -1, -1


def hexed(text):
    return text.encode("utf-8", "surrogatepass").hex() or "-"


def expected(instruction, code):
    """What dis shows in brackets, but for what hop_operand_write says that it does otherwise."""
    text = instruction.argrepr
    if instruction.opname == "KW_NAMES":
        return repr(code.co_consts[instruction.arg])
    if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs:
        preposition = "from" if text.startswith("from") else "to"
        return "%s %d" % (preposition, instruction.argval)
    if instruction.opname in ("IS_OP", "CONTAINS_OP"):
        return {"IS_OP": "is|is not", "CONTAINS_OP": "in|not in"}[instruction.opname].split("|")[instruction.arg]
    if instruction.opname == "LOAD_CONST":
        text = re.sub(r"<code object (.*?) at 0x[0-9a-f]+, file", r"<code object \1, file", text)
    return text


def tell(code, write):
    units = len(code.co_code) // 2
    write("code %d %d %d %s %s %s\n" % (
        id(code), units, code.co_firstlineno, hexed(code.co_name),
        hexed(getattr(code, "co_qualname", code.co_name)), hexed(code.co_filename)))
    whole = []
    first = None
    for instruction in dis.get_instructions(code):
        unit = instruction.offset // 2
        first = unit if first is None else first
        if instruction.opname != "EXTENDED_ARG":
            whole.append((unit, first, instruction.opname, instruction.arg or 0,
                          expected(instruction, code)))
            first = None
    for this, following in zip(whole, whole[1:] + [(0, units)]):
        unit, first, name, arg, text = this
        write("at %d %d %d %s %d %s\n" % (unit, first, following[1] - first, name, arg, hexed(text)))
    start, last = 0, None
    for unit, position in enumerate(positions(code, units)):
        if position != last:
            if last:
                write("line %d %d %d %d %d %d\n" % ((start, unit - start) + last))
            start, last = unit, position
    if last:
        write("line %d %d %d %d %d %d\n" % ((start, units - start) + last))


def monitor(codes):
    """Another set of events on each code object, so that each way to hide an opcode is there."""
    events = sys.monitoring.events
    sets = [
        events.LINE,
        events.INSTRUCTION,
        events.LINE | events.INSTRUCTION,
        events.PY_START | events.PY_RETURN | events.CALL | events.JUMP | events.PY_YIELD,
        events.LINE | events.CALL | events.JUMP | events.PY_RETURN | events.PY_START,
        events.INSTRUCTION | events.CALL | events.JUMP | events.STOP_ITERATION,
        events.LINE | events.INSTRUCTION | events.CALL | events.JUMP | events.PY_RETURN,
    ]
    sys.monitoring.use_tool_id(3, "truth")
    for i, code in enumerate(codes):
        if code.co_filename != __file__:
            sys.monitoring.set_local_events(3, code, sets[i % len(sets)])


def heat(far):
    for _ in range(10):
        workload(1500)
        far(20000)
    hot_loop(300000)
    json = sys.modules["json"]
    json.loads(json.dumps({"a": [1, 2.5, {"b": None}] * 2000}, indent=1))
    sys.modules["textwrap"].fill("some words to wrap " * 2000)
    sys.modules["statistics"].stdev(range(3000))


def main(mode):
    namespace = {}
    exec(compile(far_source(), "far.py", "exec"), namespace)
    done = [mode]
    codes = all_codes(MANY if mode == "plain" else SOME, namespace)
    if mode == "traced":
        def trace(frame, event, arg):
            frame.f_trace_opcodes = True
            return trace
        sys.settrace(trace)
        workload(60)
        namespace["far"](3)
    if mode == "traced":
        sys.settrace(None)
    if mode == "monitored":
        heat(namespace["far"])
        monitor(codes)
    jit = getattr(sys, "_jit", None)
    if jit and jit.is_enabled():
        done.append("jit")
    write = sys.stdout.write
    for code in codes:
        tell(code, write)
    if mode == "hot":
        heat(namespace["far"])  # last, because tier 2 forgets what is not used
    write("end %s\n" % " ".join(done))
    sys.stdout.flush()
    sys.stdin.readline()


__file__ = main.__code__.co_filename
main(sys.argv[1])
