"""Instructions with prefixes, and functions of more than 65,536 units."""

from truth import park, play


def made(text):
    namespace = {"park": park}
    exec(compile(text, "made.py", "exec"), namespace)
    return namespace["f"]


def body(count):
    return "".join("        v%d = v%d + %d.5\n" % (i, (i - 1) % count, i) for i in range(count))


def zeros(count):
    return "".join("    v%d = 0\n" % i for i in range(count))


# More than 255 names, constants and units to jump over; calls with more than 255 arguments.
loop = made("def f(armed):\n%s    for i in range(3):\n%s        park(armed and i == 2)\n" % (
    zeros(300), body(300)))
arguments = made("def f(armed):\n    def g(*all, **named): return park(all[0])\n    g(armed, %s)\n" %
                 ", ".join(["1"] * 700))
keywords = made("def f(armed):\n    def g(**all): return park(all['k0'])\n    g(k0=armed, %s)\n" %
                ", ".join("k%d=1" % i for i in range(1, 400)))
names = made("def f(armed):\n    if not armed: return\n%s    n999.park(armed)\n" % "".join(
    "    class n%d: park = park\n" % i for i in range(1000)))
lines = made("def f(armed):\n%s    return [\n%s    park(armed)]\n" % ("\n" * 300, "\n" * 40000))
wide = made("def f(armed):\n    return (%s'',%s park(armed), %s 1)\n" % (
    " " * 200, " " * 600, " " * 3000))
play(loop, arguments, keywords, names, lines, wide, times=40)

large = made("def f(armed):\n    v0 = v1 = v2 = v3 = 0\n    for i in range(2):\n        if i:\n%s"
             "        park(armed and i)\n" % ("            v0 = v1 + v2 * v3\n" * 14000))
assert len(large.__code__.co_code) > 2 * 65536
play(large, times=2)
park()
