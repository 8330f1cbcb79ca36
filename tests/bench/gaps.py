"""Reads the clock over and over at the bottom of a stack, and tells the gaps between readings.

    python gaps.py DEPTH

DEPTH frames, the module's among them. Says "ready"; for each line on its input, "SECONDS", writes a
JSON list of the nanoseconds of each gap in that time that is no loop's own. Runs on 3.8 to 3.15.
"""

import json
import sys
import time

OWN_NS = 1000  # a round of the loop takes a tenth of it


def watch(seconds):
    now, gaps = time.monotonic_ns, []
    last = now()
    end = last + int(seconds * 1e9)
    while last < end:
        at = now()
        if at - last > OWN_NS:
            gaps.append(at - last)
        last = at
    return gaps


def answer():
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(watch(float(line))), flush=True)


def down(frames):
    if frames > 1:
        down(frames - 1)
    else:
        answer()


down(int(sys.argv[-1]) - 3)
