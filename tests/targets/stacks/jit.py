"""Loops that are hot enough for tier 2 (PYTHON_JIT=1, 3.14+): rest in a call made by a trace."""

import dis
import os
import sys

from truth import park, stage

MANY = 20000


def rest(armed):
    """Plain enough for a trace to go through it, where park() is not."""
    if armed:
        park()


def callee(i, last):
    return rest(i == last)


def calls(count):
    total = 0
    for i in range(count):
        total += callee(i, count - 1) or 0
    return total


def method_calls(count):
    class Thing:
        def __init__(self, armed):
            self.armed = armed

        def method(self):
            return rest(self.armed)
    for i in range(count):
        Thing(i == count - 1).method()


def numbers(count):
    for i in range(count):
        yield i


def of_generator(count):
    for i in numbers(count):
        rest(i == count - 1)


def while_loop(count):
    i = 0
    while True:
        i += 1
        callee(i, count)


def nested(count):
    for i in range(count // 100):
        for j in range(100):
            rest(i * 100 + j == count - 1)


def reads(sizes):
    for size in sizes:
        os.read(0, size)


def recursive(n, armed):
    if n == 0:
        return rest(armed)
    return recursive(n - 1, armed)


def recursions(count):
    for i in range(count // 10):
        recursive(10, i == count // 10 - 1)


def comprehension(count):
    return [callee(i, count - 1) for i in range(count)]


def is_compiled(function):
    import _opcode
    for instruction in dis.get_instructions(function):
        try:
            if _opcode.get_executor(function.__code__, instruction.offset):
                return True
        except (ValueError, RuntimeError):
            pass
    return False


def main():
    """No global changes meanwhile: that would throw away what was compiled."""
    functions = [calls, method_calls, of_generator, while_loop, nested, recursions, comprehension]
    for function in functions:
        stage(function, MANY)
    stage(reads, [0] * MANY + [1], call="read", when=lambda frame: frame.f_locals["size"])
    if getattr(sys, "_jit", None) and sys._jit.is_enabled():
        compiled = [function.__name__ for function in functions + [reads] if is_compiled(function)]
        assert len(compiled) > 4, compiled
    calls(MANY)


main()
