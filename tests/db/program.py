"""Runs the program in the first argument as ``python -W error -c`` would: for processes that are forked."""

from __future__ import annotations

import sys
import warnings

if __name__ == "__main__":
    warnings.simplefilter("error")
    _, program, *arguments = sys.argv
    sys.argv = ["-c", *arguments]
    exec(compile(program, "<program>", "exec", dont_inherit=True), {"__name__": "__main__"})  # noqa: S102 - the program of a test
