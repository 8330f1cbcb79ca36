"""Spins for ever. Says "ready"; does on SIGUSR1 what its arguments say, and dies of all else.

exit STATUS | exec PROGRAM ARGUMENT... | (nothing: SIGUSR1 kills it)
"""

import os
import signal
import sys


def act(*_):
    if sys.argv[1] == "exit":
        os._exit(int(sys.argv[2]))
    os.execvp(sys.argv[2], sys.argv[2:])


def spin():
    n = 0
    while True:
        n += 1


if len(sys.argv) > 1:
    signal.signal(signal.SIGUSR1, act)
sys.stdout.write("ready\n")
sys.stdout.flush()
spin()
