"""Handlers, finally clauses and context managers, entered and left by exceptions."""

import sys

from truth import park, play


class Context:
    def __init__(self, armed, swallows=True):
        self.armed, self.swallows = armed, swallows

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        park(self.armed)
        return self.swallows


def handler(armed):
    try:
        [][1]
    except (KeyError, IndexError) as error:
        park(armed and error)


def nested_handler(armed):
    try:
        try:
            raise ValueError
        except ValueError:
            raise KeyError from None
        finally:
            park(False)
    except KeyError:
        try:
            {}[1]
        except KeyError:
            return park(armed)


def finally_after_return(armed):
    try:
        return 1
    finally:
        park(armed)


def finally_after_exception(armed):
    try:
        try:
            raise ValueError
        finally:
            park(armed)
    except ValueError:
        pass


def finally_in_loop(armed):
    for i in range(3):
        try:
            if i == 1:
                continue
            break
        finally:
            park(armed)


def left(armed):
    with Context(armed), Context(False):
        return 1


def left_by_exception(armed):
    with Context(armed):
        raise ValueError


def passed_through(armed):
    try:
        with Context(armed, swallows=False) as a, Context(False) as b:
            with a, b:
                pass
            raise ValueError
    except ValueError:
        pass


def with_else(armed):
    try:
        pass
    except ValueError:
        pass
    else:
        park(armed)


def raised(armed):
    class Error(Exception):
        def __init__(self):
            park(armed)
    try:
        raise Error
    except Error:
        pass


def matched(armed):
    class Kind(type):
        def __instancecheck__(cls, instance):
            return bool(park(armed))
    class Error(Exception, metaclass=Kind):
        pass
    return isinstance(1, Error)


def asserted(armed):
    try:
        assert park(armed), "message"
    except AssertionError:
        pass


scenes = [handler, nested_handler, finally_after_return, finally_after_exception, finally_in_loop,
          left, left_by_exception, passed_through, with_else, raised, matched, asserted]
if sys.version_info >= (3, 11):  # except* is no syntax before
    exec("""def group(armed):
    try:
        raise ExceptionGroup("", [ValueError(1), KeyError(2)])
    except* ValueError:
        park(armed)
    except* KeyError as error:
        pass
scenes.append(group)
""")
play(*scenes)
park()
