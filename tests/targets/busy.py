"""Works without end, in all sorts of code; judges profiles of itself. Under truth.py, 3.8 to 3.15.

The word behind the text is a mode: plain; traced (by turns); monitored (3.12+, by turns, with all
sets of events). Says "ready"; a line of JSON, a list of rows as a profile has them, is answered by
a line: {"checked": rows, "wrong": [the first few], "wrong_count": number}.
"""

import asyncio
import collections
import functools
import gc
import json
import opcode
import os
import re
import sys
import textwrap
import threading
import types

from truth import describe, learn_qualnames, listing, names_of

MODE = sys.argv[4]
COMPLAINTS_MAX = 5
may_work = threading.Event()
may_work.set()

# --- the work --------------------------------------------------------------------------------


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y

    @property
    def norm(self):
        return self.x * self.x + self.y * self.y

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)

    def __lt__(self, other):
        return self.norm < other.norm

    def __getitem__(self, i):
        return (self.x, self.y)[i]


class Derived(Point):
    def __init__(self, x, y):
        super().__init__(x, y)

    def near(self, others):
        if len(others) > 100:
            return any(o.x == self.x for o in others)
        return self.x < 10 and others[0].y > self.y


def numbers(n):
    for i in range(n):
        yield i


def chain(n):
    return (yield from numbers(n))


def add(a, b=1, *rest, key=0, **more):
    return a + b + key


def objects():
    points = [Derived(i, -i) for i in range(30)]
    total = Point(0, 0)
    for point in points:
        total = total + point
        point.near(points)
    return sorted(points), sorted(points, key=lambda p: -p.norm), total[0], functools.reduce(
        lambda a, b: a + b, points)


def generators():
    return sum(x for x in chain(50)), [x for x in chain(20) if x & 1], dict.fromkeys(numbers(20))


def calls():
    total = 0
    for i in range(60):
        total = add(i) + add(i, 2) + add(i, b=3) + add(*(1, 2), **{"key": i})
        total += (lambda: i)()
    return total


def exceptions():
    caught = 0
    for i in range(20):
        try:
            try:
                if i % 3:
                    raise ValueError(i)
            finally:
                caught += 1
        except (KeyError, ValueError) as error:
            caught += error.args[0]
    return caught


async def leaf(n):
    return n


async def coroutine():
    total = 0
    for i in range(20):
        total += await leaf(i)
    return total


def coroutines():
    try:
        coroutine().send(None)
    except StopIteration as end:
        return end.value


def in_asyncio():
    async def main():
        return await asyncio.gather(*[coroutine() for _ in range(3)])
    return asyncio.run(main())


def texts():
    return (re.sub("[a-c]+", lambda found: found.group().upper(), "abcdefabc" * 5),
            json.loads(json.dumps({"a": [1, 2.5, {"b": None}] * 5}, indent=1)),
            textwrap.fill("some words to wrap " * 10), collections.Counter("abracadabra"),
            "%s %r" % (1, "a"), f"{1:>5}{'x'!r}")


def loops():
    total, i = 0.0, 0
    while i < 300:
        i += 1
        if i % 2 and i != 7:
            continue
        total += i * 1.5 - (i >> 1) + (i in (1, 2)) + [1, 2, 3][i % 3]
        a, b = i, total
        total = b if a else a
    return total


def recursion(n=60):
    return n and recursion(n - 1) + 1


# Made anew each time, from the same text, so that code objects come and go.
SHORT_LIVED = "def made(n):\n    return [x * n for x in range(20)], (lambda: n)()\nmade(3)\n"


def made():
    exec(compile(SHORT_LIVED, "short.py", "exec"), {})
    return eval("[i * 2 for i in (1, 2, 3)]")


def long_function():
    text = "def long(n):\n%s    for i in range(n):\n%s    return v7\n" % (
        "".join("    v%d = 0\n" % i for i in range(300)),
        "".join("        v%d = v%d + %d.5\n" % (i, (i - 1) % 300, i) for i in range(300)))
    namespace = {}
    exec(compile(text, "long.py", "exec"), namespace)
    return namespace["long"]


long = long_function()
WORK = [objects, generators, calls, exceptions, coroutines, in_asyncio, texts, loops, recursion,
        made, lambda: long(5)]


def plain():
    for work in WORK:
        work()


# --- what hides the opcodes --------------------------------------------------------------------


def traced():
    def trace(frame, event, argument):
        frame.f_trace_opcodes = False
        return trace
    sys.settrace(trace)
    plain()
    sys.settrace(None)
    plain()


def event_sets():
    events = sys.monitoring.events
    many = events.LINE | events.CALL | events.JUMP | events.PY_RETURN | events.PY_START
    while True:
        for some in (events.LINE, 0, events.INSTRUCTION, events.CALL | events.PY_YIELD, many,
                     0, many | events.INSTRUCTION, 0):
            yield some


def monitored(sets=[]):
    if not sets:
        sys.monitoring.use_tool_id(3, "busy")
        sets.append(event_sets())
    local = next(sets[0])
    for code in (work.__code__ for work in WORK + [Point.__init__, add, numbers, leaf, long]):
        sys.monitoring.set_local_events(3, code, local)
    for _ in range(3):
        plain()


def work():
    mode = {"plain": plain, "traced": traced, "monitored": monitored}[MODE]
    while True:
        may_work.wait()
        mode()


# --- the judge ---------------------------------------------------------------------------------


def nested(code, found):
    """Also tells what the functions made of the inner ones will be called, again when more names of
    the outer one have become known."""
    found[id(code)] = code
    prefix = {"<module>": "{1}", "<expression>": "{1}"}.get(code.co_name)
    prefix = prefix or ("{0}.<locals>.{1}" if code.co_flags & 2 else "{0}.{1}")
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            known = len(names_of(inner))
            if not hasattr(code, "co_qualname"):
                names = names_of(code) or {code.co_name}
                names_of(inner).update([prefix.format(name, inner.co_name) for name in names])
            if id(inner) not in found or len(names_of(inner)) > known:
                nested(inner, found)


def all_codes():
    """By (file, first line): of functions, of all that runs, and of what is made anew."""
    found = {}
    learn_qualnames()
    for one in gc.get_objects():
        if isinstance(one, types.FunctionType):
            nested(one.__code__, found)
    for frame in sys._current_frames().values():
        while frame:
            nested(frame.f_code, found)
            frame = frame.f_back
    nested(compile(SHORT_LIVED, "short.py", "exec"), found)
    nested(compile("[i * 2 for i in (1, 2, 3)]", "<string>", "eval"), found)
    by_place = collections.defaultdict(list)
    for code in found.values():
        by_place[code.co_filename, code.co_firstlineno].append(code)
    return by_place


def forms(base):
    """The names under which the instruction may be found in memory."""
    names = {base, "INSTRUMENTED_" + base, "INSTRUMENTED_LINE", "INSTRUMENTED_INSTRUCTION",
             "ENTER_EXECUTOR"}
    names.update(getattr(opcode, "_specializations", {}).get(base, ()))
    for name in getattr(opcode, "_specialized_instructions", ()):  # 3.11, 3.12: of two at a time
        if name.startswith(base + "__") or name == base + "_QUICK":
            names.add(name)
    return names


def is_right(row, code):
    for instruction in listing(code)[1]:
        if instruction.offset == row["offset"]:
            truth = dict(describe(code, instruction))
            known_as = truth.pop("qualnames", []) + [truth.pop("function")]
            return row["function"] in known_as and row["opcode"] in forms(instruction.opname) and \
                all(row[name] == value for name, value in truth.items())
    return False


def judge(rows):
    may_work.clear()  # so that it is quicker
    by_place = all_codes()
    wrong = [row for row in rows
             if not any(is_right(row, code) for code in by_place[row["file"], row["first_line"]])]
    may_work.set()
    return {"checked": len(rows), "wrong": wrong[:COMPLAINTS_MAX], "wrong_count": len(wrong)}


for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
os.write(1, b"ready\n")
for line in sys.stdin:
    os.write(1, json.dumps(judge(json.loads(line))).encode() + b"\n")
os._exit(0)
