"""One leaf with two callers: the one calls it twice as often as the other."""


def leaf(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def once(n):
    return leaf(n)  # calls leaf


def twice(n):
    n = leaf(n)  # calls leaf
    return leaf(n)  # calls leaf


def main():
    n = 0
    while True:
        n = once(n)  # calls once
        n = twice(n)  # calls twice


announce(
    outermost=["<module>"],
    calls={"<module>": ["main"], "main": ["once", "twice"], "once": ["leaf"], "twice": ["leaf"]},
    deepest=4,
    shares=[{"by": "pair", "parts": {"once>leaf": 1, "twice>leaf": 2}}],
)
main()
