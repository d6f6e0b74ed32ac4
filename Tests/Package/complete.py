"""Completes a word at a shell, as a person does: python3 complete.py TYPED EXPECTED SHELL [ARGUMENT ...]

TYPED and a tab are typed at the prompt of the shell in a terminal; the line that comes of it must be EXPECTED. "echo" in front of it and
a return have the shell print it.
"""

import os
import pty
import re
import select
import sys
import time

# What moves the cursor and sets modes.
CONTROL = re.compile(rb"\x1b(\[[0-9;?]*[a-zA-Z]|[()].|[=>])")


class Terminal:
    def __init__(self, command):
        self.process, self.side = pty.fork()
        if self.process == 0:
            os.execvp(command[0], command)
        self.shown = b""

    def type(self, text):
        os.write(self.side, text.encode())

    def await_line(self, line):
        """Waits for half a minute, at most, until the line has been shown."""
        end = time.monotonic() + 30
        while line.encode() not in [shown.strip() for shown in CONTROL.sub(b"", self.shown).splitlines()]:
            ready, _, _ = select.select([self.side], [], [], max(0, end - time.monotonic()))
            if not ready:
                sys.exit(f"complete: not shown: {line}\n{self.shown.decode(errors='replace')}")
            self.shown += os.read(self.side, 4096)


typed, expected, *shell = sys.argv[1:]
terminal = Terminal(shell)
terminal.type("echo its' 'prompt\r")
terminal.await_line("its prompt")
terminal.type(f"{typed}\t\x01echo \r")
terminal.await_line(expected)
terminal.type("\x04exit\r")
