"""Two threads that both want the GIL all the time; their own clocks tell how much each got."""

import threading


def leaf_a(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def leaf_b(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
    return n


def spin_a(spent):
    n = 0
    while True:
        spent["spin_a"] = time.thread_time_ns()
        for _ in range(200):
            n = leaf_a(n)  # calls leaf_a


def spin_b(spent):
    n = 0
    while True:
        spent["spin_b"] = time.thread_time_ns()
        for _ in range(200):
            n = leaf_b(n)  # calls leaf_b


def main():
    spent = {"spin_a": 0, "spin_b": 0}
    for spin in (spin_a, spin_b):
        threading.Thread(target=spin, args=(spent,), daemon=True).start()
    announce(
        outermost=["<module>", "threading.py:_bootstrap"],
        calls={
            "<module>": ["main"],
            "main": ["announce"],
            "threading.py:_bootstrap": ["threading.py:_bootstrap_inner"],
            "threading.py:_bootstrap_inner": ["threading.py:run"],
            "threading.py:run": ["spin_a", "spin_b"],
            "spin_a": ["leaf_a"],
            "spin_b": ["leaf_b"],
        },
        shares=[{"by": "within", "parts": {"spin_a": None, "spin_b": None}}],
    )
    os.read(0, 1)
    begun = dict(spent)
    os.read(0, 1)
    ended = dict(spent)
    announce(clock={name: ended[name] - begun[name] for name in spent})
    os.read(0, 1)


main()
