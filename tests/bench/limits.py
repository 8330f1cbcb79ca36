"""The limits of this machine, as tests/bench/limits.c measures them, without heavyops."""

import os
import subprocess

from programs import ROOT
from tables import show

TOOLS = os.environ.get("HOP_BENCH_TOOLS", os.path.join(ROOT, "build", "tests", "bench"))
RATES = (100, 1000, 10000)


def tool(name, *arguments):
    return [os.path.join(TOOLS, name)] + [str(argument) for argument in arguments]


def numbers(*words):
    """The names and numbers that limits prints."""
    out = subprocess.run(tool("limits", *words), check=True, text=True,
                         stdout=subprocess.PIPE).stdout.split()
    return dict(zip(out[::2], map(float, out[1::2])))


def wake_ns(rate_hz, seconds, cpu=-1):
    """CPU time of one wake-up of a thread that does nothing else."""
    found = numbers("wake", rate_hz, seconds, cpu)
    return found["cpu_ns"] / max(1, found["wakes"])


def look_ns(rate_hz, seconds, cpu, pid, places=6):
    """CPU time of one that also reads a stack of depth 8 with one call, at so many places, while
    the record of its switches proves it; None: perf events are not to be had."""
    try:
        found = numbers("look", rate_hz, seconds, cpu, pid, stack_bytes(8), places - 1)
    except subprocess.CalledProcessError:
        return None
    return found["cpu_ns"] / max(1, found["looks"])


def reads_a_second(pid, byte_count, spans, seconds):
    """By the faster of the two calls; and which it was."""
    found = numbers("read", pid, byte_count, spans, seconds)
    return max((rate, name) for name, rate in found.items())


def stack_bytes(depth):
    """About what the frames of a stack and its thread state take on 3.11 and later: each frame has
    its header (about 80 bytes), locals and operands (some words)."""
    return 256 + 120 * depth


def run(bench):
    seconds = bench.seconds(2, 0.7)
    cpu = bench.cpu
    rows = []
    with bench.work() as work:
        for rate in RATES:
            busy, idle = wake_ns(rate, seconds, cpu), wake_ns(rate, seconds)
            rows.append(["a wake-up, %d Hz, on the target's busy CPU" % rate,
                         "%.1f µs of CPU" % (busy / 1e3), "%.2f %%" % (busy * rate / 1e7)])
            rows.append(["a wake-up, %d Hz, on any CPU" % rate,
                         "%.1f µs of CPU" % (idle / 1e3), "%.2f %%" % (idle * rate / 1e7)])
            for places in (1, 6):
                look = look_ns(rate, seconds, cpu, work.pid, places)
                if look:
                    rows.append(["a proved look's call at %d place%s, %d Hz, there" % (
                        places, "s" if places > 1 else "", rate),
                                 "%.1f µs of CPU" % (look / 1e3),
                                 "%.1f µs above its wake-up" % ((look - busy) / 1e3)])
        for depth in (8, 200):
            each, name = reads_a_second(work.pid, stack_bytes(depth), 0, seconds)
            rows.append(["a read of the stack's bytes, depth %d (%s)" % (depth, name),
                         "%.2f µs" % (1e6 / each), ""])
    for rate in RATES:
        lost = numbers("preempt", rate, seconds, cpu)["median_ns"]
        rows.append(["a preemption of a busy thread, %d Hz" % rate,
                     "%.1f µs lost" % (lost / 1e3), "%.2f %%" % (lost * rate / 1e7)])
    show("LIMITS: the least that any sampler does, on this machine, now",
         ["", "each", "at that rate"], rows)
