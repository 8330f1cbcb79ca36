# Makes objects whose __init__ takes all the time; says "ready" and goes on.
import sys


class Sum:
    def __init__(self, n):
        total = 0
        for i in range(n):
            total += i
        self.total = total


def make(n):
    return Sum(n)


sys.stdout.write("ready\n")
sys.stdout.flush()
while True:
    make(200)
