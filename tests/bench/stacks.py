"""Reads the stacks that profilers wrote, each in a format of its own, into one form.

Stacks are a dictionary: a tuple of frames, outermost first, to how often it was seen. A frame is
(function, file, line), the function by its plain name, the line None where it is not told.
"""

import collections
import re

Frame = collections.namedtuple("Frame", "function file line")


def is_own_affair(function, file):
    """The trampoline below an __init__, which is CPython's own (3.12 on)."""
    return function == file == "__init__"


def plain(name):
    """The name in its function, class or module: versions before 3.11 know no other."""
    return name.rpartition(".")[2]


def of_heavyops(path):
    """What tests/bench/stacks.c writes."""
    stacks = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            *words, count = line.rstrip("\n").split("\t")
            if words:
                threes = zip(words[0::3], words[1::3], words[2::3])
                frames = (Frame(plain(f), name, int(n) or None) for f, name, n in threes)
                stacks[tuple(frames)] += int(count)
    return stacks


def of_py_spy(path):
    """Of its raw format: "function (file:line);… count"."""
    stacks = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            text, _, count = line.rstrip("\n").rpartition(" ")
            frames = []
            for part in text.split(";"):
                found = re.fullmatch(r"(.*) \((.*?)(?::(\d+))?\)", part)
                if found and not is_own_affair(found[1], found[2]):
                    frames.append(Frame(plain(found[1]), found[2], int(found[3] or 0) or None))
            stacks[tuple(frames)] += int(count)
    return stacks


def of_sampling(path):
    """Of Tachyon's --collapsed: "tid:N;file:function:line;… count"."""
    stacks = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            text, _, count = line.rstrip("\n").rpartition(" ")
            frames = []
            for part in text.split(";")[1:]:
                name, function, number = part.rsplit(":", 2)
                if not is_own_affair(function, name):
                    frames.append(Frame(plain(function), name, int(number) or None))
            stacks[tuple(frames)] += int(count)
    return stacks


class Mojo:
    """Austin's binary format (MOJO 3), as its documentation describes it: events, each a byte and
    its integers and strings."""

    METADATA, STACK, FRAME, FRAME_INVALID, FRAME_REF, FRAME_KERNEL = range(1, 7)
    GC, IDLE, METRIC_TIME, METRIC_MEMORY, STRING, STRING_REF = range(7, 13)

    def __init__(self, data):
        self.data, self.at = data, 3

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def integer(self):
        byte = self.byte()
        value, shift = byte & 0x3f, 6
        while byte & 0x80:
            byte = self.byte()
            value |= (byte & 0x7f) << shift
            shift += 7
        return value

    def string(self):
        start, self.at = self.at, self.data.index(b"\0", self.at) + 1
        return self.data[start:self.at - 1].decode("utf-8", "replace")

    def stacks(self):
        stacks, strings, frames, stack = collections.Counter(), {}, {}, None
        self.integer()  # version
        while self.at < len(self.data):
            event = self.byte()
            if event == self.METADATA:
                self.string(), self.string()
            elif event == self.STACK:
                self.integer(), self.integer(), self.string()  # process, interpreter, thread
                stack = []
            elif event == self.FRAME:
                key, file, function, line = (self.integer() for _ in range(4))
                self.integer(), self.integer(), self.integer()  # where it ends
                frames[key] = Frame(plain(strings[function]), strings[file], line or None)
            elif event == self.FRAME_REF:
                frame = frames[self.integer()]
                if not is_own_affair(frame.function, frame.file):
                    stack.append(frame)
            elif event == self.STRING:
                key = self.integer()
                strings[key] = self.string()
            elif event == self.METRIC_TIME:
                self.integer()
                stacks[tuple(stack)] += 1
            elif event == self.FRAME_INVALID:
                stack.append(Frame("?", "?", None))
            elif event == self.FRAME_KERNEL:
                self.string()
            elif event in (self.METRIC_MEMORY, self.STRING_REF):
                self.integer()
            elif event not in (self.GC, self.IDLE):
                raise ValueError("no event has the number %d" % event)
        return stacks


def of_austin(path):
    with open(path, "rb") as file:
        stacks = Mojo(file.read()).stacks()
    stacks.pop((), None)
    return stacks
