"""What the oracle's programs have in common; stands before each of them. Runs on 3.8 to 3.15.

A program says in one line of JSON that it is ready and what is true of it; tests/oracle/rules.h says
how to read it, and what the remarks "calls" and "part" behind its lines mean.
"""

import json
import os
import select
import statistics
import sys
import time


def announce(**truth):
    os.write(1, json.dumps(truth).encode() + b"\n")


def has_line():
    """Whether the oracle wrote a line: the measurement begins, or ends."""
    if not select.select([0], [], [], 0)[0]:
        return False
    if not os.read(0, 1):
        sys.exit()
    return True



