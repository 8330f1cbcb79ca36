"""A batch program as many are: Markdown pages with code in them become HTML, page after page.

site.py PAGES: makes them of modules of the standard library, their source highlighted by Pygments.
"""

import glob
import os
import sys

import markdown

HERE = os.path.dirname(os.__file__)


def page_of(path):
    with open(path, encoding="utf-8", errors="replace") as module:
        source = module.read()[:6000]
    listing = "".join("    %s\n" % line for line in source.splitlines())
    return """# %s

A module of **%d** characters, see [the library](https://docs.python.org/3/library/).

| what | how many |
|------|----------|
| lines | %d |
| words | %d |

    :::python
%s
""" % (os.path.basename(path), len(source), source.count("\n"), len(source.split()), listing)


def main(pages):
    paths = sorted(glob.glob(os.path.join(HERE, "*.py")))
    size = 0
    for i in range(pages):
        converter = markdown.Markdown(extensions=["tables", "toc", "codehilite"])
        size += len(converter.convert(page_of(paths[i % len(paths)])))
    print("%d pages, %d characters of HTML" % (pages, size))


if __name__ == "__main__":
    main(int(sys.argv[1]))
