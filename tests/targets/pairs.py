"""Calls functions by turns, as fast as it can, that have one caller each: any other stack is impossible.

leaf_a, gen_a, key_a are called by hot_a; those with b by hot_b; ping by main or pong, pong by ping.
Says "ready". Runs on 3.8 to 3.15.
"""

import sys


def leaf_a(n):
    return n + 1


def leaf_b(n):
    return n + 2


def gen_a(n):
    yield n
    yield n + 1


def gen_b(n):
    yield n
    yield n + 2


def key_a(n):
    return -n


def key_b(n):
    return n


def hot_a(n):
    leaf_a(n)
    for _ in gen_a(n):
        leaf_a(n)
    sorted((n, 2, 3), key=key_a)
    return leaf_a(n)


def hot_b(n):
    leaf_b(n)
    for _ in gen_b(n):
        leaf_b(n)
    sorted((n, 2, 3), key=key_b)
    return leaf_b(n)


def ping(depth):
    return pong(depth - 1) if depth else 0


def pong(depth):
    return ping(depth - 1) if depth else 0


def main():
    while True:
        for n in range(10):
            hot_a(n)
            hot_b(n)
            ping(n)


sys.stdout.write("ready\n")
sys.stdout.flush()
main()
