"""Code under sys.monitoring (3.12+): at rest in callbacks of each event, and beside them."""

import sys

from truth import park, stage

monitoring = sys.monitoring
events = monitoring.events
TOOL = 3
monitoring.use_tool_id(TOOL, "truth")
left = {}  # code object: events until it rests


def callback(code, *what):
    if code in left:
        left[code] -= 1
        park(left[code] == 0)


BODY = """
def callee(x):
    return x + 1
def numbers(n):
    yield from range(n)
def observed(x):
    total = 0
    for i in numbers(2):
        total += callee(i) and (total or
                                len("ab"))
    while total < 9:
        total += 1
        if total == 5: continue
    try:
        [][1]
    except IndexError:
        total = str(total)
    return [callee(i) for i in (1, 2)]
def above(x, *rest):
    return observed(x)
"""


def fresh():
    namespace = {}
    exec(compile(BODY, "observed.py", "exec"), namespace)
    return namespace


def rests_at(event, nth, warm, more=0):
    space = fresh()
    for _ in range(warm):
        space["above"](1)
    code = space["observed"].__code__
    left[code] = nth
    monitoring.set_local_events(TOOL, code, event | more)
    stage(space["above"], 1, 2)


def beside(local, warm):
    """Rests in a plain call, in code whose opcodes are hidden by the events."""
    space = {"park": park}
    exec(compile("def inner(armed):\n  x = [park(armed)\n       for _ in (1,)]\n  return x\n"
                 "def outer(armed):\n  for _ in range(1):\n    y = inner(armed)\n  return y\n",
                 "beside.py", "exec"), space)
    for _ in range(warm):
        space["outer"](False)
    for name in ("inner", "outer"):
        monitoring.set_local_events(TOOL, space[name].__code__, local)
    space["outer"](False)
    stage(space["outer"], True)


for name in ("PY_START", "PY_RETURN", "LINE", "INSTRUCTION", "CALL", "JUMP", "BRANCH",
             "STOP_ITERATION", "PY_RESUME", "PY_YIELD", "RAISE", "PY_UNWIND", "PY_THROW",
             "EXCEPTION_HANDLED", "C_RETURN", "RERAISE", "BRANCH_LEFT", "BRANCH_RIGHT"):
    if hasattr(events, name):
        monitoring.register_callback(TOOL, getattr(events, name), callback)

many = events.LINE | events.CALL | events.JUMP | events.PY_RETURN | events.PY_START
for warm in (0, 50):
    rests_at(events.PY_START, 1, warm)
    rests_at(events.PY_RETURN, 1, warm)
    rests_at(events.JUMP, 2, warm)
    for nth in range(1, 16, 2):
        rests_at(events.LINE, nth, warm)
        rests_at(events.CALL, 1 + nth % 3, warm)
        rests_at(many, nth, warm)
    for nth in range(1, 60, 7):
        rests_at(events.INSTRUCTION, nth, warm)
        rests_at(events.INSTRUCTION, nth, warm, more=many)
    for local in (events.LINE, events.INSTRUCTION, events.LINE | events.INSTRUCTION, many,
                  many | events.INSTRUCTION, events.CALL):
        beside(local, warm)
left.clear()
monitoring.set_events(TOOL, events.RAISE | events.PY_UNWIND)
park()
