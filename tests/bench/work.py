"""Works without end at the bottom of a stack, and says through shared memory how much it did.

    python work.py DEPTH THREADS FD

DEPTH frames in all, the module's among them, 3 at least; THREADS in all, of which all but this one
sleep. FD is a file of a page: units of work done (some ten microseconds each) and nanoseconds of
the clock, 8 bytes each, written after each unit. Says "ready". Runs on 3.8 to 3.15.
"""

import mmap
import os
import struct
import sys
import threading
import time
from itertools import repeat


def unit(n):
    x = 0
    for i in repeat(3, n):
        x = (x + i) & 0xfff


def work(shared):
    pack_into, now, done = struct.Struct("QQ").pack_into, time.monotonic_ns, 0
    while True:
        unit(500)
        done += 1
        pack_into(shared, 0, done, now())


def down(frames, shared):
    if frames > 1:
        down(frames - 1, shared)
    else:
        work(shared)


def sleep():
    os.read(nothing_comes, 1)


depth, threads, fd = map(int, sys.argv[-3:])
sys.setrecursionlimit(10 ** 6)
threading.stack_size(256 << 10)
nothing_comes = os.pipe()[0]
for _ in range(threads - 1):
    threading.Thread(target=sleep, daemon=True).start()
page = mmap.mmap(fd, 4096)
os.write(1, b"ready\n")
if depth > 3:
    down(depth - 3, page)
else:
    work(page)
