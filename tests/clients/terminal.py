"""Gives a program a terminal: terminal.py PROGRAM [ARGUMENT...]

What is typed comes from standard input, what the terminal shows goes to standard output.
"""

import os
import pty
import sys

sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
