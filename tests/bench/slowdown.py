"""How much a busy target is slowed by being looked at: by pairs of short rounds, with and without."""

import signal
import subprocess
import time

from limits import RATES
from pairs import DEFAULT_RATE, WAKE_UP, rounds_of, threes, waking_up
from profilers import Refused, Run
from programs import rate as work_rate
from tables import at_most, median_interval, show

ROUND_S = 0.05        # of a profiler that can be stopped and continued
WHOLE_ROUND_S = 0.4   # of one that is started anew for each pair


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


def slowed(rounds):
    """Of (without, with, …, without): each "with" against its neighbours' mean, in percent."""
    left = [100 * (1 - 2 * looked_at / (before + after))
            for before, looked_at, after in threes(rounds) if before and looked_at and after]
    if len(left) < (len(rounds) - 1) / 8:
        raise Refused("the host took the CPU")
    return left


def by_pausing(pid, work, bench, suspends_itself=False):
    return slowed(rounds_of(pid, work.pid, bench.count(100, 20), lambda: pace(work, ROUND_S),
                            suspends_itself))


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
        return by_pausing(run.pid, work, bench, profiler.suspends_itself)


def of_wake_up(rate, work, bench):
    with waking_up(rate, bench.cpu) as pid:
        return by_pausing(pid, work, bench)


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


def run(bench):
    by_rounds(bench)
