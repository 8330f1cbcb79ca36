"""Two functions that call each other 1,200 deep and have two more at the bottom, by turns."""

DEPTH = 1200


def bottom_a(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def bottom_b(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def even(depth, n):
    if depth:
        return odd(depth - 1, n)  # calls odd; part even
    for _ in range(100):
        n = bottom_a(n)  # calls bottom_a
        n = bottom_b(n)  # calls bottom_b
    return n


def odd(depth, n):
    if depth:
        return even(depth - 1, n)  # calls even; part odd
    return n


def main():
    n = 0
    while True:
        n = even(DEPTH, n)  # calls even


sys.setrecursionlimit(DEPTH + 100)
# <module>, main, and even at depths DEPTH … 0; then the bottom.
announce(
    outermost=["<module>"],
    calls={"<module>": ["main"], "main": ["even"], "even": ["odd", "bottom_a", "bottom_b"], "odd": ["even"]},
    deepest=DEPTH + 4,
    at={"bottom_a": DEPTH + 4, "bottom_b": DEPTH + 4},
    shares=[
        {"by": "line", "parts": {"even": 1, "odd": 1}},
        {"by": "self", "parts": {"bottom_a": 1, "bottom_b": 1}},
    ],
)
main()
