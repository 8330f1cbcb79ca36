"""C that calls Python: sorted(), reduce(), map(), re.sub(), and ctypes where it is; by turns."""

import functools
import re

try:
    import ctypes
except ImportError:  # some distributions pack it apart
    ctypes = None


def key_a(n):
    return -n


def key_b(n):
    return -n


def add_a(n, m):
    return n + m & 0xff


def add_b(n, m):
    return n + m & 0xff


def each_a(n):
    return n + 1


def each_b(n):
    return n + 1


def match_a(match):
    return "x"


def match_b(match):
    return "x"


def foreign_a(n):
    return n + 1


def foreign_b(n):
    return n + 1


letters = re.compile("[a-c]")
four = (4, 2, 3, 1)
call_a, call_b = foreign_a, foreign_b
if ctypes:
    call_a, call_b = (ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(f) for f in (foreign_a, foreign_b))


def hot_a(n):
    sorted(four, key=key_a)  # calls key_a
    functools.reduce(add_a, four)  # calls add_a
    for _ in map(each_a, four):  # calls each_a
        pass
    letters.sub(match_a, "abcd")  # calls match_a
    return call_a(n) & 0xff  # calls foreign_a


def hot_b(n):
    sorted(four, key=key_b)  # calls key_b
    functools.reduce(add_b, four)  # calls add_b
    for _ in map(each_b, four):  # calls each_b
        pass
    letters.sub(match_b, "abcd")  # calls match_b
    return call_b(n) & 0xff  # calls foreign_b


def main():
    n = 0
    while True:
        n = hot_a(n)  # calls hot_a
        n = hot_b(n)  # calls hot_b


announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["hot_a", "hot_b"],
        "hot_a": ["key_a", "add_a", "each_a", "match_a", "foreign_a"],
        "hot_b": ["key_b", "add_b", "each_b", "match_b", "foreign_b"],
    },
    deepest=4,
    shares=[
        {"by": "within", "parts": {"hot_a": 1, "hot_b": 1}},
        {"by": "self", "parts": {"key_a": 1, "key_b": 1}},
        {"by": "self", "parts": {"match_a": 1, "match_b": 1}},
    ],
)
main()
