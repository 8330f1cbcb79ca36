"""What timer interrupts may stumble over, one kind each; says "ready" first."""

import ctypes
import marshal
import os
import sys
import threading
import time

KIND = sys.argv[1]


def work(seconds):
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for i in range(1000):
            n = n * 3 + i & 0xFF


def short_lived():
    n = 0
    for i in range(5000):
        n = n * 3 + i & 0xFF


def births():
    """Threads that end long before any period does, one after the other."""
    while True:
        thread = threading.Thread(target=short_lived)
        thread.start()
        thread.join()


def child(parent):
    while os.getppid() == parent:
        work(0.1)


def parent():
    work(600)


def forks():
    own = os.getpid()
    if os.fork():
        parent()
    else:
        child(own)


def executes():
    work(0.7)
    os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)"])


def interprets():
    work(0.7)
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    interpreters = __import__(name)
    kept = interpreters.create()  # up to 3.12 it ends when nobody knows it any more
    work(600)
    return kept


def deep(depth):
    deep(depth - 1) if depth else work(600)


def called(n):
    return n * 3 & 0xFF


def calls_back():
    """CPython's C calls Python over and over: an eval loop of its own each time."""
    while True:
        sum(map(called, range(100)))
        sorted(range(100), key=called)


BORN = """{lines}
def born_{kind}(n):
    for i in range(20):
        n = n * 3 + {number} & 0xFF
    born = "born {kind}", (None, 2.5, (b"{kind}",))
    return len(born)
"""


def makes_code():
    """Code objects that are run once and freed, after some microseconds; where each of them begins and
    what is in it tells which it is."""
    made = []
    for kind in range(16):
        text = BORN.format(lines="\n" * kind, kind=kind, number=1000 + kind)
        made.append((marshal.dumps(compile(text, "born" * 200, "exec")), "born_%d" % kind))
    while True:
        for data, name in made:
            names = {}
            exec(marshal.loads(data), names)
            names[name](1)


def trace(frame, event, argument):
    return trace


def makes_large_code():
    """The same with one that is too large to be copied, which calls itself."""
    lines = "    x = (n,\n         n)\n" * 1500
    text = "def large(n):\n    if n:\n        return large(n - 1)\n" + lines
    data = marshal.dumps(compile(text, "large", "exec"))
    while True:
        names = {}
        exec(marshal.loads(data), names)
        names["large"](200)


ALIKE = """
def alike(n):
    for i in range(60):
        n = n * 3 + 1 & 0xFF
    return callee_{kind}(n)
"""
CALLEE = ALIKE.replace("return callee_{kind}(n)", "return n").replace("alike", "callee_{kind}")


def makes_alike_code():
    """Functions of the same name, line and length, each in the memory of the last one."""
    made = []
    names = {"range": range}
    for kind in range(8):
        exec(compile(CALLEE.format(kind=kind), "callee", "exec"), names)
        module = compile(ALIKE.format(kind=kind), "alike", "exec")
        code = [const for const in module.co_consts if hasattr(const, "co_code")][0]
        made.append(marshal.dumps(code))
    while True:
        for data in made:
            type(makes_alike_code)(marshal.loads(data), names)(1)


def delegate(depth, inner):
    yield from inner


def innermost():
    while True:
        n = 0
        for i in range(200):
            n = n * 3 + i & 0xFF
        yield n


def delegates():
    """Generators in generators, the inner ones made first: their frames are on the heap, each caller's
    above or below that of whom it called, and in any part of a page."""
    chains = []
    for _ in range(300):
        generator = innermost()
        for depth in range(6):
            generator = delegate(depth, generator)
        chains.append(generator)
    while True:
        for generator in chains:
            next(generator)


def sleep_with_the_gil():
    ctypes.PyDLL(None).usleep(600 * 1000 * 1000)


def without_the_gil():
    """A thread that runs while others have the GIL."""
    import hashlib

    data = bytes(64 << 20)
    while True:
        hashlib.sha256(data)


def hash_once(data):
    __import__("hashlib").sha256(data)


def relay():
    """Threads that work without the GIL, each in what the last one has left: its stack, its state."""
    data = bytes(2 << 20)
    while True:
        thread = threading.Thread(target=hash_once, args=(data,))
        thread.start()
        thread.join()


print("ready", flush=True)
if KIND == "births":
    births()
elif KIND == "forks":
    forks()
elif KIND == "executes":
    executes()
elif KIND == "interprets":
    interprets()
elif KIND == "deep":
    sys.setrecursionlimit(10000)
    deep(3000)
elif KIND == "relay":
    relay()
elif KIND == "calls_back":
    calls_back()
elif KIND == "makes_code":
    makes_code()
elif KIND == "makes_alike_code":
    makes_alike_code()
elif KIND == "delegates":
    delegates()
elif KIND == "makes_traced_code":
    sys.settrace(trace)
    makes_code()
elif KIND == "makes_large_code":
    makes_large_code()
elif KIND == "sleeps":
    sleep_with_the_gil()
elif KIND == "hashes":
    threading.Thread(target=without_the_gil).start()
    work(600)
