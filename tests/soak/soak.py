#!/usr/bin/env python3
"""Kills heavyops at random instants, and lets it run for long; the target must not notice.

    tests/soak/soak.py [--kills N] [--seconds S] [--seed N] HEAVYOPS

For each way to look: N times heavyops attaches to a program and is killed (SIGKILL) at a random
instant of its first 30 ms. After each kill every thread of the program runs on, or sleeps as it did;
nobody traces it; it has the same threads; it counts on; a signal sent to it arrives, once; its
memory has its checksum. Then heavyops samples the program for S seconds in each way, and its own
memory must not grow: the largest in the last third is compared with that in the second one.

Prints what was done; fails (1) at the first thing that is not as it was.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WAYS = ("cpu", "live", "stop")
PATIENCE_S = 30  # on a busy machine, too; what takes longer hangs
KILL_WITHIN_S = 0.030
KILL_RATE = "20000"  # so that many kills fall into the midst of a look
LONG_RATE = "5000"
GROWTH_KIB = 256  # a page here or there; a leak of a byte a sample would be more


class Failed(Exception):
    pass


class Target:
    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "target.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid
        self.process.stdout.readline()
        self.signals = 0
        self.last = self.ask()
        self.threads = set(self.tasks())

    def tasks(self):
        return os.listdir(f"/proc/{self.pid}/task")

    def ask(self):
        """What it says of itself. One that was left stopped says nothing; alarm() ends the wait."""
        signal.alarm(PATIENCE_S)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        signal.alarm(0)
        return said

    def status(self, tid, name):
        with open(f"/proc/{self.pid}/task/{tid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return line.split()[1]
        raise Failed(f"thread {tid} has no {name}")

    def check(self):
        """Fails where it is not as it was before heavyops came."""
        if set(self.tasks()) != self.threads:
            raise Failed(f"threads were {sorted(self.threads)}, are {sorted(self.tasks())}")
        for tid in self.threads:
            if self.status(tid, "State") in "tT":
                raise Failed(f"thread {tid} was left stopped")
            if self.status(tid, "TracerPid") != "0":
                raise Failed(f"thread {tid} is still traced")
        os.kill(self.pid, signal.SIGUSR1)
        self.signals += 1
        deadline = time.monotonic() + PATIENCE_S
        while True:
            now = self.ask()
            counts_on = all(now["counts"][name] > self.last["counts"][name] for name in now["counts"])
            if now["errors"]:
                raise Failed(", ".join(now["errors"]))
            if now["signals"] > self.signals:
                raise Failed(f"{now['signals']} signals arrived, {self.signals} were sent")
            if counts_on and now["signals"] == self.signals:
                break
            if time.monotonic() > deadline:
                raise Failed(f"it does not go on: {self.last}, then {now}; {self.signals} signals sent")
            time.sleep(0.001)
        self.last = now

    def end(self):
        self.process.kill()
        self.process.wait()


def start(heavyops, target, way, rate, *more):
    return subprocess.Popen(
        [heavyops, "attach", str(target.pid), "--read", way, "-r", rate, "-i", "all", "-q", *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def kill_often(heavyops, way, kills, instants):
    target = Target()
    try:
        for number in range(kills):
            instant = instants.uniform(0, KILL_WITHIN_S)
            run = start(heavyops, target, way, KILL_RATE)
            time.sleep(instant)
            if run.poll() is not None:
                raise Failed(f"heavyops ended by itself: {run.stderr.read().decode()}")
            run.kill()
            run.wait()
            run.stderr.close()
            try:
                target.check()
            except Failed as failed:
                raise Failed(f"--read {way}, kill {number + 1}, after {instant * 1e3:.3f} ms: {failed}")
        counts = target.last["counts"]
        print(
            f"--read {way}: killed {kills} times; the target runs on, unchanged: "
            f"{len(target.threads)} threads, {target.signals} signals of {target.signals}, "
            f"counted to {counts['main'] + counts['worker']:,}",
            flush=True,
        )
    finally:
        target.end()


def resident_kib(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def run_long(heavyops, way, seconds):
    target = Target()
    try:
        run = start(heavyops, target, way, LONG_RATE, "-d", str(seconds))
        begun, sizes = time.monotonic(), []
        while run.poll() is None:
            sizes.append((time.monotonic() - begun, resident_kib(run.pid)))
            time.sleep(min(1, seconds / 60))
        if run.returncode != 0:
            raise Failed(f"--read {way}: heavyops ended with {run.returncode}: {run.stderr.read().decode()}")
        run.stderr.close()
        target.check()
        middle = max(size for at, size in sizes if seconds / 3 <= at < seconds * 2 / 3)
        last = max(size for at, size in sizes if seconds * 2 / 3 <= at < seconds * 0.97)
        print(f"--read {way}: {seconds:g} s at {LONG_RATE} Hz; memory {middle:,} KiB, then {last:,} KiB", flush=True)
        if last > middle + GROWTH_KIB:
            raise Failed(f"--read {way}: memory grows: {middle} KiB, then {last} KiB")
    finally:
        target.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heavyops")
    parser.add_argument("--kills", type=int, default=1000, help="for each way (default 1000)")
    parser.add_argument("--seconds", type=float, default=60, help="of the long run, for each way; 0: none")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    instants = random.Random(seed)
    for way in WAYS:
        kill_often(options.heavyops, way, options.kills, instants)
    for way in WAYS if options.seconds else ():
        run_long(options.heavyops, way, options.seconds)


try:
    main()
except Failed as failure:
    sys.exit(f"soak: {failure}")
