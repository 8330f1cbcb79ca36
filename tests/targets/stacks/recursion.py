"""Deep recursion: 3,000 frames everywhere, and 20,000 where calls take no C stack (3.11+)."""

import sys
import threading

from truth import park, stage


def down(depth, a=1, b=2):
    if depth:
        return down(depth - 1) + a
    return park() or 0


def odd(depth):
    return even(depth - 1) if depth else park()


def even(depth):
    for _ in (1,):
        return [odd(depth - 1)] if depth else park()


def through_c(depth):
    return list(map(through_c, [depth - 1])) if depth else park()


sys.setrecursionlimit(100000)
threading.stack_size(256 << 20)
stage(down, 3000)
stage(odd, 1001)
stage(through_c, 300)
if sys.version_info >= (3, 11):
    stage(down, 20000)
down(50)
