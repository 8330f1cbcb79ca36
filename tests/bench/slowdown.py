"""How much a busy target is slowed by being looked at: by pairs of short rounds, with and without;
and how long it stands still for a single look, which is told also where others disturb."""

import contextlib
import os
import signal
import subprocess
import time

from limits import RATES, tool
from profilers import Refused, Run
from programs import Gaps, die_with_parent, rate as work_rate
from tables import at_most, median_interval, show, times

ROUND_S = 0.05        # of a profiler that can be stopped and continued
WHOLE_ROUND_S = 0.4   # of one that is started anew for each pair
DEFAULT_RATE = None   # whatever heavyops takes when none is asked for
WAKE_UP = "a bare wake-up on its CPU"


def state(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def stolen(cpu):
    """Ticks that the host took from that CPU since boot, 0 where it is no guest."""
    with open("/proc/stat", encoding="utf-8") as file:
        for line in file:
            if line.startswith("cpu%d " % cpu):
                return int(line.split()[8])
    return 0


def pace(work, seconds):
    """Units a nanosecond, by the target's own clock; None when the host took the CPU meanwhile."""
    start, start_stolen = work.read(), stolen(work.cpu)
    time.sleep(seconds)
    end = work.read()
    return work_rate(start, end) or None if stolen(work.cpu) == start_stolen else None


def pause(pid, target_pid, suspends_itself):
    """Stops a profiler, but not while it holds its target. SIGSTOP alone would leave interrupts on
    that go on without the profiler's process."""
    for _ in range(1000):
        os.kill(pid, signal.SIGTSTP if suspends_itself else signal.SIGSTOP)
        time.sleep(0.001)
        while suspends_itself and state(pid) not in "tT":
            time.sleep(0.001)
        if state(target_pid) not in "tT":
            return
        os.kill(pid, signal.SIGCONT)
    raise Refused("it holds its target all the time")


def slowed(rounds):
    """Of (without, with, …, without): each "with" against its neighbours' mean, in percent."""
    threes = [rounds[i - 1:i + 2] for i in range(1, len(rounds) - 1, 2)]
    left = [100 * (1 - 2 * looked_at / (before + after)) for before, looked_at, after in threes
            if before and looked_at and after]
    if len(left) < len(threes) / 4:
        raise Refused("the host took the CPU")
    return left


def by_pausing(pid, work, pairs, suspends_itself=False):
    pause(pid, work.pid, suspends_itself)
    rounds = [pace(work, ROUND_S)]
    for _ in range(pairs):
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)
        rounds.append(pace(work, ROUND_S))
        pause(pid, work.pid, suspends_itself)
        rounds.append(pace(work, ROUND_S))
    os.kill(pid, signal.SIGCONT)
    return slowed(rounds)


def by_starting(profiler, rate, work, pairs):
    rounds = [pace(work, WHOLE_ROUND_S)]
    for _ in range(pairs):
        with Run(profiler, work.pid, rate) as run:
            run.settle()
            rounds.append(pace(work, WHOLE_ROUND_S))
            run.check()
            run.process.send_signal(signal.SIGINT)
            run.process.wait(30)
        time.sleep(0.05)
        rounds.append(pace(work, WHOLE_ROUND_S))
    return slowed(rounds)


def of_profiler(profiler, rate, work, bench):
    if not profiler.pauses:
        return by_starting(profiler, rate, work, bench.count(8, 3))
    with Run(profiler, work.pid, rate) as run:
        run.settle()
        return by_pausing(run.pid, work, bench.count(100, 20), profiler.suspends_itself)


@contextlib.contextmanager
def waking_up(rate, cpu):
    """The pid of a process that does nothing but wake up on that CPU."""
    with subprocess.Popen(tool("limits", "wake", rate, 0, cpu),
                          preexec_fn=die_with_parent) as waker:
        time.sleep(0.05)
        yield waker.pid
        waker.kill()


def of_wake_up(rate, work, bench):
    with waking_up(rate, bench.cpu) as pid:
        return by_pausing(pid, work, bench.count(100, 20))


def judge(bench, found, default_hz):
    """`found`: (median, low, high) by (name, rate)."""
    for rate in RATES:
        ours = found.get(("heavyops cpu", rate))
        for other, limit in ((WAKE_UP, 1.2), ("py-spy", 0.33)):
            # What can't be told from nothing is not divided by.
            if ours and found.get((other, rate), (0, 0, 0))[1] > 0:
                ratio = ours[0] / found[other, rate][0]
                bench.remember("slowed by heavyops cpu, to %s, %d Hz" % (other, rate),
                               "%.2f ×" % ratio, "≤ %s ×" % limit, at_most(ratio, limit))
    for key, what, limit in ((("heavyops cpu", DEFAULT_RATE),
                              "slowed at the default rate (%s Hz)" % default_hz, 0.5),
                             (("heavyops live", 1000), "slowed by live, 1000 Hz", 0.1),
                             (("heavyops live", 10000), "slowed by live, 10000 Hz", 0.5)):
        if key in found:
            median, low, high = found[key]
            unsure = " (the interval holds both)" if low <= limit <= high else ""
            bench.remember(what, "%.2f %%" % median, "≤ %s %%" % limit,
                           at_most(median, limit) + unsure)


def by_rounds(bench):
    rates = RATES if not bench.quick else (1000,)
    found, cells, names = {}, {}, []

    def note(name, rate, measure):
        if name not in names:
            names.append(name)
        try:
            median, low, high = median_interval(measure())
        except (Refused, subprocess.TimeoutExpired) as refused:
            cells[name, rate] = str(refused)[:60]
            return
        found[name, rate] = median, low, high
        cells[name, rate] = "%.2f [%.2f, %.2f]" % (median, low, high)

    for profilers, python, is_first in ((bench.ours + bench.peers_of(None), bench.main, True),
                                        (bench.peers_of("3.15"), bench.newest, False)):
        if not profilers or not python:
            continue
        with bench.work(python=python, first=True) as work:
            for rate in rates:
                if is_first:
                    note(WAKE_UP, rate, lambda: of_wake_up(rate, work, bench))
                for profiler in profilers:
                    note(profiler.name, rate, lambda: of_profiler(profiler, rate, work, bench))
            if is_first:
                note("heavyops cpu", DEFAULT_RATE,
                     lambda: of_profiler(bench.ours[0], DEFAULT_RATE, work, bench))
    show("SLOWDOWN of a busy target, percent of its work by its own clock: median, 95 % interval",
         [""] + ["%d Hz" % rate for rate in rates] + ["default rate"],
         [[name] + [cells.get((name, rate), "") for rate in rates + (DEFAULT_RATE,)]
          for name in names],
         "rounds in which the host took the CPU are left out; the target goes before other "
         "programs, where it may")
    judge(bench, found, bench.default_rate())


def hold_of(profiler, rate, gaps, seconds):
    """Nanoseconds that one look takes from the target; None where that is nothing to be seen."""
    with Run(profiler, gaps.pid, rate) as run:
        run.settle()
        # A tenth less than the looks of that time: some are missed.
        held = gaps.longest(0.9 * rate * seconds, seconds)
        run.check()
    return held


def by_gaps(bench):
    seconds = bench.seconds(2, 1)
    rates = RATES if not bench.quick else (1000,)
    rows, at = {}, {}

    def note(name, rate, held):
        at[name, rate] = held
        wake = at.get((WAKE_UP, rate))
        rows.setdefault(name, []).append("–" if held is None else "%.1f µs, %s" % (
            held / 1e3, times(held, wake)))

    for profilers, python in ((bench.ours + bench.peers_of(None), bench.main),
                              (bench.peers_of("3.15"), bench.newest)):
        if not profilers or not python:
            continue
        with Gaps(python, cpu=bench.cpu) as gaps:
            for rate in rates:
                if (WAKE_UP, rate) not in at:
                    with waking_up(rate, bench.cpu):
                        note(WAKE_UP, rate, gaps.longest(0.9 * rate * seconds, seconds))
                for profiler in profilers:
                    if not profiler.holds:
                        continue
                    try:
                        note(profiler.name, rate, hold_of(profiler, rate, gaps, seconds))
                    except Refused as refused:
                        rows.setdefault(profiler.name, []).append(str(refused)[:40])
    show("HELD UP: how long a busy target stands still for one look, median; to a bare wake-up",
         [""] + ["%d Hz" % rate for rate in rates], [[name] + row for name, row in rows.items()],
         "the median of its longest gaps, as many as there are looks; who does not hold it is left "
         "out")
    for rate in rates:
        ours, wake = at.get(("heavyops cpu", rate)), at.get((WAKE_UP, rate))
        if ours and wake:
            bench.remember("held up by a look of heavyops cpu, to a bare wake-up, %d Hz" % rate,
                           times(ours, wake), "≤ 1.2 ×", at_most(ours / wake, 1.2))


def run(bench):
    by_rounds(bench)
    by_gaps(bench)
