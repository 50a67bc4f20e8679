"""`pyvorin-thin off`: stop attaching native code on this machine; `off --undo` allows it again. For
one process: PYVORIN=off."""

import argparse

from pyvorin_thin import hook, paths
from pyvorin_thin.cli import output


def run(options: argparse.Namespace) -> int:
    if options.undo:
        paths.remove(hook.off_switch())
    else:
        paths.write(hook.off_switch(), b"")
    state = "on" if options.undo else "off"
    output.data(
        {"native": state},
        f"native code is {state} for programs started from now on\n",
        options.format,
    )
    return 0
