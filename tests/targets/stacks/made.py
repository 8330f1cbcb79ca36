"""Code made at run time: exec, eval, compile, files and functions that never were."""

import types

from truth import park, play


def executed(armed):
    exec("def f(x):\n  return (lambda: park(x))()\n\n\nf(armed)", {"park": park, "armed": armed})


def evaluated(armed):
    return eval("[park(x) for x in (False, armed)]", {"park": park, "armed": armed})


def nested(armed):
    text = "exec(\"eval('park(armed)', {'park': park, 'armed': armed})\")"
    exec(compile(text, "<generated 1>", "exec"), {"park": park, "armed": armed})


def nameless(armed):
    exec(compile("\n" * 100000 + "park(armed)", "", "exec"), {"park": park, "armed": armed})


def replaced(armed):
    def original():
        return park(armed)
    code = original.__code__.replace(co_filename="no/such\0file.py", co_name="f\0g",
                                     co_firstlineno=1000000)
    return types.FunctionType(code, globals(), "other", None, original.__closure__)()


class Path(str):
    """A str that is no compact one names the code."""


def subclassed(armed):
    exec(compile("park(armed)", Path("sub/class.py"), "exec"), {"park": park, "armed": armed})


def long_named(armed):
    exec(compile("park(armed)", "d/" * 1500 + "f.py", "exec"), {"park": park, "armed": armed})


play(executed, evaluated, nested, replaced, subclassed, long_named)
play(nameless, times=2)
eval(compile("park()", "<last>", "eval"))
