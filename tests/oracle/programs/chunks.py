"""Functions with thousands of locals that call each other: each frame takes a stack chunk of its own
(3.11 and later; a large object before), and the leaves lie just behind a border."""

LOCALS = 3000
HUGE = """
def huge_{kind}(depth, n):
    if depth:
        return huge_{kind}(depth - 1, n)
    for _ in range(20):
        n = leaf_{kind}(n)
    return n
    {locals} = None
"""


def leaf_a(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def leaf_b(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


for kind in "ab":
    names = " = ".join("local_%d" % i for i in range(LOCALS))
    exec(compile(HUGE.format(kind=kind, locals=names), "<string>", "exec"))


def main():
    n = 0
    while True:
        n = huge_a(4, n)
        n = huge_b(4, n)


announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["huge_a", "huge_b"],
        "huge_a": ["huge_a", "leaf_a"],
        "huge_b": ["huge_b", "leaf_b"],
    },
    deepest=8,
    at={"leaf_a": 8, "leaf_b": 8},
    shares=[
        {"by": "within", "parts": {"huge_a": 1, "huge_b": 1}},
        {"by": "self", "parts": {"leaf_a": 1, "leaf_b": 1}},
    ],
)
main()
