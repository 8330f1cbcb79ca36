"""A loop of some two microseconds with one system call in its middle, the same work before and after.

Its own clock tells the call's share. Not by leaving the call out: what is left then runs faster, all
of it, by a twentieth. The clock is read just before and just behind the call, in a second loop that
takes turns with the first; and once more, for what reading it costs. Medians of some ten milliseconds
each: an interrupt, a look, and what a host takes, is in few of the times and is not in them.

What follows a system call runs a little slower (the kernel has used the CPU's caches and predictors).
The clock takes the first of that for the call's; and the half behind it is a little the longer one.
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


def clocked_loop(n, calls_ns, nothings_ns):
    clock = time.perf_counter_ns
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
        before_ns = clock()
        os.getppid()
        after_ns = clock()
        then_ns = clock()
        calls_ns.append(after_ns - before_ns)
        nothings_ns.append(then_ns - after_ns)
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


def measure():
    """What one turn of the loop takes, and what the call takes of it, in ns."""
    turns_ns, calls_ns, nothings_ns = [], [], []
    for _ in range(300):
        start_ns = time.perf_counter_ns()
        loop(TURNS)
        turns_ns.append((time.perf_counter_ns() - start_ns) / TURNS)
        clocked_loop(1, calls_ns, nothings_ns)
    call_ns = statistics.median(calls_ns) - statistics.median(nothings_ns)
    return statistics.median(turns_ns), call_ns


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
announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["has_line", "measure", "announce"],
        "measure": ["loop", "clocked_loop", "statistics.py:median"],
    },
    deepest=4,
    shares=[
        {"by": "line", "parts": {"call": None, "rest": None}, "points": 1},
        {"by": "line", "parts": {"before": 1, "after": 1}, "nearly": True},
    ],
)
main()
os.read(0, 1)
