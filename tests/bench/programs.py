"""Programs that are looked at: where the interpreters are, starting one, reading its meter."""

import collections
import ctypes
import json
import mmap
import os
import signal
import struct
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, "tests", "bench")

Python = collections.namedtuple("Python", "version kind words")
Reading = collections.namedtuple("Reading", "done ns")


def pythons():
    """Those that scripts/find-pythons lists, of 3.8 and later, oldest first."""
    lines = subprocess.run([os.path.join(ROOT, "scripts", "find-pythons")], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    found = [Python(version, kind, words.split())
             for version, kind, words in (line.split("\t") for line in lines)]
    return [python for python in found
            if not python.version.startswith(("2.", "3.6", "3.7")) and python.version[-1] != "t"]


def pick(kind_wanted, *minors):
    """The first there is: minors in order, a kind before others. None when there is none."""
    here = pythons()
    for minor in minors:
        of_it = [python for python in here if python.version.startswith(minor + ".")]
        for python in sorted(of_it, key=lambda python: python.kind != kind_wanted):
            return python
    return None


def last_cpu():
    """Where targets run in a measurement; most interrupts go to the first one."""
    return max(os.sched_getaffinity(0))


C = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
OTHERS_NS = 1000000


def die_with_parent():
    """To be called in a child before it executes: nothing goes on when the bench is killed. And ^C
    ends it, also where the bench itself is a job in the background, whose shell ignores that."""
    C.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment():
    """Ours, but with buffers: of a write that a stop cuts short CPython without them forgets the
    rest."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


class Program:
    """A Python program that runs; started when it has said its first line."""

    def __init__(self, python, text, *arguments, cpu=None, fds=()):
        # By its text, because it may live in another root.
        self.process = subprocess.Popen(
            python.words + ["-c", text] + [str(argument) for argument in arguments],
            env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=fds,
            preexec_fn=die_with_parent)
        self.pid = self.process.pid
        self.first_line = self.process.stdout.readline()
        if not self.first_line:
            self.end()
            raise RuntimeError("a program for %s does not start" % python.version)
        if cpu is not None:
            os.sched_setaffinity(self.pid, {cpu})

    def go_first(self):
        """Before the other programs of this machine, where that is allowed."""
        if os.geteuid() == 0:
            os.setpriority(os.PRIO_PROCESS, self.pid, -20)

    def tell(self, line=b"\n"):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def own_text(file):
    with open(os.path.join(BENCH, file), encoding="utf-8") as text:
        return text.read()


class Work(Program):
    """work.py, with its meter."""

    def __init__(self, python, depth=8, threads=1, cpu=None, first=False):
        self.cpu = cpu
        fd = os.memfd_create("meter")
        os.ftruncate(fd, 4096)
        self.page = mmap.mmap(fd, 4096, prot=mmap.PROT_READ)
        super().__init__(python, own_text("work.py"), depth, threads, fd, cpu=cpu, fds=[fd])
        os.close(fd)
        if first:
            self.go_first()
        while self.read().done < 100:
            pass

    def read(self):
        """What it has done, at the end of its last unit."""
        while True:
            before = self.page[:16]
            if before == self.page[:16]:
                return Reading(*struct.unpack("QQ", before))


class Gaps(Program):
    """gaps.py."""

    def __init__(self, python, depth=8, cpu=None):
        super().__init__(python, own_text("gaps.py"), depth, cpu=cpu)
        self.go_first()

    def gaps(self, seconds):
        """Nanoseconds of each. Where the host or another program takes the CPU, it is for longer
        than any look: those do not count."""
        self.tell(b"%f\n" % seconds)
        return [gap for gap in json.loads(self.hear()) if gap < OTHERS_NS]

    def part(self, seconds):
        """What part of that time they are, all together."""
        return sum(self.gaps(seconds)) / (seconds * 1e9)

    def longest(self, count, seconds):
        """The median, in nanoseconds, of the `count` longest gaps of that time; None: there are by
        far not as many."""
        gaps = sorted(self.gaps(seconds), reverse=True)
        count = int(count)
        gaps = gaps[:count]
        return gaps[len(gaps) // 2] if len(gaps) > count / 2 else None


def rate(start, end):
    """Units a nanosecond between two readings."""
    return (end.done - start.done) / max(1, end.ns - start.ns)
