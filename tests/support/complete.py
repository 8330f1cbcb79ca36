#!/usr/bin/python3
"""Types lines into a real shell on a terminal, Tab behind each, and prints what they became.

complete.py SHELL FILE LINE...: bash or zsh; FILE holds the completion (for zsh: it is _heavyops in
its folder). What the shell remembers goes beside it. A Tab inside of LINE is pressed too. Prints a
line for each, without blanks at its end; "?" and what was seen when the shell did not answer in a
minute.
"""

import os
import pty
import re
import select
import sys
import time

ANSWER_S = 60


class Shell:
    def __init__(self, words, home):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": home,
                           "LC_ALL": "C.UTF-8"}
            os.execvpe(words[0], words, environment)
        self.seen = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, pattern):
        deadline = time.monotonic() + ANSWER_S
        while not (found := re.search(pattern, self.seen)):
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            try:
                self.seen += os.read(self.fd, 4096).decode(errors="replace").replace("\r", "")
            except OSError:
                return None
        return found


def start(shell, file):
    if shell == "bash":
        running = Shell(["bash", "--norc", "--noprofile", "-i"], os.path.dirname(file))
        running.type(f"PS1='> '; bind 'set bell-style none'; source '{file}'; echo READ''Y\n")
    else:
        running = Shell(["zsh", "-f", "-i"], os.path.dirname(file))
        running.type("PS1='> '; unsetopt beep; "
                     f"fpath=('{os.path.dirname(file)}' $fpath); autoload -Uz compinit; "
                     "compinit -u -D; bindkey -e; echo READ''Y\n")
    return running if running.wait_for(r"\nREADY\n") else None


def main():
    shell, file, *lines = sys.argv[1:]
    running = start(shell, file)
    for number, line in enumerate(lines):
        if not running:
            print("?", shell, "did not start")
            continue
        # Tab, then to the line's start (Ctrl-A), to its end (Ctrl-E), Enter: it is printed.
        running.type(f"{line}\t\x01echo '@{number}'@ \x05 @'@'\n")
        found = running.wait_for(rf"\n@{number}@ (.*?) *@@\n")
        print(found.group(1) if found else "? " + repr(running.seen[-300:]))
    if running:
        os.close(running.fd)


main()
