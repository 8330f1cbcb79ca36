"""Functions of every shape: nested, closures, lambdas, comprehensions, class bodies, decorators."""

import functools

from truth import park, play


def nested(armed):
    def inner(a, *rest, b=2, **more):
        def innermost():
            return park(armed), a
        return innermost()
    return inner(1, 2, 3, c=4)


def lambdas(armed):
    return (lambda x: (lambda: x and park(armed))())(1)


def comprehensions(armed):
    ones = [1 for _ in range(2)]
    return [{x: {(park(armed and y), x) for y in ones} for x in ones} for _ in ones]


def generator_expression(armed):
    return any(park(armed) for _ in range(1))


class Box:
    def __init__(self, low, high):
        self.low, self.high = low, high

    def intersects(self, other, armed=False):
        if armed or other.low > self.high:
            return any(park(armed and self.low <= other.low) for _ in (1,))
        return self.low < other.high and other.low < self.high

    @property
    def width(self):
        return park(self.high == 3)

    @staticmethod
    def still(armed):
        return park(armed)

    @classmethod
    def made(cls, armed):
        return cls.still(armed)


def closures(armed):
    box = Box(0, 2)
    return box.intersects(Box(1, 3)) and box.intersects(Box(1, 3), armed=armed)


def properties(armed):
    return Box(0, 3 if armed else 2).width


def class_methods(armed):
    return Box.made(armed), Box(1, 2).made(armed)


def class_body(armed):
    class Body:
        x = park(armed)

        class Inner:
            y = 1
    return Body


def twice(function):
    @functools.wraps(function)
    def wrapper(*arguments, **named):
        return function(*arguments, **named), function(*arguments, **named)
    return wrapper


@twice
def decorated(armed):
    return park(armed)


def unpacked(armed):
    arguments, named = [armed], {"key": 1}

    def takes(first, key):
        return park(first)
    return takes(*arguments, **named)


def keywords(armed):
    def takes(*, key, other=5):
        return park(key)
    return takes(key=armed)


def defaults(armed):
    def takes(key, a=1, b=2):
        return park(key)
    return takes(armed)


def one_line(armed): return [park(armed), park(armed)] and (park(False), park(armed))


def many_lines(armed):
    return dict(
        a=1,
        b=(
            park(
                armed
            )
        ),
    )


play(nested, lambdas, comprehensions, generator_expression, closures, properties, class_methods,
     class_body, decorated, unpacked, keywords, defaults, one_line, many_lines)
park()
