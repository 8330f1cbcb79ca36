"""How long it takes to make a report of a large profile's file, in each format; how large the file
of a run is, beside Tachyon's binary one of the same program."""

import os
import re
import subprocess
import tempfile

from limits import tool
from profilers import HEAVYOPS
from start import runs
from tables import at_most, show, times

WANTED_S, WANTED_MB, WANTED_HTML_MB = 1.0, 200.0, 5.0


def formats():
    """As the command itself lists them."""
    said = subprocess.run([HEAVYOPS, "report", "--format", "?", "-"], text=True,
                          stderr=subprocess.PIPE, check=False).stderr
    return re.findall(r"[a-z]+", re.split(r"it is (?:one of)?", said)[1].replace(" or ", " "))


def large(bench, folder):
    path = os.path.join(folder, "large.pb.gz")
    of = subprocess.run(tool("large_file", path), check=True, text=True,
                        stdout=subprocess.PIPE).stdout.strip()
    rows = []
    for name in formats():
        out = os.path.join(folder, "out")
        ran = runs(bench.count(3, 1), [HEAVYOPS, "report", path, "--format", name, "-o", out])
        if not ran:
            rows.append([name, "it fails"])
            continue
        wall_s, cpu_s, peak_mb = ran[0] / 1e3, ran[1] / 1e3, ran[2]
        out_mb = os.path.getsize(out) / 1e6
        rows.append([name, "%.2f s" % wall_s, "%.2f s" % cpu_s, "%.0f MB" % peak_mb,
                     "%.1f MB" % out_mb, at_most(wall_s, WANTED_S), at_most(peak_mb, WANTED_MB)])
        bench.remember("a large profile as %s" % name, "%.2f s, %.0f MB" % (wall_s, peak_mb),
                       "≤ %.0f s, ≤ %.0f MB" % (WANTED_S, WANTED_MB),
                       at_most(max(wall_s / WANTED_S, peak_mb / WANTED_MB), 1))
        if name == "html":
            bench.remember("the HTML of it", "%.1f MB" % out_mb, "≤ %.0f MB" % WANTED_HTML_MB,
                           at_most(out_mb, WANTED_HTML_MB))
    show("REPORTS: of a file of %s, %.1f MB" % (of, os.path.getsize(path) / 1e6),
         ["format", "wall", "CPU", "peak", "written", "≤ %.0f s" % WANTED_S,
          "≤ %.0f MB" % WANTED_MB], rows)


def sizes(bench, folder):
    """The same program for as long, at the same rate, with instructions, by both."""
    words = bench.peer_words.get("profiling.sampling")
    if not words or not bench.newest:
        return
    rows, seconds = [], bench.seconds(10, 3)
    with bench.work(python=bench.newest) as work:
        for name, path, command in (
                ("heavyops", "ours.pb.gz", [HEAVYOPS, "attach", str(work.pid), "-q", "-r", "1000",
                                            "-d", str(seconds)]),
                ("Tachyon --binary --opcodes", "theirs.bin",
                 words + ["attach", "--binary", "--opcodes", "-r", "1000", "-d", str(seconds)])):
            path = os.path.join(folder, path)
            last = [] if name == "heavyops" else [str(work.pid)]
            subprocess.run(command + ["-o", path] + last, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            rows.append([name, os.path.getsize(path)])
    ratio = rows[0][1] / rows[1][1]
    for row in rows:
        row += ["%.1f kB" % (row[1] / 1e3), times(row[1], rows[1][1])]
        del row[1]
    show("SIZE: a file of %d s at 1 kHz" % seconds, ["", "size", "of Tachyon's"], rows)
    bench.remember("size of a file, to Tachyon's binary", "%.2f ×" % ratio, "≤ 1 ×",
                   at_most(ratio, 1))


def run(bench):
    with tempfile.TemporaryDirectory() as folder:
        large(bench, folder)
        sizes(bench, folder)
