"""The backend's one entry: `build` makes an extension module's bytes of a `NativeModule`.

    NativeModule(name, functions)  --build-->  bytes of NAME.cpython-3XX-x86_64-linux-gnu.so

A **native function** is one Python function with its bodies in typed IR. A body whose only entry is
the function's start (header -1) can be called by other native functions (`call.native callee=name
body=position`), with raw values in registers; `bodies[0]` is one, and what Python calls go to
first. Further bodies ("base", "wide", "boxed", in the order they should be tried) may have an entry
per loop header: a running interpreter frame changes over to them there.

Everything else is derived here: the resume points are the distinct (offset, stack shape) pairs of
the frame states; the sites are the operations that may leave; the objects needed at run time are
those that `Const` slots and `const.obj` name.

What the extension module offers is described in `support/start.py`; how it attaches, in
`pyvorin_runtime`. The same input gives the same bytes. Build under the minor that the artifact is
for: the layouts are the running one's.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from pyvorin_runtime.codehash import code_digest

from pyvorin.backend import llvm
from pyvorin.backend.body import Body, Context, is_called
from pyvorin.backend.entry import CLASS_NAMES, FunctionText
from pyvorin.backend.layouts import Layout, running_layout
from pyvorin.backend.library import Library, library
from pyvorin.backend.link import link
from pyvorin.backend.object import compile_text
from pyvorin.backend.objects import CLASSES
from pyvorin.backend.sites import FunctionSites, constant_sources
from pyvorin.backend.starter import starter
from pyvorin.backend.support import enter, ints
from pyvorin.backend.text import escaped, quoted
from pyvorin.backend.unit import (
    Assumption,
    LoopHeader,
    NativeFunction,
    NativeModule,
    Standalone,
)
from pyvorin.ir.model import Function

__all__ = [
    "Assumption",
    "LoopHeader",
    "NativeFunction",
    "NativeModule",
    "Standalone",
    "build",
    "build_both",
    "metadata",
]

FORMAT = 1
MOST_VALUES = 256  # parameters of an entry at a loop header
MOST_OPS = 8000  # operations of what LLVM compiles at once, about 75 functions
# What native code may need of the process: CPython, the C library's mathematics, and these.
ALLOWED = re.compile(r"_?Py[A-Z_]\w*|_Py_\w+")
ALLOWED_C = frozenset(
    [
        "memcmp",
        "memcpy",
        "memmove",
        "memset",
        "strcmp",
        "strncmp",
        "strtoll",
        "getenv",
        "getpid",
        "gettid",
        "__errno_location",
        "pthread_self",
        "pthread_getattr_np",
        "pthread_attr_getstack",
        "pthread_attr_destroy",
        "ceil",
        "rint",
        "trunc",
        "acos",
        "acosh",
        "asin",
        "asinh",
        "atan",
        "atan2",
        "atanh",
        "cbrt",
        "cos",
        "cosh",
        "erf",
        "erfc",
        "exp",
        "exp2",
        "expm1",
        "floor",
        "fmod",
        "log",
        "log10",
        "log1p",
        "log2",
        "pow",
        "sin",
        "sinh",
        "tan",
        "tanh",
    ]
)


def build(module: NativeModule) -> bytes:
    """Compile and link; the bytes of the shared object. The module's META is inside it.

    Raises BackendError or LinkError for IR that cannot be emitted, LayoutError under an interpreter
    it does not know.
    """
    return build_both(module)[0]


def build_both(module: NativeModule) -> tuple[bytes, bytes]:
    """The bytes of the shared object, and META. Raises as `build` does."""
    layout = running_layout()
    support = library(layout, module.cpu)
    writer = _Writer(module, layout, support)
    options = module.optimise, module.cpu, writer.hot(), writer.cold()
    compiled = [compile_text(text, *options) for text in writer.render()]
    return _link(module, [*compiled, support.object]), writer.metadata()


def metadata(module: NativeModule) -> bytes:
    """The canonical JSON that the artifact carries as META: functions, points, headers, sites."""
    layout = running_layout()
    return _Writer(module, layout, library(layout, module.cpu)).metadata()


def llvm_text(module: NativeModule) -> str:
    """The module's own LLVM text, without the support library; for people and tests."""
    layout = running_layout()
    return "\n".join(_Writer(module, layout, library(layout, module.cpu)).render())


def _link(module: NativeModule, compiled: list[bytes]) -> bytes:
    def allowed(symbol: str) -> bool:
        return symbol in ALLOWED_C or ALLOWED.fullmatch(symbol) is not None

    return link(compiled, module.init_symbol, allowed, f"{module.name}.so")


class _Writer:
    """Writes one module's LLVM text, in parts: functions that call each other are in one. The first
    part has the tables too.
    """

    def __init__(self, module: NativeModule, layout: Layout, support: Library) -> None:
        self.module = module
        self.layout = layout
        self.bundle = support.bundle
        self.sites: list[FunctionSites] = []
        self.states = {f.name: f"state.{j}" for j, f in enumerate(module.functions)}
        callees = {
            (f.name, b): (f"body.{j}.{b}", body)
            for j, f in enumerate(module.functions)
            for b, body in enumerate(f.bodies)
            if is_called(body)
        }
        self.direct = {f.name: _callees(f.bodies) for f in module.functions}
        self.parts = parts(module.functions, self.direct)
        self.texts = [support.text() for _ in range(max(self.parts, default=0) + 1)]
        for text in self.texts:
            text.shared.update(self.states.values())
        self.text = self.texts[0]
        self._bodies(callees)

    def _bodies(self, callees: dict[tuple[str, int], tuple[str, Function]]) -> None:
        first = 0
        contexts = [
            Context(text, self.layout, callees, self.states, self.module.force)
            for text in self.texts
        ]
        for j, function in enumerate(self.module.functions):
            context = contexts[self.parts[j]]
            sites = FunctionSites(j, function.code, first)
            for body in function.bodies:
                for source in constant_sources(body.ops()):
                    sites.objects.number(source)
            for b, body in enumerate(function.bodies):
                names = f"body.{j}.{b}", sites, f"counters.{j}.{b}"
                Body(context, body, *names, cold=_is_cold(function, body)).emit()
            self.sites.append(sites)
            first += len(sites.sites)
        self.site_count = first

    def hot(self) -> set[str]:
        """The bodies worth optimising with effort: those with loops, or that call further, which
        calls enter; and those that a loop stays in because its ints have outgrown 64 bits.
        """
        return {
            f"body.{j}.{b}"
            for j, function in enumerate(self.module.functions)
            for b, body in enumerate(function.bodies)
            if _is_hot(body)
        }

    def cold(self) -> set[str]:
        """What LLVM is to spend no time on: what surrounds bodies; and the bodies for ints beyond
        128 bits of functions that no recorded run needed them for.
        """
        names = set()
        for j, function in enumerate(self.module.functions):
            for b, body in enumerate(function.bodies):
                names.add(f"run.{j}.{b}")
                if _is_cold(function, body):
                    names.add(f"body.{j}.{b}")
        return names

    def metadata(self) -> bytes:
        """META."""
        content = {
            "cpu": self.module.cpu,
            "format": FORMAT,
            "functions": [self._function(sites) for sites in self.sites],
            "name": self.module.name,
            "python": f"3.{self.layout.minor}",
            "standalone": self.module.standalone is not None,
            "system": "linux",
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

    def _function(self, sites: FunctionSites) -> dict[str, object]:
        function = self.module.functions[sites.number]
        code = function.code
        return {
            "code_sha256": code_digest(code),
            "firstlineno": code.co_firstlineno,
            "headers": [[header.offset, header.stack] for header in function.headers],
            "name": code.co_name,
            "points": [list(point) for point in sites.points],
            "qualname": code.co_qualname,
            **self._place(function),
            "sites": [
                {"col": site.column, "line": site.line, "reason": site.reason}
                for site in sites.sites
            ],
        }

    def _place(self, function: NativeFunction) -> dict[str, object]:
        """Where a comprehension's code is: the number of the function around it, and its place
        among the constants there.
        """
        if not function.outer:
            return {}
        names = [other.name for other in self.module.functions]
        return {"outer": names.index(function.outer), "const": function.const}

    def render(self) -> Iterator[str]:
        """The LLVM modules, each to be had once."""
        for sites in self.sites:
            self._surroundings(sites)
        self._tables()
        self._module()
        routines = llvm.routines(self.layout)
        while self.texts:
            text = self.texts.pop(0)
            for state in self.states.values():
                if state not in text.defined:
                    text.define(f"@{state} = external hidden global i64\n")
            yield text.render(main=text is self.text) + routines

    def _surroundings(self, sites: FunctionSites) -> None:
        function = self.module.functions[sites.number]
        reached = _closure(function.name, self.direct)
        FunctionText(
            self.texts[self.parts[sites.number]],
            self.layout,
            function,
            sites,
            self.states,
            [self.states[name] for name in reached],
            bool(self.direct[function.name]),
        ).write()

    def _tables(self) -> None:
        text, count = self.text, len(self.sites)
        for j in range(count):
            if self.parts[j]:
                text.define(f"declare hidden i64 @enter.{j}(i64, i64)\n")
        rows = [
            f"{{ ptr, ptr, i64 }} {{ ptr @state.{j}, ptr @enter.{j}, i64 {len(f.headers)} }}"
            for j, f in enumerate(self.module.functions)
        ]
        text.data(
            "data.functions", f"internal constant [{count} x {{ ptr, ptr, i64 }}] {_list(rows)}"
        )
        text.data("data.function_count", f"internal constant i64 {count}")
        text.data(
            "data.site_counts", f"internal global [{self.site_count + 1} x i64] zeroinitializer"
        )
        text.data(
            "data.values", f"internal global [{MOST_VALUES * 2} x i64] zeroinitializer, align 16"
        )
        text.data(
            "data.spare",
            f"internal global [{ints.SPARE_BYTES // 8} x i64] zeroinitializer",
        )
        classes = [
            f"ptr @{CLASSES[name]}" if name in CLASSES else "ptr null" for name in CLASS_NAMES
        ]
        for name in CLASS_NAMES:
            if name in CLASSES:
                text.external(CLASSES[name])
        text.data("data.classes", f"internal global [{len(classes)} x ptr] {_list(classes)}")
        self._blob("meta", self.metadata())
        begin = starter(self.module.standalone, self.module.functions, self.bundle)
        self._blob("starter", begin)
        for name, flags in (("bind", 8), ("unbind", 4), ("stats", 4)):
            self._method(f"{name}_method", name, f"pyv.{name}_method", flags)

    def _blob(self, name: str, content: bytes) -> None:
        self.text.data(f"data.{name}_size", f"internal constant i64 {len(content)}")
        self.text.data(
            f"data.{name}", f'internal constant [{len(content)} x i8] c"{escaped(content)}"'
        )

    def _method(self, symbol: str, name: str, function: str, flags: int) -> None:
        self.text.data(
            f"data.{symbol}",
            f"internal global {{ ptr, ptr, i64, ptr }} {{ ptr {self.text.string(name)}, "
            f"ptr @{function}, i64 {flags}, ptr null }}",
        )

    def _module(self) -> None:
        """The PyModuleDef with its slots, the class of hooks, and PyInit."""
        text = self.text
        slots = "{ i64, ptr } { i64 2, ptr @pyv.run_module }"
        if self.layout.minor >= 12:  # Py_mod_multiple_interpreters: not supported
            slots += ", { i64, ptr } { i64 3, ptr null }"
        count = slots.count("{ i64, ptr } {") + 1
        text.data(
            "module.slots",
            f"internal global [{count} x {{ i64, ptr }}] [{slots}, {{ i64, ptr }} zeroinitializer]",
        )
        name = text.string(self.module.name)
        text.data(
            "module.def",
            "internal global { [5 x i64], ptr, ptr, i64, ptr, ptr, [3 x i64] } "
            f"{{ [5 x i64] [i64 1, i64 0, i64 0, i64 0, i64 0], ptr {name}, ptr null, i64 0, "
            "ptr null, ptr @module.slots, [3 x i64] zeroinitializer }",
        )
        text.data(
            "hook.slots",
            "internal global [4 x { i64, ptr }] [{ i64, ptr } { i64 62, ptr @pyv.return_self }, "
            "{ i64, ptr } { i64 63, ptr @pyv.run_hook }, { i64, ptr } { i64 9, ptr @pyv.is_open }, "
            "{ i64, ptr } zeroinitializer]",
        )
        text.data(
            "data.hook_spec",
            f"internal global {{ ptr, i32, i32, i32, ptr }} {{ ptr {text.string('pyvorin.hook')}, "
            f"i32 {enter.HOOK_BYTES}, i32 0, i32 0, ptr @hook.slots }}",
        )
        text.declare("PyModuleDef_Init", "ptr", ["ptr"])
        text.define(
            f"define ptr {quoted(self.module.init_symbol)}() nounwind uwtable {{\n"
            "  %module = call ptr @PyModuleDef_Init(ptr @module.def)\n  ret ptr %module\n}\n"
        )


def parts(functions: list[NativeFunction], direct: dict[str, list[str]]) -> list[int]:
    """The number of each function's part. What LLVM needs of memory grows with a part, and only
    inside one does it know what a call does: so functions that call each other, however indirectly,
    stay together, and parts are filled in order.
    """
    first = {function.name: function.name for function in functions}  # towards that of its group

    def group(name: str) -> str:
        while first[name] != name:
            name = first[name]
        return name

    for name, callees in direct.items():
        for callee in callees:
            first[group(callee)] = group(name)
    sizes = Counter[str]()
    for function in functions:
        sizes[group(function.name)] += sum(len(b.ops) for f in function.bodies for b in f.blocks)
    part, filled, place = 0, 0, dict[str, int]()
    for name, size in sizes.items():
        if filled and filled + size > MOST_OPS:
            part, filled = part + 1, 0
        filled += size
        place[name] = part
    return [place[group(function.name)] for function in functions]


def _is_hot(body: Function) -> bool:
    names = {op.name for op in body.ops()}
    loops = "poll" in names or "call.native" in names
    return (is_called(body) and loops) or any(name.startswith("i128.") for name in names)


def _is_cold(function: NativeFunction, body: Function) -> bool:
    return body.variant == "boxed" and not function.grows


def _list(items: list[str]) -> str:
    return f"[{', '.join(items)}]" if items else "zeroinitializer"


def _callees(bodies: list[Function]) -> list[str]:
    """The native functions that bodies call, in order of name."""
    names = {op.attrs["callee"] for body in bodies for op in body.ops() if op.name == "call.native"}
    return sorted(names)


def _closure(name: str, direct: dict[str, list[str]]) -> list[str]:
    """The functions that may be called at any depth."""
    found: list[str] = []
    work = list(direct[name])
    while work:
        callee = work.pop()
        if callee not in found:
            found.append(callee)
            work += direct[callee]
    return sorted(found)
