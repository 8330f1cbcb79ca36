"""Rounds with and without a profiler in turn, by stopping it and letting it go on."""

import contextlib
import os
import signal
import subprocess
import time

from limits import tool
from profilers import Refused
from programs import die_with_parent

WAKE_UP = "a bare wake-up on its CPU"
DEFAULT_RATE = None  # whatever heavyops takes when none is asked for


def state(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def pause(pid, target_pid, suspends_itself):
    """Stops a profiler, but not while it holds its target. SIGSTOP alone would leave interrupts on
    that go on without the profiler's process."""
    end_s = time.monotonic() + 5
    for _ in range(1000):
        os.kill(pid, signal.SIGTSTP if suspends_itself else signal.SIGSTOP)
        time.sleep(0.001)
        while suspends_itself and state(pid) not in "tT" and time.monotonic() < end_s:
            if state(pid) == "Z":
                raise Refused("it has ended")
            time.sleep(0.001)
        if state(pid) in "tT" and state(target_pid) not in "tT":
            return
        os.kill(pid, signal.SIGCONT)
    raise Refused("it holds its target all the time")


def rounds_of(pid, target_pid, pairs, measure, suspends_itself=False):
    """What measure() tells without it, with it, …, without it."""
    pause(pid, target_pid, suspends_itself)
    rounds = [measure()]
    for _ in range(pairs):
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)
        rounds.append(measure())
        pause(pid, target_pid, suspends_itself)
        rounds.append(measure())
    os.kill(pid, signal.SIGCONT)
    return rounds


def threes(rounds):
    """Each round with it between its neighbours without."""
    return [rounds[i - 1:i + 2] for i in range(1, len(rounds) - 1, 2)]


@contextlib.contextmanager
def waking_up(rate, cpu):
    """The pid of a process that does nothing but wake up on that CPU."""
    with subprocess.Popen(tool("limits", "wake", rate, 0, cpu),
                          preexec_fn=die_with_parent) as waker:
        time.sleep(0.05)
        yield waker.pid
        waker.kill()
