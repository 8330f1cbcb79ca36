"""Exceptions that are raised three functions down, pass a `finally`, and are caught; by turns."""


def raise_a(n):
    raise KeyError(n)


def raise_b(n):
    raise KeyError(n)


def clean_a(n):
    return n + 1


def clean_b(n):
    return n + 1


def pass_a(n):
    try:
        raise_a(n)  # calls raise_a
    finally:
        clean_a(n)  # calls clean_a


def pass_b(n):
    try:
        raise_b(n)  # calls raise_b
    finally:
        clean_b(n)  # calls clean_b


def catch_a(n):
    try:
        pass_a(n)  # calls pass_a
    except KeyError as error:
        n += error.args[0] & 1
    return n & 0xff


def catch_b(n):
    try:
        pass_b(n)  # calls pass_b
    except KeyError as error:
        n += error.args[0] & 1
    return n & 0xff


def main():
    n = 0
    while True:
        n = catch_a(n)  # calls catch_a
        n = catch_b(n)  # calls catch_b


announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["catch_a", "catch_b"],
        "catch_a": ["pass_a"],
        "catch_b": ["pass_b"],
        "pass_a": ["raise_a", "clean_a"],
        "pass_b": ["raise_b", "clean_b"],
    },
    deepest=5,
    shares=[
        {"by": "within", "parts": {"catch_a": 1, "catch_b": 1}},
        {"by": "self", "parts": {"raise_a": 1, "raise_b": 1}},
    ],
)
main()
