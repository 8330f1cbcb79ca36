"""What figures depend on: the machine, its kernel, versions, and how busy it was meanwhile."""

import os
import platform
import shutil
import subprocess
import sys
import time


def first_line(words):
    ran = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, check=False)
    return (ran.stdout.strip().splitlines() or ["?"])[0]


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def ticks():
    """(all, idle, stolen by the host) of all CPUs since boot."""
    with open("/proc/stat", encoding="utf-8") as file:
        figures = [int(word) for word in file.readline().split()[1:9]]
    return sum(figures), figures[3] + figures[4], figures[7]


class Watch:
    """Says at the top what this is, and at the bottom how much others disturbed."""

    def __init__(self, heavyops, peers, absent):
        if not shutil.which(heavyops):
            sys.exit("%s is not there: make all tests, or set HEAVYOPS" % heavyops)
        self.start, self.started_s = ticks(), time.monotonic()
        print("machine: %s, %d CPUs%s" % (cpu_model(), os.cpu_count(), self.guest()))
        print("kernel:  %s" % platform.release())
        print("ours:    %s" % first_line([heavyops, "--version"]))
        for name, words in peers.items():
            if name == "profiling.sampling":
                version = first_line(words[:-2] + ["--version"]) + ", profiling.sampling (Tachyon)"
            else:
                version = first_line(words + ["--version"])
            print("peer:    %s" % version)
        for name in absent:
            print("absent:  %s" % name)
        print("load:    %s; stolen since boot %s" % (
            " ".join("%.2f" % load for load in os.getloadavg()), self.stolen((0, 0, 0))),
            flush=True)

    @staticmethod
    def guest():
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return ", a virtual machine" if " hypervisor" in file.read() else ""

    @staticmethod
    def stolen(since):
        everything, _, stolen = (now - then for now, then in zip(ticks(), since))
        return "%.1f %%" % (100 * stolen / max(1, everything))

    def end(self):
        print("\ntook %.0f s; load %s; the host took %s of the CPUs meanwhile" % (
            time.monotonic() - self.started_s,
            " ".join("%.2f" % load for load in os.getloadavg()), self.stolen(self.start)))
