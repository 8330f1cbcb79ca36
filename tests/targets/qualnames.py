# Runs functions of every kind and stops in each: says what the interpreter itself knows of the
# qualified names of all that is on the stack, and waits for a line. The names are those of the
# function, generator and coroutine objects that run the code, found among all objects there are.
import asyncio
import collections
import contextlib
import functools
import gc
import os
import sys
import types
import weakref
from collections import namedtuple
from dataclasses import dataclass


def truths(frame):
    """The qualified names of the code objects of a frame and its callers."""
    names = {}
    while frame:
        mine = names.setdefault(frame.f_code, set())
        if frame.f_code.co_name == "<module>":
            mine.add("<module>")
        elif not frame.f_code.co_flags & 2 and "__qualname__" in frame.f_locals:  # a class body
            mine.add(frame.f_locals["__qualname__"])
        frame = frame.f_back
    for one in gc.get_objects():
        attribute = CODE_OF.get(type(one))
        if attribute and getattr(one, attribute) in names:
            names[getattr(one, attribute)].add(one.__qualname__)
    return names


CODE_OF = {
    types.FunctionType: "__code__",
    types.GeneratorType: "gi_code",
    types.CoroutineType: "cr_code",
    types.AsyncGeneratorType: "ag_code",
}


def hexed(text):
    return text.encode().hex()


def stop(expected="known"):
    """Of the caller the qualified name is to be known and as the interpreter has it, or "plain", or
    "=" and this one."""
    known = truths(sys._getframe())
    lines = ["%s %d" % (expected, sys._getframe(1).f_lineno)]
    frame = sys._getframe()
    while frame:
        names = ",".join(map(hexed, known[frame.f_code]))
        lines.append("%s %s" % (hexed(frame.f_code.co_name), names or "-"))
        frame = frame.f_back
    lines.append(".\n")
    os.write(1, "\n".join(lines).encode())
    if not os.read(0, 1):
        os._exit(0)


def plain():
    stop()


def outer():
    def inner():
        def innermost():
            stop()

        innermost()

    inner()
    return inner


class Class:
    stop()  # the class body itself

    def __init__(self):
        stop()

    def __enter__(self):
        stop()

    def __exit__(self, *_):
        stop()

    def method(self):
        stop()

    def capturing(self):
        stop()
        return lambda: self

    def __private(self):
        stop()

    def call_private(self):
        self.__private()

    @classmethod
    def of_class(cls):
        stop()

    @staticmethod
    def static():
        stop()

    @property
    def prop(self):
        stop()

    @prop.setter
    def prop(self, _):
        stop()

    def __getattr__(self, name):
        stop()

    def __add__(self, other):
        stop()

    def __lt__(self, other):
        stop()
        return False

    def __len__(self):
        stop()
        return 0

    def __iter__(self):
        stop()
        return self

    def __next__(self):
        stop()
        raise StopIteration

    def __call__(self):
        stop()

    def __eq__(self, other):
        stop()
        return True

    def __renamed(self):
        stop()

    __del__ = __renamed

    class Nested:
        stop()

        def __new__(cls):
            stop()
            return object.__new__(cls)

        def method(self):
            def local():
                stop()

            stop()
            local()

        class Deeper:
            stop()


class Derived(Class):
    def __init__(self):
        super().__init__()


class Capturing:
    def __init__(self):
        stop()
        self.me = lambda: self


class Meta(type):
    def __new__(mcs, name, bases, namespace):
        stop()
        return super().__new__(mcs, name, bases, namespace)

    def __call__(cls):
        stop()
        return super().__call__()


def methods():
    one = Derived()
    Capturing()
    with one:
        pass
    one.method()
    one.capturing()
    one.call_private()
    one.of_class()
    Class.of_class()
    one.static()
    one.prop
    one.prop = 1
    one.missing
    one + 1
    sorted([one, one])
    len(one)
    list(one)
    for _ in one:
        pass
    one()
    one == 1
    one in [1]
    bound = one.method
    bound()
    functools.partial(one.method)()
    Class.Nested().method()

    class Local(metaclass=Meta):
        stop()

        def method(self):
            stop()

    Local().method()


def callbacks():
    sorted([1], key=lambda _: stop())
    sorted([1, 2], key=functools.cmp_to_key(lambda a, b: stop() or 0))
    list(map(lambda _: stop(), [1]))
    for _ in map(lambda _: stop(), [1]):
        pass
    for _ in filter(lambda _: stop(), [1]):
        pass
    [stop() for _ in [1]]
    {stop() for _ in [1]}
    {1: stop() for _ in [1]}
    list(stop() for _ in [1])
    [[stop() for _ in [1]] for _ in [1]]
    functools.reduce(lambda a, b: stop(), [1, 2])
    functools.partial(plain)()
    functools.partial(lambda: stop())()
    functools.lru_cache(maxsize=None)(lambda: stop())()
    next(iter(lambda: stop(), 1))
    (lambda *a, **k: stop())(*[1], **{"b": 2})

    def local():
        stop()

    local()
    list(filter(None, map(lambda _: stop(), [1])))


def generators():
    def generator():
        stop()
        yield 1
        yield from delegate()

    def delegate():
        stop()
        yield 2

    for _ in generator():
        pass

    async def coroutine():
        stop()
        await asyncio.sleep(0)
        stop()
        async for _ in asynchronous():
            stop()

    async def asynchronous():
        stop()
        yield 1

    asyncio.run(coroutine())

    @contextlib.contextmanager
    def manager():
        stop()
        yield

    with manager():
        pass


def decorator(function):
    @functools.wraps(function)
    def wrapper():
        stop("plain")  # its function has the name of what it wraps
        return function()

    return wrapper


def undecorated(function):
    def wrapper():
        stop()
        return function()

    return wrapper


@decorator
def decorated():
    stop()


@undecorated
def kept():
    stop()


@functools.lru_cache(maxsize=None)
def cached():
    stop()


def renamed():
    stop("=renamed")  # as main's code says, which made it


def made():
    namespace = {"stop": stop}
    exec("def made():\n  def inner(): stop()\n  inner()\nmade()", namespace)
    exec("stop()", namespace)
    eval("stop()", namespace)
    exec("class Made:\n  class Inner:\n    stop()\n  def method(self): stop()\nMade().method()", namespace)
    code = compile("stop('plain')", "made", "exec").replace(co_name="top-level template code")
    exec(code, namespace)
    types.FunctionType(plain.__code__, globals())()

    def different():
        stop("=made.<locals>.different")

    different.__qualname__ = "something.else"
    different()

    def anywhere():
        stop()

    anywhere.__qualname__ = "anywhere"
    anywhere()


@dataclass
class Point:
    x: int

    def __post_init__(self):
        stop()


def make_generator():
    def generator():
        stop()
        yield

    return generator()


def make_coroutine():
    async def coroutine():
        stop()

    return coroutine()


def make_asynchronous():
    async def asynchronous():
        stop()
        yield

    return asynchronous()


def make_function():
    def function(*_):
        stop()

    return function


def made_elsewhere():
    """Who made these has returned, and their code with it."""
    list(make_generator())
    list(filter(None, filter(None, make_generator())))
    for _ in (make_coroutine(), make_asynchronous().__anext__()):
        try:
            _.send(None)
        except StopIteration:
            pass
    make_function()()
    sorted([1], key=make_function())
    for holder in holders():
        use(holder)


def holders():
    yield functools.partial(make_function())
    yield functools.lru_cache(maxsize=None)(make_function())
    yield types.MethodType(make_function(), 1)
    yield map(make_function(), [1])
    yield collections.defaultdict(make_function())


def use(holder):
    """Calls what it holds, which this frame never saw."""
    if isinstance(holder, map):
        list(holder)
    elif isinstance(holder, dict):
        holder[0]
    else:
        holder()


class Gone:
    pass


def referring(callback):
    one = Gone()
    return [one, weakref.ref(one, callback)]


def let_go(pair):
    """Calls the callback, which this frame never saw."""
    del pair[0]


def callback_of_module():
    """Its module has it, whose code is over."""
    namespace = {"stop": stop}
    exec("def callback(_): stop()", namespace)
    let_go(referring(namespace["callback"]))


def callback_that_holds_itself():
    def closure(_):
        stop()
        return closure

    def argument(_, me=None):
        stop()

    argument.__defaults__ = (argument,)
    return [closure, argument]


def gone():
    """Nobody holds a weak reference's callback while it is called, and who made it has returned."""

    def forgotten(_):
        stop("plain")

    return referring(forgotten)


def makers():
    """Nobody holds it, but the caller's code made it."""

    def finish(_):
        stop()

    holder = filter(None, filter(None, map(finish, [1])))
    del finish
    list(holder)


def deep(depth):
    if depth:
        return deep(depth - 1)
    stop()


def main():
    plain()
    outer()()
    methods()
    callbacks()
    generators()
    decorated()
    kept()
    cached()
    renamed.__qualname__ = "another"
    renamed()
    made()
    Point(1)
    namedtuple("Pair", "a b")(1, 2)
    makers()
    made_elsewhere()
    callback_of_module()
    for _ in callback_that_holds_itself():
        let_go(referring(_))
    let_go(gone())
    deep(300)
    stop()
    os.write(1, b"end 0\n")


main()
