"""What a profiler costs: its own CPU time, at each rate, with few and many threads to look at."""

import time

from limits import RATES, look_ns, wake_ns
from profilers import Refused, Run, ours
from tables import at_most, show, times

WANTED_US = 2.0  # of CPU a sample at depth 8, above the bare wake-ups of the same run
THREADS = (1, 100, 1000)
# The second is what the first is where the kernel lets nobody look in its interrupts.
ON_ITS_CPU = ("heavyops cpu", "heavyops wakeup")


class Cost:
    def __init__(self, percent, samples_hz, looks_hz):
        self.percent, self.samples_hz, self.looks_hz = percent, samples_hz, looks_hz

    def above_us(self, wake):
        """CPU a look that a bare wake-up does not explain, in microseconds."""
        return (self.percent * 1e7 / self.looks_hz - wake) / 1e3


def measure(profiler, work, rate, seconds, threads):
    with Run(profiler, work.pid, rate, all_threads=threads > 1) as run:
        run.settle()
        start_ns, start_cpu_ns = time.monotonic_ns(), run.cpu_ns()
        run.wait(seconds)
        ns, cpu_ns = time.monotonic_ns() - start_ns, run.cpu_ns() - start_cpu_ns
        found = run.finish()
    looks = found.samples + found.failed if found.ticks is None else found.ticks
    if profiler.counts_all:
        looks /= threads
    if not looks:
        raise Refused("no sample in %.0f s" % found.seconds)
    return Cost(100 * cpu_ns / ns, found.samples / found.seconds, looks / found.seconds)


def row(bench, profiler, work, rate, threads, seconds, wakes):
    wake = wakes["busy" if profiler.name in ON_ITS_CPU else "idle"]
    try:
        cost = measure(profiler, work, rate, seconds, threads)
    except Refused as refused:
        return [profiler.name, threads, "–", "–", "–", "–", str(refused)[:40]]
    above = cost.above_us(wake)
    is_ours = profiler.name.startswith("heavyops")
    if is_ours and threads == 1:
        bench.remember("%s, %d Hz: CPU a sample above bare wake-ups" % (profiler.name, rate),
                       "%.2f µs" % above, "≤ %.0f µs" % WANTED_US, at_most(above, WANTED_US))
        if profiler.name == "heavyops wakeup" and wakes["look"]:
            bench.remember("  the one call that reads six places, alone", "%.2f µs" % (
                (wakes["look"] - wake) / 1e3), "", "the limit")
    return [profiler.name, threads, "%.0f" % cost.samples_hz, "%.2f %%" % cost.percent,
            times(cost.percent * 1e7, wake * cost.looks_hz), "%.2f µs" % above,
            at_most(above, WANTED_US) if is_ours and threads == 1 else ""]


def run(bench):
    seconds = bench.seconds(3, 0.7)
    rates = RATES if not bench.quick else (1000,)
    all_ours = bench.ours[:1] + ours(ways=("wakeup",)) + bench.ours[1:]
    wakes = {rate: {} for rate in rates}
    rows = {rate: [] for rate in rates}
    for threads in THREADS:
        for profilers, minor in ((all_ours + bench.peers_of(None), bench.main),
                                 (bench.peers_of("3.15"), bench.newest)):
            if not profilers or not minor or (bench.quick and minor != bench.main and threads > 1):
                continue
            with bench.work(python=minor, threads=threads) as work:
                for rate in rates:
                    if not wakes[rate]:
                        wakes[rate] = {"busy": wake_ns(rate, seconds, bench.cpu),
                                       "look": look_ns(rate, seconds, bench.cpu, work.pid),
                                       "idle": wake_ns(rate, seconds)}
                    for profiler in profilers:
                        # With many threads, others are measured at one rate: it takes its time.
                        if profiler in all_ours or threads == 1 or (
                                rate == 1000 and not bench.quick):
                            rows[rate].append(row(bench, profiler, work, rate, threads, seconds,
                                                  wakes[rate]))
    for rate in rates:
        show("COST at %d Hz, depth 8, one thread works and the others sleep "
             "(a bare wake-up: %.1f µs on the target's CPU, %.1f µs elsewhere)" % (
                 rate, wakes[rate]["busy"] / 1e3, wakes[rate]["idle"] / 1e3),
             ["", "threads", "samples/s", "CPU", "to bare wake-ups", "above them, a look",
              "≤ %.0f µs" % WANTED_US], rows[rate])
