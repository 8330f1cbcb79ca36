"""How long a busy target stands still for a look, and what part of its time that is: by the gaps in
which it reads no clock. That is told also where others make the whole CPU slower or faster."""

from limits import RATES
from pairs import DEFAULT_RATE, WAKE_UP, rounds_of, threes, waking_up
from profilers import Refused, Run, ours
from programs import Gaps
from tables import at_most, median_interval, show, times

ROUND_S = 0.1


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
        cpu, wake = at.get(("heavyops cpu", rate)), at.get((WAKE_UP, rate))
        if cpu and wake:
            bench.remember("held up by a look of heavyops cpu, to a bare wake-up, %d Hz" % rate,
                           times(cpu, wake), "≤ 1.2 ×", at_most(cpu / wake, 1.2))


def unsure(holds_both):
    return " (the interval holds both)" if holds_both else ""


def lost(rounds):
    """Percent of its time that is missing when it is looked at, and not otherwise."""
    return [100 * (looked_at - (before + after) / 2)
            for before, looked_at, after in threes(rounds)]


def by_part(bench):
    pairs = bench.count(60, 20)
    rates = (RATES if not bench.quick else (1000,)) + (DEFAULT_RATE,)
    found, cells = {}, {}

    def note(name, rate, gaps, pid, suspends_itself=False):
        rounds = rounds_of(pid, gaps.pid, pairs, lambda: gaps.part(ROUND_S), suspends_itself)
        found[name, rate] = median_interval(lost(rounds))
        cells[name, rate] = "%.2f [%.2f, %.2f]" % found[name, rate]

    mine = bench.ours[:1] + ours(ways=("wakeup",)) + bench.ours[1:]
    profilers = [profiler for profiler in mine + bench.peers_of(None) if profiler.pauses]
    with Gaps(bench.main, cpu=bench.cpu) as gaps:
        for rate in rates:
            if rate:
                with waking_up(rate, bench.cpu) as pid:
                    note(WAKE_UP, rate, gaps, pid)
            for profiler in profilers if rate else bench.ours[:1]:
                try:
                    with Run(profiler, gaps.pid, rate) as run:
                        run.settle()
                        note(profiler.name, rate, gaps, run.pid, profiler.suspends_itself)
                except Refused as refused:
                    cells[profiler.name, rate] = str(refused)[:40]
    names = [WAKE_UP] + [profiler.name for profiler in profilers]
    show("LOST by a busy target, percent of its time that is gone in gaps: median, 95 % interval",
         [""] + ["%d Hz" % rate if rate else "default rate" for rate in rates],
         [[name] + [cells.get((name, rate), "") for rate in rates] for name in names],
         "what is gone without the profiler too is taken off; of those only that can be stopped "
         "and continued")
    for rate in rates[:-1]:
        cpu, wake = found.get(("heavyops cpu", rate)), found.get((WAKE_UP, rate))
        if cpu and wake and wake[1] > 0:  # what can't be told from nothing is not divided by
            bench.remember("lost to heavyops cpu, to a bare wake-up, %d Hz" % rate,
                           times(cpu[0], wake[0]), "≤ 1.2 ×",
                           at_most(cpu[0] / wake[0], 1.2) + unsure(
                               cpu[1] / wake[2] <= 1.2 <= cpu[2] / wake[1]))
    for name, rate, what, limit in (
            ("heavyops cpu", DEFAULT_RATE, "lost at the default rate", 0.5),
            ("heavyops live", 1000, "lost by live, 1000 Hz", 0.1),
            ("heavyops live", 10000, "lost by live, 10000 Hz", 0.5)):
        if (name, rate) in found:
            median, low, high = found[name, rate]
            bench.remember(what, "%.2f %%" % median, "≤ %s %%" % limit,
                           at_most(median, limit) + unsure(low <= limit <= high))


def run(bench):
    by_part(bench)
    by_gaps(bench)
