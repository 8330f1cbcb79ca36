"""Steps of which the program knows how long they take, from a few ns to a millisecond.

For each duration there are two functions of the same instructions: a step, then cheap instructions
for about as long, over and over. `probe_…` is called with operands that make the step take so long,
`base_…` with the smallest. The difference of the two, by the thread's own clock, is the step's work;
it is measured in turns while the program is looked at, so that what slows the machine slows both.
(A base without the step would not do: after a step the processor predicts the cheap instructions'
branches worse, so they take some percent longer. The smallest step has that effect as well.)

    modulo    two loads, BINARY_OP (BINARY_MODULO) of integers of chosen size, POP_TOP
    repeat    two loads, BINARY_OP (BINARY_MULTIPLY) that makes a list of chosen length, POP_TOP
              that frees it
    reverse   a call of a C function without arguments, which goes through a list of chosen length
    power     the same, of one that computes

The cheapest instructions have no size. Their base is without them, and what was said holds:

    load      LOAD_FAST, POP_TOP: what the cheap instructions are, too
    is        two loads, IS_OP (COMPARE_OP up to 3.8), POP_TOP
    negate    LOAD_FAST, UNARY_NEGATIVE, POP_TOP; the result is a small integer

Argument: the steps and what they should take, in ns: negate:10,modulo:100,…
An empty line in: what was measured since the last one out, as JSON.
"""

import dis
import functools
import gc

clock = time.thread_time_ns

BLOCK_NS = 1000000  # that one call of a function should take: several looks at 10,000 a second
TURN_NS = 6000000  # that one duration has before the next has its turn
STOLEN_NS = 500000  # more than usual by so much: the host took the CPU
WARM_ROUNDS, WARM_NS = 60, 20000000  # the instructions are specialised after these
SMALL = 3, None


def modulo_operands(size):
    """Integers of about `size` digits in all, more than one each, for which there is another way.
    The remainder is 1, which is never allocated."""
    size += 3
    b = (1 << 30 * (size // 2) + 3) - 1
    return b * ((1 << 30 * (size - size // 2) + 3) - 1) + 1, b


def power_operands(size):
    """By Fermat's theorem the result is 1."""
    return functools.partial(pow, 3, 256 << size, 257), None


STEPS = {  # name: statement, what makes a and b of a size, from 1 on
    "load": ("a", None),
    "is": ("a is b", None),
    "negate": ("-a", None),
    "modulo": ("a % b", modulo_operands),
    "repeat": ("a * b", lambda size: ([None], size)),
    "reverse": ("a()", lambda size: (([None] * (size - 1) + [0]).reverse, None)),
    "power": ("a()", power_operands),
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
    """The size by which the step takes about as much longer than the smallest as wanted."""
    times = max(3, int(100000 / wanted_ns))
    smallest = time_loop([statement], times, *operands(1))

    def takes(size):
        return time_loop([statement], times, *operands(size)) - smallest

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


class Duration:
    """A probe and its base."""

    def __init__(self, step_name, wanted_ns, cheap_ns):
        self.step_name, self.wanted_ns = step_name, wanted_ns
        statement, operands = STEPS[step_name]
        cheap = max(1, round(wanted_ns / cheap_ns))
        if cheap <= 40:
            self.copies, filler, loops = max(1, 60 // cheap), "; ".join(["c"] * cheap), 0
        else:
            self.copies, filler, loops = 1, "for _ in inner: " + "; ".join(["c"] * 20), cheap // 20
        name = "{}_{}".format(step_name, wanted_ns)
        body = [statement, filler] * self.copies
        self.has_size = operands is not None
        self.probe = make_function("probe_" + name, body)
        self.base = make_function("base_" + name, body if operands else [filler] * self.copies)
        inner = (None,) * loops
        if operands:
            size = find_size(statement, operands, wanted_ns)
            self.rest = {self.probe: (inner,) + operands(size) + (None,)}
            self.rest[self.base] = (inner,) + operands(1) + (None,)
        else:
            self.rest = dict.fromkeys((self.probe, self.base), (inner,) + SMALL + (None,))
        self.times = (None,)
        self.warm_up()
        block_ns = median([self.run(self.probe, self.times) for _ in range(9)])
        self.times = (None,) * max(1, round(BLOCK_NS / block_ns))
        self.order = [self.probe, self.base]
        self.forget()

    def run(self, function, times):
        return run(function, (times,) + self.rest[function])

    def warm_up(self):
        until = clock() + WARM_NS
        for _ in range(WARM_ROUNDS):
            self.run(self.probe, self.times)
            self.run(self.base, self.times)
            if clock() > until:
                break

    def forget(self):
        self.measured = []  # probe and base, in ns

    def measure(self, first, second):
        """Both once; without what calling them and reading the clock takes."""
        idle = self.run(self.base, ())
        took = {first: self.run(first, self.times) - idle}
        took[second] = self.run(second, self.times) - idle
        self.measured.append((took[self.probe], took[self.base]))
        return sum(took.values())

    def take_turn(self):
        """Now one is first, now the other: whichever it is finds the caches cold."""
        left = TURN_NS
        while left > 0:
            self.order.reverse()
            left -= self.measure(*self.order)
        self.order.reverse()

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
            "probe": self.probe.__name__,
            "base": self.base.__name__,
            "offsets": self.step_offsets(),
            "base_offsets": self.step_offsets() if self.has_size else [],
        }

    def result(self):
        """What the step's work takes, its share of the probe, the share's standard error; and what
        the base takes of what the probe takes.

        Sums, not medians: each look costs the thread some time, and what it costs a block is chance.
        But a host may take the CPU from its guest for milliseconds, in which the guest's clock runs on
        and nobody looks: pairs in which it did are left out.
        """
        limits = [median(column) + STOLEN_NS for column in zip(*self.measured)]
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
            "base": base / probe,
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
