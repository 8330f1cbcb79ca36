"""The profilers that are compared, ours and others: how each is started, ended, understood."""

import collections
import json
import os
import re
import signal
import subprocess
import tempfile
import time

import stacks
from limits import tool
from programs import ROOT, die_with_parent

HEAVYOPS = os.environ.get("HEAVYOPS", os.path.join(ROOT, "build", "heavyops"))

# samples: stacks it counts as seen; failed: tries that gave none; ticks: times it woke up (None:
# once for each try); seconds: of sampling.
Outcome = collections.namedtuple("Outcome", "samples failed ticks seconds")


class Refused(Exception):
    """It did not run; says why, in a few words."""


class Profiler:
    """One way to run one profiler. `reads` is the minor version it must share with its target."""

    reads = None
    settles_s = 0.3     # until it samples steadily
    pauses = False      # stopped and continued by a signal, it does not catch up
    suspends_itself = False  # by SIGTSTP, with all that it has going on elsewhere
    holds = False       # the target stands still for each look
    fastest_hz = 1000000  # what it is asked for to be as fast as it can
    counts_all = False  # a sample of each thread at each look, also of those that sleep

    def __init__(self, name, words, *options):
        self.name, self.words, self.options = name, words, list(options)

    def command(self, pid, rate_hz, output, all_threads):
        raise NotImplementedError

    def outcome(self, printed, output, seconds):
        raise NotImplementedError

    # stacks(output): what it saw, as the module stacks says. Not all can tell.
    stacks = None


class Heavyops(Profiler):
    settles_s = 0.15
    fastest_hz = 2000000
    pauses = suspends_itself = True

    def __init__(self, way):
        super().__init__("heavyops " + way, [HEAVYOPS], "--read", way)
        self.way = way
        self.holds = way != "live"

    def command(self, pid, rate_hz, output, all_threads):
        return (self.words + ["attach", str(pid), "-q", "--format", "json", "-o", output] +
                self.options + (["-r", str(rate_hz)] if rate_hz else []))

    def outcome(self, printed, output, seconds):
        with open(output, encoding="utf-8") as file:
            profile = json.load(file)
        return Outcome(profile["samples"], sum(profile["refused"].values()), profile["ticks"],
                       profile["duration_s"])


class HeavyopsStacks(Heavyops):
    """The library, by a client that prints whole stacks: the command does not."""

    def command(self, pid, rate_hz, output, all_threads):
        return tool("stacks", pid, self.way, rate_hz, output)

    def outcome(self, printed, output, seconds):
        with open(output, encoding="utf-8", errors="replace") as file:
            _, refused, _, seconds = file.readlines()[-1].split()
        return Outcome(sum(self.stacks(output).values()), int(refused), None, float(seconds))

    stacks = staticmethod(stacks.of_heavyops)


class Austin(Profiler):
    pauses = True
    counts_all = True

    stacks = staticmethod(stacks.of_austin)

    def command(self, pid, rate_hz, output, all_threads):
        return (self.words + ["-i", "%dus" % max(1, round(1000000 / rate_hz)), "-o", output] +
                self.options + ["-p", str(pid)])

    def outcome(self, printed, output, seconds):
        # Its file ends with metadata: name NUL value NUL, where errors are "errors/samples".
        with open(output, "rb") as file:
            tail = file.read()[-400:]
        duration = re.search(rb"duration\0(\d+)", tail)
        errors = re.search(rb"errors\0(\d+)/(\d+)", tail)
        if not duration or not errors:
            raise Refused("its file has no end")
        failed, tries = int(errors[1]), int(errors[2])
        return Outcome(tries - failed, failed, None, int(duration[1]) / 1e6)


class PySpy(Profiler):
    @property
    def holds(self):
        return "--nonblocking" not in self.options

    stacks = staticmethod(stacks.of_py_spy)

    def command(self, pid, rate_hz, output, all_threads):
        return (self.words + ["record", "-f", "raw", "--full-filenames", "-r", str(rate_hz),
                              "-d", "3600", "-o", output] + self.options + ["-p", str(pid)])

    def outcome(self, printed, output, seconds):
        found = re.search(r"Samples: (\d+) Errors: (\d+)", printed)
        if not found:
            raise Refused(last_line(printed))
        # Errors are not among its samples.
        return Outcome(int(found[1]), int(found[2]), None, seconds)


class Sampling(Profiler):
    reads = "3.15"

    def __init__(self, name, words, settles_s, *options):
        super().__init__(name, words, *options)
        self.settles_s = settles_s
        self.holds = "--blocking" in options
        if "--opcodes" not in options:
            self.stacks = stacks.of_sampling

    def command(self, pid, rate_hz, output, all_threads):
        # Opcodes are not for collapsed stacks.
        format_option = "--binary" if "--opcodes" in self.options else "--collapsed"
        return (self.words + ["attach", "-r", str(rate_hz), format_option, "-o", output] +
                ["--no-gc"] + (["-a"] if all_threads else []) + self.options + [str(pid)])

    def outcome(self, printed, output, seconds):
        found = re.search(r"Captured ([\d,.]+) samples? in ([\d.]+) seconds", printed)
        errors = re.search(r"Error rate: ([\d.]+)", printed)
        if not found or not errors:
            raise Refused(last_line(printed))
        tries = int(re.sub(r"\D", "", found[1]))
        failed = round(tries * float(errors[1]) / 100)
        return Outcome(tries - failed, failed, None, float(found[2]))


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def clock_of(pid):
    """The clock of a process's CPU time, of ended threads too (clock_getcpuclockid(3))."""
    return (~pid) << 3 | 2


def be_a_job():
    """In a group of its own, whose parent could continue it: else SIGTSTP does nothing."""
    die_with_parent()
    os.setpgid(0, 0)
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)


class Run:
    """A profiler at work on a program. Leave it by finish() or by the end of a `with`."""

    def __init__(self, profiler, pid, rate_hz, all_threads=False):
        self.profiler = profiler
        self.directory = tempfile.TemporaryDirectory()
        self.output = os.path.join(self.directory.name, "output")
        self.printed = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            profiler.command(pid, rate_hz, self.output, all_threads), stdin=subprocess.DEVNULL,
            stdout=self.printed, stderr=self.printed, cwd=self.directory.name,
            preexec_fn=be_a_job)
        self.started_s = time.monotonic()
        self.pid = self.process.pid

    def settle(self):
        """Waits until it samples; raises Refused when it does not run."""
        time.sleep(self.profiler.settles_s)
        self.check()

    def check(self):
        if self.process.poll() is not None:
            raise Refused(last_line(self.text()))

    def text(self):
        self.printed.seek(0)
        return self.printed.read().decode("utf-8", "replace")

    def wait(self, seconds):
        time.sleep(seconds)
        self.check()

    def cpu_ns(self):
        self.check()
        return time.clock_gettime_ns(clock_of(self.pid))

    def finish(self):
        """Ends it as ^C does; what it found."""
        self.check()
        seconds = time.monotonic() - self.started_s
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            raise Refused("it does not end")
        if not os.path.exists(self.output):
            raise Refused(last_line(self.text()))
        return self.profiler.outcome(self.text(), self.output, seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.printed.close()
        self.directory.cleanup()


def ours(kind=Heavyops, ways=("cpu", "live", "stop")):
    """Our ways to look, the default first; one that this build has not is Refused when it runs."""
    return [kind(way) for way in ways]


def peers():
    """name: command words of those that are here, and the names of the absent ones."""
    lines = subprocess.run([os.path.join(ROOT, "scripts", "peers")], text=True, check=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()
    found = dict(line.split("\t") for line in lines)
    return ({name: words.split() for name, words in found.items() if words},
            [name for name, words in found.items() if not words])


def of_peers(found):
    """Each peer in each of its ways."""
    ways = []
    if "austin" in found:
        ways.append(Austin("austin", found["austin"]))
    if "py-spy" in found:
        ways += [PySpy("py-spy", found["py-spy"]),
                 PySpy("py-spy --nonblocking", found["py-spy"], "--nonblocking")]
    if "profiling.sampling" in found:
        words = found["profiling.sampling"]
        # It is a Python program, which takes its time to start.
        start_s = time.monotonic()
        subprocess.run(words + ["attach", "--help"], stdout=subprocess.DEVNULL, check=False)
        settles_s = 0.3 + 2 * (time.monotonic() - start_s)
        ways += [Sampling("Tachyon" + (" " + " ".join(options) if options else ""), words,
                          settles_s, *options)
                 for options in ([], ["--opcodes"], ["--blocking"])]
    return ways
