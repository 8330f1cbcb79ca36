"""Prints tables, verdicts and intervals; knows nothing of what they are about."""

import math
import statistics


def show(title, header, rows, note=None):
    """The first column to the left, the others to the right."""
    rows = [header] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(len(header))]
    print("\n" + title)
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    if note:
        print("  " + note)
    print(end="", flush=True)


def markdown(header, rows):
    for row in [header, ["---"] * len(header)] + rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def at_most(value, limit):
    """What is wanted, and whether it is so."""
    return "met" if value <= limit else "missed by %s" % share(value / limit - 1 if limit else 1)


def at_least(value, limit):
    return "met" if value >= limit else "missed by %s" % share(1 - value / limit)


def share(part):
    return "%.0f %%" % (100 * part)


def times(value, of):
    """A ratio, or a dash where there is nothing to compare with."""
    return "%.2f ×" % (value / of) if value is not None and of else "–"


def median_interval(values):
    """The median and its 95 % interval by order statistics, which suppose nothing of the noise."""
    values, n = sorted(values), len(values)
    below, k = 0.0, 0
    while below + math.comb(n, k) * 0.5 ** n <= 0.025:
        below += math.comb(n, k) * 0.5 ** n
        k += 1
    k = max(0, k - 1)
    return statistics.median(values), values[k], values[n - 1 - k]
