"""Spends known shares of its CPU time in functions of different kinds, and measures them itself.

Runs on 3.8 to 3.15. Says "ready". A line on its input starts the measurement, another ends it: then
it writes "NAME NANOSECONDS" of each function, and "end". Code called by a function has the
function's name and more.

A machine that is itself a guest may be taken away for 50 ms at a time. The thread's clock runs on
then, but nobody samples: a round of a function that took more than twice its median counts as that.
"""

import os
import select
import statistics
import sys
import time

ROUND_NS = 20000000
SHARES = {"arithmetic": 0.35, "calls": 0.25, "system_calls": 0.2, "in_c": 0.12, "objects": 0.08}


def arithmetic(n):
    total = 0
    for i in range(n * 20):
        total = (total + i * 3) & 0xffff
    return total


def calls_helper(x):
    return x


def calls(n):
    for i in range(n * 10):
        calls_helper(i)


def system_calls(n):
    for _ in range(n * 5):
        os.getppid()


numbers = list(range(1000))


def in_c(n):
    for _ in range(n):
        sum(numbers)


class Thing:
    x = 1


def objects(n):
    thing = Thing()
    table = {}
    for i in range(n * 5):
        thing.x = i
        table[i & 15] = [thing.x, thing]


FUNCTIONS = [arithmetic, calls, system_calls, in_c, objects]


def cost_ns(function, n):
    start = time.thread_time_ns()
    function(n)
    return time.thread_time_ns() - start


def plan():
    """How often each function repeats its work, so that it gets about its share of a round."""
    repeats = []
    for function in FUNCTIONS:
        function(2000)  # specialised, compiled
        each_ns = cost_ns(function, 2000) / 2000
        repeats.append(max(1, int(SHARES[function.__name__] * ROUND_NS / each_ns)))
    return list(zip(FUNCTIONS, repeats))


def has_line():
    if not select.select([0], [], [], 0)[0]:
        return False
    if not os.read(0, 1):
        sys.exit()
    return True


def main():
    rounds = plan()
    os.write(1, b"ready\n")
    spent = None
    while True:
        if has_line():
            if spent:
                break
            spent = {name: [] for name in SHARES}
        for function, n in rounds:
            ns = cost_ns(function, n)
            if spent:
                spent[function.__name__].append(ns)
    for name, each in spent.items():
        limit = 2 * int(statistics.median(each))
        print(name, sum(min(ns, limit) for ns in each))
    print("end", flush=True)
    os.read(0, 1)


main()
