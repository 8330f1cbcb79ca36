"""How much a busy target is slowed by being looked at: pairs of short rounds, with and without."""

import os
import signal
import subprocess
import time

from limits import RATES, tool
from profilers import Refused, Run
from programs import die_with_parent, rate as work_rate
from tables import at_most, median_interval, show

ROUND_S = 0.1         # of a profiler that can be stopped and continued
WHOLE_ROUND_S = 0.4   # of one that is started anew for each pair
DEFAULT_RATE = None   # whatever heavyops takes when none is asked for
WAKE_UP = "a bare wake-up on its CPU"


def state(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def pace(work, seconds):
    """Units a nanosecond, by the target's own clock."""
    start = work.read()
    time.sleep(seconds)
    return work_rate(start, work.read())


def pause(pid, target_pid):
    """Stops a profiler, but not while it holds its target."""
    for _ in range(1000):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.001)
        if state(target_pid) not in "tT":
            return
        os.kill(pid, signal.SIGCONT)
    raise Refused("it holds its target all the time")


def slowed(rounds):
    """Of (without, with, without, …): each "with" against the mean of its neighbours, in percent."""
    without = [(rounds[i - 1] + rounds[i + 1]) / 2 for i in range(1, len(rounds) - 1, 2)]
    if not all(without):
        raise Refused("others took the CPU")
    return [100 * (1 - looked_at / alone) for looked_at, alone in zip(rounds[1::2], without)]


def by_pausing(pid, work, pairs):
    pause(pid, work.pid)
    rounds = [pace(work, ROUND_S)]
    for _ in range(pairs):
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)
        rounds.append(pace(work, ROUND_S))
        pause(pid, work.pid)
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
        return by_starting(profiler, rate, work, bench.count(12, 5))
    with Run(profiler, work.pid, rate) as run:
        run.settle()
        return by_pausing(run.pid, work, bench.count(60, 20))


def of_wake_up(rate, work, bench):
    waker = subprocess.Popen(tool("limits", "wake", rate, 0, bench.cpu),
                             preexec_fn=die_with_parent)
    try:
        time.sleep(0.05)
        return by_pausing(waker.pid, work, bench.count(60, 20))
    finally:
        waker.kill()
        waker.wait()


def judge(bench, medians, default_hz):
    def remember(what, value, limit, unit):
        bench.remember(what, "%.2f%s" % (value, unit), "≤ %s%s" % (limit, unit),
                       at_most(value, limit))

    for rate in RATES:
        ours = medians.get(("heavyops cpu", rate))
        if ours is None:
            continue
        for other, limit in ((WAKE_UP, 1.2), ("py-spy", 0.33)):
            # Below a tenth of a percent it is noise that would be divided by.
            if medians.get((other, rate), 0) > 0.1:
                remember("slowed by heavyops cpu, to %s, %d Hz" % (other, rate),
                         ours / medians[other, rate], limit, " ×")
    for key, what, limit in ((("heavyops cpu", DEFAULT_RATE),
                              "slowed at the default rate (%s Hz)" % default_hz, 0.5),
                             (("heavyops live", 1000), "slowed by live, 1000 Hz", 0.1),
                             (("heavyops live", 10000), "slowed by live, 10000 Hz", 0.5)):
        if key in medians:
            remember(what, medians[key], limit, " %")


def run(bench):
    rates = RATES if not bench.quick else (1000,)
    medians, cells, names = {}, {}, []

    def note(name, rate, measure):
        if name not in names:
            names.append(name)
        try:
            median, low, high = median_interval(measure())
        except (Refused, subprocess.TimeoutExpired) as refused:
            cells[name, rate] = str(refused)[:60]
            return
        medians[name, rate] = median
        cells[name, rate] = "%.2f [%.2f, %.2f]" % (median, low, high)

    for profilers, python, is_first in ((bench.ours + bench.peers_of(None), bench.main, True),
                                        (bench.peers_of("3.15"), bench.newest, False)):
        if not profilers or not python:
            continue
        with bench.work(python=python) as work:
            for rate in rates:
                if is_first:
                    note(WAKE_UP, rate, lambda: of_wake_up(rate, work, bench))
                for profiler in profilers:
                    note(profiler.name, rate, lambda: of_profiler(profiler, rate, work, bench))
            if is_first:
                note("heavyops cpu", DEFAULT_RATE,
                     lambda: of_profiler(bench.ours[0], DEFAULT_RATE, work, bench))
    show("SLOWDOWN of a busy target, percent of its work by its own clock: median and 95 % interval",
         [""] + ["%d Hz" % rate for rate in rates] + ["default rate"],
         [[name] + [cells.get((name, rate), "") for rate in rates + (DEFAULT_RATE,)]
          for name in names])
    judge(bench, medians, bench.default_rate())
