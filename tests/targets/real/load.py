"""Load for shop.py: a few connections, one request after the other, for some seconds.

load.py PORT SECONDS: to 127.0.0.1 only, at most REQUESTS_MAX of them.
"""

import http.client
import sys
import threading
import time

CONNECTIONS, REQUESTS_MAX = 3, 20000


def ask(port, until, counts):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    done = 0
    while time.monotonic() < until and done < REQUESTS_MAX // CONNECTIONS:
        path = "/api/totals" if done % 4 == 3 else "/orders?from=%d" % (done * 50 % 450)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit("%s: %d" % (path, answer.status))
        done += 1
    counts.append(done)


port, seconds = int(sys.argv[1]), float(sys.argv[2])
counts = []
threads = [threading.Thread(target=ask, args=(port, time.monotonic() + seconds, counts))
           for _ in range(CONNECTIONS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("%d requests answered" % sum(counts))
