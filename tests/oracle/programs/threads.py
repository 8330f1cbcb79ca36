"""Threads that are born, work for half a millisecond, and die; two kinds by turns."""

import _thread


def leaf_a(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def leaf_b(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def work_a():
    n = 0
    for _ in range(500):
        n = leaf_a(n)  # calls leaf_a


def work_b():
    n = 0
    for _ in range(500):
        n = leaf_b(n)  # calls leaf_b


def born_a(done):
    work_a()  # calls work_a
    done.release()


def born_b(done):
    work_b()  # calls work_b
    done.release()


def main():
    done = _thread.allocate_lock()
    done.acquire()
    while True:
        _thread.start_new_thread(born_a, (done,))
        done.acquire()
        _thread.start_new_thread(born_b, (done,))
        done.acquire()


announce(
    outermost=["<module>", "born_a", "born_b"],
    calls={
        "<module>": ["main"],
        "born_a": ["work_a"],
        "born_b": ["work_b"],
        "work_a": ["leaf_a"],
        "work_b": ["leaf_b"],
    },
    deepest=3,
    shares=[
        {"by": "within", "parts": {"born_a": 1, "born_b": 1}},
        {"by": "self", "parts": {"leaf_a": 1, "leaf_b": 1}},
    ],
)
main()
