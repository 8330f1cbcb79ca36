"""Python that bytecode calls without a call in the source: a constructor, a property, an operator, an
attribute that is not there, a closure; two classes by turns."""


def leaf_a(n):
    return n + 1 & 0xff


def leaf_b(n):
    return n + 1 & 0xff


class A:
    def __init__(self, n):
        self.n = leaf_a(n)  # calls leaf_a

    @property
    def twice_a(self):
        return self.n * 2

    def __add__(self, n):
        return leaf_a(self.n + n)  # calls leaf_a

    def __getattr__(self, name):
        return leaf_a(self.n)  # calls leaf_a

    def __getitem__(self, n):
        return leaf_a(n)  # calls leaf_a

    def __contains__(self, n):
        return leaf_a(n)  # calls leaf_a


class B:
    def __init__(self, n):
        self.n = leaf_b(n)  # calls leaf_b

    @property
    def twice_b(self):
        return self.n * 2

    def __add__(self, n):
        return leaf_b(self.n + n)  # calls leaf_b

    def __getattr__(self, name):
        return leaf_b(self.n)  # calls leaf_b

    def __getitem__(self, n):
        return leaf_b(n)  # calls leaf_b

    def __contains__(self, n):
        return leaf_b(n)  # calls leaf_b


def closure_a():
    total = 0

    def inner_a(n):
        nonlocal total
        total = total + n & 0xff
        return total

    return inner_a


def closure_b():
    total = 0

    def inner_b(n):
        nonlocal total
        total = total + n & 0xff
        return total

    return inner_b


close_a, close_b = closure_a(), closure_b()


def hot_a(n):
    a = A(n)  # calls __init__
    n = a.twice_a  # calls twice_a
    n = a + n  # calls __add__
    n = a.missing + n  # calls __getattr__
    n = a[n]  # calls __getitem__
    n in a  # calls __contains__
    return close_a(n)  # calls inner_a


def hot_b(n):
    b = B(n)  # calls __init__
    n = b.twice_b  # calls twice_b
    n = b + n  # calls __add__
    n = b.missing + n  # calls __getattr__
    n = b[n]  # calls __getitem__
    n in b  # calls __contains__
    return close_b(n)  # calls inner_b


def main():
    n = 0
    while True:
        n = hot_a(n)  # calls hot_a
        n = hot_b(n)  # calls hot_b


METHODS = ["__init__", "__add__", "__getattr__", "__getitem__", "__contains__"]
announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["hot_a", "hot_b"],
        "hot_a": METHODS + ["twice_a", "inner_a"],
        "hot_b": METHODS + ["twice_b", "inner_b"],
        **{name: ["leaf_a", "leaf_b"] for name in METHODS},
    },
    deepest=5,
    shares=[
        {"by": "within", "parts": {"hot_a": 1, "hot_b": 1}},
        {"by": "self", "parts": {"leaf_a": 1, "leaf_b": 1}},
    ],
)
main()
