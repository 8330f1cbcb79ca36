# Never stands still: threads start and end, calls go up and down. Says "ready" and goes on.
import sys
import threading


def down(depth):
    return down(depth - 1) + 1 if depth else 0


def short():
    return sum(down(n) for n in range(20))


def long():
    while True:
        short()


sys.stdout.write("ready\n")
sys.stdout.flush()
worker = threading.Thread(target=long)
worker.daemon = True
worker.start()
while True:
    thread = threading.Thread(target=short)
    thread.start()
    short()
    thread.join()
