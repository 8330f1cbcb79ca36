"""How soon there is something to see, and how much memory that takes."""

import statistics
import subprocess
import time

from limits import tool
from profilers import HEAVYOPS, Refused, Run
from tables import at_most, show, times

WANTED_FIRST_MS, WANTED_PEAK_MB = 3.0, 5.0
GROWTH_MB = 0.1  # less than this is the allocator's own


def kinds(bench):
    """A stripped static interpreter and an unstripped shared one, where both are here."""
    system = [python for python in bench.pythons if python.kind == "system"]
    return ([("stripped, static", system[-1])] if system else []) + [
        ("%s" % ("unstripped, shared" if bench.main.kind == "pyenv" else bench.main.kind),
         bench.main)]


def runs(times_run, words):
    """Of a command run so often: (median ms, of CPU, largest peak in MB); None when it fails."""
    out = subprocess.run(tool("run", times_run) + words, check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    lines = [[int(word) for word in line.split()] for line in out.splitlines()]
    if any(status for *_, status in lines):
        return None
    return (statistics.median(line[0] for line in lines) / 1e6,
            statistics.median(line[1] for line in lines) / 1e6,
            max(line[2] for line in lines) / 1e3)


def first_sample(bench):
    rows = []
    for kind, python in kinds(bench):
        with bench.work(python=python) as work:
            out = subprocess.run(tool("first", work.pid, bench.count(30, 10)), check=True,
                                 text=True, stdout=subprocess.PIPE).stdout
        lines = [[int(word) for word in line.split()] for line in out.splitlines()]
        if not lines:
            continue
        attach, sample = (statistics.median(line[i] for line in lines) / 1e6 for i in (0, 1))
        rows.append(["%s (%s)" % (kind, python.version), "%.2f ms" % attach, "%.2f ms" % sample,
                     at_most(sample, WANTED_FIRST_MS)])
        bench.remember("attach to first sample, %s" % kind, "%.2f ms" % sample,
                       "≤ %.0f ms" % WANTED_FIRST_MS, at_most(sample, WANTED_FIRST_MS))
    show("START: the library, from nothing to a profile of a first sample",
         ["", "attached", "sampled", "≤ %.0f ms" % WANTED_FIRST_MS], rows)


def dumps(bench):
    commands = [("heavyops dump", [HEAVYOPS, "dump"], None)]
    found = bench.peer_words
    if "py-spy" in found:
        commands.append(("py-spy dump", found["py-spy"] + ["dump", "-p"], None))
        commands.append(("py-spy dump --nonblocking",
                         found["py-spy"] + ["dump", "--nonblocking", "-p"], None))
    if "austin" in found:
        commands.append(("austin -w", found["austin"] + ["-w"], None))
    if "profiling.sampling" in found:
        commands.append(("Tachyon dump", found["profiling.sampling"] + ["dump"], "3.15"))
    programs = [(kind, python, None) for kind, python in kinds(bench)]
    if bench.newest:
        programs.append(("3.15", bench.newest, "3.15"))
    rows = []
    for kind, python, reads in programs:
        took = {}
        with bench.work(python=python) as work:
            for name, words, only in commands:
                if only is None or only == reads:
                    ran = runs(bench.count(30, 8), words + [str(work.pid)])
                    if ran:
                        took[name] = ran[0]
                    rows.append(["%s: %s (%s)" % (name, kind, python.version)] + (
                        ["%.2f ms" % ran[0], "%.2f ms" % ran[1], "%.1f MB" % ran[2],
                         times(took["heavyops dump"], ran[0])] if ran else ["it fails"]))
        for peer in ("py-spy dump", "austin -w"):
            if peer in took and reads is None:
                ratio = took["heavyops dump"] / took[peer]
                bench.remember("dump, to %s, %s" % (peer, kind), "%.2f ×" % ratio, "≤ 1 ×",
                               at_most(ratio, 1))
    show("DUMP: a whole process that prints each thread's stack once",
         ["", "wall", "CPU", "peak", "heavyops to it"], rows)


def status_kb(pid, name):
    with open("/proc/%d/status" % pid, encoding="utf-8") as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1])
    return 0


def memory(bench):
    """Each on a program of its own, all at once: what memory they take does not depend on haste."""
    early_s, late_s = bench.seconds(10, 3), bench.seconds(40, 9)
    started, rows = [], []
    profilers = bench.ours + bench.peers_of(None) + bench.peers_of("3.15")
    for profiler in profilers:
        python = bench.newest if profiler.reads else bench.main
        work = bench.work(python=python)
        started.append((profiler, work, Run(profiler, work.pid, 1000)))
    start_s = time.monotonic()
    early, late = {}, {}
    for seconds, into in ((early_s, early), (late_s, late)):
        time.sleep(max(0, start_s + seconds - time.monotonic()))
        for profiler, _, run in started:
            if run.process.poll() is None:
                into[profiler.name] = (status_kb(run.pid, "VmHWM") / 1e3,
                                       status_kb(run.pid, "VmRSS") / 1e3)
    for profiler, work, run in started:
        if profiler.name not in late:
            rows.append([profiler.name, run.profiler.name and last_words(run)])
        else:
            peak, grown = early[profiler.name][0], late[profiler.name][1] - early[profiler.name][1]
            rows.append([profiler.name, "%.1f MB" % peak, "%+.2f MB" % grown])
            if profiler in bench.ours:
                bench.remember("peak memory, %s" % profiler.name, "%.1f MB" % peak,
                               "≤ %.0f MB" % WANTED_PEAK_MB, at_most(peak, WANTED_PEAK_MB))
                bench.remember("growth, %.0f to %.0f s, %s" % (early_s, late_s, profiler.name),
                               "%+.2f MB" % grown, "≤ %.1f MB" % GROWTH_MB,
                               "met" if grown <= GROWTH_MB else "missed")
        run.__exit__()
        work.end()
    show("MEMORY: at 1000 Hz, peak up to %.0f s, and what is added by %.0f s" % (early_s, late_s),
         ["", "peak", "then"], rows)


def last_words(run):
    try:
        run.check()
    except Refused as refused:
        return str(refused)[:60]
    return ""


def run(bench):
    first_sample(bench)
    dumps(bench)
    memory(bench)
