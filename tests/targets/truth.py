"""Runs a program that comes to rest in interesting places; writes what CPython says of its stacks.

Runs on 3.8 to 3.15, in sub-interpreters too. Started with its own text, as the interpreter may
live in another root:

    python -c 'import sys; exec(compile(sys.argv[1], "truth.py", "exec"))' TRUTH NAME TEXT
    python truth.py FILE                                             the same, by hand

TEXT is a Python program that imports from `truth`: park() and stage() say where a thread rests. For
each thread a line of JSON is written to standard output, in the words of `dump --format json`:
frames innermost first, each with the instruction that it stands at, as `dis` shows it. Up to 3.10,
where code has no qualified name, `qualnames` are those of the functions made of it. `call` is the
system call in which the thread waits for ever. The line with `last` is the main thread's, and the
last one.
"""

import bisect
import dis
import gc
import itertools
import json
import os
import sys
import threading
import time
import types

INTERPRETER = globals().get("INTERPRETER", 0)  # its id; a sub-interpreter is told by its creator
TOLD = globals().get("TOLD") or os.pipe()      # a byte for each thread that has written its line
NOTHING_COMES = (0, 1)                         # a read of standard input, where nothing comes

LISTINGS = {}   # id of a code object: (itself, offsets, instructions)
DESCRIBED = {}  # (that id, offset): what is written of it
QUALNAMES = {}  # that id: (itself, names)


def listing(code):
    """The instructions, without prefixes and caches, and their offsets."""
    if id(code) not in LISTINGS:
        found = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
        LISTINGS[id(code)] = code, [i.offset for i in found], found
    return LISTINGS[id(code)][1:]


def instruction_at(code, offset):
    """The instruction that `offset` is in: at a prefix (3.8, 3.9), its own unit or a cache."""
    if sys.version_info < (3, 10):
        while code.co_code[offset] == dis.EXTENDED_ARG:
            offset += 2
    offsets, found = listing(code)
    return found[bisect.bisect(offsets, offset) - 1]


def last_call(code):
    return [i for i in listing(code)[1] if i.opname.startswith("CALL")][-1]


def position(code, offset):
    """(line, end line, column, end column), None where unknown."""
    if sys.version_info >= (3, 11):
        return next(itertools.islice(code.co_positions(), offset // 2, None))
    if sys.version_info >= (3, 10):
        line = [line for start, end, line in code.co_lines() if start <= offset < end][0]
    else:
        line = [line for start, line in dis.findlinestarts(code) if start <= offset][-1]
    return line, line, None, None


def shown(text):
    """As a dump shows it: surrogates are no UTF-8, NUL ends strings of C."""
    return text.replace("\0", "\u2400").encode("utf-8", "backslashreplace").decode("utf-8")


CODE_OF = {types.FunctionType: "__code__", types.GeneratorType: "gi_code",
           types.CoroutineType: "cr_code", types.AsyncGeneratorType: "ag_code"}


def learn_qualnames():
    """Of all that runs a code object."""
    for one in gc.get_objects():
        if type(one) in CODE_OF:
            code = getattr(one, CODE_OF[type(one)])
            names_of(code).add(shown(one.__qualname__))


def names_of(code):
    return QUALNAMES.setdefault(id(code), (code, set()))[1]


def qualnames(code):
    if id(code) not in QUALNAMES:
        learn_qualnames()
    return names_of(code)


def describe(code, instruction):
    key = id(code), instruction.offset
    if key not in DESCRIBED:
        line, end_line, column, end_column = position(code, instruction.offset)
        DESCRIBED[key] = {
            "function": shown(getattr(code, "co_qualname", code.co_name)),
            "file": shown(code.co_filename),
            "first_line": code.co_firstlineno,
            "offset": instruction.offset,
            "base_opcode": instruction.opname,
            "oparg": instruction.arg,
            "line": line or None,
            "end_line": end_line or None,
            "column": column,
            "end_column": end_column,
        }
        if not hasattr(code, "co_qualname"):
            DESCRIBED[key]["qualnames"] = sorted(qualnames(code))
    return DESCRIBED[key]


def frames_from(frame):
    while frame:
        code = frame.f_code
        if not hasattr(code, "co_qualname") and not code.co_flags & 3:  # a class body has it
            qualnames(code).add(frame.f_locals.get("__qualname__", code.co_name))
        yield describe(code, instruction_at(code, max(frame.f_lasti, 0)))  # -1: before the first
        frame = frame.f_back


def write(frames, tid, call):
    frames = list(frames)
    is_last = INTERPRETER == 0 and tid == os.getpid()
    line = json.dumps({"tid": tid, "interpreter": INTERPRETER, "call": call, "last": is_last,
                       "frames": frames}) + "\n"
    left = line.encode()
    while left:
        left = left[os.write(1, left):]


def park(armed=True, *ignored):
    """Writes the truth of this thread and waits for ever; returns at once where not `armed`.

    The innermost frame is this one; it will stand at its last call, which no version specialises.
    """
    if not armed:
        return armed
    frame = sys._getframe()
    here = describe(frame.f_code, last_call(frame.f_code))
    write([here] + list(frames_from(frame.f_back)), threading.get_native_id(), "read")
    os.write(TOLD[1], b".")
    os.read(*NOTHING_COMES)


def is_at_last_call(frame):
    """3.11 makes some calls in the PRECALL before it, when specialised."""
    at, last = instruction_at(frame.f_code, frame.f_lasti), last_call(frame.f_code)
    return at.offset == last.offset or (at.opname == "PRECALL" and last.offset - at.offset == 4)


def start(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def await_park():
    """Waits until one more thread has parked: lines of two threads must not mix."""
    os.read(TOLD[0], 1)


def tell_of(thread, function, call, when=lambda frame: True):
    """Writes the truth of a thread that goes, by the last call of `function`, into the system call.

    It has released the GIL when we see it there. `when` tells the call from earlier ones.
    """
    while True:
        frame = sys._current_frames().get(thread.ident)
        if frame and frame.f_code is function.__code__ and is_at_last_call(frame) and when(frame):
            break
        time.sleep(0.001)
    write(frames_from(frame), thread.native_id, call)


def stage(function, *arguments, call=None, **when):
    """Runs `function` in a thread; returns when it rests: parked, or in the system call named."""
    thread = start(function, *arguments)
    if call:
        tell_of(thread, function, call, **when)
    else:
        await_park()


def rehearse(scene, times):
    for time_left in range(times, -1, -1):
        scene(time_left == 0)
    os.write(2, ("%s did not rest\n" % scene).encode())
    os._exit(1)


def play(*scenes, times=300):
    """Runs scene(armed) to its park(armed): at once, and when its code is specialised."""
    for scene in scenes:
        stage(rehearse, scene, 0)
        stage(rehearse, scene, times)


def run(name, text, source):
    module = types.ModuleType("truth")
    module.__dict__.update(globals(), SOURCE=source)
    sys.modules["truth"] = module
    exec(compile(text, name, "exec"), {"__name__": "__main__"})


if INTERPRETER == 0 and "SUB_INTERPRETER" not in globals():
    if sys.argv[0] == "-c":
        run(sys.argv[2], sys.argv[3], source=sys.argv[1])
    else:
        with open(sys.argv[1], encoding="utf-8") as text, open(__file__, encoding="utf-8") as own:
            run(sys.argv[1], text.read(), own.read())
