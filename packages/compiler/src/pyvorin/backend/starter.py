"""The code that a standalone artifact runs when it is imported, to make the module's own functions
and attach them.

It is one marshalled code object that defines `start`; the extension module's exec slot calls that
with the module and evaluates the code it answers in the module's namespace, so that no frame of
ours is in the module's tracebacks.
"""

from __future__ import annotations

import marshal

from pyvorin.backend.unit import NativeFunction, Standalone

_SOURCE = """
import marshal
def start(module):
    runtime = {{}}
    exec(marshal.loads({bundle!r}), runtime)
    runtime = runtime["runtime"]
    numbers = {numbers!r}
    def hand_over(function):
        code = function.__code__
        number = numbers.get((code.co_qualname, code.co_firstlineno))
        if number is not None:
            runtime.attach.attach(function, module, number)
    names = {{name for name, _ in numbers}}
    return runtime.instrument.instrument(marshal.loads({code!r}), hand_over, names)
"""


def starter(standalone: Standalone | None, functions: list[NativeFunction], bundle: bytes) -> bytes:
    """The marshalled code, or nothing for an artifact that is only attached. `bundle` is the
    runtime package (`pyvorin_runtime.embed`).
    """
    if standalone is None:
        return b""
    numbered = [(j, f.code) for j, f in enumerate(functions) if not f.outer]
    numbers = {(code.co_qualname, code.co_firstlineno): j for j, code in numbered}
    content = marshal.dumps(standalone.code)
    source = _SOURCE.format(bundle=bundle, numbers=numbers, code=content)
    return marshal.dumps(compile(source, "<pyvorin>", "exec", dont_inherit=True))
