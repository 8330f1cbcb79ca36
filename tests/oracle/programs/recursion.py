"""Two functions that call each other 1,200 deep, and one of two more at the bottom.

Each of the two begins by turns: at some depths a call takes long, where CPython needs a new piece of
stack, and these would otherwise all be the one's.
"""

DEPTH = 1200


def bottom_a(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def bottom_b(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def down_a(depth, n):
    if depth:
        return down_b(depth - 1, n)  # calls down_b
    for _ in range(200):
        n = bottom_a(n)  # calls bottom_a
    return n


def down_b(depth, n):
    if depth:
        return down_a(depth - 1, n)  # calls down_a
    for _ in range(200):
        n = bottom_b(n)  # calls bottom_b
    return n


def main():
    n = 0
    while True:
        n = down_a(DEPTH, n)  # calls down_a
        n = down_b(DEPTH, n)  # calls down_b


sys.setrecursionlimit(DEPTH + 100)
# <module>, main, and the two at depths DEPTH … 0; then the bottom.
announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["down_a", "down_b"],
        "down_a": ["down_b", "bottom_a"],
        "down_b": ["down_a", "bottom_b"],
    },
    deepest=DEPTH + 4,
    at={"bottom_a": DEPTH + 4, "bottom_b": DEPTH + 4},
    shares=[
        {"by": "self", "parts": {"down_a": 1, "down_b": 1}},
        {"by": "self", "parts": {"bottom_a": 1, "bottom_b": 1}},
    ],
)
main()
