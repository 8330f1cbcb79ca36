"""A loop of instructions that take a few ns each, the commonest ones, each one known by its offset.

Says where the loop's bytecode is in memory, so that registers that point into it can be told.
"""

import dis
import gc


class Slots:
    __slots__ = "slot", "other"


def cheap(times, a, one, items, slots):
    """Each kind of instruction more than once, with other neighbours: that tells it by registers."""
    for _ in times:
        b = a
        c = a + b
        if a < c:
            d = c - one
        e = slots.slot
        f = items[0]
        not f
        -a
        e is b
        pair = b, c
        b, c = pair
        slots.slot = d
        d + slots.slot
        -one
        if d:
            items[1]
        e = a is c
        not slots.slot
        slots.other = one
        f = c - one
        e, f = f, e


def bytecode(code):
    """Where the interpreter reads a code object's instructions."""
    if sys.version_info >= (3, 11):  # they are the variable part of the code object
        return id(code) + type(code).__basicsize__
    return id(code.co_code) + bytes.__basicsize__ - 1


def main():
    gc.disable()
    slots = Slots()
    slots.slot = 3
    arguments = (None,) * 1000, 3, 1, [True, False], slots
    for _ in range(20):
        cheap(*arguments)
    code = cheap.__code__
    instructions = list(dis.get_instructions(code))
    announce(
        function="cheap",
        start=bytecode(code),
        bytes=len(code.co_code),
        offsets=[i.offset for i in instructions],
        names=[i.opname for i in instructions],
        top=next(i.offset for i in instructions if i.opname == "FOR_ITER"),
        jump=next(i.offset for i in instructions if i.opname.startswith("JUMP_")),
    )
    while not has_line():
        for _ in range(100):
            cheap(*arguments)


main()
