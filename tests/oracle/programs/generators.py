"""Generators that are resumed by turns, one by `yield`, one through a `yield from`."""


def leaf_a(n):
    for _ in range(5):
        n = n * 3 + 1 & 0xff
    return n


def leaf_b(n):
    for _ in range(5):
        n = n * 3 + 1 & 0xff
    return n


def plain_a(n):
    yield leaf_a(n)  # calls leaf_a
    yield leaf_a(n)  # calls leaf_a


def plain_b(n):
    yield leaf_b(n)  # calls leaf_b
    yield leaf_b(n)  # calls leaf_b


def inner_a(n):
    yield n
    yield n + 1
    return n


def inner_b(n):
    yield n
    yield n + 1
    return n


def outer_a(n):
    yield from inner_a(n)  # calls inner_a
    yield n


def outer_b(n):
    yield from inner_b(n)  # calls inner_b
    yield n


def hot_a(n):
    for i in plain_a(n):  # calls plain_a
        n += i
    for i in outer_a(n):  # calls outer_a
        n += i
    return n & 0xff


def hot_b(n):
    for i in plain_b(n):  # calls plain_b
        n += i
    for i in outer_b(n):  # calls outer_b
        n += i
    return n & 0xff


def main():
    n = 0
    while True:
        n = hot_a(n)  # calls hot_a
        n = hot_b(n)  # calls hot_b


announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["hot_a", "hot_b"],
        "hot_a": ["plain_a", "outer_a"],
        "hot_b": ["plain_b", "outer_b"],
        "plain_a": ["leaf_a"],
        "plain_b": ["leaf_b"],
        "outer_a": ["inner_a"],
        "outer_b": ["inner_b"],
    },
    deepest=5,
    shares=[
        {"by": "within", "parts": {"hot_a": 1, "hot_b": 1}},
        {"by": "self", "parts": {"plain_a": 1, "plain_b": 1}},
        {"by": "self", "parts": {"inner_a": 1, "inner_b": 1}},
    ],
)
main()
