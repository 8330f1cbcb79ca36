"""Goes through many functions of the standard library, without end: some hundred code objects in
stacks of all shapes, as a real program has, where work.py has four.

    python library.py

Says "ready" when all is imported. Runs on 3.9 to 3.15.
"""

import argparse
import ast
import configparser
import difflib
import email
import fractions
import html.parser
import inspect
import io
import itertools
import json
import os
import pprint
import re
import textwrap
import tokenize
import xml.dom.minidom


class Tags(html.parser.HTMLParser):
    def handle_starttag(self, tag, attrs):
        self.last = tag


def of_sources(text):
    ast.unparse(ast.parse(text))
    tokenize.untokenize(list(tokenize.generate_tokens(io.StringIO(text).readline)))
    lines = text.splitlines()[:40]
    list(difflib.unified_diff(lines, lines[::-1]))
    words = [line.split() for line in lines]
    pprint.pformat(words)
    json.dumps(words, indent=2)
    textwrap.fill(text[:2000])


def of_documents(number):
    Tags().feed('<a href="x">b</a><p>c</p>' * 20)
    xml.dom.minidom.parseString("<a>" + '<b c="d">e</b>' * 20 + "</a>").toprettyxml()
    email.message_from_string("From: a\nTo: b\nSubject: c\n\nhello").as_string()
    config = configparser.ConfigParser()
    config.read_string("[a]\nb=1\nc=%(b)s\n")
    config.get("a", "c")
    parser = argparse.ArgumentParser()
    parser.add_argument("--x")
    parser.parse_args(["--x", "1"])
    parser.format_help()
    re.compile("a(b|c)*d%d" % number)
    inspect.signature(textwrap.fill)
    sum((fractions.Fraction(1, i) for i in range(1, 30)), fractions.Fraction(0))


texts = [inspect.getsource(module) for module in (textwrap, pprint, configparser)]
os.write(1, b"ready\n")
for n in itertools.count():
    of_sources(texts[n % len(texts)])
    of_documents(n)
