"""How long it takes to make a report of a large profile's file, in each format; how large the file
of a run is, beside Tachyon's binary one of the same program."""

import os
import re
import subprocess
import tempfile

from limits import tool
from profilers import HEAVYOPS
from programs import Program, own_text
from start import runs
from tables import at_most, show, times

WANTED_S, WANTED_MB, WANTED_HTML_MB = 1.0, 200.0, 5.0
DEPTHS = (100, 1000)  # besides the 30 of the large file
RUNS_S, QUICK_RUNS_S = (1, 3, 10, 30), (1, 3)  # whose files are compared


def formats():
    """As the command itself lists them."""
    said = subprocess.run([HEAVYOPS, "report", "--format", "?", "-"], text=True,
                          stderr=subprocess.PIPE, check=False).stderr
    return re.findall(r"[a-z]+", re.split(r"it is (?:one of)?", said)[1].replace(" or ", " "))


def large(bench, folder):
    """Each format's time as a clock on the wall has it, and of CPU, which others disturb less."""
    path = os.path.join(folder, "large.pb.gz")
    of = subprocess.run(tool("large_file", path), check=True, text=True,
                        stdout=subprocess.PIPE).stdout.strip()
    rows = []
    for name in formats():
        out = os.path.join(folder, "out")
        ran = runs(bench.count(5, 1), [HEAVYOPS, "report", path, "--format", name, "-o", out])
        if not ran:
            rows.append([name, "it fails"])
            bench.remember("a large profile as %s" % name, "it fails", "", "missed")
            continue
        wall_s, cpu_s, peak_mb = ran[0] / 1e3, ran[1] / 1e3, ran[2]
        out_mb = os.path.getsize(out) / 1e6
        rows.append([name, "%.2f s" % cpu_s, at_most(cpu_s, WANTED_S),
                     "%.2f s" % wall_s, at_most(wall_s, WANTED_S),
                     "%.0f MB" % peak_mb, at_most(peak_mb, WANTED_MB), "%.1f MB" % out_mb])
        bench.remember("a large profile as %s" % name,
                       "%.2f s of CPU, %.2f s, %.0f MB" % (cpu_s, wall_s, peak_mb),
                       "≤ %.0f s, ≤ %.0f MB" % (WANTED_S, WANTED_MB),
                       at_most(max(wall_s / WANTED_S, peak_mb / WANTED_MB), 1))
        if name == "html":
            bench.remember("the HTML of it", "%.1f MB" % out_mb, "≤ %.0f MB" % WANTED_HTML_MB,
                           at_most(out_mb, WANTED_HTML_MB))
    limit_s, limit_mb = "≤ %.0f s" % WANTED_S, "≤ %.0f MB" % WANTED_MB
    show("REPORTS: of a file of %s, %.1f MB" % (of, os.path.getsize(path) / 1e6),
         ["format", "CPU", limit_s, "wall", limit_s, "peak", limit_mb, "written"], rows)


def deep(bench, folder):
    """The same number of stacks, of other depths: what a format takes may grow with what it writes,
    and not with the square of the depth."""
    names, columns, heads = formats(), [], []
    out = os.path.join(folder, "out")
    for depth in DEPTHS:
        path = os.path.join(folder, "deep.pb.gz")
        subprocess.run(tool("large_file", path, 100000, depth), check=True,
                       stdout=subprocess.DEVNULL)
        column = []
        for name in names:
            ran = runs(bench.count(3, 1), [HEAVYOPS, "report", path, "--format", name, "-o", out])
            column.append(["%.2f s" % (ran[1] / 1e3), "%.2f s" % (ran[0] / 1e3),
                           "%.0f MB" % ran[2], "%.1f MB" % (os.path.getsize(out) / 1e6)]
                          if ran else ["it fails", "", "", ""])
        columns.append(column)
        heads += ["CPU, %d deep" % depth, "wall", "peak", "written"]
    show("REPORTS: of 100,000 stacks, deeper", ["format"] + heads,
         [[name] + [cell for column in columns for cell in column[i]]
          for i, name in enumerate(names)])


def recorded(seconds, command, path, last=()):
    """The size of the file that a profiler leaves of a running program."""
    subprocess.run(command + ["-r", "1000", "-d", str(seconds), "-o", path, *last], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return os.path.getsize(path)


def sizes(bench, folder):
    """The same program for as long, at the same rate, with instructions, by both. What a file has
    of a program's code does not grow with the run; ours has all bytecode of what was seen."""
    words = bench.peer_words.get("profiling.sampling")
    if not words or not bench.newest:
        return
    rows = []
    for name, start in (("four functions", lambda: bench.work(python=bench.newest)),
                        ("some hundred", lambda: Program(bench.newest, own_text("library.py")))):
        for seconds in QUICK_RUNS_S if bench.quick else RUNS_S:
            with start() as program:
                pid = str(program.pid)
                ours = recorded(seconds, [HEAVYOPS, "attach", pid, "-q"],
                                os.path.join(folder, "ours.pb.gz"))
                theirs = recorded(seconds, words + ["attach", "--binary", "--opcodes"],
                                  os.path.join(folder, "theirs.bin"), [pid])
            rows.append(["%s, %d s" % (name, seconds), "%.1f kB" % (ours / 1e3),
                         "%.1f kB" % (theirs / 1e3), times(ours, theirs),
                         at_most(ours / theirs, 1)])
            bench.remember("file of %d s of %s, to Tachyon's binary" % (seconds, name),
                           "%.2f ×" % (ours / theirs), "≤ 1 ×", at_most(ours / theirs, 1))
    show("SIZE: a file of a run at 1 kHz", ["a program of", "heavyops",
                                            "Tachyon --binary --opcodes", "of Tachyon's", "≤ 1 ×"],
         rows)


def run(bench):
    with tempfile.TemporaryDirectory() as folder:
        large(bench, folder)
        deep(bench, folder)
        sizes(bench, folder)
