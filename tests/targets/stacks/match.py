"""Match statements (3.10+): patterns and guards that call."""

from truth import park, play


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y, armed=False):
        self.x, self._y, self.armed = x, y, armed

    @property
    def y(self):
        park(self.armed)
        return self._y


class Equal:
    def __init__(self, armed):
        self.armed = armed

    def __eq__(self, other):
        return bool(park(self.armed))


def guard(armed):
    match [1, {"a": armed}]:
        case [0, _]:
            return 1
        case [1, {"a": value, **rest}] if park(value):
            return 2
        case _:
            return 3


def class_pattern(armed):
    match Point(1, 2, armed):
        case Point(x=0):
            return 1
        case Point(1, y):
            return y


def value_pattern(armed):
    match Equal(armed):
        case 1 | 2:
            return 1
        case (3, *rest) | {"x": rest}:
            return rest


def body(armed):
    match (1, 2, 3):
        case (first, *rest):
            return park(armed), first, rest


play(guard, class_pattern, value_pattern, body)
park()
