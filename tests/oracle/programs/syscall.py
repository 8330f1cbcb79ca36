"""A loop of some two microseconds with one system call in its middle, the same work before and after.

Its own clock tells the call's share: by what the loop takes with another call, at its end, more than
with one. Not by leaving the call out: what is left then runs faster, all of it, by a twentieth, for the
kernel has not used the CPU's caches and predictors. Nor by reading the clock before and behind the
call: the instructions that read it behind run slower for the same reason, and are taken for the
call's. Nor with two calls in a row, of which the second finds the kernel's ways warm: where the kernel
has much to clear at its doors, it takes a good deal less than one alone.
Medians of times of some ten microseconds each: an interrupt, a look, and what a host takes,
is in few of them and is not in the medians. And of many copies of both loops: how fast one is depends
on where its bytecode lies, by a few hundredths, which is a good part of a call.

What follows a system call runs a little slower, so that the half behind it is a little the longer
one.
"""


def loop(n):
    x = 1
    for _ in range(n):  # part rest
        x = x * 3 + 1 & 0xffff  # part rest before
        x = x * 5 + 2 & 0xffff  # part rest before
        x = x * 7 + 3 & 0xffff  # part rest before
        x = x * 3 + 4 & 0xffff  # part rest before
        x = x * 5 + 5 & 0xffff  # part rest before
        x = x * 7 + 6 & 0xffff  # part rest before
        x = x * 3 + 7 & 0xffff  # part rest before
        x = x * 5 + 8 & 0xffff  # part rest before
        x = x * 7 + 9 & 0xffff  # part rest before
        x = x * 3 + 10 & 0xffff  # part rest before
        os.getppid()  # part call
        x = x * 3 + 1 & 0xffff  # part rest after
        x = x * 5 + 2 & 0xffff  # part rest after
        x = x * 7 + 3 & 0xffff  # part rest after
        x = x * 3 + 4 & 0xffff  # part rest after
        x = x * 5 + 5 & 0xffff  # part rest after
        x = x * 7 + 6 & 0xffff  # part rest after
        x = x * 3 + 7 & 0xffff  # part rest after
        x = x * 5 + 8 & 0xffff  # part rest after
        x = x * 7 + 9 & 0xffff  # part rest after
        x = x * 3 + 10 & 0xffff  # part rest after


def loop_of_two(n):
    x = 1
    for _ in range(n):
        x = x * 3 + 1 & 0xffff
        x = x * 5 + 2 & 0xffff
        x = x * 7 + 3 & 0xffff
        x = x * 3 + 4 & 0xffff
        x = x * 5 + 5 & 0xffff
        x = x * 7 + 6 & 0xffff
        x = x * 3 + 7 & 0xffff
        x = x * 5 + 8 & 0xffff
        x = x * 7 + 9 & 0xffff
        x = x * 3 + 10 & 0xffff
        os.getppid()
        x = x * 3 + 1 & 0xffff
        x = x * 5 + 2 & 0xffff
        x = x * 7 + 3 & 0xffff
        x = x * 3 + 4 & 0xffff
        x = x * 5 + 5 & 0xffff
        x = x * 7 + 6 & 0xffff
        x = x * 3 + 7 & 0xffff
        x = x * 5 + 8 & 0xffff
        x = x * 7 + 9 & 0xffff
        x = x * 3 + 10 & 0xffff
        os.getppid()


def time_of(turns):
    start_ns = time.perf_counter_ns()
    turns(TURNS)
    return (time.perf_counter_ns() - start_ns) / TURNS


def measure():
    """What one turn of the loop takes, and what the call takes of it, in ns."""
    turns_ns, calls_ns = [], []
    for one, two in zip(LOOPS, LOOPS_OF_TWO):
        ones_ns, twos_ns = [], []
        for _ in range(20):
            ones_ns += [time_of(one), time_of(one), time_of(one)]
            twos_ns.append(time_of(two))
        turns_ns.append(statistics.median(ones_ns))
        calls_ns.append(statistics.median(twos_ns) - turns_ns[-1])
    return sum(turns_ns) / len(turns_ns), statistics.median(calls_ns)


def copies(function):
    """The same elsewhere in memory."""
    return [type(function)(function.__code__.replace(), globals()) for _ in range(16)]


def main():
    total_ns = calls_ns = 0
    is_measured = False
    while True:
        if has_line():
            if is_measured:
                break
            is_measured = True
            total_ns = calls_ns = 0
        turn_ns, call_ns = measure()
        total_ns += turn_ns
        calls_ns += call_ns
    announce(clock={"call": calls_ns, "rest": total_ns - calls_ns})


TURNS = 10  # some ten microseconds: few are interrupted by a look
LOOPS, LOOPS_OF_TWO = copies(loop), copies(loop_of_two)
announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["has_line", "measure", "announce"],
        "measure": ["time_of", "statistics.py:median"],
        "time_of": ["loop", "loop_of_two"],
    },
    deepest=5,
    shares=[
        {"by": "line", "parts": {"call": None, "rest": None}, "points": 1},
        {"by": "line", "parts": {"before": 1, "after": 1}, "nearly": True},
    ],
)
main()
os.read(0, 1)
