"""Coroutines three deep that are resumed by hand, by turns, and wait for a thing that yields."""

import types


@types.coroutine
def pause_a(n):
    yield n


@types.coroutine
def pause_b(n):
    yield n


def leaf_a(n):
    for _ in range(5):
        n = n * 3 + 1 & 0xff
    return n


def leaf_b(n):
    for _ in range(5):
        n = n * 3 + 1 & 0xff
    return n


async def inner_a(n):
    await pause_a(n)  # calls pause_a
    return leaf_a(n)  # calls leaf_a


async def inner_b(n):
    await pause_b(n)  # calls pause_b
    return leaf_b(n)  # calls leaf_b


async def middle_a(n):
    return await inner_a(n) + 1  # calls inner_a


async def middle_b(n):
    return await inner_b(n) + 1  # calls inner_b


async def outer_a():
    n = 0
    while True:
        n = await middle_a(n) & 0xff  # calls middle_a


async def outer_b():
    n = 0
    while True:
        n = await middle_b(n) & 0xff  # calls middle_b


def main():
    resume_a, resume_b = outer_a().send, outer_b().send
    while True:
        resume_a(None)  # calls outer_a
        resume_b(None)  # calls outer_b


announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["outer_a", "outer_b"],
        "outer_a": ["middle_a"],
        "outer_b": ["middle_b"],
        "middle_a": ["inner_a"],
        "middle_b": ["inner_b"],
        "inner_a": ["pause_a", "leaf_a"],
        "inner_b": ["pause_b", "leaf_b"],
    },
    deepest=6,
    shares=[
        {"by": "within", "parts": {"outer_a": 1, "outer_b": 1}},
        {"by": "self", "parts": {"leaf_a": 1, "leaf_b": 1}},
    ],
)
main()
