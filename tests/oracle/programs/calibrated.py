"""Instructions whose duration the program knows, from a few ns to a millisecond.

For each duration there are two functions, alike but for one step: `probe_…` takes the step and then
cheap instructions for about as long, `base_…` the cheap instructions alone. What the step takes is
the difference of the two, by the thread's own clock, measured over and over in turns while the
program is looked at, so that what slows the machine slows both. The step's true share of `probe_…`
is that difference, over the whole. And the step consists of exactly the instructions in which the
two differ, so that none has to be taken for free:

    load      LOAD_FAST, POP_TOP: what the cheap instructions are, too
    is        two loads, IS_OP (COMPARE_OP up to 3.8), POP_TOP
    negate    LOAD_FAST, UNARY_NEGATIVE, POP_TOP; the result is a small integer
    modulo    two loads, BINARY_OP (BINARY_MODULO) of integers of chosen size, POP_TOP
    repeat    two loads, BINARY_OP (BINARY_MULTIPLY) that makes a list of chosen length, POP_TOP
              that frees it
    reverse   a call of a C function without arguments, which goes through a list of chosen length
    power     the same, of one that computes

Argument: the steps and what they should take, in ns: negate:10,modulo:100,…
An empty line in: what was measured since the last one out, as JSON.
"""

import dis
import functools
import gc

clock = time.thread_time_ns

BLOCK_NS = 1000000  # that one call of a function should take: several looks at 10,000 a second
TURN_NS = 3000000  # that one duration has before the next has its turn
WARM_ROUNDS, WARM_NS = 60, 20000000  # the instructions are specialised after these
PRIME = (1 << 61) - 1
SMALL = -7, None


def modulo_operands(size):
    """Integers of `size` digits in all; the remainder is 1, which is never allocated."""
    b = (1 << 30 * (size // 2) + 3) - 1
    return b * ((1 << 30 * (size - size // 2) + 3) - 1) + 1, b


STEPS = {  # name: statement, what makes a and b of a size
    "load": ("a", None),
    "is": ("a is b", None),
    "negate": ("-a", None),
    "modulo": ("a % b", modulo_operands),
    "repeat": ("a * b", lambda size: ([None], size)),
    "reverse": ("a()", lambda size: (([None] * size + [0]).reverse, None)),
    "power": ("a()", lambda size: (functools.partial(pow, 3, PRIME - 1 << size, PRIME), None)),
}


def make_function(name, body):
    space = {}
    head = ["def {}(times, inner, a, b, c):".format(name), "  for _ in times:"]
    exec("\n".join(head + ["    " + line for line in body]), space)
    return space[name]


FIRST_LINE = 3  # of a function's body


def run(function, arguments):
    start = clock()
    function(*arguments)
    return clock() - start


def median(values):
    return sorted(values)[len(values) // 2]


def time_loop(body, times, a, b):
    """What `body` takes in a loop, in ns; roughly."""
    function = make_function("loop", body)
    run(function, ((None,) * 60, (), a, b, None))
    return median([run(function, ((None,) * times, (), a, b, None)) for _ in range(5)]) / times


def cheap_ns():
    """LOAD_FAST, POP_TOP: what steps are taken in turns with."""
    return (time_loop(["c"] * 21, 500, 0, 0) - time_loop(["c"], 500, 0, 0)) / 20


def find_size(statement, operands, wanted_ns):
    """The size by which the step takes about as long as wanted."""
    times = max(3, int(100000 / wanted_ns))
    idle = time_loop(["pass"], times, 0, 0)

    def takes(size):
        return time_loop([statement], times, *operands(size)) - idle

    low, high = 1, 2
    while high < 1 << 21 and takes(high) < wanted_ns:
        low, high = high, high * 2
    while high - low > max(1, high >> 5):
        middle = (low + high) // 2
        if takes(middle) < wanted_ns:
            low = middle
        else:
            high = middle
    return high


def bytecode_range(function):
    """Where the interpreter reads the function's instructions: address, bytes."""
    code = function.__code__
    if sys.version_info >= (3, 11):  # they are the variable part of the code object
        return id(code) + type(code).__basicsize__, len(code.co_code)
    return id(code.co_code) + bytes.__basicsize__ - 1, len(code.co_code)


class Duration:
    """A probe and its base."""

    def __init__(self, step_name, wanted_ns, cheap_ns):
        self.step_name, self.wanted_ns = step_name, wanted_ns
        statement, operands = STEPS[step_name]
        values = SMALL
        if operands:
            values = operands(find_size(statement, operands, wanted_ns))
        cheap = max(1, round(wanted_ns / cheap_ns))
        if cheap <= 40:
            self.copies, filler, loops = max(1, 60 // cheap), "; ".join(["c"] * cheap), 0
        else:
            self.copies, filler, loops = 1, "for _ in inner: " + "; ".join(["c"] * 20), cheap // 20
        name = "{}_{}".format(step_name, wanted_ns)
        self.probe = make_function("probe_" + name, [statement, filler] * self.copies)
        self.base = make_function("base_" + name, [filler] * self.copies)
        self.rest = ((None,) * loops,) + values + (None,)
        self.times = (None,)
        self.warm_up()
        block_ns = median([run(self.probe, (self.times,) + self.rest) for _ in range(9)])
        self.times = (None,) * max(1, round(BLOCK_NS / block_ns))
        self.forget()

    def warm_up(self):
        until = clock() + WARM_NS
        for _ in range(WARM_ROUNDS):
            run(self.probe, (self.times,) + self.rest)
            run(self.base, (self.times,) + self.rest)
            if clock() > until:
                break

    def forget(self):
        self.measured = []  # probe and base, in ns

    def measure(self):
        """Both once; without what calling them and reading the clock takes."""
        idle = run(self.base, ((),) + self.rest)
        probe = run(self.probe, (self.times,) + self.rest) - idle
        base = run(self.base, (self.times,) + self.rest) - idle
        self.measured.append((probe, base))
        return probe + base

    def take_turn(self):
        left = TURN_NS
        while left > 0:
            left -= self.measure()

    def step_offsets(self):
        """The instructions on the steps' lines: the first of the body, and each second from there."""
        starts = dict(dis.findlinestarts(self.probe.__code__))
        line, offsets = None, []
        for instruction in dis.get_instructions(self.probe):
            line = starts.get(instruction.offset, line)
            if line in range(FIRST_LINE, FIRST_LINE + 2 * self.copies, 2):
                offsets.append(instruction.offset)
        return offsets

    def describe(self):
        return {
            "step": self.step_name,
            "wanted_ns": self.wanted_ns,
            "function": self.probe.__name__,
            "offsets": self.step_offsets(),
            "bytecode": bytecode_range(self.probe),
        }

    def result(self):
        """The step's duration, its share, and the share's standard error.

        Sums, not medians: each look costs the thread some time, and what it costs a block is chance.
        But a guest's host may take it the CPU for milliseconds, in which its clock runs on and nobody
        looks: pairs with so much more than is usual are left out.
        """
        limits = [1.5 * median(column) for column in zip(*self.measured)]
        pairs = [pair for pair in self.measured if pair[0] < limits[0] and pair[1] < limits[1]]
        if not pairs:
            return None
        probe = sum(pair[0] for pair in pairs)
        base = sum(pair[1] for pair in pairs)
        share = (probe - base) / probe
        off = [p - b - share * p for p, b in pairs]
        return {
            "ns": (probe - base) / len(pairs) / len(self.times) / self.copies,
            "share": share,
            "error": sum(x * x for x in off) ** 0.5 / probe,
            "pairs": len(pairs),
        }


def main():
    gc.disable()
    cheap = cheap_ns()
    wanted = [word.split(":") for word in sys.argv[1].split(",")]
    durations = [Duration(name, int(ns), cheap) for name, ns in wanted]
    announce(cheap_ns=cheap, durations=[duration.describe() for duration in durations])
    while True:
        for duration in durations:
            duration.take_turn()
        if has_line():
            announce(durations=[duration.result() for duration in durations])
            for duration in durations:
                duration.forget()


main()
