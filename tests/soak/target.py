"""A program that checks itself while it is looked at: it counts, in four threads; its memory has a
checksum; it counts the signals it gets. To each line it is sent it answers with a line of JSON.
"""

import json
import signal
import sys
import threading
import time
import zlib

MEMORY = bytes(range(256)) * 4096
CHECKSUM = zlib.crc32(MEMORY)

counts = {"main": 0, "worker": 0, "sleeper": 0, "answers": 0}
signals = 0
errors = []


def count_signal(*_):
    global signals
    signals += 1


def step(n):
    return [n, n * 3 + 1 & 0xFF][1]


def work(name):
    n = 1
    while True:
        for _ in range(100):
            n = step(n)
        counts[name] += 1


def sleep():
    while True:
        before = time.monotonic()
        time.sleep(0.002)
        if time.monotonic() - before < 0.002:
            errors.append("a sleep was too short")
        counts["sleeper"] += 1


def answer():
    for _ in sys.stdin:
        if zlib.crc32(MEMORY) != CHECKSUM:
            errors.append("memory has changed")
        counts["answers"] += 1
        print(json.dumps({"counts": counts, "signals": signals, "errors": errors}), flush=True)


signal.signal(signal.SIGUSR1, count_signal)
for body, arguments in ((work, ("worker",)), (sleep, ()), (answer, ())):
    threading.Thread(target=body, args=arguments, daemon=True).start()
print("ready", flush=True)
work("main")
