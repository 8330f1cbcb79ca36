"""Huge frames: thousands of locals, many of them, so that a stack takes many chunks of memory."""

from truth import park, stage


def with_locals(count, depth):
    text = "def f(depth):\n%s    return f(depth - 1) if depth else park()\n" % "".join(
        "    v%d = depth\n" % i for i in range(count))
    namespace = {"park": park}
    exec(compile(text, "%d locals" % count, "exec"), namespace)
    return namespace["f"], depth


def with_stack(count, depth):
    """Many values on the stack at the call."""
    text = "def f(depth):\n    return [%s, f(depth - 1) if depth else park()]\n" % ", ".join(
        ["depth"] * count)
    namespace = {"park": park}
    exec(compile(text, "%d values" % count, "exec"), namespace)
    return namespace["f"], depth


def small(depth, then):
    return small(depth - 1, then) if depth else then[0](then[1])


# A chunk has 16 KiB, unless one frame is larger.
stage(*with_locals(1500, 20))
stage(*with_locals(5000, 30))
stage(*with_locals(8000, 5))
stage(*with_locals(100, 200))
stage(*with_stack(2000, 10))
large = with_locals(700, 3)
for depth in range(90, 130):
    stage(small, depth, large)
small(200, with_locals(3000, 3))
