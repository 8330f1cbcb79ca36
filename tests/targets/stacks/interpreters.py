"""Sub-interpreters: with a GIL of their own (3.12+) and without, in threads of the main one."""

import sys

from truth import SOURCE, TOLD, await_park, park, start, tell_of

if sys.version_info >= (3, 13):
    import _interpreters as interpreters
else:
    import _xxsubinterpreters as interpreters

BODY = """
import threading
def down(depth):
    if depth:
        down(depth - 1)
    else:
        truth["park"]()
for _ in [1]:
    down(%d)
"""


def number(interpreter):
    return int(interpreter)


def text(interpreter, depth):
    return "truth = {'INTERPRETER': %d, 'TOLD': %r, 'SUB_INTERPRETER': 1, '__name__': 'truth'}\n" \
           "exec(compile(%r, 'truth.py', 'exec'), truth)\n%s" % (
               number(interpreter), TOLD, SOURCE, BODY % depth)


def inside(make, depth):
    """Up to 3.12 an interpreter's thread state says it is of the thread that made it."""
    interpreter = make()
    script = text(interpreter, depth)
    interpreters.run_string(interpreter, script)


def isolated():
    return interpreters.create()


def legacy():
    """One that shares the GIL, where others don't (3.12+)."""
    if sys.version_info >= (3, 13):
        return interpreters.create("legacy")
    if sys.version_info >= (3, 12):
        return interpreters.create(isolated=False)
    return interpreters.create()


def stage_inside(make, depth):
    thread = start(inside, make, depth)
    await_park()
    tell_of(thread, inside, "read")


for depth in (0, 3, 40):
    stage_inside(isolated, depth)
stage_inside(legacy, 5)
if sys.version_info >= (3, 13):
    ours = isolated()
    stage_inside(lambda: ours, 2)
start(park)
await_park()
park()
