"""What is true of the oracle's programs by their own word, and how far stacks are from it.

tests/oracle/rules.h says how a program tells it. The same rules are applied here to the stacks of
any profiler.
"""

import collections
import json
import math
import os
import re

from programs import ROOT, Program

PROGRAMS = os.path.join(ROOT, "tests", "oracle", "programs")
OWN_FILE = "<string>"  # of a text that was handed over by -c
Z = 3.3  # the worst of some thirty shares is this far off by chance, one time in twenty

# A share as it came out: of how many samples, and what it should be.
Share = collections.namedtuple("Share", "name seen whole wanted")


def text_of(name):
    text = ""
    for file in ("common.py", name + ".py"):
        with open(os.path.join(PROGRAMS, file), encoding="utf-8") as opened:
            text += opened.read()
    return text


class Truth:
    """Of one program: its rules, and the remarks behind its lines."""

    def __init__(self, text, announced):
        self.announced = json.loads(announced)
        self.calls, self.outermost = self.announced["calls"], self.announced["outermost"]
        self.shares = self.announced.get("shares", [])
        self.deepest, self.at = self.announced.get("deepest", 10 ** 9), self.announced.get("at", {})
        self.marks = collections.defaultdict(set)  # (verb, name): lines
        for number, line in enumerate(text.splitlines(), 1):
            _, _, remark = line.partition("  # ")
            for clause in remark.split(";"):
                verb, *names = clause.split() or [""]
                if verb in ("calls", "part"):
                    for name in names:
                        self.marks[verb, name].add(number)

    @property
    def has_clock(self):
        return any(None in share["parts"].values() for share in self.shares)

    def take_clock(self, line):
        """The weights that the program measured itself."""
        clock = json.loads(line)["clock"]
        for share in self.shares:
            if None in share["parts"].values():
                share["parts"] = {name: clock[name] for name in share["parts"]}

    @staticmethod
    def label(frame):
        if frame.file == OWN_FILE:
            return frame.function
        return os.path.basename(frame.file) + ":" + frame.function

    def is_possible(self, stack):
        labels = [self.label(frame) for frame in stack]
        if not labels or len(labels) > self.deepest or labels[0] not in self.outermost:
            return False
        for depth, (label, caller) in enumerate(zip(labels, (None,) + stack[:-1]), 1):
            if self.at.get(label, depth) != depth:
                return False
            if caller is None:
                continue
            if label not in self.calls.get(self.label(caller), ()):
                return False
            lines = self.marks.get(("calls", label))
            if lines and (caller.file != OWN_FILE or caller.line not in lines):
                return False
        return True

    def hits(self, stack, by, name):
        labels = [self.label(frame) for frame in stack]
        if by == "self":
            return labels[-1] == name
        if by == "within":
            return name in labels
        if by == "pair":
            return ">".join(labels[-2:]) == name
        return stack[-1].file == OWN_FILE and stack[-1].line in self.marks["part", name]

    def count(self, stacks):
        """(samples, impossible ones, an example of those, shares)."""
        samples = sum(stacks.values())
        impossible = [(count, stack) for stack, count in stacks.items()
                      if not self.is_possible(stack)]
        example = " > ".join("%s:%s" % (self.label(frame), frame.line)
                             for frame in max(impossible)[1][-8:]) if impossible else ""
        shares = []
        for share in self.shares:
            seen = {name: sum(count for stack, count in stacks.items()
                              if stack and self.hits(stack, share["by"], name))
                    for name in share["parts"]}
            whole, weights = sum(seen.values()), sum(share["parts"].values())
            shares += [Share(name, seen[name], whole, share["parts"][name] / weights)
                       for name in seen if whole]
        return samples, sum(count for count, _ in impossible), example, shares


def start(python, name, cpu=None):
    """The program at work, and the truth of it."""
    text = text_of(name)
    program = Program(python, text, cpu=cpu)
    return program, Truth(text, program.first_line)


def names():
    """Those that say which of their stacks are possible and which shares are known."""
    found = []
    for file in sorted(os.listdir(PROGRAMS)):
        if file.endswith(".py") and file != "common.py":
            text = text_of(file[:-3])
            if re.search(r"^(announce\(|TRUTH = {)\n(.*\n)*    (shares=|.shares.:)", text,
                         re.MULTILINE):
                found.append(file[:-3])
    return found


def points_off(share):
    return 100 * (share.seen / share.whole - share.wanted)


def by_chance(share):
    """How many points off a share of so many samples may be."""
    return 100 * Z * math.sqrt(share.wanted * (1 - share.wanted) / share.whole)
