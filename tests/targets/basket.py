"""Three functions that share the time, until so many seconds of CPU time are used; one of them calls a
closure. tests/test_compare.c edits it."""

import sys
import time


def count(n):
    total = 0

    def add(x):
        nonlocal total
        total = total + x + total + total - total - total

    for i in range(n):
        add(i)
    return total


def square(n):
    result = 0
    for i in range(n):
        result += i * i
    return result


def words(n):
    found = []
    for i in range(n):
        found.append(str(i))
    return len(found)


while time.process_time() < float(sys.argv[1]):
    count(2000)
    square(3000)
    words(1000)
