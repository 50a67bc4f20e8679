"""Naming the source: the canonical digest, computed in a jail that parses the source and runs none
of it.

The compile jail imports the program, so what it says about itself proves nothing: a program could
claim the name of another. This jail only parses, with the very minor the build is for (syntax
trees differ), so a fingerprint always belongs to the bytes that were built.
"""

SCRIPT = """
import sys
from pyvorin_wire import fingerprint, frames
from pyvorin_wire.errors import WireError
from pyvorin_wire.platform import PlatformTag

request = next(iter(frames.read_message(sys.stdin.buffer))).json()
try:
    digest = fingerprint.canonical_digest(
        request["source"],
        request["functions"],
        options=request["options"],
        target=PlatformTag.from_json(request["target"]),
        compiler=request["compiler"],
        bundle=request["bundle"],
    )
    answer = {"digest": digest}
except WireError as error:
    answer = {"refused": error.code}
frames.write_json(sys.stdout.buffer, answer)
frames.write_end(sys.stdout.buffer)
"""
