"""Become another program that the kernel ends when its parent ends, however that happens (Linux).

``python -IS die_with_parent.py SIGNAL PARENT_PID PROGRAM [ARGUMENT ...]``

A program of its own, because the alternative, Python code between fork and exec (``preexec_fn``), may hang
when the parent has threads. The kernel watches the *thread* that started the program (prctl(2),
PR_SET_PDEATHSIG): start it from one that lives as long as the parent, which the main thread does. The wish
survives exec, but not a change of user.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(name: str, parent: str, *argv: str) -> None:
    number = signal.Signals["SIG" + name]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):  # it ended before the kernel knew: nobody would tell us
        sys.exit(1)
    try:
        os.execvp(argv[0], argv)  # noqa: S606
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main(*sys.argv[1:])
