"""Names in Latin-1, UCS-2 and UCS-4: of functions, classes and files."""

from truth import park, play

NAMES = {
    "\u00e9t\u00e9_\u00fc": "caf\u00e9.py",                 # Latin-1
    "\u5909\u6570": "\u65e5\u672c\u8a9e/\u30d5.py",         # UCS-2
    "\U00020000\U0002a6d6": "\U0001f40d.py",                # UCS-4
    "ascii": "\x1b[31m\u202e\n.py",                         # no names for a terminal
    "lone": "\udcff\ud800.py",                              # no text at all
}
TEXT = """
class {0}C:
    def {0}(self, armed):
        def {0}2(): return [park(armed) for {0} in (1,)]
        return {0}2()
def play(armed): return {0}C().{0}(armed)
"""


def named(name):
    namespace = {"park": park}
    exec(compile(TEXT.format(name), NAMES[name], "exec"), namespace)
    return namespace["play"]


play(*map(named, NAMES), times=50)
park()
