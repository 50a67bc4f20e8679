"""Run one behaviour's scenario from its source or an artifact: `run_behaviour.py FILE [ARTIFACT]`.

Prints what the scenario prints, errors included; the last line, on standard error, is the native
counters of the module's functions as JSON.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from pyvorin.check import load
from pyvorin.check.observe import native_counts


def main(path: str, artifact: str | None) -> None:
    source = Path(path).read_text(encoding="utf-8")
    name = Path(path).stem
    load.remember_source(path, source)
    if artifact is None:
        module = load.load_source(path, source, name)
    else:
        module = load.load_artifact(artifact, path, name)
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        module.scenario()
    counts = native_counts(module, [key for key in vars(module) if not key.startswith("_")])
    sys.stdout.write(out.getvalue())
    sys.stderr.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
