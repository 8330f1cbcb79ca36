"""Three chains of three functions by turns; no function is called by two others."""


def leaf_a(n):
    for _ in range(5):
        n = n * 3 + 1 & 0xff
    return n


def leaf_b(n):
    for _ in range(5):
        n = n * 3 + 1 & 0xff
    return n


def leaf_c(n):
    for _ in range(5):
        n = n * 3 + 1 & 0xff
    return n


def middle_a(n):
    n = leaf_a(n) + 1  # calls leaf_a
    return leaf_a(n)  # calls leaf_a


def middle_b(n):
    n = leaf_b(n) + 1  # calls leaf_b
    return leaf_b(n)  # calls leaf_b


def middle_c(n):
    n = leaf_c(n) + 1  # calls leaf_c
    return leaf_c(n)  # calls leaf_c


def top_a(n):
    return middle_a(n)  # calls middle_a


def top_b(n):
    return middle_b(n)  # calls middle_b


def top_c(n):
    return middle_c(n)  # calls middle_c


def main():
    n = 0
    while True:
        n = top_a(n)  # calls top_a
        n = top_b(n)  # calls top_b
        n = top_c(n)  # calls top_c


announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["top_a", "top_b", "top_c"],
        "top_a": ["middle_a"],
        "top_b": ["middle_b"],
        "top_c": ["middle_c"],
        "middle_a": ["leaf_a"],
        "middle_b": ["leaf_b"],
        "middle_c": ["leaf_c"],
    },
    deepest=5,
    shares=[
        {"by": "within", "parts": {"top_a": 1, "top_b": 1, "top_c": 1}},
        {"by": "self", "parts": {"leaf_a": 1, "leaf_b": 1, "leaf_c": 1}},
    ],
)
main()
