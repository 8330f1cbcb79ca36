# Compiles functions of many lengths, runs each for a while and forgets it, so that code objects are
# born where others have died; says "ready" and goes on.
import sys

sys.stdout.write("ready\n")
sys.stdout.flush()
turn = 0
while True:
    turn += 1
    lines = "\n".join("    x = x + %d" % i for i in range(5 + turn * 7 % 60))
    names = {}
    exec("def f(x):\n%s\n    return x" % lines, names)
    for _ in range(300):
        names["f"](1)
