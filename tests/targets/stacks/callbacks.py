"""Python called back from C, in the ways there are: keys, dunders, destructors, ctypes."""

import bisect
import collections
import contextlib
import ctypes
import functools
import gc
import itertools
import json
import os
import re
import signal
import weakref

from truth import park, play, stage


def sort_key(armed):
    return sorted([2, 1], key=lambda x: park(armed and x == 1) or x)


def mapped(armed):
    return list(map(lambda x, y: park(x), [False, armed], [1, 2]))


def filtered(armed):
    return [x for x in filter(park, [0, armed])]


def reduced(armed):
    return functools.reduce(lambda a, b: park(b), [0, False, armed])


def partial(armed):
    return functools.partial(functools.partial(park, armed), 1)(2)


def substituted(armed):
    return re.sub("a+", lambda found: park(armed and found.start() > 0) or "b", "aabaa")


class Everything:
    armed = False

    def __new__(cls, *arguments):
        park(arguments[:1] == ("new",))
        return super().__new__(cls)

    def __init__(self, what="", armed=False):
        self.what = what
        park(what == "init" and armed)
        self.armed = armed

    def at(self, what):
        return park(self.armed and self.what == what)

    def __del__(self):
        self.at("del")

    def __getattr__(self, name):
        return self.at("getattr")

    def __setitem__(self, key, value):
        self.at("setitem")

    def __getitem__(self, key):
        return self.at("getitem")

    def __eq__(self, other):
        return bool(self.at("eq"))

    def __hash__(self):
        self.at("hash")
        return 1

    def __lt__(self, other):
        return bool(self.at("lt"))

    def __add__(self, other):
        return self.at("add")

    def __bool__(self):
        return bool(self.at("bool"))

    def __len__(self):
        self.at("len")
        return 1

    def __contains__(self, item):
        return bool(self.at("contains"))

    def __iter__(self):
        self.at("iter")
        return iter(())

    def __call__(self, *arguments):
        return self.at("call")

    def __repr__(self):
        self.at("repr")
        return ""

    def __format__(self, how):
        self.at("format")
        return ""

    def __index__(self):
        self.at("index")
        return 1

    def __enter__(self):
        return self.at("enter")

    def __exit__(self, *what):
        return self.at("exit")


class Next:
    def __init__(self, armed):
        self.armed = armed

    def __iter__(self):
        return self

    def __next__(self):
        park(self.armed)
        raise StopIteration


class Overridden:
    def __getattribute__(self, name):
        return park(name == "armed")


class Descriptor:
    def __get__(self, instance, owner):
        return park(instance.armed)

    def __set__(self, instance, value):
        park(value)


class Described:
    armed = False
    field = Descriptor()


class Meta(type):
    def __call__(cls, armed):
        park(armed)
        return super().__call__()


class Made(metaclass=Meta):
    pass


def initialised(armed):
    return Everything("init", armed)


class Plain:
    """One whose making is specialised (3.12+): a hidden frame lies below __init__."""

    def __init__(self, armed):
        park(armed)


def plainly_initialised(armed):
    return Plain(armed)


def created(armed):
    return Everything("new" if armed else "")


def deleted(armed):
    thing = Everything("del", armed)
    del thing


def returned_over(armed):
    thing = Everything("del", armed)
    thing.more = 1


def cleared(armed):
    things = [Everything("del", armed)]
    things.clear()


def collected(armed):
    thing = Everything("del", armed)
    thing.self = thing
    del thing
    gc.collect()


def attributes(armed):
    return Everything("getattr", armed).missing


def overridden(armed):
    thing = Overridden()
    return thing.armed if armed else thing.other


def descriptors(armed):
    thing = Described()
    thing.armed = armed
    return thing.field


def set_descriptor(armed):
    Described().field = armed


def items(armed):
    thing = Everything("getitem", armed)
    return thing[0]


def set_items(armed):
    thing = Everything("setitem", armed)
    thing[0] = 1


def operators(armed):
    return (Everything("add", armed) + 1, Everything("eq", armed) == 1, Everything("lt", armed) < 1)


def equal(armed):
    return Everything("eq", armed) == 1 or [Everything("eq", armed)].count(1)


def hashed(armed):
    return {Everything("hash", armed): 1}


def truths(armed):
    if Everything("bool", armed):
        return 1
    return not Everything("bool", armed)


def contained(armed):
    return 1 in Everything("contains", armed)


def iterated(armed):
    for _ in Everything("iter", armed):
        pass
    return [*Next(armed)]


def nexts(armed):
    for _ in Next(armed):
        pass


def called(armed):
    return Everything("call", armed)(1)


def formatted(armed):
    return f"{Everything('format', armed)}{Everything('repr', armed)!r}"


def represented(armed):
    return "%r" % Everything("repr", armed)


def indexed(armed):
    return [1, 2][Everything("index", armed)]


def measured(armed):
    return len(Everything("len", armed))


def entered(armed):
    with Everything("enter", armed):
        pass


def exited(armed):
    with Everything("exit", armed), Everything():
        pass


def metaclass(armed):
    return Made(armed)


def super_call(armed):
    class Base:
        def __init__(self):
            park(armed)

    class Derived(Base):
        def __init__(self):
            super().__init__()
    return Derived()


def weak(armed):
    thing = Everything()
    reference = weakref.ref(thing, lambda dead: park(armed))
    del thing
    return reference


@contextlib.contextmanager
def managed(armed):
    yield
    park(armed)


def context_manager(armed):
    with managed(armed):
        pass


def missing(armed):
    return collections.defaultdict(lambda: park(armed))[1]


def grouped(armed):
    return [list(g) for _, g in itertools.groupby([1, 2], key=lambda x: park(armed and x == 2))]


def bisected(armed):
    return bisect.bisect([Everything("lt", armed)] * 3, Everything("lt", armed))


def hooked(armed):
    return json.loads('{"a": {"b": 1}}', object_hook=lambda it: park(armed and "a" in it))


def by_ctypes(armed):
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    numbers = (ctypes.c_int * 2)(2, 1)
    libc = ctypes.CDLL(None)
    libc.qsort(numbers, ctypes.c_size_t(2), ctypes.c_size_t(4),
               compare(lambda a, b: int(park(armed) or 0)))


play(sort_key, mapped, filtered, reduced, partial, substituted, initialised, plainly_initialised,
     created, deleted, returned_over, cleared, attributes, overridden, descriptors,
     set_descriptor, items, set_items, operators, equal, hashed, truths, contained, iterated,
     nexts, called, formatted, represented, indexed, measured, entered, exited, metaclass,
     super_call, weak, context_manager, missing, grouped, bisected, hooked, by_ctypes)
stage(collected, True)  # once: there is one collection at a time


def on_signal(number, frame):
    park()


signal.signal(signal.SIGUSR1, on_signal)
os.kill(os.getpid(), signal.SIGUSR1)
for _ in range(1000):
    pass
