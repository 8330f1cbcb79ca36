"""How many whole stacks a second a profiler reads when it does nothing else, and how many fail."""

import time

from limits import reads_a_second, stack_bytes
from profilers import Refused, Run
from tables import at_least, show, times

DEPTHS = (3, 8, 50, 200, 900)
# To austin at each depth; and at depth 8 to the limit, or as many as this.
WANTED_TO_AUSTIN = {8: 5, 50: 6, 200: 8, 900: 8}
WANTED_TO_LIMIT, WANTED_HZ = 0.8, 1000000
WANTED_STOP_HZ = 20000
# A sample needs the thread state as well, which tells the innermost frame, and is elsewhere.
LIMIT = "the limit: one read of a stack's bytes"
NEEDED = "the limit: and of a word of its thread state"


def measure(profiler, work, seconds):
    with Run(profiler, work.pid, profiler.fastest_hz) as run:
        run.settle()
        run.wait(seconds)
        found = run.finish()
    return found.samples / found.seconds, found.failed / max(1, found.failed + found.samples)


def judge(bench, speeds):
    stops = speeds.get(("heavyops stop", 8))
    if stops:
        bench.remember("stops a second, depth 8", format(round(stops), ","), "≥ 20,000",
                       at_least(stops, WANTED_STOP_HZ))
    for depth in DEPTHS:
        ours = speeds.get(("heavyops live", depth))
        austin, needed = speeds.get(("austin", depth)), speeds[NEEDED, depth]
        if ours is None:
            continue
        if austin and depth in WANTED_TO_AUSTIN:
            wanted = WANTED_TO_AUSTIN[depth]
            bench.remember("live stacks a second, depth %d, to austin" % depth,
                           times(ours, austin), "≥ %d ×" % wanted, at_least(ours / austin, wanted))
        if depth == 8:
            verdict = "met" if ours >= WANTED_HZ else at_least(ours / needed, WANTED_TO_LIMIT)
            bench.remember("live stacks a second, depth 8, to the limit",
                           "%s, %s" % (format(round(ours), ","), times(ours, needed)),
                           "≥ 0.80 × or 1,000,000", verdict)


def run(bench):
    seconds, rounds = bench.seconds(1, 0.5), bench.count(2, 1)
    depths = DEPTHS if not bench.quick else (8, 200)
    speeds, cells, names = {}, {}, []

    def note(name, depth, speed, failed=None, of=None):
        """Of some rounds the fastest counts: whatever disturbs makes them slower."""
        if name not in names:
            names.append(name)
        if speed <= speeds.get((name, depth), 0):
            return
        speeds[name, depth] = speed
        cells[name, depth] = format(round(speed), ",") + (
            "" if failed is None else " %4.1f %%" % (100 * failed)) + (
            "" if of is None else " %6s" % times(speed, of))

    for profilers, python, is_first in ((bench.ours[1:] + bench.peers_of(None), bench.main, True),
                                        (bench.peers_of("3.15"), bench.newest, False)):
        if not profilers or not python:
            continue
        for depth in depths:
            with bench.work(python=python, depth=depth) as work:
                if is_first:
                    for name, elsewhere in ((LIMIT, 0), (NEEDED, 1)) * rounds:
                        note(name, depth,
                             reads_a_second(work.pid, stack_bytes(depth), elsewhere, seconds)[0])
                for profiler in profilers * rounds:
                    try:
                        note(profiler.name, depth, *measure(profiler, work, seconds),
                             of=speeds.get((LIMIT, depth)))
                    except Refused as refused:
                        names += [profiler.name] if profiler.name not in names else []
                        cells.setdefault((profiler.name, depth), str(refused)[:40])
    show("SPEED: whole stacks a second of one thread, as fast as it goes, in the better of two rounds; "
         "failed; to the first limit",
         [""] + ["depth %d" % depth for depth in depths],
         [[name] + [cells.get((name, depth), "") for depth in depths] for name in names],
         "heavyops reads opcodes too")
    judge(bench, {**{(NEEDED, depth): 1 for depth in DEPTHS}, **speeds})
