"""Threads that wait in different places, in calls of C that are not ours."""

import ctypes
import os
import select
import threading
import time

from truth import await_park, park, stage

lock = threading.Lock()
lock.acquire()


def locked():
    lock.acquire()


def reading():
    time.time()
    os.read(0, 1)


def reading_warm():
    for size in [0] * 1000 + [1]:
        os.read(0, size)


def sleeping():
    time.sleep(1e6)


def selecting():
    select.select([0], [], [])


def in_c():
    ctypes.CDLL(None).pause()


class Thread(threading.Thread):
    def run(self):
        park()


stage(locked, call="futex")
stage(reading, call="read")
stage(reading_warm, call="read", when=lambda frame: frame.f_locals["size"])
stage(sleeping, call="sleep")
stage(selecting, call="select")
stage(in_c, call="pause")
stage(park)
Thread(daemon=True, name="another").start()
await_park()
for _ in range(30):
    stage(park)
park()
