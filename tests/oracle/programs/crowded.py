"""Shares its only CPU with another process, which runs whenever it is woken by a write of this one.

Half of the time this one waits for the CPU then, and it stands where it lost it: most often at the end
of a system call, of another one than the write too: of one that asks the kernel for the thread's time,
which brings the scheduler's books up to date. How long it waits there is no time that it spends there. Its own clock tells that, by what the call and the rest take most often, when the other process
does not run in between.
"""


def loop(n):
    x = 1
    for _ in range(n):  # part rest
        for _ in range(200):  # part rest
            x = x * 3 + 1 & 0xffff  # part rest
        os.write(WAKE, b"x")
        for _ in range(200):  # part rest
            x = x * 3 + 1 & 0xffff  # part rest
        time.thread_time_ns()  # part call


def clocked_loop(n, calls_ns, rests_ns, nothings_ns):
    clock = time.perf_counter_ns
    x = 1
    for _ in range(n):
        begin_ns = clock()
        for _ in range(200):
            x = x * 3 + 1 & 0xffff
        end_ns = clock()
        os.write(WAKE, b"x")
        for _ in range(200):
            x = x * 3 + 1 & 0xffff
        before_ns = clock()
        time.thread_time_ns()
        after_ns = clock()
        then_ns = clock()
        rests_ns.append(2 * (end_ns - begin_ns))
        calls_ns.append(after_ns - before_ns)
        nothings_ns.append(then_ns - after_ns)


def measure():
    """What the call and the rest of a turn take, in ns."""
    calls_ns, rests_ns, nothings_ns = [], [], []
    for _ in range(50):
        loop(TURNS)
        clocked_loop(1, calls_ns, rests_ns, nothings_ns)
    nothing_ns = statistics.median(nothings_ns)
    return statistics.median(calls_ns) - nothing_ns, statistics.median(rests_ns) - 2 * nothing_ns


def main():
    calls_ns = rests_ns = 0
    is_measured = False
    while True:
        if has_line():
            if is_measured:
                break
            is_measured = True
            calls_ns = rests_ns = 0
        call_ns, rest_ns = measure()
        calls_ns += call_ns
        rests_ns += rest_ns
    announce(clock={"call": calls_ns, "rest": rests_ns})


def other():
    """Runs for about as long as half a turn takes, whenever it is woken."""
    os.close(WAKE)
    while os.read(WOKEN, 4096):
        for _ in range(800):
            pass
    os._exit(0)


TURNS = 10
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
WOKEN, WAKE = os.pipe()
if not os.fork():
    other()
os.close(WOKEN)
announce(
    outermost=["<module>"],
    calls={
        "<module>": ["main"],
        "main": ["has_line", "measure", "announce"],
        "measure": ["loop", "clocked_loop", "statistics.py:median"],
    },
    deepest=4,
    shares=[{"by": "line", "parts": {"call": None, "rest": None}, "points": 1}],
)
main()
os.read(0, 1)
