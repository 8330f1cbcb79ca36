"""Spends its time at the bottom of ARGUMENT calls: three quarters in heavy(), one in light().

Says "ready". Runs on 3.8 to 3.15.
"""

import sys
import threading
from itertools import repeat


def light(n):
    for _ in repeat(None, n):
        pass


def heavy(n):
    for _ in repeat(None, n):
        pass


def down(depth):
    if depth:
        down(depth - 1)
    while True:
        heavy(3000)
        light(1000)


def main():
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    down(int(sys.argv[1]))


sys.setrecursionlimit(10 ** 6)
threading.stack_size(512 << 20)
thread = threading.Thread(target=main)
thread.start()
thread.join()
