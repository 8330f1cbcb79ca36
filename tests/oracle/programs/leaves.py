"""Two functions that last a microsecond by turns, each with a leaf of its own."""


def leaf_a(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def leaf_b(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def hot_a(n):
    n = leaf_a(n)  # calls leaf_a
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def hot_b(n):
    n = leaf_b(n)  # calls leaf_b
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def main():
    n = 0
    while True:
        n = hot_a(n)  # calls hot_a
        n = hot_b(n)  # calls hot_b


announce(
    outermost=["<module>"],
    calls={"<module>": ["main"], "main": ["hot_a", "hot_b"], "hot_a": ["leaf_a"], "hot_b": ["leaf_b"]},
    deepest=4,
    shares=[
        {"by": "within", "parts": {"hot_a": 1, "hot_b": 1}},
        {"by": "self", "parts": {"leaf_a": 1, "leaf_b": 1}},
    ],
)
main()
