"""Code objects that are made, run for some microseconds and freed; their addresses are used again, by
others of all lengths and by others of the same length."""

import marshal

KINDS = 8
SOURCE = """
def inner_{kind}(n):
    for _ in range(10):
        n = n * 3 + 1 & 0xff
{padding}    return n

def outer_{kind}(n):
    for _ in range(5):
        n = inner_{kind}(n)
{padding}    return n
"""


def make(kind):
    """Pairs of kinds have the same length, so that one finds its place where the other was."""
    padding = "    n = n + 1 & 0xff\n" * (kind // 2)
    code = compile(SOURCE.format(kind=kind, padding=padding), "<made>", "exec")
    return marshal.dumps(code), "outer_%d" % kind


def turn(data, name, n):
    names = {}
    exec(marshal.loads(data), names)
    return names[name](n)


def main(made):
    n = 0
    while True:
        for data, name in made:
            n = turn(data, name, n)  # calls turn


made = [make(kind) for kind in range(KINDS)]
calls = {"<module>": ["main"], "main": ["turn"]}
calls["turn"] = ["<made>:<module>"] + ["<made>:outer_%d" % kind for kind in range(KINDS)]
for kind in range(KINDS):
    calls["<made>:outer_%d" % kind] = ["<made>:inner_%d" % kind]
announce(
    outermost=["<module>"],
    calls=calls,
    deepest=5,
    shares=[
        {"by": "within", "parts": {"<made>:outer_%d" % (k + i): 1 for i in range(2)}}
        for k in range(0, KINDS, 2)
    ],
)
main(made)
