"""Coverage-guided fuzzing with atheris (libFuzzer).

    .venv/bin/python -m tests.fuzz stun -max_total_time=120

Everything after the target's name is libFuzzer's: a folder keeps what it finds. An exception, a failed assertion or a
hang ends the run and leaves the input in a file.
"""

import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["signaling", "tests.fuzz"]):
    from tests.fuzz.targets import SEEDS, TARGETS

if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
    raise SystemExit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)} [libFuzzer's arguments]")
name, arguments = sys.argv[1], sys.argv[2:]
with tempfile.TemporaryDirectory() as seeds:
    for number, seed in enumerate(SEEDS[name]):
        (Path(seeds) / str(number)).write_bytes(seed)
    if not any(not argument.startswith("-") for argument in arguments):
        arguments.append(tempfile.mkdtemp(dir=seeds))  # libFuzzer writes what it finds into the first folder
    if (child := os.fork()) == 0:  # libFuzzer ends its process without a word to Python
        atheris.Setup([sys.argv[0], *arguments, seeds], TARGETS[name])
        atheris.Fuzz()
        os._exit(0)
    _, status = os.waitpid(child, 0)
raise SystemExit(os.waitstatus_to_exitcode(status))
