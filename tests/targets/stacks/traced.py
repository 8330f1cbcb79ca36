"""Frames as trace and profile functions meet them: at each event, in mid-instruction."""

import sys

from truth import park, play


def callee(x):
    y = x + 1
    return y


def failing(x):
    try:
        return x[1]
    except IndexError:
        return None


def generates(x):
    yield callee(x)


def observed(x):
    total = 0
    for i in (1, 2):
        total += callee(i) and (total or
                                i)
    failing([])
    for i in generates(x):
        total += i
    return [callee(i) for i in (1,)]


def traces(event, function, nth=1, opcodes=False):
    """A scene that rests in the trace function, at the nth such event of `function`."""
    def scene(armed):
        left = nth

        def trace(frame, what, argument):
            nonlocal left
            frame.f_trace_opcodes = opcodes
            if what == event and frame.f_code is function.__code__:
                left -= 1
                if left == 0:
                    park(armed)
            return trace
        sys.settrace(trace)
        observed(1)
        sys.settrace(None)
    return scene


def profiles(event, function, nth=1):
    def scene(armed):
        left = nth

        def profile(frame, what, argument):
            nonlocal left
            if what == event and frame.f_code is function.__code__:
                left -= 1
                if left == 0:
                    park(armed)
        sys.setprofile(profile)
        observed(1)
        sys.setprofile(None)
    return scene


def under_trace(armed):
    sys.settrace(lambda frame, what, argument: None)
    callee(park(armed) or 1)
    sys.settrace(None)


def under_line_trace(armed):
    def trace(frame, what, argument):
        return trace
    sys.settrace(trace)

    def inner():
        return [park(armed)
                for _ in (1,)]
    inner()
    sys.settrace(None)


scenes = [traces("call", observed), traces("call", callee), traces("return", callee, 2),
          traces("exception", failing), traces("return", failing), traces("call", generates),
          traces("return", generates), traces("return", observed)]
scenes += [traces("line", observed, n) for n in range(1, 11)]
if sys.version_info[:2] != (3, 12):  # which loses them where lines of the same code were traced
    scenes += [traces("opcode", observed, n, opcodes=True) for n in range(1, 40, 3)]
scenes += [profiles("call", callee), profiles("return", callee, 2),
           profiles("return", generates), profiles("call", generates)]


def c_calls(armed):
    def profile(frame, what, argument):
        park(armed and what == "c_return" and argument is len)
    sys.setprofile(profile)
    len([])
    sys.setprofile(None)


play(*scenes, times=30)
play(c_calls, under_trace, under_line_trace, times=30)
park()
